"""The view model: joins, states, differences, bins, events."""

from __future__ import annotations

import dataclasses
import math

import pytest

from tests.report import report_cases as cases
from tokenworth.core.grade import RESERVED_OUTCOMES, UNKNOWN_OUTCOMES
from tokenworth.core.problem import Option
from tokenworth.errors import InvalidInput, MismatchError
from tokenworth.methods.curve.document import EventDoc
from tokenworth.methods.forced.document import ExitDoc
from tokenworth.report import palette
from tokenworth.report.page import page_of
from tokenworth.report.palette import NO_BIN
from tokenworth.report.sections.traces.model import FOLLOWS, MEASURED, MISSING
from tokenworth.report.sections.traces.names import loose_sets, problem_names, trace_labels
from tokenworth.report.sections.traces.view import trace_part
from tokenworth.report.text import render_text


def test_curve_and_forced_join_on_one_trace():
    base = cases.trace()
    view = page_of([cases.curve(trace=base), cases.forced(trace=base)])
    (found,) = view.traces
    assert found.pieces == base.pieces
    assert [s.kind for s in found.stacks] == ["forced", "forced", "outcomes"]
    keys = [m.key for m in found.metrics]
    assert keys == ["value", "delta", "forced/0/raw", "forced/0/share", "forced/1/raw", "forced/1/share", "probability"]


@pytest.mark.parametrize(
    "change",
    [{"pieces": ("other", "words"), "ids": None, "probabilities": None}, {"unit": "sentence"}, {"ids": tuple(range(262))}],
)
def test_another_trace_is_refused(change):
    base = cases.trace()
    other = dataclasses.replace(base, **change)
    with pytest.raises(MismatchError) as error:
        trace_part(cases.curve(trace=base), cases.forced(trace=other))
    assert "\n" not in str(error.value)


def test_another_problem_or_model_is_refused():
    base = cases.trace()
    curve = cases.curve(trace=base)
    with pytest.raises(MismatchError, match="different problems"):
        page_of([curve, cases.forced(trace=base, problem=dataclasses.replace(cases.problem(), id="x"))])
    with pytest.raises(MismatchError, match="different models"):
        trace_part(curve, cases.forced(trace=base, model=dataclasses.replace(cases.MODEL, fingerprint="beef")))
    with pytest.raises(InvalidInput, match="nothing to report"):
        page_of([])


def test_lists_of_different_length_are_refused():
    curve = cases.curve()
    with pytest.raises(InvalidInput, match="value has 262 entries"):
        page_of([dataclasses.replace(curve, value=curve.value[:-1])])
    with pytest.raises(InvalidInput, match="expected rising cuts"):
        page_of([dataclasses.replace(curve, cuts=(0, 0, *curve.cuts[2:]))])


def test_states_say_what_was_measured():
    curve = cases.curve()
    states = page_of([curve]).traces[0].curve.state
    assert all(s == (MEASURED if n else FOLLOWS) for s, n in zip(states, curve.n_started, strict=True))
    blank = dataclasses.replace(curve, value=(None,) * len(curve.cuts), low=(None,) * len(curve.cuts), high=(None,) * len(curve.cuts))
    found = page_of([blank]).traces[0]
    assert set(found.curve.state) == {MISSING}
    assert set(found.metrics[0].bins) == {NO_BIN}


def test_units_between_measured_cuts_have_no_colour():
    curve = cases.curve(plan="stride", stride=10)
    value = page_of([curve]).traces[0].metrics[0]
    measured = {c - 1 for c in curve.cuts}
    assert {i for i, b in enumerate(value.bins) if b != NO_BIN} == measured - {-1}
    assert all((x is None) == (b == NO_BIN) for x, b in zip(value.values, value.bins, strict=True))


def test_a_unit_has_the_value_of_the_next_cut():
    curve = cases.curve()
    value = page_of([curve]).traces[0].metrics[0]
    assert value.values == curve.value[1:]


