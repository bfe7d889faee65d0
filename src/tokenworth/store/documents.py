"""Result documents on disk: JSON that survives a file unchanged, written whole or not at all, and Parquet."""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import hashlib
import importlib
import os
import secrets
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from math import isfinite
from pathlib import Path
from typing import Any, Literal, cast

import msgspec

from tokenworth.core.documents import (
    CURVE_SCHEMA,
    FORCED_SCHEMA,
    SAMPLE_SCHEMA,
    CurveDoc,
    Document,
    ForcedDoc,
    SampleDoc,
    SampleSetDoc,
    TraceDoc,
)
from tokenworth.core.verified import VERIFIED_SCHEMA, VerifiedDoc
from tokenworth.errors import InvalidInput, MismatchError, MissingExtra, MissingFile, StoreError
from tokenworth.store.document_checks import check_document

SCHEMAS: Mapping[str, type[Document]] = {
    CURVE_SCHEMA: CurveDoc,
    FORCED_SCHEMA: ForcedDoc,
    SAMPLE_SCHEMA: SampleSetDoc,
    VERIFIED_SCHEMA: VerifiedDoc,
}


def document_json(doc: Document) -> bytes:
    """The document as UTF-8 JSON with a final newline: the same bytes for equal documents.

    Numbers that are NaN or infinite are written as null, "not measured". Raises InvalidInput where a number that must
    exist is not finite, where lists that run parallel differ in length, and for text that is not valid Unicode.
    """
    doc = finite(doc)
    check_document(doc, "document")
    try:
        return msgspec.json.encode(doc, order="deterministic") + b"\n"
    except (UnicodeEncodeError, TypeError, RecursionError) as error:
        raise InvalidInput(f"document cannot be written as JSON: {error}") from error


def parse_document(data: bytes, source: str) -> Document:
    """The document in ``data``; ``source`` names it in errors.

    Raises: InvalidInput for text that is not JSON or does not fit the schema, unknown keys included; MismatchError for
    another schema, naming both.
    """
    try:
        raw: object = msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(f"{source}: not a complete JSON document ({error}); it may have been cut short") from error
    if not isinstance(raw, dict):
        raise InvalidInput(f"{source}: got JSON that is not an object, expected a tokenworth document")
    fields = cast("dict[str, object]", raw)
    schema = fields.get("schema")
    if not isinstance(schema, str):
        raise InvalidInput(f"{source}: no schema in it, expected a document with schema {', '.join(SCHEMAS)}")
    if schema not in SCHEMAS:
        raise MismatchError(f"{source}: schema is {schema!r}, expected {', '.join(SCHEMAS)}; read it with the version that wrote it")
    kind = SCHEMAS[schema]
    for where, key, known in _unknown_keys(fields, kind, ""):
        close = difflib.get_close_matches(key, known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else "remove it, or read the file with the version that wrote it"
        raise InvalidInput(f"{source}: unknown key {where + key!r}; {hint}")
    try:
        doc = msgspec.convert(fields, kind)
    except (msgspec.ValidationError, RecursionError) as error:
        raise InvalidInput(f"{source}: does not fit schema {schema}: {error}") from error
    check_document(doc, source)
    return doc


def read_document(path: str | Path) -> Document:
    """The document of a JSON file. Raises: MissingFile; otherwise as `parse_document`."""
    path = Path(path)
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise MissingFile(f"document {path} does not exist") from error
    except (OSError, ValueError) as error:
        raise InvalidInput(f"cannot read document {path}: {error}") from error
    return parse_document(data, str(path))


def write_document(doc: Document, path: str | Path) -> None:
    """Writes the document as JSON. Raises: InvalidInput as `document_json`; StoreError when the disk refuses."""
    data = document_json(doc)
    write_whole(Path(path), lambda handle: handle.write(data))


def write_whole(path: Path, write: Callable[[Any], object]) -> None:
    """Writes a file whole or not at all: beside it under another name first, then renamed over it.

    What is not a regular file (a pipe, ``/dev/stdout``) is written to directly. Raises StoreError; an older file then
    stays as it was.
    """
    # A name of its own for each writer; "x" fails rather than follow a link someone else put there.
    temporary = path.with_name(f".{path.name[:100]}.{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        if path.exists() and not path.is_file():
            with path.open("wb") as handle:
                write(handle)
            return
        with temporary.open("xb") as handle:
            write(handle)
            handle.flush()
            os.fsync(handle.fileno())
        temporary.replace(path)
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror or error}; nothing was written, give a path with free space") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def finite(doc: Document) -> Document:
    """The document with every NaN and infinity in its lists replaced by None.

    Raises InvalidInput for one in a field that must be a number.
    """
    return cast("Document", _finite(doc, type(doc), "document"))


def _finite(value: Any, annotation: Any, where: str) -> Any:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float):
        if isfinite(value):
            return value
        if type(None) in typing.get_args(annotation):
            return None
        raise InvalidInput(f"{where} is {value}; expected a finite number")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        hints = _hints(type(value))
        changed: dict[str, Any] = {}
        for name, hint in hints.items():
            old = getattr(value, name)
            new = _finite(old, hint, name if where == "document" else f"{where}.{name}") if _may_hold_floats(hint) else old
            if new is not old:
                changed[name] = new
        return dataclasses.replace(value, **changed) if changed else value
    if isinstance(value, tuple):
        items = cast("tuple[Any, ...]", value)
        inner = _inner(annotation)
        if not _may_hold_floats(inner):
            return value
        fresh = tuple(_finite(item, inner, where) for item in items)
        return value if all(new is old for new, old in zip(fresh, items, strict=True)) else fresh
    if isinstance(value, Mapping):
        mapping = cast("Mapping[str, Any]", value)
        inner = _inner(annotation)
        fresh_items = {key: _finite(item, inner, f"{where}.{key}") for key, item in mapping.items()}
        return value if all(fresh_items[key] is item for key, item in mapping.items()) else fresh_items
    return value


