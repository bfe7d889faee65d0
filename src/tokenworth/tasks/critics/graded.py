"""Critics from graders: whether an answer can be read at all, and whether it is the gold one."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, replace
from importlib import metadata

from tokenworth import __version__
from tokenworth.core.grade import UNKNOWN_OUTCOMES, Grader, Verdict
from tokenworth.core.problem import Problem
from tokenworth.errors import InvalidInput
from tokenworth.tasks.critics.critic import UNSOUND, Ruling


@dataclass(frozen=True, slots=True, kw_only=True)
class FormatCritic:
    """Accepts every answer that the problem's grader can read; the gold answer is kept from it.

    It does not say whether the answer is right, so its strictness is ``unsound``.
    """

    problem: Problem
    grader: Grader
    name: str = "format"
    strictness: str = UNSOUND
    reads_whole: bool = False

    @property
    def version(self) -> str:
        """Of this package, and of what reads the answers for it."""
        return _version(self.problem)

    def check(self, answer: str) -> Ruling:
        """Whether a single answer was read."""
        grade = self.grader(replace(self.problem, gold=None), answer)
        if grade.outcome in UNKNOWN_OUTCOMES:
            return Ruling(accepted=False, messages=(f"no single answer of kind {self.problem.kind} can be read",))
        return Ruling(accepted=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceCritic:
    """Accepts what the grader finds right: equal to the gold answer, for answers of kind latex by math-verify.

    Sound as far as the grader is, and no use where the answer is not known before: it stands for a perfect verifier in comparisons. Plans
    alone are graded by their rules, without a gold answer; there it is a verifier like any other, of strictness ``rules``.

    Raises: InvalidInput for a problem without a gold answer, plans apart.
    """

    problem: Problem
    grader: Grader
    name: str = "reference"
    reads_whole: bool = False

    @property
    def version(self) -> str:
        """Of this package, and of what compares the answers for it."""
        return _version(self.problem)

    @property
    def strictness(self) -> str:
        """What it knows: the gold answer, or the rules of plans."""
        return "rules" if self.problem.gold is None else "reference"

    def __post_init__(self) -> None:
        if self.problem.gold is None and self.problem.kind != "plan":
            raise InvalidInput(f"problem {self.problem.id!r} has no gold answer for a reference critic; use the critic format")

    def check(self, answer: str) -> Ruling:
        """Whether the answer is the gold one; the message does not tell it."""
        grade = self.grader(self.problem, answer)
        if grade.verdict is Verdict.CORRECT:
            return Ruling(accepted=True)
        unread = grade.verdict is Verdict.UNKNOWN
        return Ruling(
            accepted=False, messages=("no single answer can be read" if unread else f"the answer {grade.outcome[:80]} is not right",)
        )


def _version(problem: Problem) -> str:
    """A verdict on answers of kind latex also changes with math-verify."""
    if problem.kind != "latex" or importlib.util.find_spec("math_verify") is None:
        return __version__
    return f"{__version__} with math-verify {metadata.version('math-verify')}"
