"""A share over strata of known weight, each with draws of its own."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from tokenworth.core.estimate import Estimate
from tokenworth.stats.proportion import wilson


def stratified_share(
    weight: Float[np.ndarray, " stratum"], hits: Float[np.ndarray, " stratum"], n: Float[np.ndarray, " stratum"], level: float
) -> tuple[Estimate, float]:
    """Σ w k/n with Wilson's limits at the effective number of draws, and that number. Strata without a draw are left out of the weights.

    n_eff is the smaller of Kish's 1/Σ(w²/n), which ignores what strata gain, and v(1 − v)/Σ(w² p(1 − p)/n), which says nothing where all
    draws of a stratum are alike. Source: Cochran 1977, Sampling Techniques, section 5.3; Kish 1965, Survey Sampling. Differs: Wilson's
    limits at n_eff.
    """
    drawn = n > 0
    total = float(weight[drawn].sum())
    if total <= 0:
        return Estimate(value=None, low=0.0, high=1.0, n=0), 0.0
    w, number = weight[drawn] / total, n[drawn]
    p = hits[drawn] / number
    value = min(1.0, float(w @ p))
    n_eff = 1.0 / float((w**2 / number).sum())
    variance = float((w**2 * p * (1 - p) / number).sum())
    if 0 < value < 1 and variance > 0:
        n_eff = min(n_eff, value * (1 - value) / variance)
    low, high = wilson(np.asarray([value * n_eff]), np.asarray([n_eff]), level)
    return Estimate.of(value, float(low[0]), float(high[0]), n=int(number.sum())), n_eff
