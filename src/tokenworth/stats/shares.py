"""Shares of a total where some of the parts are known only within bounds."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def share_low(low: Float[np.ndarray, "cut part"], total_high: Float[np.ndarray, " cut"]) -> Float[np.ndarray, "cut part"]:
    """The least that p_k / Σ p can be: low_k / (the most the sum can be); NaN where the sum is 0.

    A part is either known (low_k = p_k, and the sum is at most ``total_high``) or has low_k = 0, for which 0 is the bound. For a
    known part this is p_k / (p_k + Σ_{j≠k} high_j), or more where ``total_high`` is held down by another limit, such as 1 for
    the probabilities of outcomes that exclude one another. Source: ours.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        return low / total_high[:, None]


def share_high(low: Float[np.ndarray, "cut part"], high: Float[np.ndarray, "cut part"]) -> Float[np.ndarray, "cut part"]:
    """The most that p_k / Σ p can be: high_k / (high_k + Σ_{j≠k} low_j); NaN where all parts are 0.

    x / (x + r) rises in x and falls in r, so it is largest at the largest part and the least rest. A part that is 0 for certain
    has share 0 also where the rest may be 0. Source: ours.
    """
    rest = low.sum(axis=1, keepdims=True) - low
    with np.errstate(invalid="ignore"):
        share = high / (high + rest)
    return np.where(np.isnan(share) & (high.sum(axis=1, keepdims=True) > 0), 0.0, share)
