"""Forced answers of which some options were not listed: bounds that hold, and no claim beyond them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenworth.backends.toy.backend import ToyCodec
from tokenworth.core.document import About, ModelDoc, Provenance
from tokenworth.core.grade import Grade, Verdict
from tokenworth.core.tokens import StopReason, TokenSequence, Trace
from tokenworth.errors import InvalidInput
from tokenworth.methods.forced.document import ExitDoc, ForcedDoc, forced_document
from tokenworth.methods.forced.result import ForcedReading, ForcedResult
from tokenworth.report.page import page_of
from tokenworth.report.sections.traces.stacks import exit_stack
from tokenworth.report.text import render_text
from tokenworth.stats.shares import share_bounds
from tokenworth.store.documents import document_json, parse_document


def reading(probability: np.ndarray, ceiling: np.ndarray | None = None) -> ForcedReading:
    n = len(probability)
    with np.errstate(divide="ignore"):
        return ForcedReading(
            name="default",
            text="t3 ",
            suffix=(3,),
            logprob=np.log(probability),
            top_id=np.zeros(n, dtype=np.int64),
            top_logprob=np.zeros(n),
            ceiling=None if ceiling is None else np.log(ceiling),
        )


def shares(of: ForcedReading) -> tuple[np.ndarray, np.ndarray]:
    """The least and the most that the share of each option in the mass can be."""
    bounds = np.asarray(
        [
            [share_bounds(*pair, of.mass[row], of.mass_high[row]) for pair in zip(*options, strict=True)]
            for row, options in enumerate(zip(of.probability_low, of.probability_high, strict=True))
        ]
    )
    return bounds[..., 0], bounds[..., 1]


@st.composite
def hidden(draw) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """True probabilities of options at cuts (summing to at most 1), those listed, and ceilings."""
    n_cuts, n_options = draw(st.integers(1, 4)), draw(st.integers(2, 5))
    weights = np.asarray(draw(st.lists(st.floats(0.001, 1), min_size=n_cuts * (n_options + 1), max_size=n_cuts * (n_options + 1))))
    weights = weights.reshape(n_cuts, n_options + 1) ** 4
    true = (weights / weights.sum(axis=1, keepdims=True))[:, :-1]
    mask = np.asarray(draw(st.lists(st.booleans(), min_size=true.size, max_size=true.size))).reshape(true.shape)
    more = np.asarray(draw(st.lists(st.floats(0, 1), min_size=true.size, max_size=true.size))).reshape(true.shape)
    return true, np.where(mask, np.nan, true), true + more * (1 - true)


@pytest.mark.slow
@settings(max_examples=400, deadline=None)
@given(hidden())
def test_bounds_hold_whatever_was_not_listed(case: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    true, listed, ceiling = case
    got = reading(listed, ceiling)
    slip = 1e-9
    assert (got.probability_low <= true + slip).all() and (true <= got.probability_high + slip).all()
    mass = true.sum(axis=1)
    assert (got.mass <= mass + slip).all() and (mass <= got.mass_high + slip).all() and (got.mass_high <= 1 + slip).all()
    share = true / mass[:, None]
    low, high = shares(got)
    assert (low <= share + slip).all() and (share <= high + slip).all()
    exact = got.is_exact
    np.testing.assert_allclose(got.renormalised[exact], share[exact])
    np.testing.assert_allclose(low[exact], share[exact])
    np.testing.assert_allclose(high[exact], share[exact])
    assert np.isnan(got.renormalised[~exact]).all()
    for row, leader in enumerate(got.leader):
        assert leader < 0 or true[row, leader] >= true[row].max() - slip


def test_bounds_are_no_wider_than_they_must_be() -> None:
    """p = .6 listed, .1 and .2 the most the others can be: shares by hand. Ceilings beyond 1 in sum are held down by it."""
    got = reading(np.asarray([[0.6, np.nan, np.nan]]), np.asarray([[0.6, 0.1, 0.2]]))
    low, high = shares(got)
    np.testing.assert_allclose(low, [[0.6 / 0.9, 0, 0]])
    np.testing.assert_allclose(high, [[1, 0.1 / 0.7, 0.2 / 0.8]])
    np.testing.assert_allclose([got.mass, got.mass_high], [[0.6], [0.9]])
    assert got.leader.tolist() == [0]
    wide = reading(np.asarray([[0.6, np.nan, np.nan]]), np.asarray([[0.6, 0.5, 0.7]]))
    np.testing.assert_allclose(shares(wide)[0], [[0.6, 0, 0]])
    assert wide.leader.tolist() == [-1], "the third may be likelier"


def test_nothing_listed_nothing_known_and_no_mass_at_all() -> None:
    unknown = reading(np.full((1, 2), np.nan))
    np.testing.assert_array_equal(unknown.probability_high, 1.0)
    assert unknown.leader.tolist() == [-1] and unknown.mass.tolist() == [0] and unknown.mass_high.tolist() == [1]
    none = reading(np.zeros((1, 2)))
    assert none.leader.tolist() == [-1]
    assert np.isnan(none.renormalised).all() and [bound.tolist() for bound in shares(none)] == [[[0, 0]], [[1, 1]]]
    tie = reading(np.asarray([[0.3, 0.3]]))
    assert tie.leader.tolist() == [0]


TRACE = Trace(sequence=TokenSequence(prompt=(), completion=(0, 1, 6)), n_trace=2, stop=StopReason.STOP)
TABLE = reading(
    np.asarray([[0.6, 0.3], [0.5, np.nan], [np.nan, 0.7]]),
    np.asarray([[0.6, 0.3], [0.5, 0.02], [0.75, 0.7]]),
)


def document(got: ForcedReading = TABLE) -> ForcedDoc:
    result = ForcedResult(
        trace=TRACE,
        cuts=np.arange(3),
        options=("t0", "t1"),
        readings=(got,),
        own=Grade(outcome="t1", verdict=Verdict.CORRECT),
        token_forwards=9,
    )
    about = About(problem=None, model=ModelDoc(name="toy"), provenance=Provenance(version="0"))
    return forced_document(result, "gold", ToyCodec(vocab_size=8), about)


def test_documents_carry_bounds_and_no_answer_that_bounds_do_not_support() -> None:
    doc = document()
    (got,) = doc.exits
    assert got.probability[0][2] is None and got.probability[1][1] is None
    assert got.probability_high is not None and got.mass_high is not None
    assert got.probability_high[0] == pytest.approx((0.6, 0.5, 0.75)) and got.probability_high[1] == pytest.approx((0.3, 0.02, 0.7))
    assert got.mass == pytest.approx((0.9, 0.5, 0.7)) and got.mass_high == pytest.approx((0.9, 0.52, 1.0))
    assert doc.forced_at_end is None, "t0 may be as likely as .75"
    assert doc.notes[0].startswith("at 2 of 3 readings an option was not among the tokens listed")
    assert doc.notes[1] == "the bounds do not tell which option is likeliest at the end of the trace"
    assert parse_document(document_json(doc), "x") == doc
    lower = replace(TABLE, ceiling=np.log(np.asarray([[0.6, 0.3], [0.5, 0.02], [0.65, 0.7]])))
    assert document(lower).forced_at_end == "t1" and len(document(lower).notes) == 1
    exact = document(replace(TABLE, logprob=np.log(np.full((3, 2), 0.4)), ceiling=None))
    assert exact.exits[0].probability_high is None and exact.exits[0].mass_high is None and exact.notes == ()


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"mass_high": None}, "expected both or neither"),
        ({"mass_high": (0.9, 0.4, 1.0)}, "mass_high holds 0.4"),
        ({"mass_high": (0.9, 0.6)}, "mass_high has 2"),
        ({"probability_high": ((0.6, 0.5, 0.75),)}, "probability_high has 1"),
        ({"probability_high": ((0.6, 0.5, 1.75), (0.3, 0.02, 0.7))}, "holds 1.75"),
        ({"probability_high": ((0.6, 0.4, 0.75), (0.3, 0.02, 0.7))}, "holds 0.4 where"),
    ],
)
def test_bounds_that_contradict_themselves_are_refused(change: dict[str, object], fault: str) -> None:
    doc = document()
    with pytest.raises(InvalidInput, match=fault):
        document_json(replace(doc, exits=(replace(doc.exits[0], **change),)))  # type: ignore[arg-type]


def test_the_view_has_no_leader_and_no_share_beyond_the_bounds() -> None:
    (got,) = document().exits
    stack = exit_stack(got, "t0")
    assert stack.top == (0, 0, -1)
    assert stack.share[0] == pytest.approx((0.6 / 0.9, 0.5 / 0.52, None)) and stack.mass_high == got.mass_high
    doc = document()
    metrics = {m.key: m.values for m in page_of([doc]).traces[0].metrics}
    # The target is t1, the model's own answer: between 0 and .02 at cut 1; at cut 2 its share may be .7 or 1.
    assert metrics["forced/0/raw"] == pytest.approx((0.01, 0.7))
    assert metrics["forced/0/share"] == pytest.approx((0.02 / 0.52 / 2, None))
    assert not [e for e in page_of([doc]).traces[0].events if e.kind == "flip"]


def test_the_text_gives_the_upper_bound() -> None:
    text = render_text(page_of([document(replace(TABLE, ceiling=np.log(np.asarray([[0.6, 0.3], [0.5, 0.02], [0.021, 0.7]]))))]))
    assert "at cut 2: t0 ≤ 0.03, t1 0.70; not on options 0.28 to 0.30" in text
    assert "forced answer turns from t0 to t1" in text


def test_views_of_exact_documents_are_as_before() -> None:
    doc = ExitDoc(name="x", text="", cuts=(0, 1), options=("A", "B"), probability=((0.5, None), (0.2, None)), mass=(0.7, None))
    stack = exit_stack(doc, "A")
    assert stack.all_high is None and stack.mass_high is None and stack.top == (0, -1)
