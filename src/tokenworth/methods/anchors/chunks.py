"""Sentences in the fields and signs of Thought Anchors (`chunks_labeled.json`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tokenworth.core.document import Number
from tokenworth.methods.anchors.document import AnchorsDoc, DivergenceDoc


def labeled_chunks(doc: AnchorsDoc) -> Iterator[dict[str, Any]]:
    """A row for each sentence.

    ``counterfactual_importance_accuracy`` is without less with the sentence, so it has the sign opposite to ours;
    ``resampling_importance_accuracy`` and ``forced_importance_accuracy`` are with less without, as ours are. KL is of without from with
    in both. ``different_trajectories_fraction`` is the probability of another sentence. No data is null, where the source writes 0; no
    field is made up: overdeterminedness, summaries and tags are not ours.
    """
    for index, row in enumerate(doc.sentences):
        yield {
            "chunk": row.text.strip(),
            "chunk_idx": index,
            "function_tags": [],
            "accuracy": row.value.value,
            "resampling_importance_accuracy": row.resampling.value,
            "resampling_importance_kl": _kl(row.resampling_kl),
            "counterfactual_importance_accuracy": None if row.counterfactual.value is None else -row.counterfactual.value,
            "counterfactual_importance_kl": _kl(row.counterfactual_kl),
            "forced_importance_accuracy": row.forced,
            "different_trajectories_fraction": row.unlike,
        }


def _kl(found: DivergenceDoc | None) -> Number:
    return None if found is None else found.value
