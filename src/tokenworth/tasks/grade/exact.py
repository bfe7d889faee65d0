"""Literal answers, compared without regard to case and white space."""

from __future__ import annotations

from tokenworth.core.grade import Grade, Verdict
from tokenworth.core.problem import Problem
from tokenworth.tasks.grade.answers import MAX_ANSWER, outcome_label, stated, unparseable, unwrapped


def normalised(text: str) -> str:
    """Case folded, white space collapsed, marks around it and a final full stop removed."""
    return " ".join(unwrapped(text).casefold().split())


def exact(problem: Problem, text: str) -> Grade:
    """Grade of the answer the text states (``\\boxed{}``, "the answer is …"), else of the whole text.

    Several different stated answers, no text, or a text of more than 400 characters that states nothing: unparseable.
    """
    answers = {label for label in map(normalised, stated(text)) if label}
    if not answers and len(text.strip()) <= MAX_ANSWER:
        answers = {label for label in (normalised(text),) if label}
    if len(answers) != 1:
        return unparseable()
    answer = answers.pop()
    if problem.gold is None:
        return Grade(outcome=outcome_label(answer), verdict=Verdict.UNKNOWN)
    verdict = Verdict.CORRECT if answer == normalised(problem.gold) else Verdict.INCORRECT
    return Grade(outcome=outcome_label(answer), verdict=verdict)
