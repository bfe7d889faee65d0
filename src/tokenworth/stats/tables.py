"""The odds ratio of a table of two two-valued facts: conditional estimate, exact limits, Fisher's exact test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import exp, inf, log, nan

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import brentq  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]
from scipy.special import gammaln  # pyright: ignore[reportMissingTypeStubs]

from tokenworth.errors import InvalidInput

TwoByTwo = tuple[tuple[int, int], tuple[int, int]]
"""((a, b), (c, d)): rows are the values of one fact, columns those of the other."""

MAX_COUNT = 10**9
"""Sum of a table's cells up to which time and memory stay small (window of about 2 · 10⁶ tables)."""
# In standard deviations; what lies further out has a probability below 1e-300.
_REACH = 40.0
# Probabilities that differ by less are the same one computed in another order.
_SAME = 1e-7


@dataclass(frozen=True, slots=True, kw_only=True)
class OddsRatio:
    """(a·d)/(b·c) of the population behind a table, by the conditional distribution of a given all four sums.

    ``value``: 0 or infinite where a is at the end of its range, NaN where a sum is 0 and the table says nothing; then the
    limits are 0 and infinity. ``p``: of Fisher's two-sided test of no association; 1 where the table says nothing.
    """

    value: float
    low: float
    high: float
    p: float

    @property
    def is_known(self) -> bool:
        """Whether the table says anything of the ratio."""
        return self.value == self.value


def odds_ratio(table: TwoByTwo, level: float) -> OddsRatio:
    """The odds ratio with its exact limits at ``level`` and Fisher's exact two-sided p.

    Given its sums, a has the noncentral hypergeometric distribution P(x; ψ) ∝ C(r₁, x) C(r₂, k₁ − x) ψˣ. Estimate: the ψ with E(x) = a
    (maximum likelihood). Limits: the ψ with P(x ≥ a) = (1 − level)/2 and with P(x ≤ a) = (1 − level)/2. p: the probability at
    ψ = 1 of all tables that are no more probable than this one. Assumption: independent items. The limits hold their level at least,
    so they are wide in small tables. A p too small for a float is 0.

    Raises: InvalidInput for a negative count, a total above `MAX_COUNT`, or a level outside (0, 1).

    Source: Fisher 1935, "The logic of inductive inference"; Cornfield 1956, "A statistical problem arising from retrospective studies".
    Differs: the sums run over a window of 40 standard deviations around the table, so that a million items take milliseconds; the rest
    has a probability below 1e-300. Limits and p are made by different rules, so that rarely one excludes 1 and the other does not.
    """
    (a, b), (c, d) = table
    if min(a, b, c, d) < 0 or a + b + c + d > MAX_COUNT:
        raise InvalidInput(f"table {table}: expected counts of 0 or more, at most {MAX_COUNT:,} in all")
    if not 0 < level < 1:
        raise InvalidInput(f"level {level}: expected a number between 0 and 1")
    least, most = max(0, a - d), min(a + b, a + c)
    if least == most:
        return OddsRatio(value=nan, low=0.0, high=inf, p=1.0)
    xs, weights = _window(table, a)
    tail = log((1 - level) / 2)
    start = log((a + 0.5) * (d + 0.5) / ((b + 0.5) * (c + 0.5)))
    step = (1 / (a + 0.5) + 1 / (b + 0.5) + 1 / (c + 0.5) + 1 / (d + 0.5)) ** 0.5

    def excess(t: float) -> float:
        chances = np.exp(_normal(weights + xs * t))
        return float((xs - a) @ chances)

    def above(t: float) -> float:
        return _log_sum(_normal(weights + xs * t)[xs >= a]) - tail

    def below(t: float) -> float:
        return tail - _log_sum(_normal(weights + xs * t)[xs <= a])

    value = 0.0 if a == least else inf if a == most else exp(_root(excess, start, step))
    low = 0.0 if a == least else exp(_root(above, start - 2 * step, step))
    high = inf if a == most else exp(_root(below, start + 2 * step, step))
    return OddsRatio(value=value, low=low, high=high, p=_fisher(table))


def _window(table: TwoByTwo, centre: int) -> tuple[Int[np.ndarray, " x"], Float[np.ndarray, " x"]]:
    """The values x of the first cell around ``centre``, and log C(r₁, x) C(r₂, k₁ − x) of each up to a constant."""
    (a, b), (c, d) = table
    first, second, column = a + b, c + d, a + c
    # The variance is below the least cell, which is at most half of the least sum.
    half = int(_REACH * (min(first, second, column, b + d) / 2) ** 0.5) + 100
    xs = np.arange(max(0, a - d, centre - half), min(first, column, centre + half) + 1, dtype=np.int64)
    weights = -(gammaln(xs + 1) + gammaln(first - xs + 1) + gammaln(column - xs + 1) + gammaln(second - column + xs + 1))
    return xs, weights - weights.max()


def _log_sum(terms: Float[np.ndarray, " x"]) -> float:
    top = float(terms.max())
    return top + log(float(np.exp(terms - top).sum()))


def _normal(weights: Float[np.ndarray, " x"]) -> Float[np.ndarray, " x"]:
    return weights - _log_sum(weights)


def _root(rising: Callable[[float], float], start: float, step: float) -> float:
    """Where a rising function is 0, sought from ``start`` outwards."""
    low, high, width = start, start, step
    while rising(low) > 0:
        low, width = low - width, 2 * width
    width = step
    while rising(high) < 0:
        high, width = high + width, 2 * width
    return low if low == high else float(brentq(rising, low, high, xtol=1e-12))  # pyright: ignore[reportArgumentType]


def _fisher(table: TwoByTwo) -> float:
    (a, b), (c, d) = table
    total = a + b + c + d
    xs, weights = _window(table, (a + b) * (a + c) // total)
    if not xs[0] <= a <= xs[-1]:
        return 0.0
    chances = _normal(weights)
    return min(1.0, exp(_log_sum(chances[chances <= chances[a - xs[0]] + _SAME])))