@lru_cache(maxsize=64)
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


@lru_cache(maxsize=64)
def _may_hold_floats(annotation: Any) -> bool:
    return not all(option in (str, int, bool) for option in _options(annotation))


@lru_cache(maxsize=256)
def _inner(annotation: Any) -> Any:
    """The type of the elements of ``tuple[X, ...]`` or ``Mapping[str, X]``, also inside ``… | None``."""
    for option in _options(annotation):
        arguments = [argument for argument in typing.get_args(option) if argument is not Ellipsis]
        if typing.get_origin(option) is not Literal and arguments:
            return arguments[-1]
    return Any


def _options(annotation: Any) -> tuple[Any, ...]:
    """The members of a union; a type that is none is its own only member."""
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        return tuple(option for option in typing.get_args(annotation) if option is not type(None))
    return (annotation,)


def _unknown_keys(value: object, annotation: Any, where: str) -> Iterator[tuple[str, str, list[str]]]:
    """(place, key, known keys) of every key that the type does not have; msgspec would drop them in silence."""
    if isinstance(value, dict):
        fields = cast("dict[str, object]", value)
        for option in _options(annotation):
            if dataclasses.is_dataclass(option) and isinstance(option, type):
                hints = _hints(option)
                for key, item in fields.items():
                    if key in hints:
                        yield from _unknown_keys(item, hints[key], f"{where}{key}.")
                    else:
                        yield where, key, list(hints)
            elif typing.get_args(option):
                for key, item in fields.items():
                    yield from _unknown_keys(item, _inner(option), f"{where}{key}.")
    elif isinstance(value, list):
        inner = _inner(annotation)
        if any(dataclasses.is_dataclass(option) for option in _options(inner)):
            for number, item in enumerate(cast("list[object]", value)):
                yield from _unknown_keys(item, inner, f"{where[:-1]}[{number}].")


def write_parquet(what: Document | Sequence[SampleDoc], path: str | Path) -> None:
    """Writes rollouts (or, of a forced document, readings) as one Parquet table, whole or not at all.

    Rollouts: trace_id, position (cut), draw, token_ids (list of int32), text, finish, outcome, verdict, n_tokens.
    Readings: trace_id, exit, position, option, probability, mass, probability_high, mass_high, held.
    ``trace_id`` is a hash of model, prompt and trace, the same in every file about one trace.

    Raises: InvalidInput for verified traces, which hold neither; MissingExtra without pyarrow; StoreError when the disk refuses.
    """
    if isinstance(what, VerifiedDoc):
        raise InvalidInput("verified traces hold no rollouts to write as a Parquet table; write them as JSON")
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
