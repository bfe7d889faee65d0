"""Tables of documents as Parquet files, and as data frames."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from tokenworth.core.document import Document
from tokenworth.core.table import Table
from tokenworth.errors import InvalidInput, MissingExtra
from tokenworth.exporters.tables import table_of
from tokenworth.store.documents import write_whole

_KINDS = {"text": "string", "int": "int32", "float": "float64", "bool": "bool_", "bytes": "binary"}


def write_parquet(document: Document | Sequence[Document], path: str | Path) -> None:
    """Writes the table of a document (its rollouts or readings), or one row for each of several, whole or not at all.

    Raises: InvalidInput for a result without one; MissingExtra without pyarrow; StoreError when the disk refuses.
    """
    table = table_of(document, "Parquet")
    parquet, made = _needed("pyarrow.parquet", "Parquet", "'tokenworth[parquet]'"), _arrow(table, "Parquet")
    write_whole(Path(path), lambda handle: parquet.write_table(made, handle))


def to_frame(*documents: Document, backend: Literal["pandas", "polars", "arrow"] = "pandas") -> Any:
    """The table of a document as a data frame; of several documents one row for each trace.

    ``arrow`` gives pyarrow's table, which DuckDB reads by the name of its variable. Raises: InvalidInput where there is no table;
    MissingExtra for a library that is not installed.
    """
    if backend not in ("pandas", "polars", "arrow"):
        raise InvalidInput(f"backend {str(backend)[:40]!r}: expected pandas, polars or arrow")
    what = f"a data frame ({backend})"
    table = _arrow(table_of(documents[0] if len(documents) == 1 else documents, what), what)
    if backend == "arrow":
        return table
    library = _needed(backend, what, backend)
    return table.to_pandas() if backend == "pandas" else library.from_arrow(table)


def _needed(module: str, what: str, install: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtra(f"{what} needs {module.partition('.')[0]}, which is not installed; run: pip install {install}") from error


def _arrow(table: Table, what: str) -> Any:
    arrow = _needed("pyarrow", what, "'tokenworth[parquet]'")
    types = {name: arrow.list_(arrow.int32()) if kind == "ids" else getattr(arrow, _KINDS[kind])() for name, kind in table.columns.items()}
    columns: dict[str, list[object]] = {name: [] for name in types}
    for row in table.rows:
        for name, cell in zip(types, row, strict=True):
            columns[name].append(cell)
    try:
        return arrow.table(columns, schema=arrow.schema(list(types.items())))
    except (arrow.ArrowInvalid, OverflowError, UnicodeEncodeError) as error:
        raise InvalidInput(f"rollouts do not fit a table: {error}") from error
