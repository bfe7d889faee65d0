"""Task specs: every format on real files where they are there, and every fault as one line."""

from __future__ import annotations

import gzip
import json
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from tests.real_data import shared
from tokenworth.core.problem import AnswerKind
from tokenworth.errors import InvalidInput, MissingExtra, MissingFile, TokenworthError, UnknownName
from tokenworth.tasks.load import WORLD_SIZE, load_item, load_task
from tokenworth.tasks.prompt import OPTION_INSTRUCTION, user_message
from tokenworth.tasks.sources.hub import parse_hub_spec


def lines(path: Path, *rows: object) -> Path:
    path.write_text("".join(row + "\n" if isinstance(row, str) else json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


GOOD = {"id": "q1", "question": "Which?", "options": ["red", "blue"], "gold": "B", "kind": "option", "task": "colours"}


def message(error: pytest.ExceptionInfo[BaseException]) -> str:
    text = str(error.value)
    assert "\n" not in text
    return text


# The project's own schema


def test_native_problem_is_read_as_it_stands(tmp_path: Path) -> None:
    path = lines(tmp_path / "p.jsonl", GOOD, "", {"id": 7, "question": "2+2?", "gold": "4", "kind": "numeric"})
    first, second = load_task(str(path))
    assert (first.id, first.gold, first.labels, first.task) == ("q1", "B", ("A", "B"), "colours")
    assert (second.id, second.kind, second.options) == ("7", AnswerKind.NUMERIC, ())


def test_native_defaults(tmp_path: Path) -> None:
    free, labelled = load_task(
        str(
            lines(
                tmp_path / "p.jsonl",
                {"id": "a", "question": "Capital of Peru?"},
                {"id": "b", "question": "?", "options": [{"label": "1", "text": "x"}, {"label": "2", "text": "y"}]},
            )
        )
    )
    assert (free.kind, free.gold) == (AnswerKind.EXACT, None)
    assert (labelled.kind, labelled.labels) == (AnswerKind.OPTION, ("1", "2"))


def test_gzip_and_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl.gz"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbf" + json.dumps(GOOD).encode()))
    assert load_task(str(path))[0].id == "q1"


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({**GOOD, "anser": "B"}, "unknown key 'anser'"),
        ({**GOOD, "Gold": "B"}, "did you mean 'gold'?"),
        ({**GOOD, "problem": "x"}, "math:PATH"),
        ({"id": "a"}, "'question' is missing"),
        ({"question": "q"}, "'id' is missing"),
        ({**GOOD, "gold": "C"}, "'C' is not one of its options (A, B)"),
        ({**GOOD, "kind": "optoin"}, "did you mean option?"),
        ({**GOOD, "kind": 3}, "unknown kind '3'"),
        ({**GOOD, "options": ["one"]}, "at least 2"),
        ({**GOOD, "options": "AB"}, "must be a list"),
        ({**GOOD, "options": ["a", {"label": "B", "text": "b"}]}, "all of one sort"),
        ({**GOOD, "options": [{"label": "A", "text": "a"}, {"label": "A", "text": "b"}], "gold": "A"}, "labels repeat"),
        ({**GOOD, "options": ["x"] * 27}, "at most 26"),
        ({**GOOD, "options": [{"label": "A\nB", "text": "a"}, {"label": "C", "text": "b"}], "gold": "C"}, "one line"),
        ({**GOOD, "question": 5}, "'question' is a number"),
        ({**GOOD, "question": " "}, "'question' is empty"),
        ([1], "got a JSON list"),
        ("null", "got a JSON null"),
        ('{"id": "a"', "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
    ],
)
def test_native_faults_name_line_and_key(tmp_path: Path, row: object, expected: str) -> None:
    path = lines(tmp_path / "p.jsonl", {**GOOD, "id": "q0"}, row)
    with pytest.raises(InvalidInput) as error:
        load_task(str(path))
    assert f"{path}:2" in message(error) and expected in message(error)


