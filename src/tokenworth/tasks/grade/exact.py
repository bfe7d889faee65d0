"""Literal answers, compared without regard to case and white space."""

from __future__ import annotations

import re
from functools import partial

from tokenworth.core.grade import Grade
from tokenworth.core.problem import Problem
from tokenworth.tasks.grade.answers import graded, outcome_label, unparseable
from tokenworth.tasks.grade.places import BOX, CLAUSE, MAX_ANSWER, SAID, AnswerRead, AnswerReader
from tokenworth.tasks.grade.stated import settled, stated
from tokenworth.tasks.grade.text import CUT, END, denied, framed, lower, plain, unwrapped

_INITIAL = re.compile(r"(?<![^\W_])[^\W\d_]\Z")
"""One letter, whose full stop ends no sentence."""


def normalised(text: str) -> str:
    """Case folded, white space collapsed, marks around it and a final full stop removed."""
    return " ".join(unwrapped(text).casefold().split())


def _read(gold: str | None, text: str, where: str) -> AnswerRead[str] | None:
    """The sentence; or the gold answer where the text begins with it, and a sentence ends or a reason or a denial begins after it."""
    if where == CLAUSE or not normalised(text):
        return None
    stops = [len(text), *(match.start() for match in END.finditer(text))]
    parts = ((match.start(), lower(text[match.start() :])[:1]) for match in CUT.finditer(text))
    cuts = [at for at, first in parts if first == ["because"] or (first not in (["and"], ["or"]) and denied(text[at:]))]
    for end in stops[:1] if where == BOX else (*stops, *cuts):
        if gold is not None and normalised(text[:end]) == gold:
            return AnswerRead(value=gold, end=end)
    sentences = (end for end in stops[1:] if not _INITIAL.search(text, 0, end))
    end = len(text) if where == BOX else next(sentences, len(text))
    return AnswerRead(value=normalised(text[:end]), end=end) if normalised(text[:end]) else None


def exact(problem: Problem, text: str) -> Grade:
    """Grade of the answer the text states, else of the whole text, up to 400 characters."""
    text = plain(text).strip()
    gold = None if problem.gold is None else normalised(plain(problem.gold))
    reader = AnswerReader(read=partial(_read, gold), begins=lambda text: None, same=str.__eq__)
    found = stated(text, reader)
    if found is None and len(text) <= MAX_ANSWER:
        bare = text[framed(text) :]
        read = next((one for said in (text, bare) if (one := _read(gold, said, SAID)) and one.value == gold), None)
        stands = read is None or settled(text[len(text) - len(bare) + read.end :] if read.end <= len(bare) else "", read.value, reader)
        found = [read.value if read else normalised(text)] if stands else []
    answers = set(filter(None, found or ()))
    answer = answers.pop() if len(answers) == 1 else None
    if answer is None or (gold is not None and answer != gold and gold in answer and denied(answer)):
        return unparseable()
    return graded(outcome_label(answer), None if gold is None else answer == gold)