def test_differences_and_their_limits():
    curve = cases.curve()
    line = page_of([curve]).traces[0].curve
    p = curve.trace.probabilities
    assert line.delta[0] is None
    for i in range(1, len(curve.cuts)):
        delta, low, high = line.delta[i], line.delta_low[i], line.delta_high[i]
        assert delta == pytest.approx(curve.value[i] - curve.value[i - 1])
        assert low - 1e-9 <= delta <= high + 1e-9
        assert high <= 1 - p[i - 1] + 1e-9 and low >= -(1 - p[i - 1]) - 1e-9


def test_changes_of_a_document_have_their_own_limits():
    """A cut with limits and no value is compared too; marks stand where the limits exclude 0."""
    curve = cases.curve()
    n = len(curve.cuts)
    change = (None, 0.1, None, *(0.0,) * (n - 3))
    low, high = (None, 0.02, -0.3, *(-0.1,) * (n - 3)), (None, 0.2, 0.3, *(0.1,) * (n - 3))
    value = (*curve.value[:2], None, *curve.value[3:])
    found = page_of([dataclasses.replace(curve, value=value, change=change, change_low=low, change_high=high)]).traces[0]
    line = found.curve
    assert (line.delta, line.delta_low, line.delta_high) == (change, low, high)
    assert line.delta_from == (None, *curve.cuts[:-1]) and line.delta_limits == "limits of the change itself"
    marks = [e for e in found.events if e.kind == "change"]
    assert [e.cut for e in marks] == [curve.cuts[1]] and "the 95% limits of the change exclude 0" in marks[0].label
    assert line.state[2] == MISSING and line.low[2] is not None


def test_a_gap_is_compared_with_the_previous_measured_cut():
    curve = cases.curve(plan="stride", stride=10)
    line = page_of([curve]).traces[0].curve
    assert line.delta_from[1:] == curve.cuts[:-1]


def test_changes_are_exactly_the_pairs_of_disjoint_intervals():
    n = 40
    curve = cases.curve(trace=cases.trace(n, probabilities=None), plan="plain", each=400)
    found = page_of([curve]).traces[0]
    wanted = {curve.cuts[i] for i in range(1, n + 1) if curve.low[i] > curve.high[i - 1] or curve.high[i] < curve.low[i - 1]}
    assert wanted and {e.cut for e in found.events if e.kind == "change"} == wanted


def test_flips_are_where_the_leading_option_changes():
    probability = ((0.6, 0.2, 0.2, 0.7), (0.1, 0.5, 0.6, 0.1))
    cuts = (0, 1, 2, 3)
    doc = ExitDoc(name="x", text="", cuts=cuts, options=("A", "B"), probability=probability, mass=(0.7, 0.7, 0.8, 0.8))
    base = cases.trace(pieces=("a", "b", "c"), ids=None, probabilities=None)
    forced = cases.forced(trace=base, exits=(doc,))
    assert [e.cut for e in page_of([forced]).traces[0].events if e.kind == "flip"] == [1, 3]
    held = dataclasses.replace(doc, held=(False, False, True, True))
    forced = cases.forced(trace=base, exits=(held,))
    assert [e.cut for e in page_of([forced]).traces[0].events if e.kind == "flip"] == [1]


def test_copied_readings_have_no_colour():
    base = cases.trace(pieces=("a", "b", "c"), ids=None, probabilities=None)
    doc = ExitDoc(
        name="x",
        text="",
        cuts=(0, 1, 2, 3),
        options=("A", "B"),
        probability=((0.1,) * 4, (0.8,) * 4),
        mass=(0.9,) * 4,
        held=(False, True, True, False),
    )
    found = page_of([cases.forced(trace=base, exits=(doc,))]).traces[0]
    assert found.metrics[0].values == (None, None, 0.8)
    assert found.metrics[1].values[2] == pytest.approx(0.8 / 0.9)


def test_events_of_the_document_win_and_the_wall_is_marked():
    events = (EventDoc(cut=5, kind="note", label="here"), EventDoc(cut=9, kind="answer", label="given"))
    found = page_of([cases.curve(9, events=events)]).traces[0]
    assert [(e.kind, e.label) for e in found.events if e.kind in {"answer", "note"}] == [("note", "here"), ("answer", "given")]
    assert list(found.events) == sorted(found.events, key=lambda e: e.cut)


