"""What the curve of one probability along a trace looks like, in a few numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.ndimage import median_filter  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]

WINDOW = 5
"""Readings of the running median."""
EDGE = 0.05
"""The beginning and the end of a curve are this share of its readings, at least one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A curve in numbers; NaN as a whole where it has no reading. ``gain`` = ``end`` - ``start``; ``length``: the sum of all moves."""

    start: float
    end: float
    range: float
    length: float
    rise: float
    """Largest move up from one reading to the next, 0 where there is none."""
    fall: float
    """Largest move down, as a number of 0 or more."""

    @property
    def gain(self) -> float:
        """How much higher the curve ends than it begins."""
        return self.end - self.start

    @property
    def efficiency(self) -> float:
        """Gain for each unit of way, -1 to 1; NaN for a curve that never moves."""
        return self.gain / self.length if self.length > 0 else float("nan")


def smoothed(values: Float[np.ndarray, " cut"]) -> Float[np.ndarray, " cut"]:
    """The running median of `WINDOW` readings; the first and the last reading are repeated beyond the ends."""
    return np.asarray(median_filter(values, size=WINDOW, mode="nearest"), dtype=np.float64) if len(values) else values


def shape_of(values: Float[np.ndarray, " cut"]) -> Shape:
    """The shape of a curve after its running median; ``start`` and ``end`` are means over the first and last `EDGE` of the readings."""
    if not len(values):
        return Shape(start=np.nan, end=np.nan, range=np.nan, length=np.nan, rise=np.nan, fall=np.nan)
    curve = smoothed(values)
    edge = max(1, round(EDGE * len(curve)))
    moves = np.diff(curve)
    return Shape(
        start=float(curve[:edge].mean()),
        end=float(curve[-edge:].mean()),
        range=float(np.ptp(curve)),
        length=float(np.abs(moves).sum()),
        rise=float(max(moves.max(initial=0.0), 0.0)),
        fall=float(max((-moves).max(initial=0.0), 0.0)),
    )


def variation(shares: Float[np.ndarray, "cut option"]) -> float:
    """Total variation along the trace, the sum of half the L1 distances between neighbouring distributions."""
    return float(np.abs(np.diff(shares, axis=0)).sum() / 2)


def leaders(probability: Float[np.ndarray, "cut option"]) -> Int[np.ndarray, " cut"]:
    """The likeliest option at each cut, the first of equals; -1 where a probability is not known or all are 0."""
    known = np.isfinite(probability).all(axis=1) & (probability.max(axis=1, initial=0.0) > 0)
    return np.where(known, np.argmax(np.nan_to_num(probability, nan=-1.0), axis=1), -1)


def n_changes(leader: Int[np.ndarray, " cut"]) -> int:
    """How often the leader changes; cuts without one are passed over."""
    named = leader[leader >= 0]
    return int(np.count_nonzero(np.diff(named)))


def entropy(shares: Float[np.ndarray, "cut option"]) -> Float[np.ndarray, " cut"]:
    """Entropy of each distribution as a share of the largest that so many options can have."""
    p = np.where(shares > 0, shares, 1.0)
    most = np.log(max(2, shares.shape[1]))
    return np.where(np.isnan(shares).any(axis=1), np.nan, -(np.nan_to_num(shares) * np.log(p)).sum(axis=1) / most)


def filled(
    cuts: Int[np.ndarray, " reading"], values: Float[np.ndarray, "reading ..."]
) -> tuple[Int[np.ndarray, " cut"], Float[np.ndarray, "cut ..."]]:
    """An even grid: as it is where the cuts are evenly spaced (the last step may be shorter); otherwise every cut, each with the reading
    at or before it. Uneven cuts would count for too much where they are dense."""
    steps = np.diff(cuts)
    if len(cuts) < 3 or ((steps[:-1] == steps[0]).all() and steps[-1] <= steps[0]):
        return cuts, values
    every = np.arange(int(cuts[0]), int(cuts[-1]) + 1)
    return every, values[np.searchsorted(cuts, every, side="right") - 1]


def at_positions(cuts: Int[np.ndarray, " reading"], n: int) -> Int[np.ndarray, " position"]:
    """Which reading stands at each of ``n`` evenly spaced positions from the first cut to the last: the last one at or before it."""
    first, last = int(cuts[0]), int(cuts[-1])
    where = first + (last - first) * np.arange(n) / max(1, n - 1)
    # A position that falls on a cut is that cut, whatever rounding makes of it.
    return np.clip(np.searchsorted(cuts, where + 1e-9, side="right") - 1, 0, len(cuts) - 1)


def rounded_bounds(
    probability: Float[np.ndarray, "cut option"], half_unit: float
) -> tuple[Float[np.ndarray, "cut option"], Float[np.ndarray, "cut option"]]:
    """The least and the most that each option's share can be where every probability is rounded to ± ``half_unit``.

    A share x/(x + r) rises in x and falls in the rest r, so that the bounds are at the ends of both; 0 to 1 where the sum may be 0.
    Source: ours.
    """
    low, high = np.clip(probability - half_unit, 0.0, 1.0), np.clip(probability + half_unit, 0.0, 1.0)
    least = low + high.sum(axis=1, keepdims=True) - high
    most = high + low.sum(axis=1, keepdims=True) - low
    return (
        np.divide(low, least, out=np.zeros_like(low), where=least > 0),
        np.divide(high, most, out=np.ones_like(high), where=most > 0),
    )


def decimals_of(probability: Float[np.ndarray, "cut option"], most: int = 4) -> int | None:
    """To how many decimals, from two on, all these numbers are rounded; None for more than ``most``, and for fewer than 20 numbers, which
    may be so by chance."""
    numbers = probability[np.isfinite(probability)]
    if numbers.size < 20:
        return None
    return next((d for d in range(2, most + 1) if np.abs(numbers - np.round(numbers, d)).max() < 1e-9), None)
