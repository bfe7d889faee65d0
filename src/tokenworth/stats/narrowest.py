"""Where a value changes: the narrowest intervals whose ends differ, all of them right together.

Every pair of stratum boundaries a < b is a hypothesis, "V(b) = V(a)". Limits that hold for all pairs at once leave some that exclude it;
the shortest of these that do not overlap are reported. Each holds a change, whatever the curve looks like: no number of changes and no
shape between them is assumed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.special import ndtr, ndtri  # pyright: ignore[reportMissingTypeStubs]

from tokenworth.stats.changes import Changes, Pairs, pairs_with
from tokenworth.stats.excursions import Weights
from tokenworth.stats.proportion import DifferenceKind
from tokenworth.stats.strata import Strata

MULTIPLIERS = 1000
"""Draws of the Gaussian multiplier."""
MOST_BOUNDARIES = 256
"""With more stratum boundaries than this, only pairs 1, 2, 4, … strata apart are looked at."""
LARGEST_Z = 6.5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AllPairs:
    """Pairs of stratum boundaries, what draws say of each, and the z at which the limits of all hold together."""

    first: Int[np.ndarray, " pair"]
    second: Int[np.ndarray, " pair"]
    pairs: Pairs
    z: float

    @property
    def each(self) -> float:
        """The level of the limits of one pair by itself."""
        return float(2 * ndtr(self.z) - 1)

    def changes(self, interval: DifferenceKind = "beta") -> Changes:
        """V(b) − V(a) with limits that hold for all pairs together; Beta limits, for score limits miss too often this far out."""
        return self.pairs.changes(self.each, interval)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Sums:
    """Per stratum: probability of following and of leaving, draws, their mean, the variance of that (smoothed)."""

    follow: Float[np.ndarray, " stratum"]
    leave: Float[np.ndarray, " stratum"]
    m: Float[np.ndarray, " stratum"]
    mean: Float[np.ndarray, " stratum"]
    spread: Float[np.ndarray, " stratum"]


def all_pairs(
    strata: Strata,
    *,
    number: Float[np.ndarray, " cut"],
    hits: Float[np.ndarray, " cut"],
    weights: Weights,
    base: Float[np.ndarray, " cutx"],
    later: Float[np.ndarray, " cutx"],
    end: int,
    level: float,
    seed: int,
    slack: Float[np.ndarray, " cut"] | None = None,
) -> AllPairs:
    """All pairs of stratum boundaries up to ``end``, which is one itself, with limits that hold together at ``level``.

    z is the ``level`` quantile of the largest studentised difference, by a Gaussian multiplier with the smoothed variance
    x̃(1−x̃)/m, x̃ = (k+½)/(m+1), of each stratum: a plug-in variance is 0 where draws happen to be alike. Never more than Bonferroni's.

    Source: narrowest significance pursuit, Fryzlewicz 2023, JASA 119:1633 (pairs in place of local tests); multiplier: Chernozhukov,
    Chetverikov and Kato 2013, Annals of Statistics 41:2786; method page `docs/methods/forks.md`, eq. 7–8.
    """
    sums = _sums(strata, number, hits)
    last = int(np.searchsorted(strata.start, end))
    bounds = np.append(strata.start[:last], end)
    wide = last > MOST_BOUNDARIES
    rows = [_row(sums, a, last, wide) for a in range(last)]
    first = np.concatenate([np.full(len(row[0]), a) for a, row in enumerate(rows)]) if rows else np.zeros(0, dtype=np.int64)
    parts = [np.concatenate([row[k] for row in rows]) if rows else np.zeros(0) for k in range(6)]
    second = parts[0].astype(np.int64)
    a, b = bounds[first.astype(np.int64)], bounds[second]
    sampled, unsampled, total, kish = parts[1:5]
    has = kish > 0
    mean = np.clip(np.divide(total, sampled, out=np.full(len(a), np.nan), where=has), 0.0, 1.0)
    n = np.divide(sampled**2, kish, out=np.zeros(len(a)), where=has)
    pairs = pairs_with(strata, (mean, n, sampled, unsampled), weights=weights, base=base, later=later, first=a, second=b, slack=slack)
    z = _largest(sums, first.astype(np.int64), second, parts[5], level, seed)
    return AllPairs(first=a, second=b, pairs=pairs, z=z)


def narrowest(found: AllPairs, changes: Changes, least: float = 0.0) -> Int[np.ndarray, " interval"]:
    """Of the pairs whose change is shown to exceed ``least``, the shortest that do not overlap, by where they begin.

    Of two as short, the one that is farther from ``least`` comes first.
    """
    clear = np.maximum(changes.low - least, -changes.high - least)
    shown = np.flatnonzero(clear > 0)
    order = shown[np.lexsort((-clear[shown], (found.second - found.first)[shown]))]
    taken = np.zeros(int(found.second.max(initial=0)), dtype=bool)
    kept: list[int] = []
    for pair in order.tolist():
        a, b = int(found.first[pair]), int(found.second[pair])
        if not taken[a:b].any():
            taken[a:b] = True
            kept.append(pair)
    return np.asarray(sorted(kept, key=lambda pair: int(found.first[pair])), dtype=np.int64)


def _sums(strata: Strata, number: Float[np.ndarray, " cut"], hits: Float[np.ndarray, " cut"]) -> _Sums:
    n_strata = len(strata.start)
    m, k = (np.bincount(strata.of_cut, weights=x, minlength=n_strata).astype(np.float64) for x in (number, hits))
    smooth = (k + 0.5) / (m + 1.0)
    return _Sums(
        follow=strata.follow[strata.start],
        leave=strata.leave[strata.start],
        m=m,
        mean=np.divide(k, m, out=np.zeros(n_strata), where=m > 0),
        spread=np.divide(smooth * (1 - smooth), m, out=np.zeros(n_strata), where=m > 0),
    )


def _row(sums: _Sums, a: int, last: int, wide: bool) -> tuple[Float[np.ndarray, " b"], ...]:
    """For b > a: b, and of rollouts from stratum a that leave before b: probability with draws and without, its part that hits, Kish's
    sum, variance."""
    ends = a + 2 ** np.arange(int(np.log2(last - a)) + 1) if wide else np.arange(a + 1, last + 1)
    follow, leave, m = sums.follow[a:last], sums.leave[a:last], sums.m[a:last]
    reach = np.cumprod(np.append(1.0, follow))[:-1]
    weight = reach * leave
    drawn = np.where(m > 0, weight, 0.0)
    at = ends - a - 1
    each = (
        drawn,
        weight - drawn,
        drawn * sums.mean[a:last],
        np.divide(drawn**2, m, out=np.zeros(len(m)), where=m > 0),
        weight**2 * sums.spread[a:last],
    )
    return (ends.astype(np.float64), *(np.cumsum(x)[at] for x in each))


def _largest(
    sums: _Sums,
    first: Int[np.ndarray, " pair"],
    second: Int[np.ndarray, " pair"],
    within: Float[np.ndarray, " pair"],
    level: float,
    seed: int,
) -> float:
    """The quantile of the largest |z| of all pairs. The noise of D(a, b) is that of V(b) less that of V(a)."""
    if not len(first):
        return float(ndtri(0.5 + level / 2))
    bonferroni = float(-ndtri((1 - level) / (2 * len(first))))
    n_strata = len(sums.follow)
    drawn = np.random.default_rng([seed, n_strata]).standard_normal((n_strata, MULTIPLIERS))
    noise, variance = np.zeros((n_strata + 1, MULTIPLIERS)), np.zeros(n_strata + 1)
    for one in range(n_strata - 1, -1, -1):
        noise[one] = sums.leave[one] * np.sqrt(sums.spread[one]) * drawn[one] + sums.follow[one] * noise[one + 1]
        variance[one] = sums.leave[one] ** 2 * sums.spread[one] + sums.follow[one] ** 2 * variance[one + 1]
    largest = np.zeros(MULTIPLIERS)
    edges = np.searchsorted(first, np.arange(n_strata + 1))
    keeps = np.append(0.0, np.cumsum(np.log(np.maximum(sums.follow, 1e-300))))
    for a in range(n_strata):
        mine = slice(int(edges[a]), int(edges[a + 1]))
        b = second[mine]
        if not len(b):
            continue
        leaves = 1.0 - np.exp(keeps[b] - keeps[a])
        size = np.sqrt(within[mine] + leaves**2 * variance[b])
        some = size > 0
        if some.any():
            z = np.abs(noise[b[some]] - noise[a]) / size[some][:, None]
            largest = np.maximum(largest, z.max(axis=0))
    return float(min(bonferroni, LARGEST_Z, max(np.quantile(largest, level), ndtri(0.5 + level / 2))))
