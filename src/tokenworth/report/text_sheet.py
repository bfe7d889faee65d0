"""A table over many problems for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from tokenworth.report.inert import one_line
from tokenworth.report.sheet_model import SheetView

_GAP = 2


def sheet_lines(sheet: SheetView) -> Iterator[str]:
    """The lines of a table with what stands above and below it; all texts are made inert. Lines are as long as the table is wide."""
    if sheet.lead:
        yield from map(one_line, sheet.lead)
        yield ""
    yield one_line(sheet.caption)
    if sheet.rows:
        lines = [[one_line(column.name) for column in sheet.columns], *([one_line(cell.text) for cell in row] for row in sheet.rows)]
        widths = [max(column.width, _GAP + max(len(line[k]) for line in lines)) for k, column in enumerate(sheet.columns)]
        for line in lines:
            cells = zip(line, sheet.columns, widths, strict=True)
            yield "".join(cell.rjust(width) if column.right else cell.ljust(width) for cell, column, width in cells).rstrip()
    for note in sheet.notes:
        yield one_line(f"note: {note}")
