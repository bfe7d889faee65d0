"""What a stretch of a base trace is worth beside other stretches in its place: from the excursions that leave within it and after it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from tokenworth.stats.changes import distances
from tokenworth.stats.proportion import DifferenceKind, limits_in_difference
from tokenworth.stats.strata import Strata

PERMUTATIONS = 200
"""Random orders of labels behind a null distribution."""

MOST_SHUFFLED = 20_000_000
"""Labels that are put in random order at once."""

PerDraw = Float[np.ndarray, " draw"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Leaving:
    """What the draws that leave in a range of cuts weigh, for a rollout from its beginning."""

    each: Float[np.ndarray, " cut"]
    """Of one draw at a cut: the probability that it stands for; 0 outside the range."""
    sampled: float
    unsampled: float
    """Probability of leaving there where there are draws, and where there are none."""


def leaving(strata: Strata, number: Float[np.ndarray, " cut"], first: int, end: int) -> Leaving:
    """The weight of a draw at each cut of [first, end), and the probability of leaving there with and without draws.

    Within a stratum the draws of any part of it are drawn as that part is left, so they share its probability.
    Source: method page `docs/methods/anchors.md`, eq. 2.
    """
    each, sampled, unsampled, reach, at = np.zeros(strata.n_cuts), 0.0, 0.0, 1.0, first
    while at < end and reach > 0:
        last = int(strata.stop[strata.of_cut[at]])
        stop = min(end, last)
        kept = float(strata.follow[at]) if stop == last else float(strata.reached[stop] / strata.reached[at])
        weight, n = reach * (1.0 - kept), float(number[at:stop].sum())
        if weight > 0 and n > 0:
            each[at:stop] = np.where(number[at:stop] > 0, weight / n, 0.0)
            sampled += weight
        else:
            unsampled += weight
        reach, at = reach * kept, stop
    return Leaving(each=each, sampled=sampled, unsampled=unsampled)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Mean:
    """A weighted mean of 0/1 draws with limits; the value is NaN without a draw, and the limits then are all that is possible."""

    value: Float[np.ndarray, " item"]
    low: Float[np.ndarray, " item"]
    high: Float[np.ndarray, " item"]
    n: Float[np.ndarray, " item"]
    """Kish's effective number of draws."""


def weighted_mean(
    weight: PerDraw,
    hits: Float[np.ndarray, "draw item"],
    *,
    known: float = 0.0,
    base: Float[np.ndarray, " item"] | float = 0.0,
    open_: float = 0.0,
    level: float,
    interval: DifferenceKind,
) -> Mean:
    """The mean of ``hits`` under ``weight``, and what is ``known`` of the ``base`` for certain; ``open_`` probability can be anything.

    Everything is divided by the sum of the three: of a part of all rollouts, such as those that are unlike the base, it is the mean in
    that part.
    """
    total = float(weight.sum())
    n = total**2 / float((weight**2).sum()) if total > 0 else 0.0
    mean = np.clip(weight @ hits / total, 0.0, 1.0) if total > 0 else np.zeros(hits.shape[1])
    low, high = limits_in_difference(interval, mean * n, np.full(len(mean), n), level)
    whole = known + total + open_
    at = known * np.asarray(base, dtype=np.float64)
    if whole <= 0:
        nothing = np.full(len(mean), np.nan)
        return Mean(value=nothing, low=np.zeros(len(mean)), high=np.ones(len(mean)), n=np.zeros(len(mean)))
    settled = (at + total * mean) / (known + total) if known + total > 0 else np.full(len(mean), np.nan)
    high = np.minimum((at + total * high + open_) / whole, 1.0)
    return Mean(value=settled, low=(at + total * low) / whole, high=high, n=np.full(len(mean), n))


