"""Numeric answers, compared by value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from tokenworth.core.grade import Grade, Verdict
from tokenworth.core.problem import Problem
from tokenworth.errors import InvalidInput
from tokenworth.tasks.grade.answers import Stated, denied, outcome_label, stated, unparseable
from tokenworth.tasks.grade.asserted import asserted
from tokenworth.tasks.grade.number import ExactNumber, number_label, numbers, parse_number, same_number

_HASHES = re.compile(r"####\s*([^\n]{1,80})")
_TAIL = 1000
"""Characters from the end in which the last number is looked for."""
_LISTED = re.compile(
    r"[)\]}*\s$]*(?:,|;|/|&|\bor\b|\band\b|\bto\b|\b(?i:maybe|perhaps|possibly)\b|\s|\\text\s?\{\s?(?:or|and|to)\s?\}|[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff])+[(\[{*\s]*[$€£]?\s*"
)
"""What stands between two numbers that are a list, a range or one number with something unseen in it."""
_FURTHER = re.compile(r"\b(?:and|or)\s[\[({$*]{0,4}\Z")
"""How a second number of a statement is led in that is another answer: "12 in one reading and 13 in the other"."""
_OPERATOR = r"(?:[-+*/^×·÷−–:!]|\*\*|\\(?:times|cdot|div|pm|mp))"
_JOINED_AFTER = re.compile(
    rf"[)\]}}]*\s?{_OPERATOR}+\s?[({{\[\\]*(?:frac|sqrt)?[{{(]*[-−]?\.?\d|[)\]}}]*\s?\^|[²³¹⁰-⁹½⅓⅔¼¾]|_\{{?\w|\.\d|[A-Za-z]+_?\d|\.[A-Za-z]",
    re.ASCII,
)
_JOINED_BEFORE = re.compile(
    rf"[\d)\]}}]\s?{_OPERATOR}+\s?[({{\[]*\Z|(?:\^|\\sqrt|\\log|\\ln|\bsqrt|\blog)\s?[({{\[]*\Z|[A-Za-z_.]\Z|[-−–]\s?[({{]+\Z|_\{{?\Z",
    re.ASCII,
)

_UNIT = re.compile(r"(?<=[\d})])(?:\^\s?\{?\s?\\circ\b\s?\}?|\s?(?:[cdkm]?m|ft)(?:\^?[23]|\^\{[23]\}|[²³])(?!\w|\.\d|\^))", re.ASCII)
"""Units that would read as powers or names: degrees, square and cubic metres and feet."""
_WORDS_AFTER = re.compile(
    r"\s?!"  # a factorial
    r"|[kKMi]\b|\s?(?:π|√|pi\b|\\(?:pi|sqrt|[dt]?frac|ln|log|sin|cos|tan)\b)"  # 12k, 12i, 12th, a product
    r"|\s?(?:\\?%|percent)\sof\b|\sout\sof\s\S{0,3}\d"
    r"|\s?x\s?[(\d-]"
    r"|(?i:\s(?:squared|cubed|factorial|hundred|thousand|million|billion|trillion)\b"
    r"|\s(?:plus|minus|times|over|(?:divided|multiplied)\sby|(?:more|less|fewer|greater|larger|smaller)\sthan)\s[($-]{0,3}(?:\d|half\b|twice\b))",
    re.ASCII,
)
"""What right after a number makes it another number."""
_ORDINAL = re.compile(r"(?:st|nd|rd|th)\b")
_WORDS_BEFORE = re.compile(
    r"(?:√|\dx|\d\sx\s|(?<![A-Za-z])[A-Za-z](?:\\left)?\(|"  # √12, f(12)
    r"(?<![A-Za-z])(?:sin|cos|tan|log|ln|exp|abs|gcd|lcm|max|min)(?:\\left)?\("
    r"|(?i:\b(?:twice|thrice|double|triple|plus|times|(?:divided|multiplied)\sby)\s"
    r"|\b(?:half|third|quarter|root|square|cube|factorial|logarithm|percent)\sof\s"
    r"|\b(?:out|instead)\sof\s|\brather\sthan\s))[\s({$*]{0,4}\Z",
    re.ASCII,
)
"""What right before a number makes it another number."""
_BOUND = re.compile(r"\bat\s(?:least|most)\s+(?=[$({*\[]{0,4}\Z)", re.IGNORECASE)
_AFTER = 60
"""Characters after a number in which what makes it another one is looked for."""


def numeric(problem: Problem, text: str) -> Grade:
    """Grade of the number the text states, else of its last number.

    Stated numbers are those after ``####``, in ``\\boxed{}`` and after "the answer is"; when they differ in value the
    text is unparseable. Thousands separators, currency and percent signs, fractions and powers of ten are read; 25% is
    taken as equal to 25 and to 0.25. A number that is part of an expression ("2 * 12", "half of 12", "12!", "f(12)"), a word, a date
    or a list, or that a word or letter multiplies ("12 million", "12k", "12i"), is no answer: the text is unparseable. So is a text
    that does not stand by its last answer, but denies, supposes, asks, doubts, reports or withdraws it (`asserted`). Units stay readable
    ("12 km", "12m2", "50^\\circ"). A bound is read as its number in running text ("You need at least 10 boxes.") and not in a
    statement ("The answer is at least 12").

    Raises: InvalidInput when the problem's gold answer is not a number.
    """
    text = _UNIT.sub("", text)
    found = _stated_numbers(text)
    if found is None:
        return unparseable()
    if not found:
        text = text[-_TAIL:]
        last = _last_number(text)
        if last is None:
            return unparseable()
        found = [last]
    answer = max(found, key=lambda number: number.span)
    if any(not same_number(other, answer) for other in found) or not asserted(text, *answer.span):
        return unparseable()
    if problem.gold is None:
        return Grade(outcome=outcome_label(number_label(answer)), verdict=Verdict.UNKNOWN)
    gold = parse_number(problem.gold)
    if gold is None:
        raise InvalidInput(f"problem {problem.id!r}: gold answer {problem.gold!r} is not a number; use the exact or latex grader")
    if same_number(answer, gold):
        return Grade(outcome=outcome_label(number_label(gold)), verdict=Verdict.CORRECT)
    return Grade(outcome=outcome_label(number_label(answer)), verdict=Verdict.INCORRECT)


def _stated_numbers(text: str) -> list[ExactNumber] | None:
    """Numbers of all statements and, with them, lines that are only a number; None when a statement's number is no answer by itself."""
    found: list[ExactNumber] = []
    hashes = (Stated(answer=match[1], start=match.start(1), end=match.end(1)) for match in _HASHES.finditer(text))
    for statement in (*hashes, *stated(text)):
        side = statement.answer.rsplit("=", 1)[-1]
        here = list(numbers(side))
        if not here:
            side, here = statement.answer, list(numbers(statement.answer))
        if not here:
            continue
        first = here[0]
        if first is None or not _stands_alone(side, first):
            return None
        second = here[1] if len(here) > 1 else None
        between = "" if second is None else side[first.span[1] : second.span[0]]
        if second is not None and (_LISTED.fullmatch(between) or _FURTHER.search(between)):
            return None
        found.append(_moved(first, statement.end - len(side)))
    return [*found, *_lines(text)] if found else found


