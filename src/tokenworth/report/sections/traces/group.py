"""Which curve, forced and sample documents are about one trace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tokenworth.methods.curve.document import CurveDoc
from tokenworth.methods.forced.document import ForcedDoc
from tokenworth.methods.sample.document import SampleSetDoc
from tokenworth.report.sections.traces.model import TracesView
from tokenworth.report.sections.traces.view import trace_part


def grouped(documents: Sequence[CurveDoc | ForcedDoc | SampleSetDoc]) -> TracesView:
    """The traces of all documents: the measured ones in order, then the others; each keeps the sample set it belongs to.

    A curve has the forced answers of its trace and the samples of its problem; then come the samples left.
    """
    forceds = [d for d in documents if isinstance(d, ForcedDoc)]
    sets = [d for d in documents if isinstance(d, SampleSetDoc)]
    pairs: list[tuple[CurveDoc | None, ForcedDoc | None]] = []
    for curve in (d for d in documents if isinstance(d, CurveDoc)):
        partner = next((f for f in forceds if _same_trace(f, curve)), None)
        forceds = [f for f in forceds if f is not partner]
        pairs.append((curve, partner))
    pairs += [(None, forced) for forced in forceds]
    owned = [(curve, forced, _set_of(curve or forced, sets)) for curve, forced in pairs]
    parts: list[TracesView] = []
    listed: list[int] = []
    for curve, forced, samples in owned:
        # The other traces of a set are listed once, after the first measured one.
        elsewhere = None if id(samples) in listed else [d.trace for c, f, s in owned if s is samples and (d := c or f) is not None]
        parts.append(trace_part(curve, forced, samples, elsewhere=elsewhere))
        listed.append(id(samples))
    return _joined([*parts, *(trace_part(None, None, one) for one in sets if id(one) not in listed)])


def _joined(parts: Sequence[TracesView]) -> TracesView:
    sets = list(dict.fromkeys(s for part in parts for s in part.sets))
    traces = [t if t.sample_set < 0 else replace(t, sample_set=sets.index(p.sets[t.sample_set])) for p in parts for t in p.traces]
    return TracesView(
        titles=tuple(one for part in parts for one in part.titles),
        traces=tuple(sorted(traces, key=lambda t: not t.measured)),
        sets=tuple(sets),
    )


def _set_of(measured: CurveDoc | ForcedDoc | None, sets: Sequence[SampleSetDoc]) -> SampleSetDoc | None:
    """The sample set of a trace: the one that holds it, else the first of its problem and model."""
    if measured is None:
        return None
    trace = measured.trace
    same = [s for s in sets if s.problem == measured.problem and s.model == measured.model]
    for one in same:
        if any(t.pieces == trace.pieces and t.answer_pieces == trace.answer_pieces for t in one.traces):
            return one
    return next((s for s in same if s.problem is not None), None)


def _same_trace(forced: ForcedDoc, curve: CurveDoc) -> bool:
    a, b = forced.trace, curve.trace
    return a.unit == b.unit and a.pieces == b.pieces and a.prompt_ids == b.prompt_ids and forced.model == curve.model
