"""How pivots of many traces are put together: what a user decides."""

from __future__ import annotations

from dataclasses import dataclass

from tokenworth.core.estimate import check_level
from tokenworth.core.measure import check_seed, option
from tokenworth.errors import InvalidInput
from tokenworth.methods.pivots.settings import PivotSettings

DRAWN = "Drawing, where a task is given"


@dataclass(frozen=True, slots=True, kw_only=True)
class PrevalenceSettings:
    """Count the pivots of many traces.

    Reads the results of pivots. Says how many traces have a pivot, how many each has, where they lie and which tokens they are, beside the
    most that traces drawn from a model can have.
    """

    level: float = 0.95
    """Level of the intervals."""
    tokens: int = option(30, rare=True)
    """How many token texts are listed, those with most claims first."""
    seed: int = 0
    """Names the stream of random draws."""
    delta: float = option(0.2, heading=DRAWN)
    """Change of the value that is looked for. What is named is shown to change it by more than half of that."""
    false_discovery: float = option(0.05, metavar="Q", heading=DRAWN, rare=True)
    """Expected share of what is named that changes the value by no more than delta / 2, at most."""
    target: str = option("gold", heading=DRAWN, rare=True)
    """What the value is the probability of: gold, own (the base's own answer), label:X, or module:callable on a completion's text."""
    max_rollouts: int | None = option(None, heading="Budget")
    """Stop after this many rollouts. [default: 10,000 without any other limit]"""

    def __post_init__(self) -> None:
        check_level(self.level)
        check_seed(self.seed)
        if self.tokens < 0:
            raise InvalidInput(f"tokens {self.tokens}: expected 0 or more")
        _ = self.search

    @property
    def search(self) -> PivotSettings:
        """The search on each trace."""
        return PivotSettings(
            delta=self.delta,
            false_discovery=self.false_discovery,
            target=self.target,
            max_rollouts=self.max_rollouts,
            seed=self.seed,
        )
