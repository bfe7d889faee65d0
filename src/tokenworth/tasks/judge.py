"""Judges a whole completion: finds where the trace closes and grades what follows."""

from __future__ import annotations

import re

from tokenworth.core.grade import TRUNCATED, UNGRADED, Grade, Grader, Judge, Verdict
from tokenworth.core.problem import Problem
from tokenworth.core.tokens import Codec, StopReason
from tokenworth.errors import InvalidInput

# A token that is a mark by itself: <|im_end|>, <｜end▁of▁sentence｜>, </s>, [EOS].
_MARK = re.compile(r"\s*(?:<[^<>\s]{1,60}>|\[[A-Z_/]{2,20}\])\s*")

_TRUNCATED = Grade(outcome=TRUNCATED, verdict=Verdict.UNKNOWN)
_UNGRADED = Grade(outcome=UNGRADED, verdict=Verdict.UNKNOWN)


def find_close(ids: tuple[int, ...], close: tuple[int, ...]) -> int | None:
    """Index of the first token of the first close marker in ``ids``: the length of the trace; None without one."""
    if not close:
        raise InvalidInput("the close marker is empty; expected its token ids, or None where nothing marks the trace's end")
    first, width = close[0], len(close)
    at = -1
    while True:
        try:
            at = ids.index(first, at + 1)
        except ValueError:
            return None
        if ids[at : at + width] == close:
            return at


def _without_end_marks(ids: tuple[int, ...], codec: Codec) -> tuple[int, ...]:
    # Only a token that is a mark as a whole goes; the same characters written as ordinary tokens stay.
    end = len(ids)
    while end > 0 and _MARK.fullmatch(codec.decode(ids[end - 1 : end])):
        end -= 1
    return ids[:end]


def answer_text(completion: tuple[int, ...], codec: Codec, close: tuple[int, ...] | None) -> str | None:
    """The text after the close marker, special tokens at its end dropped; None when the trace was not closed.

    ``close`` None: nothing marks the trace's end, and the whole text is returned.
    """
    start = 0
    if close is not None:
        wall = find_close(completion, close)
        if wall is None:
            return None
        start = wall + len(close)
    return codec.decode(_without_end_marks(completion[start:], codec))


def text_judge(problem: Problem, codec: Codec, close: tuple[int, ...] | None, grader: Grader) -> Judge:
    """A judge of whole completions.

    Stopped by the token limit: ``truncated``. Finished without closing the trace, failed, or without one clear answer:
    ``ungraded``. All of these have verdict unknown.
    """
    if close is not None:
        find_close((), close)

    def judge(completion: tuple[int, ...], stop: StopReason) -> Grade:
        if stop is StopReason.LENGTH:
            return _TRUNCATED
        if stop is StopReason.ERROR:
            return _UNGRADED
        text = answer_text(completion, codec, close)
        return _UNGRADED if text is None else grader(problem, text)

    return judge
