"""The experiment of `attention` on one trace: masses between its segments, and what hiding each of them does."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float, Int

from tokenworth.core.measure import Most, Need, Subject
from tokenworth.core.request.experiment import Experiment
from tokenworth.core.request.inside import NEEDS_WEIGHTS
from tokenworth.core.request.kind import Request
from tokenworth.core.request.masses import Masses, MassTable
from tokenworth.core.request.suppress import Suppress, SuppressTable
from tokenworth.core.tokens import TokenSequence, Trace, pieces_text
from tokenworth.errors import InvalidInput
from tokenworth.methods.attention.settings import AttentionSettings
from tokenworth.methods.segments import token_cuts

LEAST_SCORED = 10
"""Fewer scored segments have no peak worth the name: then the tokens, or runs of them, are the segments."""
MOST_SEGMENTS = 64
"""Tokens are taken in runs, so that there are no more segments than this."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TraceMasses:
    """Where the heads look in one trace."""

    question: str
    bounds: tuple[int, ...]
    unit: str
    texts: tuple[str, ...]
    mass: Float[np.ndarray, "layer head segment part"]
    effect: Float[np.ndarray, "segment segment"]
    """KL of each segment's distributions where another is hidden; NaN where it is not later, and where nothing was hidden."""
    control: Float[np.ndarray, "window segment"]
    """The same of windows of the same length."""
    of_window: Int[np.ndarray, " window"]
    """The segment that each window is compared with."""


def needs(settings: AttentionSettings) -> list[Need]:
    """Masses, and effects of hidden spans."""
    instead = {"sample": "sample, curve and anchors work: what sentences cause, not where heads look"}
    what = "attention of its heads"
    return [
        Need(able=kind, what=what, instead=instead, why=NEEDS_WEIGHTS) for kind in ("masses", *(["suppress"] if settings.spans else []))
    ]


def bounds_of(subject: Subject, trace: Trace, settings: AttentionSettings) -> tuple[tuple[int, ...], str]:
    """The bounds of the segments, and what these are: sentences, or runs of tokens where there are too few sentences.

    Raises InvalidInput for a trace that is too short for any.
    """
    pieces = subject.codec.piece_bytes(trace.ids)
    sentences = token_cuts(pieces, "sentence").tolist()
    if settings.procedure == "thought-anchors" and len(sentences) > settings.later + 1:
        return (*sentences, trace.n_trace), "sentence"
    if len(sentences) >= LEAST_SCORED + settings.later:
        return (*sentences, trace.n_trace), "sentence"
    width = -(-trace.n_trace // MOST_SEGMENTS)
    starts = list(range(0, trace.n_trace, max(1, width)))
    if len(starts) < LEAST_SCORED + settings.later:
        least = LEAST_SCORED + settings.later
        raise InvalidInput(
            f"a trace of {trace.n_trace} tokens: expected at least {least}, {LEAST_SCORED} beyond the gap; give a smaller --later"
        )
    return (*starts, trace.n_trace), "token" if width == 1 else f"{width} tokens"


def windows_of(bounds: tuple[int, ...], gap: int, n: int) -> tuple[list[tuple[int, int]], list[int]]:
    """For each segment up to n spans of its length elsewhere, evenly spread, at least ``gap`` segments before the last one."""
    spans: list[tuple[int, int]] = []
    owners: list[int] = []
    last = bounds[-1 - gap] if len(bounds) > gap else 0
    for j, (first, end) in enumerate(pairwise(bounds)):
        width = end - first
        starts = [s for s in range(0, last - width + 1) if s + width <= first or s >= end]
        for k in range(min(n, len(starts))):
            s = starts[round((k + 0.5) * len(starts) / n - 0.5)]
            spans.append((s, s + width))
            owners.append(j)
    return spans, owners


def attention_of(subject: Subject, settings: AttentionSettings) -> Experiment[TraceMasses]:
    """The masses of the base trace, and the effects."""
    assert subject.trace is not None
    trace = subject.trace
    bounds, unit = bounds_of(subject, trace, settings)
    sequence = TokenSequence(prompt=trace.sequence.prompt, completion=trace.ids)
    spans, owners = windows_of(bounds, settings.later, settings.spans)
    asked: list[Request] = [Masses(sequence=sequence, bounds=bounds)]
    if settings.spans:
        asked.append(Suppress(sequence=sequence, bounds=bounds, spans=(*pairwise(bounds), *spans)))
    masses, *hidden = yield tuple(asked)
    assert isinstance(masses, MassTable)
    n = len(bounds) - 1
    effect, control = np.full((n, n), np.nan), np.zeros((0, n))
    if hidden:
        (table,) = hidden
        assert isinstance(table, SuppressTable)
        effect, control = table.mean[:n].astype(np.float64), table.mean[n:].astype(np.float64)
    texts = pieces_text(subject.codec.piece_bytes(trace.ids))
    return TraceMasses(
        question=subject.problem.id if subject.problem is not None else "",
        bounds=bounds,
        unit=unit,
        texts=tuple("".join(texts[a:b]) for a, b in pairwise(bounds)),
        mass=masses.cube.astype(np.float64),
        effect=effect,
        control=control,
        of_window=np.asarray(owners if hidden else [], dtype=np.int64),
    )


def most(subject: Subject, settings: AttentionSettings) -> list[Most]:
    """One pass for the masses, and one for each hidden span."""
    room = max(2, subject.longest_trace)
    longest = TokenSequence(prompt=subject.prompt, completion=(0,) * room)
    bounds = tuple(range(0, room, -(-room // MOST_SEGMENTS)))
    masses = Masses(sequence=longest, bounds=(*bounds, room))
    found = [Most(n=1, reads=masses, writes=masses)]
    if settings.spans:
        spans = ((0, 1),) * (len(bounds) * (1 + settings.spans))
        hidden = Suppress(sequence=longest, bounds=(*bounds, room), spans=spans)
        found.append(Most(n=1, reads=hidden, writes=hidden))
    return found
