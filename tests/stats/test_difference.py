"""Intervals of differences against published values, exact coverage, and their own laws; means over units by simulation."""

from __future__ import annotations

from itertools import product
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as reference

from tokenworth.errors import InvalidInput
from tokenworth.stats.clusters import cluster_mean, noise_of_share
from tokenworth.stats.difference import newcombe, newcombe_paired

counts = st.tuples(st.integers(0, 60), st.integers(1, 60)).map(lambda pair: (min(pair), max(pair)))


def one(k1: float, n1: float, k2: float, n2: float, level: float = 0.95) -> tuple[float, float]:
    low, high = newcombe(*(np.asarray([float(x)]) for x in (k1, n1, k2, n2)), level)
    return float(low[0]), float(high[0])


@pytest.mark.parametrize(
    ("k1", "n1", "k2", "n2", "low", "high"),
    [
        (56, 70, 48, 80, 0.0524, 0.3339),
        (9, 10, 3, 10, 0.1705, 0.8090),
        (6, 7, 2, 7, 0.0582, 0.8062),
        (5, 56, 0, 29, -0.0381, 0.1926),
        (0, 10, 0, 20, -0.1611, 0.2775),
        (0, 10, 0, 10, -0.2775, 0.2775),
        (10, 10, 0, 20, 0.6791, 1.0),
        (10, 10, 0, 10, 0.6075, 1.0),
    ],
)
def test_limits_are_those_of_the_source(k1: int, n1: int, k2: int, n2: int, low: float, high: float) -> None:
    """Newcombe 1998, table II, method 10."""
    assert one(k1, n1, k2, n2) == pytest.approx((low, high), abs=6e-5)


@given(counts, counts, st.sampled_from([0.8, 0.95, 0.99]))
def test_difference_laws(first: tuple[int, int], second: tuple[int, int], level: float) -> None:
    low, high = one(*first, *second, level)
    d = first[0] / first[1] - second[0] / second[1]
    assert -1 <= low <= d + 1e-12 and d - 1e-12 <= high <= 1
    swapped = one(*second, *first, level)
    assert swapped == pytest.approx((-high, -low), abs=1e-12)
    wide = one(*first, *second, 0.999)
    assert wide[0] <= low and high <= wide[1]


def test_without_draws_nothing_is_known() -> None:
    assert one(0, 0, 3, 5) == one(3, 5, 0, 0) == (-1.0, 1.0)
    with pytest.raises(InvalidInput, match="successes"):
        one(6, 5, 0, 5)
    with pytest.raises(InvalidInput, match="level"):
        one(1, 5, 0, 5, 1.0)


def exact_coverage(n1: int, n2: int, p1: float, p2: float, *, narrow: float = 1.0) -> float:
    """Probability that the limits hold p1 − p2, summed over all outcomes."""
    k1, k2 = np.meshgrid(np.arange(n1 + 1.0), np.arange(n2 + 1.0), indexing="ij")
    low, high = newcombe(k1, np.full_like(k1, n1), k2, np.full_like(k2, n2), 0.95)
    d = k1 / n1 - k2 / n2
    low, high = d - (d - low) * narrow, d + (high - d) * narrow
    held = (low <= p1 - p2 + 1e-12) & (p1 - p2 <= high + 1e-12)
    weight = reference.binom.pmf(k1, n1, p1) * reference.binom.pmf(k2, n2, p2)
    return float((held * weight).sum())


@pytest.mark.slow
def test_coverage_of_independent_draws() -> None:
    rng = np.random.default_rng(0)
    covered = [exact_coverage(16, 24, *rng.random(2)) for _ in range(300)]
    assert 0.945 < np.mean(covered) < 0.975 and min(covered) > 0.86
    # Negative twin: limits a quarter too narrow are found out.
    rng = np.random.default_rng(0)
    assert np.mean([exact_coverage(16, 24, *rng.random(2), narrow=0.75) for _ in range(300)]) < 0.92


def pairs(a: float, b: float, c: float, d: float) -> tuple[float, float]:
    low, high = newcombe_paired(*(np.asarray([float(x)]) for x in (a, b, c, d)), 0.95)
    return float(low[0]), float(high[0])


def test_pairs_without_correlation_are_as_independent() -> None:
    assert pairs(4, 4, 4, 4) == pytest.approx(one(8, 16, 8, 16))
    assert pairs(0, 0, 0, 10) == pytest.approx(one(0, 10, 0, 10)), "a sum of 0 leaves no correlation to take off"
    assert pairs(0, 0, 0, 0) == (-1.0, 1.0)
    with pytest.raises(InvalidInput, match="negative"):
        pairs(-1, 2, 3, 4)


@given(st.tuples(*[st.integers(0, 30)] * 4))
def test_pair_laws(table: tuple[int, int, int, int]) -> None:
    a, b, c, d = table
    n = sum(table)
    low, high = pairs(a, b, c, d)
    if n:
        assert -1 <= low <= (b - c) / n + 1e-12 and (b - c) / n - 1e-12 <= high <= 1
    assert pairs(a, c, b, d) == pytest.approx((-high, -low), abs=1e-12)
    if n and a * d - b * c > n / 2:
        first, second = one(a + b, n, a + c, n)
        assert high - low <= second - first + 1e-12, "agreeing pairs narrow the difference"


