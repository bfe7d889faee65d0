"""Area under the ROC curve, for rows that come in clusters."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

_BLOCK = 4_000_000
"""Numbers held at once."""


def auroc(
    score: Float[np.ndarray, "row class"], y: Float[np.ndarray, "row class"], weight: Float[np.ndarray, "resample row"]
) -> Float[np.ndarray, " resample"]:
    """P(score of a positive > score of a negative) + P(equal) / 2, under each row of weights; NaN where a side is empty.

    A row counts ``weight · y`` times as a positive and ``weight · (1 − y)`` times as a negative, so that shares of draws serve as labels.
    Over several classes it is the mean of one against the rest, over the classes that occur. Source: Hanley and McNeil 1982, Radiology
    143:29; several classes: Fawcett 2006, Pattern Recognition Letters 27:861, section 9, unweighted.
    """
    n = max(1, len(score))
    step = max(1, _BLOCK // n)
    parts = [_areas(score, y, weight[at : at + step]) for at in range(0, len(weight), step)]
    return np.concatenate(parts) if parts else np.zeros(0)


def _areas(
    score: Float[np.ndarray, "row class"], y: Float[np.ndarray, "row class"], weight: Float[np.ndarray, "resample row"]
) -> Float[np.ndarray, " resample"]:
    found = np.full((score.shape[1], len(weight)), np.nan)
    for k in range(score.shape[1] if len(score) else 0):
        order = np.argsort(score[:, k], kind="stable")
        starts = np.flatnonzero(np.diff(score[order, k], prepend=-np.inf) != 0)
        positive = np.add.reduceat(weight[:, order] * y[order, k], starts, axis=1)
        negative = np.add.reduceat(weight[:, order] * (1 - y[order, k]), starts, axis=1)
        below = np.cumsum(negative, axis=1) - negative / 2
        sides = positive.sum(axis=1) * negative.sum(axis=1)
        np.divide((positive * below).sum(axis=1), sides, out=found[k], where=sides > 0)
    known = np.isfinite(found)
    return np.divide(np.where(known, found, 0.0).sum(axis=0), n := known.sum(axis=0), out=np.full(len(weight), np.nan), where=n > 0)
