"""What a page shows of attention: the heads that look back, how that goes with what hiding does, and the segments looked at most."""

from __future__ import annotations

from collections.abc import Iterator

from tokenworth.core.estimate import Estimate
from tokenworth.methods.attention.document import AttentionDoc, LookedDoc
from tokenworth.report.facts import FactView, model_fact, provenance_facts
from tokenworth.report.pieces.marked import Marked
from tokenworth.report.sections.sheet import NONE, SheetCell, SheetColumn, SheetView, cell, number_cell, sheet_section

MOST_HEADS, MOST_SEGMENTS, MOST_TRACES = 12, 20, 6
"""Rows of the tables of heads and of segments, and traces that are drawn."""


def _sheets(doc: AttentionDoc) -> Iterator[SheetView]:
    facts = tuple(_facts(doc))
    yield _heads(doc, facts)
    yield SheetView(
        title="Attention and effect",
        caption="Rank correlation, within traces, of how much later segments look at a segment with what hiding it does to them:",
        level=doc.level,
        columns=(SheetColumn(name="score", kind="text", width=20), SheetColumn(name="ρ", kind="difference", width=24, right=True)),
        rows=tuple((cell(one.score), number_cell(one.correlation, form="+.2f")) for one in doc.agreement),
        facts=facts,
    )
    yield SheetView(
        title="Other gaps",
        columns=(
            SheetColumn(name="gap", kind="count", width=6),
            SheetColumn(name="heads", kind="text", width=30),
            SheetColumn(name="shared", kind="count", width=8, right=True),
        ),
        rows=tuple((cell(one.gap), cell(", ".join(f"{a}.{b}" for a, b in one.heads)), cell(one.shared)) for one in doc.gaps),
        facts=facts,
    )
    yield _segments(doc, facts)


def _heads(doc: AttentionDoc, facts: tuple[FactView, ...]) -> SheetView:
    return SheetView(
        title=f"Receiver heads: {doc.task}, {doc.model.name}",
        lead=tuple(_lead(doc)),
        caption="Peak: how much the segments that later ones look at are one (1), or all alike (0):",
        level=doc.level,
        columns=(
            SheetColumn(name="head", kind="text", width=8),
            SheetColumn(name="", kind="text", width=10),
            SheetColumn(name="chosen by", kind="text", width=11, right=True),
            SheetColumn(name="peak", kind="share", width=20, right=True),
            SheetColumn(name="recency", kind="share", width=10, right=True),
        ),
        rows=tuple(
            (
                cell(f"{one.layer}.{one.head}"),
                cell("receiver" if one.receiver else ""),
                cell(NONE if one.chosen_by is None else f"{one.chosen_by:.2f}"),
                number_cell(one.peak),
                _plain(one.recency),
            )
            for one in doc.heads[:MOST_HEADS]
        ),
        facts=facts,
        notes=doc.notes,
    )


def _lead(doc: AttentionDoc) -> Iterator[str]:
    described = sum(not one.chooses for one in doc.traces)
    yield f"{len(doc.traces):,} traces; {described:,} of them had no part in the choice"
    if doc.random_peak is not None:
        yield f"the receivers' mean peak is above that of {doc.random_peak:.0%} of random heads of the same layers"
    if doc.reliability is not None:
        yield f"ranking in the two halves of the questions: r = {doc.reliability:.2f}; reliable is not valid"
    if doc.percentile.value is not None:
        low, high = (NONE if x is None else f"{x:.2f}" for x in (doc.percentile.low, doc.percentile.high))
        yield f"hiding a segment does more than hiding {doc.percentile.value:.0%} of spans of its length [{low}, {high}]; half is chance"


def _segments(doc: AttentionDoc, facts: tuple[FactView, ...]) -> SheetView:
    rows = [(one, k) for one in doc.traces for k, x in enumerate(one.strength) if x is not None]
    rows.sort(key=lambda row: -(row[0].strength[row[1]] or 0.0))
    return SheetView(
        title="Segments looked at most",
        columns=(
            SheetColumn(name="question", kind="text", width=22),
            SheetColumn(name="segment", kind="text", width=30),
            SheetColumn(name="receivers", kind="share", width=11, right=True),
            SheetColumn(name="random heads", kind="share", width=14, right=True),
            SheetColumn(name="KL, nats", kind="text", width=10, right=True),
            SheetColumn(name="percentile", kind="share", width=12, right=True),
        ),
        rows=tuple(_segment(one, k) for one, k in rows[:MOST_SEGMENTS]),
        facts=facts,
        pieces=tuple(_marked(one) for one in doc.traces[:MOST_TRACES]),
    )


def _marked(one: LookedDoc) -> Marked:
    """A trace coloured by where the receiver heads look."""
    known = [x for x in one.strength if x is not None]
    return Marked(
        pieces=one.texts,
        title=one.question,
        colour=one.strength,
        what="mean share that later segments of the receiver heads give it; no claim",
        palette="probability",
        high=max(known, default=1.0) or 1.0,
    )


def _segment(one: LookedDoc, k: int) -> tuple[SheetCell, ...]:
    effect = one.effect[k]
    return (
        cell(one.question),
        cell(f"{k}: {one.texts[k].strip()[:60]}"),
        _plain(one.strength[k]),
        _plain(one.random[k]),
        cell(NONE if effect is None else f"{effect:.3f}"),
        _plain(one.percentile[k]),
    )


def _plain(value: float | None) -> SheetCell:
    return cell(NONE) if value is None else number_cell(Estimate(value=value, low=None, high=None), limits="")


def _facts(doc: AttentionDoc) -> Iterator[FactView]:
    yield model_fact(doc.model)
    yield FactView(label="procedure", value=doc.procedure)
    yield FactView(label="gap", value=f"{doc.gap} segments")
    yield FactView(label="seed", value=str(doc.seed), minor=True)
    yield from provenance_facts(doc.provenance)


SECTION = sheet_section(_sheets)
