"""Which heads are sought and what is hidden: what a user decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tokenworth.core.estimate import check_level
from tokenworth.core.measure import check_seed, option
from tokenworth.errors import InvalidInput

Procedure = Literal["ours", "thought-anchors"]
SWEEP = (1, 2, 4, 8)
"""Gaps that are tried beside the chosen one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionSettings:
    """Find the heads that look back, and what they look at.

    Heads are chosen on half of the questions and described on the other half. Attention is set beside what hiding a sentence does.
    """

    procedure: Procedure = "ours"
    """thought-anchors: choose heads as that paper's code does, on the traces that they are then described on."""
    receivers: int = option(3, most=10_000)
    """How many receiver heads to choose."""
    later: int = option(4, most=10_000)
    """How many segments later a segment must be for its look back to count."""
    spans: int = option(2, most=100)
    """Other spans of the same length that are hidden for comparison, for each segment; 0: nothing is hidden."""
    random_heads: int = option(200, rare=True, most=10_000)
    """Draws of as many heads from the same layers, for comparison."""
    level: float = 0.95
    """Level of the intervals."""
    seed: int = 0
    """Names the stream of random draws."""

    def __post_init__(self) -> None:
        check_level(self.level)
        check_seed(self.seed)
        for name, least in (("receivers", 1), ("later", 1), ("spans", 0), ("random_heads", 1)):
            count: int = getattr(self, name)
            if count < least:
                raise InvalidInput(f"{name.replace('_', ' ')} {count}: expected at least {least}")
