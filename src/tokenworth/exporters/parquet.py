"""Rollouts and readings of documents as Parquet tables."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from tokenworth.core.document import Document, TraceDoc
from tokenworth.errors import InvalidInput, MissingExtra
from tokenworth.methods.curve.document import CurveDoc, SampleDoc
from tokenworth.methods.forced.document import ForcedDoc
from tokenworth.methods.sample.document import SampleSetDoc
from tokenworth.store.documents import write_whole


def write_parquet(what: Document | Sequence[SampleDoc], path: str | Path) -> None:
    """Writes rollouts (or, of a forced document, readings) as one Parquet table, whole or not at all.

    Rollouts: trace_id, position (cut), draw, token_ids (list of int32), text, finish, outcome, verdict, n_tokens.
    Readings: trace_id, exit, position, option, probability, mass, probability_high, mass_high, held.
    ``trace_id`` is a hash of model, prompt and trace, the same in every file about one trace.

    Raises: InvalidInput for verified traces, which hold neither; MissingExtra without pyarrow; StoreError when the disk refuses.
    """
    if not isinstance(what, CurveDoc | ForcedDoc | SampleSetDoc | Sequence):
        raise InvalidInput(f"{what.schema} holds no rollouts to write as a Parquet table; write them as JSON")
    try:
        arrow: Any = importlib.import_module("pyarrow")
        parquet: Any = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise MissingExtra("Parquet needs pyarrow, which is not installed; run: pip install 'tokenworth[parquet]'") from error
    if isinstance(what, ForcedDoc):
        rows, names = _reading_rows(what), _READING_COLUMNS
    else:
        rows, names = _rollout_rows(what), _ROLLOUT_COLUMNS
    schema = arrow.schema([(name, arrow.list_(arrow.int32()) if kind == "ids" else getattr(arrow, kind)()) for name, kind in names.items()])
    columns: dict[str, list[object]] = {name: [] for name in names}
    for row in rows:
        for name, cell in zip(names, row, strict=True):
            columns[name].append(cell)
    try:
        table = arrow.table(columns, schema=schema)
    except (arrow.ArrowInvalid, OverflowError, UnicodeEncodeError) as error:
        raise InvalidInput(f"rollouts do not fit a Parquet table: {error}") from error
    write_whole(Path(path), lambda handle: parquet.write_table(table, handle))


_ROLLOUT_COLUMNS = {
    "trace_id": "string",
    "position": "int32",
    "draw": "int32",
    "token_ids": "ids",
    "text": "string",
    "finish": "string",
    "outcome": "string",
    "verdict": "string",
    "n_tokens": "int32",
}
_READING_COLUMNS = {
    "trace_id": "string",
    "exit": "string",
    "position": "int32",
    "option": "string",
    "probability": "float64",
    "mass": "float64",
    "probability_high": "float64",
    "mass_high": "float64",
    "held": "bool_",
}


def trace_id(model: str, trace: TraceDoc) -> str:
    """16 hex digits that name a trace: a hash of the model, the prompt and the trace itself."""
    body: list[object] = [model, trace.prompt, trace.prompt_ids, trace.ids, trace.pieces]
    return hashlib.sha256(msgspec.json.encode(body)).hexdigest()[:16]


def _rollout_rows(what: CurveDoc | SampleSetDoc | Sequence[SampleDoc]) -> Iterator[tuple[object, ...]]:
    if isinstance(what, SampleSetDoc):
        for draw, trace in enumerate(what.traces):
            ids = None if trace.ids is None else [*trace.ids, *(trace.answer_ids or ())]
            text = "".join((*trace.pieces, *trace.answer_pieces))
            length = len(trace.pieces) + len(trace.answer_pieces)
            yield trace_id(what.model.name, trace), 0, draw, ids, text, trace.stop, trace.outcome, trace.verdict, length
        return
    name = trace_id(what.model.name, what.trace) if isinstance(what, CurveDoc) else None
    for sample in what.samples if isinstance(what, CurveDoc) else what:
        ids = None if sample.ids is None else list(sample.ids)
        yield (
            name,
            sample.cut,
            sample.index,
            ids,
            sample.text,
            sample.stop,
            sample.outcome,
            sample.verdict,
            sample.n_tokens,
        )


def _reading_rows(doc: ForcedDoc) -> Iterator[tuple[object, ...]]:
    name = trace_id(doc.model.name, doc.trace)
    for reading in doc.exits:
        for i, cut in enumerate(reading.cuts):
            held = None if reading.held is None else reading.held[i]
            most = None if reading.mass_high is None else reading.mass_high[i]
            for k, option in enumerate(reading.options):
                high = None if reading.probability_high is None else reading.probability_high[k][i]
                yield name, reading.name, cut, option, reading.probability[k][i], reading.mass[i], high, most, held