def test_branches_have_counts_limits_and_differences():
    curve = cases.curve()
    found = page_of([curve]).traces[0]
    column = {o.label: k for k, o in enumerate(found.outcomes)}
    for branch in found.branches:
        if branch.n == 0 and not branch.is_base:
            assert branch.value is None
        elif branch.n:
            assert sum(branch.counts) == branch.n
            assert branch.value == branch.counts[column["B"]] / branch.n
            assert branch.low <= branch.value <= branch.high
        if branch.is_base:
            assert branch.value == curve.value[branch.cut + 1]


def test_unknown_outcomes_keep_their_own_place():
    found = page_of([cases.curve()]).traces[0]
    assert [(o.label, o.verdict, o.colour) for o in found.outcomes] == [
        ("A", "incorrect", 0), ("B", "correct", 1), ("C", "incorrect", 2), ("D", "incorrect", 3),
        ("truncated in trace", "unknown", -4), ("unparseable", "unknown", -2),
    ]  # fmt: skip


def with_outcomes(labels, **changes):
    """A curve whose outcomes are these labels in this order, in equal parts."""
    curve = cases.curve(8, plan="plain")
    shares = {label: (1 / len(labels),) * len(curve.cuts) for label in labels}
    return dataclasses.replace(curve, outcomes=shares, branches=(), samples=(), **changes)


def test_all_unknown_outcomes_come_last_in_their_order():
    assert set(palette.STATES) == set(RESERVED_OUTCOMES)
    found = page_of([with_outcomes([*reversed(UNKNOWN_OUTCOMES), "B", "A"])]).traces[0]
    assert [o.label for o in found.outcomes] == ["A", "B", *UNKNOWN_OUTCOMES]
    assert all(o.verdict == "unknown" and o.colour == palette.STATES[o.label] for o in found.outcomes[2:])
    assert len({o.colour for o in found.outcomes}) == 2 + len(UNKNOWN_OUTCOMES)


def test_documents_from_before_the_states_were_told_apart():
    found = page_of([with_outcomes(["ungraded", "truncated", "A", "B"])]).traces[0]
    assert [(o.label, o.verdict, o.colour) for o in found.outcomes] == [
        ("A", "incorrect", 0), ("B", "correct", 1), ("truncated", "unknown", -3), ("ungraded", "unknown", -2),
    ]  # fmt: skip


def test_many_answers_are_summed_but_no_unknown_outcome_with_them():
    answers = [f"answer {i:02}" for i in range(12)]
    (stack,) = page_of([with_outcomes([*UNKNOWN_OUTCOMES, *answers], problem=None)]).traces[0].stacks
    assert stack.labels == (*answers[:7], "5 others", *UNKNOWN_OUTCOMES)
    assert stack.colours == (*range(7), palette.OTHER, *(palette.STATES[x] for x in UNKNOWN_OUTCOMES))
    assert stack.all_labels == (*answers, *UNKNOWN_OUTCOMES)
    assert all(sum(row[0] for row in rows) == pytest.approx(1) for rows in (stack.raw, stack.all_raw))
    (stack,) = page_of([with_outcomes(list(UNKNOWN_OUTCOMES))]).traces[0].stacks
    assert stack.labels == UNKNOWN_OUTCOMES


def test_an_answer_may_be_called_like_a_state():
    sample = cases.SampleDoc(cut=1, index=0, text="x", outcome="error", verdict="incorrect", stop="stop", n_tokens=1)
    curve = dataclasses.replace(with_outcomes(["error", "refused"], problem=None), samples=(sample,))
    error, refused = page_of([curve]).traces[0].outcomes
    assert (error.label, error.verdict, error.colour) == ("error", "incorrect", 0)
    assert (refused.label, refused.verdict, refused.colour) == ("refused", "unknown", -7)
    options = (Option(label="error", text="a"), Option(label="C", text="c"))
    found = page_of([with_outcomes(["C", "error"], problem=cases.problem(options, "error"))]).traces[0].outcomes
    assert [(o.label, o.verdict, o.colour) for o in found] == [("error", "correct", 0), ("C", "incorrect", 1)]


