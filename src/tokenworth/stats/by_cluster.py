"""Shares, quantiles and correlations of items that come in clusters (several traces of one question), with limits over the clusters."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.special import ndtr, stdtrit  # pyright: ignore[reportMissingTypeStubs]

from tokenworth.core.estimate import Estimate
from tokenworth.stats.proportion import wilson

RESAMPLES = 2000
_BLOCK = 1 << 16
"""Weights that are made together; more of them leave the cache of a processor."""


def share_of(yes: Bool[np.ndarray, " item"], cluster: Int[np.ndarray, " item"], level: float) -> Estimate:
    """The share of items that are so, with Wilson's limits at the effective number of items.

    n_eff = n / max(1, v/v0): v is the variance of the share over clusters, C/(C-1) sum_c (k_c - p m_c)^2 / n^2, and v0 = p(1-p)/n. At a
    share of 0 or 1, where v says nothing, n_eff is Kish's n^2 / sum m_c^2, as if all items of a cluster were one.

    Source: Korn and Graubard 1998, "Confidence intervals for proportions with small expected number of positive counts", Survey Methodology
    24:193. Differs: Wilson's limits, no correction of the degrees of freedom.
    """
    n = len(yes)
    if n == 0:
        return Estimate(value=None, low=0.0, high=1.0, n=0, k=0)
    _, index, size = np.unique(cluster, return_inverse=True, return_counts=True)
    hits = np.bincount(index, yes.astype(np.float64))
    p, count = float(yes.mean()), len(size)
    if 0 < p < 1 and count > 1:
        spread = count / (count - 1) * float(((hits - p * size) ** 2).sum()) / n**2
        n_eff = n / max(1.0, spread / (p * (1 - p) / n))
    else:
        n_eff = n**2 / float((size.astype(np.float64) ** 2).sum())
    low, high = wilson(np.asarray([p * n_eff]), np.asarray([n_eff]), level)
    return Estimate.of(p, float(low[0]), float(high[0]), n=n, k=int(yes.sum()))


def resample_counts(count: int, rng: np.random.Generator, n: int) -> Float[np.ndarray, "resample cluster"]:
    """How often each of ``count`` clusters is drawn in each of ``n`` resamples of them."""
    drawn = rng.integers(count, size=(n, count)) + count * np.arange(n)[:, None]
    return np.bincount(drawn.ravel(), minlength=n * count).reshape(n, count).astype(np.float64)


def _resampled(sums: Float[np.ndarray, "column cluster"], rng: np.random.Generator) -> Float[np.ndarray, "column resample"]:
    """The totals of the columns in each resample of the clusters."""
    count = sums.shape[1]
    block = max(1, _BLOCK // count)
    parts = [sums @ resample_counts(count, rng, min(block, RESAMPLES - start)).T for start in range(0, RESAMPLES, block)]
    return np.concatenate(parts, axis=1)


def percentile_limits(values: Float[np.ndarray, " resample"], count: int, level: float) -> tuple[float, float]:
    """Percentile limits of resamples of ``count`` clusters, expanded for few: the tail is that of the normal beyond
    t(count - 1) * sqrt(count / (count - 1)).

    Plain percentiles of few clusters are too narrow. Source: Hesterberg 2015, The American Statistician 69:371, section 4.4.
    """
    values = values[np.isfinite(values)]
    if not len(values):
        return float("nan"), float("nan")
    tail = float(ndtr(-float(stdtrit(count - 1, (1 + level) / 2)) * np.sqrt(count / (count - 1))))
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)


def quantile_of(
    values: Float[np.ndarray, " item"], cluster: Int[np.ndarray, " item"], q: float, *, level: float, rng: np.random.Generator
) -> Estimate:
    """A quantile over items with percentile limits of the cluster bootstrap; no limits for a single cluster.

    Source: Davison and Hinkley 1997, Bootstrap Methods and their Application, section 3.8.
    """
    if not len(values):
        return Estimate(value=None, low=None, high=None, n=0)
    order = np.argsort(values)
    ordered, (_, index) = values[order], np.unique(cluster, return_inverse=True)
    if index.max() == 0:
        return Estimate.of(float(np.quantile(values, q)), np.nan, np.nan, n=len(values))
    below = np.cumsum(resample_counts(int(index.max()) + 1, rng, 400)[:, index[order]], axis=1)
    at = (below < q * below[:, -1:]).sum(axis=1)
    low, high = percentile_limits(ordered[np.minimum(at, len(ordered) - 1)], int(index.max()) + 1, level)
    return Estimate.of(float(np.quantile(values, q)), low, high, n=len(values))


def mean_of(values: Float[np.ndarray, " item"], cluster: Int[np.ndarray, " item"], *, level: float, rng: np.random.Generator) -> Estimate:
    """The mean over items with percentile limits of the cluster bootstrap; no limits for a single cluster. Source: as `quantile_of`."""
    n = len(values)
    if n == 0:
        return Estimate(value=None, low=None, high=None, n=0)
    _, index = np.unique(cluster, return_inverse=True)
    if index.max() == 0:
        return Estimate.of(float(values.mean()), np.nan, np.nan, n=n)
    sums, sizes = np.bincount(index, values), np.bincount(index).astype(np.float64)
    total, size = _resampled(np.stack([sums, sizes]), rng)
    low, high = percentile_limits(total / size, len(sums), level)
    return Estimate.of(float(values.mean()), low, high, n=n)


def matched_difference(
    place: Float[np.ndarray, " place"],
    control: Float[np.ndarray, "place k"],
    of_place: Int[np.ndarray, " place"],
    of_control: Int[np.ndarray, "place k"],
    *,
    level: float,
    rng: np.random.Generator,
) -> Estimate:
    """The mean of places less the mean of their controls, with limits over the clusters of both: a control that serves many places, or
    places whose controls lie in few clusters, widen them.

    NaN among the controls are none. In each resample clusters have random weights, and a control counts by that of its own cluster.
    Source: as `quantile_of`; Bayesian bootstrap weights, Rubin 1981, Annals of Statistics 9:130, so that no place loses all its controls.
    """
    known = np.isfinite(control)
    use = np.isfinite(place) & known.any(axis=1)
    if not use.any():
        return Estimate(value=None, low=None, high=None, n=0)
    place, control, known = place[use], np.where(known, control, 0.0)[use], known[use]
    names, index = np.unique(np.append(of_place[use], of_control[use].ravel()), return_inverse=True)
    a, b = index[: len(place)], index[len(place) :].reshape(control.shape)
    value = float((place - control.sum(axis=1) / known.sum(axis=1)).mean())
    if len(np.unique(a)) == 1:
        return Estimate.of(value, np.nan, np.nan, n=len(place))
    found: list[float] = []
    for weights in rng.exponential(size=(RESAMPLES // 4, len(names))):
        each = weights[b] * known
        base = (each * control).sum(axis=1) / each.sum(axis=1)
        found.append(float(np.average(place - base, weights=weights[a])))
    low, high = percentile_limits(np.asarray(found, dtype=np.float64), len(np.unique(a)), level)
    return Estimate.of(value, low, high, n=len(place))


def correlation_of(
    x: Float[np.ndarray, " item"],
    y: Float[np.ndarray, " item"],
    cluster: Int[np.ndarray, " item"],
    *,
    level: float,
    rng: np.random.Generator,
) -> Estimate:
    """Pearson's r with percentile limits of the cluster bootstrap; no number where one of the two does not vary.

    With a 0/1 variable this is the point-biserial correlation, with `ranks` Spearman's. Source: as `quantile_of`. Differs: ranks and
    group means are those of all items, not made anew in each resample.
    """
    n = len(x)
    if n < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return Estimate(value=None, low=None, high=None, n=n)
    x, y = x - x.mean(), y - y.mean()
    _, index = np.unique(cluster, return_inverse=True)
    sums = np.stack([np.bincount(index, part) for part in (np.ones(n), x, y, x * x, y * y, x * y)])
    value = float(_pearson(sums.sum(axis=1)[:, None])[0])
    if index.max() == 0:
        return Estimate.of(value, np.nan, np.nan, n=n)
    low, high = percentile_limits(_pearson(_resampled(sums, rng)), sums.shape[1], level)
    return Estimate.of(value, low, high, n=n)


def _pearson(sums: Float[np.ndarray, "6 resample"]) -> Float[np.ndarray, " resample"]:
    n, sx, sy, sxx, syy, sxy = sums
    both = (n * sxx - sx**2) * (n * syy - sy**2)
    # Of a resample in which one of the two hardly varies, rounding decides; it says nothing.
    fine = both > 1e-12 * np.maximum(n, 1) ** 2 * np.maximum(sxx * syy, 1e-300)
    r = np.divide(n * sxy - sx * sy, np.sqrt(np.maximum(both, 0.0)), out=np.full(len(n), np.nan), where=fine)
    return np.clip(r, -1.0, 1.0)


def ranks(values: Float[np.ndarray, " item"]) -> Float[np.ndarray, " item"]:
    """The ranks, equal values sharing their mean rank."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[place]


def within(values: Float[np.ndarray, " item"], group: Int[np.ndarray, " item"]) -> Float[np.ndarray, " item"]:
    """The values less the mean of their group."""
    _, index = np.unique(group, return_inverse=True)
    return values - (np.bincount(index, values) / np.bincount(index))[index] if len(values) else values


def in_mixed(values: Float[np.ndarray, " item"], group: Int[np.ndarray, " item"]) -> Bool[np.ndarray, " item"]:
    """Whether an item's group holds more than one value: only such groups say anything of a correlation within groups."""
    _, index = np.unique(group, return_inverse=True)
    if not len(values):
        return np.zeros(0, dtype=np.bool_)
    low, high = np.full(index.max() + 1, np.inf), np.full(index.max() + 1, -np.inf)
    np.minimum.at(low, index, values)
    np.maximum.at(high, index, values)
    return (high > low)[index]
