"""The change of a value between two cuts: the formula, its bound, its coverage, and twins that must fail."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from scipy.stats import binom
from scipy.stats import t as student_t

from tests.helpers import PLAIN, settings
from tokenworth.backends.toy.forks import Forks
from tokenworth.methods.curve.experiment import curve
from tokenworth.methods.curve.result import CurveResult
from tokenworth.stats.changes import Changes, Pairs, changes, changes_of_cuts, pairs_of, slack_between
from tokenworth.stats.difference import newcombe
from tokenworth.stats.excursions import CutEstimates, Excursions, estimate_values
from tokenworth.stats.proportion import wilson
from tokenworth.stats.strata import Strata, make_strata

probabilities = st.lists(st.one_of(st.just(1.0), st.floats(0.0, 1.0)), min_size=1, max_size=25)


def drawn(p: list[float], least: float, n: int, seed: int) -> tuple[Strata, Excursions, CutEstimates]:
    """Any draws at any forks, hits or not; the base is no hit."""
    strata, rng = make_strata(np.asarray(p), least), np.random.default_rng(seed)
    forks = np.flatnonzero(strata.p < 1)
    cut = rng.choice(forks, size=n) if len(forks) else np.zeros(0, dtype=np.int64)
    draws = Excursions(cut=cut, label=rng.integers(0, 2, size=len(cut)))
    groups = np.asarray([[0.0], [1.0]])
    return strata, draws, estimate_values(strata, draws, groups=groups, base_label=0, level=0.95, interval="beta")


def all_pairs(strata: Strata, draws: Excursions, estimate: CutEstimates, **more: object) -> tuple[np.ndarray, np.ndarray, Changes]:
    first, second = np.triu_indices(strata.n_cuts + 1, 1)
    number = np.bincount(draws.cut, minlength=strata.n_cuts).astype(float)
    hits = np.bincount(draws.cut, draws.label, minlength=strata.n_cuts).astype(float)
    found = changes(strata, number=number, hits=hits, estimate=estimate, first=first, second=second, level=0.95, interval="beta", **more)  # type: ignore[arg-type]
    return first, second, found


@given(probabilities, st.floats(0.001, 0.9), st.integers(0, 30), st.integers(0, 2**32 - 1))
def test_it_is_the_formula_and_never_more_than_what_leaves(p: list[float], least: float, n: int, seed: int) -> None:
    """(1 − K)(V(b) − X), X from the draws in [a, b) piece by piece; limits hold it and stay within ± (1 − K)."""
    strata, draws, estimate = drawn(p, least, n, seed)
    first, second, found = all_pairs(strata, draws, estimate)
    for a, b, value, low, high in zip(first.tolist(), second.tolist(), found.value, found.low, found.high, strict=True):
        leave = 1 - float(np.prod(strata.p[a:b]))
        assert low >= -leave - 1e-9 and high <= leave + 1e-9 and low <= high + 1e-9
        total, weight, follow = 0.0, 0.0, 1.0
        for s, e in zip(strata.start.tolist(), strata.stop.tolist(), strict=True):
            s, e = max(s, a), min(e, b)
            if s >= e:
                continue
            mine, here = (draws.cut >= s) & (draws.cut < e), follow * (1 - float(np.prod(strata.p[s:e])))
            follow *= float(np.prod(strata.p[s:e]))
            if mine.any():
                total, weight = total + here * draws.label[mine].mean(), weight + here
        if leave <= 0:
            assert (value, low, high) == (0, 0, 0)
        elif weight > 1e-9 and not np.isnan(estimate.share[b, 0]):
            assert value == pytest.approx(leave * (estimate.share[b, 0] - total / weight), abs=1e-6)
            assert low - 1e-9 <= value <= high + 1e-9 and abs(value) <= leave + 1e-9
        elif weight == 0:
            assert np.isnan(value)


def test_without_a_draw_there_are_limits_and_no_value() -> None:
    strata = make_strata(np.asarray([0.9, 0.5]), 0.02)
    draws = Excursions(cut=np.asarray([1, 1, 1, 1]), label=np.asarray([1, 1, 0, 1]))
    estimate = estimate_values(strata, draws, groups=np.asarray([[0.0], [1.0]]), base_label=0, level=0.95, interval="beta")
    _, _, found = all_pairs(strata, draws, estimate)
    assert np.isnan(found.value[0]) and not np.isnan(found.value[1:]).any()
    np.testing.assert_allclose([found.low[0], found.high[0]], [0.1 * (estimate.low[1, 0] - 1), 0.1 * estimate.high[1, 0]])


@given(st.integers(0, 20), st.integers(1, 20), st.integers(0, 20), st.integers(1, 20))
def test_cuts_measured_by_themselves_have_newcombe_s_limits(k: int, n: int, other: int, m: int) -> None:
    """Against the package's own counts of two samples; 1 − K cuts estimate and limits off."""
    k, other = min(k, n), min(other, m)
    counts, draws = np.asarray([float(other), float(k)]), np.asarray([float(m), float(n)])
    low, high = wilson(counts, draws, 0.95)
    found = changes_of_cuts(counts / draws, low, high, np.ones(1))
    expected = newcombe(counts[1:], draws[1:], counts[:1], draws[:1], 0.95)
    np.testing.assert_allclose([found.low[0], found.high[0]], [expected[0][0], expected[1][0]], atol=1e-12)
    capped = changes_of_cuts(counts / draws, low, high, np.asarray([0.1]))
    assert max(abs(capped.value[0]), abs(capped.low[0]), abs(capped.high[0])) <= 0.1


