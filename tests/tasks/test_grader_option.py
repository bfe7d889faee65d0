"""The option grader: what is read as a label, and above all what is not."""

from __future__ import annotations

import pytest

from tests.tasks.grader_cases import FOUR, NUMBERED, choice, free
from tokenworth.core.grade import UNPARSEABLE, Grade, Verdict
from tokenworth.core.problem import AnswerKind, Option, Problem
from tokenworth.tasks.grade.option import option


@pytest.mark.parametrize(
    "text",
    [
        " The answer is (C).",
        "The answer is C",
        "The answer is C.",
        "the answer is (c)",
        "Answer: C",
        "**Answer:** C",
        "**Answer: C**",
        "### Answer\n**C**",
        "Final answer\n\nC",
        "The correct answer is **(C)**.",
        "The correct answer is: \n\n**C) cell wall**",
        "The best answer is: (C).",
        "Therefore, the best answer is: (C).",
        "The answer to the question is option C",
        "The correct option is C.",
        "The correct choice: C",
        "The answer is therefore $\\boxed{C}$",
        "\\boxed{C}",
        "\\boxed{\\text{C}}",
        "\\boxed{\\text{(C)}}",
        "$$\\boxed{\\textbf{C. }\\text{cell wall}}$$",
        "\\[ \\boxed{(C)} \\]",
        "C",
        "C.",
        "(C)",
        "**C**",
        "**(C)**",
        " C\n",
        "C. cell wall",
        "(C) cell wall",
        "C: cell wall\n\nThe others do not fit.",
        "Option C is correct.",
        "So (C) is the correct answer.",
        "Between (A) and (C), the answer is (C).",
        "Option A is wrong. Option B is wrong. The answer is (C).",
        "The answer is C because A is a cat.",
        "The answer is C, since B is a bed.",
        "The answer is C - cell wall",
        "The answer is C cell wall",
        "The answer is (C). Yes, the answer is (C).",
        "(A) the cat\n(B) bed\n(C) cell wall\n(D) dune\n\nAnswer: (C)",
        "Considering it all, this is (C).",
        "C\n\nExplanation:\nA. the cat does not fit\nB. bed does not fit",
        "The answer choice is C",
        "The answer is 'C'",
        "The answer is “C”.",
    ],
)
def test_option_reads_the_stated_label(text: str) -> None:
    assert option(FOUR, text) == Grade(outcome="C", verdict=Verdict.CORRECT)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   \n",
        "The answer is unclear.",
        "The answer is a matter of taste.",
        "Answer: A long story.",
        "The answer is not (C).",
        "It isn't (C).",
        "It cannot be option C.",
        "The answer is (A) or (C).",
        "The answer is A and C",
        "The answer is (A, C).",
        "The answer is (C), (D) and (A).",
        "The answer is (C). The answer is (D).",
        "The answer is (C).\n\n\\boxed{B}",
        "The answer is (E).",
        "The answer is E",
        "\\boxed{5}",
        "It may be (A), though (C) is likely.",
        "I think a C major chord.",
        "(C) is incorrect.",
        "Cats are animals.",
        "The answer is Cell.",
        "The answer is Apple.",
        "A cat sat on the mat.",
        "Answer: I do not know",
    ],
)
def test_option_reads_nothing_else(text: str) -> None:
    assert option(FOUR, text) == Grade(outcome=UNPARSEABLE, verdict=Verdict.UNKNOWN)


@pytest.mark.parametrize(
    "text",
    [
        "The answer is (C) (D).",
        "(C)(D)",
        "(C) (D)",
        "The answer is (C)(D).",
        "The answer is (C). (D).",
        "The answer is (C). (D) dune.",
        "The answer is (C). Also (D).",
        "The answer is (C) and also (D)",
        "The answer is (C) and also D",
        "The answer is (C) as well as (D)",
        "The answer is (C), also option (D)",
        "The answer is (C) or maybe (D), because both fit.",
        "The answer is C; D",
        "The answer is [C] [D]",
        "The answer is **C** **D**",
        "The answer is (c) (d)",
        "(C. D)",
        "The answer is (C) cell wall (D) dune",
        "(C) cell wall (D) dune",
        "The answer is (C)(C)(D).",
    ],
)
def test_two_labels_in_one_statement_are_unparseable(text: str) -> None:
    assert option(FOUR, text) == Grade(outcome=UNPARSEABLE, verdict=Verdict.UNKNOWN)


@pytest.mark.parametrize(
    "text",
    [
        "The answer is (C) (C).",
        "The answer is (C), not (D).",
        "The answer is (C) rather than (D).",
        "The answer is (C). (D) is wrong.",
        "The answer is (C). (A), (B) and (D) are wrong.",
        "The answer is (C) cell wall. (D) dune is too dry.",
        "The answer is (C) because (D) is incorrect.",
        "The answer is (C). Option D is wrong.",
        "(A) the cat (B) bed (C) cell wall (D) dune. The answer is (C).",
    ],
)
def test_labels_that_are_ruled_out_or_restated_do_not_unsay_the_statement(text: str) -> None:
    assert option(FOUR, text) == Grade(outcome="C", verdict=Verdict.CORRECT)


@pytest.mark.parametrize(
    ("text", "outcome"), [("The answer is (3) [1].", "3"), ("The answer is 3 (1).", UNPARSEABLE), ("The answer is 3: 7 (none)", "3")]
)
def test_numbered_options_and_what_stands_after_them_in_brackets(text: str, outcome: str) -> None:
    assert option(NUMBERED, text).outcome == outcome


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("The correct answer is 3.", "3"),
        ("The correct answer is choice 3", "3"),
        ("\n\nThe correct answer is:\n\n2: 4x", "2"),
        ("3", "3"),
        ("3: 7", "3"),
        ("The answer is 3.5", UNPARSEABLE),
        ("The answer is 31", UNPARSEABLE),
        ("The answer is 3 metres", UNPARSEABLE),
        ("The answer is 3, 4", UNPARSEABLE),
        ("1. First we add.\n2. Then we stop.", UNPARSEABLE),
        ("f(3) = 2 and g(1) = 0", UNPARSEABLE),
        ("1: (1,1)\n2: 4x\n3: 7\n4: none\n\nThe correct answer is 3: 7.", "3"),
    ],
)
def test_numbered_options(text: str, outcome: str) -> None:
    assert option(NUMBERED, text).outcome == outcome


def test_option_verdicts() -> None:
    assert option(FOUR, "Answer: B").verdict is Verdict.INCORRECT
    unknown = choice("x", "y", gold=None)
    assert option(unknown, "Answer: B") == Grade(outcome="B", verdict=Verdict.UNKNOWN)
    assert option(free("C", AnswerKind.EXACT), "Answer: C").outcome == UNPARSEABLE


def test_option_labels_that_begin_alike_and_differ_in_case() -> None:
    labels = Problem(id="p", question="?", options=tuple(Option(label=x, text=x * 3) for x in ("A", "AB", "a")), gold="AB")
    assert option(labels, "The answer is (AB).").outcome == "AB"
    assert option(labels, "The answer is (a).").outcome == "a"
    assert option(labels, "The answer is (A).").outcome == "A"
