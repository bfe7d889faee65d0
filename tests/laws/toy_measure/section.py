"""What a page shows of the spread."""

from __future__ import annotations

from collections.abc import Iterator

from tests.laws.toy_measure.document import SpreadDoc
from tokenworth.report.facts import provenance_facts
from tokenworth.report.sections.sheet import SheetColumn, SheetView, cell, number_cell, sheet_section


def _sheets(doc: SpreadDoc) -> Iterator[SheetView]:
    yield SheetView(
        title=f"{len(doc.answers)} different answers of {doc.n}",
        columns=(SheetColumn(name="answer", kind="text"), SheetColumn(name="share", kind="share")),
        rows=tuple((cell(one.answer), number_cell(one.share)) for one in doc.answers),
        facts=tuple(provenance_facts(doc.provenance)),
    )


SECTION = sheet_section(_sheets)
