"""Numeric answers, compared by value."""

from __future__ import annotations

import re
from fractions import Fraction

from tokenworth.core.grade import Grade
from tokenworth.core.problem import Problem
from tokenworth.errors import InvalidInput
from tokenworth.tasks.grade import words
from tokenworth.tasks.grade.answers import graded, outcome_label, unparseable
from tokenworth.tasks.grade.number import ExactNumber, number_at, number_label, parse_number, prepared, same_number, starts
from tokenworth.tasks.grade.places import BOX, AnswerRead, AnswerReader
from tokenworth.tasks.grade.stated import clauses, settled, stated
from tokenworth.tasks.grade.text import denied, ends, lower, opened, reported

_TAIL = 1000
"""Characters from the end in which the last number is looked for."""
_PART = re.compile(r"([0-9]|[,;:—]\s)")
_STRANGE_SIGN = re.compile(r"[\\√|{]|[+*/^<>≤≥≠±×÷·~\-–|&%_][ ($\[{*\"']*\Z")
"""A sign before a number that makes it a part of something else."""
_STRANGE = re.compile(r"[^\s\w({\[*\"':≈,.]|\w\s?[({\[]|[\\\d_]")
"""What no words before a number have in them."""
_COMPARES = re.compile(r"[<>≤≥≠±!~]|\\(?:n?le|n?ge|ne|neq|lt|gt|leq|geq|pm|approx)\b")
_SEVERAL = re.compile(r"[,;]|\b(?:or|and)\b|±|\\pm")
_FIRST = re.compile(r"[\s$({\[]*-?[\d.]+[\s$)}\]]*(?:[,;]|(?:or|and)\b)|±|\\pm")
"""A side of an equation that is a number, and goes on to another equation: "3 or x"."""
_REASON = re.compile(r",?\s(?=(?:because|since)\b)")
_SENTENCE = re.compile(r"[^\n]+?(?:[.!?…]+(?=\s|\Z)|(?=\n)|\Z)")
_ASIDE = re.compile(r"(?<=\S)\s?\([^()]{0,200}\)")
_BOLD = re.compile(r"\*\*([^*\n]{1,80})\*\*")
_ASSIGNED = re.compile(
    r"(?m)(?:^|(?<=[.;!]\s))\W*(?:[^\W\d]+\s\d{1,2}[.:]\s?|\d{1,2}[.)]\s)?[A-Za-z](?:_?\{?\d\}?)?\s?=\s?([^=\n]{1,40}?)"
    r"[\s$.]*(?:\b(?:or|and)\b)?\s*$"
)
"""A line that is no more than the value of a letter."""
_NEXT = re.compile(r"\S*?\d[^\w\s.,;:!?]*\s+([^\W\d_]+)")
_TOLD = frozenset(("is", "are", "was", "were", "equals", "makes", "gives", "totals", "be"))
_NONE = ExactNumber(value=Fraction(-1, 10**20), percent=False)
"""Stands for a number that cannot be read, and so is not the same as any other."""


def _side(text: str, several: re.Pattern[str]) -> int | None:
    """Where the last side of the equation begins that the text is: 0 where it is none, None where it is more than one equation."""
    stop = re.search(r"[.!?](?=\s)|\n|\Z", text)
    head = text[: stop.start()] if stop else text
    parts = head.split("=")
    if any(_COMPARES.search(part) for part in parts[:-1]) or any(several.search(part) for part in parts[1:-1]):
        return None
    return len(head) - len(parts[-1])


def _read(text: str, where: str) -> AnswerRead[ExactNumber] | None:
    """One number as a whole: before it stand frame words, or the other side of an equation."""
    text = _REASON.split(text)[0]
    at = _side(text, _SEVERAL)
    begin = [] if at is None else starts(text, at)[:1]
    if at is None or not begin:
        return None
    before, allowed = text[at : begin[0]], words.FRAME | words.AROUND
    named = [] if where == BOX else [word for word in lower(text[:at]) if len(word) > 1]
    if _STRANGE.search(before) or not allowed.issuperset([*lower(before), *named]):
        return None
    read = number_at(text, begin[0])
    after = _NEXT.match(text, begin[0])
    if where != BOX and after and after[1].casefold() in words.AWAY and (after[1] in words.REASONS or not ends(text[after.start(1) - 1 :])):
        return None  # "12 at best"
    return None if read is None or (where == BOX and text[read.end :].strip(" .!)]}*\"'\n")) else read


def _begins(text: str) -> ExactNumber | None:
    at = len(text) - len(text.lstrip(" ($[{"))
    read = number_at(text, at)
    return read.value if read else _NONE if starts(text[at : at + 8])[:1] == [0] else None


_READER = AnswerReader(read=_read, begins=_begins, same=same_number)


