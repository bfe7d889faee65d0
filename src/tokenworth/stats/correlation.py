"""Correlation of a number with a yes/no outcome."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.special import ndtri  # pyright: ignore[reportMissingTypeStubs]


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlation:
    """A correlation coefficient with its limits; NaN where it does not exist."""

    r: float
    low: float
    high: float
    n: int


def point_biserial(x: Float[np.ndarray, " item"], yes: Bool[np.ndarray, " item"], level: float) -> Correlation:
    """Pearson's r of ``x`` with the indicator ``yes``, limits by Fisher's z: tanh(artanh r ± z/√(n−3)).

    NaN limits for n < 4, NaN everywhere where ``x`` or ``yes`` does not vary (no correlation exists; 0 would be a claim).
    Assumption: independent items; the limits are approximate for skewed ``x``.

    Source: Fisher 1921, "On the probable error of a coefficient of correlation".
    """
    x = np.asarray(x, dtype=np.float64)
    indicator = np.asarray(yes, dtype=np.float64)
    n = len(x)
    if n < 2 or np.ptp(x) == 0 or np.ptp(indicator) == 0:
        return Correlation(r=float("nan"), low=float("nan"), high=float("nan"), n=n)
    dx, dy = x - x.mean(), indicator - indicator.mean()
    r = float((dx @ dy) / np.sqrt((dx @ dx) * (dy @ dy)))
    r = min(1.0, max(-1.0, r))
    if n < 4 or abs(r) == 1.0:
        return Correlation(r=r, low=float("nan"), high=float("nan"), n=n)
    half = float(ndtri(0.5 + level / 2)) / np.sqrt(n - 3)
    return Correlation(r=r, low=float(np.tanh(np.arctanh(r) - half)), high=float(np.tanh(np.arctanh(r) + half)), n=n)
