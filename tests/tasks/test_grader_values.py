"""Literal and numeric answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tasks.grader_cases import free
from tokenworth.core.grade import RESERVED_OUTCOMES, UNPARSEABLE, Grade, Verdict
from tokenworth.core.problem import AnswerKind
from tokenworth.errors import InvalidInput
from tokenworth.tasks.grade.exact import exact
from tokenworth.tasks.grade.number import number_label, parse_number
from tokenworth.tasks.grade.numeric import numeric


@pytest.mark.parametrize(
    "text",
    ["Lima", " lima.\n", "**Lima**", "The answer is Lima.", "Answer: \\boxed{Lima}", "“LIMA”", "The answer is: Lima\nThanks"],
)
def test_exact_forgives_case_space_and_marks(text: str) -> None:
    assert exact(free("Lima", AnswerKind.EXACT), text) == Grade(outcome="lima", verdict=Verdict.CORRECT)


@pytest.mark.parametrize(
    ("text", "outcome", "verdict"),
    [
        ("Lima Peru", "lima peru", Verdict.INCORRECT),
        ("", UNPARSEABLE, Verdict.UNKNOWN),
        ("The answer is Lima. The answer is Cuzco.", UNPARSEABLE, Verdict.UNKNOWN),
        ("x" * 500, UNPARSEABLE, Verdict.UNKNOWN),
        *((label, f"‘{label}’", Verdict.INCORRECT) for label in RESERVED_OUTCOMES),
        ("a" * 60, "a" * 39 + "…", Verdict.INCORRECT),
    ],
)
def test_exact_outcomes(text: str, outcome: str, verdict: Verdict) -> None:
    assert exact(free("Lima", AnswerKind.EXACT), text) == Grade(outcome=outcome, verdict=verdict)


@pytest.mark.parametrize(
    ("gold", "text"),
    [
        ("18", "She makes 9 * 2 = $18 every day.\n#### 18"),
        ("18", "She makes 9 * 2 = $18 every day."),
        ("18", "The answer is 18."),
        ("18", "The answer is $18.00 a day for 2 people."),
        ("18", "The answer is 9 × 2 = 18"),
        ("18", "\\boxed{18}"),
        ("1234", "The answer is 1,234"),
        ("1,234", "so 1234"),
        ("1234567.5", "Answer: $1,234,567.50"),
        ("0.5", "The answer is 1/2"),
        ("0.5", "\\boxed{\\frac{1}{2}}"),
        ("1/3", "The answer is 2/6."),
        ("25", "The answer is 25%"),
        ("0.25", "The answer is 25\\%"),
        ("25%", "The answer is 0.25"),
        ("-3", "The answer is −3."),
        ("-3", "The answer is $-3$"),
        ("1500", "The answer is 1.5e3"),
        ("1500", "The answer is $1.5 \\times 10^{3}$"),
        (".5", "It is .5"),
        ("5", "The answer is 5. The answer is 5.0."),
        ("5", "First 3, then 4; the answer is 5, not 6."),
        ("50", "\\boxed{50^\\circ}"),
        ("50", "\\boxed{50^{\\circ}}"),
        ("50", "The answer is 50^\\circ"),
        ("50", "The answer is $50^{\\circ}$."),
        ("50", "50°"),
        ("10", "You need at least 10 boxes."),
        ("42", "It costs at least 42"),
        ("42", "It costs at most $42."),
        ("12", "The answer is 12m2."),
        ("12", "12 m^2"),
        ("12", "12 km"),
        ("12", "12kg"),
        ("12", "12cm"),
        ("12", "12 kids"),
        ("12", "12 inches"),
        ("12", "He has 12 more."),
        ("12", "Half of 24 is 12"),
        ("12", "The result is \\(12\\)"),
        ("12", "There are 12 of them.\nThis is not hard."),
    ],
)
def test_numeric_reads_numbers_as_people_write_them(gold: str, text: str) -> None:
    grade = numeric(free(gold, AnswerKind.NUMERIC), text)
    assert grade.verdict is Verdict.CORRECT, grade


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no number",
        "The answer is 5. The answer is 6.",
        "The answer is 5 or 6",
        "\\boxed{5} \\boxed{6}",
        "The answer is 1e999999999",
        "9" * 5000,
        "it is 1/0",
    ],
)
def test_numeric_leaves_the_rest_unparseable(text: str) -> None:
    assert numeric(free("5", AnswerKind.NUMERIC), text).outcome == UNPARSEABLE


@pytest.mark.parametrize(
    "text",
    [
        "12 is wrong",
        "12 is incorrect.",
        "12 isn't right",
        "I don't think it is 12.",
        "I don't think the answer is 12.",
        "\\boxed{12} is wrong.",
        "I ruled out 12",
        "Maybe 11, maybe 12",
        "The answer is at least 12",
        "The answer is 12 x 3",
        "The answer is twice 12.",
        "half of 12",
        "The square root of 12",
        "12 squared",
        "12!",
        "The answer is 12 factorial",
        "The answer is 12 more than 5",
        "12k",
        "12K",
        "12M",
        "12π",
        "12i",
        "f(12)",
        "\\boxed{12\\sqrt{3}}",
        "The answer is 50^\\circ + 12^\\circ",
    ],
)
def test_numeric_does_not_take_a_denied_or_partial_number(text: str) -> None:
    for gold in ("12", "50"):
        assert numeric(free(gold, AnswerKind.NUMERIC), text).outcome == UNPARSEABLE


def test_numeric_outcomes_are_short_values() -> None:
    assert numeric(free("5", AnswerKind.NUMERIC), "the answer is $1,200.50").outcome == "1200.5"
    assert numeric(free("5", AnswerKind.NUMERIC), "the answer is 2/3").outcome == "2/3"
    assert numeric(free(None, AnswerKind.NUMERIC), "the answer is 7%") == Grade(outcome="7%", verdict=Verdict.UNKNOWN)
    with pytest.raises(InvalidInput, match="is not a number"):
        numeric(free("many", AnswerKind.NUMERIC), "5")


@pytest.mark.slow
@given(st.integers(-(10**12), 10**12), st.integers(0, 9))
def test_number_labels_read_back(whole: int, digits: int) -> None:
    number = parse_number(f"{whole / 10**digits:.{digits}f}")
    assert number is not None
    again = parse_number(number_label(number))
    assert again is not None and again.value == number.value
