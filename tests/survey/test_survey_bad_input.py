"""Input that is not as one would like: what the survey says of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.survey.cases import forced, step, survey, two
from tokenworth.errors import InvalidInput
from tokenworth.methods.survey.readings import of_exit


def notes(doc: object) -> str:
    return " | ".join(doc.notes)  # type: ignore[attr-defined]


def test_problems_without_gold_have_a_twin_label_only_and_are_counted() -> None:
    doc = survey(two(step(0.1, 0.9), gold=None), two(step(0.1, 0.9), name="b"))
    assert {row.label for row in doc.rows} == {None, "productive"}
    assert "curves without gold among their options: 1 of 2" in notes(doc)
    assert (doc.labels[1].share.n, doc.start_end.n, sum(one.share.k or 0 for one in doc.twins)) == (1, 1, 2)


def test_traces_without_an_end_are_in_no_length_and_are_marked() -> None:
    endless = two(step(0.1, 0.9), stop="length", answer=())
    unmarked = two(step(0.1, 0.9), name="b", answer=("<|end|>",), ids=tuple(range(99)), answer_ids=(3,))
    doc = survey(endless, unmarked, two(step(0.1, 0.9), name="c"))
    assert sorted(row.closed for row in doc.rows) == [False, False, True]
    assert "no marker ends them: 2;" in notes(doc) and "may follow an answer that is written already" in notes(doc)
    # A limit that was reached in the answer leaves the trace whole.
    assert survey(two(step(0.1, 0.9), stop="length")).rows[0].closed


def test_held_readings_are_marked_and_not_counted_as_measured() -> None:
    held = [i % 4 != 0 for i in range(100)]
    doc = survey(two(step(0.1, 0.9), held=held))
    assert doc.rows[0].held.count("1") == pytest.approx(150, abs=4) and len(doc.rows[0].held) == doc.points
    assert "curves held in blocks by their source: 1; 75% of their cuts" in notes(doc)
    names = [one.name for one in doc.features]
    assert doc.rows[0].features[names.index("readings")] == 25
    # The flip at cut 50 may have come at any cut after the last one that was measured, 48.
    assert doc.rows[0].committed_after[0] == pytest.approx(48 / 99)
    assert survey(two(step(0.1, 0.9))).rows[0].held == ""


def test_two_decimals_leave_labels_near_a_threshold_open() -> None:
    near, far = two(step(0.2, 0.5)), two(step(0.1, 0.9), name="b")
    doc = survey(near, far)
    assert sorted(row.is_open for row in doc.rows) == [False, True] and doc.labels[1].n_open == 1
    assert "curves rounded by their source: 2; 0 and 1 stand for intervals" in notes(doc) and "leaves certain in 1" in notes(doc)
    # The same curve with all its digits is decided.
    exact = two((np.asarray(step(0.2, 0.5)) + np.linspace(0, 1e-6, 100)).tolist())
    assert not survey(exact).rows[0].is_open and "rounded" not in notes(survey(exact))


def test_zero_and_one_are_intervals_in_rounded_data() -> None:
    doc = survey(two(step(0.0, 1.0)))
    slack = doc.rows[0].features[[one.name for one in doc.features].index("slack")]
    assert slack == pytest.approx(0.01, abs=1e-3)


def test_the_order_of_documents_changes_nothing() -> None:
    documents = [two(step(0.08 * k, 0.9 - 0.1 * (k % 3)), name=f"q/{k}", words=f"w{k}", question=f"?{k}") for k in range(12)]
    left, right = survey(*documents), survey(*documents[::-1])
    assert [row.problem for row in left.rows] == [f"q/{k}" for k in range(12)] and left == right


def test_one_trace_twice_counts_once_and_one_id_for_two_traces_is_said() -> None:
    doc = survey(two(step(0.1, 0.9)), two(step(0.1, 0.9)), two(step(0.9, 0.1), words="other"))
    assert doc.traces == 2 and len({row.id for row in doc.rows}) == 2
    assert "contradict" not in notes(doc) and "problem ids with several traces: 1;" in notes(doc)
    doc = survey(two(step(0.1, 0.9)), two(step(0.9, 0.1)))
    assert doc.traces == 1 and doc.rows[0].label == "counterproductive"
    assert "documents that contradict an earlier one of the same trace: 1;" in notes(doc)
    # The same trace under another problem is a row of its own with an id of its own.
    doc = survey(two(step(0.1, 0.9), question="?"), two(step(0.1, 0.9), name="again", question="?"))
    assert [row.id.partition("#")[2] for row in doc.rows] == ["", "2"] and len({row.question for row in doc.rows}) == 1


def test_a_subject_with_one_trace_is_left_out_within_subjects() -> None:
    rng = np.random.default_rng(0)
    ends = np.where(rng.random(12) < 0.5, 0.9, 0.2)
    subjects = ["alone", *(f"s{i % 2}" for i in range(1, 12))]
    made = [two(step(0.1, float(end), n=20 + i), name=f"q{i}", subject=subjects[i]) for i, end in enumerate(ends)]
    doc = survey(*made)
    (inside,) = (one for one in doc.lengths if (one.of, one.how) == ("right at the last cut", "within subject"))
    assert inside.r.n == 11 and inside.note == "left out, alone in the subject or as long as all others in it: 1"
    assert "subjects with a single trace: 1;" in notes(doc)


def test_options_that_were_not_listed_are_no_readings() -> None:
    one = forced([[0.2, None, 0.9], [0.8, 0.7, 0.1]]).exits[0]
    bounded = replace(one, probability_high=((0.2, 0.3, 0.9), (0.8, 0.7, 0.1)), mass_high=(1.0, 1.0, 1.0))
    assert of_exit(bounded).known().cuts.tolist() == [0, 2]
    small = replace(bounded, probability_high=((0.2, 1e-4, 0.9), (0.8, 0.7, 0.1)))
    assert of_exit(small).known().cuts.tolist() == [0, 1, 2]


def test_an_empty_trace_and_a_document_without_readings() -> None:
    doc = survey(two([0.6]), forced([[0.0, 0.0], [0.0, 0.0]], name="none"))
    assert {row.label: row.own is None for row in doc.rows} == {"flat-right": False, None: True}
    assert "traces without a curve: 1 of 2;" in notes(doc)


def test_nothing_to_survey_is_one_line() -> None:
    with pytest.raises(InvalidInput, match="no traces among the documents"):
        survey()
