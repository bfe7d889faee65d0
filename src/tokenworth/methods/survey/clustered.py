"""The clusters of a survey: traces by their curves, or by their features."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from tokenworth.core.document import numbers
from tokenworth.core.estimate import Estimate
from tokenworth.methods.survey.document import Clustering, ClusterRow
from tokenworth.methods.survey.features import COMMITTED
from tokenworth.methods.survey.packed import packed, unpacked
from tokenworth.methods.survey.settings import SurveySettings
from tokenworth.methods.survey.tables import Columns
from tokenworth.stats.grouping import Groups, adjusted_rand, dense_groups, k_means

POINTS = 50
CLUSTERED = ("start", "end", "gain", "range", "variation", "flips", "rise", "entropy", "mass_min", "tokens", *COMMITTED)
"""Features that traces are clustered by."""
_LOGARITHMIC = ("flips", "tokens", "variation")


Clusters = tuple[Clustering | None, tuple[ClusterRow, ...], Int[np.ndarray, " row"]]
"""How, the clusters, and the number of each row's; -1 for none."""


def clustered(columns: Columns, settings: SurveySettings) -> Clusters:
    """The clusters of the rows with a curve; none where nothing is to be clustered, and for fewer than 10 curves."""
    number = np.full(len(columns.rows), -1, dtype=np.int64)
    which = np.flatnonzero([bool(row.own_curve) for row in columns.rows])
    if settings.cluster == "none" or len(which) < 10:
        return None, (), number
    curves = np.stack([_points(columns.rows[i].curve or columns.rows[i].own_curve) for i in which.tolist()])
    question = columns.question[which]
    if settings.cluster == "curve":
        k = min(settings.clusters, len(np.unique(curves, axis=0)))
        found, how = k_means(curves, k, question, seed=settings.seed), f"k-means with k = {k} on {POINTS} positions of each curve"
    else:
        found = dense_groups(_features(columns, which), question, seed=settings.seed)
        how = f"HDBSCAN on {len(CLUSTERED)} features"
    number[which] = found.number
    labels = [columns.rows[i].label or columns.rows[i].twin or "" for i in which.tolist()]
    rows = tuple(
        ClusterRow(
            number=cluster,
            n=int((found.number == cluster).sum()),
            medoid=columns.rows[int(which[medoid])].id,
            mean=packed(curves[found.number == cluster].mean(axis=0)),
            labels=dict(Counter(label for label, one in zip(labels, found.number.tolist(), strict=True) if one == cluster)),
        )
        for cluster, medoid in enumerate(found.medoid.tolist())
    )
    return _how(found, how, labels), rows, number


def _how(found: Groups, how: str, labels: Sequence[str]) -> Clustering:
    names = {label: index for index, label in enumerate(sorted(set(labels)))}
    (silhouette,) = numbers([found.silhouette])
    stable = found.stability
    none = Estimate(value=None, low=None, high=None, n=0)
    return Clustering(
        how=how,
        n_none=int((found.number < 0).sum()),
        stability=Estimate.of(float(stable.mean()), float(stable.min()), float(stable.max()), n=len(stable)) if len(stable) else none,
        silhouette=silhouette,
        agreement=adjusted_rand(np.asarray([names[label] for label in labels], dtype=np.int64), found.number),
    )


def _points(text: str) -> Float[np.ndarray, " position"]:
    """The curve at `POINTS` even positions."""
    curve = unpacked(text)
    return np.nan_to_num(curve[np.rint(np.linspace(0, len(curve) - 1, POINTS)).astype(np.int64)])


def _features(columns: Columns, which: Int[np.ndarray, " item"]) -> Float[np.ndarray, "item feature"]:
    """What is clustered by; a commitment that never comes counts as the end of the trace, other missing numbers as 0."""
    parts: list[Float[np.ndarray, " item"]] = []
    for name in CLUSTERED:
        values = columns.by_name[name][which]
        values = np.where(np.isnan(values), 1.0 if name in COMMITTED else 0.0, values)
        parts.append(np.log1p(np.maximum(values, 0.0)) if name in _LOGARITHMIC else values)
    return np.stack(parts, axis=1)
