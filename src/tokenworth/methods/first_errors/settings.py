"""How first errors are put together: what a user decides."""

from __future__ import annotations

from dataclasses import dataclass

from tokenworth.core.estimate import check_level


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstErrorsSettings:
    """Count the first errors of sampled formal traces.

    Adds P(correct) before and after each of which a curve is given. Reads the results of sample, and of curve on some of their traces, on
    problems of a formal domain.
    """

    level: float = 0.95
    """Level of the intervals."""

    def __post_init__(self) -> None:
        check_level(self.level)
