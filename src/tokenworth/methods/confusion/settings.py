"""Which verdicts are counted, and how: what a user decides."""

from __future__ import annotations

from dataclasses import dataclass

from tokenworth import catalog
from tokenworth.core.estimate import check_level
from tokenworth.core.measure import option
from tokenworth.core.verification import Strictness
from tokenworth.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfusionSettings:
    """Count valid traces against correct answers.

    Also counts whether the plan follows from the trace. Reads texts as verify does, or the lines that verify wrote. Counts, joint shares
    and both conditionals with Wilson intervals, odds ratios with exact limits; what could not be parsed is always shown. Stops at the
    first unreadable line, because a partial table would mislead.
    """

    domain: str = option(argument=True, metavar="|".join(catalog.DOMAINS))
    """The formal domain of the traces."""
    dialect: str | None = None
    """Exact grammar of the texts. [default: that of the verdicts read, else the first of the domain; an unknown name lists them]"""
    strictness: str | None = option(None, metavar="|".join(Strictness))
    """How strictly traces are checked: paper, the error classes of the literature; strict, every rule; strict+ties, also the order of equal
    choices. [default: as the verdicts read were, else strict, where it fits the dialect]"""
    group: str | None = option(None, metavar="FIELD")
    """One table for each value of this field of the records, such as arm or generator."""
    optimal: bool = False
    """Count an answer as correct only if its plan is as short as can be."""
    level: float = 0.95
    """Level of the intervals."""
    max_traces: int = option(200, rare=True)
    """Traces that document and page list."""

    def __post_init__(self) -> None:
        check_level(self.level)
        if self.max_traces < 0:
            raise InvalidInput(f"max traces {self.max_traces}: expected 0 or more")
