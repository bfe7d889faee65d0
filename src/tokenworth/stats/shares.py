"""Shares of a total where some of the parts are known only within bounds."""

from __future__ import annotations


def share_bounds(low: float, high: float, total_low: float, total_high: float) -> tuple[float, float]:
    """The least and the most that p_k / Σ p can be; 0 and 1 where the sum may be 0.

    A part is either known (low = high = p_k) or has low = 0, for which 0 is the bound. The least is low / ``total_high``: for a known
    part p_k / (p_k + Σ_{j≠k} high_j), or more where ``total_high`` is held down by another limit, such as 1 for the probabilities of
    outcomes that exclude one another. The most is high / (high + Σ_{j≠k} low_j): x / (x + r) rises in x and falls in r. Source: ours.
    """
    rest = max(0.0, total_low - low)
    return (low / total_high, high / (high + rest)) if total_high > 0 and high + rest > 0 else (0.0, 1.0)