def test_repeated_ids_name_both_lines(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as error:
        load_task(str(lines(tmp_path / "p.jsonl", GOOD, GOOD)))
    assert "p.jsonl:2" in message(error) and "p.jsonl:1" in message(error)


# Files that are not what they should be


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(MissingFile, match="does not exist"):
        load_task(str(tmp_path / "no.jsonl"))
    (tmp_path / "d.jsonl").mkdir()
    with pytest.raises(InvalidInput, match="is a folder"):
        load_task(str(tmp_path / "d.jsonl"))
    for name in ("a\0b.jsonl", "a\nb.jsonl", "gsm8k:\n"):
        with pytest.raises(InvalidInput, match="not one line"):
            load_task(name)


@pytest.mark.parametrize("spec", ["{}", "gsm8k:{}", "math:{}", "mmlu-pro:{}"])
def test_empty_file(tmp_path: Path, spec: str) -> None:
    with pytest.raises(InvalidInput, match="no problems"):
        load_task(spec.format(lines(tmp_path / "p.jsonl")))


def test_truncated_and_damaged_gzip(tmp_path: Path) -> None:
    whole = gzip.compress(b"\n".join(json.dumps({**GOOD, "id": str(i)}).encode() for i in range(2000)))
    path = tmp_path / "p.jsonl.gz"
    path.write_bytes(whole[:-20])
    with pytest.raises(InvalidInput) as error:
        load_task(str(path))
    assert "cut short" in message(error)
    path.write_bytes(whole[:40] + b"garbage" + whole[47:])
    with pytest.raises(InvalidInput) as error:
        load_task(str(path))
    assert "p.jsonl.gz" in message(error)


def test_bad_utf8_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_bytes(json.dumps(GOOD).encode() + b"\n" + b'{"id": "\xff"}\n')
    with pytest.raises(InvalidInput) as error:
        load_task(str(path))
    assert "p.jsonl:2" in message(error) and "UTF-8" in message(error)


# Specs


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("gsm9k:x.jsonl2", "did you mean gsm8k"),
        ("mmlupro:file", "mmlu-pro"),
        ("gsm8k", "names no file"),
        ("world", "names no family"),
        ("", "no task given"),
        ("nothing-like-it", "expected world:FAMILY"),
        ("x" * 5000, "expected world:FAMILY"),
        ("world:stpes", "did you mean steps"),
        ("world:steps/tset", "did you mean test"),
        ("hf:a:b:c:d", "hf:NAME"),
    ],
)
def test_unknown_specs(spec: str, expected: str) -> None:
    with pytest.raises((UnknownName, InvalidInput)) as error:
        load_task(spec)
    assert expected in message(error)


def test_file_of_unknown_format(tmp_path: Path) -> None:
    path = lines(tmp_path / "problems.txt", GOOD)
    with pytest.raises(InvalidInput, match="does not follow from the name"):
        load_task(str(path))
    assert len(load_task(f"jsonl:{path}")) == 1


def test_limit(tmp_path: Path) -> None:
    path = lines(tmp_path / "p.jsonl", GOOD, {"not": "reached"})
    assert len(load_task(str(path), limit=1)) == 1
    with pytest.raises(InvalidInput, match="at least 1"):
        load_task(str(path), limit=0)


def test_items_by_index_and_id(tmp_path: Path) -> None:
    path = str(lines(tmp_path / "p.jsonl", {**GOOD, "id": "alpha"}, {**GOOD, "id": "0"}))
    assert load_item(path, 1).id == "0"
    assert load_item(path, "alpha").id == "alpha"
    assert load_item(path, "0").id == "0"  # an id before an index
    assert load_item(path, "1").id == "0"
    with pytest.raises(UnknownName, match="did you mean alpha"):
        load_item(path, "alhpa")
    for bad in (2, -1, "99"):
        with pytest.raises(InvalidInput, match="expected 0 to 1"):
            load_item(path, bad)


