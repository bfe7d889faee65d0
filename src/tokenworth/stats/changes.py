"""How much the value changes between two cuts of a base trace, from the excursions that leave between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from tokenworth.stats.excursions import CutEstimates, mean_limits
from tokenworth.stats.proportion import IntervalKind
from tokenworth.stats.strata import Strata


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Changes:
    """V(b) − V(a) with limits, for pairs of cuts. ``value`` is NaN where no draw leaves in [a, b) or none tells V(b)."""

    value: Float[np.ndarray, " pair"]
    low: Float[np.ndarray, " pair"]
    high: Float[np.ndarray, " pair"]


def changes(
    strata: Strata,
    *,
    number: Float[np.ndarray, " cut"],
    hits: Float[np.ndarray, " cut"],
    estimate: CutEstimates,
    first: Int[np.ndarray, " pair"],
    second: Int[np.ndarray, " pair"],
    level: float,
    interval: IntervalKind,
    slack: Float[np.ndarray, " cut"] | None = None,
) -> Changes:
    """D(a, b) = V(b) − V(a) = (1 − K) (V(b) − X) for each pair a = ``first`` < b = ``second``; K = Π_{a≤j<b} p_j.

    X is the value of a rollout from a that leaves in [a, b): the weighted mean of the ``hits`` of the ``number`` of draws that leave at
    each cut there. V(b), group 0 of ``estimate``, rests on draws that leave at b or later: the two are independent. Limits by their own
    limits at the same level (`distances`), never beyond ± (1 − K). With ``slack``, how far each p_c may be off, they are moved apart
    by what that can do, (1 − K) d(b) + s(a, b), with d as in `slack_bound` and s = Σ_{a≤j<b} (Π_{a≤i<j} p_i) s_j, to which K is known.

    Source: method page `docs/methods/curve.md`, eq. 10–12.
    """
    mean, n, sampled, unsampled = _leaving(strata, number, hits, first, second)
    weights, scale = estimate.weights, sampled + unsampled
    low, high = mean_limits(mean[:, None], n, level, interval)
    missing = np.divide(unsampled, scale, out=np.zeros(len(first)), where=unsampled > 0)
    settled = estimate.base[second, 0] + weights.sampled[second] * np.nan_to_num(estimate.mean[second, 0])
    below, above = distances(
        (settled, estimate.low[second, 0], estimate.high[second, 0] - weights.unsampled[second]),
        ((1 - missing) * np.nan_to_num(mean), (1 - missing) * low[:, 0], (1 - missing) * high[:, 0]),
    )
    middle, value = settled - (1 - missing) * np.nan_to_num(mean), estimate.share[second, 0] - mean
    # What has no draw can be all or nothing, on top of what the draws leave open.
    below = np.maximum(middle - below - missing, -1.0)
    above = np.minimum(middle + above + weights.unsampled[second], 1.0)
    moved, most = np.zeros(len(first)), scale
    if slack is not None:
        within, later = slack_between(strata.p, slack, first, second), slack_between(strata.p, slack, second, None)
        moved, most = scale * np.minimum(later, 1.0) + within, np.minimum(scale + within, 1.0)
    return Changes(
        value=np.where(scale > 0, scale * value, 0.0),
        low=np.maximum(scale * below - moved, -most),
        high=np.minimum(scale * above + moved, most),
    )


def changes_of_cuts(
    value: Float[np.ndarray, " cut"], low: Float[np.ndarray, " cut"], high: Float[np.ndarray, " cut"], most: Float[np.ndarray, " pair"]
) -> Changes:
    """V(b) − V(a) of neighbouring cuts that were measured each by itself, with limits by theirs; all within ± ``most``.

    For rollouts that count at both cuts the two are correlated and the limits wider than need be. ``most`` is 1 − K, or 1.
    """
    down, up = distances((value[1:], low[1:], high[1:]), (value[:-1], low[:-1], high[:-1]))
    step = np.diff(value)
    return Changes(value=np.clip(step, -most, most), low=np.clip(step - down, -most, most), high=np.clip(step + up, -most, most))


Limits = tuple[Float[np.ndarray, " pair"], Float[np.ndarray, " pair"], Float[np.ndarray, " pair"]]
"""An estimate with its lower and its upper limit."""


def distances(plus: Limits, minus: Limits) -> tuple[Float[np.ndarray, " pair"], Float[np.ndarray, " pair"]]:
    """How far the limits of a difference of two independent estimates are below and above it: theirs, added in squares.

    Source: MOVER; Newcombe 1998, Statistics in Medicine 17:873, method 10; Zou and Donner 2008, Statistics in Medicine 27:1693.
    """
    return np.hypot(plus[0] - plus[1], minus[2] - minus[0]), np.hypot(plus[2] - plus[0], minus[0] - minus[1])


def slack_between(
    p: Float[np.ndarray, " cut"], slack: Float[np.ndarray, " cut"], first: Int[np.ndarray, " pair"], second: Int[np.ndarray, " pair"] | None
) -> Float[np.ndarray, " pair"]:
    """s(a, b) = Σ_{a≤j<b} (Π_{a≤i<j} p_i) s_j: how far K(a, b) can be off, and V(a) by what is before b. To the end where b is None."""
    most = np.minimum(np.nan_to_num(slack, nan=1.0), np.maximum(p, 1.0 - p))
    found = np.zeros(len(first))
    for pair, a in enumerate(first.tolist()):
        b = len(p) if second is None else int(second[pair])
        found[pair] = float(np.cumprod(np.append(1.0, p[a : b - 1]))[: b - a] @ most[a:b])
    return found


def _leaving(
    strata: Strata,
    number: Float[np.ndarray, " cut"],
    hits: Float[np.ndarray, " cut"],
    first: Int[np.ndarray, " pair"],
    second: Int[np.ndarray, " pair"],
) -> tuple[Float[np.ndarray, " pair"], ...]:
    """Of rollouts from a that leave in [a, b): mean (NaN without a draw), effective number, probability with and without draws."""
    n_before, k_before = (np.append(0.0, np.cumsum(x)) for x in (number, hits))
    mean, n, sampled, unsampled = np.full(len(first), np.nan), np.zeros(len(first)), np.zeros(len(first)), np.zeros(len(first))
    for pair, (a, b) in enumerate(zip(first.tolist(), second.tolist(), strict=True)):
        reach, total, kish = 1.0, 0.0, 0.0
        while a < b and reach > 0:
            end = int(strata.stop[strata.of_cut[a]])
            stop = min(b, end)
            kept = float(strata.follow[a]) if stop == end else float(strata.reached[stop] / strata.reached[a])
            weight, m = reach * (1.0 - kept), n_before[stop] - n_before[a]
            if weight > 0 and m > 0:
                total += weight * (k_before[stop] - k_before[a]) / m
                kish += weight**2 / m
                sampled[pair] += weight
            else:
                unsampled[pair] += weight
            reach, a = reach * kept, stop
        if kish > 0:
            mean[pair], n[pair] = total / sampled[pair], sampled[pair] ** 2 / kish
    return np.clip(mean, 0.0, 1.0), n, sampled, unsampled
