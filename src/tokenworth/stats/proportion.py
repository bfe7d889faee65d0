"""Intervals for a proportion, also at a non-integer (effective) sample size."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from jaxtyping import Float
from scipy.special import betaincinv, ndtri  # pyright: ignore[reportMissingTypeStubs]

from tokenworth.core.estimate import Estimate
from tokenworth.errors import InvalidInput

Level = float | Float[np.ndarray, "*item"]
"""One level, or one for each item."""
ROUNDING = 1e-9
"""Successes may pass the draws by this share of them: effective counts are sums of rounded weights."""

ENOUGH = 30.0
"""Draws from which on a score interval stands in a difference."""

IntervalKind = Literal["beta", "wilson"]
INTERVALS: tuple[str, ...] = get_args(IntervalKind)
DifferenceKind = Literal["beta", "wilson", "score"]
"""Of a difference: ``wilson`` gives way to Beta limits for few draws, ``score`` never does."""


def wilson(
    successes: Float[np.ndarray, "*item"], n: Float[np.ndarray, "*item"], level: Level
) -> tuple[Float[np.ndarray, "*item"], Float[np.ndarray, "*item"]]:
    """Lower and upper score limits of a proportion; (0, 1) where n = 0.

    Centre (k + z²/2)/(n + z²), half-width z·sqrt(k(n−k)/n + z²/4)/(n + z²).
    Assumption: the n draws are independent with one probability.

    Raises InvalidInput for counts that are not 0 ≤ k ≤ n < ∞ and a level outside (0, 1).
    Source: Wilson 1927, "Probable inference, the law of succession, and statistical inference", eq. 2.
    """
    successes, n = _counts(successes, n, level)
    z = np.asarray(ndtri(0.5 + np.asarray(level) / 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.where(n > 0, successes * (n - successes) / n, 0.0)
    half = z * np.sqrt(np.maximum(spread, 0.0) + z * z / 4) / (n + z * z)
    centre = (successes + z * z / 2) / (n + z * z)
    low = np.where(n > 0, np.clip(centre - half, 0.0, 1.0), 0.0)
    high = np.where(n > 0, np.clip(centre + half, 0.0, 1.0), 1.0)
    # Rounding must not push a limit past an estimate of exactly 0 or 1.
    return np.where(successes <= 0, 0.0, low), np.where(successes >= n, 1.0, high)


def beta_limits(
    successes: Float[np.ndarray, "*item"], n: Float[np.ndarray, "*item"], level: Level
) -> tuple[Float[np.ndarray, "*item"], Float[np.ndarray, "*item"]]:
    """Lower and upper exact limits of a proportion (Beta quantiles), valid for real-valued k and n; (0, 1) where n = 0.

    Raises InvalidInput as `wilson` does. Source: Clopper and Pearson 1934. Differs: k and n may be effective (non-integer) counts.
    """
    successes, n = _counts(successes, n, level)
    tail = np.broadcast_to((1 - np.asarray(level)) / 2, n.shape)
    failures = n - successes
    inside_low, inside_high = (n > 0) & (successes > 0), (n > 0) & (failures > 0)
    low, high = np.zeros_like(n), np.ones_like(n)
    low[inside_low] = betaincinv(successes[inside_low], failures[inside_low] + 1, tail[inside_low])
    high[inside_high] = betaincinv(successes[inside_high] + 1, failures[inside_high], 1 - tail[inside_high])
    return low, high


def _counts(
    successes: Float[np.ndarray, "*item"], n: Float[np.ndarray, "*item"], level: Level
) -> tuple[Float[np.ndarray, "*item"], Float[np.ndarray, "*item"]]:
    k, n = np.broadcast_arrays(np.asarray(successes, dtype=np.float64), np.asarray(n, dtype=np.float64))
    if not ((np.asarray(level) > 0) & (np.asarray(level) < 1)).all():
        raise InvalidInput(f"level {level}: expected a number between 0 and 1")
    # Written so that NaN fails it too.
    wrong = ~((k >= 0) & (k <= n * (1 + ROUNDING)) & np.isfinite(n))
    if wrong.any():
        at = tuple(np.argwhere(wrong)[0])
        raise InvalidInput(f"{k[at]:g} successes of {n[at]:g} draws; expected 0 ≤ successes ≤ draws, finite numbers")
    return np.minimum(k, n), n


def proportion_limits(
    kind: IntervalKind, successes: Float[np.ndarray, "*item"], n: Float[np.ndarray, "*item"], level: Level
) -> tuple[Float[np.ndarray, "*item"], Float[np.ndarray, "*item"]]:
    """Limits of the named kind; see `wilson` and `beta_limits`."""
    return wilson(successes, n, level) if kind == "wilson" else beta_limits(successes, n, level)


def limits_in_difference(
    kind: DifferenceKind, successes: Float[np.ndarray, "*item"], n: Float[np.ndarray, "*item"], level: Level
) -> tuple[Float[np.ndarray, "*item"], Float[np.ndarray, "*item"]]:
    """Limits of the named kind; ``wilson`` from `ENOUGH` draws on, Beta limits below: a score interval of a few equal draws is narrow."""
    if kind != "wilson":
        return beta_limits(successes, n, level) if kind == "beta" else wilson(successes, n, level)
    few = np.asarray(n) < ENOUGH
    score, exact = wilson(successes, n, level), beta_limits(np.where(few, successes, 0.0), np.where(few, n, 0.0), level)
    return np.where(few, exact[0], score[0]), np.where(few, exact[1], score[1])


def share(k: int, n: int, level: float) -> Estimate:
    """k of n with its score limits; no value and the limits 0 and 1 where n is 0."""
    low, high = wilson(np.asarray([float(k)]), np.asarray([float(n)]), level)
    return Estimate.of(k / n if n else float("nan"), float(low[0]), float(high[0]), n=n, k=k)
