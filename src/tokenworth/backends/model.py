"""A model ready to be asked, and where models come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tokenworth.core.formats import TraceFormat
from tokenworth.core.ports import Backend
from tokenworth.core.tokens import Codec

if TYPE_CHECKING:
    from tokenworth.backends.http.options import ServerOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A backend with what is needed to ask it a question."""

    name: str
    backend: Backend
    codec: Codec
    stop: tuple[int, ...]
    render: Callable[[Sequence[Mapping[str, str]]], tuple[int, ...]] | None
    """Turns (role, content) -> prompt ids up to where the model's turn begins; None for an automaton, which takes no prompt."""
    encode_prompt: Callable[[str], tuple[int, ...]] | None = None
    """A prompt's whole text, without chat template -> ids, with the special tokens that the tokenizer always adds."""
    context_length: int | None
    """Tokens of prompt and completion together; None where there is no limit."""
    format: TraceFormat | None
    """How the trace is opened and closed; None where all of it is trace."""
    instruction: str | None
    """What is added to a question; None for the default of its kind."""
    folder: Path | None = None
    """Where its files are; None where that is not a folder of this machine."""

    @property
    def is_toy(self) -> bool:
        """Whether this is an exact automaton."""
        return self.render is None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOptions:
    """How a model is loaded; each source takes what concerns it."""

    device: str = "cpu"
    dtype: str = "float32"
    batch: int = 64
    """Rollouts that decode together."""
    threads: int | None = None
    """CPU threads of torch, 1 for bundled models unless given."""
    trace_format: str | None = None
    """Name of the trace format; None: detected from the model's template."""
    thinking: bool = True
    """The switch of chat templates that have one."""
    now: Callable[[], datetime] | None = None
    """The clock of chat templates that write the date into the prompt; None is this machine's."""
    server: ServerOptions | None = None
    """How servers are reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSource:
    """One entry of the catalogue's backends."""

    usage: tuple[str, ...]
    """How its models are named; shown where a name is not known."""
    claims: Callable[[str], bool]
    """Whether a name is meant for it; decided without loading anything."""
    load: Callable[[tuple[str, ...], LoadOptions], Model]
    """The model that a name stands for, or that a pool of names does. Imports its libraries only now.

    Raises MissingFile or InvalidInput for what is not there or cannot be used.
    """
    extra: str = ""
    """The extra of the package that has its libraries."""