def last_number(text: str) -> list[ExactNumber]:
    """The number of the last sentence with digits of a prepared text that states none: what a clause of it states, or its only one.

    Of an equation it is the last side. After a remark ("Confidence: 95%") only a clause counts ("So 18 pens."). A line that is only another
    number, or the value of a letter, makes two answers of them.
    """
    text = text[-_TAIL:]
    told = [one for one in _SENTENCE.finditer(text) if any("0" <= char <= "9" for char in _ASIDE.sub("", one[0]))]
    kept = list(told)
    while kept and (not words.REMARKS.isdisjoint(lower(kept[-1][0])[:1]) or lower(kept[-1][0])[:2] == ["this", "took"]):
        kept.pop()
    said = [one for one in clauses(text, _READER) if kept and one.end > kept[-1].start()]
    if not kept or (len(kept) < len(told) and not said):
        return []
    answer, end = (said[-1].value, said[-1].end) if said else (_closing(_ASIDE.sub("", kept[-1][0])), kept[-1].end())
    if answer is None or not settled(text[end:] if said else "." + text[end:], answer, _READER):
        return []
    last = kept[-1][0]
    several = len(starts(_ASIDE.sub("", last[: end - kept[-1].start()]))) > 1
    if lower(last)[:1] == ["also"]:
        return []
    if said and several and "=" not in last and words.FOLLOWS.isdisjoint(lower(last)):
        return []  # "18 pens, which is 3 per child"
    alone = (one.strip(" *").removesuffix(".") for one in (*text.splitlines(), *_ASSIGNED.findall(text)))
    lines = filter(None, map(parse_number, alone))
    return [answer] if all(same_number(one, answer) for one in lines) else []


def _is_told(sentence: str, start: int) -> bool:
    """Whether "is" or the like leads to the number that ends a sentence: "Half of 24 is 12"."""
    read = number_at(sentence, start)
    lead = lower(sentence[:start])[-1:]
    return read is not None and not sentence[read.end :].strip(" .!*)") and bool(lead) and lead[0] in _TOLD


def _closing(sentence: str) -> ExactNumber | None:
    """The last number of a sentence, of an equation the first of its last side, where nothing makes it a part of something else."""
    at = _side(sentence, _FIRST)
    found = [] if at is None else starts(sentence, at)
    if at is None or not found or "?" in sentence:
        return None
    start = found[0] if at else found[-1]
    *earlier, before = _PART.split(sentence[at:start])
    mark, said = earlier[-1] if earlier else "", lower(before)
    if mark.startswith(":") and not said:
        if not (words.FRAME | words.AROUND).issuperset(lower(earlier[-2])):
            return None  # "Difficulty: 3"
    elif mark and not said and re.search("[0-9]", sentence[at:start]):
        return None  # a list, or a part of an expression
    beside = mark in tuple("0123456789") and not at and not words.BETWEEN.isdisjoint(said[-1:])  # "8 rows of 5"
    part = said[-1:] == ["of"] and not words.PARTS.isdisjoint(said[-2:])  # "half of 5"
    if beside or part or not words.RESTRICTS.isdisjoint(said) or _STRANGE_SIGN.search(before) or denied(before, words.SUPPOSED):
        return None
    if not at and len(found) > 1 and not _is_told(sentence, start):
        return None  # which of them is the answer?
    read = number_at(sentence, start)
    if read is None or (not at and reported(sentence[:start])) or not settled(sentence[read.end :], read.value, _READER):
        return None
    verb = lower(sentence[read.end :])[:1]
    return None if verb and verb[0].removesuffix("n't") in words.VERBS else read.value


def _emphasised(text: str) -> list[ExactNumber]:
    """The one number in bold in the last line with digits, where all that is bold there is that number with its units."""
    lines = [line for line in text[-_TAIL:].splitlines() if any("0" <= char <= "9" for char in line)]
    bold = [prepared(opened(one[1])).strip(" .:") for one in _BOLD.finditer(lines[-1]) if re.search("[0-9]", one[1])] if lines else []
    read = number_at(bold[0]) if len(bold) == 1 else None
    doubtful = read is None or read.end < len(bold[0]) or denied(lines[-1]) or reported(lines[-1]) or "?" in lines[-1]
    return [] if read is None or doubtful else [read.value]


def numeric(problem: Problem, text: str) -> Grade:
    """Grade of the number the text states, else of the one number of its last sentence, or the one in bold.

    A whole answer is one number with its units. Thousands separators, currency and percent signs, fractions, powers of ten and words such
    as "million" are read; 25% is equal to 25 and to 0.25. A number that is a part of something else is none: "6 feet 2 inches", "1 in 6",
    "3x", "≥ 18", "18 ± 2", "3 or 4".

    Raises: InvalidInput when the problem's gold answer is not a number.
    """
    shown = prepared(opened(text))
    found = stated(shown, _READER)
    if found is None:
        found = last_number(shown) or _emphasised(text)
    if not found or any(not same_number(one, found[-1]) for one in found):
        return unparseable()
    answer = found[-1]
    gold = None if problem.gold is None else parse_number(problem.gold)
    if problem.gold is not None and gold is None:
        raise InvalidInput(f"problem {problem.id!r}: gold answer {problem.gold!r} is not a number; use the exact or latex grader")
    correct = None if gold is None else same_number(answer, gold)
    return graded(outcome_label(number_label(gold if gold is not None and correct else answer)), correct)
