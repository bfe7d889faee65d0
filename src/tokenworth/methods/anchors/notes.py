"""What a reader of sentence importances must know, one sentence each."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tokenworth.methods.anchors.result import AnchorResult
from tokenworth.methods.anchors.similarity import EMBEDDINGS

FEW = 10
"""Below so many effective draws whose first sentence is unlike the base's, a counterfactual importance says little."""


def anchor_notes(result: AnchorResult) -> Iterator[str]:
    """The notes of a document of sentences."""
    rows, settings, n = result.sentences, result.settings, len(result.start)
    if not n:
        yield "the trace is empty: there is no sentence to measure"
        return
    if n == 1:
        yield f"the segmenter {settings.segment!r} finds one sentence; nothing can be compared within the trace"
    silent = int(np.count_nonzero(np.isnan(rows.counterfactual.value)))
    few = int(np.count_nonzero((rows.counterfactual.n < FEW) & (rows.counterfactual.n > 0)))
    if silent:
        yield (
            f"{silent:,} of {n:,} sentences have no draw with another sentence in their place: their counterfactual importance is "
            "missing, not 0"
        )
    if few:
        yield f"{few:,} of {n:,} counterfactual importances rest on fewer than {FEW} effective draws"
    if len(result.outcomes) == 1:
        yield f"every rollout and the base come to {result.outcomes[0]}: nothing can change the outcome"
    if cut := sum(of.unfinished > 0 for of in result.fought):
        yield (
            f"the budget ended runs without {cut:,} of {len(result.fought):,} sentences: those that end early are no random part, so "
            "nothing is estimated from them"
        )
    yield from _verdicts(result)
    yield from _claims(result)
    if settings.similarity.startswith(EMBEDDINGS):
        yield "similarity by embeddings: what counts as another sentence depends on that model and its threshold"
    if result.slack is not None and (worst := float(np.nan_to_num(result.slack, nan=1.0).max(initial=0.0))) > 0:
        yield f"next-token probabilities are known only to within ± {worst:.3g}; all limits are widened by what that can do"
    if settings.forced and (result.forced is None or np.isnan(result.forced).all()):
        yield "no forced importance: the target is none of the options"
    if result.cut_off is not None:
        yield f"the trace was measured up to token {result.cut_off:,}, where the context ends"


def _claims(result: AnchorResult) -> Iterator[str]:
    found, settings = result.claims, result.settings
    if found is None:
        yield "importances are no claims: with many sentences some are large by chance"
        return
    if not len(found.rows.token):
        yield (
            f"no sentence can change the value by {settings.delta:g}: the model was sure of each with a probability of more than "
            f"{1 - settings.delta:g}; nothing was drawn for claims"
        )
    if "claim" in found.rows.verdict:
        yield "the changes of claimed sentences are estimated on the draws that selected them and are a little too large in the mean"
    if result.chosen in ("correct", "incorrect"):
        yield f"the base was chosen because it is {result.chosen}: claims hold for it; a chosen trace has more anchors than others"


def _verdicts(result: AnchorResult) -> Iterator[str]:
    unknown, drawn = result.no_verdict, result.n_rollouts
    if unknown and unknown == drawn:
        yield "no rollout has a verdict: nothing can be said of the value"
    elif unknown:
        yield f"{unknown:,} of {drawn:,} rollouts have no verdict and count as misses: a change may be one of their share alone"
    if result.base.verdict == "unknown":
        yield f"the base answer itself has no verdict ({result.base.outcome})"
