"""Sentences a document carries where a server's limits show in its numbers."""

from __future__ import annotations

import numpy as np

from tokenworth.methods.results import CurveResult, ForcedResult, Missed

MOST_LISTED = 10
"""Cuts named one by one."""


def slack_notes(result: CurveResult) -> tuple[str, ...]:
    """What is said of next-token probabilities known only within bounds."""
    table = result.table
    slack = np.zeros(0) if table is None or table.slack is None else np.nan_to_num(table.slack, nan=1.0)
    if not (slack > 0).any():
        return ()
    size = len(slack)
    known = f"next-token probabilities at {np.count_nonzero(slack):,} of {size:,} cuts are known only to within ± {slack.max():.3g}"
    if result.widened is None:
        return (known,)
    notes = [f"{known}; intervals are widened by up to {result.widened.max():.3g} on each side"]
    target = result.settings.budget.half_width
    missed = 0 if target is None else np.count_nonzero((result.widened > target / 2) & ((result.high - result.low) / 2 > target))
    if missed:
        notes.append(
            f"{missed:,} of {len(result.cuts):,} cuts owe more than half of the half-width asked for, {target:g}, to this; "
            "sampling, which cannot mend it, stopped there at half"
        )
    return tuple(notes)


def missed_notes(missed: Missed | None) -> tuple[str, ...]:
    """What is said of planned cuts that cannot be reached."""
    if missed is None:
        return ()
    named = ", ".join(str(cut) for cut in missed.cuts[:MOST_LISTED]) + ", …" * (len(missed.cuts) > MOST_LISTED)
    done = "; the nearest that can were measured instead" if missed.moved else " and were not measured"
    return (f"{len(missed.cuts):,} of {missed.planned:,} cuts cannot be reached by text{done}: {named} (the last that can: {missed.last})",)


def ceiling_notes(result: ForcedResult) -> tuple[str, ...]:
    """What is said of options that were not listed."""
    exact = np.concatenate([reading.is_exact for reading in result.readings]) if result.readings else np.ones(0, dtype=bool)
    if exact.all():
        return ()
    notes = [
        f"at {np.count_nonzero(~exact):,} of {len(exact):,} readings an option was not among the tokens listed; it is known only to be at "
        "most so likely, and the mass and the shares there only within bounds"
    ]
    if ends_at_wall(result) and result.readings[0].leader[-1] < 0 and not result.readings[0].is_exact[-1]:
        notes.append("the bounds do not tell which option is likeliest at the end of the trace")
    return tuple(notes)


def ends_at_wall(result: ForcedResult) -> bool:
    """Whether the last cut read is the end of the trace."""
    return len(result.cuts) > 0 and int(result.cuts[-1]) == result.trace.n_trace


def forced_at_end(result: ForcedResult) -> str | None:
    """The likeliest option at the trace's natural end after the first exit text.

    None where no option has any probability, where bounds do not tell which it is, or where the end cannot be read.
    """
    if not result.readings or not ends_at_wall(result):
        return None
    leader = int(result.readings[0].leader[-1])
    return result.options[leader] if leader >= 0 else None
