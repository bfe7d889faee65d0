"""Whether a grader can use the gold answer of a problem: asked when the task is read, before anything is drawn."""

from __future__ import annotations

import importlib.util

from tokenworth.core.problem import AnswerKind, Problem
from tokenworth.errors import InvalidInput
from tokenworth.tasks.grade.exact import normalised
from tokenworth.tasks.grade.latex import is_readable
from tokenworth.tasks.grade.number import parse_number


def _fault(gold: str, kind: str, labels: tuple[str, ...]) -> str | None:
    """What the grader of a kind lacks in a gold answer; None where it can use it."""
    if kind == AnswerKind.OPTION and gold not in labels:
        return f"is not one of the options ({', '.join(labels) or 'none'}); give the label of the right one"
    if kind == AnswerKind.NUMERIC and parse_number(gold) is None:
        return "is not a number; give the number alone, without its unit, or choose the kind 'exact' or 'latex'"
    if kind == AnswerKind.EXACT and not normalised(gold):
        return "says nothing; give the answer, or null where it is unknown"
    if kind == AnswerKind.LATEX and importlib.util.find_spec("math_verify") is not None and not is_readable(gold):
        return "cannot be read as LaTeX; correct the formula, or choose the kind 'exact'"
    return None


def with_usable_gold(problem: Problem, where: str, *, grader: str | None = None) -> Problem:
    """The problem itself. ``grader``: the one that grades it, where that is not the one of its kind.

    Raises: InvalidInput naming ``where`` for a gold answer that the grader cannot use. Without math-verify LaTeX is not looked at.
    """
    fault = None if problem.gold is None else _fault(problem.gold, grader or str(problem.kind), problem.labels)
    if fault is not None:
        raise InvalidInput(f"{where}: gold answer {(problem.gold or '')[:60]!r} {fault}")
    return problem
