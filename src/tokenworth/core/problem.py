"""A problem: the question, its options and the gold answer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tokenworth.errors import InvalidInput


class AnswerKind(StrEnum):
    """How the answer of a problem is written, and so which grader fits by default."""

    OPTION = "option"
    """One of the option labels, written as ``(C)``."""
    EXACT = "exact"
    """A literal string."""
    NUMERIC = "numeric"
    """A number, compared by value."""
    LATEX = "latex"
    """A mathematical expression, compared symbolically."""
    PLAN = "plan"
    """A plan for a formal problem that the question states, checked by its rules."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One choice of a multiple-choice problem."""

    label: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A question with what is needed to grade an answer to it.

    ``gold`` is an option label for ``AnswerKind.OPTION``, else the answer itself; ``None`` when unknown.
    """

    id: str
    question: str
    options: tuple[Option, ...] = ()
    gold: str | None = None
    kind: AnswerKind = AnswerKind.OPTION
    task: str = ""

    def __post_init__(self) -> None:
        labels = [option.label for option in self.options]
        if len(set(labels)) != len(labels):
            raise InvalidInput(f"problem {self.id!r}: option labels repeat: {', '.join(labels)}; give each option its own label")
        if self.kind is AnswerKind.OPTION and self.gold is not None and self.gold not in labels:
            meant = next((f"; did you mean {one.label!r}?" for one in self.options if one.text.casefold() == self.gold.casefold()), "")
            known = ", ".join(labels) or "none"
            raise InvalidInput(f"problem {self.id!r}: gold answer {self.gold!r} is not one of its options ({known}){meant}")

    @property
    def labels(self) -> tuple[str, ...]:
        """The option labels, in order."""
        return tuple(option.label for option in self.options)


def question_text(problem: Problem) -> str:
    """The question as a user would ask it: the text, then one line an option, ``(A) text``."""
    lines = [problem.question, *(f"({option.label}) {option.text}" for option in problem.options)]
    return "\n".join(lines)
