"""When an answer is there: in the text, at the end of the model, and at each of its layers. Arrays in, numbers out."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

_MARGIN = 1e-6
"""A lead that rounding could make: uniform shares name nothing."""


def wins(share: Float[np.ndarray, "layer cut option"], target: int) -> Bool[np.ndarray, "layer cut"]:
    """Whether an option has more than each of the others."""
    others = np.delete(share, target, axis=2).max(axis=2)
    return share[:, :, target] > others + _MARGIN


def leader(share: Float[np.ndarray, "layer cut option"]) -> Int[np.ndarray, "layer cut"]:
    """The option with the largest share, -1 where two share it."""
    ordered = np.sort(share, axis=2)
    return np.where(ordered[:, :, -1] > ordered[:, :, -2] + _MARGIN, share.argmax(axis=2), -1)


def depths(won: Bool[np.ndarray, "layer cut"]) -> Int[np.ndarray, " cut"]:
    """The first layer from which an option wins at all that follow; the number of layers where it does not win at the last."""
    kept = np.logical_and.accumulate(won[::-1], axis=0)
    return len(won) - kept.sum(axis=0)


def settled(won: Bool[np.ndarray, "layer cut"], cuts: Int[np.ndarray, " cut"], never: int) -> Int[np.ndarray, " layer"]:
    """At each layer the first cut from which an option wins to the last one; ``never`` where it does not win there.

    Leaving out the layers that never come to it would compare those that happen to end right: a layer that reads nothing names one option
    throughout, and where that is the answer, it seems to know it from cut 0 on.
    """
    kept = np.logical_and.accumulate(won[:, ::-1], axis=1).sum(axis=1)
    first = np.where(kept > 0, len(cuts) - kept, 0)
    return np.where(kept > 0, cuts[first], never)


def mentioned(pieces: Sequence[str], names: Sequence[str]) -> int | None:
    """The first cut whose text holds one of the names, as words of their own; None where none does."""
    text = "".join(pieces)
    ends = np.cumsum([len(piece) for piece in pieces])
    found = [
        match.end()
        for name in names
        if (match := re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.IGNORECASE if len(name) > 1 else 0))
    ]
    return int(np.searchsorted(ends, min(found))) + 1 if found else None