def test_world_task_is_a_sequence_and_reaches_any_item() -> None:
    task = load_task("world:recall/train")
    assert len(task) == WORLD_SIZE and len(load_task("world:recall", limit=3)) == 3
    assert task[-1] == task[WORLD_SIZE - 1] and [p.id for p in task[2:4]] == [task[2].id, task[3].id]
    with pytest.raises(IndexError):
        task[WORLD_SIZE]
    far = load_item("world:recall/train", WORLD_SIZE + 5)
    assert load_item("world:recall/train", far.id) == far == load_item("world:recall/train", str(WORLD_SIZE + 5))
    assert load_item("world:recall", 0) != load_item("world:recall/train", 0)
    for bad in (-1, "x", "world:steps/train/0"):
        with pytest.raises(InvalidInput, match="index from 0"):
            load_item("world:recall/train", bad)


# The published formats, small


def test_mmlu_csv_with_newlines_and_commas(tmp_path: Path) -> None:
    path = tmp_path / "colours_test.csv"
    path.write_text('"Which,\nthen?",red,blue,"a, b",none,C\n\nShort?,1,2,A\n', encoding="utf-8")
    first, second = load_task(str(path))
    assert first.question == "Which,\nthen?" and first.options[2].text == "a, b" and first.gold == "C"
    assert (second.id, second.labels) == ("colours_test/1", ("A", "B"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("q,1,2,3,4,E\n", "'E' is not one of its options"),
        ("q,1\n", "2 columns"),
        ('"q,1,2,A\n', "not valid CSV"),
        ('"q" x,1,2,A\n', "not valid CSV"),
    ],
)
def test_mmlu_faults(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text("ok,1,2,A\n" + text, encoding="utf-8")
    with pytest.raises(InvalidInput) as error:
        load_task(str(path))
    assert expected in message(error) and "t.csv:2" in message(error)


REDUX = "question{0}choices{0}answer{0}error_type{0}source{0}correct_answer{0}potential_reason\n"


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_redux_gold_is_the_corrected_one(tmp_path: Path, delimiter: str) -> None:
    rows = [("1", "OK", ""), ("1", "wrong_groundtruth", "0"), ("1", "Wrong Groundtruth", "left"), ("1", "Bad Question Clarity", "1")]
    text = REDUX.format(delimiter) + "".join(
        delimiter.join(["Side?", "\"['left', 'it''s']\"", answer, kind, "s", fixed, ""]) + "\n" for answer, kind, fixed in rows
    )
    path = tmp_path / "r.csv"
    path.write_text(text, encoding="utf-8")
    assert [problem.gold for problem in load_task(f"mmlu-redux:{path}")] == ["B", "A", "A", None]


def test_redux_choices_are_never_run(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    for choices in ("__import__('os').getcwd()", "['a', 1]", "[" * 5000, "['a'" + "+'b'" * 9, "x" * 30_000):
        path.write_text(REDUX.format(";") + f"q;{choices};0;OK;s;;\n", encoding="utf-8")
        with pytest.raises(InvalidInput) as error:
            load_task(f"mmlu-redux:{path}")
        assert "r.csv:2" in message(error) and "choices" in message(error)


def test_pro_answer_and_index_must_agree(tmp_path: Path) -> None:
    row = {"question_id": 5, "question": "q", "options": ["a", "b", "c"], "answer": "B", "answer_index": 1, "category": "law"}
    problem = load_task(f"mmlu-pro:{lines(tmp_path / 'p.jsonl', row)}")[0]
    assert (problem.id, problem.gold, problem.task) == ("5", "B", "mmlu-pro:law")
    with pytest.raises(InvalidInput, match="disagree"):
        load_task(f"mmlu-pro:{lines(tmp_path / 'p.jsonl', {**row, 'answer_index': 2})}")


def test_gsm8k_answer_follows_the_mark(tmp_path: Path) -> None:
    rows = [{"question": "q", "answer": f"so it is 3 #### not\n#### {said}"} for said in ("1,234", "-7", "$5.50")]
    assert [p.gold for p in load_task(f"gsm8k:{lines(tmp_path / 'g.jsonl', *rows)}")] == ["1234", "-7", "5.5"]
    for answer, expected in (("42", "no ####"), ("#### many", "expected a number"), ("#### " + "9" * 5000, "expected a number")):
        with pytest.raises(InvalidInput, match=expected):
            load_task(f"gsm8k:{lines(tmp_path / 'g.jsonl', {'question': 'q', 'answer': answer})}")


def test_math_takes_ids_where_there_are_some(tmp_path: Path) -> None:
    rows = [{"answer": "\\frac12", "unique_id": "u/1"}, {"answer": 204, "id": 60}, {"answer": "x"}]
    rows = [{"problem": "p", **row} for row in rows]
    problems = load_task(f"math:{lines(tmp_path / 'aime.jsonl', *rows)}")
    assert [(p.id, p.gold, p.kind) for p in problems] == [
        ("u/1", "\\frac12", AnswerKind.LATEX),
        ("60", "204", AnswerKind.LATEX),
        ("aime/2", "x", AnswerKind.LATEX),
    ]


# The published formats, real


@pytest.mark.parametrize(
    ("spec", "count"),
    [
        ("mmlu:{}/mmlu/test/abstract_algebra_test.csv", 100),
        ("{}/mmlu/test/anatomy_test.csv", 135),
        ("mmlu:{}/mmlu/test/astronomy_test.csv", 152),
        ("mmlu-redux:{}/mmlu-redux/mmlu_anatomy.csv", 100),
        ("mmlu-redux:{}/mmlu-redux/mmlu_formal_logic.csv", 100),
        ("mmlu-pro:{}/mmlu-pro-142.jsonl", 142),
        ("gsm8k:{}/gsm8k-test.jsonl.gz", 1319),
        ("math:{}/math-500.jsonl.gz", 500),
        ("math:{}/aime25.jsonl", 30),
    ],
)
def test_real_files(spec: str, count: int) -> None:
    task = load_task(spec.format(shared("questions")))
    assert len(task) == count == len({problem.id for problem in task})
    assert all(problem.question for problem in task)
    if "redux" not in spec:
        assert all(problem.gold for problem in task)


def test_real_redux_has_six_faulty_answers_in_abstract_algebra() -> None:
    redux = load_task(f"mmlu-redux:{shared('questions')}/mmlu-redux/mmlu_abstract_algebra.csv")
    assert sum(problem.gold is None for problem in redux) == 5  # one of the six has a corrected answer


# Hugging Face data sets, with a stand-in for the library


def fake_datasets(monkeypatch: pytest.MonkeyPatch, rows: list[dict[str, Any]] | Exception) -> list[tuple[Any, ...]]:
    calls: list[tuple[Any, ...]] = []

    def load_dataset(name: str, config: str | None, *, split: str) -> list[dict[str, Any]]:
        calls.append((name, config, split))
        if isinstance(rows, Exception):
            raise rows
        return rows

    module = types.ModuleType("datasets")
    module.load_dataset = load_dataset  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "datasets", module)
    return calls


def test_hub_needs_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingExtra, match=r"tokenworth\[datasets\]"):
        load_task("hf:openai/gsm8k")


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        ("openai/gsm8k", ("openai/gsm8k", "main", "test")),
        ("cais/mmlu:anatomy", ("cais/mmlu", "anatomy", "test")),
        ("cais/mmlu:validation", ("cais/mmlu", "all", "validation")),
        ("a/b:conf:train[:5]", ("a/b", "conf", "train[:5]")),
    ],
)
def test_hub_specs(rest: str, expected: tuple[str, str | None, str]) -> None:
    assert parse_hub_spec(rest) == expected


