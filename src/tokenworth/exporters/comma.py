"""Tables of documents as CSV files."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from tokenworth.core.document import Document
from tokenworth.exporters.tables import table_of
from tokenworth.store.documents import write_whole


def write_csv(document: Document | Sequence[Document], path: str | Path) -> None:
    """Writes the table of a document, or one row for each of several, whole or not at all.

    UTF-8, a header, token ids with spaces between, bytes in hexadecimal, nothing for no data.

    Raises: InvalidInput for a result without a table; StoreError when the disk refuses.
    """
    table = table_of(document, "CSV")
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(table.columns)
    for row in table.rows:
        writer.writerow(map(_cell, row))
    data = out.getvalue().encode("utf-8", "backslashreplace")
    write_whole(Path(path), lambda handle: handle.write(data))


def _cell(cell: object) -> object:
    if isinstance(cell, bytes):
        return cell.hex()
    return " ".join(map(str, cell)) if isinstance(cell, tuple | list) else cell
