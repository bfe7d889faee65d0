"""Whether a trace is needed, as far as draws can tell."""

from __future__ import annotations

import numpy as np

from tokenworth.stats.proportion import wilson


def needed_label(k: int, n: int, forced: float, *, margin: float, level: float, keep: bool) -> float:
    """1 where V(0) − the forced share of gold exceeds the margin, 0 where it does not, NaN where the draws do not tell.

    V(0) is k of n, with Wilson's limits; the forced share is read exactly, so the limits of the difference are those of V(0) less it.
    With ``keep`` the point estimate decides.
    """
    if n == 0 or np.isnan(forced):
        return float("nan")
    if keep:
        return float(k / n - forced > margin)
    low, high = wilson(np.asarray([k], dtype=np.float64), np.asarray([n], dtype=np.float64), level)
    if float(low[0]) - forced > margin:
        return 1.0
    return 0.0 if float(high[0]) - forced <= margin else float("nan")
