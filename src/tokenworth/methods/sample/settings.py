"""How answers are sampled: what a user decides."""

from __future__ import annotations

from dataclasses import dataclass

from tokenworth.core.estimate import check_level
from tokenworth.core.measure import MANY, check_seed, option
from tokenworth.errors import InvalidInput
from tokenworth.methods.sample.choice import check_choice


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSettings:
    """Draw answers to a problem: accuracy, outcomes, lengths."""

    samples: int = option(20, short="-n", most=MANY)
    """Rollouts to draw: answers to the problem."""
    base: str | None = None
    """Which answer the report opens with: any, correct, incorrect or an index."""
    level: float = 0.95
    """Level of the intervals."""
    seed: int = 0
    """Names the stream of random draws."""

    def __post_init__(self) -> None:
        if self.samples < 1:
            raise InvalidInput(f"samples {self.samples}: expected at least 1")
        check_level(self.level)
        check_seed(self.seed)
        if self.base is not None:
            check_choice(self.base, self.samples)
