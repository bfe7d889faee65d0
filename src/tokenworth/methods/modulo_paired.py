"""Two ways to answer the same problems: the difference of their shares, and whether it can be chance."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from jaxtyping import Bool
from scipy.special import bdtr  # pyright: ignore[reportMissingTypeStubs]

from tokenworth.errors import InvalidInput
from tokenworth.stats.proportion import wilson


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """``first_only``, ``second_only``: problems that one solved and the other did not. ``difference``: first share less second.

    ``p``: two-sided probability of a split at least as uneven if both were equally good; 1 where they never differ.
    """

    both: int
    first_only: int
    second_only: int
    neither: int
    difference: float
    low: float
    high: float
    p: float


def paired(first: Bool[np.ndarray, " problem"], second: Bool[np.ndarray, " problem"], level: float) -> Paired:
    """The difference of two shares over the same problems.

    With shares p₁, p₂, their Wilson limits l, u, and φ the correlation of the pairs: the lower limit is
    d − √((p₁−l₁)² − 2φ(p₁−l₁)(u₂−p₂) + (u₂−p₂)²), the upper one d + √((p₂−l₂)² − 2φ(p₂−l₂)(u₁−p₁) + (u₁−p₁)²).
    Assumption: the problems are independent draws of one population.

    Source: Newcombe 1998, "Improved confidence intervals for the difference between binomial proportions based on paired data", method
    10; McNemar's test in its exact form.
    """
    if first.shape != second.shape or not first.size:
        raise InvalidInput(f"{first.size} and {second.size} paired results; expected as many of both, at least one")
    a, b = int((first & second).sum()), int((first & ~second).sum())
    c, d = int((~first & second).sum()), int((~first & ~second).sum())
    n = first.size
    p1, p2 = (a + b) / n, (a + c) / n
    low, high = wilson(np.asarray([a + b, a + c], dtype=np.float64), np.asarray([n, n], dtype=np.float64), level)
    phi = _correlation(a, b, c, d)
    below1, above1, below2, above2 = p1 - low[0], high[0] - p1, p2 - low[1], high[1] - p2
    down = sqrt(max(0.0, below1**2 - 2 * phi * below1 * above2 + above2**2))
    up = sqrt(max(0.0, below2**2 - 2 * phi * below2 * above1 + above1**2))
    return Paired(
        both=a,
        first_only=b,
        second_only=c,
        neither=d,
        difference=p1 - p2,
        low=max(-1.0, p1 - p2 - down),
        high=min(1.0, p1 - p2 + up),
        p=min(1.0, 2 * float(bdtr(min(b, c), b + c, 0.5))),
    )


def _correlation(a: int, b: int, c: int, d: int) -> float:
    """Newcombe's φ: the numerator of a positive correlation is moved towards 0 by n/2, as for continuity."""
    product = (a + b) * (c + d) * (a + c) * (b + d)
    if not product:
        return 0.0
    n, numerator = a + b + c + d, a * d - b * c
    if numerator > 0:
        numerator = max(numerator - n / 2, 0)
    return numerator / sqrt(product)
