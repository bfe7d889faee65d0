"""Numeric answers, compared by value."""

from __future__ import annotations

import re

from tokenworth.core.grade import Grade, Verdict
from tokenworth.core.problem import Problem
from tokenworth.errors import InvalidInput
from tokenworth.tasks.grade.answers import outcome_label, stated, unparseable
from tokenworth.tasks.grade.number import Number, number_label, numbers, parse_number, same_number

_HASHES = re.compile(r"####\s*([^\n]{1,80})")
_TAIL = 1000
"""Characters from the end in which the last number is looked for."""
_LISTED = re.compile(r"\s*(?:,|/|&|\bor\b|\band\b)\s*[$€£]?\s*")


def numeric(problem: Problem, text: str) -> Grade:
    """Grade of the number the text states, else of its last number.

    Stated numbers are those after ``####``, in ``\\boxed{}`` and after "the answer is"; when they differ in value the
    text is unparseable. Thousands separators, currency and percent signs, fractions and powers of ten are read; 25% is
    taken as equal to 25 and to 0.25.

    Raises: InvalidInput when the problem's gold answer is not a number.
    """
    found = _stated_numbers(text)
    if found is None:
        return unparseable()
    if not found:
        everything = list(numbers(text[-_TAIL:]))
        if not everything or everything[-1] is None:
            return unparseable()
        found = [everything[-1]]
    answer = found[-1]
    if any(not same_number(other, answer) for other in found):
        return unparseable()
    if problem.gold is None:
        return Grade(outcome=outcome_label(number_label(answer)), verdict=Verdict.UNKNOWN)
    gold = parse_number(problem.gold)
    if gold is None:
        raise InvalidInput(f"problem {problem.id!r}: gold answer {problem.gold!r} is not a number; use the exact or latex grader")
    if same_number(answer, gold):
        return Grade(outcome=outcome_label(number_label(gold)), verdict=Verdict.CORRECT)
    return Grade(outcome=outcome_label(number_label(answer)), verdict=Verdict.INCORRECT)


def _stated_numbers(text: str) -> list[Number] | None:
    """Numbers of all statements; None when one of them lists several or holds one that cannot be read."""
    found: list[Number] = []
    for statement in [*(match[1] for match in _HASHES.finditer(text)), *stated(text)]:
        side = statement.rsplit("=", 1)[-1] if "=" in statement else statement
        here = list(numbers(side)) or list(numbers(statement))
        if not here:
            continue
        first = here[0]
        if first is None:
            return None
        second = here[1] if len(here) > 1 else None
        if second is not None and _LISTED.fullmatch(side[first.span[1] : second.span[0]]):
            return None
        found.append(first)
    return found
