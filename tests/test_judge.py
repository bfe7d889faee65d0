"""Judges: which part of a completion is graded, and what its end means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader_cases import FOUR
from tokenworth.core.grade import TRUNCATED, UNGRADED, Grade, Verdict
from tokenworth.core.problem import Problem
from tokenworth.core.tokens import StopReason
from tokenworth.errors import InvalidInput
from tokenworth.tasks.grade.option import option
from tokenworth.tasks.judge import answer_text, find_close, text_judge


class WordCodec:
    """A token a word; ids are positions in the list."""

    words = ("<think>", "</think>", " The", " answer", " is", " (", "A", "C", ")", ".", "<|end|>", " b", "<", "b>", "<|", "|>")
    vocab_size = len(words)

    def encode(self, text: str) -> tuple[int, ...]:
        raise NotImplementedError

    def decode(self, ids: tuple[int, ...]) -> str:
        return "".join(self.words[i] for i in ids)

    def piece_bytes(self, ids: tuple[int, ...]) -> tuple[bytes, ...]:
        return tuple(self.words[i].encode() for i in ids)

    def ids(self, *words: str) -> tuple[int, ...]:
        return tuple(self.words.index(word) for word in words)


CODEC = WordCodec()
SAID_C = (" The", " answer", " is", " (", "C", ")", ".")
SAID_A = (" The", " answer", " is", " (", "A", ")", ".")


def test_judge_grades_what_follows_the_first_close_marker() -> None:
    judge = text_judge(FOUR, CODEC, CODEC.ids("</think>"), option)
    completion = CODEC.ids(*SAID_A, "</think>", *SAID_C, "<|end|>")
    assert judge(completion, StopReason.STOP) == Grade(outcome="C", verdict=Verdict.CORRECT)
    assert find_close(completion, CODEC.ids("</think>")) == len(SAID_A)
    assert answer_text(completion, CODEC, CODEC.ids("</think>")) == " The answer is (C)."


def test_judge_never_counts_the_unknown_as_wrong() -> None:
    judge = text_judge(FOUR, CODEC, CODEC.ids("</think>"), option)
    closed, open_ = CODEC.ids("</think>", *SAID_A), CODEC.ids(*SAID_A)
    truncated, ungraded = Grade(outcome=TRUNCATED, verdict=Verdict.UNKNOWN), Grade(outcome=UNGRADED, verdict=Verdict.UNKNOWN)
    assert judge(closed, StopReason.LENGTH) == truncated == judge(open_, StopReason.LENGTH)
    assert judge(open_, StopReason.STOP) == ungraded == judge(closed, StopReason.ERROR) == judge((), StopReason.STOP)
    assert judge(closed, StopReason.STOP).verdict is Verdict.INCORRECT
    whole = text_judge(FOUR, CODEC, None, option)
    assert whole(open_, StopReason.STOP).outcome == "A" and whole(closed, StopReason.LENGTH) == truncated


def test_only_whole_special_tokens_are_dropped_at_the_end() -> None:
    seen: list[str] = []

    def spy(problem: Problem, text: str) -> Grade:
        seen.append(text)
        return Grade(outcome="x", verdict=Verdict.UNKNOWN)

    judge = text_judge(FOUR, CODEC, None, spy)
    judge(CODEC.ids("<|end|>", " b", "<|end|>", "<|end|>"), StopReason.STOP)
    judge(CODEC.ids("A", "<", "b>"), StopReason.STOP)
    assert seen == ["<|end|> b", "A<b>"]


def test_close_markers_of_several_tokens() -> None:
    close = CODEC.ids("</think>", " The", " answer")
    assert find_close(CODEC.ids("</think>", "</think>", " The", " answer"), close) == 1
    assert find_close(CODEC.ids("</think>", " The"), close) is None
    with pytest.raises(InvalidInput, match="close marker is empty"):
        text_judge(FOUR, CODEC, (), option)


@given(st.lists(st.integers(0, 3), max_size=30), st.lists(st.integers(0, 3), min_size=1, max_size=3))
def test_find_close_is_the_first_match(ids: list[int], close: list[int]) -> None:
    expected = next((i for i in range(len(ids)) if ids[i : i + len(close)] == close), None)
    assert find_close(tuple(ids), tuple(close)) == expected
