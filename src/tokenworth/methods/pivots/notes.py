"""What a reader of pivots must know, one sentence each."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tokenworth.methods.pivots.result import PivotResult

MISSES = {
    "every": "this plan controls no error: with 20 rollouts per cut nearly all tokens that it names change the value by less than "
    "delta / 2, and on a trace where no token changes anything it names some as well",
    "bisection": "this plan controls no error, and it never looks into a stretch whose changes cancel: a rise and a fall between two cuts "
    "that it asked stay unseen",
}
"""Plans for comparison, and what they do not say (`docs/methods/pivots.md`)."""


def pivot_notes(result: PivotResult) -> Iterator[str]:
    """The notes of a document of pivots."""
    settings, rows = result.settings, result.rows
    if settings.plan in MISSES:
        yield MISSES[settings.plan]
    elif not len(rows.token):
        yield (
            f"no token of the trace can change the value by {settings.delta:g}: the model was sure of each with a probability of more than "
            f"{1 - settings.delta:g}; nothing was drawn"
        )
    if "claim" in rows.verdict:
        yield (
            "the changes of claimed tokens are estimated on the draws that selected them: they are too large by .01 to .02 in the mean, "
            "and by up to .05 for a large one that was claimed at an early look"
        )
    if result.pairs is not None and (result.pairs.cut_off or len(result.pairs.token) < result.rows.verdict.count("claim")):
        yield (
            "not every claim has its whole pair: the budget ended first"
            if result.pairs.cut_off
            else "not every claim has a pair: no other token is listed there"
        )
    yield from _chosen(result)
    yield from _verdicts(result)
    if result.slack is not None and (np.nan_to_num(result.slack, nan=1.0) > 0).any():
        worst = float(np.nan_to_num(result.slack, nan=1.0).max())
        yield f"next-token probabilities are known only to within ± {worst:.3g}; the family and all limits are widened by what that can do"
    if result.cut_off is not None:
        yield f"the trace was measured up to token {result.cut_off:,}, where the context ends"


def _chosen(result: PivotResult) -> Iterator[str]:
    """What the choice of the base does to the count of pivots."""
    if result.chosen in ("correct", "incorrect"):
        yield (
            f"the base was chosen because it is {result.chosen}: the claims hold for this trace, but a chosen trace has more pivots than "
            "one drawn from the model, and no bound on their number applies"
        )
    elif result.chosen != "any":
        yield "the base was given: the claims hold for this trace, and no bound on their number applies"


def _verdicts(result: PivotResult) -> Iterator[str]:
    unknown, drawn = result.no_verdict, result.n_rollouts
    if unknown and unknown == drawn:
        yield "no rollout has a verdict: nothing can be said of the value"
    elif unknown:
        beside = ", which stands beside it (missing)" if len(result.rows.token) else ""
        yield f"{unknown:,} of {drawn:,} rollouts have no verdict and count as misses: a change may be one of their share alone{beside}"
    if result.base.verdict == "unknown":
        yield f"the base answer itself has no verdict ({result.base.outcome})"
