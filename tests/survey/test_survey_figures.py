"""The survey of published curves against the same numbers computed apart, in plain numpy, from the files."""

from __future__ import annotations

import csv
import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import median_filter
from scipy.stats import spearmanr

from tests.real_data import shared
from tokenworth.cli.main import run
from tokenworth.core.document import About, Provenance
from tokenworth.importers.exit_table import exit_table
from tokenworth.importers.importer import import_path
from tokenworth.methods.survey.derive import survey_document
from tokenworth.methods.survey.document import SurveyDoc
from tokenworth.methods.survey.packed import unpacked
from tokenworth.methods.survey.settings import SurveySettings
from tokenworth.store.documents import parse_document

FILES = ("curves-seed-subjects.jsonl.gz", "curves-other-subjects.jsonl.gz")
GAIN, RANGE, LEAST = 0.3, 0.2, 0.5


def published() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for name in FILES:
        with gzip.open(shared("exit-curves", name), "rt", encoding="utf-8") as file:
            found += map(json.loads, file)
    return found


def probabilities(row: dict[str, Any]) -> np.ndarray:
    """One reading for each token; that of the closed trace stands on the last."""
    p = np.concatenate([np.repeat([reading], n, axis=0) for n, reading in row["prob_runs"]])
    p[-1] = row["prob_at_end"]
    return p


def label(p: np.ndarray, gold: int) -> str:
    share = median_filter((p / p.sum(1, keepdims=True))[:, gold], 5, mode="nearest")
    edge = max(1, round(0.05 * len(p)))
    gain, first, last = share[-edge:].mean() - share[:edge].mean(), p[0].argmax(), p[-1].argmax()
    if np.median(p.sum(1)) < LEAST:
        return "unanswerable"
    if abs(gain) >= GAIN:
        return "productive" if gain > 0 else "counterproductive"
    if share.max() - share.min() < RANGE:
        return "flat-right" if last == gold else "flat-wrong"
    if first == last:
        return "rise-and-fall"
    return "drift" if gold not in (first, last) else "marginal"


@pytest.fixture(scope="module")
def curves() -> list[dict[str, Any]]:
    return published()


@pytest.fixture(scope="module")
def survey() -> SurveyDoc:
    documents = [document for name in FILES for document in import_path(shared("exit-curves", name))]
    return survey_document(documents, SurveySettings(), About(provenance=Provenance(version="0")))


@pytest.mark.slow
def test_every_trace_has_the_label_that_plain_numpy_gives(curves: list[dict[str, Any]], survey: SurveyDoc) -> None:
    assert survey.traces == len(curves) == 622
    expected = {row["id"]: label(probabilities(row), int(row["correct"]) - 1) for row in curves}
    assert {row.problem: row.label for row in survey.rows} == expected
    counts = Counter(expected.values())
    assert {one.label: one.share.k for one in survey.labels} == {one.label: counts[one.label] for one in survey.labels}
    for one in survey.labels:
        assert one.share.value == pytest.approx(counts[one.label] / 622)
        assert one.share.low <= one.share.value <= one.share.high  # type: ignore[operator]
    assert sum(one.share.k for one in survey.labels) == 622  # type: ignore[misc]


@pytest.mark.slow
def test_where_the_traces_begin_and_end_and_how_many_never_change(curves: list[dict[str, Any]], survey: SurveyDoc) -> None:
    ends = [(p[0].argmax() == gold, p[-1].argmax() == gold) for p, gold in ((probabilities(r), int(r["correct"]) - 1) for r in curves)]
    table, counted = survey.start_end, Counter(ends)
    assert (table.right_right, table.right_wrong, table.wrong_right, table.wrong_wrong) == tuple(
        counted[key] for key in ((True, True), (True, False), (False, True), (False, False))
    )
    still = np.mean([len(set(probabilities(row).argmax(1).tolist())) == 1 for row in curves])
    assert table.never_changes.value == pytest.approx(still) == pytest.approx(0.437, abs=0.0005)


@pytest.mark.slow
def test_every_subject_has_its_own_start_and_end(curves: list[dict[str, Any]], survey: SurveyDoc) -> None:
    ends = {name: np.empty((0, 2)) for name in {row["subject"] for row in curves}}
    for row in curves:
        p, gold = probabilities(row), int(row["correct"]) - 1
        ends[row["subject"]] = np.vstack([ends[row["subject"]], [p[0].argmax() == gold, p[-1].argmax() == gold]])
    assert {one.subject.rpartition(":")[2] for one in survey.subjects} == set(ends) and len(ends) > 1
    for one in survey.subjects:
        mine = ends[one.subject.rpartition(":")[2]]
        assert (one.n, sum(one.labels.values())) == (len(mine), len(mine))
        assert (one.starts.value, one.ends.value) == pytest.approx(tuple(mine.mean(0)))
        assert one.difference.value == pytest.approx(mine[:, 1].mean() - mine[:, 0].mean())


