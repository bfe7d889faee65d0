"""Graders by name, and what all of them hold to: any text gets a grade."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tasks.grader_cases import FOUR, NUMBERED, free
from tokenworth.catalog import GRADERS
from tokenworth.core.grade import UNPARSEABLE, Verdict
from tokenworth.core.problem import AnswerKind
from tokenworth.errors import InvalidInput, UnknownName
from tokenworth.tasks.grade.exact import exact
from tokenworth.tasks.grade.numeric import numeric
from tokenworth.tasks.grade.option import option
from tokenworth.tasks.graders import grader_for


def test_graders_by_name_and_by_kind() -> None:
    assert set(GRADERS) == set(AnswerKind)
    assert grader_for(FOUR) is option and grader_for("numeric") is numeric
    with pytest.raises(UnknownName, match="did you mean numeric"):
        grader_for("numerical")


def test_a_new_grader_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(GRADERS, "exactly", "tokenworth.tasks.grade.exact:exact")  # pyright: ignore[reportArgumentType]
    assert grader_for("exactly") is exact


def test_user_graders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_graders.py").write_text(
        "from tokenworth.core.grade import Grade, Verdict\n"
        "def good(problem, text):\n    return Grade(outcome=text.strip(), verdict=Verdict.CORRECT)\n"
        "def bad(problem, text):\n    return True\n"
        "constant = 3\n",
        encoding="utf-8",
    )
    (tmp_path / "broken_graders.py").write_text("def (\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    assert grader_for("my_graders:good")(FOUR, " x ").outcome == "x"
    with pytest.raises(InvalidInput, match="returned a bool"):
        grader_for("my_graders:bad")(FOUR, "x")
    with pytest.raises(UnknownName, match="did you mean good"):
        grader_for("my_graders:god")
    with pytest.raises(InvalidInput, match="is a int"):
        grader_for("my_graders:constant")
    for name in ("no_such_module_here:x", "broken_graders:x", ":x"):
        with pytest.raises(InvalidInput, match="cannot import"):
            grader_for(name)
    assert sys.path == before


def test_user_graders_that_raise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "raising_graders.py").write_text(
        "def bad(problem, text):\n    raise ValueError('no number\\nin the text')\ndef silent(problem, text):\n    assert False\n",
        encoding="utf-8",
    )
    (tmp_path / "raising_module.py").write_text("raise RuntimeError('no licence\\nhere')\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidInput, match="grader 'raising_graders:bad' raised ValueError: no number;"):
        grader_for("raising_graders:bad")(FOUR, "x")
    with pytest.raises(InvalidInput, match="grader 'raising_graders:silent' raised AssertionError"):
        grader_for("raising_graders:silent")(FOUR, "x")
    with pytest.raises(InvalidInput, match="grader 'os:getcwd' raised TypeError: "):
        grader_for("os:getcwd")(FOUR, "x")
    with pytest.raises(InvalidInput, match=r"grader 'raising_module:x': cannot import module 'raising_module': RuntimeError: no licence$"):
        grader_for("raising_module:x")


PIECES = st.sampled_from(
    [
        *("The answer is ", "Answer:", "option ", "\\boxed{", "####", "is correct", "or", " and ", "not ", "=", "$"),
        *("(", ")", "}", "**", ".", " ", "\n", "A", "B", "C", "c", "5", "1/", "ſ", "İ"),
    ]
)
LOCAL = ((FOUR, option), (free("4", AnswerKind.NUMERIC), numeric), (free("x", AnswerKind.EXACT), exact))


@pytest.mark.slow
@given(st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=30).map("".join)))
@settings(max_examples=300, deadline=None)
def test_any_text_gets_a_grade(text: str) -> None:
    for problem, grader in ((NUMBERED, option), *LOCAL):
        grade = grader(problem, text)
        allowed = (*problem.labels, UNPARSEABLE)
        assert grade.outcome in allowed or not problem.options
        assert (grade.outcome == UNPARSEABLE) == (grade.verdict is Verdict.UNKNOWN)
