"""The rows of all questions together, as arrays, and the features that are compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from tokenworth.errors import InvalidInput
from tokenworth.methods.probe.result import QuestionRows
from tokenworth.stats.nested import Labelled

SPARE = 2
"""A token that fewer questions than this contain is no feature: it could only name its question."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pool:
    """Rows with a label. ``labelled.y`` has one column for two classes and for shares."""

    questions: tuple[str, ...]
    strata: tuple[str, ...]
    stratum: Int[np.ndarray, " row"]
    trace: Int[np.ndarray, " row"]
    slot: Int[np.ndarray, " row"]
    cut: Int[np.ndarray, " row"]
    last_token: Int[np.ndarray, " row"]
    layers: tuple[int, ...]
    states: Float[np.ndarray, "layer row width"]
    label: Float[np.ndarray, " row"]
    classes: tuple[str, ...]
    labelled: Labelled
    words: Float[np.ndarray, "row token"]
    length: Float[np.ndarray, "row position"]
    forced: Float[np.ndarray, "row reading"]
    forced_gold: Float[np.ndarray, " row"]

    def part(self, rows: Int[np.ndarray, " chosen"]) -> Labelled:
        """What is to be predicted of some rows."""
        one = self.labelled
        return Labelled(y=one.y[rows], weight=one.weight[rows], question=one.question[rows], kind=one.kind[rows])


def pooled(found: Sequence[QuestionRows]) -> Pool:
    """The rows that have a label. Raises InvalidInput where questions have different classes."""
    kept = [(one, np.flatnonzero(np.isfinite(one.label))) for one in found if np.isfinite(one.label).any()]
    classes = {one.classes for one, _ in kept}
    if len(classes) > 1:
        first, second, *_ = sorted(classes)
        raise InvalidInput(
            f"the questions have different options ({', '.join(first)}; {', '.join(second)}); give those of one kind at a time"
        )
    names = next(iter(classes), ())
    question = np.repeat(np.arange(len(kept)), [len(rows) for _, rows in kept])

    def column(name: str) -> np.ndarray:
        return np.concatenate([getattr(one, name)[rows] for one, rows in kept]) if kept else np.zeros(0)

    label = column("label").astype(np.float64)
    strata = tuple(sorted({one.stratum for one, _ in kept}))
    stratum = np.asarray([strata.index(one.stratum) for one, _ in kept], dtype=np.int64)[question]
    ids = [one.ids[row] for one, rows in kept for row in rows.tolist()]
    cut = column("cut").astype(np.int64)
    prompt = np.asarray([one.prompt_tokens for one, _ in kept], dtype=np.float64)[question]
    return Pool(
        questions=tuple(one.question for one, _ in kept),
        strata=strata,
        stratum=stratum,
        trace=column("trace").astype(np.int64),
        slot=column("slot").astype(np.int64),
        cut=cut,
        last_token=np.asarray([one[-1] for one in ids], dtype=np.int64),
        layers=kept[0][0].layers if kept else (),
        states=np.moveaxis(column("states"), 1, 0) if kept else np.zeros((0, 0, 0)),
        label=label,
        classes=names,
        labelled=labelled_by(label, names, column("draws").astype(np.float64), question, stratum),
        words=word_counts(ids, question),
        length=np.column_stack([prompt, cut, np.log1p(cut)]).astype(np.float64),
        forced=column("forced").reshape(len(label), -1),
        forced_gold=column("forced_gold").astype(np.float64),
    )


def labelled_by(
    label: Float[np.ndarray, " row"],
    classes: tuple[str, ...],
    draws: Float[np.ndarray, " row"],
    question: Int[np.ndarray, " row"],
    stratum: Int[np.ndarray, " row"],
) -> Labelled:
    """One column of shares, or of the second of two classes, or one for each of several classes."""
    if len(classes) > 2:
        y = (label[:, None] == np.arange(len(classes))).astype(np.float64)
    else:
        y = label[:, None]
    kind = stratum * 64 + np.minimum(63, np.floor(label * (1 if classes else 4)).astype(np.int64))
    return Labelled(y=y, weight=draws, question=question, kind=kind)


def word_counts(ids: Sequence[tuple[int, ...]], question: Int[np.ndarray, " row"]) -> Float[np.ndarray, "row token"]:
    """How often each token occurs in a row, as log(1 + count); of tokens that `SPARE` questions contain, and not all rows alike."""
    tokens, column = np.unique(np.concatenate([np.asarray(one, dtype=np.int64) for one in ids] or [np.zeros(0)]), return_inverse=True)
    row = np.repeat(np.arange(len(ids)), [len(one) for one in ids])
    counts = np.zeros((len(ids), len(tokens)))
    np.add.at(counts, (row, column), 1)
    there = np.zeros((int(question.max(initial=-1)) + 1, len(tokens)), dtype=bool)
    np.logical_or.at(there, question, counts > 0)
    return np.log1p(counts[:, (there.sum(axis=0) >= SPARE) & (np.ptp(counts, axis=0) > 0)]) if len(ids) else np.zeros((0, 0))
