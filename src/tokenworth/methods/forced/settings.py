"""How forced answers are read: what a user decides."""

from __future__ import annotations

from dataclasses import dataclass

from tokenworth.core.measure import check_seed, option
from tokenworth.errors import InvalidInput
from tokenworth.tasks.target import GOLD, LABEL, OWN


@dataclass(frozen=True, slots=True, kw_only=True)
class ForcedSettings:
    """Read the answer when the trace is stopped at each cut."""

    exit: tuple[str, ...] = option((), metavar="TEXT")
    """Exit text, written at the cut; repeat to compare several; \\n is a newline."""
    options: tuple[str, ...] = option((), metavar="A,B,…", listed=True)
    """Option labels, when the problem has none."""
    stride: int = 1
    """Distance between measured cuts."""
    snap: bool = option(False, rare=True)
    """Where text cannot reach a cut, use the nearest one that it reaches."""
    target: str = GOLD
    """What the value is the probability of: gold (own where there is no gold), own (the base's own answer) or label:X."""
    seed: int = 0
    """Names the stream of random draws."""

    def __post_init__(self) -> None:
        check_seed(self.seed)
        if self.stride < 1:
            raise InvalidInput(f"stride {self.stride}: expected at least 1")
        if self.target not in (GOLD, OWN) and not self.target.removeprefix(LABEL) != self.target:
            raise InvalidInput(f"target {self.target!r}: expected gold, own or label:X; a forced answer is one of the options")
