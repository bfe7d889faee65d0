"""Laws of every built-in grader: total on hostile text, in time linear in its length, and no empty text is correct."""

from __future__ import annotations

import importlib.util
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenworth.catalog import GRADERS
from tokenworth.core.grade import Grade, Verdict
from tokenworth.core.problem import AnswerKind, Option, Problem
from tokenworth.tasks.graders import grader_for
from tokenworth.tasks.load import load_item

PROBLEMS = {
    "option": Problem(id="o", question="?", options=(Option(label="A", text="one"), Option(label="B", text="two")), gold="B"),
    "exact": Problem(id="e", question="?", gold="blue", kind=AnswerKind.EXACT),
    "numeric": Problem(id="n", question="?", gold="12.5", kind=AnswerKind.NUMERIC),
    "latex": Problem(id="l", question="?", gold=r"\frac{1}{2}", kind=AnswerKind.LATEX),
    "plan": load_item("maze:searchformer/5", 0),
}
EMPTY = ("", " ", "\n\t\r\n", "\0", "\u200b", "\u2028", "\ufeff")
NASTY = (
    *EMPTY, "\ud800", "(" * 2000, "[" * 2000, "{" * 2000, "\\boxed{" * 300, "9" * 5000, "1e999999999", "-" * 3000, "0/0", "1/0", "nan",
    "inf", "٣", "½", "１２", "(B" * 500, "(A) (B)", "not (B)", "0,0 " * 2000, "0,0 end 0,1", "solution", "end", "$$", "\\",
    "__import__('os')",
    "%s%n{0.__class__}", "a" * 20_000, "The answer is", "The answer is .", "answer: " * 500, "\u202e(B)", "<think>", "\x1b[31m",
)  # fmt: skip

PIECES = (
    "The answer is ", "The answer is 12. ", "update: ", "(A) ", "A. ", "A or ", "So B. ", "C.\n", "**A** ", "*a", "_", "\\boxed{",
    "\\boxed{A} ", "\\boxed{1 ", "<answer>", "'answer': '", "####", "答案", "answer to a ", "it is ", "not ", "maybe ",
    "I don't think the ", "at least ", "12 is ", "12 and ", "12m2", "1,", "1.", "1/", "12=", "$1", "$x$ ", "\\frac{1", "12^{\\circ",
    "9", "- ", "±", "é", "#", " ", "\n", "(", "0,0 ",
)  # fmt: skip


def graded(name: str, text: str) -> Grade:
    grade = grader_for(name)(PROBLEMS[name], text)
    assert isinstance(grade, Grade) and grade.outcome and grade.verdict in tuple(Verdict)
    return grade


@pytest.fixture(params=GRADERS)
def name(request: pytest.FixtureRequest) -> str:
    if request.param == "latex" and importlib.util.find_spec("math_verify") is None:
        pytest.skip("math-verify is not installed")
    return str(request.param)


def test_no_text_makes_a_grader_raise(name: str) -> None:
    # A text of LaTeX is read in a guarded process of its own, which takes a while.
    n = 25 if name == "latex" else 200
    pieces = st.sampled_from([text for text in NASTY if len(text) < 100])

    @settings(max_examples=n)
    @given(st.one_of(st.text(max_size=80), st.lists(pieces, max_size=8).map(" ".join)))
    def law(text: str) -> None:
        graded(name, text)

    for text in NASTY:
        graded(name, text)
    law()


def processor_time(name: str, text: str) -> float:
    """The least of three runs, in seconds: the others wait for the machine."""
    times: list[float] = []
    for _ in range(3):
        began = time.process_time()
        graded(name, text)
        times.append(time.process_time() - began)
    return min(times)


@pytest.mark.slow
@pytest.mark.parametrize("piece", PIECES)
def test_time_is_linear_in_the_length(name: str, piece: str) -> None:
    short, long = (piece * (length // len(piece)) for length in (10_000, 80_000))
    # Eight times the text: 8 where time is linear, 64 where it is quadratic. Ten milliseconds are what is not due to the text.
    assert processor_time(name, long) < 24 * (processor_time(name, short) + 0.01)


def test_an_empty_text_is_never_correct(name: str) -> None:
    assert [text for text in EMPTY if graded(name, text).verdict is Verdict.CORRECT] == []


def test_the_laws_see_every_grader() -> None:
    assert set(PROBLEMS) == set(GRADERS)
