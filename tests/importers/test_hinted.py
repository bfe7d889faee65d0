"""Hinted questions: what the documents say must be what the files say, and the notes must say the rest."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path

import numpy as np
import pytest

from tests.importers.importer_cases import HEADER, curves, one_line
from tests.real_data import shared
from tokenworth.errors import InvalidInput
from tokenworth.importers.importer import import_path
from tokenworth.stats.proportion import wilson
from tokenworth.store.documents import document_json, parse_document


def hinted_folder(root: Path, rows: list[str] | None = None, *, paired: bool = True) -> Path:
    rows = rows if rows is not None else ["5,First.,0,0.0,10,0.2,0,C,D,5_0", '5,"Then, second.",24,0.5,0,0.0,1,C,D,5_1']
    path = root / "cue-curve-some-model.csv"
    path.write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    if paired:
        record = {
            "pn": 5,
            "question": "user: Which?\nAnswer choices:\n(A) a\n(B) b\n(C) c\n(D) d\nPlease think step by step.",
            "reasoning_text": "First.\n\nThen, second. So D.\n",
            "post_reasoning": "\n\nTherefore: (D).",
            "answer": "D",
        }
        (root / "x-paired.jsonl").write_text(json.dumps(record) + "\n", encoding="utf-8")
    return path


def test_hinted_curve(tmp_path: Path) -> None:
    (doc,) = curves(import_path(hinted_folder(tmp_path)))
    assert (doc.value_label, doc.target) == ("P(hinted answer)", "label:D") and doc.cuts == (0, 1, 2) and doc.value == (0.2, 0.0, 0.5)
    assert doc.n_started == (50, 48, 48)  # 10/.2, the smallest known where the score is 0, 24/.5
    assert doc.trace.pieces == ("First.\n\n", "Then, second.", " So D.\n") and doc.trace.answer_pieces == ("\n\nTherefore: (D).",)
    assert doc.problem is not None and doc.problem.gold == "C" and doc.problem.question == "Which?"
    assert [o.text for o in doc.problem.options] == ["a", "b", "c", "d"]
    assert (doc.trace.outcome, doc.trace.verdict, doc.model.name) == ("D", "incorrect", "some-model")
    low, high = wilson(np.array([10.0, 0.0, 24.0]), np.array([50.0, 48.0, 48.0]), 0.95)
    assert doc.low == tuple(low.tolist()) and doc.high == tuple(high.tolist())
    assert any("smallest n of this trace" in note for note in doc.notes)
    assert [(e.cut, e.kind) for e in doc.events] == [(2, "change")]


def test_hinted_curve_without_the_traces(tmp_path: Path) -> None:
    (doc,) = curves(import_path(hinted_folder(tmp_path, paired=False)))
    assert doc.trace.pieces == ("First. ", "Then, second.") and any("was not found" in note for note in doc.notes)
    document_json(doc)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("5,First.,1,0.0,0,0.0,0,C,D,5_0", "do not fit together"),
        ("5,First.,1,1e-9,0,0.0,0,C,D,5_0", "do not fit together"),
        ("5,First.,x,0.1,0,0.0,0,C,D,5_0", "cue_score is 'x'"),
        ("5,First.,nan,0.1,0,0.0,0,C,D,5_0", "do not fit together"),
        ("5,First.,1,nan,0,0.0,0,C,D,5_0", "from 0 to 1"),
        ("5,First.,1,0.1,0,0.0,3,C,D,5_0", "sentence_num is '3', expected 0"),
        ("5,First.,1", "3 columns, expected 10"),
        ('5,"First.,1', "not valid CSV"),
    ],
)
def test_hinted_faults(tmp_path: Path, row: str, expected: str) -> None:
    with pytest.raises(InvalidInput) as error:
        import_path(hinted_folder(tmp_path, [row]))
    assert expected in one_line(error) and "cue-curve-some-model.csv:2" in one_line(error)


def test_real_hinted_curves() -> None:
    docs = curves(import_path(shared("hinted-mcq")))
    assert len(docs) == 31 and sum(len(doc.cuts) - 1 for doc in docs) == 720
    with gzip.open(shared("hinted-mcq", "cue-curve-r1-distill-qwen-14b.csv.gz"), "rt", encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(io.StringIO(handle.read())))
    scores = [int(row["cue_score"]) for row in rows]
    ours = [round((v or 0) * n) for doc in docs for v, n in zip(doc.value[1:], doc.n_started[1:], strict=True)]
    assert ours == scores
    for doc in docs:
        assert len(doc.trace.pieces) == len(doc.cuts)  # one piece more than the sentences: the unmeasured end
        assert doc.problem is not None and len(doc.problem.options) >= 3 and doc.trace.verdict == "incorrect"
        assert set(doc.n_started[1:]) <= {48, 49, 50}
        assert not any("not found" in note for note in doc.notes)
        assert parse_document(document_json(doc), "x") == doc
