"""Models by name: ``tiny`` (bundled), ``toy:FILE.json`` (an exact automaton), ``hf:PATH`` (a local Hugging Face model)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenworth.core.ports import Backend
from tokenworth.core.tokens import Codec
from tokenworth.errors import MissingFile, Unsupported, unknown_name
from tokenworth.tasks.formats import TraceFormat, detect_format, format_named

TINY = Path(__file__).parent.parent / "assets" / "tiny"
"""Folder of the bundled model."""

Render = Callable[[str], tuple[int, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A backend with what is needed to ask it a question.

    ``render``: user text -> prompt ids (None for an automaton, which takes no prompt). ``context_length``: prompt and completion
    together, None where there is no limit. ``format``: how the trace is opened and closed, None where all of it is trace.
    ``instruction``: what is added to a question, None for the default of its kind.
    """

    name: str
    backend: Backend
    codec: Codec
    stop: tuple[int, ...]
    render: Render | None
    context_length: int | None
    format: TraceFormat | None
    instruction: str | None

    @property
    def is_toy(self) -> bool:
        """Whether this is an exact automaton."""
        return self.render is None


def load_model(
    name: str,
    *,
    device: str = "cpu",
    dtype: str = "float32",
    batch: int = 64,
    trace_format: str | None = None,
    threads: int | None = None,
) -> Model:
    """The model a name stands for. ``threads``: CPU threads of torch, 1 for the bundled model unless given.

    Raises UnknownName for a name of no known kind, MissingFile for a path that is not there, MissingExtra without torch.
    """
    kind, _, path = name.partition(":")
    local: dict[str, Any] = {"device": device, "dtype": dtype, "batch": batch}
    if kind == "toy" and path:
        return _toy(name, path)
    if name == "tiny":
        return _local(name, str(TINY), **local, threads=threads or 1, trace_format=trace_format or "tiny", instruction="")
    if kind == "hf" and path:
        return _local(name, path, **local, threads=threads, trace_format=trace_format, instruction=None)
    if (Path(name) / "config.json").is_file():
        return _local(name, name, **local, threads=threads, trace_format=trace_format, instruction=None)
    if name.startswith(("http://", "https://")):
        raise Unsupported(f"model {name!r}: servers are not supported yet; use tiny, toy:FILE.json or hf:PATH")
    if "/" in name or Path(name).exists():
        raise MissingFile(f"model {name!r}: no folder with a config.json there; write hf:NAME for a hub model, toy:FILE for an automaton")
    raise unknown_name("model", name, ("tiny", "toy:FILE.json", "hf:PATH"))


def _toy(name: str, path: str) -> Model:
    from tokenworth.backends.toy import ToyBackend, ToyCodec, load_toy

    automaton = load_toy(path)
    return Model(
        name=name,
        backend=ToyBackend(automaton, name=name),
        codec=ToyCodec(vocab_size=automaton.vocab_size),
        stop=(),
        render=None,
        context_length=None,
        format=None,
        instruction=None,
    )


def _local(name: str, path: str, *, trace_format: str | None, instruction: str | None, **loading: Any) -> Model:
    from tokenworth.backends.local.load import load_local

    backend = load_local(path, **loading)
    if trace_format is not None:
        chosen = format_named(trace_format)
    else:
        template = getattr(backend.model.tokenizer, "chat_template", None)
        chosen = detect_format(template if isinstance(template, str) else backend.model.tokenizer.get_vocab())
    return Model(
        name=name,
        backend=backend,
        codec=backend.codec,
        stop=backend.eos_ids,
        render=lambda text: backend.render_prompt(text)[1],
        context_length=backend.context_length,
        format=chosen,
        instruction=instruction,
    )
