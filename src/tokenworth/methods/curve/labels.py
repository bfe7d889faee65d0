"""Outcome labels of a run as indices, with which of them meet the target."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from tokenworth.core.grade import Grade, Judge
from tokenworth.core.request.sample import Rollout
from tokenworth.core.tokens import Codec, Trace
from tokenworth.methods.curve.result import GradedRollout
from tokenworth.tasks.target import Target

LabelIndex = dict[tuple[str, bool], int]
"""(outcome, whether it meets the target) -> index."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reader:
    """Grades completions of one trace and asks whether they meet the target."""

    trace: Trace
    judge: Judge
    target: Target
    codec: Codec | None = None
    """Needed by targets that read the text."""

    def draw(self, rollout: Rollout, *, cut: int, index: int, leaves: bool) -> GradedRollout:
        """A rollout with its grade; judge and target see the whole completion, kept tokens included."""
        ids = self.trace.sequence.completion[:cut] + rollout.ids
        grade = self.judge(ids, rollout.stop)
        return GradedRollout(cut=cut, index=index, leaves=leaves, rollout=rollout, grade=grade, hit=self.hits(grade, ids))

    def hits(self, grade: Grade, ids: tuple[int, ...]) -> bool:
        """Whether a completion meets the target."""
        return self.target.hits(grade, lambda: "" if self.codec is None else self.codec.decode(ids))

    def base(self) -> tuple[Grade, bool]:
        """The grade of the base's own answer, and whether it meets the target."""
        ids, stop = self.trace.sequence.completion, self.trace.stop
        grade = self.judge(ids, stop)
        return grade, self.hits(grade, ids)


def index_labels(base: tuple[Grade, bool], draws: Iterable[GradedRollout]) -> tuple[tuple[str, ...], LabelIndex]:
    """Outcome labels in sorted order, and the index of each (label, hit).

    Two rollouts with one label of which one meets the target (a grader that accepts several spellings) share the label's index only in
    the outcome distribution; the value counts hits, so the pair is the key.
    """
    pairs = sorted({(base[0].outcome, base[1]), *((d.grade.outcome, d.hit) for d in draws)})
    labels = tuple(sorted({label for label, _ in pairs}))
    return labels, {pair: i for i, pair in enumerate(pairs)}


def group_matrix(labels: tuple[str, ...], pairs: LabelIndex) -> Float[np.ndarray, "pair group"]:
    """Column 0 marks the pairs that meet the target (the value), column 1 + j the pairs of label j (the outcome distribution)."""
    groups = np.zeros((len(pairs), 1 + len(labels)))
    for (label, hit), i in pairs.items():
        groups[i, 0] = hit
        groups[i, 1 + labels.index(label)] = 1.0
    return groups


def draw_indices(draws: Iterable[GradedRollout], pairs: LabelIndex) -> Int[np.ndarray, " draw"]:
    """The pair index of each draw."""
    return np.asarray([pairs[d.grade.outcome, d.hit] for d in draws], dtype=np.int64)
