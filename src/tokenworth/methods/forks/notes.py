"""What a reader of forks must know, one sentence each."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tokenworth.methods.forks.result import ForkResult

MODELS = {
    "pelt": "PELT is a model, not a measurement: it takes the curve for pieces of constant value with independent noise, and its change "
    "points have no limits",
    "smoothing": "the smoothed curve is a model, not a measurement: it takes neighbours for alike, and nothing bounds its error where they "
    "are not",
}


def fork_notes(result: ForkResult) -> Iterator[str]:
    """The notes of a document of forks."""
    family, branches, settings = result.family, result.branches, result.settings
    if not len(family.cut):
        yield (
            f"no token of the trace is left with a probability of {settings.floor:g} or more: there is no fork to show, and only what is "
            "below the floor can lead elsewhere"
        )
    few = int((branches.n < 2).sum())
    if few:
        yield (
            f"{few:,} of {len(branches.n):,} branches have fewer than 2 rollouts: their forks are not mixed from branches, and a "
            "branch without a rollout counts in the upper bound of the hazard alone"
        )
    if len(result.labels) == 1:
        yield f"every rollout and the base came to {result.labels[0]!r}: nothing that can be seen in outcomes sets the branches apart"
    if result.without:
        drawn = len(result.excursions) + len(result.topped)
        if result.without == drawn:
            yield "no rollout has a verdict: nothing can be said of the value; outcomes without a verdict are outcomes of their own"
        else:
            yield (
                f"{result.without:,} of {drawn:,} rollouts have no verdict and count as misses in the value; in distances they are "
                "outcomes of their own"
            )
    if result.base.verdict == "unknown":
        yield f"the base answer itself has no verdict ({result.base.outcome})"
    if result.slack is not None and (np.nan_to_num(result.slack, nan=1.0) > 0).any():
        worst = float(np.nan_to_num(result.slack, nan=1.0).max())
        yield (
            f"next-token probabilities are known only to within ± {worst:.3g}: forks are not mixed from branches, and all "
            "limits and hazards are widened by what that can do"
        )
    if result.cut_off is not None:
        yield f"the trace was measured up to token {result.cut_off:,}, where the context ends"
    for model in result.models:
        yield MODELS[model.name]
