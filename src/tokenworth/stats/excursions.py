"""The value recursion over a base trace: strata of forks, estimates with intervals, allocation of rollouts.

The base completion y₁…y_n is fixed; p_c = q_c(y_{c+1}). A rollout from cut c either follows the base to its end (probability
Π_{j≥c} p_j; its outcome is the base's, known exactly) or leaves it at one fork k ≥ c (probability w(c,k) = Π_{c≤j<k} p_j · (1−p_k)).
Only the rollouts that leave, excursions, need sampling.

Forks of small leaving probability are pooled into *strata*: ranges [a, b) of cuts. An excursion of a stratum leaves at k with
probability w(a,k)/Σ w(a,·); for an inner cut c the draws with k ≥ c have exactly the distribution of leaving in [c, b), so every
draw serves every cut at or before its fork. A stratum of one fork is the plain recursion V(c) = p_c V(c+1) + (1−p_c) W(c).
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from tokenworth.stats.proportion import IntervalKind, proportion_limits

NEGLIGIBLE = 1e-9
"""A leaving probability below this is taken as 0: the bias per cut is below it too."""

GOLDEN = 0.6180339887498949
"""Step of the systematic draws inside a stratum: successive multiples fill [0, 1) evenly for any number of draws."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Strata:
    """Ranges of cuts [start, stop) that partition 0…n, with what the recursion needs at each cut.

    ``follow[c]`` = Π_{c≤j<stop} p_j, the probability of reaching the end of the stratum along the base; ``leave`` = 1 − follow.
    """

    p: Float[np.ndarray, " cut"]
    start: Int[np.ndarray, " stratum"]
    stop: Int[np.ndarray, " stratum"]
    of_cut: Int[np.ndarray, " cut"]
    follow: Float[np.ndarray, " cut"]
    leave: Float[np.ndarray, " cut"]

    @property
    def n_cuts(self) -> int:
        """Number of base tokens n; cuts run 0…n."""
        return len(self.p)


def make_strata(p: Float[np.ndarray, " cut"], min_leave: float) -> Strata:
    """Strata whose leaving probability reaches ``min_leave`` (but for the last), each as short as possible."""
    p = np.where(1 - p < NEGLIGIBLE, 1.0, np.clip(p, 0.0, 1.0))
    bounds, follow = [0], 1.0
    for cut, probability in enumerate(p):
        follow *= float(probability)
        if 1 - follow >= min_leave:
            bounds.append(cut + 1)
            follow = 1.0
    if bounds[-1] != len(p):
        bounds.append(len(p))
    start, stop = np.asarray(bounds[:-1], dtype=np.int64), np.asarray(bounds[1:], dtype=np.int64)
    of_cut = np.repeat(np.arange(len(start)), stop - start)
    follow_at = np.empty(len(p))
    for a, b in zip(start, stop, strict=True):
        follow_at[a:b] = np.cumprod(p[a:b][::-1])[::-1]
    return Strata(p=p, start=start, stop=stop, of_cut=of_cut, follow=follow_at, leave=1.0 - follow_at)


