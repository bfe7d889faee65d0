"""The table of a document, or of many, for the exporters that write one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tokenworth import catalog
from tokenworth.core.document import Document, Number, TraceDoc
from tokenworth.core.table import ColumnKind, Table, TableRow, trace_id
from tokenworth.errors import InvalidInput

STEPS, MISSING = 254, 255
"""A curve has a byte for each cut: round(254 v), and 255 where nothing was measured. It is off by at most .002."""
TRACE_COLUMNS: Mapping[str, ColumnKind] = {
    "trace_id": "text",
    "measure": "text",
    "task": "text",
    "problem": "text",
    "gold": "text",
    "model": "text",
    "fingerprint": "text",
    "outcome": "text",
    "verdict": "text",
    "n_trace": "int",
    "n_answer": "int",
    "rollouts": "int",
    "value_label": "text",
    "first": "float",
    "last": "float",
    "cuts": "ids",
    "curve": "bytes",
    "half_width": "bytes",
    "source": "text",
    "created": "text",
}
"""One row for each trace. ``first`` and ``last`` are the value at the first and the last cut; ``half_width`` has a little-endian float16
for each cut."""


def table_of(document: Document | Sequence[Document], form: str) -> Table:
    """The table that the document's measure makes of it, or a row for each trace of several documents.

    Raises InvalidInput, naming the ``form`` of the file, where there is none.
    """
    if isinstance(document, Sequence):
        return trace_table(document, form)
    measure = next(one for one in catalog.measures() if one.schema == document.schema)
    if measure.table is None:
        raise InvalidInput(f"a result of {measure.name} holds no rollouts to write as {form}; write it as JSON")
    return measure.table(document)


def trace_table(documents: Sequence[Document], form: str) -> Table:
    """One row for each document of one trace. Raises InvalidInput where there is none."""
    names = {measure.schema: measure.name for measure in catalog.measures()}
    of_traces = [one for one in documents if isinstance(getattr(one, "trace", None), TraceDoc)]
    if not of_traces:
        raise InvalidInput(f"no result here is of one trace, to be a row as {form}; expected results of curve or forced")

    def rows() -> Iterator[TableRow]:
        for one in of_traces:
            yield _row(one, names[one.schema])

    return Table(columns=TRACE_COLUMNS, rows=rows())


def _row(document: Any, measure: str) -> TableRow:
    trace, problem, provenance = document.trace, document.problem, document.provenance
    label, cuts, value, half = _curve(document)
    return (
        trace_id(document.model.name, trace),
        measure,
        None if problem is None else problem.task,
        None if problem is None else problem.id,
        None if problem is None else problem.gold,
        document.model.name,
        document.model.fingerprint,
        trace.outcome,
        trace.verdict,
        len(trace.pieces),
        len(trace.answer_pieces),
        getattr(document, "rollouts", None),
        label,
        value[0] if value else None,
        value[-1] if value else None,
        cuts,
        None if value is None else _steps(value),
        None if half is None else half.astype("<f2").tobytes(),
        provenance.store or provenance.source,
        provenance.created,
    )


def _curve(document: Any) -> tuple[str | None, tuple[int, ...] | None, Sequence[Number] | None, Any]:
    """What is measured at the cuts, these, its values and half of what separates its limits: a value, or the answer read there."""
    if hasattr(document, "value") and hasattr(document, "cuts"):
        return document.value_label, document.cuts, document.value, (_array(document.high) - _array(document.low)) / 2
    for reading in getattr(document, "exits", ())[:1]:
        gold = None if document.problem is None else document.problem.gold
        option = document.target or gold
        if option in reading.options:
            return f"forced({option})", reading.cuts, reading.probability[reading.options.index(option)], None
    return None, None, None, None


def _array(values: Sequence[Number]) -> Any:
    return np.asarray([np.nan if value is None else value for value in values])


def _steps(values: Sequence[Number]) -> bytes:
    known = _array(values)
    steps = np.rint(np.clip(np.nan_to_num(known), 0, 1) * STEPS)
    return np.where(np.isnan(known), MISSING, steps).astype(np.uint8).tobytes()
