"""Exit curves, pages and rows: what the documents say must be what the files say, and the notes must say the rest."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.importers.importer_cases import ROW, forced, one_line, page_of, rows_file, same_but_for_source
from tests.real_data import shared
from tokenworth.errors import InvalidInput
from tokenworth.importers.exit_curves import exit_curve_page
from tokenworth.importers.importer import import_path
from tokenworth.store.documents import document_json, parse_document


def test_exit_curve_cuts_and_held_readings(tmp_path: Path) -> None:
    (doc,) = forced(import_path(rows_file(tmp_path, ROW)))
    (reading,) = doc.exits
    assert reading.cuts == (1, 2, 3, 4, 5, 6)  # token i shows the reading after it: cut i + 1
    assert reading.held == (False, False, True, True, False, False)
    assert reading.probability == ((0.5, 0.3, 0.3, 0.3, 0.1, 0.0), (0.48, 0.7, 0.7, 0.7, 0.9, 1.0))
    assert reading.mass == (0.98, 1.0, 1.0, 1.0, 1.0, 1.0)
    assert doc.trace.pieces == tuple(ROW["thinking_tokens"]) and doc.trace.unit == "token"
    assert doc.problem is not None and doc.problem.question == "Which?"
    assert [(o.label, o.text) for o in doc.problem.options] == [("1", "red"), ("2", "blue, green")]
    assert (doc.own_answer, doc.forced_at_end, doc.trace.verdict) == ("2", "2", "correct")
    assert doc.provenance.source == "curves-x.jsonl" and any("not renormalised" in note for note in doc.notes)


def test_page_and_row_agree_also_on_hostile_tokens(tmp_path: Path) -> None:
    page = tmp_path / "colours_questionID_3_correct_answer_logit_vis.html"
    page.write_text(page_of(ROW), encoding="utf-8")
    (from_page,), (from_row,) = forced(import_path(page)), forced(import_path(rows_file(tmp_path, ROW)))
    assert same_but_for_source(from_page, from_row)


def test_trace_without_an_end(tmp_path: Path) -> None:
    open_row = {**ROW, "thinking_closed": False, "prob_at_end": None, "answer_tokens": [], "stated_choice": None}
    (doc,) = forced(import_path(rows_file(tmp_path, open_row)))
    assert doc.exits[0].held == (False, False, True, True, False, True)
    assert (doc.trace.stop, doc.forced_at_end, doc.own_answer, doc.trace.verdict) == ("length", None, None, "unknown")
    assert "token limit" in doc.notes[-1]


def test_empty_trace_has_the_reading_at_cut_0(tmp_path: Path) -> None:
    (doc,) = forced(import_path(rows_file(tmp_path, {**ROW, "thinking_tokens": [], "prob_runs": []})))
    assert doc.exits[0].cuts == (0,) and doc.exits[0].mass == (1.0,)
    document_json(doc)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"prob_runs": [[1, [0.5, 0.5]]]}, "1 readings for 6 trace tokens"),
        ({"prob_runs": [[6, [0.5, 1.5]]]}, "expected a number from 0 to 1"),
        ({"prob_runs": [[0, [0.5, 0.5]]]}, "prob_runs"),
        ({"prob_runs": [[5, [0.5, 0.5]], [1, [0.5]]]}, "different lengths"),
        ({"prob_runs": "x"}, "prob_runs"),
        ({"prob_at_end": [1.0]}, "different lengths"),
        ({"thinking_tokens": "x"}, "list of strings"),
        ({"correct": 2}, "'correct' is a int"),
        ({"id": None}, "'id' is missing"),
    ],
)
def test_exit_curve_faults(tmp_path: Path, change: dict[str, Any], expected: str) -> None:
    with pytest.raises(InvalidInput) as error:
        import_path(rows_file(tmp_path, ROW, {**ROW, **change}), layout="exit-curves")
    assert expected in one_line(error) and "curves-x.jsonl:2" in one_line(error)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("The correct answer is choice 2", "", "as the correct answer"),
        ('title="1: 0.30, 2: 0.70">,', 'title="1: 0.30">,', "labels change"),
        ('title="1: 0.30, 2: 0.70">,', 'title="nonsense">,', "a token's title"),
        ('title="1: 0.30, 2: 0.70">,', 'title="1: 1.30, 2: 0.70">,', "from 0 to 1"),
        ("<span", "<spam", "no token spans"),
    ],
)
def test_page_faults(tmp_path: Path, old: str, new: str, expected: str) -> None:
    page = tmp_path / "x.html"
    page.write_text(page_of(ROW).replace(old, new), encoding="utf-8")
    with pytest.raises(InvalidInput) as error:
        import_path(page)
    assert expected in one_line(error)
    page.write_text(page_of(ROW).split("</span></div>")[0], encoding="utf-8")
    with pytest.raises(InvalidInput, match="cut short"):
        import_path(page)


@pytest.mark.slow
def test_real_pages_agree_with_the_rows_made_from_them() -> None:
    rows = {doc.problem.id: doc for doc in forced(import_path(shared("exit-curves", "curves-seed-subjects.jsonl.gz"))) if doc.problem}
    pages = forced(import_path(shared("exit-curves", "raw")))
    assert len(pages) == 2
    for page in pages:
        assert page.problem is not None
        assert same_but_for_source(page, rows[page.problem.id])


@pytest.mark.slow
def test_real_exit_curves() -> None:
    docs = forced(import_path(shared("exit-curves")))
    assert len(docs) == 622
    agree = 0
    with gzip.open(shared("exit-curves", "curves-other-subjects.jsonl.gz"), "rt", encoding="utf-8") as handle:
        source = [json.loads(line) for line in handle]
    for doc, row in zip(docs, source, strict=False):  # the folder's files in order of name: "other" first
        (reading,) = doc.exits
        assert doc.problem is not None and reading.held is not None
        assert len(reading.cuts) == len(doc.trace.pieces) == len(row["thinking_tokens"])
        assert "".join(doc.trace.pieces) == "".join(row["thinking_tokens"])
        assert all(option.text for option in doc.problem.options), doc.problem.id
        starts = np.cumsum([0] + [n for n, _ in row["prob_runs"]])[:-1]
        at = int(starts[len(starts) // 2])
        if at + 1 < len(reading.cuts):
            assert [p[at] for p in reading.probability] == row["prob_runs"][len(starts) // 2][1] and not reading.held[at]
        assert [p[-1] for p in reading.probability] == row["prob_at_end"] and not reading.held[-1]
        mass = [m for m in reading.mass if m is not None]
        assert len(mass) == len(reading.mass) and min(mass) > 0 and max(mass) <= 1.02
        agree += doc.own_answer in (None, doc.forced_at_end)
    assert agree >= 0.97 * len(source)
    first = docs[0]
    assert parse_document(document_json(first), "x") == first


def test_a_page_of_open_spans_is_read_in_linear_time(tmp_path: Path) -> None:
    page = tmp_path / "x.html"
    page.write_text('<span style="' * 60_000 + '<span style="" title="1: 0.5, 2: 0.5">' * 20_000, encoding="utf-8")
    with pytest.raises(InvalidInput):
        exit_curve_page(page)
