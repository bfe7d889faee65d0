"""From a document of verified traces to its view: the tables with their two-way cells, and each trace in its place."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from tokenworth.core.estimate import Estimate
from tokenworth.core.verification import Drawing
from tokenworth.methods.verify.document import ANSWER_STATES, TRACE_STATES, TableDoc, VerifiedDoc, VerifiedTraceDoc
from tokenworth.methods.verify.table import state_of
from tokenworth.report.facts import provenance_facts
from tokenworth.report.sections.verified.codes import explained
from tokenworth.report.sections.verified.model import CodeView, FormalTableView, FormalTraceView, FormalView, JointView, VerifiedView
from tokenworth.stats.proportion import share

_LARGEST = 200
"""Rows and columns of a grid that is drawn."""


def verified_part(documents: Sequence[VerifiedDoc]) -> VerifiedView:
    """The view of some documents; they are not joined with measured traces yet."""
    return VerifiedView(documents=tuple(map(formal_view, documents)))


def formal_view(doc: VerifiedDoc) -> FormalView:
    """The view of one document."""
    listed = Counter(t.group for t in doc.traces)
    tables = tuple(_table(t, listed[t.group], doc.level) for t in doc.tables)
    place = {t.group: i for i, t in enumerate(doc.tables)}
    tiers = {v.code: v.tier for t in doc.traces for v in t.verification.violations}
    return FormalView(
        domain=doc.domain,
        dialect=doc.dialect,
        strictness=doc.strictness,
        version=doc.version,
        codes=tuple(CodeView(name=c, tier=tier.value, text=explained(c, tier, doc.domain)) for c, tier in sorted(tiers.items())),
        tables=tables,
        traces=tuple(_trace(t, place.get(t.group, -1)) for t in doc.traces),
        facts=tuple(provenance_facts(doc.provenance)),
        notes=tuple(dict.fromkeys(doc.notes)),
    )


def _table(doc: TableDoc, listed: int, level: float) -> FormalTableView:
    return FormalTableView(
        group=doc.group,
        n=doc.n,
        listed=listed,
        n_unparsed=doc.n_unparsed,
        n_unknown=doc.n_unknown,
        level=level,
        joint=tuple(_joint(doc, level)),
        cells=doc.cells,
        shares=doc.shares,
        odds=doc.odds,
        first_errors=_ranked(doc.first_errors),
    )


def _joint(doc: TableDoc, level: float) -> Iterable[JointView]:
    """Every two-way cell with its Wilson interval; the unparsed and the traceless are always among them."""
    counts = Counter[tuple[str, str]]()
    for cell in doc.cells:
        counts[cell.trace, cell.answer] += cell.n
    for trace in TRACE_STATES:
        for answer in ANSWER_STATES:
            n = counts[trace, answer]
            known = share(n, doc.n, level) if doc.n else Estimate(value=None, low=None, high=None)
            yield JointView(trace=trace, answer=answer, n=n, share=known.value, low=known.low, high=known.high)


def _ranked(counts: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple((code, n) for code, n in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])) if n > 0)


def _trace(doc: VerifiedTraceDoc, table: int) -> FormalTraceView:
    found = doc.verification
    head, tail = _parts(doc)
    state, link, _ = state_of(found)
    return FormalTraceView(
        id=doc.id,
        group=doc.group,
        table=table,
        state=state,
        link=link,
        answer=doc.answer if doc.answer in ANSWER_STATES else "unknown",
        plan_valid=found.plan_valid,
        plan_optimal=found.plan_optimal,
        prompt=doc.prompt,
        text=doc.text,
        head=head,
        tail=tail,
        violations=found.violations,
        counts=_ranked(found.counts),
        n_events=found.n_events,
        drawing=_drawable(doc.drawing),
        facts=tuple((str(k), _shown(v)) for k, v in found.facts.items()),
    )


def _parts(doc: VerifiedTraceDoc) -> tuple[int, int]:
    """Where the trace begins and ends in the text: what is before the first event is prompt, what is after the last one is answer.

    Of a text that was not parsed nothing is known, and what a violation of an event is about is never taken for prompt or answer.
    """
    steps = doc.drawing.steps if doc.drawing is not None else ()
    if not steps or not doc.verification.parsed:
        return 0, len(doc.text)
    of_events = [s.chars for s in steps] + [v.chars for v in doc.verification.violations if v.event is not None]
    head, tail = min(a for a, _ in of_events), max(b for _, b in of_events)
    return max(0, min(head, len(doc.text))), max(0, min(tail, len(doc.text)))


def _drawable(drawing: Drawing | None) -> Drawing | None:
    """The drawing, or None for a grid that is too large to be seen: a text may claim any size."""
    if drawing is None or not (0 < drawing.rows <= _LARGEST and 0 < drawing.cols <= _LARGEST):
        return None
    return drawing


def _shown(value: object) -> str:
    try:
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    except (ValueError, RecursionError):
        return str(type(value).__name__)
