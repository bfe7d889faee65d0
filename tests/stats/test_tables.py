"""Odds ratios: against scipy and by the definition, at the ends of the range, their symmetries, and whether the limits hold."""

from __future__ import annotations

import time
from functools import lru_cache
from math import comb, exp, inf, isnan, log

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from scipy.stats import binom, fisher_exact
from scipy.stats.contingency import odds_ratio as scipy_odds_ratio

from tokenworth.errors import InvalidInput
from tokenworth.stats.tables import MAX_COUNT, TwoByTwo, odds_ratio

cells = st.integers(0, 30)
tables = st.tuples(st.tuples(cells, cells), st.tuples(cells, cells))


def flat(table: TwoByTwo) -> tuple[int, int, int, int]:
    (a, b), (c, d) = table
    return a, b, c, d


def says_nothing(table: TwoByTwo) -> bool:
    a, b, c, d = flat(table)
    return 0 in (a + b, c + d, a + c, b + d)


@pytest.mark.slow
@given(tables, st.sampled_from([0.5, 0.9, 0.95, 0.999]))
@example(((174, 187), (244, 345)), 0.95)
@example(((0, 5), (5, 0)), 0.95)
@example(((30, 0), (0, 30)), 0.95)
@example(((1, 0), (0, 0)), 0.95)
def test_agrees_with_scipy(table: TwoByTwo, level: float) -> None:
    ours = odds_ratio(table, level)
    theirs = scipy_odds_ratio(table, kind="conditional")
    limits = theirs.confidence_interval(level)
    np.testing.assert_allclose(ours.value, theirs.statistic, rtol=1e-6)
    np.testing.assert_allclose((ours.low, ours.high), (limits.low, limits.high), rtol=1e-6)
    np.testing.assert_allclose(ours.p, fisher_exact(table).pvalue, rtol=1e-6)


@pytest.mark.slow
@given(tables)
@example(((12, 5), (7, 9)))
def test_the_definition_in_exact_integers(table: TwoByTwo) -> None:
    """The estimate has expectation a, each limit leaves its tail, and p sums the tables that are no more probable."""
    a, b, c, d = flat(table)
    found = odds_ratio(table, 0.9)
    least, most = max(0, a - d), min(a + b, a + c)
    ways = {x: comb(a + b, x) * comb(c + d, a + c - x) for x in range(least, most + 1)}

    def chances(ratio: float) -> dict[int, float]:
        terms = {x: exp(log(ways[x]) + x * log(ratio) - most * max(0.0, log(ratio))) for x in ways}
        total = sum(terms.values())
        return {x: term / total for x, term in terms.items()}

    no_more = sum(w for w in ways.values() if w <= ways[a])
    assert found.p == pytest.approx(no_more / sum(ways.values()), rel=1e-9)
    assert 0 <= found.p <= 1
    if least == most:
        assert isnan(found.value) and (found.low, found.high, found.p) == (0.0, inf, 1.0) and not found.is_known
        return
    assert found.is_known and found.low <= found.value <= found.high
    assert (found.value == 0 and found.low == 0) == (a == least) and (found.value == inf and found.high == inf) == (a == most)
    if least < a < most:
        assert sum(x * p for x, p in chances(found.value).items()) == pytest.approx(a, rel=1e-8)
    if a > least:
        assert sum(p for x, p in chances(found.low).items() if x >= a) == pytest.approx(0.05, rel=1e-7)
    if a < most:
        assert sum(p for x, p in chances(found.high).items() if x <= a) == pytest.approx(0.05, rel=1e-7)


@pytest.mark.slow
@given(tables)
def test_transposed_is_the_same_and_swapped_rows_are_the_reciprocal(table: TwoByTwo) -> None:
    a, b, c, d = flat(table)
    assume(not says_nothing(table))
    here, across, swapped = (odds_ratio(t, 0.95) for t in (table, ((a, c), (b, d)), ((c, d), (a, b))))
    for x, y in ((here.value, across.value), (here.low, across.low), (here.high, across.high), (here.p, across.p), (here.p, swapped.p)):
        assert x == pytest.approx(y, rel=1e-8)

    def turned(x: float) -> float:
        return inf if x == 0 else 1 / x

    for x, y in ((here.value, swapped.value), (here.low, swapped.high), (here.high, swapped.low)):
        assert x == pytest.approx(turned(y), rel=1e-8)


@pytest.mark.slow
@given(tables)
def test_a_higher_level_is_wider_and_more_of_the_same_is_narrower(table: TwoByTwo) -> None:
    a, b, c, d = flat(table)
    assume(not says_nothing(table))
    narrow, wide = odds_ratio(table, 0.8), odds_ratio(table, 0.99)
    assert wide.low <= narrow.low <= narrow.high <= wide.high and wide.value == pytest.approx(narrow.value, rel=1e-9)
    if min(a, b, c, d) > 0:
        more = odds_ratio(((10 * a, 10 * b), (10 * c, 10 * d)), 0.8)
        assert more.high / more.low < narrow.high / narrow.low


