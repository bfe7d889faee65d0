"""What a page shows of clocks: for each group a row of every layer, and what comes first."""

from __future__ import annotations

from collections.abc import Iterator

from tokenworth.core.estimate import Estimate
from tokenworth.methods.clocks.document import ClockGroup, ClocksDoc, LayerRow
from tokenworth.report.facts import provenance_facts
from tokenworth.report.sections.sheet import NONE, SheetCell, SheetColumn, SheetView, cell, number_cell, sheet_section

_COLUMNS = (
    SheetColumn(name="layer", kind="count", width=7),
    SheetColumn(name="names it at the end", kind="share"),
    SheetColumn(name="on other questions", kind="share"),
    SheetColumn(name="names gold", kind="share"),
    SheetColumn(name="mass", kind="share"),
    SheetColumn(name="lead / T", kind="difference"),
    SheetColumn(name="more cuts than forced", kind="difference"),
)


def _sheets(doc: ClocksDoc) -> Iterator[SheetView]:
    for number, group in enumerate(doc.groups):
        where = "labels after the exit text" if group.place == "exit" else "own words at the last kept token"
        yield SheetView(
            title=" · ".join(one for one in ("Clocks", group.task, group.model, where) if one),
            lead=tuple(_lead(group, doc)),
            caption=f"limits over {group.questions:,} questions hold for all layers together",
            level=doc.level,
            columns=_COLUMNS,
            rows=tuple(_row(row) for row in group.layers),
            facts=tuple(provenance_facts(doc.provenance)),
            notes=doc.notes if number + 1 == len(doc.groups) else (),
        )


def _lead(group: ClockGroup, doc: ClocksDoc) -> Iterator[str]:
    yield (
        f"{group.traces:,} traces, median {group.length:.0f} tokens: the text names the answer at cut {group.text:.0f}, the forced answer "
        f"from cut {group.forced:.0f} on (medians)"
    )
    some = [row for row in group.layers[:-1] if row.eligible]
    first = [row.layer for row in some if row.lead.low is not None and row.lead.low > 0]
    if not some:
        yield f"no layer below the last names the answer at the end {doc.agree:g} times as often as the last one, so none has a lead"
    elif first:
        several = len(first) > 1
        yield f"layer{'s' * several} {', '.join(map(str, first))} know{'s' * (not several)} the answer before the forced answer does"
    else:
        yield f"of the {len(some)} layers below the last that have a lead, none is shown to know the answer before the forced answer does"


def _row(row: LayerRow) -> tuple[SheetCell, ...]:
    plain = (_plain(row.null), number_cell(row.gold), _plain(row.mass))
    lead = number_cell(row.lead, form="+.3f") if row.eligible else cell(NONE)
    return cell(str(row.layer)), number_cell(row.at_end), *plain, lead, number_cell(row.ahead, form="+.3f")


def _plain(value: float | None) -> SheetCell:
    return cell(NONE) if value is None else number_cell(Estimate(value=value, low=None, high=None), limits="")


SECTION = sheet_section(_sheets)
