"""What requests that look inside a model have in common: layers, and the place whose state is looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

from tokenworth.core.request.kind import Request, check_cuts
from tokenworth.errors import InvalidInput

StatePlace = Literal["exit", "trace"]
"""``exit``: the last token of an exit text that is written at the cut. ``trace``: the last token that is kept."""
PLACES: tuple[str, ...] = get_args(StatePlace)
NEEDS_WEIGHTS = "it needs the weights in this process (a transformers folder, or hf:FILE.gguf)"
"""Why a model may not answer such a request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside(Request):
    """A request about states of the residual stream. Layer 0 is the embedding, layer l the output of the l-th block."""

    without: ClassVar[str] = NEEDS_WEIGHTS

    layers: tuple[int, ...] | None = None
    """None: all of them, 0 … L."""

    def __post_init__(self) -> None:
        Request.__post_init__(self)
        if self.layers is not None and (not self.layers or list(self.layers) != sorted({abs(one) for one in self.layers})):
            raise InvalidInput(f"layers {self.layers}: expected ascending whole numbers from 0 up, each once; None for all")

    def check_depth(self, depth: int) -> None:
        """Raises ``InvalidInput`` for a layer that a model of ``depth`` blocks does not have."""
        if self.layers is not None and self.layers[-1] > depth:
            raise InvalidInput(f"layer {self.layers[-1]}: expected 0 to {depth}, the layers of the model")


@dataclass(frozen=True, slots=True, kw_only=True)
class AtPlaces(Inside):
    """A request about the states at one place, at many cuts.

    A cut −k of the place ``trace`` stands k tokens before the prompt's end: the state that is read is that of token n + cut − 1 of a prompt
    of n tokens, so that cut 0 is the prompt's last token.
    """

    cuts: tuple[int, ...]
    place: StatePlace
    suffix: tuple[int, ...] = ()
    """The exit text; none at the place ``trace``."""

    def __post_init__(self) -> None:
        Inside.__post_init__(self)
        if self.place not in PLACES:
            raise InvalidInput(f"place {str(self.place)[:40]!r}: expected {' or '.join(PLACES)}")
        check_cuts(self.sequence, [cut for cut in self.cuts if self.place == "exit" or cut > 0])
        if min(self.cuts, default=0) < min(0, 1 - len(self.sequence.prompt)):
            raise InvalidInput(f"cut {min(self.cuts)}: the prompt has {len(self.sequence.prompt)} tokens; expected a cut within it")
        if bool(self.suffix) != (self.place == "exit"):
            raise InvalidInput(f"place {self.place}: expected {'an exit text' if self.place == 'exit' else 'no exit text'}")

    @property
    def reach(self) -> int:
        """How much of the completion it is about."""
        return max(0, *self.cuts) if self.cuts else 0