def steps(seed: int) -> Forks:
    """A step of .65 and forks of any size around it; the branches of a fork differ."""
    rng, length = np.random.default_rng([5, seed]), 60
    p = np.where(rng.random(length) < 0.4, rng.beta(3, 2, length).clip(0.05, 0.99), 1.0)
    worth = np.where(np.arange(length) >= 30, 0.95, 0.3)[:, None] + rng.normal(0, 0.2, (length, 3))
    return Forks(p=p, share=rng.dirichlet(np.ones(3), length), worth=worth.clip(0, 1), ends_right=seed % 2 == 0)


BASES = 80
T_OF_BASES = float(student_t.isf(1e-6 / 2, BASES - 1))


@lru_cache(maxsize=1)
def _runs() -> tuple[tuple[np.ndarray, np.ndarray, CurveResult], ...]:
    """One run on each of 80 base traces: the forks where a step of more than .02 is possible, the true steps there, and the result."""
    found: list[tuple[np.ndarray, np.ndarray, CurveResult]] = []
    for number in range(BASES):
        base = steps(number)
        experiment = curve(base.trace, judge=base.judge, sampling=PLAIN, settings=settings(max_rollouts=200, seed=number))
        at = np.flatnonzero(base.p < 0.98)
        found.append((at, np.diff(base.values)[at], base.run(experiment, np.random.default_rng([6, number]))))
    return tuple(found)


def _highest_coverage(scale: float) -> float:
    shares: list[float] = []
    for at, truth, result in _runs():
        value, low, high = (x[at + 1] for x in (result.change, result.change_low, result.change_high))
        value = np.where(np.isnan(value), (low + high) / 2, value)
        inside = (value - scale * (value - low) - 1e-9 <= truth) & (truth <= value + scale * (high - value) + 1e-9)
        shares.append(float(inside.mean()))
    return float(np.mean(shares) + T_OF_BASES * np.std(shares, ddof=1) / np.sqrt(BASES))


@pytest.mark.slow
def test_limits_of_steps_cover_and_those_of_half_the_width_do_not() -> None:
    """One share a trace, Student's t over 80 of them: a true coverage of .95 passes with probability 1 − 1e-6."""
    assert _highest_coverage(1.0) >= 0.95
    assert _highest_coverage(0.5) < 0.95


@pytest.mark.slow
def test_they_are_far_narrower_than_the_most_extreme_combination_of_two_intervals() -> None:
    own = np.concatenate([(r.change_high - r.change_low)[at + 1] for at, _, r in _runs()])
    apart = np.concatenate([(r.high[1:] - r.low[:-1] - r.low[1:] + r.high[:-1])[at] for at, _, r in _runs()])
    assert own.mean() < 0.6 * apart.mean() and (own <= apart + 1e-9).mean() > 0.99


@given(probabilities, st.integers(0, 2**32 - 1))
def test_a_change_is_no_farther_off_than_what_the_probabilities_leave_open(p: list[float], seed: int) -> None:
    """p' is anywhere in p ± slack, W and the end are anything: |D − D'| ≤ (1 − K) d(b) + s(a, b), and K' is within s of K."""
    rng, n = np.random.default_rng(seed), len(p)
    listed, slack = np.asarray(p), rng.uniform(0, 0.3, n)
    true = np.clip(listed + rng.uniform(-1, 1, n) * slack, 0.0, 1.0)
    w, end = rng.random(n), rng.random()

    def values(q: np.ndarray) -> np.ndarray:
        found = np.full(n + 1, end)
        for cut in range(n - 1, -1, -1):
            found[cut] = q[cut] * found[cut + 1] + (1 - q[cut]) * w[cut]
        return found

    first, second = np.triu_indices(n + 1, 1)
    off = np.abs((values(listed)[second] - values(listed)[first]) - (values(true)[second] - values(true)[first]))
    kept, real = (np.asarray([np.prod(q[a:b]) for a, b in zip(first, second, strict=True)]) for q in (listed, true))
    within, later = slack_between(listed, slack, first, second), slack_between(listed, slack, second, None)
    assert (off <= (1 - kept) * later + within + 1e-12).all() and (np.abs(kept - real) <= within + 1e-12).all()