@pytest.mark.parametrize(
    ("row", "kind", "gold"),
    [
        ({"question": "q", "subject": "anatomy", "choices": ["a", "b", "c", "d"], "answer": 2}, AnswerKind.OPTION, "C"),
        ({"question_id": 1, "question": "q", "options": ["a", "b"], "answer": "B", "answer_index": 1}, AnswerKind.OPTION, "B"),
        ({"question": "q", "answer": "thus\n#### 1,000"}, AnswerKind.NUMERIC, "1000"),
        ({"problem": "p", "solution": "s", "answer": "\\pi", "unique_id": "x"}, AnswerKind.LATEX, "\\pi"),
        ({"id": "z", "question": "q", "gold": "yes"}, AnswerKind.EXACT, "yes"),
    ],
)
def test_hub_columns(monkeypatch: pytest.MonkeyPatch, row: dict[str, Any], kind: AnswerKind, gold: str) -> None:
    calls = fake_datasets(monkeypatch, [row, row])
    problems = load_task("hf:some/set:test", limit=1)
    assert calls == [("some/set", None, "test[:1]")]
    assert [(p.kind, p.gold) for p in problems] == [(kind, gold)]


def test_hub_faults_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_datasets(monkeypatch, [{"text": "t"}])
    with pytest.raises(InvalidInput, match=r"columns .'text'. are not known"):
        load_task("hf:some/set")
    fake_datasets(monkeypatch, [{"question": "q", "choices": ["a", "b"], "answer": 7}])
    with pytest.raises(InvalidInput, match="index of one of 2"):
        load_task("hf:some/set")
    fake_datasets(monkeypatch, FileNotFoundError("no such set\non the hub"))
    with pytest.raises(TokenworthError) as error:
        load_task("hf:some/set")
    assert "no such set on the hub" in message(error)