@pytest.mark.slow
def test_lengths_and_correctness(curves: list[dict[str, Any]], survey: SurveyDoc) -> None:
    length = np.asarray([len(row["thinking_tokens"]) for row in curves], dtype=float)
    right = np.asarray([np.argmax(row["prob_at_end"]) == int(row["correct"]) - 1 for row in curves], dtype=float)
    subject = np.asarray([row["subject"] for row in curves])
    found = {one.how: one.r for one in survey.lengths if one.of == "right at the last cut"}
    inside = [x - np.asarray([x[subject == s].mean() for s in subject]) for x in (length, right)]
    assert found["point-biserial"].value == pytest.approx(np.corrcoef(length, right)[0, 1])
    assert found["point-biserial, log length"].value == pytest.approx(np.corrcoef(np.log(length), right)[0, 1])
    assert found["Spearman"].value == pytest.approx(spearmanr(length, right).statistic)
    assert found["within subject"].value == pytest.approx(np.corrcoef(*inside)[0, 1])
    # Copies of a trace under a second subject say nothing of how hard a question is.
    assert "difficulty, Pearson" not in found and "within question" not in found
    assert sum("#" in row.id for row in survey.rows) == 32


@pytest.mark.slow
def test_the_last_flip_and_the_curves_that_are_kept(curves: list[dict[str, Any]], survey: SurveyDoc) -> None:
    at = [one.name for one in survey.features].index("committed_last_flip")
    rows = {row.problem: row for row in survey.rows}
    for published_row in curves[::7]:
        p, row = probabilities(published_row), rows[published_row["id"]]
        voting = np.where(p.sum(1) >= LEAST, p.argmax(1), -1)
        named = np.flatnonzero(voting >= 0)
        other = named[voting[named] != voting[named[-1]]]
        first = named[0] if not len(other) else named[named > other[-1]][0]
        assert row.features[at] == pytest.approx((first + 1) / len(p))
        assert row.committed_after[0] <= row.features[at]  # type: ignore[operator]
        kept = np.floor((len(p) - 1) * np.arange(survey.points) / (survey.points - 1) + 1e-9).astype(int)
        share = (p / p.sum(1, keepdims=True))[kept, int(published_row["correct"]) - 1]
        assert np.abs(unpacked(row.curve) - share).max() <= 0.5 / 254 + 1e-9


@pytest.mark.slow
def test_the_table_of_all_traces() -> None:
    path = shared("exit-curves", "all-questions.csv.gz")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    survey = exit_table(path)
    assert survey.traces == len(rows) == 5645
    counted = Counter((row["first_is_correct"], row["end_is_correct"]) for row in rows)
    table = survey.start_end
    assert (table.right_right, table.right_wrong, table.wrong_right, table.wrong_wrong) == tuple(
        counted[key] for key in (("1", "1"), ("1", "0"), ("0", "1"), ("0", "0"))
    )
    # What research on all 8,476 traces reports, to its rounding: 48.4 % never change, 66.2 % (here 66.4 %) end where they start.
    assert table.never_changes.value == pytest.approx(0.484, abs=0.0005)
    assert table.never_changes.value == pytest.approx(np.mean([row["argmax_flips"] == "0" for row in rows]))
    assert table.same_option.value == pytest.approx(np.mean([row["argmax_first"] == row["argmax_end"] for row in rows]))
    closed = [row for row in rows if row["thinking_closed"] == "1"]
    length, right = (np.asarray([float(row[name]) for row in closed]) for name in ("n_thinking_tokens", "end_is_correct"))
    found = {one.how: one.r for one in survey.lengths if one.of == "right at the last cut"}
    assert found["point-biserial"].value == pytest.approx(np.corrcoef(length, right)[0, 1])
    assert all(one.low < one.value < one.high for one in (found["point-biserial"], found["within subject"]))  # type: ignore[operator]


@pytest.mark.slow
def test_other_thresholds_give_other_labels_and_the_map_holds_both(survey: SurveyDoc) -> None:
    again = survey_document([survey], SurveySettings(gain=0.5, range=0.1), About(provenance=Provenance(version="0")))
    shares = {one.label: one.share.value for one in again.labels}
    assert [shares[rule.label] for rule in again.rules] == pytest.approx(
        next(one.shares for one in survey.map if (one.gain, one.range) == (0.5, 0.1))
    )
    assert [one.share.value for one in survey.labels] == pytest.approx(
        next(one.shares for one in survey.map if (one.gain, one.range) == (0.3, 0.2))
    )
    assert again.start_end == survey.start_end and again.traces == 622


@pytest.mark.slow
def test_import_then_survey_on_the_command_line(tmp_path: Path) -> None:
    source = tmp_path / "curves-few.jsonl"
    with gzip.open(shared("exit-curves", FILES[1]), "rt", encoding="utf-8") as file:
        source.write_text("".join(line for line, _ in zip(file, range(12), strict=False)), encoding="utf-8")
    assert run(["import", str(source), "--out", str(tmp_path / "docs")]) == 0
    assert run(["survey", "--documents", str(tmp_path / "docs"), "--json", str(tmp_path / "out.json")]) == 0
    out = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert out["traces"] == len(out["rows"]) == 12 and all(row["label"] for row in out["rows"])
    assert isinstance(parse_document((tmp_path / "out.json").read_bytes(), "out"), SurveyDoc)
