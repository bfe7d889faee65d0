"""Judges: which part of a completion is graded, and what its end means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tasks.grader_cases import FOUR
from tokenworth.core.grade import (
    ENDED_IN_TRACE,
    ERROR,
    REFUSED,
    RESERVED_OUTCOMES,
    TRUNCATED,
    TRUNCATED_IN_ANSWER,
    TRUNCATED_IN_TRACE,
    UNGRADED,
    UNKNOWN_OUTCOMES,
    UNPARSEABLE,
    Grade,
    Verdict,
)
from tokenworth.core.problem import Option, Problem
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


CLOSED, OPEN = CODEC.ids("</think>", *SAID_A), CODEC.ids(*SAID_A)


@pytest.mark.parametrize(
    ("completion", "stop", "with_close", "without"),
    [
        (OPEN, StopReason.LENGTH, TRUNCATED_IN_TRACE, TRUNCATED),
        (CLOSED, StopReason.LENGTH, TRUNCATED_IN_ANSWER, TRUNCATED),
        (CODEC.ids("</think>"), StopReason.LENGTH, TRUNCATED_IN_ANSWER, TRUNCATED),
        (OPEN, StopReason.STOP, ENDED_IN_TRACE, "A"),
        ((), StopReason.STOP, ENDED_IN_TRACE, UNPARSEABLE),
        (CODEC.ids("</think>", " The"), StopReason.STOP, UNPARSEABLE, UNPARSEABLE),
        (CLOSED, StopReason.STOP, "A", "A"),
        *((completion, StopReason.REFUSED, REFUSED, REFUSED) for completion in ((), OPEN, CLOSED)),
        *((completion, StopReason.ERROR, ERROR, ERROR) for completion in ((), OPEN, CLOSED)),
    ],
)
def test_states_are_kept_apart_and_never_counted_as_wrong(
    completion: tuple[int, ...], stop: StopReason, with_close: str, without: str
) -> None:
    for close, outcome in ((CODEC.ids("</think>"), with_close), (None, without)):
        verdict = Verdict.UNKNOWN if outcome in UNKNOWN_OUTCOMES else Verdict.INCORRECT
        assert text_judge(FOUR, CODEC, close, option)(completion, stop) == Grade(outcome=outcome, verdict=verdict)


@pytest.mark.parametrize("label", RESERVED_OUTCOMES)
@pytest.mark.parametrize("verdict", Verdict)
def test_an_answer_is_never_called_like_a_state(label: str, verdict: Verdict) -> None:
    grade = text_judge(FOUR, CODEC, None, lambda problem, text: Grade(outcome=label, verdict=verdict))(CLOSED, StopReason.STOP)
    says_nothing = label in (UNPARSEABLE, UNGRADED) and verdict is Verdict.UNKNOWN  # the one state a grader may give, in both spellings
    assert grade == Grade(outcome=label if says_nothing else f"‘{label}’", verdict=verdict)


def test_an_option_called_like_a_state() -> None:
    problem = Problem(id="x", question="?", options=(Option(label="error", text="1"), Option(label="B", text="2")), gold="error")
    assert option(problem, "The answer is (error).") == Grade(outcome="‘error’", verdict=Verdict.CORRECT)


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
