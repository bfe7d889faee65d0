"""Which checker is attacked, and with what: what a user decides."""

from __future__ import annotations

from dataclasses import dataclass

from tokenworth.core.estimate import check_level
from tokenworth.core.measure import MANY, check_seed, option
from tokenworth.errors import InvalidInput, NoEffect

MOST_PROBLEMS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSettings:
    """Attack an answer checker with answers of known truth.

    Prints what it accepts. GRADER is option, exact, numeric, latex, expression, module:callable, or all of those that come with the
    package. Exit code 0: no wrong answer was accepted; 1: some were; 2: could not run; 3: none was accepted, but of some attack nothing is
    known, because the checker gave no verdict on any of its answers.
    """

    grader: str = option(argument=True, metavar="GRADER|all")
    """The checker to attack."""
    task: str | None = None
    """Where problems come from. [default: drawn ones]"""
    kind: str | None = None
    """Kind of answers that module:callable judges: option, exact, numeric, latex or expression."""
    problems: int = option(50, most=MANY)
    """How many problems to attack."""
    level: float = 0.95
    """Level of the intervals."""
    seconds: float = option(20.0, metavar="SECONDS")
    """Longest that a call may take."""
    seed: int = 0
    """Names the stream of random draws."""

    def __post_init__(self) -> None:
        if self.grader == "all" and (self.task or self.kind):
            raise NoEffect("audit all takes neither --task nor --kind; name one grader with them", "task", "kind")
        if not 1 <= self.problems <= MOST_PROBLEMS:
            raise InvalidInput(f"problems {self.problems}: expected 1 to {MOST_PROBLEMS:,}")
        if not self.seconds > 0:
            raise InvalidInput(f"seconds {self.seconds}: expected a number above 0")
        check_level(self.level)
        check_seed(self.seed)
