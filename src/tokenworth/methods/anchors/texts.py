"""The sentences of a base and of its excursions, and which of them are alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Int

from tokenworth.core.measure import FindWall
from tokenworth.core.tokens import Codec, Trace
from tokenworth.methods.anchors.similarity import Similarity
from tokenworth.methods.curve.result import GradedRollout
from tokenworth.methods.segments import sentences_of


class Alike:
    """For each draw: where it left, its own first sentence, whether that is unlike the base's, and the last sentence that is like each of
    the base's.

    A completion has the base's sentences up to the one that it leaves in; from there on it has its own, of its trace alone.
    """

    def __init__(
        self,
        trace: Trace,
        start: Int[np.ndarray, " sentence"],
        draws: Sequence[GradedRollout],
        *,
        codec: Codec,
        find_wall: FindWall,
        segment: str,
        similarity: Similarity,
        threshold: float,
    ) -> None:
        bounds = [*start.tolist(), trace.n_trace]
        base = [codec.decode(trace.ids[a:b]).strip() for a, b in zip(bounds[:-1], bounds[1:], strict=True)]
        cuts = np.asarray([draw.cut for draw in draws], dtype=np.int64)
        # Of a draw that leaves at the end of the trace or behind it: the number of sentences.
        self.sentence: Int[np.ndarray, " draw"] = np.where(cuts < trace.n_trace, np.searchsorted(start, cuts, side="right") - 1, len(base))
        own: list[tuple[str, ...]] = []
        for draw, at in zip(draws, self.sentence.tolist(), strict=True):
            ids = trace.sequence.completion[: draw.cut] + draw.rollout.ids
            first, wall = bounds[min(at, len(base))], find_wall(ids)
            kept = ids[first:wall] if draw.cut <= trace.n_trace else ()
            own.append(sentences_of(codec.decode(kept), codec.piece_bytes(kept), segment))
        self.first: tuple[str, ...] = tuple(one[0] if one else "" for one in own)
        texts = sorted({text for one in own for text in one})
        number = {text: i for i, text in enumerate(texts)}
        like = similarity(texts, base) >= threshold if texts and base else np.zeros((len(texts), len(base)), dtype=bool)
        of_base = similarity(base, base) >= threshold if base else np.zeros((0, 0), dtype=bool)
        np.fill_diagonal(of_base, True)
        self.unlike: Bool[np.ndarray, " draw"] = np.zeros(len(draws), dtype=bool)
        self.last: Int[np.ndarray, "draw sentence"] = np.full((len(draws), len(base)), -1, dtype=np.int64)
        before = _last(of_base, 0, cumulative=True)
        for i, (at, sentences) in enumerate(zip(self.sentence.tolist(), own, strict=True)):
            rows = like[[number[text] for text in sentences]]
            if at < len(base):
                # The trace that ends here instead is unlike any sentence.
                self.unlike[i] = not (len(rows) and rows[0, at])
            self.last[i] = np.maximum(before[at], _last(rows, at)) if len(base) else before[0]


def _last(rows: Bool[np.ndarray, "row sentence"], first: int, *, cumulative: bool = False) -> Int[np.ndarray, ...]:
    """The number of the last row that is true in each column, rows counted from ``first``, −1 for none; ``cumulative``: of the rows before
    each, none of them for the first."""
    numbered = np.where(rows, first + np.arange(len(rows))[:, None], -1)
    if not cumulative:
        return numbered.max(axis=0, initial=-1)
    return np.maximum.accumulate(np.vstack([np.full((1, rows.shape[1]), -1), numbered]), axis=0)
