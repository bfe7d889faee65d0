"""Runs that end when an interval is narrow: their bias and coverage computed exactly, and a twin that ends on its luck."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from tokenworth.stats.proportion import IntervalKind, proportion_limits
from tokenworth.stats.stopping import LEAST, deciding_half_width, draws_needed

VALUES = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5)
Width = Callable[[np.ndarray, np.ndarray, float, IntervalKind], np.ndarray]


def reported(mean: np.ndarray, n: np.ndarray, level: float, interval: IntervalKind) -> np.ndarray:
    """The twin: the width of the interval itself."""
    low, high = proportion_limits(interval, mean * n, n, level)
    return (high - low) / 2


def run(
    width: Width, half_width: float, value: float, first: int, more: Callable[[int], int], interval: IntervalKind
) -> tuple[float, float, float]:
    """Bias, coverage and mean number of draws of a cut of that value, summed over all that can be drawn (a missing 1e-9)."""
    n, chance = first, binom.pmf(np.arange(first + 1), first, value)
    mean = covered = size = 0.0
    while chance.sum() > 1e-9:
        x = np.arange(n + 1) / n
        done = width(x, np.full(n + 1, float(n)), 0.95, interval) <= half_width
        low, high = proportion_limits(interval, np.arange(n + 1.0), np.full(n + 1, float(n)), 0.95)
        ended = chance * done
        mean, covered, size = mean + ended @ x, covered + ended @ ((low <= value) & (value <= high)), size + ended.sum() * n
        step = more(n)
        chance = np.convolve(chance * ~done, binom.pmf(np.arange(step + 1), step, value))
        n += step
    return mean - value, covered, size


PLANS: dict[str, tuple[int, Callable[[int], int]]] = {
    "1 by 1": (1, lambda n: 1),
    "4 by 4": (4, lambda n: 4),
    "10 by 10": (10, lambda n: 10),
    "16ths": (4, lambda n: max(8, n // 16)),
    "halves": (20, lambda n: max(4, n // 2)),
}


@pytest.mark.parametrize("interval", ["beta", "wilson"])
@pytest.mark.parametrize("plan", PLANS)
def test_the_bias_of_a_run_that_may_end_at_any_look_is_at_most_a_hundredth(plan: str, interval: IntervalKind) -> None:
    first, more = PLANS[plan]
    for half_width in (0.1, 0.15, 0.18, 0.2, 0.3, 0.45):
        for value in VALUES:
            bias, covered, _ = run(deciding_half_width, half_width, value, first, more, interval)
            assert abs(bias) <= 0.011, (half_width, value)
            assert interval == "wilson" or covered >= 0.935, (half_width, value)


def test_a_run_that_ends_on_its_luck_is_biased() -> None:
    """± .2 from 4 draws on, by score limits: what is reported also decides."""
    worst = [run(reported, 0.2, value, 4, lambda n: 4, "wilson") for value in VALUES]
    assert min(bias for bias, _, _ in worst) < -0.025 and min(covered for _, covered, _ in worst) < 0.92


def test_what_it_costs() -> None:
    """Twice the draws near 0 and 1, none at one half."""
    for value, factor in ((0.02, 2.0), (0.1, 1.5), (0.5, 1.01)):
        (_, _, n), (_, _, least) = (run(width, 0.1, value, 4, lambda n: 4, "beta") for width in (deciding_half_width, reported))
        assert least <= n <= factor * least + 1e-9


@given(st.floats(0, 1), st.integers(1, 300), st.floats(0.03, 0.45), st.sampled_from(["beta", "wilson"]))
def test_the_number_needed_is_the_first_that_is_enough(mean: float, n: int, half_width: float, interval: IntervalKind) -> None:
    def enough(m: float) -> bool:
        return bool(deciding_half_width(np.asarray([mean]), np.asarray([m]), 0.95, interval)[0] <= half_width)

    found = float(draws_needed(np.asarray([mean]), np.asarray([float(n)]), half_width, 0.95, interval)[0])
    assert found >= n and enough(found) and (found == n or not enough(found - 1))


def test_below_the_least_number_outcomes_do_not_decide() -> None:
    means = np.linspace(0, 1, 11)
    for n, spread in ((LEAST - 1, 0.0), (LEAST, 0.02)):
        width = deciding_half_width(means, np.full(11, n), 0.95, "beta")
        assert (np.ptp(width) > spread) if spread else np.ptp(width) == 0