def difference(plus: Mean, minus: Mean, moved: float = 0.0) -> Mean:
    """plus − minus of independent means, limits by theirs (`distances`), moved apart by ``moved``, within ±1; n that of ``minus``."""
    centre = np.nan_to_num(plus.value, nan=0.5), np.nan_to_num(minus.value, nan=0.5)
    down, up = distances((centre[0], plus.low, plus.high), (centre[1], minus.low, minus.high))
    step = centre[0] - centre[1]
    return Mean(
        value=plus.value - minus.value,
        low=np.maximum(step - down - moved, -1.0),
        high=np.minimum(step + up + moved, 1.0),
        n=minus.n,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Divergence:
    """KL(without ‖ with) in nats, beside what it is where labels do not depend on where a rollout left."""

    value: float
    null: float
    """Mean over random orders of the labels."""
    null_high: float
    """Their 95 % quantile."""
    p: float
    """(1 + orders with at least the value) / (1 + orders)."""


def divergence(
    labels: Int[np.ndarray, " draw"],
    without: PerDraw,
    with_: PerDraw,
    *,
    n_labels: int,
    alpha: float,
    rng: np.random.Generator,
    permutations: int = PERMUTATIONS,
) -> Divergence | None:
    """KL divergence of two weighted label distributions over pooled draws, with a permutation null; None where one side is empty.

    Each side is (n p + α)/(n + α L): n its draws of weight, L the labels seen. The plug-in is far above 0 without any effect; how far, says
    the null: the same formula on labels in random order. The base's own completion is one of the draws, of its probability.

    Source: Good 2005, Permutation, Parametric and Bootstrap Tests of Hypotheses, chapter 3; p-values: Phipson and Smyth 2010, Statistical
    Applications in Genetics and Molecular Biology 9:39.
    """
    used = (without > 0) | (with_ > 0)
    sides = [side[used] for side in (without, with_)]
    if any(side.sum() <= 0 for side in sides):
        return None
    labels = labels[used]
    orders = _orders(labels, rng, permutations)
    share = [_shares(orders, side, n_labels) for side in sides]
    count = [int(np.count_nonzero(side)) for side in sides]
    p, q = ((n * s + alpha) / (n + alpha * n_labels) for n, s in zip(count, share, strict=True))
    found = _rounded((p * np.log(p / q)).sum(axis=1))
    null = found[1:]
    at_least = int(np.count_nonzero(null >= found[0]))
    return Divergence(
        value=max(float(found[0]), 0.0),
        null=float(null.mean()),
        null_high=float(np.quantile(null, 0.95)),
        p=(1 + at_least) / len(found),
    )


def permutation_p(
    hits: Bool[np.ndarray, " draw"], without: PerDraw, with_: PerDraw, rng: np.random.Generator, permutations: int = PERMUTATIONS
) -> float | None:
    """p of the hypothesis that hits do not depend on where a rollout left: of the size of the difference of two weighted shares.

    Source: as `divergence`. None where one side is empty.
    """
    used = (without > 0) | (with_ > 0)
    sides = [side[used] for side in (without, with_)]
    if any(side.sum() <= 0 for side in sides):
        return None
    orders = _orders(hits[used].astype(np.int64), rng, permutations)
    first, second = (_shares(orders, side, 2)[:, 1] for side in sides)
    size = _rounded(np.abs(second - first))
    return int(np.count_nonzero(size >= size[0])) / len(size)


def _orders(labels: Int[np.ndarray, " used"], rng: np.random.Generator, permutations: int) -> Int[np.ndarray, "order used"]:
    """The labels, and in random orders; of very many draws fewer orders, for the memory."""
    rows = max(99, min(permutations, MOST_SHUFFLED // max(1, len(labels))))
    return np.vstack([labels, rng.permuted(np.tile(labels, (rows, 1)), axis=1)])


def _shares(orders: Int[np.ndarray, "order used"], weight: Float[np.ndarray, " used"], n_labels: int) -> Float[np.ndarray, "order label"]:
    """The weighted share of each label in each order."""
    rows = len(orders)
    place = (orders + n_labels * np.arange(rows)[:, None]).ravel()
    found = np.bincount(place, np.tile(weight, rows), minlength=rows * n_labels)
    return found.reshape(rows, n_labels) / weight.sum()


def _rounded(values: Float[np.ndarray, " order"]) -> Float[np.ndarray, " order"]:
    """Rounding errors must not tell apart orders that give the same."""
    return np.round(values, 12)