def test_user_message_adds_an_instruction_or_none(tmp_path: Path) -> None:
    problem = load_task(str(lines(tmp_path / "p.jsonl", GOOD)))[0]
    assert user_message(problem) == f"Which?\n(A) red\n(B) blue\n\n{OPTION_INSTRUCTION}"
    assert user_message(problem, "") == "Which?\n(A) red\n(B) blue"
    assert user_message(problem, "Be brief.").endswith("\n\nBe brief.")
    free = load_task(str(lines(tmp_path / "p.jsonl", {"id": "a", "question": "2?", "gold": "2", "kind": "latex"})))[0]
    assert "\\boxed{}" in user_message(free)


@pytest.mark.parametrize(
    ("spec", "rows"),
    [
        ("jsonl:{}", ['{"id": "a", "question": "q"}', "no json", '{"id": "a", "question": "again"}', '{"id": "d", "question": "q"}']),
        ("gsm8k:{}", [f'{{"question": "q", "answer": "{end}"}}' for end in ("#### 3", "3", "#### many", "#### 4")]),
        ("math:{}", ['{"problem": "q", "answer": "3"}', "[]", '{"problem": "q"}', '{"problem": "q", "answer": "4"}']),
        ("mmlu:{}", ["q,1,2,A", "q,1,2,C", "q,A", "q,1,2,B"]),
        (
            "mmlu-redux:{}",
            ["question,choices,answer,error_type,correct_answer"]
            + [f"q,\"['1', '2']\",{answer},ok," for answer in (0, 7)]
            + ["q,none,0,ok,", "q,\"['1', '2']\",1,ok,"],
        ),
    ],
)
def test_a_line_that_is_no_problem_harms_no_other(spec: str, rows: list[str], tmp_path: Path) -> None:
    path = tmp_path / "p"
    path.write_text("\n".join(rows) + "\n")
    task = load_task(spec.format(path), keep_faults=True)
    good = [task.item(0), task.item(3)]
    assert good == [task[0], task[3]] and len(task) == 4
    assert task.item(good[1].id) == good[1]
    for index in (1, 2):
        with pytest.raises(InvalidInput, match=rf"p:{index + 1 + ('redux' in spec)}: "):
            task.item(index)
    with pytest.raises(UnknownName, match=r"it may stand in a line that is not a problem: .*p:"):
        task.item("nobody")
    with pytest.raises(InvalidInput, match="p:"):
        load_task(spec.format(path))
    path.write_text("\n".join([*rows[: len(rows) - 4], rows[-3]]) + "\n")
    with pytest.raises(InvalidInput, match="p:"):
        load_task(spec.format(path), keep_faults=True)
