"""Answers that occur in a text and are not stated, and what must still be read."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.tasks.grader_cases import choice, free
from tests.tasks.grader_wordings import SETS
from tokenworth.core.grade import Grader, Verdict
from tokenworth.core.problem import AnswerKind, Problem
from tokenworth.tasks.audit import noise
from tokenworth.tasks.audit.attack import filled
from tokenworth.tasks.grade.numeric import numeric
from tokenworth.tasks.grade.option import option

NUMBER = free("12", AnswerKind.NUMERIC)
LETTER = choice("cat", "bed", "wall", "dune", gold="C")
CASES = {"numeric": (numeric, NUMBER, "12", "13"), "option": (option, LETTER, "(C)", "(B)")}
ACCEPTED = {
    "numeric": {"FIRST": 0, "SECOND": 0, "THIRD": 1, "FOURTH": 0},
    "option": {"FIRST": 0, "SECOND": 0, "THIRD": 0, "FOURTH": 0},
}
"""How many texts that do not state the gold answer are accepted all the same: a measurement, which no change may make worse."""


def verdicts(case: tuple[Grader, Problem, str, str], texts: tuple[str, ...]) -> Counter[Verdict]:
    grader, problem, gold, other = case
    return Counter(grader(problem, text.format(g=gold, o=other)).verdict for text in texts)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("which", SETS)
def test_wordings_held_out(name: str, which: str) -> None:
    unstated, stated = SETS[which]
    found = verdicts(CASES[name], unstated)
    assert found[Verdict.CORRECT] <= ACCEPTED[name][which], found
    # What is not stated is unknown, and hardly ever wrong: only a later answer can be.
    assert found[Verdict.INCORRECT] <= 1, found
    assert verdicts(CASES[name], stated)[Verdict.CORRECT] == len(stated)


@pytest.mark.parametrize("name", CASES)
def test_the_generated_wordings_are_unknown_and_their_twins_correct(name: str) -> None:
    grader, problem, gold, other = CASES[name]
    texts = list(filled(noise.UNSTATED, g=gold, o=other))
    assert len(texts) > 400
    for text in texts:
        # A text that goes on to another answer may be read as that one.
        assert grader(problem, text).verdict is not Verdict.CORRECT, text
        assert other in text or grader(problem, text).verdict is Verdict.UNKNOWN, text
    for text in (*filled(noise.REASSURED, g=gold, o=other), f"The answer is {gold}.", f"\\boxed{{{gold}}}", f"So it is {gold}."):
        assert grader(problem, text).verdict is Verdict.CORRECT, text


@pytest.mark.parametrize(
    ("text", "stood_by"),
    [
        ("The answer is 12.", True),
        ("The answer is 12. That is wrong.", False),
        ("The answer is 12. The other way is wrong.", True),
        ("It is 12, not 13.", True),
        ("It is 12, not sure.", False),
        ("If the sum is even, the answer is 12.", True),
        ("If the answer is 12, the sum is even.", False),
        ("Tom says it is 12.", False),
        ("Tom says hello, so it is 12.", True),
        ("Is it 12? No.", False),
        ("How many? 12. We are done.", True),
        ("12 is the answer", True),
        ("12 is a number", False),
        ("12 are not red.", True),
        ("There is no doubt that it is 12.", True),
        ("The answer is 12. It is a mistake to stop at 11.", True),
        ("Mrs. Lee has 12 lbs. of tea.", True),
        ("The trap answer is 12.", False),
        ("The best possible answer is 12.", True),
        ("The answer is 12. I hope this helps.", True),
    ],
)
def test_one_answer_in_its_sentence(text: str, stood_by: bool) -> None:
    assert numeric(NUMBER, text).verdict is (Verdict.CORRECT if stood_by else Verdict.UNKNOWN)


def test_a_later_statement_mends_an_earlier_one() -> None:
    assert numeric(NUMBER, "The answer is 12. Wait, let me check. Yes, the answer is 12.").verdict is Verdict.CORRECT
    assert numeric(NUMBER, "The answer is 12. Wait, that is wrong. The answer is 13.").verdict is Verdict.UNKNOWN


def test_letters_with_reasons_about_the_other_letters() -> None:
    for text in ("(B) is wrong, so the answer is (C).", "The answer is (C). (B) is wrong.", "The answer is (C) wall. A bed does not fit."):
        assert option(LETTER, text).verdict is Verdict.CORRECT, text
    for text in ("Not (C).", "(C) is wrong, so (B)", "The answer is (C). No, that is not right.", "Could it be (C)?"):
        assert option(LETTER, text).verdict is Verdict.UNKNOWN, text
