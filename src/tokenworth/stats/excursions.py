"""The value recursion over a base trace: estimates with intervals from excursions, and what they cannot tell.

The base completion y₁…y_n is fixed; p_c = q_c(y_{c+1}). A rollout from cut c either follows the base to its end (probability
Π_{j≥c} p_j; its outcome is the base's, known exactly) or leaves it at one fork k ≥ c (probability w(c,k) = Π_{c≤j<k} p_j · (1−p_k)).
Only the rollouts that leave, excursions, need sampling; they are drawn by strata of forks (`stats.strata`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from tokenworth.stats.proportion import IntervalKind, proportion_limits
from tokenworth.stats.strata import Strata


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Excursions:
    """Excursions so far: where each left the base and its outcome label as an index."""

    cut: Int[np.ndarray, " draw"]
    label: Int[np.ndarray, " draw"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Weights:
    """What the numbers of draws alone say of cuts 0…n, whatever they came to.

    ``known``: probability of following the base to its end; ``sampled``/``unsampled``: probability of leaving at forks that do or do
    not have draws (their sum and ``known`` make 1); ``n_effective``: Kish's effective number of excursions behind the sampled part.
    """

    known: Float[np.ndarray, " cutx"]
    sampled: Float[np.ndarray, " cutx"]
    unsampled: Float[np.ndarray, " cutx"]
    n_effective: Float[np.ndarray, " cutx"]

    @property
    def leave(self) -> Float[np.ndarray, " cutx"]:
        """Probability of leaving the base."""
        return self.sampled + self.unsampled


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CutEstimates:
    """Estimates of groups of outcomes at cuts 0…n.

    ``mean[c, g]``: share of group g among excursions from c, ``share[c, g]`` its probability, ``low``/``high`` the limits of that.
    ``mean`` and ``share`` are NaN where a rollout can leave the base and no draw tells what it is worth; the limits are then all that is
    possible.
    """

    weights: Weights
    base: Float[np.ndarray, "cutx group"]
    """What the base adds: ``known`` where its outcome is of the group."""
    mean: Float[np.ndarray, "cutx group"]
    share: Float[np.ndarray, "cutx group"]
    low: Float[np.ndarray, "cutx group"]
    high: Float[np.ndarray, "cutx group"]


def passed_back(
    strata: Strata, added: Float[np.ndarray, "row cut"], kept: Float[np.ndarray, "row cut"], end: Float[np.ndarray, " row"]
) -> Float[np.ndarray, "row cutx"]:
    """Rows at cuts 0…n: what is ``added`` by the stratum of each cut from there on, and by what it is ``kept`` of what comes after it."""
    later = np.zeros((len(strata.start) + 1, len(added)))
    later[-1] = end
    for index in range(len(strata.start) - 1, -1, -1):
        at = strata.start[index]
        later[index] = added[:, at] + kept[:, at] * later[index + 1]
    found = np.zeros((len(added), strata.n_cuts + 1))
    found[:, :-1] = added + kept * later[strata.of_cut + 1].T
    found[:, -1] = later[-1]
    return found


def backward(
    strata: Strata, number: Float[np.ndarray, " cut"], hits: Float[np.ndarray, "cut group"]
) -> tuple[Weights, Float[np.ndarray, "cutx group"]]:
    """Weights of ``number`` draws at each cut, and the mean of their ``hits`` at cuts 0…n: NaN where there is none.

    The backward pass over strata: each cut from its own stratum and the start of the next. n_eff = (Σw)²/Σ(w²/m) (Kish 1965, Survey
    Sampling, §11.7).
    """
    size, n_groups = strata.n_cuts + 1, hits.shape[1]
    own = strata.stop[strata.of_cut]
    n_before = np.append(0.0, np.cumsum(number))
    k_before = np.append(np.zeros((1, n_groups)), np.cumsum(hits, axis=0), axis=0)
    m = n_before[own] - n_before[:-1]
    mean = (k_before[own] - k_before[:-1]) / np.maximum(m, 1.0)[:, None]
    covered = np.where(m > 0, strata.leave, 0.0)
    # One row a quantity: known, sampled, unsampled, kish, then the groups. What a stratum adds, and by what it passes on what comes after.
    added = np.vstack([np.zeros_like(m), covered, strata.leave - covered, covered**2 / np.maximum(m, 1.0), (covered[:, None] * mean).T])
    kept = np.tile(strata.follow, (len(added), 1))
    kept[3] **= 2
    found = passed_back(strata, added, kept, np.append(1.0, np.zeros(len(added) - 1)))
    known, sampled, unsampled, kish = found[:4]
    n_effective = np.divide(sampled**2, kish, out=np.zeros(size), where=kish > 0)
    mean = np.divide(found[4:].T, sampled[:, None], out=np.full((size, n_groups), np.nan), where=(n_effective > 0)[:, None])
    weights = Weights(known=known, sampled=sampled, unsampled=unsampled, n_effective=n_effective)
    return weights, np.clip(mean, 0.0, 1.0)


def estimate_values(
    strata: Strata, draws: Excursions, *, groups: Float[np.ndarray, "label group"], base_label: int, level: float, interval: IntervalKind
) -> CutEstimates:
    """Probability of each group of labels at every cut, with pointwise limits.

    ``groups[l, g]`` is 1 where label l counts for group g (identity columns give the outcome distribution, a column of the correct
    labels gives the value). Share = known·[base in g] + (sampled + unsampled)·mean; limits of the mean at n_eff (`backward`), scaled by
    the sampled probability; the unsampled probability widens them by its full size on the side it can.

    Assumption: excursions independent given their fork. Source: method page `docs/methods/curve.md`, eq. 1–6.
    """
    counts = np.zeros((strata.n_cuts, groups.shape[0]))
    np.add.at(counts, (draws.cut, draws.label), 1.0)
    base = groups[base_label]
    return estimate_counts(strata, counts.sum(axis=1), counts @ groups, base=base, level=level, interval=interval)


def estimate_counts(
    strata: Strata,
    number: Float[np.ndarray, " cut"],
    hits: Float[np.ndarray, "cut group"],
    *,
    base: Float[np.ndarray, " group"],
    level: float,
    interval: IntervalKind,
) -> CutEstimates:
    """`estimate_values` of an effective ``number`` of draws at each cut with their ``hits``; ``base`` is 1 for groups of its outcome."""
    weights, mean = backward(strata, number, hits)
    added = weights.known[:, None] * base[None, :]
    low, high = mean_limits(mean, weights.n_effective, level, interval)
    sampled, leave = weights.sampled[:, None], weights.leave[:, None]
    share = added + leave * np.where(leave > 0, mean, 0.0)
    return CutEstimates(
        weights=weights,
        base=added,
        mean=mean,
        share=share,
        low=added + sampled * low,
        high=np.minimum(added + sampled * high + weights.unsampled[:, None], 1.0),
    )


def mean_limits(
    mean: Float[np.ndarray, "cutx group"], n: Float[np.ndarray, " cutx"], level: float, interval: IntervalKind
) -> tuple[Float[np.ndarray, "cutx group"], Float[np.ndarray, "cutx group"]]:
    """Limits of means of ``n`` draws; 0 and 1 where there is none."""
    counted = np.where(n[:, None] > 0, mean, 0.0) * n[:, None]
    return proportion_limits(interval, counted, np.broadcast_to(n[:, None], counted.shape), level)


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
