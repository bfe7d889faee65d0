"""How the spread is measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tokenworth.core.measure import option
from tokenworth.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class SpreadSettings:
    """Count how many different answers a problem gets.

    Draws in two rounds, so that there is something to go on with.
    """

    samples: int = option(6, short="-n")
    """Rollouts to draw: answers in each round."""
    count: Literal["outcomes", "texts"] = "outcomes"
    """What has to differ."""
    without: tuple[str, ...] = option((), metavar="A,B,…", listed=True)
    """Outcomes that are not counted."""
    level: float = 0.95
    """Level of the intervals."""
    seed: int = 0
    """Names the stream of random draws."""

    def __post_init__(self) -> None:
        if self.samples < 1:
            raise InvalidInput(f"samples {self.samples}: expected at least 1")