def _moved(number: ExactNumber, by: int) -> ExactNumber:
    return replace(number, span=(number.span[0] + by, number.span[1] + by))


def _lines(text: str) -> Iterator[ExactNumber]:
    """Lines of the end of a text that are only a number."""
    at = max(0, len(text) - _TAIL)
    for line in text[at:].splitlines(keepends=True):
        number = parse_number(line)
        if number is not None:
            yield _moved(number, at + len(line) - len(line.lstrip()))
        at += len(line)


def _last_number(text: str) -> ExactNumber | None:
    """The last number, unless it is no answer by itself; lines of numbers alone are a list where there is nothing else."""
    everything = list(numbers(text))
    if not everything or (last := everything[-1]) is None or not _stands_alone(text, last, bounds=True):
        return None
    before = everything[-2] if len(everything) > 1 else None
    between = "" if before is None else text[before.span[1] : last.span[0]]
    # A last line that is only a number states it, whatever the line before ends with.
    if before is None or not _LISTED.fullmatch(between) or ("\n" in between and any(char.isalpha() or char == "=" for char in text)):
        return last
    return None


def _stands_alone(text: str, number: ExactNumber, *, bounds: bool = False) -> bool:
    """Whether a number is neither denied nor part of an expression, a word, a date or a version; ``bounds`` lets "at least" pass."""
    start, end = number.span
    before, after = text[max(0, start - 40) : start], text[end : end + _AFTER]
    if bounds:
        before = _BOUND.sub("", before)
    joined = _JOINED_BEFORE.search(before) or _JOINED_AFTER.match(after)
    if _ORDINAL.match(after) and not before.rstrip().endswith("="):
        return False
    return not (joined or denied(before) or _WORDS_BEFORE.search(before) or _WORDS_AFTER.match(after))