@given(probabilities, st.integers(0, 30), st.integers(0, 2**32 - 1))
def test_limits_are_moved_apart_by_that(p: list[float], n: int, seed: int) -> None:
    strata, draws, estimate = drawn(p, 0.02, n, seed)
    slack = np.where(strata.p < 1, np.random.default_rng(seed).uniform(0, 0.2, len(p)), 0.0)
    first, second, exact = all_pairs(strata, draws, estimate)
    _, _, loose = all_pairs(strata, draws, estimate, slack=slack)
    leave = 1 - np.asarray([np.prod(strata.p[a:b]) for a, b in zip(first, second, strict=True)])
    within = slack_between(strata.p, slack, first, second)
    moved = leave * np.minimum(slack_between(strata.p, slack, second, None), 1.0) + within
    np.testing.assert_allclose(loose.low, np.maximum(exact.low - moved, -np.minimum(leave + within, 1.0)), atol=1e-9)
    np.testing.assert_allclose(loose.high, np.minimum(exact.high + moved, np.minimum(leave + within, 1.0)), atol=1e-9)
    np.testing.assert_array_equal(loose.value, exact.value)


# -- p-values ----------------------------------------------------------------------------------------------------------


few = st.lists(st.one_of(st.just(1.0), st.floats(0.0, 1.0)), min_size=1, max_size=7)


@given(few, st.floats(0.001, 0.9), st.integers(0, 60), st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.02, 0.1]))
@hypothesis_settings(max_examples=30, deadline=None)
def test_a_p_value_says_what_the_limits_say(p: list[float], least: float, n: int, seed: int, delta: float) -> None:
    """p < a where the limits at 1 − 2a (1 − a for δ = 0) clear ± δ, p > a where they do not; limits stay within ± (1 − K) at any level."""
    strata, draws, estimate = drawn(p, least, n, seed)
    first, second = np.triu_indices(strata.n_cuts + 1, 1)
    number = np.bincount(draws.cut, minlength=strata.n_cuts).astype(float)
    hits = np.bincount(draws.cut, draws.label, minlength=strata.n_cuts).astype(float)
    parts = {"weights": estimate.weights, "base": estimate.base[:, 0], "later": estimate.mean[:, 0]}
    pairs = pairs_of(strata, number=number, hits=hits, first=first, second=second, **parts)  # type: ignore[arg-type]
    for interval in ("beta", "wilson"):
        found = pairs.p_values(delta, interval)
        assert ((found > 0) & (found <= 1)).all()
        assert (found[pairs.scale <= delta] == 1).all(), "what cannot move the value by more is never named"
        for a in (0.2, 0.01, 1e-6):
            low, high = pairs.limits(1 - (a if delta == 0 else 2 * a), interval)
            assert (np.abs([low, high]) <= pairs.scale + 1e-9).all()
            clear = (low > delta) | (high < -delta)
            # A score interval gives way to a Beta one at `ENOUGH` draws, not at a level, so both are monotone in it.
            assert (found[clear] <= a * 1.001).all() and (found[~clear] >= a * 0.999).all()


def _share_below(level: float, true: float, least: float, scale: float) -> float:
    """Of 20,000 forks whose change is ``true``, the share whose p is below ``level``; each draw is counted ``scale`` times."""
    rng, n, leave, later = np.random.default_rng(4), 20_000, 0.6, 0.5
    many = np.full(n, 40.0 * scale)
    ones, none = np.ones(n), np.zeros(n)
    pairs = Pairs(
        scale=leave * ones,
        missing=none,
        mean=rng.binomial(40, later - true / leave, n) / 40,
        n=many,
        base=none,
        sampled=ones,
        unsampled=none,
        later_mean=rng.binomial(40, later, n) / 40,
        later_n=many,
        moved=none,
        most=leave * ones,
    )
    return float((pairs.p_values(least, "wilson") < level).mean())


@pytest.mark.parametrize(("true", "least"), [(0.0, 0.0), (0.1, 0.1)])
def test_p_values_at_the_hypothesis_are_as_rare_as_they_say_and_those_of_draws_counted_twice_are_not(true: float, least: float) -> None:
    """A true size of .05 is passed with a chance of 1e-6; .055 leaves room for the limits being approximate (Newcombe 1998)."""
    most = binom.ppf(1 - 1e-6, 20_000, 0.055) / 20_000
    assert _share_below(0.05, true, least, 1.0) <= most
    assert _share_below(0.05, true, least, 2.0) > most
    assert _share_below(0.05, true + 0.18, least, 1.0) > 0.8, "a change far from the hypothesis is found"
