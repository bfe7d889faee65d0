"""The groups of a survey: traces by their curves, or by their features."""

from __future__ import annotations

from collections import Counter

import numpy as np
from jaxtyping import Float, Int

from tokenworth.core.document import numbers
from tokenworth.core.estimate import Estimate
from tokenworth.methods.survey.document import GroupRow, GroupTable
from tokenworth.methods.survey.features import COMMITTED
from tokenworth.methods.survey.packed import packed, unpacked
from tokenworth.methods.survey.settings import SurveySettings
from tokenworth.methods.survey.tables import Columns
from tokenworth.stats.grouping import adjusted_rand, dense_groups, k_means

POINTS = 50
GROUPED = ("start", "end", "gain", "range", "variation", "flips", "rise", "entropy", "mass_min", "tokens", *COMMITTED)
"""Features that traces are grouped by."""
_LOGARITHMIC = ("flips", "tokens", "variation")


def grouped(columns: Columns, settings: SurveySettings) -> tuple[GroupTable | None, Int[np.ndarray, " row"]]:
    """The groups of the rows with a curve, and the number of each row's; -1 for none, and no table where nothing is grouped."""
    number = np.full(len(columns.rows), -1, dtype=np.int64)
    which = np.flatnonzero([bool(row.own_curve) for row in columns.rows])
    by_curve = settings.group == "curve"
    if settings.group == "none" or len(which) < max(10, settings.groups + 1 if by_curve else 10):
        return None, number
    curves = np.stack([_points(columns.rows[i].curve or columns.rows[i].own_curve) for i in which.tolist()])
    question = columns.question[which]
    if by_curve:
        found = k_means(curves, min(settings.groups, len(np.unique(curves, axis=0))), question, seed=settings.seed)
        how = f"k-means with k = {settings.groups} on {POINTS} positions of each curve"
    else:
        found = dense_groups(_features(columns, which), question, seed=settings.seed)
        how = f"HDBSCAN on {len(GROUPED)} features"
    number[which] = found.number
    labels = [columns.rows[i].label or columns.rows[i].twin or "" for i in which.tolist()]
    names = {label: index for index, label in enumerate(sorted(set(labels)))}
    rows = tuple(
        GroupRow(
            number=group,
            n=int((found.number == group).sum()),
            medoid=columns.rows[int(which[medoid])].id,
            mean=packed(curves[found.number == group].mean(axis=0)),
            labels=dict(Counter(label for label, one in zip(labels, found.number.tolist(), strict=True) if one == group)),
        )
        for group, medoid in enumerate(found.medoid.tolist())
    )
    agreement = adjusted_rand(np.asarray([names[label] for label in labels], dtype=np.int64), found.number)
    (silhouette,) = numbers([found.silhouette])
    stable = found.stability
    mean = Estimate.of(float(stable.mean()), float(stable.min()), float(stable.max()), n=len(stable)) if len(stable) else None
    table = GroupTable(
        how=how,
        groups=rows,
        n_none=int((found.number < 0).sum()),
        stability=mean or Estimate(value=None, low=None, high=None, n=0),
        silhouette=silhouette,
        agreement=agreement,
    )
    return table, number


def _points(text: str) -> Float[np.ndarray, " position"]:
    """The curve at `POINTS` even positions."""
    curve = unpacked(text)
    return np.nan_to_num(curve[np.rint(np.linspace(0, len(curve) - 1, POINTS)).astype(np.int64)])


def _features(columns: Columns, which: Int[np.ndarray, " item"]) -> Float[np.ndarray, "item feature"]:
    """What is grouped by; a commitment that never comes counts as the end of the trace, other missing numbers as 0."""
    parts: list[Float[np.ndarray, " item"]] = []
    for name in GROUPED:
        values = columns.by_name[name][which]
        values = np.where(np.isnan(values), 1.0 if name in COMMITTED else 0.0, values)
        parts.append(np.log1p(np.maximum(values, 0.0)) if name in _LOGARITHMIC else values)
    return np.stack(parts, axis=1)
