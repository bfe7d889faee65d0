"""Tables: what a measure over many problems, or one without its own picture, shows of its documents."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from tokenworth.core.estimate import Estimate
from tokenworth.core.inert import one_line
from tokenworth.errors import InvalidInput
from tokenworth.report.blob import Blob, Json
from tokenworth.report.facts import FactView
from tokenworth.report.lines import facts_line, facts_table, safe, wrapped
from tokenworth.report.pieces.bars import Bar, drawn, encoded, legend, letters_of
from tokenworth.report.pieces.piece import Piece, noscript
from tokenworth.report.section import Encoded, Section

NONE = "–"
"""Shown if there is no number."""
_GAP = 2
_KEY = re.compile(r"[A-Za-z0-9_-]{1,40}")
_BAR = 12
"""Characters of a bar in a cell of a terminal."""


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
    """What a page draws, and what it sorts by."""
    bar: Bar | None = None
    """Outcomes over the labels of the table, drawn as a small stacked bar."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetView:
    """A table; a row has a cell for each column. A page sorts it by any column, and every row has an address of its own."""

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
    pieces: tuple[Piece, ...] = ()
    """Drawings between what stands above the table and the table (``report/pieces``)."""
    keys: tuple[str, ...] = ()
    """One for each row, its name in addresses and in the pieces that lead to it; no two of a document are alike. None: rows are counted."""
    details: tuple[tuple[Piece, ...], ...] = ()
    """One for each row: what it opens to on a page, such as `Texts` with samples; nothing for a row that does not open."""
    labels: tuple[str, ...] = ()
    """Outcomes of the bars in its cells."""
    gold: str = ""
    """The label of the gold answer."""

    def __post_init__(self) -> None:
        for name, found in (("keys", self.keys), ("details", self.details)):
            if found and len(found) != len(self.rows):
                raise InvalidInput(f"table {self.title!r}: got {len(found)} {name} for {len(self.rows)} rows; expected one each, or none")
        bad = next((key for key in self.keys if not _KEY.fullmatch(key)), None)
        if bad is not None:
            raise InvalidInput(f"table {self.title!r}: key {bad!r} of a row; expected 1 to 40 letters, digits, - or _")


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetsView:
    """The tables of some documents."""

    sheets: tuple[SheetView, ...]
    starts: tuple[int, ...] = (0,)
    """The table that each document begins with."""

    @property
    def titles(self) -> tuple[str, ...]:
        """That of each document: of its first table."""
        return tuple(self.sheets[k].title for k in self.starts if k < len(self.sheets))


def sheet_section(sheets_of: Callable[[Any], Iterable[SheetView]]) -> Section:
    """The section of a measure whose documents are shown as tables."""

    def view(documents: Sequence[Any]) -> SheetsView:
        found = [tuple(sheets_of(document)) for document in documents]
        starts = tuple(sum(map(len, found[:k])) for k, one in enumerate(found) if one)
        return SheetsView(sheets=tuple(sheet for sheets in found for sheet in sheets), starts=starts)

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


def bar_cell(bar: Bar, *, text: str = "") -> SheetCell:
    """A small stacked bar over the labels of the table, with a short text beside it."""
    return SheetCell(text=text, main=text, bar=bar)


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
        yield from sheet_lines(sheet, width)


def sheet_lines(sheet: SheetView, width: int = 80) -> Iterator[str]:
    """The lines of a table with what stands above and below it; all texts are made inert. Lines are as long as the table is wide."""
    if sheet.lines is not None:
        yield from sheet.lines
        return
    if sheet.lead:
        yield from map(one_line, sheet.lead)
        yield ""
    for piece in sheet.pieces:
        yield from piece.text(width)
        yield ""
    if sheet.caption:
        yield one_line(sheet.caption)
    if sheet.rows:
        letters = letters_of(sheet.labels)
        if letters:
            yield one_line("  ".join(f"{letter} {label}" for letter, label in zip(letters, sheet.labels, strict=True)) + "  ? missing")
        lines = [[one_line(column.name) for column in sheet.columns], *([_words(one, letters) for one in row] for row in sheet.rows)]
        widths = [max(column.width, _GAP + max(len(line[k]) for line in lines)) for k, column in enumerate(sheet.columns)]
        for line in lines:
            cells = zip(line, sheet.columns, widths, strict=True)
            yield "".join(text.rjust(width) if column.right else text.ljust(width) for text, column, width in cells).rstrip()
    for note in sheet.notes:
        yield one_line(f"note: {note}")


def _words(one: SheetCell, letters: Sequence[str]) -> str:
    bar = "" if one.bar is None else drawn(one.bar, letters, _BAR)
    return f"{bar} {one_line(one.text)}".strip()


# -- page -----------------------------------------------------------------------------------------------------------------------------


def _encode(part: SheetsView, most: int | None) -> Encoded:
    del most
    blob = Blob()
    sheets: list[Json] = []
    for k, sheet in enumerate(part.sheets):
        sheets.append(encoded_sheet(sheet, blob) | {"document": sum(start <= k for start in part.starts)})
    scripts = ["pieces"] * any(has_pieces(sheet) for sheet in part.sheets)
    return {"sheets": sheets, "documents": len(part.starts), "scripts": scripts, "packed": blob.packed() if scripts else ""}, ()


def has_pieces(sheet: SheetView) -> bool:
    """Whether a page needs the script that draws pieces."""
    return bool(sheet.pieces or any(sheet.details) or any(one.bar for row in sheet.rows for one in row))


def encoded_sheet(sheet: SheetView, blob: Blob) -> dict[str, Json]:
    """A table as a page carries it; long columns of its pieces go into the blob."""
    head: dict[str, Json] = {k: getattr(sheet, k) for k in ("title", "lead", "caption", "level", "notes", "keys")}
    rows: list[Json] = [[_cell(one) for one in row] for row in sheet.rows]
    columns: list[Json] = [{"name": column.name, "kind": column.kind} for column in sheet.columns]
    facts: list[Json] = [asdict(fact) for fact in sheet.facts]
    pieces: list[Json] = [piece.encode(blob) for piece in sheet.pieces]
    details: list[Json] = [[piece.encode(blob) for piece in row] for row in sheet.details]
    head |= {"columns": columns, "rows": rows, "facts": facts, "pieces": pieces, "details": details}
    return head | {"labels": legend(sheet.labels, sheet.gold)}


def _cell(one: SheetCell) -> dict[str, Json]:
    head: dict[str, Json] = {"main": one.main, "number": one.number and tuple(one.number)}
    return head if one.bar is None else head | {"bar": encoded(one.bar)}


def sheets_noscript(part: SheetsView) -> Iterator[str]:
    """The tables as markup for readers without JavaScript."""
    for sheet in part.sheets:
        yield f"<h2>{safe(sheet.title)}</h2>\n"
        yield "".join(f"<p>{safe(text)}</p>\n" for text in (*sheet.lead, sheet.caption) if text)
        for piece in sheet.pieces:
            yield from noscript(piece)
        letters = letters_of(sheet.labels)
        yield "<table>\n<tr>" + "".join(f"<th>{safe(column.name)}</th>" for column in sheet.columns) + "</tr>\n"
        for row in sheet.rows:
            yield "<tr>" + "".join(f"<td>{safe(_words(one, letters))}</td>" for one in row) + "</tr>\n"
        yield "</table>\n" + "".join(f"<p>{safe(note)}</p>\n" for note in sheet.notes) + facts_table(sheet.facts)
