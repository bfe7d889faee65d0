"""Shares, means and correlations over clusters: exact values, and coverage where items of a cluster are alike."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from tests.helpers import binomial_bounds
from tokenworth.stats.by_cluster import correlation_of, in_mixed, mean_of, quantile_of, ranks, share_of, within
from tokenworth.stats.proportion import share
from tokenworth.stats.sign_flip import sign_flip_p

RUNS = 200


def test_items_that_are_each_a_cluster_have_wilsons_limits() -> None:
    yes = np.arange(60) < 17
    found, plain = share_of(yes, np.arange(60), 0.95), share(17, 60, 0.95)
    assert (found.value, found.k, found.n) == (plain.value, 17, 60)
    assert (found.low, found.high) == pytest.approx((plain.low, plain.high), abs=0.004)
    assert share_of(np.zeros(0, dtype=bool), np.zeros(0, dtype=int), 0.95).high == 1.0


def test_no_hit_in_clusters_of_four_says_no_more_than_a_quarter_of_the_items() -> None:
    found, plain = share_of(np.zeros(40, dtype=bool), np.arange(40) // 4, 0.95), share(0, 10, 0.95)
    assert (found.low, found.high) == pytest.approx((0, plain.high))


def alike(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """25 clusters of 4 that are the same throughout, at probability .3."""
    return np.repeat(rng.random(25) < 0.3, 4), np.arange(100) // 4


def test_limits_of_a_share_cover_where_a_cluster_is_all_alike_and_do_not_if_it_is_ignored() -> None:
    rng, held, ignored = np.random.default_rng(1), 0, 0
    for _ in range(RUNS):
        yes, cluster = alike(rng)
        found, plain = share_of(yes, cluster, 0.95), share_of(yes, np.arange(100), 0.95)
        held += found.low <= 0.3 <= found.high  # type: ignore[operator]
        ignored += plain.low <= 0.3 <= plain.high  # type: ignore[operator]
    assert held / RUNS >= binomial_bounds(RUNS, 0.93, 1e-6)[0] > ignored / RUNS


@pytest.mark.parametrize("count", [5, 8, 40])
def test_limits_of_a_mean_cover_with_few_clusters(count: int) -> None:
    rng, held = np.random.default_rng(2), 0
    for _ in range(RUNS):
        values = np.repeat(rng.normal(0, 1, count), 3) + rng.normal(0, 0.3, 3 * count)
        found = mean_of(values, np.arange(3 * count) // 3, level=0.95, rng=rng)
        held += found.low <= 0 <= found.high  # type: ignore[operator]
    assert held / RUNS >= binomial_bounds(RUNS, 0.93, 1e-6)[0]


def test_correlations_are_the_plain_ones() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.normal(0, 1, 80), rng.normal(0, 1, 80)
    y += x
    cluster = np.arange(80)
    found = correlation_of(x, y, cluster, level=0.95, rng=rng)
    assert found.value == pytest.approx(np.corrcoef(x, y)[0, 1]) and found.low < 0.7 < found.high  # type: ignore[operator]
    assert correlation_of(ranks(x), ranks(y), cluster, level=0.95, rng=rng).value == pytest.approx(spearmanr(x, y).statistic)
    assert correlation_of(x, np.ones(80), cluster, level=0.95, rng=rng).value is None
    assert correlation_of(x, y, np.zeros(80, dtype=int), level=0.95, rng=rng).low is None


def test_groups() -> None:
    values, group = np.asarray([1.0, 3.0, 5.0, 5.0, 9.0]), np.asarray([0, 0, 1, 1, 2])
    assert within(values, group).tolist() == [-1, 1, 0, 0, 0]
    assert in_mixed(values, group).tolist() == [True, True, False, False, False]


def test_a_quantile() -> None:
    rng = np.random.default_rng(4)
    values = rng.random(200)
    found = quantile_of(values, np.arange(200), 0.5, level=0.95, rng=rng)
    assert found.value == pytest.approx(np.median(values)) and found.low < 0.5 < found.high  # type: ignore[operator]
    assert quantile_of(values[:0], np.arange(0), 0.5, level=0.95, rng=rng).value is None


def test_random_signs() -> None:
    rng = np.random.default_rng(5)
    assert sign_flip_p(np.ones(4), np.arange(4), rng) == pytest.approx(2 / 16, abs=0.02)
    assert sign_flip_p(np.asarray([1.0, -1.0, 2.0, -2.0]), np.arange(4), rng) == 1.0
    # Four items of one cluster flip together.
    assert sign_flip_p(np.ones(4), np.zeros(4, dtype=int), rng) == 1.0