def paired_coverage(n: int, p: tuple[float, float, float, float], *, narrow: float = 1.0) -> float:
    tables = [(a, b, c, n - a - b - c) for a, b, c in product(range(n + 1), repeat=3) if a + b + c <= n]
    columns = np.asarray(tables, dtype=np.float64).T
    low, high = newcombe_paired(*columns, 0.95)
    d = (columns[1] - columns[2]) / n
    low, high = d - (d - low) * narrow, d + (high - d) * narrow
    weight = np.asarray([comb(n, t[0]) * comb(n - t[0], t[1]) * comb(n - t[0] - t[1], t[2]) for t in tables], dtype=np.float64)
    weight *= np.prod(np.asarray(p)[:, None] ** columns, axis=0)
    truth = p[1] - p[2]
    return float((((low <= truth + 1e-12) & (truth <= high + 1e-12)) * weight).sum())


def test_coverage_of_pairs() -> None:
    rng = np.random.default_rng(1)
    cells = [tuple(float(x) for x in rng.dirichlet([1, 1, 1, 1])) for _ in range(60)]
    covered = [paired_coverage(20, cell) for cell in cells]  # type: ignore[arg-type]
    assert 0.945 < np.mean(covered) < 0.98 and min(covered) > 0.88
    assert np.mean([paired_coverage(20, cell, narrow=0.7) for cell in cells]) < 0.92  # type: ignore[arg-type]


# -- means over units ----------------------------------------------------------------------------------------------------


def test_mean_over_units_is_students_of_the_units_and_one_at_each_end() -> None:
    values = np.asarray([0.1, 0.4, -0.2, 0.3, 0.25])
    got = cluster_mean(values, np.zeros(5), level=0.9, least=-1.0, most=1.0)
    theirs = reference.ttest_1samp([*values, -1.0, 1.0], 0.0).confidence_interval(0.9)
    assert (got.value, got.low, got.high, got.n) == pytest.approx((values.mean(), theirs.low, theirs.high, 5))


def test_mean_over_few_units() -> None:
    empty = cluster_mean(np.zeros(0), np.zeros(0), level=0.95, least=0.0, most=1.0)
    single = cluster_mean(np.asarray([0.3]), np.zeros(1), level=0.95, least=0.0, most=1.0)
    assert (empty.value, single.value, single.low, single.high) == (None, 0.3, None, None)
    same = cluster_mean(np.zeros(4), noise_of_share(np.zeros(4), np.full(4, 10.0)), level=0.95, least=-1.0, most=1.0)
    assert same.low < 0 < same.high, "units that agree by chance are no proof"
    for bad in ((np.asarray([np.nan]), np.zeros(1)), (np.zeros(1), -np.ones(1))):
        with pytest.raises(InvalidInput, match="cluster"):
            cluster_mean(*bad, level=0.95, least=0.0, most=1.0)


def simulated_coverage(*, units: int, draws: int, spread: float, pooled: bool) -> float:
    """How often limits of the mean difference hold it, when each unit has probabilities of its own around .8 and .5."""
    rng = np.random.default_rng(5)
    held, runs = 0, 1500
    for _ in range(runs):
        before = rng.beta(0.8 * spread, 0.2 * spread, units)
        after = rng.beta(0.5 * spread, 0.5 * spread, units)
        k1, k2 = rng.binomial(draws, before).astype(float), rng.binomial(draws, after).astype(float)
        n = np.full(units, float(draws))
        if pooled:
            low, high = newcombe(k2.sum(keepdims=True), n.sum(keepdims=True), k1.sum(keepdims=True), n.sum(keepdims=True), 0.95)
            held += bool(low[0] <= -0.3 <= high[0])
        else:
            found = cluster_mean(k2 / n - k1 / n, noise_of_share(k1, n) + noise_of_share(k2, n), level=0.95, least=-1.0, most=1.0)
            held += found.low <= -0.3 <= found.high
    return held / runs


@pytest.mark.slow
def test_coverage_over_units_and_pooling_as_the_negative_twin() -> None:
    # Few units are covered with room to spare, which is the price of covering populations with few units unlike the others.
    assert simulated_coverage(units=8, draws=10, spread=3.0, pooled=False) > 0.95
    assert 0.94 < simulated_coverage(units=60, draws=10, spread=3.0, pooled=False) < 0.975
    assert 0.93 < simulated_coverage(units=60, draws=4, spread=1.0, pooled=False) < 0.975
    assert simulated_coverage(units=6, draws=12, spread=1000.0, pooled=False) > 0.94
    assert simulated_coverage(units=8, draws=40, spread=1.0, pooled=True) < 0.8, "draws of one unit are not independent units"