@pytest.mark.parametrize("k", [1, 2, 4, 9, 26])
def test_any_number_of_options_is_drawn_in_eight_series_at_most(k):
    view = page_of([cases.forced(30, k)])
    stack = view.traces[0].stacks[0]
    assert len(stack.labels) <= 8 and len(stack.all_labels) == k
    for i in range(len(stack.cuts)):
        assert sum(row[i] for row in stack.raw) == pytest.approx(sum(row[i] for row in stack.all_raw))
        assert sum(row[i] for row in stack.share) == pytest.approx(1)
    assert any(stack.gold)


def test_samples_know_where_they_leave_the_trace():
    base = cases.trace(pieces=("ab", "c😀d", "e"), answer_pieces=("f",), ids=None, probabilities=None)
    sample = cases.SampleDoc(cut=1, index=0, text="c😀dX", outcome="B", verdict="correct", stop="stop", n_tokens=3)
    curve = cases.curve(trace=base, plan="plain", each=4)
    found = page_of([dataclasses.replace(curve, samples=(sample,))]).traces[0]
    assert found.samples[0].diverges == 4


@pytest.mark.parametrize("n", [0, 1, 2])
def test_tiny_traces(n):
    base = cases.trace(n)
    view = page_of([cases.curve(trace=base), cases.forced(trace=base)])
    assert len(view.traces[0].pieces) == n
    assert all(len(m.values) == n for m in view.traces[0].metrics)


def test_all_failed_runs_and_free_answers():
    curve = cases.curve(20, plan="plain")
    zero = (0.0,) * len(curve.cuts)
    failed = dataclasses.replace(curve, value=zero, low=zero, problem=None, outcomes={"unparseable": (1.0,) * len(curve.cuts)}, branches=())
    found = page_of([failed]).traces[0]
    assert found.options == () and found.question == ""
    assert not [e for e in found.events if e.kind == "change"]
    many = tuple(Option(label=str(i), text="") for i in range(12))
    assert page_of([cases.curve(5, problem=cases.problem(many, "3"))]).traces[0].options[3].gold


def test_a_sample_set_lists_its_traces():
    docs = cases.sample_set()
    view = page_of([docs])
    (found,) = view.sets
    assert len(view.traces) == 12 and found.n == 12
    assert sum(o.total for o in found.outcomes) == 12
    assert {t.sample_set for t in view.traces} == {0}
    base = docs.traces[3]
    view = page_of([cases.curve(trace=base), docs])
    assert len(view.traces) == 12 and view.traces[0].curve is not None
    empty = page_of([dataclasses.replace(docs, traces=(), n=0, outcomes={}, accuracy=None)])
    assert empty.traces == () and loose_sets(empty) == empty.sets


def test_views_join_into_one_report():
    assert len(page_of([cases.curve(10), cases.curve(12)], title="two").traces) == 2


def test_each_problem_keeps_its_own_samples():
    view = page_of(cases.two_problems(), title="two")
    assert [t.measured for t in view.traces] == [True] * 2 + [False] * 16
    assert [view.sets[t.sample_set].problem_id for t in view.traces] == [t.problem_id for t in view.traces]
    assert [(s.n, s.accuracy == 0.111, s.notes, s.sampling.startswith("T 0.31")) for s in view.sets] == [
        (12, False, (), False), (6, True, ("only of the other",), True),
    ]  # fmt: skip
    labels = trace_labels(view)
    assert len(set(labels)) == 18 and labels[1] == "other · measured trace" and labels[-1] == "other · sample 5"
    assert loose_sets(view) == ()


def test_traces_of_one_problem_share_their_samples():
    samples = cases.sample_set()
    documents = [cases.curve(trace=samples.traces[1]), cases.forced(trace=samples.traces[4]), samples]
    view = page_of(documents, title="one")
    assert len(view.sets) == 1 and {t.sample_set for t in view.traces} == {0}
    assert [t.measured for t in view.traces] == [True] * 2 + [False] * 10
    labels = trace_labels(view)
    assert labels[:3] == ("measured trace", "measured trace (2)", "sample 0")