def fork_of_draw(strata: Strata, stratum: int, draw: int, offset: float) -> int:
    """The cut at which draw number ``draw`` of a stratum leaves, by systematic sampling from w(a,k)/Σ w(a,·).

    ``offset`` in [0, 1) is the random start; marginally over it every draw has exactly that distribution.
    """
    a, b = int(strata.start[stratum]), int(strata.stop[stratum])
    left = 1.0 - np.cumprod(strata.p[a:b])
    u = (offset + draw * GOLDEN) % 1.0 * left[-1]
    return a + min(int(np.count_nonzero(left <= u)), b - a - 1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Excursions:
    """Excursions so far: where each left the base and its outcome label as an index."""

    cut: Int[np.ndarray, " draw"]
    label: Int[np.ndarray, " draw"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CutEstimates:
    """Estimates at cuts 0…n. ``share[c, l]``: probability of label l; ``low``/``high`` its limits.

    ``known``: probability of following the base to its end; ``sampled``/``unsampled``: probability of leaving at forks that do or do
    not have draws (their sum and ``known`` make 1); ``n_effective``: Kish's effective number of excursions behind the sampled part.
    """

    share: Float[np.ndarray, "cutx label"]
    low: Float[np.ndarray, "cutx label"]
    high: Float[np.ndarray, "cutx label"]
    known: Float[np.ndarray, " cutx"]
    sampled: Float[np.ndarray, " cutx"]
    unsampled: Float[np.ndarray, " cutx"]
    n_effective: Float[np.ndarray, " cutx"]
    base_share: float


def estimate_values(
    strata: Strata, draws: Excursions, *, groups: Float[np.ndarray, "label group"], base_label: int, level: float, interval: IntervalKind
) -> CutEstimates:
    """Probability of each group of labels at every cut, with pointwise limits.

    ``groups[l, g]`` is 1 where label l counts for group g (identity columns give the outcome distribution, a column of the correct
    labels gives the value). Share = known·[base in g] + (sampled + unsampled)·mean; limits of the mean at n_eff = (Σw)²/Σ(w²/m)
    (Kish), scaled by the sampled probability; the unsampled probability widens them by its full size on the side it can.

    Assumption: excursions independent given their fork. Source: DESIGN of the method page `docs/methods/curve.md`, eq. 1–6.
    """
    n_labels, n_groups = groups.shape
    size = strata.n_cuts + 1
    total, kish = np.zeros((size, n_groups)), np.zeros(size)
    known, sampled, unsampled = np.ones(size), np.zeros(size), np.zeros(size)
    counts = np.zeros((strata.n_cuts, n_labels))
    np.add.at(counts, (draws.cut, draws.label), 1.0)
    hits = counts @ groups
    number = counts.sum(axis=1)
    for a, b in zip(strata.start[::-1], strata.stop[::-1], strict=True):
        cuts = slice(int(a), int(b))
        follow, leave = strata.follow[cuts], strata.leave[cuts]
        m = np.cumsum(number[cuts][::-1])[::-1]
        mean = np.cumsum(hits[cuts][::-1], axis=0)[::-1] / np.maximum(m, 1.0)[:, None]
        covered = np.where(m > 0, leave, 0.0)
        total[cuts] = covered[:, None] * mean + follow[:, None] * total[b]
        kish[cuts] = covered**2 / np.maximum(m, 1.0) + follow**2 * kish[b]
        sampled[cuts] = covered + follow * sampled[b]
        unsampled[cuts] = np.where(m > 0, 0.0, leave) + follow * unsampled[b]
        known[cuts] = follow * known[b]
    n_effective = np.divide(sampled**2, kish, out=np.zeros(size), where=kish > 0)
    has = n_effective > 0
    mean = np.divide(total, sampled[:, None], out=np.full_like(total, 0.5), where=has[:, None])
    # Without a single draw the middle of what is possible is reported, and the limits are all that is possible.
    mean = np.clip(mean, 0.0, 1.0)
    low, high = proportion_limits(interval, mean * n_effective[:, None], np.broadcast_to(n_effective[:, None], mean.shape), level)
    base = known[:, None] * groups[base_label][None, :]
    return CutEstimates(
        share=base + (sampled + unsampled)[:, None] * mean,
        low=base + sampled[:, None] * low,
        high=np.minimum(base + sampled[:, None] * high + unsampled[:, None], 1.0),
        known=known,
        sampled=sampled,
        unsampled=unsampled,
        n_effective=n_effective,
        base_share=float(groups[base_label, 0]),
    )


def slack_bound(p: Float[np.ndarray, " cut"], slack: Float[np.ndarray, " cut"] | None) -> Float[np.ndarray, " cutx"]:
    """How far each value can be off where p_c is known only to within ± slack_c: d(c) = Σ_{j≥c} (Π_{c≤i<j} p_i) s_j, at most 1.

    With p' the true probabilities, V'(c) = p'_c V'(c+1) + (1−p'_c) W(c) and V the same recursion on p,

        V(c) − V'(c) = p_c (V(c+1) − V'(c+1)) + (p_c − p'_c)(V'(c+1) − W(c)),      V(n) = V'(n)

    so V(c) − V'(c) = Σ_j (Π_{c≤i<j} p_i)(p_j − p'_j)(V'(j+1) − W(j)). Values are in [0, 1], so the last factor is at most 1 in size,
    and |p_j − p'_j| is at most s_j = min(slack_j, max(p_j, 1 − p_j)) because p'_j is a probability. It holds for the probability of
    any outcome in place of the value. The bound is reached where an excursion always differs from the base.

    A slack that is not a number counts as 1. Source: ours. Assumption: W(c) is drawn exactly, only its weight is in doubt.
    """
    bound = np.zeros(len(p) + 1)
    if slack is None:
        return bound
    p = np.clip(np.asarray(p, dtype=np.float64), 0.0, 1.0)
    most = np.minimum(np.nan_to_num(np.asarray(slack, dtype=np.float64), nan=1.0), np.maximum(p, 1.0 - p))
    for cut in range(len(p) - 1, -1, -1):
        bound[cut] = min(1.0, p[cut] * bound[cut + 1] + most[cut])
    return bound


def widen(
    low: Float[np.ndarray, "cutx group"], high: Float[np.ndarray, "cutx group"], bound: Float[np.ndarray, " cutx"]
) -> tuple[Float[np.ndarray, "cutx group"], Float[np.ndarray, "cutx group"]]:
    """Limits moved apart by ``bound`` on each side, within [0, 1]. They cover the true value wherever the given ones cover V on p."""
    return np.maximum(low - bound[:, None], 0.0), np.minimum(high + bound[:, None], 1.0)


def stratum_reach(strata: Strata, wanted: Bool[np.ndarray, " cutx"]) -> Float[np.ndarray, " stratum"]:
    """S_G = Σ over wanted cuts c of w(c,G)·w(c,G)/share of usable draws: what a variance σ²/m in stratum G adds, summed over cuts.

    Uses A(b) = A(a)·follow(a)² + Σ_inner follow² + [b wanted], the recursion A_k = 1 + p²_{k−1} A_{k−1} on strata.
    """
    reach = np.zeros(len(strata.start))
    carried = 1.0 if wanted[0] else 0.0
    for index, (a, b) in enumerate(zip(strata.start, strata.stop, strict=True)):
        inner = slice(int(a) + 1, int(b))
        mask = wanted[inner]
        leave = float(strata.leave[a])
        reach[index] = carried * leave**2 + leave * float(np.sum(strata.leave[inner] * mask))
        carried = carried * float(strata.follow[a]) ** 2 + float(np.sum(strata.follow[inner] ** 2 * mask)) + float(wanted[b])
    return reach


def label_variance(hits: Float[np.ndarray, " stratum"], m: Float[np.ndarray, " stratum"]) -> Float[np.ndarray, " stratum"]:
    """Posterior mean of x(1−x) under a uniform prior: never 0, so that no stratum is starved by a lucky start."""
    return (hits + 1) * (m - hits + 1) / ((m + 2) * (m + 3))


def allocate(
    *,
    reach: Float[np.ndarray, " stratum"],
    variance: Float[np.ndarray, " stratum"],
    cost: Float[np.ndarray, " stratum"],
    drawn: Int[np.ndarray, " stratum"],
    size: int,
) -> Int[np.ndarray, " rollout"]:
    """The stratum of each of the next ``size`` rollouts: greedily the largest drop in summed variance per expected token.

    Drop of one more rollout: S_G σ²/((m+½)(m+3/2)), the m(m+1) rule shifted so that an unsampled stratum competes on the same scale.
    The order is that of the choices: the first k are what ``size`` = k gives, so a batch that breaks off has spent what it drew well.
    Fewer (none) where no stratum has anything to gain.
    """
    chosen: list[int] = []
    added = np.zeros(len(reach), dtype=np.int64)
    weight = reach * variance / np.maximum(cost, 1.0)

    def gain(stratum: int, m: int) -> float:
        return -float(weight[stratum]) / ((m + 0.5) * (m + 1.5))

    heap = [(gain(s, int(drawn[s])), s) for s in range(len(reach)) if weight[s] > 0]
    heapq.heapify(heap)
    for _ in range(size if heap else 0):
        _, stratum = heap[0]
        chosen.append(stratum)
        added[stratum] += 1
        heapq.heapreplace(heap, (gain(stratum, int(drawn[stratum] + added[stratum])), stratum))
    return np.asarray(chosen, dtype=np.int64)
