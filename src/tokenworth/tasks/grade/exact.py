"""Literal answers, compared without regard to case and white space."""

from __future__ import annotations

from functools import partial

from tokenworth.core.grade import Grade
from tokenworth.core.problem import Problem
from tokenworth.tasks.grade import words
from tokenworth.tasks.grade.answers import graded, outcome_label, unparseable
from tokenworth.tasks.grade.places import MAX_ANSWER, Read, Reader, settled, stated
from tokenworth.tasks.grade.text import CUT, END, denied, framed, lower, plain, unwrapped


def normalised(text: str) -> str:
    """Case folded, white space collapsed, marks around it and a final full stop removed."""
    return " ".join(unwrapped(text).casefold().split())


def _read(gold: str | None, text: str, closed: bool) -> Read[str] | None:
    """The sentence; or the gold answer where the text begins with it and a sentence, or a reason, ends there."""
    if not normalised(text):
        return None
    if closed:
        return Read(value=normalised(text), end=len(text))
    ends = [match.start() for match in END.finditer(text)]
    clauses = [match.start() for match in CUT.finditer(text)]
    for end in (len(text), *ends, *clauses):
        said = lower(text[end:])
        if gold is not None and normalised(text[:end]) == gold and (end not in clauses or not said or said[0] in words.REASONS or denied(text[end:])):
            return Read(value=gold, end=end)
    end = next((match.start() for match in END.finditer(text) if len(lower(text[: match.start()])[-1:] or "") != 1), len(text))
    return Read(value=normalised(text[:end]), end=end) if normalised(text[:end]) else None


def exact(problem: Problem, text: str) -> Grade:
    """Grade of the answer the text states, else of the whole text, up to 400 characters."""
    text = plain(text)
    gold = None if problem.gold is None else normalised(plain(problem.gold))
    reader = Reader(read=partial(_read, gold), begins=lambda text: None, same=str.__eq__, alone=False)
    found = stated(text, reader)
    if found is None:
        found = _whole(text, gold, reader)
    if len(set(found)) != 1:
        return unparseable()
    answer = found[-1]
    if gold is not None and answer != gold and gold in answer and denied(answer):
        return unparseable()
    return graded(outcome_label(answer), None if gold is None else answer == gold)


def _whole(text: str, gold: str | None, reader: Reader[str]) -> list[str]:
    if len(text.strip()) > MAX_ANSWER or not normalised(text):
        return []
    said = text.strip()
    at, _ = framed(said)
    for start in (0, at):
        read = _read(gold, said[start:], False)
        if read is not None and read.value == gold:
            return [read.value] if settled(said[start + read.end :], read.value, reader) else []
    return [normalised(text)]
