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
from tokenworth.stats.proportion import wilson
from tokenworth.store.documents import document_json, parse_document


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
        ("chunks_labeled__json", [{"chunk_idx": 1, "chunk": "x"}], "in order from 0"),
        ("chunks_labeled__json", [{"chunk": 3}], "'chunk' is a int"),
        ("chunks_labeled__json", [{"chunk": "One two.", "accuracy": 7}], "'accuracy' is 7"),
        ("base_solution__json", [], "expected a JSON object"),
        ("base_solution__json", {"prompt": "x"}, "'solution' is missing"),
        ("chunks_resampled__json", {"x": []}, "not the number of a sentence"),
        ("chunks_resampled__json", {"0": "x"}, "not the number of a sentence"),
        ("problem__json", {}, "'problem' is missing"),
    ],
)
def test_thought_anchors_faults(tmp_path: Path, name: str, content: object, expected: str) -> None:
    with pytest.raises(InvalidInput) as error:
        import_path(anchors_folder(tmp_path, **{name: content}))
    assert expected in one_line(error) and name.replace("__", ".") in one_line(error)


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
