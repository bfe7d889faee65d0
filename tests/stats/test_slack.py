"""Next-token probabilities known only within bounds: what they can do to a value, against exact automata."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.helpers import PLAIN, answer_directly, ladder, settings, toy_trace
from tokenworth.backends.toy.automaton import Automaton
from tokenworth.backends.toy.backend import ToyBackend, ToyCodec, toy_judge
from tokenworth.backends.toy.values import exact_values, random_automaton
from tokenworth.core.document import About, ModelDoc, Provenance
from tokenworth.core.ports import KeyedRequest
from tokenworth.core.request.kind import Response
from tokenworth.core.request.next_token import NextToken, NextTokenTable
from tokenworth.core.tokens import Trace
from tokenworth.methods.curve.document import CurveDoc, curve_document
from tokenworth.methods.curve.experiment import curve
from tokenworth.methods.curve.result import CurveResult
from tokenworth.report.sections.traces.series import curve_view
from tokenworth.stats.excursions import slack_bound, widen
from tokenworth.store.documents import document_json, parse_document

LADDER_IDS = (0, 1, 3, 6)


class Blurred(ToyBackend):
    """An automaton whose table says ``shift`` too much or too little of every uncertain token, and says that it may."""

    def __init__(self, automaton: Automaton, shift: float, slack: float) -> None:
        super().__init__(automaton)
        self.shift, self.slack = shift, slack

    def answer(self, requests: Sequence[KeyedRequest]) -> Iterator[tuple[str, Response]]:
        for key, response in super().answer(requests):
            if isinstance(response, NextTokenTable):
                open_ = response.p < 1
                p = np.where(open_, np.clip(response.p + self.shift, 0.01, 0.99), response.p)
                response = replace(response, p=p, slack=np.where(open_, self.slack, 0.0))
            yield key, response


def blurred(automaton: Automaton, trace: Trace, *, shift: float, slack: float, **choices: object) -> CurveResult:
    experiment = curve(trace, judge=toy_judge(automaton), sampling=PLAIN, settings=settings(**choices))  # type: ignore[arg-type]
    return answer_directly(experiment, Blurred(automaton, shift, slack))


def recursion(p: np.ndarray, w: np.ndarray, end: float) -> np.ndarray:
    """V(c) = p V(c+1) + (1−p) W(c)."""
    values = np.full(len(p) + 1, end)
    for cut in range(len(p) - 1, -1, -1):
        values[cut] = p[cut] * values[cut + 1] + (1 - p[cut]) * w[cut]
    return values


unit = st.floats(0, 1)


@pytest.mark.slow
@hypothesis_settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(unit, unit, unit, unit), max_size=30), unit)
def test_no_value_is_farther_off_than_the_bound(steps: list[tuple[float, float, float, float]], end: float) -> None:
    """p' is anywhere in p ± slack, W and the end are anything."""
    p, slack, where, w = np.asarray(steps, dtype=float).reshape(-1, 4).T
    true = np.clip(p + (2 * where - 1) * slack, 0.0, 1.0)
    bound = slack_bound(p, slack)
    assert (np.abs(recursion(p, w, end) - recursion(true, w, end)) <= bound + 1e-12).all()
    assert bound[-1] == 0 and (bound <= 1).all()


def test_the_bound_is_reached_where_an_excursion_always_differs_and_is_0_without_slack() -> None:
    p, slack = np.asarray([0.9, 0.8, 0.7]), np.asarray([0.05, 0.0, 0.1])
    bound = slack_bound(p, slack)
    np.testing.assert_allclose(bound, [0.05 + 0.9 * 0.8 * 0.1, 0.08, 0.1, 0.0])
    off = recursion(p, np.zeros(3), 1.0) - recursion(p - slack, np.zeros(3), 1.0)
    np.testing.assert_allclose(off[2], bound[2])
    assert not slack_bound(p, None).any()
    np.testing.assert_allclose(slack_bound(p[:1], np.asarray([np.nan])), [0.9, 0.0])


@pytest.mark.parametrize("number", range(12))
def test_with_exact_excursions_the_truth_is_always_inside_and_without_widening_it_is_not(number: int) -> None:
    rng = np.random.default_rng([5, number])
    automaton = random_automaton(rng, length=40, certain_share=0.5)
    trace = toy_trace(automaton, seed=number)
    truth = exact_values(automaton, trace.sequence, PLAIN)
    request = NextToken(sequence=trace.sequence, cuts=tuple(range(trace.n_trace)), params=PLAIN, top=2)
    ((_, table),) = ToyBackend(automaton).answer([KeyedRequest(key="0" * 64, request=request)])
    assert isinstance(table, NextTokenTable)
    open_ = table.p < 1
    with np.errstate(invalid="ignore"):
        w = np.where(open_, (truth[:-1] - table.p * truth[1:]) / (1 - table.p), 0.0)
    slack = np.where(open_, rng.uniform(0.01, 0.2, len(open_)), 0.0)
    listed = np.clip(table.p + rng.uniform(-1, 1, len(open_)) * slack, 0.0, 1.0)
    value = recursion(listed, w, truth[-1])
    low, high = widen(value[:, None], value[:, None], slack_bound(listed, slack))
    assert (low[:, 0] <= truth + 1e-12).all() and (truth <= high[:, 0] + 1e-12).all()
    assert (np.abs(value - truth) > 1e-6).any(), "the twin: a bound of 0 covers nothing here"


