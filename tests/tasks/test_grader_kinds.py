"""Graders on answer texts by kind of fault: the verdict is right, and no kind is refused altogether that can be read."""

from __future__ import annotations

import importlib.util
from collections import Counter

import pytest

from tests.tasks.grader_kinds import Case, cases
from tokenworth.core.grade import Verdict
from tokenworth.tasks.graders import grader_for

CASES = list(cases())
KINDS = list(dict.fromkeys(case.kind for case in CASES))
UNREAD = {
    "option, initial": 7, "option, list, then a word": 8, "option, expression": 8, "option, is the best, but": 10,
    "option, letter in a word": 7, "option, corrected later": 10, "numeric, two answers": 20, "numeric, compound": 20,
    "numeric, expression": 32, "numeric, after the answer": 5, "numeric, plain": 1, "latex, bases": 10, "latex, equal": 6,
    "option, held out": 106, "numeric, held out": 95, "exact, held out": 8, "latex, held out": 16,
    "option, read again": 74, "numeric, read again": 325, "latex, read again": 54,
}  # fmt: skip
"""How many texts of a kind may be unparseable; where a kind is not named, none."""


def of_kind(kind: str) -> list[Case]:
    if kind.startswith("latex") and importlib.util.find_spec("math_verify") is None:
        pytest.skip("math-verify is not installed")
    return [case for case in CASES if case.kind == kind]


@pytest.mark.parametrize("kind", KINDS)
def test_every_text_gets_a_right_verdict(kind: str) -> None:
    verdicts: Counter[Verdict] = Counter()
    for case in of_kind(kind):
        grade = grader_for(case.problem)(case.problem, case.text)
        assert grade.verdict in case.right, (case.text, grade)
        verdicts[grade.verdict] += 1
    assert verdicts[Verdict.UNKNOWN] <= UNREAD.get(kind, 0)


def test_the_kinds_are_all_there() -> None:
    assert len(KINDS) == 26 and len(CASES) > 1600
    assert all(len([case for case in CASES if case.kind == kind]) >= 10 for kind in KINDS)
