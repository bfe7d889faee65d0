"""A trace as `align` reads it: its text, its sentences, and every quantity that is known along it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, Int

from tokenworth.core.document import Document, TraceDoc
from tokenworth.core.problem import Problem
from tokenworth.core.table import trace_id
from tokenworth.methods.curve.document import CurveDoc
from tokenworth.methods.forced.document import ForcedDoc
from tokenworth.methods.segments import SENTENCE
from tokenworth.methods.survey.readings import of_exit
from tokenworth.methods.survey.rows import question_key

Span = tuple[int, int]
"""Cuts before and after a place."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Along:
    """A quantity at the cuts where it was measured."""

    cuts: Int[np.ndarray, " reading"]
    values: Float[np.ndarray, " reading"]

    def around(self, span: Span) -> tuple[int, int] | None:
        """The last reading at or before a place and the first at or after it; None where one of them is missing."""
        before = int(np.searchsorted(self.cuts, span[0], side="right")) - 1
        after = int(np.searchsorted(self.cuts, span[1], side="left"))
        return (before, after) if before >= 0 and after < len(self.cuts) else None

    def at(self, cut: int) -> float:
        """The last reading at or before a cut, NaN where there is none."""
        index = int(np.searchsorted(self.cuts, cut, side="right")) - 1
        return float(self.values[index]) if index >= 0 and cut >= 0 else float("nan")


@dataclass(slots=True, kw_only=True, eq=False)
class AlignedTrace:
    """One trace, with what all documents of it say."""

    question: str
    problem: Problem | None
    text: str
    starts: Int[np.ndarray, " unit"]
    """Where each unit begins, in characters."""
    p: Float[np.ndarray, " unit"]
    """Probability of each unit, NaN where it is not known."""
    sentence: Int[np.ndarray, " unit"]
    """Units in the sentence of each unit."""
    begins: Bool[np.ndarray, " unit"]
    """Whether a unit begins a sentence."""
    tags: tuple[tuple[int, str], ...]
    """(unit, tag) of sentences that a source has tagged."""
    own: str | None
    verdict: str
    along: dict[str, Along] = field(default_factory=dict[str, Along])

    @property
    def n(self) -> int:
        """Units of the trace."""
        return len(self.starts)

    def span(self, first: int, end: int) -> Span | None:
        """The cuts before and after these characters; None for none."""
        if not 0 <= first < end <= len(self.text):
            return None
        a = int(np.searchsorted(self.starts, first, side="right")) - 1
        b = int(np.searchsorted(self.starts, end, side="left"))
        return (a, b) if b > a >= 0 else None


def traces_of(documents: Iterable[Document]) -> Iterator[AlignedTrace]:
    """The traces of curves and forced answers, each once with all that is known of it."""
    found: dict[str, AlignedTrace] = {}
    for document in documents:
        if not isinstance(document, CurveDoc | ForcedDoc):
            continue
        name = trace_id(document.model.name, document.trace)
        if name not in found:
            found[name] = _trace(document.problem, document.trace, name)
        trace = found[name]
        trace.along.update(_along(document))
        if isinstance(document, CurveDoc):
            trace.tags = trace.tags or tuple((one.cut, one.label) for one in document.events if one.kind == "note" and one.cut < trace.n)
        if document.trace.probabilities is not None and np.isnan(trace.p).all():
            trace.p = np.asarray([np.nan if x is None else x for x in document.trace.probabilities], dtype=np.float64)
    return iter(found.values())


def _trace(problem: Problem | None, trace: TraceDoc, name: str) -> AlignedTrace:
    lengths = np.asarray([len(piece) for piece in trace.pieces], dtype=np.int64)
    starts = np.cumsum(lengths) - lengths if len(lengths) else np.zeros(0, dtype=np.int64)
    text = "".join(trace.pieces)
    edges = starts if trace.unit == "sentence" else np.asarray([0, *(one.end() for one in SENTENCE.finditer(text))], dtype=np.int64)
    which = np.searchsorted(edges, starts, side="right") - 1
    size = np.bincount(which, minlength=len(edges)) if len(which) else np.zeros(1, dtype=np.int64)
    sentence = lengths if trace.unit == "sentence" else size[which] if len(which) else lengths
    return AlignedTrace(
        question=question_key(problem, name),
        problem=problem,
        text=text,
        starts=starts,
        p=np.full(len(starts), np.nan),
        sentence=sentence.astype(np.int64),
        begins=np.append(True, np.diff(which) > 0)[: len(which)] if len(which) else np.zeros(0, dtype=np.bool_),
        tags=(),
        own=trace.outcome,
        verdict=trace.verdict,
    )


def _along(document: Document) -> Mapping[str, Along]:
    """What one document says along its trace. Readings that a source holds are none."""
    if isinstance(document, CurveDoc):
        values = np.asarray([np.nan if x is None else x for x in document.value], dtype=np.float64)
        known = np.isfinite(values)
        return {"value": Along(cuts=np.asarray(document.cuts, dtype=np.int64)[known], values=values[known])}
    if not isinstance(document, ForcedDoc) or not document.exits:
        return {}
    readings = of_exit(document.exits[0]).known()
    if not len(readings.cuts):
        return {}
    own = int(np.argmax(readings.probability[-1]))
    gold = None if document.problem is None or document.problem.gold not in readings.options else document.problem.gold
    if readings.held is not None:
        readings = readings.at(np.flatnonzero(~readings.held))
    named = {"forced own": own} | ({} if gold is None else {"forced gold": readings.options.index(gold)})
    return {name: Along(cuts=readings.cuts, values=readings.shares[:, option]) for name, option in sorted(named.items())}
