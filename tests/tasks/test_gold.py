"""A gold answer that its grader cannot use is refused when the task is read, with file and line."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from tests.tasks.grader_cases import choice, free
from tokenworth.core.problem import AnswerKind
from tokenworth.errors import InvalidInput
from tokenworth.tasks.grade.gold import with_usable_gold
from tokenworth.tasks.load import load_task
from tokenworth.tasks.sources.hub import hub_problem
from tokenworth.workbench.bench import Workbench

GOOD = {"id": "0", "question": "?", "gold": "1"}


def row(**fields: Any) -> str:
    return json.dumps({"id": "a", "question": "?", **fields})


BAD = (
    ("", "jsonl", row(gold="18 apples", kind="numeric"), "'18 apples' is not a number"),
    ("", "jsonl", row(gold="6 feet 2 inches", kind="numeric"), "is not a number"),
    ("", "jsonl", row(gold="3 or 4", kind="numeric"), "is not a number"),
    ("", "jsonl", row(gold="many", kind="numeric"), "is not a number"),
    ("", "jsonl", row(gold=" . ", kind="exact"), "says nothing"),
    ("", "jsonl", row(gold="BLUE", options=["red", "blue"]), "not one of its options (A, B); did you mean 'B'?"),
    ("", "jsonl", row(gold="\\frac{1}{", kind="latex"), "cannot be read as LaTeX"),
    ("math:", "jsonl", json.dumps({"problem": "?", "answer": "\\sqrt{2"}), "cannot be read as LaTeX"),
    ("math:", "jsonl", json.dumps({"problem": "?", "answer": "$ $"}), "cannot be read as LaTeX"),
    ("gsm8k:", "jsonl", json.dumps({"question": "?", "answer": "so\n#### 18 apples"}), "expected a number"),
    ("mmlu:", "csv", "Which?,red,green,E", "not one of its options (A, B)"),
    ("mmlu-pro:", "jsonl", json.dumps({"question_id": 1, "question": "?", "options": ["a", "b"], "answer": "E"}), "not one of its options"),
)  # fmt: skip
FIRST = {
    "": json.dumps(GOOD),
    "math:": json.dumps({"problem": "?", "answer": "\\frac12"}),
    "gsm8k:": json.dumps({"question": "?", "answer": "#### 18"}),
    "mmlu:": "Which?,red,green,B",
    "mmlu-pro:": json.dumps({"question_id": 0, "question": "?", "options": ["a", "b"], "answer": "A"}),
}


@pytest.mark.parametrize(("prefix", "suffix", "line", "said"), BAD)
def test_every_loader_names_file_and_line(tmp_path: Path, prefix: str, suffix: str, line: str, said: str) -> None:
    if "LaTeX" in said and importlib.util.find_spec("math_verify") is None:
        pytest.skip("math-verify is not installed")
    path = tmp_path / f"p.{suffix}"
    path.write_text(f"{FIRST[prefix]}\n{line}\n", encoding="utf-8")
    with pytest.raises(InvalidInput) as error:
        load_task(f"{prefix}{path}")
    assert str(error.value).startswith(f"{path}:2: ") and said in str(error.value) and "\n" not in str(error.value)


def test_rows_of_a_data_set_by_name() -> None:
    with pytest.raises(InvalidInput, match=r"hf:x row 3: gold answer '18 apples' is not a number"):
        hub_problem({"id": "a", "question": "?", "gold": "18 apples", "kind": "numeric"}, "hf:x row 3", "x/3")


@pytest.mark.parametrize("gold", ["18", "-3", "1,234", "$5.50", "25%", "2/3", "\\frac{2}{3}", "1.5e3", "10^6", "3 1/2", "½", "+7"])
def test_numbers_that_can_be_used(gold: str) -> None:
    problem = free(gold, AnswerKind.NUMERIC)
    assert with_usable_gold(problem, "p") is problem


@pytest.mark.parametrize(
    "gold", ["\\frac12", "x^2+1", "(1,2)", "\\text{Monday}", "Evelyn", "312_5", "\\$5", "0.\\overline{3}", "\\{1,2\\}"]
)
def test_formulas_that_can_be_used(gold: str) -> None:
    pytest.importorskip("math_verify")
    problem = free(gold, AnswerKind.LATEX)
    assert with_usable_gold(problem, "p") is problem


def test_another_grader_is_asked_too() -> None:
    problem = choice("red", "blue", gold="B")
    assert with_usable_gold(problem, "p", grader="exact") is problem
    assert with_usable_gold(problem, "p", grader="my_graders:good") is problem
    with pytest.raises(InvalidInput, match="p: gold answer 'B' is not a number"):
        with_usable_gold(problem, "p", grader="numeric")
    with pytest.raises(InvalidInput, match="is not one of the options"):
        with_usable_gold(free("4", AnswerKind.NUMERIC), "p", grader="option")


def test_nothing_is_drawn_for_a_gold_answer_that_cannot_be_used() -> None:
    with Workbench("tiny") as bench, pytest.raises(InvalidInput, match="problem 'p': gold answer 'B' is not a number"):
        bench.case(choice("red", "blue", gold="B"), grader="numeric")


@pytest.mark.parametrize(
    ("options", "gold", "label"),
    [(["red", "blue"], "blue", "B"), (["B", "A"], "B", "B"), (["x", "x"], "A", "A"), ([" blue", "red"], "blue", "A")],
)
def test_a_gold_answer_may_be_an_option_s_text(options: list[str], gold: str, label: str, tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text(row(options=options, gold=gold))
    assert load_task(str(path)).item(0).gold == label


def test_a_text_that_two_options_have_names_none(tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text(row(options=["x", "x"], gold="x"))
    with pytest.raises(InvalidInput, match="not one of its options"):
        load_task(str(path))


@pytest.mark.parametrize(("gold", "told"), [(5, "5"), (1.5, "1.5"), (-0.25, "-0.25")])
def test_a_number_is_its_text(gold: float, told: str, tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text(row(gold=gold, kind="numeric"))
    assert load_task(str(path)).item(0).gold == told
