"""Statistics against scipy, brute force and their own laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as reference

from tokenworth.errors import InvalidInput
from tokenworth.stats.correlation import point_biserial
from tokenworth.stats.proportion import beta_limits, proportion_limits, wilson


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


NAN = float("nan")


@pytest.mark.parametrize("kind", ["wilson", "beta"])
@pytest.mark.parametrize(
    ("k", "n", "level"),
    [
        (3.0, 2.0, 0.95),
        (-1.0, 2.0, 0.95),
        (1.0, -2.0, 0.95),
        (NAN, 2.0, 0.95),
        (1.0, NAN, 0.95),
        (1.0, float("inf"), 0.95),
        (1.0, 2.0, 0.0),
        (1.0, 2.0, 1.0),
        (1.0, 2.0, 95.0),
        (1.0, 2.0, NAN),
    ],
)
def test_counts_and_levels_that_mean_nothing_are_refused(kind: str, k: float, n: float, level: float) -> None:
    """Alone, and as one of several."""
    for counts in ((np.asarray([k]), np.asarray([n])), (np.asarray([1.0, k]), np.asarray([4.0, n])), (np.asarray(k), np.asarray(n))):
        with pytest.raises(InvalidInput, match="expected") as caught:
            proportion_limits(kind, *counts, level)  # type: ignore[arg-type]
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["wilson", "beta"])
def test_a_count_that_rounding_pushed_past_the_draws_is_all_of_them(kind: str) -> None:
    n = np.asarray([7.3])
    past, equal = (proportion_limits(kind, k, n, 0.95) for k in (n * (1 + 1e-12), n))  # type: ignore[arg-type]
    assert past[0] == equal[0] and past[1] == equal[1] == 1.0
