"""Numeric answers, compared by value."""

from __future__ import annotations

import re

from tokenworth.core.grade import Grade, Verdict
from tokenworth.core.problem import Problem
from tokenworth.errors import InvalidInput
from tokenworth.tasks.grade.answers import denied, outcome_label, stated, unparseable
from tokenworth.tasks.grade.number import Number, number_label, numbers, parse_number, same_number

_HASHES = re.compile(r"####\s*([^\n]{1,80})")
_TAIL = 1000
"""Characters from the end in which the last number is looked for."""
_LISTED = re.compile(
    r"[)\]}*\s$]*(?:,|;|/|&|\bor\b|\band\b|\bto\b|\s|\\text\s?\{\s?(?:or|and|to)\s?\}|[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff])+[(\[{*\s]*[$€£]?\s*"
)
"""What stands between two numbers that are a list, a range or one number with something unseen in it."""
_OPERATOR = r"(?:[-+*/^×·÷−–:!]|\*\*|\\(?:times|cdot|div|pm|mp))"
_JOINED_AFTER = re.compile(
    rf"[)\]}}]*\s?{_OPERATOR}+\s?[({{\[\\]*(?:frac|sqrt)?[{{(]*[-−]?\.?\d|[)\]}}]*\s?\^|[²³¹⁰-⁹½⅓⅔¼¾]|_\{{?\w|\.\d|[A-Za-z]+_?\d|\.[A-Za-z]",
    re.ASCII,
)
_JOINED_BEFORE = re.compile(
    rf"[\d)\]}}]\s?{_OPERATOR}+\s?[({{\[]*\Z|(?:\^|\\sqrt|\\log|\\ln|\bsqrt|\blog)\s?[({{\[]*\Z|[A-Za-z_.]\Z|[-−–]\s?[({{]+\Z|_\{{?\Z",
    re.ASCII,
)


def numeric(problem: Problem, text: str) -> Grade:
    """Grade of the number the text states, else of its last number.

    Stated numbers are those after ``####``, in ``\\boxed{}`` and after "the answer is"; when they differ in value the
    text is unparseable. Thousands separators, currency and percent signs, fractions and powers of ten are read; 25% is
    taken as equal to 25 and to 0.25. A number that is denied ("not 12"), part of an expression ("2 * 12"), a word, a date or a
    list is no answer: the text is unparseable.

    Raises: InvalidInput when the problem's gold answer is not a number.
    """
    found = _stated_numbers(text)
    if found is None:
        return unparseable()
    if not found:
        last = _last_number(text[-_TAIL:])
        if last is None:
            return unparseable()
        found = [last]
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
    """Numbers of all statements and, with them, lines that are only a number; None when a statement's number is no answer by itself."""
    found: list[Number] = []
    for statement in [*(match[1] for match in _HASHES.finditer(text)), *stated(text)]:
        side = statement.rsplit("=", 1)[-1] if "=" in statement else statement
        here = list(numbers(side))
        if not here:
            side, here = statement, list(numbers(statement))
        if not here:
            continue
        first = here[0]
        if first is None or not _stands_alone(side, first):
            return None
        second = here[1] if len(here) > 1 else None
        if second is not None and _LISTED.fullmatch(side[first.span[1] : second.span[0]]):
            return None
        found.append(first)
    if found:
        found += [number for number in map(parse_number, text[-_TAIL:].splitlines()) if number is not None]
    return found


def _last_number(text: str) -> Number | None:
    """The last number, unless it is no answer by itself; lines of numbers alone are a list where there is nothing else."""
    everything = list(numbers(text))
    if not everything or (last := everything[-1]) is None or not _stands_alone(text, last):
        return None
    before = everything[-2] if len(everything) > 1 else None
    between = "" if before is None else text[before.span[1] : last.span[0]]
    # A last line that is only a number states it, whatever the line before ends with.
    if before is None or not _LISTED.fullmatch(between) or ("\n" in between and any(char.isalpha() or char == "=" for char in text)):
        return last
    return None


def _stands_alone(text: str, number: Number) -> bool:
    """Whether a number is neither denied nor part of an expression, a word, a date or a version."""
    start, end = number.span
    before, after = text[max(0, start - 40) : start], text[end : end + 20]
    return not (denied(before) or _JOINED_BEFORE.search(before) or _JOINED_AFTER.match(after))
