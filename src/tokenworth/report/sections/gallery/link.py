"""Which rows of a gallery are traces that the page holds whole."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import replace

from tokenworth.report.sections.gallery.model import GalleryView
from tokenworth.report.sections.traces.model import TraceView


def linked_gallery(gallery: GalleryView, traces: Sequence[TraceView]) -> GalleryView:
    """The gallery, each row with the index of the trace of its problem and length; of several such, in their order."""
    held: defaultdict[tuple[str, int], deque[int]] = defaultdict(deque)
    for index, trace in enumerate(traces):
        held[trace.problem_id, len(trace.pieces)].append(index)
    rows = zip(gallery.ids, gallery.tokens.tolist(), strict=True)
    return replace(gallery, trace=tuple(found.popleft() if (found := held[row]) else -1 for row in rows))
