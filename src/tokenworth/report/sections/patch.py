"""What a page shows of patches: what each sentence carries, by every way of hiding it, and from which layer on a moved state answers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tokenworth.core.estimate import Estimate
from tokenworth.methods.patch.document import PatchDoc, ReadEffect, SpanRow, TransplantDoc
from tokenworth.report.facts import FactView, model_fact, provenance_facts
from tokenworth.report.pieces.matrix import Matrix
from tokenworth.report.sections.sheet import NONE, SheetCell, SheetColumn, SheetView, cell, number_cell, sheet_section

LARGE = 0.3
"""An effect that is named above the table."""


def _sheets(doc: PatchDoc) -> Iterator[SheetView]:
    facts = tuple(_facts(doc))
    drawn = doc.samples is not None
    columns = [SheetColumn(name="tokens", kind="text"), SheetColumn(name="text", kind="text", width=30)]
    columns.append(SheetColumn(name="forced change", kind="difference"))
    columns += [SheetColumn(name=f"hidden, {name}", kind="difference") for name in ("direct", "total") if _has(doc, name)]
    if drawn:
        columns += [SheetColumn(name=name, kind="difference") for name in ("value jump", "regenerated", "window regenerated")]
    yield SheetView(
        title="Patch",
        lead=tuple(_lead(doc)),
        caption="" if doc.target is None else f"P({doc.target}) with the span less P({doc.target}) without it",
        level=doc.level if drawn else None,
        columns=tuple(columns) if doc.rows else (),
        rows=tuple(_row(doc, row) for row in doc.rows),
        facts=facts,
        notes=doc.notes,
        pieces=(_picture(doc),) if doc.rows else (),
    )
    if doc.transplant is not None:
        yield _moved(doc, doc.transplant, facts)


def _picture(doc: PatchDoc) -> Matrix:
    """Spans down, what was done to each across."""
    ways = [name for name in ("direct", "total") if _has(doc, name)]
    names = ["forced change", *ways, *(("jump", "regenerated", "window") if doc.samples is not None else ())]
    values = [
        [
            row.forced_change,
            *(None if (one := getattr(row, way)) is None else one.change for way in ways),
            *(None if one is None else one.value for one in ((row.jump, row.regenerated, row.window) if doc.samples is not None else ())),
        ]
        for row in doc.rows
    ]
    return Matrix(
        values=np.asarray([[np.nan if x is None else x for x in row] for row in values], dtype=np.float64),
        scale="difference",
        rows=tuple(f"{row.first}–{row.end - 1} {row.text.strip()}" for row in doc.rows),
        columns=tuple(names),
        row_axis="span",
        column_axis="what is compared",
        what=f"P({doc.target}) with it less without it",
    )


def _has(doc: PatchDoc, name: str) -> bool:
    return any(getattr(row, name) is not None for row in doc.rows)


def _row(doc: PatchDoc, row: SpanRow) -> tuple[SheetCell, ...]:
    cells = [cell(f"{row.first}–{row.end - 1}"), cell(row.text), _plain(row.forced_change)]
    cells += [_effect(one) for name, one in (("direct", row.direct), ("total", row.total)) if _has(doc, name)]
    if doc.samples is not None:
        cells += [number_cell(one, form="+.2f") for one in (row.jump, row.regenerated, row.window)]
    return tuple(cells)


def _effect(one: ReadEffect | None) -> SheetCell:
    """The change, and where it stands among windows of the same length."""
    if one is None or one.change is None:
        return cell(NONE)
    place = "" if one.percentile is None else f" (above {one.percentile:.0%} of {one.windows})"
    return number_cell(Estimate(value=one.change, low=None, high=None), main=f"{one.change:+.2f}{place}", limits="")


def _plain(value: float | None, form: str = "+.2f") -> SheetCell:
    return cell(NONE) if value is None else number_cell(Estimate(value=value, low=None, high=None), form=form, limits="")


def _lead(doc: PatchDoc) -> Iterator[str]:
    if doc.target is None or doc.share is None:
        return
    yield f"the forced answer at the end names {doc.target} with a share of {doc.share:.2f}"
    total = [row for row in doc.rows if row.total is not None and row.total.change is not None and row.total.change > LARGE]
    if _has(doc, "total"):
        which = ", ".join(f"{row.first}–{row.end - 1}" for row in total)
        yield f"hidden from all that follows, {f'only tokens {which} take' if total else 'no span takes'} more than {LARGE:g} of it away"
    shown = [row for row in doc.rows if row.regenerated is not None and row.regenerated.low is not None and row.regenerated.low > 0]
    if doc.samples is not None:
        which = ", ".join(f"{row.first}–{row.end - 1}" for row in shown)
        yield f"rollouts that go on after {f'tokens {which}' if shown else 'no span'} are shown to need {'them' if shown else 'it'}"


def _moved(doc: PatchDoc, moved: TransplantDoc, facts: tuple[FactView, ...]) -> SheetView:
    first = next((layer for layer, share in enumerate(moved.donor) if share is not None and share > 0.5), None)
    said = "at no layer" if first is None else f"from layer {first} on"
    names = ("layer", f"P({moved.answer}), the donor's", f"P({doc.target})", f"P({moved.answer}), donor without a trace")
    lists = zip(moved.donor, moved.target, moved.control, strict=True)
    return SheetView(
        title="Transplant",
        lead=(f"the state that answers, moved from a trace that ends in {moved.answer}, gives that answer {said}",),
        caption=f"the donor: {moved.text.strip()}",
        columns=tuple(SheetColumn(name=name, kind="share" if i else "count") for i, name in enumerate(names)),
        rows=tuple((cell(str(layer)), *(_plain(x, ".2f") for x in row)) for layer, row in enumerate(lists)),
        facts=facts,
    )


def _facts(doc: PatchDoc) -> Iterator[FactView]:
    yield model_fact(doc.model)
    yield FactView(label="trace", value=f"{len(doc.trace.pieces):,} tokens", detail=f"own answer {doc.trace.outcome or 'none'}")
    if doc.samples is not None:
        yield FactView(label="rollouts", value=f"{doc.samples:,} at each end of a span, hidden or not")
    yield FactView(label="exit text", value=repr(doc.exit_text), minor=True)
    yield from provenance_facts(doc.provenance)


SECTION = sheet_section(_sheets)