@pytest.mark.parametrize("table", [((0, 0), (3, 4)), ((0, 3), (0, 4)), ((3, 0), (4, 0)), ((3, 4), (0, 0)), ((0, 0), (0, 0))])
def test_a_sum_of_0_says_nothing(table: TwoByTwo) -> None:
    found = odds_ratio(table, 0.95)
    assert isnan(found.value) and (found.low, found.high, found.p) == (0.0, inf, 1.0)


def test_refusals() -> None:
    for table in (((-1, 2), (3, 4)), ((MAX_COUNT, 1), (0, 0))):
        with pytest.raises(InvalidInput, match="expected counts"):
            odds_ratio(table, 0.95)
    for level in (0.0, 1.0, float("nan"), -1.0):
        with pytest.raises(InvalidInput, match="level"):
            odds_ratio(((1, 2), (3, 4)), level)


@pytest.mark.slow
@pytest.mark.parametrize(
    "table",
    [
        ((200_000, 150_000), (180_000, 250_000)),
        ((999_990, 10), (5, 999_995)),
        ((500_000, 1), (0, 500_000)),
        ((250_000_000, 250_000_000), (250_000_000, 250_000_000)),
        ((3, 400_000_000), (9, 500_000_000)),
    ],
)
def test_large_counts_are_quick_and_near_the_normal_limits(table: TwoByTwo) -> None:
    started = time.process_time()
    found = odds_ratio(table, 0.95)
    assert time.process_time() - started < 10
    a, b, c, d = flat(table)
    if min(a, b, c, d) >= 1000:
        sample, spread = log(a * d / (b * c)), 1.959964 * (1 / a + 1 / b + 1 / c + 1 / d) ** 0.5
        np.testing.assert_allclose(
            (log(found.low), log(found.value), log(found.high)), (sample - spread, sample, sample + spread), atol=1e-4
        )
    assert found.p == pytest.approx(fisher_exact(table).pvalue, rel=1e-4, abs=1e-300)


@lru_cache(maxsize=10_000)
def _limits(table: TwoByTwo, level: float) -> tuple[float, float]:
    found = odds_ratio(table, level)
    return found.low, found.high


def _wald(table: TwoByTwo, z: float) -> tuple[float, float]:
    a, b, c, d = (x + 0.5 for x in flat(table))
    return tuple(exp(log(a * d / (b * c)) + s * z * (1 / a + 1 / b + 1 / c + 1 / d) ** 0.5) for s in (-1, 1))  # type: ignore[return-value]


@pytest.mark.slow
@pytest.mark.parametrize(("n1", "p1", "n2", "ratio"), [(12, 0.3, 9, 1.0), (40, 0.55, 25, 3.0), (30, 0.1, 60, 0.4)])
def test_the_limits_cover_at_their_level_or_more(n1: int, p1: float, n2: int, ratio: float) -> None:
    """20,000 simulated tables. False-alarm rate at most 1e-6 a case: coverage is at least the level, the bound that binomial quantile."""
    level, n = 0.9, 20_000
    odds = p1 / (1 - p1) / ratio
    rng = np.random.default_rng(5)
    first, second = rng.binomial(n1, p1, n), rng.binomial(n2, odds / (1 + odds), n)
    drawn = [((int(a), n1 - int(a)), (int(c), n2 - int(c))) for a, c in zip(first, second, strict=True)]
    bound = binom.ppf(1e-6, n, level)
    assert sum(low <= ratio <= high for low, high in (_limits(t, level) for t in drawn)) >= bound
    # Twin: limits of half the level do not pass for it.
    assert sum(low <= ratio <= high for low, high in (_limits(t, level / 2) for t in drawn)) < bound


def test_given_the_sums_coverage_is_exactly_computed_and_holds() -> None:
    """No sampling: every table of the sums with its probability. The normal limits (twin) fall short somewhere, ours nowhere."""
    r1, r2, k = 14, 9, 8
    ours, normal = [], []
    for t in np.linspace(-3, 3, 61):
        xs = range(max(0, k - r2), min(r1, k) + 1)
        weights = np.array([comb(r1, x) * comb(r2, k - x) * exp(t * x) for x in xs])
        weights /= weights.sum()
        made = [((x, r1 - x), (k - x, r2 - k + x)) for x in xs]
        for limits, covered in ((lambda table: _limits(table, 0.95), ours), (lambda table: _wald(table, 1.3), normal)):
            inside = [low <= exp(t) <= high for low, high in map(limits, made)]
            covered.append(float(weights @ np.array(inside)))
    assert min(ours) >= 0.95 - 1e-9 and min(normal) < 0.9
