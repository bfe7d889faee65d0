"""Over which lenses the clocks are compared: what a user decides."""

from __future__ import annotations

from dataclasses import dataclass

from tokenworth.core.estimate import check_level
from tokenworth.core.measure import check_seed, option
from tokenworth.core.request.inside import StatePlace
from tokenworth.errors import InvalidInput

DRAWN = "Drawing, where a task is given"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClocksSettings:
    """Compare when text, forced answer and layers know an answer.

    Reads the results of lens. Every layer that names the answer at the end as often as the last one gets its lead over the forced answer.
    """

    agree: float = 0.95
    """A layer has a lead if it names the answer at the end this many times as often as the last one."""
    samples: int = option(1, short="-n", heading=DRAWN)
    """Traces per problem."""
    place: StatePlace = option("exit", heading=DRAWN)
    """exit: the options' labels after the exit text. trace: the first tokens of the options' own words, at the trace's last kept token."""
    level: float = 0.95
    """Level of the intervals."""
    seed: int = 0
    """Names the stream of random draws."""

    def __post_init__(self) -> None:
        if not 0 < self.agree <= 1:
            raise InvalidInput(f"agree {self.agree}: expected a share above 0, to 1")
        if self.samples < 1:
            raise InvalidInput(f"samples {self.samples}: expected at least 1")
        check_level(self.level)
        check_seed(self.seed)
