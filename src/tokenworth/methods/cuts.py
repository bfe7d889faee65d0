"""Which cuts are measured: the planned ones, as far as a backend can start there."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tokenworth.errors import InvalidInput

MOST_LISTED = 10
"""Cuts named one by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """Planned cuts that no request can start from. ``moved``: the nearest cuts that can be reached took their place.

    ``planned``: how many cuts were planned. ``last``: the last cut that can be reached, T or one before it. ``longest``: the last cut
    that the model's context leaves room for, where that is before T.
    """

    cuts: tuple[int, ...]
    planned: int
    moved: bool
    last: int
    longest: int | None = None


def reachable(n_trace: int, allowed: Sequence[int] | None) -> tuple[int, ...] | None:
    """The cuts 0…T among ``allowed``, rising; None where every cut can be reached.

    Raises InvalidInput where not one can be.
    """
    if allowed is None:
        return None
    found = tuple(sorted({cut for cut in allowed if 0 <= cut <= n_trace}))
    if not found:
        raise InvalidInput(f"no cut from 0 to {n_trace} can be reached by text; use a server that takes token ids, or a local model")
    return None if len(found) == n_trace + 1 else found


def fitting(n_trace: int, room: int | None) -> int | None:
    """The last cut 0…T that leaves ``room`` enough, None where T does: ``room`` is what the context leaves for a prefix's trace tokens.

    Raises InvalidInput where not even cut 0 fits.
    """
    if room is None or room >= n_trace:
        return None
    if room < 0:
        raise InvalidInput(
            f"the prompt, with what is read after it, exceeds the model's context by {-room} tokens; shorten it, or use a model with a "
            "longer context"
        )
    return room


def restrict(
    planned: tuple[int, ...], allowed: tuple[int, ...] | None, *, snap: bool, longest: int | None = None
) -> tuple[tuple[int, ...], Missed | None]:
    """The planned cuts that can be reached, rising, and what was missed (None: nothing). ``allowed`` is from `reachable`, ``longest``
    from `fitting`.

    With ``snap`` a cut that cannot be reached moves to the nearest one that can, the earlier of two as near; otherwise it is left
    out. The last planned cut, T, always moves to the last that can be reached, so that the end of the trace is not left out.
    """
    if longest is not None:
        reached = range(longest + 1) if allowed is None else allowed
        allowed = tuple(cut for cut in reached if cut <= longest)
        if not allowed:
            raise InvalidInput(f"no cut from 0 to {longest} can be reached by text, and later ones do not fit into the model's context")
    if allowed is None:
        return planned, None
    there = set(allowed)
    missed = tuple(cut for cut in planned if cut not in there)
    moved = missed if snap else tuple(cut for cut in missed if cut == planned[-1])
    cuts = tuple(sorted({cut for cut in planned if cut in there} | {nearest(cut, allowed) for cut in moved}))
    found = Missed(cuts=missed, planned=len(planned), moved=snap, last=allowed[-1], longest=longest)
    return cuts, found if missed else None


def nearest(cut: int, allowed: Sequence[int]) -> int:
    """The cut of ``allowed`` (rising, not empty) nearest to ``cut``, the earlier of two as near."""
    at = bisect_left(allowed, cut)
    around = allowed[max(0, at - 1) : at + 1]
    return min(around, key=lambda other: (abs(other - cut), other))


def middle(a: int, b: int, allowed: tuple[int, ...] | None) -> int | None:
    """The cut halfway between a and b, or the nearest one strictly between that can be reached; None where there is none."""
    if allowed is None:
        return (a + b) // 2 if b - a > 1 else None
    inner = allowed[bisect_left(allowed, a + 1) : bisect_left(allowed, b)]
    return nearest((a + b) // 2, inner) if inner else None


def missed_notes(missed: Missed | None) -> tuple[str, ...]:
    """What is said of planned cuts that cannot be reached."""
    if missed is None:
        return ()
    end = missed.cuts[-1] if missed.longest is None else missed.longest
    done = "; the nearest that can were measured instead" if missed.moved else " and were not measured"
    groups = (
        ([cut for cut in missed.cuts if cut <= end], f"cannot be reached by text{done}", f"the last that can: {missed.last}"),
        (
            [cut for cut in missed.cuts if cut > end],
            "do not fit into the model's context and were not measured",
            f"the last that does: {missed.longest}",
        ),
    )
    notes: list[str] = []
    for cuts, why, last in groups:
        if cuts:
            named = ", ".join(str(cut) for cut in cuts[:MOST_LISTED]) + ", …" * (len(cuts) > MOST_LISTED)
            notes.append(f"{len(cuts):,} of {missed.planned:,} cuts {why}: {named} ({last})")
    return tuple(notes)


def spans(cuts: Sequence[int] | np.ndarray) -> str:
    """Rising cuts in words: ``cut 7``, or ``12 cuts (3 to 9, 14, …)``."""
    listed = [int(cut) for cut in cuts]
    if len(listed) == 1:
        return f"cut {listed[0]}"
    runs: list[list[int]] = []
    for cut in listed:
        if runs and cut == runs[-1][-1] + 1:
            runs[-1][1:] = [cut]
        else:
            runs.append([cut])
    named = [str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs[:MOST_LISTED]]
    return f"{len(listed):,} cuts ({', '.join(named)}{', …' * (len(runs) > MOST_LISTED)})"
