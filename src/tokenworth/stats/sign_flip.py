"""A paired test that assumes no distribution."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

FLIPS = 9999


def sign_flip_p(differences: Float[np.ndarray, " item"], cluster: Int[np.ndarray, " item"], rng: np.random.Generator) -> float:
    """Two-sided p that the mean difference is 0: how often random signs, one a cluster, give a mean as far from 0.

    (1 + number of as large) / (1 + `FLIPS`). Assumption: under the null a cluster's differences are as likely as their opposites.
    Source: Fisher 1935, The Design of Experiments, section 21; Phipson and Smyth 2010 for the 1 added.
    """
    _, index = np.unique(cluster, return_inverse=True)
    sums = np.bincount(index, differences)
    seen = abs(float(sums.sum()))
    signs = rng.integers(0, 2, size=(FLIPS, len(sums))).astype(np.float64) * 2 - 1
    # Sums that are equal up to rounding are equal.
    return float((1 + np.count_nonzero(np.abs(signs @ sums) >= seen - 1e-12)) / (1 + FLIPS))
