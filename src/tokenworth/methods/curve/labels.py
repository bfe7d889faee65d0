"""Outcome labels of a run as indices, with which of them are correct."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from jaxtyping import Float, Int

from tokenworth.core.grade import Grade, Judge, Verdict
from tokenworth.core.request.sample import Rollout
from tokenworth.core.tokens import Trace
from tokenworth.methods.curve.result import Draw

LabelIndex = dict[tuple[str, Verdict], int]


def grade_draw(trace: Trace, judge: Judge, *, cut: int, index: int, leaves: bool, rollout: Rollout) -> Draw:
    """A rollout with its grade; the judge sees the whole completion, kept tokens included."""
    grade = judge(trace.sequence.completion[:cut] + rollout.ids, rollout.stop)
    return Draw(cut=cut, index=index, leaves=leaves, rollout=rollout, grade=grade)


def index_labels(base: Grade, draws: Iterable[Draw]) -> tuple[tuple[str, ...], LabelIndex]:
    """Outcome labels in sorted order, and the index of each (label, verdict).

    Two grades with one label and different verdicts (a grader that accepts several spellings) share the label's index only in the
    outcome distribution; the value counts verdicts, so the pair is the key.
    """
    pairs = sorted({(base.outcome, base.verdict), *((d.grade.outcome, d.grade.verdict) for d in draws)})
    labels = tuple(sorted({label for label, _ in pairs}))
    return labels, {pair: i for i, pair in enumerate(pairs)}


def group_matrix(labels: tuple[str, ...], pairs: LabelIndex) -> Float[np.ndarray, "pair group"]:
    """Column 0 marks the correct pairs (the value), column 1 + j the pairs of label j (the outcome distribution)."""
    groups = np.zeros((len(pairs), 1 + len(labels)))
    for (label, verdict), i in pairs.items():
        groups[i, 0] = verdict is Verdict.CORRECT
        groups[i, 1 + labels.index(label)] = 1.0
    return groups


def draw_indices(draws: Iterable[Draw], pairs: LabelIndex) -> Int[np.ndarray, " draw"]:
    """The pair index of each draw."""
    return np.asarray([pairs[d.grade.outcome, d.grade.verdict] for d in draws], dtype=np.int64)
