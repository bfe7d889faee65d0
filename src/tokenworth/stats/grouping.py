"""Groups of curves, and how stable they are under resampling; by scikit-learn, loaded when used."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from tokenworth.errors import MissingExtra

RESAMPLES = 20
_MOST_FOR_SILHOUETTE = 2000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Groups:
    """``number``: the group of each item, -1 for none; groups are numbered by size, the largest first.

    ``medoid``: of each group the item nearest to its mean. ``stability``: adjusted Rand index with the grouping of each resample.
    """

    number: Int[np.ndarray, " item"]
    medoid: Int[np.ndarray, " group"]
    stability: Float[np.ndarray, " resample"]
    silhouette: float


def _learn(module: str) -> Any:
    try:
        return import_module(f"sklearn.{module}")
    except ImportError as error:
        raise MissingExtra("clusters need scikit-learn, which is not installed; run: pip install 'tokenworth[survey]'") from error


def k_means(
    points: Float[np.ndarray, "item x"], k: int, cluster: Int[np.ndarray, " item"], *, seed: int, resamples: int = RESAMPLES
) -> Groups:
    """``k`` groups by Euclidean k-means, the best of 10 starts; whole clusters of items (questions) are resampled.

    No warping of time: dynamic time warping discards when something happens, which is what curves are read for.
    Source: Lloyd 1982; stability by bootstrap, Hennig 2007, Computational Statistics and Data Analysis 52:258.
    """
    learn = _learn("cluster")

    def fit(x: Float[np.ndarray, "item x"], number: int, starts: int) -> Any:
        return learn.KMeans(n_clusters=k, n_init=starts, random_state=number).fit(x)

    found = np.asarray(fit(points, seed, 10).labels_, dtype=np.int64)
    rng = np.random.default_rng(seed)
    rand: list[float] = []
    for number in range(resamples):
        drawn = resampled(cluster, rng)
        if len(np.unique(points[drawn], axis=0)) >= k:
            rand.append(adjusted_rand(found, np.asarray(fit(points[drawn], seed + 1 + number, 3).predict(points), dtype=np.int64)))
    return _groups(points, found, np.asarray(rand, dtype=np.float64), seed)


def dense_groups(
    points: Float[np.ndarray, "item x"], cluster: Int[np.ndarray, " item"], *, seed: int, resamples: int = RESAMPLES
) -> Groups:
    """Groups by HDBSCAN on standardised features, each of at least 2 % of the items and 5; their number is found.

    An item that is in no dense region is in no group. Stability: the items of each resample are grouped anew and compared among
    themselves. Source: Campello, Moulavi and Sander 2013, PAKDD, LNCS 7819:160.
    """
    learn = _learn("cluster")
    scale = points.std(axis=0)
    x = (points - points.mean(axis=0)) / np.where(scale > 0, scale, 1.0)

    def fit(some: Float[np.ndarray, "item x"]) -> Int[np.ndarray, " item"]:
        least = max(5, round(0.02 * len(some)))
        return np.asarray(learn.HDBSCAN(min_cluster_size=least, copy=True).fit(some).labels_, dtype=np.int64)

    found = fit(x)
    rng = np.random.default_rng(seed)
    drawn = [np.unique(resampled(cluster, rng)) for _ in range(resamples)]
    rand = [adjusted_rand(found[items], fit(x[items])) for items in drawn if len(items) >= 10]
    return _groups(x, found, np.asarray(rand, dtype=np.float64), seed)


def resampled(cluster: Int[np.ndarray, " item"], rng: np.random.Generator) -> Int[np.ndarray, " drawn"]:
    """The items of as many clusters as there are, drawn with replacement."""
    _, index = np.unique(cluster, return_inverse=True)
    order = np.argsort(index, kind="stable")
    count = int(index.max()) + 1
    bounds = np.searchsorted(index[order], np.arange(count + 1))
    return np.concatenate([order[bounds[one] : bounds[one + 1]] for one in rng.integers(0, count, size=count).tolist()])


def adjusted_rand(first: Int[np.ndarray, " item"], second: Int[np.ndarray, " item"]) -> float:
    """Adjusted Rand index of two groupings: 1 where they are the same, about 0 by chance. Source: Hubert and Arabie 1985."""
    return float(_learn("metrics").adjusted_rand_score(first, second))


def _groups(
    points: Float[np.ndarray, "item x"], found: Int[np.ndarray, " item"], stability: Float[np.ndarray, " resample"], seed: int
) -> Groups:
    names, sizes = np.unique(found[found >= 0], return_counts=True)
    order = names[np.lexsort((names, -sizes))]
    number = np.full(len(found), -1, dtype=np.int64)
    medoids: list[int] = []
    for new, old in enumerate(order.tolist()):
        items = np.flatnonzero(found == old)
        number[items] = new
        away = ((points[items] - points[items].mean(axis=0)) ** 2).sum(axis=1)
        medoids.append(int(items[np.argmin(away)]))
    silhouette = float("nan")
    inside = np.flatnonzero(number >= 0)
    if len(order) > 1 and len(inside) > len(order):
        size = min(_MOST_FOR_SILHOUETTE, len(inside))
        silhouette = float(_learn("metrics").silhouette_score(points[inside], number[inside], sample_size=size, random_state=seed))
    return Groups(number=number, medoid=np.asarray(medoids, dtype=np.int64), stability=stability, silhouette=silhouette)
