"""Models by name: bundled ones, ``toy:FILE.json`` (an exact automaton), ``hf:PATH`` (a local Hugging Face model), or an address."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tokenworth.core.ports import Backend
from tokenworth.core.tokens import Codec
from tokenworth.errors import InvalidInput, MissingExtra, MissingFile, unknown_name
from tokenworth.tasks.formats import TraceFormat, detect_format, format_named

if TYPE_CHECKING:
    from tokenworth.backends.http.options import ServerOptions

_ASSETS = Path(__file__).parent.parent / "assets"
TINY = _ASSETS / "tiny"
"""Folder of the bundled model that answers questions."""
BUNDLED: Mapping[str, tuple[Path, str]] = {
    "tiny": (TINY, "tiny"),
    "maze-correct": (_ASSETS / "maze-correct", "maze"),
    "maze-swapped": (_ASSETS / "maze-swapped", "maze"),
    "maze-feedback": (_ASSETS / "maze-feedback", "maze"),
}
"""Folder and trace format of the bundled models."""

_SERVED = ("http://", "https://")

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
    name: str | Sequence[str],
    *,
    device: str = "cpu",
    dtype: str = "float32",
    batch: int = 64,
    trace_format: str | None = None,
    threads: int | None = None,
    server: ServerOptions | None = None,
    now: Callable[[], datetime] | None = None,
    thinking: bool = True,
) -> Model:
    """The model a name stands for. ``threads``: CPU threads of torch, 1 for bundled models unless given.

    ``now``: the clock of chat templates that write the date into the prompt; None is this machine's. ``thinking``: the switch of chat
    templates that have one.

    Several names are addresses of servers of one model. ``server``: how they are reached; local models take no notice of it.

    Raises UnknownName for a name of no known kind, MissingFile for a path that is not there, MissingExtra without the libraries a kind
    needs, and for servers what `tokenworth.backends.http.load.load_served` raises.
    """
    names: tuple[str, ...] = (name,) if isinstance(name, str) else tuple(name)
    if not names:
        raise InvalidInput("no model is named; give tiny, toy:FILE.json, hf:PATH or http://HOST:PORT/v1#NAME")
    if all(one.startswith(_SERVED) for one in names):
        return _served(names, trace_format, lambda: _prompting(server, now, thinking))
    check_names(names)
    name = next(iter(names))
    kind, _, path = name.partition(":")
    local: dict[str, Any] = {"device": device, "dtype": dtype, "batch": batch, "now": now, "thinking": thinking}
    if kind == "toy" and path:
        return _toy(name, path)
    if name in BUNDLED:
        folder, written = BUNDLED[name]
        return _local(name, str(folder), **local, threads=threads or 1, trace_format=trace_format or written, instruction="")
    if kind == "hf" and path:
        return _local(name, path, **local, threads=threads, trace_format=trace_format, instruction=None)
    if (Path(name) / "config.json").is_file():
        return _local(name, name, **local, threads=threads, trace_format=trace_format, instruction=None)
    if looks_like_an_address(name):
        raise InvalidInput(f"model {name!r}: a server's address begins with http:// or https://, as in http://HOST:PORT/v1#NAME")
    if "/" in name or Path(name).exists():
        raise MissingFile(f"model {name!r}: no folder with a config.json there; write hf:NAME for a hub model, toy:FILE for an automaton")
    raise unknown_name("model", name, (*BUNDLED, "toy:FILE.json", "hf:PATH", "http://HOST:PORT/v1#NAME"))


def looks_like_an_address(name: str) -> bool:
    """Whether a name was meant for a server: http in another spelling, or HOST:PORT."""
    return bool(re.match(r"(?i)https?:/|[\w.-]+:\d{2,5}(/|#|$)", name)) and not name.startswith(_SERVED)


def check_names(name: str | Sequence[str]) -> None:
    """Refuses several names that are not all addresses of servers."""
    if not isinstance(name, str) and len(name) != 1 and not is_served(name):
        raise InvalidInput(f"{len(name)} models are named; only addresses of servers of one model form a pool")


def is_served(name: str | Sequence[str]) -> bool:
    """Whether a name stands for a server, which may cost money."""
    return all(one.startswith(_SERVED) for one in ((name,) if isinstance(name, str) else name))


def _prompting(options: ServerOptions | None, now: Callable[[], datetime] | None, thinking: bool) -> ServerOptions:
    from tokenworth.backends.http.options import ServerOptions
    from tokenworth.backends.tokenizer.template import THINKING_OFF

    made = replace(options or ServerOptions(), now=now)
    return made if thinking else replace(made, switches={**made.switches, **THINKING_OFF})


def _served(names: tuple[str, ...], trace_format: str | None, make_options: Callable[[], ServerOptions]) -> Model:
    try:
        from tokenworth.backends.http.load import load_served
    except ImportError as error:
        raise MissingExtra(f"servers need the [http] extra: pip install 'tokenworth[http]' ({error.name} is missing)") from error
    from tokenworth.backends.tokenizer.prompt import render_prompt

    options = make_options()
    bundled = options.tokenizer == "tiny"
    loaded = load_served(names, options, tokenizer_folder=TINY if bundled else None)
    files = loaded.files
    if trace_format is not None or bundled:
        chosen = format_named(trace_format or "tiny")
    else:
        chosen = detect_format(files.vocabulary if files.template is None else files.template.text)
    return Model(
        name=loaded.backend.name,
        backend=loaded.backend,
        codec=files.codec,
        stop=files.eos_ids,
        render=lambda text: render_prompt(files, text, options.switches)[1],
        context_length=loaded.backend.served.context_length,
        format=chosen,
        instruction="" if bundled else None,
    )


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


def _local(
    name: str,
    path: str,
    *,
    trace_format: str | None,
    instruction: str | None,
    now: Callable[[], datetime] | None,
    thinking: bool,
    **loading: Any,
) -> Model:
    from tokenworth.backends.local.load import load_local
    from tokenworth.backends.tokenizer.template import THINKING_OFF, THINKING_ON

    backend = load_local(path, **loading)
    if now is not None and backend.model.template is not None:
        backend.model.template = backend.model.template.at(now)
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
        render=lambda text: backend.render_prompt(text, THINKING_ON if thinking else THINKING_OFF)[1],
        context_length=backend.context_length,
        format=chosen,
        instruction=instruction,
    )
