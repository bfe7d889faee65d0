"""What a page shows of first errors: how many draws begin to go wrong with each, what their answers are, and the value across one."""

from __future__ import annotations

from collections.abc import Iterator

from tokenworth.methods.first_errors.document import FirstErrorsDoc
from tokenworth.methods.first_errors.rows import COMMON, MOST, FirstError, ValueAt
from tokenworth.report.facts import model_fact, provenance_facts
from tokenworth.report.sections.sheet import NONE, SheetCell, SheetColumn, SheetView, cell, number_cell, sheet_section
from tokenworth.stats.proportion import share

_LEAD = (
    "Each draw is verified; its first error is the first rule it breaks. Draws and right answers count all draws of a row.",
    "P before and P after are measured on one draw, the first of its row with a curve: how often the plan is correct if the model "
    "continues from just before the event that breaks the rule, and from just after it.",
    f"A curve is worthwhile for first errors of at least {100 * COMMON:.0f} % of a model's draws (at most {MOST} per model), and for a "
    "draw without an error. Each table is about one problem; other draws and other problems can differ.",
)
_COLUMNS = (
    SheetColumn(name="first error", kind="text"),
    SheetColumn(name="draws", kind="count"),
    SheetColumn(name="right answers", kind="share"),
    SheetColumn(name="measured on", kind="text"),
    SheetColumn(name="P before", kind="share"),
    SheetColumn(name="P after", kind="share"),
)


def _sheets(doc: FirstErrorsDoc) -> Iterator[SheetView]:
    """A table for each model and problem."""
    for number, table in enumerate(doc.tables):
        yield SheetView(
            title=f"{table.model.name}: first errors, and P(correct) across them",
            lead=() if number else _LEAD,
            caption=f"{table.problem}: {table.n} draws of {table.model.name}:",
            level=doc.level,
            columns=_COLUMNS,
            rows=tuple(_row(row, doc.level) for row in table.rows),
            facts=(model_fact(table.model), *provenance_facts(doc.provenance)),
        )


def _row(row: FirstError, level: float) -> tuple[SheetCell, ...]:
    measured = row.measured
    where = NONE if measured is None else f"draw {measured.draw}" + (f", event {measured.event}" if measured.event is not None else "")
    before, after = (None, None) if measured is None else (measured.before, measured.after)
    return (cell(row.code or "none"), cell(len(row.draws)), _right(row, level), cell(where), _value(before), _value(after))


def _right(row: FirstError, level: float) -> SheetCell:
    """Right answers among the known ones, the unknown named beside them."""
    known = len(row.draws) - row.n_unknown
    unknown = f" +{row.n_unknown}?" * bool(row.n_unknown)
    return number_cell(share(row.n_right, known, level), main=f"{row.n_right}/{known}{unknown}") if known else cell(NONE + unknown)


def _value(at: ValueAt | None) -> SheetCell:
    return cell(NONE) if at is None or at.value.value is None else number_cell(at.value)


SECTION = sheet_section(_sheets)