def test_samples_of_another_model_or_of_no_problem_stay_apart():
    samples = cases.sample_set()
    other = dataclasses.replace(samples, model=dataclasses.replace(cases.MODEL, name="another", fingerprint=""))
    unknown = dataclasses.replace(samples, problem=None)
    view = page_of([cases.curve(), other, cases.curve(problem=None), unknown], title="x")
    assert [t.sample_set for t in view.traces if t.measured] == [-1, -1]
    assert [view.sets[t.sample_set].model for t in view.traces if not t.measured] == ["another"] * 12 + [cases.MODEL.name] * 12


def test_problems_without_an_id_have_names_that_differ():
    long = "What is the question that begins like another one"
    problems = [dataclasses.replace(cases.problem(), id="", question=q) for q in (long, long + "?", "")]
    view = page_of([cases.curve(3, problem=p) for p in problems], title="x")
    names = list(problem_names(view).values())
    assert names == ["What is the question that b…", "What is the question that b… (2)", "problem unknown"]


def test_a_label_with_two_verdicts_is_neither_right_nor_wrong():
    curve = cases.curve()
    at = next(i for i, s in enumerate(curve.samples) if s.outcome == "B")
    changed = dataclasses.replace(curve.samples[at], verdict="incorrect")
    found = page_of([dataclasses.replace(curve, samples=(*curve.samples[:at], changed, *curve.samples[at + 1 :]))]).traces[0]
    column = next(k for k, o in enumerate(found.outcomes) if o.label == "B")
    assert found.outcomes[column].verdict == "mixed" and not any(found.stacks[0].gold)
    touched = [b for b in found.branches if b.counts[column] and not b.is_base]
    assert touched and all(b.value is b.low is b.high is b.delta is None for b in touched)
    docs = cases.sample_set()
    wrong = dataclasses.replace(docs.traces[0], outcome="B", verdict="incorrect")
    (of_set,) = page_of([dataclasses.replace(docs, traces=(wrong, *docs.traces))]).sets
    assert next(o.verdict for o in of_set.outcomes if o.label == "B") == "mixed"


def test_numbers_that_are_not_finite_count_as_missing():
    curve = cases.curve(4, plan="plain")
    with pytest.raises(InvalidInput, match="value holds nan"):
        dataclasses.replace(curve, value=(math.nan, *curve.value[1:]))
    missing = dataclasses.replace(curve, value=(None, *curve.value[1:]), n_effective=(math.nan, *curve.n_effective[1:]))
    found = page_of([missing]).traces[0].curve
    assert found.state[0] == MISSING and found.n_effective[0] is None


def test_a_branch_that_says_how_many_met_the_target_needs_no_verdicts():
    curve = cases.curve(target="label:C", value_label="P(answers C)")
    mixed = dataclasses.replace(curve.samples[0], outcome="C", verdict="correct")
    told = tuple(dataclasses.replace(b, n_hit=b.outcomes.get("C", 0)) for b in curve.branches)
    found = page_of([dataclasses.replace(curve, branches=told, samples=(mixed, *curve.samples[1:]))]).traces[0]
    assert next(o.verdict for o in found.outcomes if o.label == "C") == "mixed"
    column = next(k for k, o in enumerate(found.outcomes) if o.label == "C")
    tried = [b for b in found.branches if b.n]
    assert any(b.counts[column] for b in tried) and all(b.value == b.counts[column] / b.n for b in tried)
    assert found.metrics[0].name == "P(answers C)" and found.metrics[1].note.startswith("change of P(answers C) from")
    assert {e.label.split(" ")[0] for e in found.events if e.kind == "change"} <= {"P(answers"}
    text = render_text(page_of([curve]))
    assert "largest changes in P(answers C)" in text and "P(correct)" not in text


def test_the_target_of_a_forced_document_is_coloured_first():
    def named(**over):
        return next(m.note for m in page_of([cases.forced(20, **over)]).traces[0].metrics if m.key == "forced/0/raw")

    assert named().endswith("option B, correct")
    assert named(target="C").endswith("option C, the one asked for")
    assert named(target="A", own_answer="A").endswith("option A, the model's own answer")
