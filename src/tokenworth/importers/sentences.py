"""Sentence-level traces: the source's sentences laid over the text they were cut from, and intervals for their rates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tokenworth.core.document import Number
from tokenworth.stats.proportion import wilson

LEVEL = 0.95
"""Confidence level of imported intervals; the sources give none."""
WILSON_NOTE = "Resamples of one cut are independent with one success probability; Wilson score interval"


def split_text(text: str, sentences: Sequence[str]) -> tuple[str, ...] | None:
    """``text`` cut where each sentence begins; the pieces, white space included, join to ``text`` again.

    The sentences must follow one another in the text, white space aside (the sources strip and fold it); what is left
    after the last is a separate piece. None where they do not.
    """
    starts: list[int] = []
    at = 0
    for sentence in sentences:
        start: int | None = None
        for mark in sentence:
            if mark.isspace():
                continue
            while at < len(text) and text[at].isspace():
                at += 1
            if at >= len(text) or text[at] != mark:
                return None
            start = at if start is None else start
            at += 1
        if start is None:
            return None
        starts.append(start)
    if not starts:
        return (text,) if text else ()
    starts[0] = 0
    ends = [*starts[1:], at if text[at:].strip() else len(text)]
    pieces = [text[start:end] for start, end in zip(starts, ends, strict=True)]
    return (*pieces, text[ends[-1] :]) if ends[-1] < len(text) else tuple(pieces)


def rejoined(sentences: Sequence[str]) -> tuple[str, ...]:
    """The sentences with one space between them: the text if the original is not available."""
    return tuple(sentence + " " for sentence in sentences[:-1]) + tuple(sentences[-1:])


def answered(rate: float, stored: int) -> int:
    """How many of ``stored`` resamples the rate was taken over.

    The sources leave resamples without an answer out of the rate and do not say how many were left: this is the largest
    count, at most ``stored``, that gives the rate as a whole number of successes; ``stored`` where none does.
    """
    for count in range(stored, 0, -1):
        if abs(rate * count - round(rate * count)) < 1e-6:
            return count
    return stored


def limits(rates: Sequence[Number], counts: Sequence[int]) -> tuple[tuple[Number, ...], tuple[Number, ...]]:
    """Wilson limits at level .95 of each rate over its count; None where there is no rate."""
    n = np.asarray(counts, dtype=np.float64)
    k = np.asarray([0 if rate is None else round(rate * count) for rate, count in zip(rates, counts, strict=True)], dtype=np.float64)
    low, high = wilson(k, n, LEVEL)

    def kept(side: Sequence[float]) -> tuple[Number, ...]:
        return tuple(None if rate is None else value for rate, value in zip(rates, side, strict=True))

    return kept(low.tolist()), kept(high.tolist())
