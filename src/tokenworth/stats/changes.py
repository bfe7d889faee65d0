"""How much the value changes between two cuts of a base trace, from the excursions that leave between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.special import ndtr  # pyright: ignore[reportMissingTypeStubs]

from tokenworth.stats.excursions import CutEstimates, Weights
from tokenworth.stats.proportion import DifferenceKind, IntervalKind, Level, limits_in_difference
from tokenworth.stats.strata import Strata

LEAST_Z, MOST_Z = 1e-6, 6.5
"""Between these a p-value is sought: from 1/2 down to 4e-11, below which a level differs from 1 by rounding alone."""
LowHigh = tuple[Float[np.ndarray, " pair"], Float[np.ndarray, " pair"]]
"""Lower and upper limits."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Changes:
    """V(b) − V(a) with limits, for pairs of cuts. ``value`` is NaN where no draw leaves in [a, b) or none tells V(b)."""

    value: Float[np.ndarray, " pair"]
    low: Float[np.ndarray, " pair"]
    high: Float[np.ndarray, " pair"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pairs:
    """What draws say of pairs of cuts a < b, for limits of V(b) − V(a) at any level."""

    scale: Float[np.ndarray, " pair"]
    """1 − K: the probability of leaving in [a, b)."""
    missing: Float[np.ndarray, " pair"]
    """The share of that where there is no draw."""
    mean: Float[np.ndarray, " pair"]
    """Of the draws that leave in [a, b); NaN without one."""
    n: Float[np.ndarray, " pair"]
    """Their effective number."""
    base: Float[np.ndarray, " pair"]
    """What the base adds to V(b)."""
    sampled: Float[np.ndarray, " pair"]
    unsampled: Float[np.ndarray, " pair"]
    """Probability of leaving from b on where there are draws, and where there are none."""
    later_mean: Float[np.ndarray, " pair"]
    """Of the draws that leave from b on; NaN without one."""
    later_n: Float[np.ndarray, " pair"]
    moved: Float[np.ndarray, " pair"]
    """By how much limits are moved apart because probabilities are known only within bounds."""
    most: Float[np.ndarray, " pair"]
    """What 1 − K can be."""

    @property
    def value(self) -> Float[np.ndarray, " pair"]:
        """V(b) − V(a)."""
        leave = self.sampled + self.unsampled
        later = self.base + leave * np.where(leave > 0, self.later_mean, 0.0)
        return np.where(self.scale > 0, self.scale * (later - self.mean), 0.0)

    def limits(self, level: Level, interval: DifferenceKind) -> LowHigh:
        """Lower and upper limits at a level, or one for each pair; never beyond ± (1 − K). Source: `changes`."""
        mean, later = np.nan_to_num(self.mean), np.nan_to_num(self.later_mean)
        low, high = limits_in_difference(interval, mean * self.n, self.n, level)
        later_low, later_high = limits_in_difference(interval, later * self.later_n, self.later_n, level)
        kept = 1 - self.missing
        settled = self.base + self.sampled * later
        below, above = distances(
            (settled, self.base + self.sampled * later_low, self.base + self.sampled * later_high), (kept * mean, kept * low, kept * high)
        )
        # What has no draw can be all or nothing, on top of what the draws leave open.
        below = np.maximum(settled - kept * mean - below - self.missing, -1.0)
        above = np.minimum(settled - kept * mean + above + self.unsampled, 1.0)
        return np.maximum(self.scale * below - self.moved, -self.most), np.minimum(self.scale * above + self.moved, self.most)

    def possible(self, level: Level, interval: DifferenceKind) -> Float[np.ndarray, " pair"]:
        """The most that V(b) − V(a) can be in size whatever leaves in [a, b) is worth: (1 − K) max(u, 1 − l), l and u limits of V(b)."""
        later = np.nan_to_num(self.later_mean)
        low, high = limits_in_difference(interval, later * self.later_n, self.later_n, level)
        most = np.maximum(self.base + self.sampled * high + self.unsampled, 1.0 - self.base - self.sampled * low)
        return np.minimum(self.scale * np.minimum(most, 1.0) + self.moved, self.most)

    def changes(self, level: Level, interval: DifferenceKind) -> Changes:
        """Values with limits."""
        low, high = self.limits(level, interval)
        return Changes(value=self.value, low=low, high=high)

    def p_values(self, least: float, interval: DifferenceKind) -> Float[np.ndarray, " pair"]:
        """p of the hypothesis that |V(b) − V(a)| is at most ``least``; 1 where the estimate does not speak against it.

        1 − Φ(z), z the largest at which the limits do not touch [−least, least]; twice that where ``least`` is 0, for both sides then
        count in full. Found by bisection to within 1e-7 of z, up to `MOST_Z`. Limits widen with the level, so the test and the limits
        never contradict each other. Source: method page `docs/methods/pivots.md`, eq. 3.
        """
        shape = self.scale.shape
        inside, outside = np.full(shape, LEAST_Z), np.full(shape, MOST_Z)

        def clear(z: Float[np.ndarray, " pair"]) -> Bool[np.ndarray, " pair"]:
            low, high = self.limits(2 * ndtr(z) - 1, interval)
            return (low > least) | (high < -least)

        speaks, beyond = clear(inside), clear(outside)
        for _ in range(26):
            middle = (inside + outside) / 2
            now = clear(middle)
            inside, outside = np.where(now, middle, inside), np.where(now, outside, middle)
        z = np.where(beyond, MOST_Z, inside)
        return np.where(speaks, np.minimum(ndtr(-z) * (2.0 if least == 0 else 1.0), 1.0), 1.0)


def pairs_of(
    strata: Strata,
    *,
    number: Float[np.ndarray, " cut"],
    hits: Float[np.ndarray, " cut"],
    weights: Weights,
    base: Float[np.ndarray, " cutx"],
    later: Float[np.ndarray, " cutx"],
    first: Int[np.ndarray, " pair"],
    second: Int[np.ndarray, " pair"],
    slack: Float[np.ndarray, " cut"] | None = None,
) -> Pairs:
    """What ``number`` draws with ``hits`` at each cut say of the pairs a = ``first`` < b = ``second``.

    Of the values at cuts 0…n, ``base`` is what the base adds, ``later`` the mean of the draws that leave from there on (`backward`).
    """
    between = _leaving(strata, number, hits, first, second)
    return pairs_with(strata, between, weights=weights, base=base, later=later, first=first, second=second, slack=slack)


def pairs_with(
    strata: Strata,
    between: tuple[Float[np.ndarray, " pair"], ...],
    *,
    weights: Weights,
    base: Float[np.ndarray, " cutx"],
    later: Float[np.ndarray, " cutx"],
    first: Int[np.ndarray, " pair"],
    second: Int[np.ndarray, " pair"],
    slack: Float[np.ndarray, " cut"] | None,
) -> Pairs:
    """The pairs a = ``first`` < b = ``second``, where of what leaves in [a, b) the mean, the effective number of draws, the sampled and the
    unsampled probability are known (``between``)."""
    mean, n, sampled, unsampled = between
    scale = sampled + unsampled
    moved, most = np.zeros(len(first)), scale
    if slack is not None:
        within, beyond = slack_between(strata.p, slack, first, second), slack_between(strata.p, slack, second, None)
        moved, most = scale * np.minimum(beyond, 1.0) + within, np.minimum(scale + within, 1.0)
    return Pairs(
        scale=scale,
        missing=np.divide(unsampled, scale, out=np.zeros(len(first)), where=unsampled > 0),
        mean=mean,
        n=n,
        base=base[second],
        sampled=weights.sampled[second],
        unsampled=weights.unsampled[second],
        later_mean=later[second],
        later_n=weights.n_effective[second],
        moved=moved,
        most=most,
    )


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
    limits at the same level (`distances`), never beyond ± (1 − K); of fewer than `ENOUGH` draws these are Beta limits. With ``slack``, how
    far each p_c may be off, they are moved apart by what that can do, (1 − K) d(b) + s(a, b), with d as in `slack_bound` and
    s = Σ_{a≤j<b} (Π_{a≤i<j} p_i) s_j, to which K is known.

    Source: method page `docs/methods/curve.md`, eq. 10–12.
    """
    found = pairs_of(
        strata,
        number=number,
        hits=hits,
        weights=estimate.weights,
        base=estimate.base[:, 0],
        later=estimate.mean[:, 0],
        first=first,
        second=second,
        slack=slack,
    )
    return found.changes(level, interval)


def changes_of_cuts(
    value: Float[np.ndarray, " cut"], low: Float[np.ndarray, " cut"], high: Float[np.ndarray, " cut"], most: Float[np.ndarray, " pair"]
) -> Changes:
    """V(b) − V(a) of neighbouring cuts that were measured each by itself, with limits by theirs; all within ± ``most``.

    For rollouts that count at both cuts the two are correlated and the limits wider than need be. ``most`` is 1 − K, or 1.
    """
    down, up = distances((value[1:], low[1:], high[1:]), (value[:-1], low[:-1], high[:-1]))
    step = np.diff(value)
    return Changes(value=np.clip(step, -most, most), low=np.clip(step - down, -most, most), high=np.clip(step + up, -most, most))


Limits = tuple[Float[np.ndarray, "*pair"], Float[np.ndarray, "*pair"], Float[np.ndarray, "*pair"]]
"""An estimate with its lower and its upper limit."""


def distances(plus: Limits, minus: Limits) -> tuple[Float[np.ndarray, "*pair"], Float[np.ndarray, "*pair"]]:
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
    # A pair of one stratum has plain draws of one fork, or of neighbours that are drawn as one.
    inside = (second <= strata.stop[strata.of_cut[np.minimum(first, strata.n_cuts - 1)]]) & (first < second) if strata.n_cuts else first < 0
    one, to = first[inside], second[inside]
    ends = strata.stop[strata.of_cut[one]] == to
    kept = np.where(ends, strata.follow[one], strata.reached[np.where(ends, one, to)] / strata.reached[one])
    leaves, m = 1.0 - kept, n_before[to] - n_before[one]
    has = (leaves > 0) & (m > 0)
    sampled[inside], unsampled[inside], n[inside] = np.where(has, leaves, 0.0), np.where(has, 0.0, leaves), np.where(has, m, 0.0)
    mean[inside] = np.divide(k_before[to] - k_before[one], m, out=np.full(len(one), np.nan), where=has)
    for pair in np.flatnonzero(~inside).tolist():
        a, b = int(first[pair]), int(second[pair])
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
