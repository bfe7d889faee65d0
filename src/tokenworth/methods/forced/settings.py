"""How forced answers are read: what a user decides."""

from __future__ import annotations

from dataclasses import dataclass

from tokenworth.core.measure import check_seed, option
from tokenworth.errors import InvalidInput
from tokenworth.tasks.target import GOLD, LABEL, OWN

AUTO = "auto"
"""As an exit text: whichever of the known ones has the most mass."""
LEAST_MASS = 0.5
"""Mass below which the options are less likely than everything else, so that none of them is the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForcedSettings:
    """Read the answer when the trace is stopped at each cut."""

    exit: tuple[str, ...] = option((), metavar="TEXT")
    """Exit text, written at the cut; repeat to compare several; \\n is a newline. auto: the known one with the most mass."""
    least_mass: float = option(LEAST_MASS, rare=True)
    """Below this mass on the options no option is named as the leading one."""
    options: tuple[str, ...] = option((), metavar="A,B,…", listed=True)
    """Option labels, when the problem has none."""
    stride: int = 1
    """Distance between measured cuts."""
    max_cuts: int | None = option(None, rare=True)
    """Measure at most about so many cuts: longer traces get a longer stride."""
    snap: bool = option(False, rare=True)
    """Where text cannot reach a cut, use the nearest one that it reaches."""
    target: str = GOLD
    """What the value is the probability of: gold (own where there is no gold), own (the base's own answer) or label:X."""
    seed: int = 0
    """Names the stream of random draws."""

    def __post_init__(self) -> None:
        check_seed(self.seed)
        if AUTO in self.exit and len(self.exit) > 1:
            raise InvalidInput("--exit auto chooses the exit text: give it alone, or name the texts")
        if not 0 <= self.least_mass <= 1:
            raise InvalidInput(f"least mass {self.least_mass}: expected a probability, 0 to 1")
        if self.stride < 1:
            raise InvalidInput(f"stride {self.stride}: expected at least 1")
        if self.max_cuts is not None and self.max_cuts < 2:
            raise InvalidInput(f"max cuts {self.max_cuts}: expected at least 2")
        if self.target not in (GOLD, OWN) and not self.target.removeprefix(LABEL) != self.target:
            raise InvalidInput(f"target {self.target!r}: expected gold, own or label:X; a forced answer is one of the options")

    def step(self, n_trace: int) -> int:
        """The stride on a trace of so many tokens."""
        return self.stride if self.max_cuts is None else max(self.stride, -(-n_trace // (self.max_cuts - 1)))
