"""A rollout from a cut before which a span is hidden."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tokenworth.core.request.inside import NEEDS_WEIGHTS
from tokenworth.core.request.kind import Digests
from tokenworth.core.request.sample import Sample
from tokenworth.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Regenerate(Sample):
    """One rollout from a cut, of a model that does not see the trace tokens from ``span[0]`` to before ``span[1]``.

    They are hidden from every token behind them, the kept ones included, which stand where they stood. The span ends before the cut: the
    last kept token is read anew, and predicts the first one of the rollout without having seen it.
    """

    name: ClassVar[str] = "regenerate"
    without: ClassVar[str] = NEEDS_WEIGHTS

    span: tuple[int, int]

    def __post_init__(self) -> None:
        Sample.__post_init__(self)
        first, end = self.span
        if not 0 <= first < end < self.cut:
            raise InvalidInput(f"hidden span {first} to {end}: expected trace tokens that end before the last one kept, at cut {self.cut}")
        if self.leave or self.branch is not None:
            raise InvalidInput("a rollout with a hidden span neither leaves its base nor takes a branch")

    def key_fields(self, digests: Digests) -> list[object]:
        """Those of a rollout, and the span."""
        return [*Sample.key_fields(self, digests), list(self.span)]


def hidden_from(request: Sample) -> tuple[int, int] | None:
    """The positions, prompt included, that a rollout does not see; None where it sees all."""
    if not isinstance(request, Regenerate):
        return None
    n = len(request.sequence.prompt)
    return request.span[0] + n, request.span[1] + n
