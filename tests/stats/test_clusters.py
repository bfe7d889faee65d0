"""Means over units: limits that cover also where few units are unlike the others, and what they are for extreme data."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.helpers import binomial_bounds
from tokenworth.core.estimate import Estimate
from tokenworth.errors import InvalidInput
from tokenworth.stats.clusters import cluster_mean, noise_of_share

ROLLOUTS, RUNS = 20, 400
Population = Callable[[np.random.Generator, int], np.ndarray]
SHARES: dict[str, tuple[Population, float]] = {
    "one unit in twenty at 0": (lambda rng, m: (rng.random(m) < 0.95) * 1.0, 0.95),
    "one unit in ten at 0": (lambda rng, m: (rng.random(m) < 0.9) * 1.0, 0.9),
    "most near 1": (lambda rng, m: rng.beta(2, 0.1, m), 2 / 2.1),
    "most at an end": (lambda rng, m: rng.beta(0.1, 0.1, m), 0.5),
    "all about alike": (lambda rng, m: rng.beta(2, 2, m), 0.5),
    "all alike": (lambda rng, m: np.full(m, 0.99), 0.99),
}


def of_shares(rng: np.random.Generator, p: np.ndarray) -> Estimate:
    k = rng.binomial(ROLLOUTS, p).astype(float)
    n = np.full(len(p), float(ROLLOUTS))
    return cluster_mean(k / n, noise_of_share(k, n), level=0.95, least=0.0, most=1.0)


def of_differences(rng: np.random.Generator, p0: np.ndarray, p1: np.ndarray) -> Estimate:
    n = np.full(len(p0), float(ROLLOUTS))
    k0, k1 = (rng.binomial(ROLLOUTS, p).astype(float) for p in (p0, p1))
    return cluster_mean((k1 - k0) / n, noise_of_share(k0, n) + noise_of_share(k1, n), level=0.95, least=-1.0, most=1.0)


@pytest.mark.parametrize("name", SHARES)
@pytest.mark.parametrize("units", [2, 5, 10, 20, 40])
def test_limits_of_shares_cover(name: str, units: int) -> None:
    rng = np.random.default_rng(5)
    population, truth = SHARES[name]
    held = sum(one.low <= truth <= one.high for one in (of_shares(rng, population(rng, units)) for _ in range(RUNS)))
    assert held / RUNS >= binomial_bounds(RUNS, 0.95, 1e-6)[0]


@pytest.mark.parametrize("flipped", [0.05, 0.1, 0.2, 0.5])
@pytest.mark.parametrize("units", [2, 5, 10, 20, 40])
def test_limits_of_differences_cover_where_an_edit_flips_few_units(flipped: float, units: int) -> None:
    rng = np.random.default_rng(6)
    ones = np.ones(units)
    made = [of_differences(rng, ones, (rng.random(units) >= flipped) * 1.0) for _ in range(RUNS)]
    assert sum(one.low <= -flipped <= one.high for one in made) / RUNS >= binomial_bounds(RUNS, 0.95, 1e-6)[0]


def test_the_units_own_variance_alone_does_not_cover() -> None:
    """The negative twin: Student's t without pseudo-units, ten units, one in twenty unlike the others."""
    rng, held = np.random.default_rng(7), 0
    for _ in range(RUNS):
        x = rng.binomial(ROLLOUTS, (rng.random(10) < 0.95) * 1.0) / ROLLOUTS
        held += abs(x.mean() - 0.95) <= 2.262 * x.std(ddof=1) / np.sqrt(10)
    assert held / RUNS < 0.6


def test_the_width_falls_with_the_units_and_tells_units_apart() -> None:
    rng = np.random.default_rng(8)

    def width(units: int) -> float:
        made = [of_shares(rng, rng.beta(2, 2, units)) for _ in range(50)]
        return float(np.mean([one.high - one.low for one in made]))

    few, many = width(20), width(80)
    assert 0.2 < few < 0.3 and 1.8 < few / many < 2.4


def test_limits_hold_the_mean_and_stay_within_the_ends() -> None:
    for x in ([1.0, 1.0], [0.0] * 9, [1.0, 0.0], [0.3]):
        one = cluster_mean(np.array(x), np.zeros(len(x)), level=0.9, least=0.0, most=1.0)
        assert one.value == pytest.approx(np.mean(x)) and one.n == len(x)
        assert (len(x) == 1 and one.low is None) or 0 <= one.low <= one.value <= one.high <= 1
    assert cluster_mean(np.array([]), np.array([]), level=0.9, least=0.0, most=1.0).value is None
    with pytest.raises(InvalidInput, match="finite"):
        cluster_mean(np.array([np.nan]), np.zeros(1), level=0.9, least=0.0, most=1.0)


def test_units_of_0_and_1_are_those_of_agresti_and_caffo_with_t() -> None:
    one = cluster_mean(np.array([1.0] * 17 + [0.0] * 3), np.zeros(20), level=0.95, least=0.0, most=1.0)
    p = 18 / 22
    half = 2.0796 * np.sqrt(p * (1 - p) / 21)
    assert one.value == 0.85 and (one.low, one.high) == pytest.approx((p - half, p + half), abs=1e-4)
