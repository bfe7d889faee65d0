"""How many draws, and where, it takes until differences between cuts are known to a precision: from weights alone, not from outcomes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from tokenworth.stats.strata import Strata, allocate

VARIANCE = 0.25
"""Of an outcome, taken as the largest it can be: a variance learnt from a few draws is noise, and draws that follow it are biased."""
UNDRAWN = 1.0
"""As so many draws counts a stratum that has none."""
CHUNK, SMALLEST_CHUNK = 0.02, 4
"""Draws are planned by this part of those so far, or so many: the smaller, the fewer go where the target is reached already."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Coefficients:
    """How each difference V(b) − V(a) rests on the strata: its variance is Σ_G square[i, G] σ²_G/m_G.

    A cut that bounds a pair must bound a stratum (``ends`` of `make_strata`).
    """

    square: Float[np.ndarray, "pair stratum"]

    def variance(self, drawn: Int[np.ndarray, " stratum"]) -> Float[np.ndarray, " pair"]:
        """Var of each difference after so many draws of each stratum, with σ² = `VARIANCE`."""
        return VARIANCE * (self.square @ (1.0 / np.maximum(drawn, UNDRAWN)))


def coefficients(strata: Strata, first: Int[np.ndarray, " pair"], second: Int[np.ndarray, " pair"]) -> Coefficients:
    """w(a,G) for strata G in [a, b), and (1 − K) w(b,G) for later ones; K the probability of following the base from a to b.

    Source: method page `docs/methods/pivots.md`, eq. 4.
    """
    follow, leave = strata.follow[strata.start], strata.leave[strata.start]
    found = np.zeros((len(first), len(follow)))
    of_cut = np.append(strata.of_cut, len(follow))
    for row, (a, b) in enumerate(zip(of_cut[first].tolist(), of_cut[second].tolist(), strict=True)):
        within = np.cumprod(np.append(1.0, follow[a:b]))
        later = np.cumprod(np.append(1.0, follow[b:]))[:-1]
        found[row, a:b] = within[:-1] * leave[a:b]
        found[row, b:] = (1.0 - within[-1]) * later * leave[b:]
    return Coefficients(square=found**2)


def draws_for(
    parts: Coefficients,
    *,
    target: float,
    open_: Bool[np.ndarray, " pair"],
    drawn: Int[np.ndarray, " stratum"],
    cost: Float[np.ndarray, " stratum"],
    most: int,
) -> Int[np.ndarray, " draw"]:
    """The strata of the next draws, in order, until each ``open_`` difference has a variance of at most ``target``²; at most ``most``.

    Greedily where the summed variance of those that are short of it falls most per token. Outcomes do not enter: how many draws a look
    takes is known before it. ``cost``: expected tokens of a draw.
    """
    drawn = drawn.copy()
    chosen: list[Int[np.ndarray, " draw"]] = []
    left = most
    while left > 0:
        short = open_ & (parts.variance(drawn) > target**2)
        if not short.any():
            break
        size = max(SMALLEST_CHUNK, int(CHUNK * drawn.sum()))
        next_ = allocate(reach=parts.square[short].sum(axis=0), cost=cost, drawn=drawn, size=min(size, left))
        if not len(next_):
            break
        chosen.append(next_)
        drawn += np.bincount(next_, minlength=len(drawn))
        left -= len(next_)
    return np.concatenate(chosen) if chosen else np.zeros(0, dtype=np.int64)


def draws_to_decide(
    scale: Float[np.ndarray, " pair"], mean: Float[np.ndarray, " pair"], *, z: float, gap: float
) -> Float[np.ndarray, " pair"]:
    """About how many draws that leave between the cuts decide a difference, if the later value were known: (1−K)² σ² (z + 1.28)²/gap².

    ``z``: the quantile of the test; 1.28 gives it a power of .9. ``gap``: between the effect and the hypothesis. σ² from the mean, one draw
    of each outcome added.
    """
    share = np.clip(np.where(np.isnan(mean), 0.5, mean), 0.05, 0.95)
    return np.ceil(scale**2 * share * (1 - share) * (z + 1.28) ** 2 / gap**2)
