"""Two ways to answer the same problems: the difference of their shares, and whether it can be chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool
from scipy.special import bdtr  # pyright: ignore[reportMissingTypeStubs]

from tokenworth.errors import InvalidInput
from tokenworth.stats.difference import newcombe_paired


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
    """The difference of two shares over the same problems, with the limits of `stats.difference.newcombe_paired`.

    Assumption: the problems are independent draws of one population.

    Source: McNemar's test in its exact form; that of the limits is named there.
    """
    if first.shape != second.shape or not first.size:
        raise InvalidInput(f"{first.size} and {second.size} paired results; expected as many of both, at least one")
    a, b = int((first & second).sum()), int((first & ~second).sum())
    c, d = int((~first & second).sum()), int((~first & ~second).sum())
    table = np.asarray([[a], [b], [c], [d]], dtype=np.float64)
    low, high = newcombe_paired(table[0], table[1], table[2], table[3], level)
    return Paired(
        both=a,
        first_only=b,
        second_only=c,
        neither=d,
        difference=(b - c) / first.size,
        low=float(low[0]),
        high=float(high[0]),
        p=min(1.0, 2 * float(bdtr(min(b, c), b + c, 0.5))),
    )
