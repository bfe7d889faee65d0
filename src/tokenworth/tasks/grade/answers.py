"""Labels and grades that all graders share."""

from __future__ import annotations

from tokenworth.core.grade import RESERVED_OUTCOMES, UNPARSEABLE, Grade, Verdict

_MAX_LABEL = 40


def unparseable() -> Grade:
    """The grade of a text in which no single answer can be read."""
    return Grade(outcome=UNPARSEABLE, verdict=Verdict.UNKNOWN)


def graded(label: str, correct: bool | None) -> Grade:
    """The grade of an answer; ``correct`` None where no gold answer is known."""
    verdict = Verdict.UNKNOWN if correct is None else Verdict.CORRECT if correct else Verdict.INCORRECT
    return Grade(outcome=label, verdict=verdict)


def answer_label(label: str) -> str:
    """The label of an answer: itself, in quotes where it is one of the labels that never name an answer."""
    return f"‘{label}’" if label in RESERVED_OUTCOMES else label


def outcome_label(answer: str) -> str:
    """A short label for a free answer: one line, at most 40 characters, never one of the reserved labels."""
    label = " ".join(answer.split())
    if len(label) > _MAX_LABEL:
        label = label[: _MAX_LABEL - 1] + "…"
    return answer_label(label)
