"""When each source names an answer to the end, with limits where it is estimated, and which of them disagree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
from jaxtyping import Bool, Float, Int

from tokenworth.methods.inside.document import ClockDoc


def first_to_end(yes: Bool[np.ndarray, " cut"], cuts: Int[np.ndarray, " cut"], never: int) -> int:
    """The first cut from which something is so to the last one; ``never`` where it is not so there."""
    kept = int(np.logical_and.accumulate(yes[::-1]).sum())
    return int(cuts[len(cuts) - kept]) if kept else never


def settled_value(
    value: Float[np.ndarray, " cut"],
    low: Float[np.ndarray, " cut"],
    high: Float[np.ndarray, " cut"],
    cuts: Int[np.ndarray, " cut"],
    never: int,
) -> tuple[int, int, int]:
    """From where on more than half of the rollouts end in the answer: the estimate, the earliest and the latest that limits allow.

    With a band that holds the whole curve, the truth lies between the two with the level of the band: where V > 1/2 from a cut on, so
    are the upper limits, and where the lower limits are, so is V. A cut without a number has the limits 0 and 1.
    """
    low, high = np.nan_to_num(low, nan=0.0), np.nan_to_num(high, nan=1.0)
    middle = np.where(np.isfinite(value), value, (low + high) / 2)
    best = first_to_end(middle > 0.5, cuts, never)
    return best, first_to_end(high > 0.5, cuts, never), first_to_end(low > 0.5, cuts, never)


def disagreements(clocks: Sequence[ClockDoc], answer: str, never: int) -> tuple[tuple[str, ...], int]:
    """A sentence for each two clocks whose limits do not meet, the earlier one first; and how many pairs limits do not tell apart."""
    sentences = list[tuple[int, str]]()
    unclear = 0
    for one, other in combinations(clocks, 2):
        first, second = sorted((one, other), key=lambda clock: (clock.latest, clock.earliest))
        apart = second.earliest - first.latest
        if apart > 0:
            sentences.append((apart, "".join(_sentence(first, second, answer, never, apart))))
        elif one.earliest < one.latest or other.earliest < other.latest:
            unclear += 1
    return tuple(text for _, text in sorted(sentences, key=lambda pair: -pair[0])), unclear


def _sentence(first: ClockDoc, second: ClockDoc, answer: str, never: int, apart: int) -> Iterator[str]:
    yield f"{first.what} {_verb(first)} {answer} {_place(first, never)}; "
    if second.earliest == never:
        yield f"{second.what} " + (
            "never does" if second.name == "text" else f"{'do' if second.name in _PLURAL else 'does'} not to the end"
        )
    else:
        yield f"{second.what} {_verb(second)} it {_place(second, never)}, "
        yield f"{'at least ' * (apart < second.cut - first.cut)}{apart:,} token{'s' * (apart != 1)} later"


_PLURAL = ("rollouts", "inside")


def _verb(one: ClockDoc) -> str:
    special = {"rollouts": "settle on", "text": "first names"}
    return special.get(one.name, "name" if one.name in _PLURAL else "names")


def _place(one: ClockDoc, never: int) -> str:
    if one.name == "text":
        return f"at cut {one.cut:,}"
    if one.earliest == one.latest:
        return f"from cut {one.earliest:,} on"
    return f"from cut {one.earliest:,} to {one.latest:,} on" if one.latest < never else f"from cut {one.earliest:,} or later on"
