"""Forks mixed from branches, their variances, and distances: against sums by hand, and by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from scipy.stats import binom

from tokenworth.stats.distances import (
    chance,
    events,
    l2_limits,
    plain_number,
    share_variance,
    smoothed_kl,
    squared_l2,
    total_variation,
    tv_limits,
    whole_counts,
)
from tokenworth.stats.excursions import backward
from tokenworth.stats.mixture import mixture, shared_out, split, survival, variances
from tokenworth.stats.strata import make_strata


def test_a_mixture_has_the_branches_probabilities_whatever_was_drawn() -> None:
    q, hits = np.asarray([0.3, 0.1, 0.1]), np.asarray([[2.0], [90.0], [1.0]])
    found = mixture(q, np.asarray([10, 100, 2]), hits)
    assert found is not None and found.missing == 0
    assert found.mean[0] == pytest.approx((0.3 * 0.2 + 0.1 * 0.9 + 0.1 * 0.5) / 0.5)
    assert found.n_effective == pytest.approx(1 / (0.6**2 / 10 + 0.2**2 / 100 + 0.2**2 / 2))
    assert found.variance[0] == pytest.approx(0.36 * 0.16 / 9 + 0.04 * 0.09 / 99 + 0.04 * 0.25)


def test_a_named_branch_with_one_draw_is_not_mixed_and_a_pooled_one_without_is_missing() -> None:
    q, hits = np.asarray([0.3, 0.1, 0.1]), np.asarray([[1.0], [1.0], [0.0]])
    assert mixture(q, np.asarray([5, 1, 3]), hits) is None
    assert mixture(q, np.zeros(3, dtype=np.int64), hits) is None
    found = mixture(q, np.asarray([5, 2, 0]), hits)
    assert found is not None and found.missing == pytest.approx(0.1) and found.mean[0] == pytest.approx(0.75 * 0.2 + 0.25 * 0.5)


def test_strata_are_split_around_forks_and_at_the_end() -> None:
    p = np.asarray([0.99, 0.9, 0.995, 0.996, 1.0, 0.5])
    strata, alone = make_strata(p, 0.3), np.zeros(6, dtype=bool)
    alone[1] = True
    found = split(strata, alone, 5)
    assert found.start.tolist() == [0, 1, 2, 5] and found.stop.tolist() == [1, 2, 5, 6]


def test_variances_are_those_of_the_weighted_sum() -> None:
    """By hand over two strata, and by simulation."""
    p, worth, m, rng = np.asarray([0.6, 0.5]), np.asarray([0.3, 0.8]), np.asarray([6.0, 4.0]), np.random.default_rng(1)
    strata, found, shares = make_strata(p, 0.02), [], []
    for _ in range(4000):
        hits = rng.binomial(6, worth[0]), rng.binomial(4, worth[1])
        of = np.asarray(hits, dtype=np.float64)[:, None]
        weights, mean = backward(strata, m, of)
        found.append(variances(strata, m, of, mean, {})[0, 0])
        shares.append(weights.leave[0] * mean[0, 0])
    exact = 0.4**2 * 0.21 / 6 + 0.3**2 * 0.16 / 4
    assert np.mean(found) == pytest.approx(exact, rel=0.05) and np.var(shares) == pytest.approx(exact, rel=0.15)
    assert variances(strata, m, of, mean, {0: np.asarray([0.0])})[0, 0] == pytest.approx(0.6**2 * variances(strata, m, of, mean, {})[1, 0])


def test_pieces_are_drawn_in_proportion() -> None:
    q = np.asarray([0.5, 0.3, 0.2])
    counts = np.bincount(shared_out(q, 0, 1000, 0.3))
    assert np.abs(counts - 1000 * q).max() < 6, "systematic: far nearer than chance"
    np.testing.assert_array_equal(shared_out(q, 0, 9, 0.3)[4:], shared_out(q, 4, 5, 0.3))


def test_survival_is_the_product() -> None:
    np.testing.assert_allclose(survival(np.asarray([0.0, 0.5, 1.0])), [1.0, 1.0, 0.5, 0.0])


shares = st.lists(st.floats(0.001, 1.0), min_size=2, max_size=5)


@hypothesis_settings(max_examples=50)
@given(st.integers(2, 6), st.integers(0, 2**32 - 1))
def test_total_variation_is_the_largest_difference_of_an_event(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(n))
    gap = (a - b) @ events(n).T
    assert np.abs(gap).max() == pytest.approx(float(total_variation(a[None], b[None])[0]))
    low, high = tv_limits(gap[None] - 0.1, gap[None] + 0.1, n)
    assert low[0] <= np.abs(gap).max() <= high[0] and low[0] == pytest.approx(max(0.0, np.abs(gap).max() - 0.1))
    low, high = l2_limits((a - b)[None] - 0.05, (a - b)[None] + 0.05)
    assert low[0] <= np.sqrt(((a - b) ** 2).sum()) <= high[0]


def test_many_labels_are_bounded_by_sums() -> None:
    assert events(9).shape == (9, 9) and events(8).shape == (127, 8) and events(1).tolist() == [[1.0]]
    gap = np.asarray([[0.1, 0.1, 0.1, -0.1, -0.1, -0.1, 0.0, 0.0, 0.0]])
    low, high = tv_limits(gap, gap, 9)
    assert (low[0], high[0]) == (pytest.approx(0.3), pytest.approx(0.3))


def test_the_squared_distance_of_equals_is_0_in_the_mean_and_its_plug_in_is_not() -> None:
    """20,000 pairs of 10 draws: within 5 standard errors, 1e-6."""
    rng, p = np.random.default_rng(3), np.asarray([0.5, 0.3, 0.2])
    a, b = (rng.multinomial(10, p, size=20_000) / 10 for _ in range(2))
    ten = np.full(20_000, 10.0)
    found = squared_l2(a, share_variance(a, ten), b, share_variance(b, ten))
    error = found.std() / np.sqrt(20_000)
    assert abs(found.mean()) < 5 * error < ((a - b) ** 2).sum(axis=1).mean()


@pytest.mark.slow
def test_the_permutation_test_keeps_its_level_and_the_mean_by_chance_is_that_of_equals() -> None:
    """Of 400 pairs at most as many have p ≤ .05 as a rate of .05 gives with a chance of 1e-6; a cut at the mean by chance gives more."""
    rng, p = np.random.default_rng(4), np.asarray([0.6, 0.3, 0.1])
    small, above, by_chance, tv = 0, 0, [], []
    for _ in range(400):
        a, b = rng.multinomial(30, p), rng.multinomial(200, p)
        expected, p_value = chance(a, b, rng)
        found = 0.5 * float(np.abs(a / 30 - b / 200).sum())
        small, above = small + (p_value <= 0.05), above + (found > expected)
        by_chance.append(expected)
        tv.append(found)
    most = binom.ppf(1 - 1e-6, 400, 0.05)
    assert small <= most < above
    assert np.mean(by_chance) == pytest.approx(np.mean(tv), abs=0.01) and np.mean(tv) > 0.05


def test_counts_and_divergences_of_edges() -> None:
    assert whole_counts(np.asarray([1 / 3, 1 / 3, 1 / 3]), 10).tolist() == [4, 3, 3]
    assert chance(np.zeros(2, dtype=np.int64), np.ones(2, dtype=np.int64), np.random.default_rng(0)) == (0.0, 1.0)
    assert plain_number(np.asarray([0.5, 0.5]), np.asarray([0.01, 0.01])) == 25
    assert plain_number(np.asarray([1.0, 0.0]), np.zeros(2)) == 10_000
    assert smoothed_kl(np.asarray([4.0, 0.0]), np.asarray([4.0, 0.0])) == 0
    a, b = np.asarray([4.5, 0.5]) / 5, np.asarray([0.5, 4.5]) / 5
    assert smoothed_kl(np.asarray([4.0, 0.0]), np.asarray([0.0, 4.0])) == pytest.approx(float((a * np.log(a / b)).sum()))