@pytest.mark.slow
@pytest.mark.parametrize("shift", [-0.1, 0.1])
def test_a_run_on_blurred_probabilities_covers_what_one_that_trusts_them_does_not(shift: float) -> None:
    """8,000 excursions: the sampled half-width is about 0.01, far less than what the shift does to V(0)."""
    automaton = ladder()
    trace = toy_trace(automaton, ids=LADDER_IDS)
    truth = exact_values(automaton, trace.sequence, PLAIN)
    careful = blurred(automaton, trace, shift=shift, slack=0.1, max_rollouts=8000)
    trusting = blurred(automaton, trace, shift=shift, slack=0.0, max_rollouts=8000)
    assert (careful.low <= truth + 1e-9).all() and (truth <= careful.high + 1e-9).all()
    assert not ((trusting.low <= truth + 1e-9).all() and (truth <= trusting.high + 1e-9).all())
    assert careful.widened is not None and careful.widened[0] > careful.widened[3] > 0 == careful.widened[4]
    for column, label in enumerate(careful.labels):
        if label == "yes":
            np.testing.assert_allclose(careful.outcomes_low[:, column], careful.low)


def test_slack_beyond_the_target_does_not_keep_a_run_going() -> None:
    automaton = ladder()
    trace = toy_trace(automaton, ids=LADDER_IDS)
    exact = blurred(automaton, trace, shift=0.0, slack=0.0, half_width=0.05)
    vague = blurred(automaton, trace, shift=0.0, slack=0.2, half_width=0.05)
    assert exact.stopped == "every cut reached its target"
    assert vague.stopped == "4 of 5 cuts cannot reach their target: next-token probabilities are not known well enough"
    assert vague.n_rollouts < 6 * exact.n_rollouts
    sampled = (vague.high - vague.low)[3] / 2 - 0.2
    assert sampled <= 0.025, "sampling went to half of the target"
    slight = blurred(automaton, trace, shift=0.0, slack=0.005, half_width=0.05)
    assert slight.stopped == "every cut reached its target" and ((slight.high - slight.low) / 2 <= 0.05).all()


def _document(result: CurveResult) -> CurveDoc:
    codec = ToyCodec(vocab_size=8)
    about = About(problem=None, model=ModelDoc(name="toy"), provenance=Provenance(version="0"))
    return curve_document(result, codec, about)


def test_the_document_says_what_is_known_and_by_how_much_intervals_are_wider() -> None:
    automaton = ladder()
    trace = toy_trace(automaton, ids=LADDER_IDS)
    doc = _document(blurred(automaton, trace, shift=0.0, slack=0.2, half_width=0.05))
    first, second = doc.notes[-2:]
    assert first.startswith("next-token probabilities at 3 of 4 cuts are known only to within ± 0.2; intervals are widened by up to ")
    assert "at 4 of 5 cuts this widens the interval by more than half of the requested half-width 0.05" in second
    assert doc.widened is not None and doc.widened[0] == doc.widened[1]
    assert parse_document(document_json(doc), "x") == doc
    plain = _document(blurred(automaton, trace, shift=0.0, slack=0.2, plan="plain", samples=2))
    assert plain.widened is None and plain.notes[-1] == "next-token probabilities at 3 of 4 cuts are known only to within ± 0.2"
    exact = _document(blurred(automaton, trace, shift=0.0, slack=0.0, half_width=0.05))
    assert not any("known only" in note for note in exact.notes)


@pytest.mark.parametrize("own", [True, False], ids=["limits of its own", "those of two values"])
def test_differences_are_not_clipped_tighter_than_the_probabilities_are_known(own: bool) -> None:
    automaton = ladder()
    trace = toy_trace(automaton, ids=LADDER_IDS)
    docs = [_document(blurred(automaton, trace, shift=0.1, slack=slack, max_rollouts=50)) for slack in (0.1, 0.0)]
    if not own:
        docs = [replace(docs[0], change=None, change_low=None, change_high=None)]
        docs.append(replace(docs[0], widened=None))
    truth = exact_values(automaton, trace.sequence, PLAIN)
    view, trusting = map(curve_view, docs)
    assert view.delta_high[4] is not None and trusting.delta_high[4] is not None
    # 1 − p is 0.2 at the last fork and the table says 0.1: the true step from 0.8 to 1 lies outside what is believed without slack.
    assert trusting.delta_high[4] < truth[4] - truth[3] - 0.05 < view.delta_high[4]
