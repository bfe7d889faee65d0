"""Numeric answers, compared by value."""

from __future__ import annotations

import re
from fractions import Fraction

from tokenworth.core.grade import Grade
from tokenworth.core.problem import Problem
from tokenworth.errors import InvalidInput
from tokenworth.tasks.grade import words
from tokenworth.tasks.grade.answers import graded, outcome_label, unparseable
from tokenworth.tasks.grade.number import BETWEEN, Number, number_at, number_label, parse_number, prepared, same_number
from tokenworth.tasks.grade.places import Read, Reader, clauses, settled, stated
from tokenworth.tasks.grade.text import denied, lower, opened

_TAIL = 1000
"""Characters from the end in which the last number is looked for."""
_START = re.compile(r"(?:[-–+]\s?)?(?:\\?[$€£¥₹]\s?)?-?\.?\d", re.ASCII)
_LISTS = re.compile(r"[,;]|\b(?:or|and)\b|±|\\pm")
_FIRST = re.compile(r"[\s$({\[]*-?[\d.]+[\s$)}\]]*(?:[,;]|(?:or|and)\b)|±|\\pm")
"""A side of an equation that is a number, and goes on to another equation: "3 or x"."""
_COMPARES = re.compile(r"[<>≤≥≠±!~]|\\(?:n?le|n?ge|ne|neq|lt|gt|leq|geq|pm|approx)\b")
_SENTENCE = re.compile(r"[^\n]+?(?:[.!?…]+(?=\s|\Z)|(?=\n)|\Z)")
_GLUED = re.compile(r"[\w.^\\/]\Z")
_OPERATORS = tuple("+*/^<>≤≥≠×÷·~-–|&%_")
_VERBS = frozenset(("is", "was", "would", "can", "could", "does", "has", "must"))
_ASIDE = re.compile(r"\([^()]{0,200}\)")


def _read(text: str, closed: bool) -> Read[Number] | None:
    """One number as a whole: what stands before it must be words of a frame, or the other side of an equation."""
    at = _side(text, _LISTS)
    start = None if at is None else _START.search(text, at)
    if at is None or start is None:
        return None
    named = (word for word in lower(text[:at]) if len(word) > 1)
    if not closed and at and not (words.FRAME | words.AROUND).issuperset(named):
        return None
    before = text[at : start.start()]
    said = lower(before)
    if re.search(r"[^\s\w({\[*\"':≈,.]|\w\s?[({\[]|\\|\d|_", before) or not (words.FRAME | words.AROUND).issuperset(said):
        return None
    read = number_at(text, start.start())
    if read is None or (closed and text[read.end :].strip(" .!)]}*\"'\n")):
        return None
    return read


def _side(text: str, lists: re.Pattern[str]) -> int | None:
    """Where the last side of the equation begins that the text is, 0 where it is none, None where it is more than one equation."""
    stop = re.search(r"[.!?](?=\s)|\n|\Z", text)
    head = text[: stop.start()] if stop else text
    *left, _ = parts = head.split("=")
    if any(_COMPARES.search(part) for part in left) or any(lists.search(part) for part in parts[1:-1]):
        return None
    return len(head) - len(parts[-1])


def _begins(text: str) -> Number | None:
    at = len(text) - len(text.lstrip(" ($[{"))
    read = number_at(text, at)
    return read.value if read else _OTHER if _START.match(text, at) else None


_OTHER = Number(value=Fraction(-1, 10**20), percent=False)
"""Stands for a number that cannot be read, and so is not the same as any other."""
_READER = Reader(read=_read, begins=_begins, same=same_number)


def last_number(text: str) -> list[Number]:
    """The last number of a text that states none: that of its last sentence with digits.

    After a remark ("Confidence: 95%") only a number counts that a clause before it states by itself ("So 18 pens.").
    """
    text = text[-_TAIL:]
    told = [one for one in _SENTENCE.finditer(text) if any("0" <= char <= "9" for char in _ASIDE.sub("", one[0]))]
    kept = list(told)
    while kept and not words.REMARKS.isdisjoint(lower(kept[-1][0])[:1]):
        kept.pop()
    answer = _closing(_ASIDE.sub("", kept[-1][0])) if kept else None
    if answer is None or not settled("." + text[kept[-1].end() :], answer, _READER):
        return []
    found = [one for one in clauses(text, _READER) if not one.denied]
    if len(kept) < len(told) and not any(one.end > kept[-1].start() for one in found):
        return []
    lines = [one.value for one in found if one.whole and "=" not in text[text.rfind("\n", 0, one.end) + 1 : one.end]]
    return [answer] if all(same_number(one, answer) for one in lines) else []


def _closing(sentence: str) -> Number | None:
    """The last number of a sentence, where nothing makes it a part of something else."""
    at = _side(sentence, _FIRST)
    starts = [] if at is None else [one.start() for one in _START.finditer(sentence, at) if not _GLUED.search(sentence, 0, one.start())]
    if at is None or not starts or "?" in sentence:
        return None
    start = starts[0] if at else starts[-1]
    read = number_at(sentence, start)
    parts = re.split(r"(\d|[,;:—]\s)", sentence[at:start])
    mark, before = parts[-2] if len(parts) > 1 else "", parts[-1]
    said = lower(before)
    if mark.startswith(":") and not said:
        said = lower(parts[-3])
        if not (words.FRAME | words.AROUND).issuperset(said) and len(said) > 0:
            return None
    elif mark and (not said or (mark.isdigit() and not at and said[-1] in BETWEEN)):
        return None  # a list, or a part of an expression
    rest = lower(sentence[read.end :]) if read else []
    of_it = said[-1:] == ["of"] and not words.PARTS.isdisjoint(said[-2:])
    is_part = of_it or not words.RESTRICTS.isdisjoint(said) or denied(before, words.SUPPOSED) or before.rstrip(" ($[{*\"'")[-1:] in _OPERATORS
    if read is None or is_part or (rest and rest[0].removesuffix("n't") in _VERBS) or not settled(sentence[read.end :], read.value, _READER):
        return None
    return read.value


def numeric(problem: Problem, text: str) -> Grade:
    """Grade of the number the text states, else of the last number of its last sentence.

    Raises: InvalidInput when the problem's gold answer is not a number.
    """
    text = prepared(opened(text))
    found = stated(text, _READER)
    if found is None:
        found = last_number(text)
    if not found or any(not same_number(one, found[-1]) for one in found):
        return unparseable()
    answer = found[-1]
    if problem.gold is None:
        return graded(outcome_label(number_label(answer)), None)
    gold = parse_number(problem.gold)
    if gold is None:
        raise InvalidInput(f"problem {problem.id!r}: gold answer {problem.gold!r} is not a number; use the exact or latex grader")
    correct = same_number(answer, gold)
    return graded(outcome_label(number_label(gold if correct else answer)), correct)
