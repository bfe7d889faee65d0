"""What a page shows of edits of traces: by kind, P(plan correct) before and after, and the difference."""

from __future__ import annotations

from collections.abc import Iterator

from tokenworth.methods.edits.document import EditsDoc
from tokenworth.methods.edits.groups import GroupEffect
from tokenworth.report.facts import FactView, model_fact, provenance_facts, sampler_text
from tokenworth.report.sections.sheet import SheetCell, SheetColumn, SheetView, cell, number_cell, sheet_section

_PLACE_TOLD = {"edit": "rollouts continue after the edit", "plan": "the whole trace is kept, the plan is drawn"}
_BASE_TOLD = {"solver": "the solver's valid traces", "model": "the model's valid traces"}
_REPAIR_TOLD = {"solver": ", of repair the solver's with one rule broken", "model": ", of repair the model's invalid ones"}
_COLUMNS = (
    SheetColumn(name="edit", kind="text"),
    SheetColumn(name="mazes", kind="count"),
    SheetColumn(name="n before/after", kind="count"),
    SheetColumn(name="P before", kind="share"),
    SheetColumn(name="P after", kind="share"),
    SheetColumn(name="difference", kind="difference"),
    SheetColumn(name="valid before", kind="share"),
    SheetColumn(name="valid after", kind="share"),
    SheetColumn(name="unknown", kind="count"),
)


def _sheets(doc: EditsDoc) -> Iterator[SheetView]:
    """One table, in the order that was asked for."""
    base = _BASE_TOLD.get(doc.trace_of, doc.trace_of) + (_REPAIR_TOLD.get(doc.trace_of, "") if "repair" in doc.codes else "")
    caption = f"{_PLACE_TOLD.get(doc.place, doc.place)}; base: {base}; {doc.level:.0%} intervals"
    order = {code: place for place, code in enumerate(doc.codes)}
    groups = sorted(doc.groups, key=lambda group: order.get(group.edit, len(order)))
    yield SheetView(
        title=f"Edits of traces: {doc.task}, {doc.model.name}",
        caption=caption if groups else "no edit could be made; see the notes",
        level=doc.level,
        columns=_COLUMNS,
        rows=tuple(_row(group) for group in groups),
        facts=tuple(_facts(doc)),
        notes=doc.notes,
    )


def _facts(doc: EditsDoc) -> Iterator[FactView]:
    yield model_fact(doc.model)
    yield FactView(label="task", value=f"{doc.task}, items {doc.item}")
    yield FactView(label="rollouts", value=f"{doc.samples:,} on each side of each edit")
    if doc.sampling is not None:
        yield FactView(label="sampler", value=sampler_text(doc.sampling))
    yield FactView(label="seed", value=str(doc.seed))
    if doc.alone:
        yield FactView(label="edits", value="those that break no other rule at their event first")
    yield from provenance_facts(doc.provenance)


def _row(group: GroupEffect) -> tuple[SheetCell, ...]:
    before, after = (number_cell(one, form="+.2f" if (one.low or 0) < 0 else ".2f") for one in (group.before, group.after))
    return (
        cell(group.edit),
        cell(f"{group.instances:,}"),
        cell(f"{group.rollouts_before}/{group.rollouts_after}"),
        before,
        after,
        number_cell(group.difference, form="+.2f"),
        # The terminal has no room for these limits.
        number_cell(group.trace_valid_before, limits=""),
        number_cell(group.trace_valid_after, limits=""),
        cell(f"{group.unknown_before}/{group.unknown_after}"),
    )


SECTION = sheet_section(_sheets)
