"""Statistics against scipy, brute force and their own laws."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as reference

from tokenworth.stats.correlation import point_biserial
from tokenworth.stats.excursions import (
    Excursions,
    allocate,
    estimate_values,
    fork_of_draw,
    label_variance,
    make_strata,
    stratum_reach,
)
from tokenworth.stats.proportion import beta_limits, wilson

probabilities = st.lists(st.one_of(st.just(1.0), st.floats(0.0, 1.0)), min_size=1, max_size=40)


@pytest.mark.slow
@given(st.integers(0, 200), st.integers(1, 200), st.sampled_from([0.8, 0.95, 0.99]))
def test_limits_equal_scipy(k: int, n: int, level: float) -> None:
    k = min(k, n)
    for ours, method in ((wilson, "wilson"), (beta_limits, "exact")):
        low, high = ours(np.asarray([float(k)]), np.asarray([float(n)]), level)
        theirs = reference.binomtest(k, n).proportion_ci(level, method=method)
        assert low[0] == pytest.approx(theirs.low, abs=1e-9) and high[0] == pytest.approx(theirs.high, abs=1e-9)


@given(st.floats(0, 1), st.floats(0, 500), st.sampled_from(["wilson", "beta"]))
def test_limits_hold_the_estimate(share: float, n: float, kind: str) -> None:
    low, high = (wilson if kind == "wilson" else beta_limits)(np.asarray([share * n]), np.asarray([n]), 0.95)
    assert 0 <= low[0] <= high[0] <= 1
    if n > 0:
        assert low[0] - 1e-9 <= share <= high[0] + 1e-9
    else:
        assert (low[0], high[0]) == (0.0, 1.0)


def test_point_biserial_equals_scipy_and_knows_when_there_is_none() -> None:
    rng = np.random.default_rng(0)
    x, yes = rng.normal(size=50), rng.random(50) < 0.4
    ours = point_biserial(x, yes, 0.95)
    theirs = reference.pearsonr(x, yes.astype(float)).confidence_interval(0.95)
    assert ours.r == pytest.approx(reference.pointbiserialr(yes, x).statistic)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high))
    assert np.isnan(point_biserial(x, np.ones(50, dtype=bool), 0.95).r)
    assert np.isnan(point_biserial(np.ones(50), yes, 0.95).r)
    assert np.isnan(point_biserial(x[:3], np.asarray([True, False, True]), 0.95).low)


@given(probabilities, st.floats(0.001, 0.9))
def test_strata_partition_the_cuts(p: list[float], least: float) -> None:
    strata = make_strata(np.asarray(p), least)
    assert strata.start[0] == 0 and strata.stop[-1] == len(p)
    assert (strata.start[1:] == strata.stop[:-1]).all() and (strata.stop > strata.start).all()
    assert (strata.leave[strata.start[:-1]] >= least - 1e-12).all()


@pytest.mark.slow
@given(probabilities, st.floats(0.001, 0.9), st.integers(0, 2**32 - 1))
def test_recursion_equals_the_sum_over_forks(p: list[float], least: float, seed: int) -> None:
    """Estimates from the backward pass equal the weights written out, fork by fork, for any draws."""
    strata = make_strata(np.asarray(p), least)
    rng = np.random.default_rng(seed)
    forks = np.flatnonzero(strata.p < 1)
    cut = rng.choice(forks, size=30) if len(forks) else np.zeros(0, dtype=np.int64)
    label = rng.integers(0, 2, size=len(cut))
    got = estimate_values(strata, Excursions(cut=cut, label=label), groups=np.eye(2), base_label=1, level=0.95, interval="wilson")
    n = len(p)
    for c in range(n + 1):
        known = float(np.prod(strata.p[c:]))
        total, sampled, kish = np.zeros(2), 0.0, 0.0
        follow = 1.0
        for a, b in zip(strata.start, strata.stop, strict=True):
            if b <= c:
                continue
            first = max(int(a), c)
            weight = follow * (1 - float(np.prod(strata.p[first:b])))
            follow *= float(np.prod(strata.p[first:b]))
            mine = (cut >= first) & (cut < b)
            if mine.any() and weight > 0:
                total += weight * np.bincount(label[mine], minlength=2) / mine.sum()
                sampled += weight
                kish += weight**2 / mine.sum()
        assert got.known[c] == pytest.approx(known, abs=1e-9)
        assert got.sampled[c] == pytest.approx(sampled, abs=1e-9)
        assert got.known[c] + got.sampled[c] + got.unsampled[c] == pytest.approx(1.0, abs=1e-9)
        if sampled > 1e-6:
            share = known * np.asarray([0, 1]) + (1 - known) * total / sampled
            np.testing.assert_allclose(got.share[c], share, atol=1e-6)
            assert got.n_effective[c] == pytest.approx(sampled**2 / kish, rel=1e-6)
    assert (got.low <= got.share + 1e-9).all() and (got.share <= got.high + 1e-9).all()


def test_forks_are_drawn_in_proportion_to_leaving() -> None:
    """Systematic draws over random offsets: chi-square at 1e-6, and a twin with equal expected counts must fail."""
    p = np.asarray([0.9, 1.0, 0.5, 0.99, 0.7])
    strata = make_strata(p, 0.95)
    assert len(strata.start) == 1 or strata.stop[0] == 5
    rng = np.random.default_rng(1)
    counts = np.bincount([fork_of_draw(strata, 0, int(i % 7), float(u)) for i, u in enumerate(rng.random(20_000))], minlength=5)
    follow = np.concatenate([[1.0], np.cumprod(p)[:-1]])
    weight = follow * (1 - p)
    expected = 20_000 * weight / weight.sum()
    used = expected > 0
    assert counts[~used].sum() == 0
    statistic = float((((counts - expected) ** 2)[used] / expected[used]).sum())
    assert statistic < reference.chi2.isf(1e-6, used.sum() - 1)
    even = 20_000 / used.sum()
    assert float(((counts[used] - even) ** 2 / even).sum()) > reference.chi2.isf(1e-6, used.sum() - 1)


def test_systematic_draws_are_more_even_than_chance() -> None:
    strata = make_strata(np.full(20, 0.999), 0.9)
    forks = [fork_of_draw(strata, 0, i, 0.3) for i in range(20)]
    assert len(set(forks)) >= 18


@given(probabilities)
def test_reach_is_the_sum_of_squared_weights(p: list[float]) -> None:
    strata = make_strata(np.asarray(p), 1e-12)
    wanted = np.ones(len(p) + 1, dtype=bool)
    reach = stratum_reach(strata, wanted)
    for index, (a, b) in enumerate(zip(strata.start, strata.stop, strict=True)):
        leave = float(strata.leave[a])
        expected = sum((float(np.prod(strata.p[c:a])) * leave) ** 2 for c in range(a + 1))
        expected += sum(leave * float(strata.leave[c]) for c in range(a + 1, b))
        assert reach[index] == pytest.approx(expected, abs=1e-9)


def test_allocation_spends_all_and_prefers_variance_per_cost() -> None:
    strata: dict[str, Any] = {
        "reach": np.asarray([1.0, 1.0, 4.0, 0.0]),
        "variance": np.asarray([0.25, 0.25, 0.25, 0.25]),
        "cost": np.asarray([10.0, 100.0, 10.0, 1.0]),
        "drawn": np.zeros(4, dtype=np.int64),
    }
    chosen = allocate(**strata, size=90)
    for size in (0, 1, 17, 60):
        np.testing.assert_array_equal(allocate(**strata, size=size), chosen[:size], "a batch that breaks off is a smaller batch")
    added = np.bincount(chosen, minlength=4)
    assert added.sum() == 90 and added[3] == 0
    # Optimal counts go as sqrt(reach · variance / cost): ratios 1 : 1/√10 : 2.
    assert added[2] / added[0] == pytest.approx(2.0, rel=0.1) and added[1] / added[0] == pytest.approx(0.316, rel=0.25)


def test_allocation_is_optimal_against_brute_force() -> None:
    rng = np.random.default_rng(2)
    for _ in range(20):
        reach, variance = rng.random(3), rng.random(3) * 0.25
        chosen = allocate(reach=reach, variance=variance, cost=np.ones(3), drawn=np.zeros(3, dtype=np.int64), size=8)
        added = np.bincount(chosen, minlength=3)

        def spread(m: tuple[int, ...], weight: np.ndarray = reach * variance) -> float:
            return float(sum(w / (k + 0.5) for w, k in zip(weight, m, strict=True)))

        best = min(spread((i, j, 8 - i - j)) for i in range(9) for j in range(9 - i))
        assert spread(tuple(int(a) for a in added)) == pytest.approx(best)


@given(st.integers(0, 50), st.integers(0, 50))
def test_label_variance_is_never_zero(hits: int, more: int) -> None:
    got = label_variance(np.asarray([float(hits)]), np.asarray([float(hits + more)]))[0]
    assert 0 < got <= 0.25
