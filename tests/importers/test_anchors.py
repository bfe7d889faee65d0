"""Thought anchors: what the documents say must be what the files say, and the notes must say the rest."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.importers.importer_cases import anchors_folder, curves, one_line
from tests.real_data import shared
from tokenworth.errors import InvalidInput, MissingFile
from tokenworth.importers.importer import import_path
from tokenworth.report.page import page_of
from tokenworth.report.text import render_text
from tokenworth.stats.proportion import wilson
from tokenworth.store.documents import document_json, parse_document
from tokenworth.workbench.page import write_report


def test_thought_anchors_values_and_counts(tmp_path: Path) -> None:
    (doc,) = curves(import_path(anchors_folder(tmp_path)))
    assert doc.trace.unit == "sentence" and doc.trace.pieces == ("One  two.\n\n", "Three.\n", "Four.\n")
    assert doc.trace.answer_pieces == ("</think>\n\nAnswer 4",)
    assert doc.cuts == (0, 1, 2) and doc.value == (0.5, 2 / 3, None)  # no resample: not measured, whatever the 0 says
    assert doc.n_started == (10, 10, 0) and doc.n_effective == (10.0, 9.0, None)  # 2/3 is 6 of 9
    low, high = wilson(np.array([5.0, 6.0]), np.array([10.0, 9.0]), 0.95)
    assert doc.low == (*low.tolist(), None) and doc.high == (*high.tolist(), None)
    assert doc.model.name == "some-model" and doc.provenance.source == "some-model/correct_base_solution/problem_7"
    assert doc.problem is not None and (doc.problem.gold, doc.problem.task) == ("4", "MATH, Algebra, Level 1")
    assert [(e.cut, e.label) for e in doc.events] == [(0, "plan_generation"), (2, "a"), (2, "b")]
    assert len(doc.samples) == 20 and {s.outcome for s in doc.samples} == {"not recorded"}
    assert doc.rollouts == 20 and any("1 cuts have no stored resample" in note for note in doc.notes)


def test_thought_anchors_without_resamples_assumes_and_says_so(tmp_path: Path) -> None:
    (doc,) = curves(import_path(anchors_folder(tmp_path, chunks_resampled__json=None, problem__json=None)))
    assert doc.n_started == (100, 100, 100) and doc.n_effective == (100.0, 99.0, 100.0)
    assert doc.value == (0.5, 2 / 3, 0.0) and not doc.samples and doc.problem is None
    assert any("100 are assumed" in note for note in doc.notes)


def test_thought_anchors_whose_sentences_are_not_in_the_text(tmp_path: Path) -> None:
    chunks = [{"chunk": "Something.", "accuracy": 0.5}, {"chunk": "Else.", "accuracy": 0.5}]
    (doc,) = curves(import_path(anchors_folder(tmp_path, chunks_labeled__json=chunks)))
    assert doc.trace.pieces == ("Something. ", "Else.") and any("were not found" in note for note in doc.notes)


def test_sentences_of_the_answer_are_behind_the_wall(tmp_path: Path) -> None:
    chunks = [{"chunk": c, "accuracy": 0.5} for c in ("One two.", "Three.", "Four.", "</think> Answer 4")]
    (doc,) = curves(import_path(anchors_folder(tmp_path, chunks_labeled__json=chunks)))
    assert doc.cuts == (0, 1, 2) and len(doc.trace.pieces) == 3


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("chunks_labeled__json", {"a": 1}, "list of sentences"),
        ("chunks_labeled__json", [], "list of sentences"),
        ("chunks_labeled__json", [{"chunk_idx": 1, "chunk": "x"}, {"chunk_idx": 1, "chunk": "y"}], "in order, each once"),
        ("chunks_labeled__json", [{"chunk_idx": 1, "chunk": "x"}, {"chunk_idx": 0, "chunk": "y"}], "in order, each once"),
        ("chunks_labeled__json", [{"chunk_idx": "1", "chunk": "x"}], "in order, each once"),
        ("chunks_labeled__json", [{"chunk_idx": 10**9, "chunk": "x"}], "in order, each once"),
        ("chunks_labeled__json", [{"chunk": 3}], "'chunk' is a int"),
        ("chunks_labeled__json", [{"chunk": "One two.", "accuracy": 7}], "'accuracy' is 7"),
        ("base_solution__json", [], "expected a JSON object"),
        ("base_solution__json", {"prompt": "x"}, "'solution' is missing"),
        ("chunks_resampled__json", {"x": []}, "not the number of a sentence"),
        ("chunks_resampled__json", {"0": "x"}, "not the number of a sentence"),
        ("chunks_resampled__json", {"0": [{"rollout": "x"}]}, "expected chunk_resampled"),
        ("chunks_resampled__json", {"0": [{"chunk_resampled": 3}]}, "'chunk_resampled' is a int"),
        ("problem__json", {}, "'problem' is missing"),
    ],
)
def test_thought_anchors_faults(tmp_path: Path, name: str, content: object, expected: str) -> None:
    with pytest.raises(InvalidInput) as error:
        import_path(anchors_folder(tmp_path, **{name: content}))
    assert expected in one_line(error) and name.replace("__", ".") in one_line(error)


# -- rates that are not of correct answers -------------------------------------------------------------------------------------

SCENARIO: dict[str, object] = {
    "problem__json": None,
    "scenario__json": {"scenario_id": 0, "system_prompt": "Be an agent.", "user_prompt": "Read."},
}


def scenario(what: str, has_it: bool, **more: object) -> dict[str, object]:
    base = {
        "prompt": "p<think>\n",
        "solution": "<think>\nOne  two.\n\nThree.\nFour.\n</think>\n\nSent.",
        what: has_it,
        "reasoning": "judge",
    }
    return {**SCENARIO, "base_solution__json": base, **more}


@pytest.mark.parametrize("what", ["contains_blackmail", "is_refusal", "whistleblows"])
def test_a_rate_of_something_else_keeps_its_name(tmp_path: Path, what: str) -> None:
    (doc,) = curves(import_path(anchors_folder(tmp_path, **scenario(what, True))))
    assert (doc.value_label, doc.target) == (f"P({what})", f"label:{what}")
    assert (doc.trace.outcome, doc.trace.verdict) == (f"{what}: yes", "unknown") and "".join(doc.trace.pieces).startswith("<think>\nOne")
    assert what in doc.notes[0] and not any("were not found" in note for note in doc.notes)
    assert doc.problem is not None and doc.problem.question == "Be an agent.\n\nRead."
    # Page, text and tables name what the value is of, and nothing calls it correct.
    told = render_text(page_of([doc]), width=100)
    assert f"P({what})" in told and "P(correct)" not in told and "success rate" not in told
    write_report(tmp_path / "page.html", doc)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert f"P({what})" in page and "P(correct)" not in page
    assert parse_document(document_json(doc), "x") == doc


def test_where_no_field_says_what_the_rates_are_of_they_keep_that_of_the_source(tmp_path: Path) -> None:
    for number, more in enumerate(({}, {"a": True, "b": False})):
        base = {"solution": "One two. Three. Four.", **more}
        folder = anchors_folder(tmp_path / str(number), **SCENARIO, base_solution__json=base)
        (doc,) = curves(import_path(folder))
        assert (doc.value_label, doc.target, doc.trace.outcome) == ("P(accuracy)", "label:accuracy", None)
    (plain,) = curves(import_path(anchors_folder(tmp_path / "plain", base_solution__json={"solution": "One two. Three. Four."})))
    assert (plain.value_label, plain.target) == ("P(correct)", "gold")


# -- numbering with gaps -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("numbers", "left_out"), [((0, 2, 3), "1"), ((1, 2, 5), "0, 3, 4"), ((0, 1, 4), "2, 3"), ((0, 1, 2), "")])
def test_sentences_keep_their_numbers(tmp_path: Path, numbers: tuple[int, ...], left_out: str) -> None:
    words = ("One two.", "Three.", "Four.")
    chunks = [{"chunk": text, "chunk_idx": i, "accuracy": 0.5, "function_tags": [f"t{i}"]} for text, i in zip(words, numbers, strict=True)]
    resamples = {str(i): [f"r{i}"] * 10 for i in numbers}
    (doc,) = curves(import_path(anchors_folder(tmp_path, chunks_labeled__json=chunks, chunks_resampled__json=resamples)))
    assert doc.cuts == numbers and doc.value == (0.5, 0.5, 0.5) and len(doc.trace.pieces) == numbers[-1] + 1
    assert [doc.trace.pieces[i].strip() for i in numbers] == ["One  two.", "Three.", "Four."]
    assert all(not doc.trace.pieces[i] for i in range(numbers[-1]) if i not in numbers)
    assert [(event.cut, event.label) for event in doc.events] == [(i, f"t{i}") for i in numbers]
    assert {(sample.cut, sample.text) for sample in doc.samples} == {(i, f"r{i}") for i in numbers}
    told = [note for note in doc.notes if "leaves out" in note]
    assert len(told) == bool(left_out) and all(f"leaves out {left_out}:" in note for note in told)


# -- resamples that are objects ------------------------------------------------------------------------------------------------------


def test_resamples_may_be_objects_with_their_answers(tmp_path: Path) -> None:
    right, wrong = {"chunk_resampled": "a", "answer": "4", "is_correct": True}, {"chunk": "b", "answer": "5", "is_correct": False}
    silent = {"text": "c", "answer": "", "is_correct": None}
    resamples = {"0": [right] * 5 + [wrong] * 5 + [silent] * 2, "1": [right] * 4 + [wrong] * 2, "2": [None, "d", right]}
    (doc,) = curves(import_path(anchors_folder(tmp_path, chunks_resampled__json=resamples)))
    first = [sample for sample in doc.samples if sample.cut == 0]
    assert [(s.text, s.outcome, s.verdict) for s in (first[0], first[5], first[10])] == [
        ("a", "4", "correct"),
        ("b", "5", "incorrect"),
        ("c", "not recorded", "unknown"),
    ]
    assert [(s.text, s.outcome) for s in doc.samples if s.cut == 2] == [("", "not recorded"), ("d", "not recorded"), ("a", "4")]
    # What is known of the answers gives the count; where it denies the rate the source's rate stands, with a note.
    assert doc.value == (0.5, 2 / 3, 0.0) and doc.n_effective == (10.0, 6.0, 3.0)
    assert any("At 1 cuts (2) the rate is not that of the resamples" in note for note in doc.notes)


def test_resamples_of_a_scenario_meet_its_target_or_not(tmp_path: Path) -> None:
    resamples = {"0": [{"chunk_resampled": "a", "contains_blackmail": True}, {"chunk_resampled": "b", "contains_blackmail": False}]}
    files = scenario("contains_blackmail", True, chunks_resampled__json=resamples)
    (doc,) = curves(import_path(anchors_folder(tmp_path, **files)))
    assert [(s.outcome, s.verdict, s.hit) for s in doc.samples] == [
        ("contains_blackmail: yes", "unknown", True),
        ("contains_blackmail: no", "unknown", False),
    ]


def test_thought_anchors_without_base(tmp_path: Path) -> None:
    with pytest.raises(MissingFile, match=r"base_solution\.json"):
        import_path(anchors_folder(tmp_path, base_solution__json=None))


@pytest.mark.slow
def test_real_thought_anchors() -> None:
    docs = curves(import_path(shared("thought-anchors", "deepseek-r1-distill-llama-8b")))
    assert len(docs) == 14
    for doc in docs:
        model, solved, problem = doc.provenance.source.split("/")
        folder = shared("thought-anchors", model, solved, problem)
        chunks = json.loads((folder / "chunks_labeled.json").read_text(encoding="utf-8"))
        solution = json.loads((folder / "base_solution.json").read_text(encoding="utf-8"))["solution"]
        assert "".join(doc.trace.pieces + doc.trace.answer_pieces) == solution  # no text was lost or re-joined
        assert len(doc.trace.pieces) == len(chunks) == len(doc.cuts)
        for i, (value, low, high, n) in enumerate(zip(doc.value, doc.low, doc.high, doc.n_effective, strict=True)):
            assert value is None or value == chunks[i]["accuracy"]
            if value is not None:
                assert low is not None and high is not None and n is not None
                assert low <= value <= high and 1 <= n <= doc.n_started[i] and abs(value * n - round(value * n)) < 1e-6
            else:
                assert doc.n_started[i] == 0
        assert doc.trace.verdict == ("correct" if solved.startswith("correct") else "incorrect")
        # What upstream calls the importance of sentence i is the step from its cut to the next one.
        steps = [chunk["resampling_importance_accuracy"] for chunk in chunks[:-1]]
        for i, step in enumerate(steps):
            here, after = doc.value[i], doc.value[i + 1]
            if here is not None and after is not None:
                assert abs((after - here) - step) < 1e-9
    smallest = min(docs, key=lambda doc: len(doc.samples))
    assert parse_document(document_json(smallest), "x") == smallest


def test_rates_without_resamples_are_left_out_and_named(tmp_path: Path) -> None:
    folder = anchors_folder(tmp_path)
    labelled = next(folder.rglob("chunks_labeled.json"))
    chunks = json.loads(labelled.read_text(encoding="utf-8"))
    chunks[2]["accuracy"] = 0.9
    labelled.write_text(json.dumps(chunks), encoding="utf-8")
    (doc,) = curves(import_path(folder))
    assert doc.value[2] is None and any("rates without resamples (0.9 at cut 2)" in note for note in doc.notes)
