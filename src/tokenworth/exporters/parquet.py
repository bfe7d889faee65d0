"""Tables of documents as Parquet files."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from tokenworth.core.document import Document
from tokenworth.errors import InvalidInput, MissingExtra
from tokenworth.exporters.tables import table_of
from tokenworth.store.documents import write_whole

_KINDS = {"text": "string", "int": "int32", "float": "float64", "bool": "bool_"}


def write_parquet(document: Document, path: str | Path) -> None:
    """Writes the table of a document (its rollouts or readings), whole or not at all.

    Raises: InvalidInput for a result without one; MissingExtra without pyarrow; StoreError when the disk refuses.
    """
    table = table_of(document, "Parquet")
    try:
        arrow: Any = importlib.import_module("pyarrow")
        parquet: Any = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise MissingExtra("Parquet needs pyarrow, which is not installed; run: pip install 'tokenworth[parquet]'") from error
    types = {name: arrow.list_(arrow.int32()) if kind == "ids" else getattr(arrow, _KINDS[kind])() for name, kind in table.columns.items()}
    columns: dict[str, list[object]] = {name: [] for name in types}
    for row in table.rows:
        for name, cell in zip(types, row, strict=True):
            columns[name].append(cell)
    try:
        made = arrow.table(columns, schema=arrow.schema(list(types.items())))
    except (arrow.ArrowInvalid, OverflowError, UnicodeEncodeError) as error:
        raise InvalidInput(f"rollouts do not fit a Parquet table: {error}") from error
    write_whole(Path(path), lambda handle: parquet.write_table(made, handle))
