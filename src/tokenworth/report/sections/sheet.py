"""Tables: what a measure over many problems, or one without its own picture, shows of its documents."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from tokenworth.core.estimate import Estimate
from tokenworth.core.inert import one_line
from tokenworth.report.facts import FactView
from tokenworth.report.lines import facts_line, facts_table, safe, wrapped
from tokenworth.report.section import Encoded, Section

NONE = "–"
"""Shown if there is no number."""
_GAP = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetColumn:
    """A column."""

    name: str
    kind: Literal["text", "count", "share", "difference"]
    """``share``: numbers from 0 to 1; ``difference``: from −1 to 1."""
    width: int = 0
    """At least so many columns of a terminal."""
    right: bool = False
    """Whether a terminal sets it to the right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetCell:
    """A cell."""

    text: str
    """All of it, for a terminal."""
    main: str
    """What a page shows beside a drawing of the number."""
    number: Estimate | None = None
    """What a page draws."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetView:
    """A table; a row has a cell for each column."""

    title: str
    lead: tuple[str, ...] = ()
    """Stands above it."""
    caption: str = ""
    """Stands right on it."""
    level: float | None = None
    """Of the limits; None where no number has any."""
    columns: tuple[SheetColumn, ...]
    rows: tuple[tuple[SheetCell, ...], ...]
    facts: tuple[FactView, ...]
    notes: tuple[str, ...] = ()
    lines: tuple[str, ...] | None = None
    """What a terminal shows instead of lead, table and notes; they are inert."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetsView:
    """The tables of some documents."""

    sheets: tuple[SheetView, ...]

    @property
    def titles(self) -> tuple[str, ...]:
        """That of each table."""
        return tuple(sheet.title for sheet in self.sheets)


def sheet_section(sheets_of: Callable[[Any], Iterable[SheetView]]) -> Section:
    """The section of a measure whose documents are shown as tables."""

    def view(documents: Sequence[Any]) -> SheetsView:
        return SheetsView(sheets=tuple(sheet for document in documents for sheet in sheets_of(document)))

    return Section(kind="sheets", view=view, text=_text, encode=_encode, noscript=sheets_noscript)


# -- cells ----------------------------------------------------------------------------------------------------------------------------


def cell(text: object) -> SheetCell:
    """A cell without a number to draw."""
    return SheetCell(text=str(text), main=str(text))


def number_cell(number: Estimate | None, *, main: str = "", form: str = ".2f", limits: str = " [{}, {}]") -> SheetCell:
    """A number with its limits; ``main`` stands for it. ``limits`` is how a terminal shows them: empty for not at all."""
    if number is None:
        return cell(NONE)
    value, low, high = (NONE if x is None else f"{x:{form}}" for x in number)
    main = main or value
    return SheetCell(text=main + limits.format(low, high), main=main, number=number)


# -- terminal -------------------------------------------------------------------------------------------------------------------------


def _text(part: SheetsView, width: int, colour: bool, title: str) -> Iterator[str]:
    del colour
    facts: tuple[FactView, ...] = ()
    for number, sheet in enumerate(part.sheets):
        if number:
            yield ""
        if sheet.title != title:
            yield from wrapped(one_line(sheet.title), width)
        if sheet.facts != facts:
            yield from facts_line(sheet.facts, width)
            yield ""
        facts = sheet.facts
        yield from sheet_lines(sheet)


def sheet_lines(sheet: SheetView) -> Iterator[str]:
    """The lines of a table with what stands above and below it; all texts are made inert. Lines are as long as the table is wide."""
    if sheet.lines is not None:
        yield from sheet.lines
        return
    if sheet.lead:
        yield from map(one_line, sheet.lead)
        yield ""
    if sheet.caption:
        yield one_line(sheet.caption)
    if sheet.rows:
        lines = [[one_line(column.name) for column in sheet.columns], *([one_line(one.text) for one in row] for row in sheet.rows)]
        widths = [max(column.width, _GAP + max(len(line[k]) for line in lines)) for k, column in enumerate(sheet.columns)]
        for line in lines:
            cells = zip(line, sheet.columns, widths, strict=True)
            yield "".join(text.rjust(width) if column.right else text.ljust(width) for text, column, width in cells).rstrip()
    for note in sheet.notes:
        yield one_line(f"note: {note}")


# -- page -----------------------------------------------------------------------------------------------------------------------------


def _encode(part: SheetsView, most: int | None) -> Encoded:
    del most
    return {"sheets": [encoded_sheet(sheet) for sheet in part.sheets]}, ()


def encoded_sheet(sheet: SheetView) -> dict[str, Any]:
    """A table as a page carries it."""
    head = {k: getattr(sheet, k) for k in ("title", "lead", "caption", "level", "notes")}
    rows = [[{"main": one.main, "number": one.number and tuple(one.number)} for one in row] for row in sheet.rows]
    columns = [{"name": column.name, "kind": column.kind} for column in sheet.columns]
    return head | {"columns": columns, "rows": rows, "facts": [asdict(fact) for fact in sheet.facts]}


def sheets_noscript(part: SheetsView) -> Iterator[str]:
    """The tables as markup for readers without JavaScript."""
    for sheet in part.sheets:
        yield f"<h2>{safe(sheet.title)}</h2>\n"
        yield "".join(f"<p>{safe(text)}</p>\n" for text in (*sheet.lead, sheet.caption) if text)
        yield "<table>\n<tr>" + "".join(f"<th>{safe(column.name)}</th>" for column in sheet.columns) + "</tr>\n"
        for row in sheet.rows:
            yield "<tr>" + "".join(f"<td>{safe(one.text)}</td>" for one in row) + "</tr>\n"
        yield "</table>\n" + "".join(f"<p>{safe(note)}</p>\n" for note in sheet.notes) + facts_table(sheet.facts)
