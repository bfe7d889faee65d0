"""Excursions on bases whose every V(c) is given: what is said without a draw, when runs end, first tokens, coverage; twins that fail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from scipy.stats import binom
from scipy.stats import f as f_distribution

from tests.helpers import PLAIN, answer_directly, settings, toy_trace
from tokenworth.backends.toy.backend import ToyBackend, ToyCodec, parse_automaton, toy_judge
from tokenworth.backends.toy.forks import Forks
from tokenworth.core.document import About, ModelDoc, Provenance
from tokenworth.core.request.next_token import NextToken
from tokenworth.core.request.sample import Sample
from tokenworth.methods.curve import excursions as plan
from tokenworth.methods.curve.document import CurveDoc, curve_document
from tokenworth.methods.curve.experiment import curve
from tokenworth.methods.curve.goals import goals, plain_worth
from tokenworth.methods.curve.result import CurveResult
from tokenworth.methods.cuts import spans
from tokenworth.report.page import page_of
from tokenworth.report.text import render_text
from tokenworth.stats.excursions import backward
from tokenworth.stats.proportion import proportion_limits
from tokenworth.store.documents import document_json, parse_document


def run(base: Forks, seed: int = 0, *, name_first: bool = True, **choices: object) -> CurveResult:
    experiment = curve(base.trace, judge=base.judge, sampling=PLAIN, settings=settings(seed=seed, **choices), name_first=name_first)
    return base.run(experiment, np.random.default_rng([9, seed]))


def even(p: list[float], worth: float, *, ends_right: bool = True, branches: int = 2) -> Forks:
    """A base whose forks are all worth the same."""
    shape = (len(p), branches)
    return Forks(p=np.asarray(p), share=np.full(shape, 1 / branches), worth=np.full(shape, worth), ends_right=ends_right)


# -- no value without a draw -------------------------------------------------------------------------------------------

FOUR = {
    "a": {"edges": [[0, 0.5, "b"], [1, 0.5, "x"]]},
    "b": {"edges": [[0, 0.9, "c"], [1, 0.1, "x"]]},
    "c": {"edges": [[0, 0.995, "A"], [1, 0.005, "B"]]},
    "x": {"edges": [[2, 0.25, "A"], [3, 0.25, "B"], [4, 0.25, "C"], [5, 0.25, "D"]]},
    **{label: {"outcome": label} for label in "ABCD"},
}
"""Four outcomes; the last fork is left once in 200."""


def four(**choices: object) -> CurveResult:
    automaton = parse_automaton({"vocab_size": 8, "start": "a", "states": FOUR, "correct": "A"})
    trace = toy_trace(automaton, ids=(0, 0, 0))
    return answer_directly(curve(trace, judge=toy_judge(automaton), sampling=PLAIN, settings=settings(**choices)), ToyBackend(automaton))


@pytest.mark.parametrize("choices", [{"max_rollouts": n} for n in (1, 2, 20)] + [{"max_tokens": 1}, {"half_width": 0.499}, {}])
def test_outcomes_sum_to_one_or_are_not_known(choices: dict[str, object]) -> None:
    result = four(**choices)
    known = ~np.isnan(result.value)
    np.testing.assert_allclose(result.outcomes[known].sum(axis=1), 1.0, atol=1e-9)
    assert np.isnan(result.outcomes[~known]).all()
    np.testing.assert_array_equal(known, (result.n_effective > 0) | (result.leave == 0))
    assert (result.outcomes_low >= -1e-12).all() and (result.outcomes_high <= 1 + 1e-12).all(), "limits are always known"


def test_a_budget_that_buys_nothing_gives_limits_and_no_value() -> None:
    result = four(max_tokens=1)
    assert result.n_rollouts == 0
    assert np.isnan(result.value[:3]).all() and result.value[3] == 1.0
    kept = np.asarray([0.5 * 0.9 * 0.995, 0.9 * 0.995, 0.995])
    np.testing.assert_allclose(result.low[:3], kept)
    np.testing.assert_allclose(result.high, 1.0)
    np.testing.assert_allclose(result.unsampled[:3], 1 - kept)
    assert np.isnan(result.change[1:]).all() and not np.isnan(result.change_low[1:]).any()


@pytest.mark.parametrize("half_width", [0.499, 0.3, 0.2])
def test_a_wide_target_is_not_reached_without_a_draw(half_width: float) -> None:
    result = four(half_width=half_width)
    assert result.n_rollouts > 0 and not np.isnan(result.value[:2]).any()
    assert result.stopped == "every cut reached its target"


@given(st.lists(st.one_of(st.just(1.0), st.floats(0.0, 1.0)), min_size=1, max_size=12), st.integers(1, 40), st.booleans())
@hypothesis_settings(deadline=None, max_examples=60)
def test_every_value_is_inside_its_limits_and_sums_up_whatever_was_drawn(p: list[float], budget: int, ends_right: bool) -> None:
    result = run(even(p, 0.4, ends_right=ends_right), max_rollouts=budget)
    known = ~np.isnan(result.value)
    assert (result.low <= result.high + 1e-12).all()
    assert ((result.low <= result.value + 1e-9) & (result.value <= result.high + 1e-9))[known].all()
    np.testing.assert_allclose(result.outcomes[known].sum(axis=1), 1.0, atol=1e-9)
    changed = ~np.isnan(result.change)
    assert (np.abs(result.change[1:]) <= 1 - np.asarray(p) + 1e-9)[changed[1:]].all()


def _document(result: CurveResult) -> CurveDoc:
    return curve_document(
        result, ToyCodec(vocab_size=16), About(problem=None, model=ModelDoc(name="toy"), provenance=Provenance(version="0"))
    )


def test_text_document_and_view_say_that_there_is_no_draw() -> None:
    doc = _document(four(max_tokens=1))
    assert doc.value[:3] == (None, None, None) and doc.low[0] == pytest.approx(0.44775) and doc.outcomes["A"][0] is None
    assert parse_document(document_json(doc), "x") == doc
    assert any(note.startswith("no draw tells the value at 3 cuts (0 to 2)") for note in doc.notes)
    page = page_of([doc])
    assert page.traces[0].curve is not None and page.traces[0].curve.low[0] is not None
    value = page.traces[0].metrics[0]
    assert value.values == (None, None, 1.0) and value.bins[1] != value.bins[0], "limits within .05 have a colour, and no number"
    text = render_text(page, width=120)
    assert "no draw tells the value" in text and "nan" not in text.lower()


def test_what_was_not_sampled_is_flagged_at_its_cut() -> None:
    """Six draws at twenty forks: the note names the cuts, and the document has how much at each."""
    result = run(even([0.9] * 20, 0.5), max_rollouts=6)
    doc = _document(result)
    assert doc.unsampled is not None
    much = [
        cut for cut, value, u in zip(doc.cuts, doc.value, doc.unsampled, strict=True) if value is not None and u is not None and u >= 0.05
    ]
    note = next(note for note in doc.notes if "the mean of the others stands for it" in note)
    assert 1 < len(much) < 20 and note.startswith(f"at {spans(much)} rollouts leave the trace with a probability of 0.05 or more (up to 0.")
    assert not any("draw" in note for note in _document(run(even([0.5, 0.5], 0.5), max_rollouts=40)).notes)


def test_cuts_in_words() -> None:
    assert spans([7]) == "cut 7" and spans([1, 2, 3, 9, 12, 13]) == "6 cuts (1 to 3, 9, 12 to 13)"
    assert spans(list(range(0, 60, 3))) == "20 cuts (0, 3, 6, 9, 12, 15, 18, 21, 24, 27, …)"


# -- when a run ends ---------------------------------------------------------------------------------------------------


def test_of_two_targets_the_first_ends_the_run() -> None:
    base = even([0.9] * 20, 0.3)
    wide, many = run(base, half_width=0.2), run(base, effective_samples=3000)
    assert wide.n_rollouts < many.n_rollouts / 5
    for both in ({"half_width": 0.2, "effective_samples": 3000}, {"half_width": 0.01, "effective_samples": 20}):
        result, alone = run(base, **both), [run(base, **{key: value}) for key, value in both.items()]
        assert result.n_rollouts <= 1.2 * min(one.n_rollouts for one in alone)
        name = "half-width 0.2" if both["half_width"] == 0.2 else "20 effective samples"
        assert result.stopped == f"every cut reached its target, {name}" and result.unresolved == ""
    short = run(base, half_width=0.01, effective_samples=3000, max_rollouts=50)
    assert short.stopped == "budget spent" and "cuts have wider intervals than asked for" in short.unresolved


def test_the_budget_line_names_every_target() -> None:
    text = render_text(page_of([_document(run(even([0.9] * 5, 0.3), effective_samples=20))]), width=200)
    assert "none set" not in text and "as precise as 20 plain rollouts per cut" in text


@pytest.mark.parametrize("choices", [{"half_width": 0.1}, {"half_width": 0.06}, {"effective_samples": 200}], ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_a_run_draws_little_more_than_its_target_takes(choices: dict[str, float], seed: int) -> None:
    """Against the least beginning of the draws that has the target, looked at after every draw. By half of those so far: up to 1.5."""
    rng = np.random.default_rng([1, seed])
    p = np.where(rng.random(60) < 0.4, rng.beta(3, 2, 60).clip(0.05, 0.99), 1.0).tolist()
    base = even(p, float(rng.uniform(0.1, 0.9)), ends_right=bool(seed % 2))
    result, length = run(base, seed, **choices), len(p)
    assert result.stopped == "every cut reached its target"
    (goal,) = goals(result.settings, bound=np.zeros(length + 1), base=base.ends_right, inside=np.ones(length + 1, dtype=bool))
    strata = plan.strata_within(base.p, result.settings.budget)

    def reached(n: int) -> bool:
        number, hits = np.zeros(length), np.zeros((length, 1))
        for draw in result.draws[:n]:
            number[draw.cut] += 1
            hits[draw.cut] += draw.hit
        weights, mean = backward(strata, number, hits)
        return not goal.is_open(weights, mean[:, 0]).any()

    least = next(n for n in range(len(result.draws) + 1) if reached(n))
    assert result.n_rollouts <= 1.15 * least + plan.SMALLEST_BATCH


def test_batches_without_the_cap_overshoot(monkeypatch: pytest.MonkeyPatch) -> None:
    base = even([0.9] * 20, 0.3)
    capped = run(base, half_width=0.05)
    monkeypatch.setattr(plan, "needed", lambda *args: 1 << 30)
    grown = run(base, half_width=0.05)
    assert grown.n_rollouts > 1.1 * capped.n_rollouts


RUNS = 400


@pytest.mark.slow
@pytest.mark.parametrize("choices", [{"half_width": 0.2}, {"half_width": 0.1}, {"effective_samples": 20}], ids=str)
@pytest.mark.parametrize("ends_right", [True, False])
def test_ending_early_biases_no_cut_by_more_than_a_hundredth(choices: dict[str, float], ends_right: bool) -> None:
    """400 streams at three forks of .5 with W = .2: the mean error is within .01 and 4.9 standard errors (1e-6 two-sided)."""
    base = even([0.5] * 3, 0.2, ends_right=ends_right)
    got = [run(base, seed, **choices) for seed in range(RUNS)]
    error = np.stack([result.value - base.values for result in got])
    assert (np.abs(error.mean(axis=0)) <= 0.01 + 4.9 * error.std(axis=0) / np.sqrt(RUNS)).all()
    assert np.ptp([result.n_rollouts for result in got]) > 0 or choices == {"half_width": 0.2} or "effective_samples" in choices


def test_few_equal_outcomes_are_not_worth_many_plain_rollouts() -> None:
    """Worth is exact in the limit, and at few draws the least that it can be."""
    base = even([0.5, 0.8], 0.3, ends_right=False)
    strata = plan.strata_within(base.p, settings(max_rollouts=10_000).budget)
    leave = np.asarray([0.6, 0.2])
    for scale in (3, 100_000):
        number = scale * np.asarray([0.5, 0.1]) / 0.6
        weights, _ = backward(strata, number, np.zeros((2, 1)))
        worth = plain_worth(weights, np.full(3, 0.3), False)
        value = leave * 0.3
        exact = value * (1 - value) * weights.n_effective[:2] / (leave**2 * 0.3 * 0.7)
        if scale == 3:
            np.testing.assert_allclose(worth[:2], weights.n_effective[:2] / leave)
            assert (worth[:2] <= exact).all()
        else:
            np.testing.assert_allclose(worth[:2], exact, rtol=1e-3)
        assert worth[2] == np.inf


# -- first tokens ------------------------------------------------------------------------------------------------------


def test_first_tokens_are_named_and_the_rest_is_asked_for_together() -> None:
    """A list of three tokens a fork: the base, two branches; the others are one request that avoids those."""
    base = even([0.4, 0.4], 0.5, branches=6)
    experiment = curve(base.trace, judge=base.judge, sampling=PLAIN, settings=settings(max_rollouts=120, top=3))
    rng, seen, batch = np.random.default_rng(0), Counter[tuple[int, int | None, bool, tuple[int, ...]]](), next(experiment)
    try:
        while True:
            for request in batch:
                if isinstance(request, Sample):
                    seen[request.cut, request.branch, request.leave, request.avoid] += 1
                else:
                    assert isinstance(request, NextToken)
            batch = experiment.send(base.answer(batch, rng))
    except StopIteration as done:
        result: CurveResult = done.value
    for cut in (0, 1):
        n = int(result.n_started[cut])
        named = {key[1]: count for key, count in seen.items() if key[0] == cut and not key[2]}
        (others,) = [count for key, count in seen.items() if key[0] == cut and key[2]]
        assert set(named) == {3, 4} and next(key[3] for key in seen if key[0] == cut and key[2]) == (3, 4)
        assert max(abs(count - n / 6) for count in named.values()) <= 3 and abs(others - 4 * n / 6) <= 3
    firsts = Counter((draw.cut, draw.rollout.ids[0]) for draw in result.draws)
    assert {first for _, first in firsts} == set(range(3, 9)), "the others are drawn as well"
    assert [draw.index for draw in result.draws if draw.cut == 0] == list(range(int(result.n_started[0])))


def test_where_no_token_can_be_named_the_model_draws_it() -> None:
    base = even([0.4, 0.4], 0.5)
    experiment = curve(base.trace, judge=base.judge, sampling=PLAIN, settings=settings(max_rollouts=10), name_first=False)
    rng = np.random.default_rng(0)
    batch = experiment.send(base.answer(next(experiment), rng))
    assert all(isinstance(r, Sample) and r.leave and r.branch is None and not r.avoid for r in batch)


def test_choosing_first_tokens_evenly_lowers_the_variance_where_branches_differ() -> None:
    """One fork of ten branches, half of them right: 20 draws. F test of 200 streams a side, false alarm 1e-6 if there were no gain."""
    worth = np.asarray([[1.0, 0.0] * 5])
    base = Forks(p=np.asarray([0.1]), share=np.full((1, 10), 0.1), worth=worth, ends_right=False)
    spread = {
        named: np.var([run(base, seed, name_first=named, max_rollouts=20, top=11).value[0] for seed in range(200)], ddof=1)
        for named in (True, False)
    }
    limit = float(f_distribution.isf(1e-6, 199, 199))
    assert spread[False] > limit * spread[True]
    assert spread[False] < limit * 0.9**2 * 0.25 / 20, "the twin is binomial"


# -- coverage ----------------------------------------------------------------------------------------------------------


def nearly_right(seed: int) -> Forks:
    """V = .98 and a wrong base: every fourth token is a fork."""
    rng = np.random.default_rng([3, seed])
    p = np.where(rng.random(60) < 0.3, rng.beta(3, 2, 60).clip(0.05, 0.99), 1.0)
    return even(p.tolist(), 0.98, ends_right=False)


@lru_cache(maxsize=1)
def _nearly_right() -> tuple[tuple[np.ndarray, CurveResult], ...]:
    base = nearly_right(0)
    return tuple((base.values, run(base, seed, max_rollouts=100)) for seed in range(400))


def _covered(limits: Callable[[CurveResult], tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Of 400 streams, how many cover each cut."""
    hits = []
    for truth, result in _nearly_right():
        low, high = limits(result)
        hits.append((low - 1e-9 <= truth) & (truth <= high + 1e-9))
    return np.sum(hits, axis=0)


