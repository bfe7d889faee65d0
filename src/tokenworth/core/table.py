"""What a document holds row by row: the flat form that table files are written from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from tokenworth.core.document import TraceDoc

ColumnKind = Literal["text", "int", "float", "bool", "ids", "bytes"]
"""What a column holds; ``ids`` are lists of token ids, ``bytes`` arrays as one value. Every cell may be None."""
TableRow = tuple[object, ...]

ROLLOUT_COLUMNS: Mapping[str, ColumnKind] = {
    "trace_id": "text",
    "position": "int",
    "draw": "int",
    "token_ids": "ids",
    "text": "text",
    "finish": "text",
    "outcome": "text",
    "verdict": "text",
    "n_tokens": "int",
}
"""The columns of every table of rollouts; ``position`` is the cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows with named columns."""

    columns: Mapping[str, ColumnKind]
    rows: Iterable[TableRow]
    """Cells in the order of the columns; to be gone through once."""


def trace_id(model: str, trace: TraceDoc) -> str:
    """16 hex digits that name a trace: a hash of the model, the prompt and the trace itself."""
    body: list[object] = [model, trace.prompt, trace.prompt_ids, trace.ids, trace.pieces]
    return hashlib.sha256(json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")).hexdigest()[:16]
