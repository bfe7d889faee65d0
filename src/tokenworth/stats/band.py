"""A band that holds a whole curve at once."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from tokenworth.stats.excursions import Weights
from tokenworth.stats.proportion import Level, beta_limits
from tokenworth.stats.strata import NEGLIGIBLE

CutValues = Float[np.ndarray, " cutx"]


def forks_before(p: Float[np.ndarray, " cut"], end: int) -> int:
    """How many of the first ``end`` tokens the model could have replaced by another."""
    return int(np.count_nonzero(p[:end] < 1 - NEGLIGIBLE))


def level_of_each(level: float, m: int) -> float:
    """1 − (1 − level)/m: ``m`` intervals of this level all hold at ``level`` together, however they depend. Source: Bonferroni."""
    return 1.0 - (1.0 - level) / max(1, m)


def excursion_band(weights: Weights, *, base: CutValues, mean: CutValues, level: Level) -> tuple[CutValues, CutValues]:
    """Beta limits at ``level`` of each value: what the base adds, the ``mean`` of the excursions, and all that no draw covers.

    The curve changes at forks alone, so `level_of_each` for as many as there are makes it a band. Always Beta limits: a band of score
    intervals misses somewhere in a tenth to a half of the curves. Source: method page `docs/methods/curve.md`, eq. 16.
    """
    n = weights.n_effective
    low, high = beta_limits(np.where(n > 0, mean, 0.0) * n, n, level)
    return base + weights.sampled * low, np.minimum(base + weights.sampled * high + weights.unsampled, 1.0)
