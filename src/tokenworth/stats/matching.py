"""Controls that are like the places they are compared with."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from scipy.spatial import cKDTree  # pyright: ignore

BLUR = 0.1


def nearest_controls(
    places: Float[np.ndarray, "place x"], candidates: Float[np.ndarray, "candidate x"], k: int, rng: np.random.Generator
) -> Int[np.ndarray, "place k"]:
    """The ``k`` candidates nearest to each place, by distance in standard deviations of the candidates; a candidate may serve several.

    Candidates are moved by `BLUR` standard deviations at random: of those that are as near, chance decides, not the order.
    Source: nearest-neighbour matching with replacement on the covariates, Abadie and Imbens 2006, Econometrica 74:235. Differs: no bias
    correction; distances are diagonal, not Mahalanobis.
    """
    scale = candidates.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    k = min(k, len(candidates))
    moved = candidates / scale + rng.normal(0, BLUR, candidates.shape)
    _, found = cKDTree(moved).query(places / scale, k=k)  # pyright: ignore
    return np.asarray(found, dtype=np.int64).reshape(len(places), k)


def balance(places: Float[np.ndarray, "place x"], controls: Float[np.ndarray, "control x"]) -> Float[np.ndarray, " x"]:
    """The standardised difference of the means of places and controls, for each covariate; above .1 they are not alike.

    Source: Austin 2009, Statistics in Medicine 28:3083.
    """
    spread = np.sqrt((places.var(axis=0) + controls.var(axis=0)) / 2)
    gap = places.mean(axis=0) - controls.mean(axis=0)
    return np.divide(gap, spread, out=np.where(np.abs(gap) > 0, np.inf, 0.0), where=spread > 0)
