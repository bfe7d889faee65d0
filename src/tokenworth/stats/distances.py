"""How far two outcome distributions are apart: distances without the bias of few draws, with limits, and what chance alone gives."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

ALPHA = 0.5
"""Added to each count before a KL divergence is taken (Jeffreys)."""
PERMUTATIONS = 999
MOST_LABELS = 8
"""Labels whose every set is looked at."""
MOST_BASE = 10_000
"""As so many draws counts a distribution that is known better: the test does not notice more."""

SharesOfLabels = Float[np.ndarray, "*item label"]
PerItem = Float[np.ndarray, "*item"]


def squared_l2(first: SharesOfLabels, variance: SharesOfLabels, second: SharesOfLabels, variance_second: SharesOfLabels) -> PerItem:
    """Σ_l [(a_l − b_l)² − Var a_l − Var b_l]: unbiased where the variances are, and so below 0 at times.

    Source: the U-statistic of a squared difference of means; method page `docs/methods/forks.md`, eq. 4.
    """
    return ((first - second) ** 2 - variance - variance_second).sum(axis=-1)


def share_variance(share: SharesOfLabels, n: Float[np.ndarray, "*item"]) -> SharesOfLabels:
    """a(1 − a)/(n − 1), unbiased for the variance of a share of n draws; 1/4 for less than two."""
    n = np.asarray(n, dtype=np.float64)[..., None]
    return np.divide(share * (1 - share), n - 1, out=np.full(np.broadcast_shapes(share.shape, n.shape), 0.25), where=n > 1)


def total_variation(first: SharesOfLabels, second: SharesOfLabels) -> PerItem:
    """½ Σ |a − b|; the plug-in, which few draws make too large: compare it with `chance`."""
    return 0.5 * np.abs(first - second).sum(axis=-1)


def events(n_labels: int) -> Float[np.ndarray, "event label"]:
    """Sets of labels, one of each pair of a set and the rest: total variation is the largest difference in the probability of one.

    For more than `MOST_LABELS` labels they are too many, and single labels come instead: see `tv_limits`.
    """
    if n_labels > MOST_LABELS:
        return np.eye(n_labels)
    numbers = np.arange(1, 1 << max(1, n_labels - 1), dtype=np.int64)
    return ((numbers[:, None] >> np.arange(n_labels)[None, :]) & 1).astype(np.float64)


def tv_limits(low: SharesOfLabels, high: SharesOfLabels, n_labels: int) -> tuple[PerItem, PerItem]:
    """The least and the most that total variation can be where the differences of all `events` are within their limits.

    It is the largest of them in size. Of single labels, it is the sum of the positive differences and also that of the negative ones, so
    each bounds it.
    """
    if n_labels <= MOST_LABELS:
        least = np.maximum(np.maximum(low, -high), 0.0).max(axis=-1, initial=0.0)
        most = np.maximum(np.abs(low), np.abs(high)).max(axis=-1, initial=0.0)
    else:
        least = np.maximum(np.maximum(low, 0.0).sum(axis=-1), np.maximum(-high, 0.0).sum(axis=-1))
        most = np.minimum(np.maximum(high, 0.0).sum(axis=-1), np.maximum(-low, 0.0).sum(axis=-1))
    least = np.minimum(least, 1.0)
    return least, np.maximum(least, np.minimum(most, 1.0))


def l2_limits(low: SharesOfLabels, high: SharesOfLabels) -> tuple[PerItem, PerItem]:
    """The least and the most that √(Σ δ_l²) can be where each δ_l is within its limits; at most √2."""
    inner = np.maximum(np.maximum(low, -high), 0.0)
    outer = np.maximum(np.abs(low), np.abs(high))
    return np.sqrt((inner**2).sum(axis=-1)), np.minimum(np.sqrt((outer**2).sum(axis=-1)), np.sqrt(2.0))


def plain_number(share: Float[np.ndarray, " label"], variance: Float[np.ndarray, " label"]) -> int:
    """How many plain draws know a distribution as well: the least s(1 − s)/Var over its labels, at most `MOST_BASE`."""
    spread = share * (1 - share)
    some = (spread > 0) & (variance > 0)
    return int(min(MOST_BASE, max(1.0, float(np.min(spread[some] / variance[some]))))) if some.any() else MOST_BASE


def chance(counts: Int[np.ndarray, " label"], base: Int[np.ndarray, " label"], rng: np.random.Generator) -> tuple[float, float]:
    """By permutation of which draws are whose: the mean total variation that chance alone gives, and p of one as large as is found.

    p = (1 + number of permutations with at least the observed distance)/(1 + `PERMUTATIONS`). 0 and 1 where one side has no draw.
    Assumption: under the hypothesis the draws of both sides are exchangeable. Source: Phipson and Smyth 2010, SAGMB 9:39.
    """
    n, m = int(counts.sum()), int(base.sum())
    if n == 0 or m == 0:
        return 0.0, 1.0
    pooled = counts + base
    drawn = rng.multivariate_hypergeometric(pooled, n, size=PERMUTATIONS, method="marginals")
    null = total_variation(drawn / n, (pooled - drawn) / m)
    found = 0.5 * float(np.abs(counts / n - base / m).sum())
    return float(null.mean()), float((1 + int((null >= found - 1e-12).sum())) / (1 + PERMUTATIONS))


def whole_counts(share: Float[np.ndarray, " label"], n: int) -> Int[np.ndarray, " label"]:
    """``n`` draws in these shares, by largest remainder."""
    exact = share / max(float(share.sum()), 1e-300) * n
    found = np.floor(exact).astype(np.int64)
    order = np.argsort(-(exact - found), kind="stable")
    found[order[: n - int(found.sum())]] += 1
    return found


def smoothed_kl(counts: Float[np.ndarray, " label"], base: Float[np.ndarray, " label"], alpha: float = ALPHA) -> float:
    """KL(a ‖ b) in nats of counts to which ``alpha`` is added, over the labels given.

    It says as much about ``alpha`` as about the counts where a label is rare: quote both.
    """
    a, b = counts + alpha, base + alpha
    a, b = a / a.sum(), b / b.sum()
    return float((a * np.log(a / b)).sum())
