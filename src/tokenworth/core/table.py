"""The rows of a document, for files of other tools."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows with named columns."""

    columns: Mapping[str, str]
    """Name -> kind: string, int32, float64, bool_, or ids for a list of token ids."""
    rows: Iterator[tuple[object, ...]]
    """A cell for each column; None where there is none."""
