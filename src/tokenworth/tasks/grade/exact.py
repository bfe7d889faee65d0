"""Literal answers, compared without regard to case and white space."""

from __future__ import annotations

from tokenworth.core.grade import Grade, Verdict
from tokenworth.core.problem import Problem
from tokenworth.tasks.grade.answers import MAX_ANSWER, outcome_label, stated, unparseable, unwrapped
from tokenworth.tasks.grade.asserted import asserted, doubted, retracted


def normalised(text: str) -> str:
    """Case folded, white space collapsed, marks around it and a final full stop removed."""
    return " ".join(unwrapped(text).casefold().split())


def exact(problem: Problem, text: str) -> Grade:
    """Grade of the answer the text states (``\\boxed{}``, "the answer is …"), else of the whole text.

    Several different stated answers, a stated answer that the text does not stand by ("The answer is Lima. No, that is wrong."), no text,
    or a text of more than 400 characters that states nothing: unparseable.
    """
    found = stated(text)
    if found and not asserted(text, (last := max(found, key=lambda one: one.start)).start, last.end):
        return unparseable()
    answers = {label for label in (normalised(one.answer) for one in found) if label}
    if not answers and len(text.strip()) <= MAX_ANSWER:
        answers = {label for label in (normalised(text),) if label}
    if len(answers) != 1:
        return unparseable()
    answer = answers.pop()
    if problem.gold is None:
        return Grade(outcome=outcome_label(answer), verdict=Verdict.UNKNOWN)
    verdict = Verdict.CORRECT if answer == normalised(problem.gold) else Verdict.INCORRECT
    if verdict is Verdict.INCORRECT and (retracted(answer) or (normalised(problem.gold) in answer and doubted(answer))):
        return unparseable()
    return Grade(outcome=outcome_label(answer), verdict=verdict)