def _score(result: CurveResult) -> tuple[np.ndarray, np.ndarray]:
    """Wilson's limits of the same draws; the base is wrong, so V = leave · x̄."""
    n, sampled = result.n_effective, result.leave - result.unsampled
    mean = np.divide(np.nan_to_num(result.value), result.leave, out=np.zeros_like(n), where=(result.leave > 0) & (n > 0)).clip(0, 1)
    low, high = proportion_limits("wilson", mean * n, n, 0.95)
    return sampled * low, sampled * high + result.unsampled


@pytest.mark.slow
def test_the_default_covers_at_every_cut_where_score_limits_do_not() -> None:
    """V = .98, 100 rollouts: no cut is covered by so few of 400 streams that a coverage of .95 makes it a 1e-6 event; the twin has one."""
    least = float(binom.ppf(1e-6 / 61, 400, 0.95))
    assert _covered(lambda r: (r.low, r.high)).min() >= least
    assert _covered(_score).min() < float(binom.ppf(1e-3, 400, 0.95))


def test_few_strata_are_left_without_a_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not sampled widens intervals in full: the twin that gives a first draw no more than its variance leaves far more of it."""
    rng = np.random.default_rng(2)
    p = 1 - np.exp(rng.normal(-5, 1.5, 600)).clip(1e-5, 0.6)
    base = even(p.tolist(), 0.5)
    left = float(run(base, max_rollouts=400).unsampled.mean())
    monkeypatch.setattr("tokenworth.stats.strata.FIRST_DRAW", 1.0)
    assert left < 0.02 < float(run(base, max_rollouts=400).unsampled.mean()) / 1.2


def test_outcomes_do_not_decide_where_the_next_rollout_goes() -> None:
    """Two bases that differ in their worth alone are measured by the same requests; a learnt variance would tell them apart."""
    rng = np.random.default_rng(4)
    p = np.where(rng.random(40) < 0.5, rng.beta(3, 2, 40).clip(0.1, 0.99), 1.0).tolist()
    made = [run(even(p, worth), max_rollouts=300) for worth in (0.02, 0.5)]
    one, other = ([(draw.cut, draw.rollout.ids[0]) for draw in result.draws] for result in made)
    assert one == other
