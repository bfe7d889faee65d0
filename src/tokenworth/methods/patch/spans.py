"""Which spans of a trace are hidden, and which windows they are compared with."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from tokenworth.errors import InvalidInput

TokenSpan = tuple[int, int]
"""From its first token to before its end."""
_BREAK = re.compile(r"(?<=[.!?])\s+|\n+")


def sentences(pieces: Sequence[str]) -> tuple[TokenSpan, ...]:
    """The sentences of a trace: white space after a full stop, question or exclamation mark, or a new line, begins another."""
    starts = np.cumsum([0, *(len(piece) for piece in pieces)])
    text = "".join(pieces)
    cuts = [0, *(int(np.searchsorted(starts, one.start())) for one in _BREAK.finditer(text)), len(pieces)]
    edges = sorted(set(cuts))
    return tuple(zip(edges, edges[1:], strict=False))


def named(spans: Sequence[TokenSpan], n_trace: int) -> tuple[TokenSpan, ...]:
    """The spans that were asked for. Raises InvalidInput for one that is not within the trace."""
    for first, end in spans:
        if end > n_trace:
            raise InvalidInput(f"span {first}-{end - 1}: the trace has {n_trace} tokens, 0 to {n_trace - 1}; choose a span within it")
    return tuple(sorted(spans))


def windows_of(span: TokenSpan, n_trace: int, gap: int, most: int) -> tuple[TokenSpan, ...]:
    """Windows of the same length at least ``gap`` tokens away, evenly spread."""
    length = span[1] - span[0]
    there = [w for w in range(n_trace - length + 1) if w + length + gap <= span[0] or w >= span[1] + gap]
    if len(there) > most:
        there = [there[int((i + 0.5) * len(there) / most)] for i in range(most)]
    return tuple((w, w + length) for w in there)


def earlier_window(span: TokenSpan, gap: int, rng: np.random.Generator) -> TokenSpan | None:
    """A window of the same length before the span, at least ``gap`` tokens away; None where there is no room."""
    length = span[1] - span[0]
    room = span[0] - gap - length
    if room < 0:
        return None
    first = int(rng.integers(room + 1))
    return first, first + length
