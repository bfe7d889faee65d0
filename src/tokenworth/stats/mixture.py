"""A fork as a mixture of its branches: draws of single branches in one estimate of what leaving there is worth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from tokenworth.stats.strata import GOLDEN, Strata, make_strata

ENOUGH = 2
"""Draws that each named branch must have before a fork is mixed from its branches."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Mixture:
    """What leaving at one fork comes to, by group of outcomes: Σ a_i ô_i over its branches, with its variance and Kish's number.

    ``missing``: probability of the branches without a draw, which the others stand for.
    """

    mean: Float[np.ndarray, " group"]
    variance: Float[np.ndarray, " group"]
    n_effective: float
    missing: float


def mixture(q: Float[np.ndarray, " branch"], number: Int[np.ndarray, " branch"], hits: Float[np.ndarray, "branch group"]) -> Mixture | None:
    """Post-stratified over branches of probability ``q`` with ``number`` draws each; the last one pools those below the floor.

    None where a named branch has fewer than `ENOUGH` draws: then the draws of the complement, pooled, are all that is unbiased. More
    draws of one branch never count as more draws of the complement: each branch has its weight q/Σq whatever was drawn.

    Source: post-stratification, Cochran 1977, Sampling Techniques, §5A.9; n_eff: Kish 1965, §11.7; `docs/methods/forks.md`, eq. 2.
    """
    if (number[:-1] < ENOUGH).any() or not number.any():
        return None
    drawn = number > 0
    total = float(q[drawn].sum())
    if total <= 0:
        return None
    weight, m = q[drawn] / total, number[drawn].astype(np.float64)
    share = hits[drawn] / m[:, None]
    mean = weight @ share
    # One draw tells no variance: that of the whole mixture stands for it.
    spread = np.where(m[:, None] > 1, share * (1 - share) / np.maximum(m - 1, 1.0)[:, None], mean * (1 - mean))
    return Mixture(mean=mean, variance=weight**2 @ spread, n_effective=float(1.0 / (weight**2 / m).sum()), missing=float(q[~drawn].sum()))


def split(strata: Strata, alone: Bool[np.ndarray, " cut"], end: int) -> Strata:
    """The strata, with one of its own for each cut that is ``alone``, and none that goes across ``end``."""
    ends = np.zeros(strata.n_cuts + 1, dtype=bool)
    ends[strata.start] = True
    at = np.flatnonzero(alone)
    ends[at] = ends[at + 1] = ends[end] = True
    # A leaving probability that is never reached: they end where they are told to.
    return make_strata(strata.p, 2.0, ends[:-1])


def variances(
    strata: Strata,
    number: Float[np.ndarray, " cut"],
    hits: Float[np.ndarray, "cut group"],
    overall: Float[np.ndarray, "cutx group"],
    known: dict[int, Float[np.ndarray, " group"]],
) -> Float[np.ndarray, "cutx group"]:
    """Var of the estimated share of each group at cuts 0…n, within strata: Σ w(c,G)² x̄(1 − x̄)/(m − 1).

    ``known``: cuts that are a stratum by themselves, with the variance of their mean. One draw tells no variance: that of the ``overall``
    mean of the draws from there on stands for it, which is too large by what strata differ.
    """
    size, n_groups = strata.n_cuts + 1, hits.shape[1]
    own = strata.stop[strata.of_cut]
    n_before = np.append(0.0, np.cumsum(number))
    k_before = np.append(np.zeros((1, n_groups)), np.cumsum(hits, axis=0), axis=0)
    m = (n_before[own] - n_before[:-1])[:, None]
    mean = (k_before[own] - k_before[:-1]) / np.maximum(m, 1.0)
    others = np.nan_to_num(overall[:-1])
    each = np.where(m > 1, mean * (1 - mean) / np.maximum(m - 1, 1.0), np.where(m > 0, others * (1 - others), 0.0))
    for cut, variance in known.items():
        each[cut] = variance
    found = np.zeros((size, n_groups))
    added, kept = strata.leave[:, None] ** 2 * each, strata.follow**2
    for index in range(len(strata.start) - 1, -1, -1):
        a, b = int(strata.start[index]), int(strata.stop[index])
        found[a:b] = added[a:b] + kept[a:b, None] * found[b]
    return found


def shared_out(q: Float[np.ndarray, " piece"], done: int, more: int, offset: float) -> Int[np.ndarray, " draw"]:
    """The pieces of draws ``done`` to ``done + more`` by systematic sampling in proportion to ``q``; ``offset`` in [0, 1) begins it."""
    edge = np.cumsum(q) / q.sum()
    at = (offset + np.arange(done, done + more) * GOLDEN) % 1.0
    return np.minimum(np.searchsorted(edge, at, side="right"), len(q) - 1)


def survival(hazard: Float[np.ndarray, " cut"]) -> Float[np.ndarray, " cutx"]:
    """Π_{j<c} (1 − h_j) at cuts 0…T: the probability that none of the steps up to there, each drawn anew, is a hazard."""
    return np.append(1.0, np.cumprod(1.0 - np.clip(hazard, 0.0, 1.0)))
