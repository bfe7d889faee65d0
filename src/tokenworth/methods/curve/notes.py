"""What a reader of a value curve must know, one sentence each."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tokenworth.core.document import stopped_notes
from tokenworth.core.tokens import StopReason
from tokenworth.methods.curve.result import CurveResult
from tokenworth.methods.cuts import missed_notes, spans

MUCH_UNSAMPLED = 0.05
"""Cuts from which a rollout leaves where there is no draw with this probability or more are named in a note."""


def curve_notes(result: CurveResult) -> tuple[str, ...]:
    """The notes of a curve's document."""
    notes: list[str] = []
    notes += _unsampled_notes(result)
    notes += _impossible_notes(result)
    notes += no_verdict_notes(result)
    return (*notes, *slack_notes(result), *missed_notes(result.missed), *stopped_notes(result.unresolved))


def _unsampled_notes(result: CurveResult) -> Iterator[str]:
    """Where no rollout tells what leaving the trace is worth: at all, or in part."""
    unsampled, cuts = np.nan_to_num(result.unsampled), result.cuts
    unknown = np.isnan(result.value) & ~np.isnan(result.low)
    if unknown.any():
        yield f"no draw tells the value at {spans(cuts[unknown])}: only its limits are known there"
    some = (unsampled >= MUCH_UNSAMPLED) & ~unknown
    if some.any():
        yield (
            f"at {spans(cuts[some])} rollouts leave the trace with a probability of {MUCH_UNSAMPLED:g} or more "
            f"(up to {unsampled[some].max():.2g}) where there is no draw; the mean of the others stands for it, and the "
            "intervals are widened by it"
        )


def _impossible_notes(result: CurveResult) -> Iterator[str]:
    """Where the sampling of the run cannot have written the base."""
    table, size = result.table, len(result.trace.sequence.completion)
    if table is None:
        return
    slack = np.zeros(size) if table.slack is None else np.nan_to_num(table.slack[:size], nan=1.0)
    never = np.flatnonzero(table.p[:size] + slack <= 0)
    if len(never):
        yield (
            f"this sampling never writes the base trace: {len(never):,} of its {size:,} tokens have probability 0, first token "
            f"{never[0]}; every rollout from a cut before such a token leaves the trace, and the change there is that of a token that is "
            "never sampled; to measure the process that wrote the base, give the sampling options that it was drawn with"
        )


def no_verdict_notes(result: CurveResult) -> Iterator[str]:
    """How many rollouts have no verdict, how they count, and what to do about those that reached the limit."""
    draws, limit = result.draws, result.sampling.max_tokens
    unknown = sum(draw.hit is None for draw in draws)
    if unknown:
        yield (
            f"{unknown:,} of {len(draws):,} rollouts have no verdict; the value is {result.target.label} over all rollouts: they are in "
            "the denominator, and none counts as a hit"
        )
    long = sum(draw.rollout.stop is StopReason.LENGTH and draw.hit is None for draw in draws)
    if long:
        yield (f"{long:,} of {len(draws):,} rollouts have no verdict because they reached the limit of {limit:,} tokens: raise --limit")
    if result.base.verdict == "unknown":
        yield f"the base answer itself has no verdict ({result.base.outcome})"


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
            f"at {missed:,} of {len(result.cuts):,} cuts this widens the interval by more than half of the requested half-width "
            f"{target:g}; sampling stopped there at half of it"
        )
    return tuple(notes)
