"""Intervals for the difference of two proportions, of independent draws or of pairs."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float
from scipy.special import ndtr  # pyright: ignore[reportMissingTypeStubs]

from tokenworth.errors import InvalidInput
from tokenworth.stats.proportion import Level, wilson

LEAST_Z, MOST_Z = 1e-6, 6.5
"""Between these a p-value is sought."""
Values = Float[np.ndarray, "*item"]


def newcombe(first: Values, n_first: Values, second: Values, n_second: Values, level: Level) -> tuple[Values, Values]:
    """Lower and upper limits of p₁ − p₂ for independent counts: k₁ of n₁ and k₂ of n₂; (−1, 1) where one has no draws.

    With Wilson limits (l, u) of each: d − √((p₁ − l₁)² + (u₂ − p₂)²) and d + √((u₁ − p₁)² + (p₂ − l₂)²), d = p₁ − p₂.
    Assumption: all draws are independent, with one probability each side.

    Source: Newcombe 1998, "Interval estimation for the difference between independent proportions: comparison of eleven methods",
    Statistics in Medicine 17:873, method 10.
    """
    p1, low1, high1 = _score(first, n_first, level)
    p2, low2, high2 = _score(second, n_second, level)
    down, up = np.hypot(p1 - low1, high2 - p2), np.hypot(high1 - p1, p2 - low2)
    return _limits(p1 - p2, down, up, (np.asarray(n_first) > 0) & (np.asarray(n_second) > 0))


def newcombe_p(first: Values, n_first: Values, second: Values, n_second: Values) -> Values:
    """Two-sided p of p₁ = p₂: 2 − 2Φ(z), z the largest at which the limits of `newcombe` do not hold 0; 1 where they always do.

    So the test and the limits never contradict each other. Found by bisection, up to z = `MOST_Z`. Source: as `newcombe`.
    """
    shape = np.broadcast(*map(np.asarray, (first, n_first, second, n_second))).shape
    inside, outside = np.full(shape, LEAST_Z), np.full(shape, MOST_Z)

    def clear(z: Values) -> Bool[np.ndarray, "*item"]:
        low, high = newcombe(first, n_first, second, n_second, 2 * ndtr(z) - 1)
        return (low > 0) | (high < 0)

    speaks, beyond = clear(inside), clear(outside)
    for _ in range(26):
        middle = (inside + outside) / 2
        now = clear(middle)
        inside, outside = np.where(now, middle, inside), np.where(now, outside, middle)
    return np.where(speaks, np.minimum(2 * ndtr(-np.where(beyond, MOST_Z, inside)), 1.0), 1.0)


def newcombe_paired(both: Values, only_first: Values, only_second: Values, neither: Values, level: float) -> tuple[Values, Values]:
    """Lower and upper limits of p₁ − p₂ for pairs, by the number of pairs in which both, one or neither succeeded; (−1, 1) without pairs.

    As `newcombe`, less the correlation: d − √(a² − 2 φ a b + b²) with a = p₁ − l₁, b = u₂ − p₂ below, and u₁ − p₁, p₂ − l₂ above.
    φ = (ad − bc)/√(product of the four sums) of the table, with n/2 taken off a positive ad − bc (at least 0 is left), and 0 where a
    sum is 0. Assumption: the pairs are independent.

    Source: Newcombe 1998, "Improved confidence intervals for the difference between binomial proportions based on paired data",
    Statistics in Medicine 17:2635, method 10.
    """
    counts = [np.asarray(part, dtype=np.float64) for part in (both, only_first, only_second, neither)]
    if any((part < 0).any() for part in counts):
        raise InvalidInput("a table of pairs with a negative count; expected four counts of 0 or more")
    a, b, c, d = np.broadcast_arrays(*counts)
    n = a + b + c + d
    p1, low1, high1 = _score(a + b, n, level)
    p2, low2, high2 = _score(a + c, n, level)
    sums = np.sqrt((a + b) * (c + d) * (a + c) * (b + d))
    excess = a * d - b * c
    excess = np.where(excess > 0, np.maximum(excess - n / 2, 0.0), excess)
    with np.errstate(divide="ignore", invalid="ignore"):
        phi = np.where(sums > 0, excess / sums, 0.0)
    down = _joined(p1 - low1, high2 - p2, phi)
    up = _joined(high1 - p1, p2 - low2, phi)
    return _limits(p1 - p2, down, up, n > 0)


def _score(k: Values, n: Values, level: Level) -> tuple[Values, Values, Values]:
    """Estimate and Wilson limits; 1/2 where nothing was drawn."""
    k, n = np.asarray(k, dtype=np.float64), np.asarray(n, dtype=np.float64)
    low, high = wilson(k, n, level)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(n > 0, k / n, 0.5), low, high


def _joined(a: Values, b: Values, phi: Values) -> Values:
    return np.sqrt(np.maximum(a * a - 2 * phi * a * b + b * b, 0.0))


def _limits(d: Values, down: Values, up: Values, is_known: Bool[np.ndarray, "*item"]) -> tuple[Values, Values]:
    low, high = np.clip(d - down, -1.0, 1.0), np.clip(d + up, -1.0, 1.0)
    return np.where(is_known, low, -1.0), np.where(is_known, high, 1.0)
