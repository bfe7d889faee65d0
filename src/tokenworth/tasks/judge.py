"""Judges a whole completion: finds where the trace closes and grades what follows."""

from __future__ import annotations

import re
from dataclasses import replace

from tokenworth.core.grade import (
    ENDED_IN_TRACE,
    ERROR,
    REFUSED,
    TRUNCATED,
    TRUNCATED_IN_ANSWER,
    TRUNCATED_IN_TRACE,
    UNGRADED,
    UNPARSEABLE,
    Grade,
    Grader,
    Judge,
    Verdict,
)
from tokenworth.core.problem import Problem
from tokenworth.core.tokens import Codec, StopReason
from tokenworth.errors import InvalidInput
from tokenworth.tasks.grade.answers import answer_label

# A token that is a mark by itself: <|im_end|>, <｜end▁of▁sentence｜>, </s>, [EOS].
_MARK = re.compile(r"\s*(?:<[^<>\s]{1,60}>|\[[A-Z_/]{2,20}\])\s*")

_UNREAD = (Grade(outcome=UNPARSEABLE, verdict=Verdict.UNKNOWN), Grade(outcome=UNGRADED, verdict=Verdict.UNKNOWN))
"""What a grader may say that is not an answer; all other states are not its to give."""


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


def without_end_marks(ids: tuple[int, ...], codec: Codec) -> tuple[int, ...]:
    """A completion without stop tokens and the like at its end."""
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
    return codec.decode(without_end_marks(completion[start:], codec))


def text_judge(problem: Problem, codec: Codec, close: tuple[int, ...] | None, grader: Grader) -> Judge:
    """A judge of whole completions.

    What the grader says is the outcome of a rollout that closed its trace and finished. The others have separate labels with verdict
    unknown: stopped by the token limit, ``truncated in trace``, ``truncated in answer``, or ``truncated`` where
    nothing marks the trace's end; finished without closing the trace, ``ended in trace``; stopped by a content filter,
    ``refused``; an unusable reply, ``error``. An answer that reads like one of these labels is put in quotes.
    """
    if close is not None:
        find_close((), close)

    def judge(completion: tuple[int, ...], stop: StopReason) -> Grade:
        state = _state(completion, stop, close)
        if state is not None:
            return Grade(outcome=state, verdict=Verdict.UNKNOWN)
        text = answer_text(completion, codec, close)
        assert text is not None
        grade = grader(problem, text)
        return grade if grade in _UNREAD else replace(grade, outcome=answer_label(grade.outcome))

    return judge


def _state(completion: tuple[int, ...], stop: StopReason, close: tuple[int, ...] | None) -> str | None:
    """The outcome of a completion without a finished answer text; None where there is one to grade."""
    if stop is StopReason.REFUSED:
        return REFUSED
    if stop is StopReason.ERROR:
        return ERROR
    closed = None if close is None else find_close(completion, close) is not None
    if stop is StopReason.LENGTH:
        return TRUNCATED if closed is None else TRUNCATED_IN_ANSWER if closed else TRUNCATED_IN_TRACE
    return ENDED_IN_TRACE if closed is False else None
