"""Documents of one table over many problems, read back from JSON; and whatever else a result file may hold."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import msgspec

from tokenworth.core.documents import Document
from tokenworth.core.tabled import EDITS_SCHEMA, MODULO_SCHEMA, EditsDoc, ModuloDoc, TabledDoc
from tokenworth.errors import InvalidInput, MismatchError, MissingFile
from tokenworth.store.documents import SCHEMAS, _unknown_keys, parse_document, write_document, write_parquet, write_whole

TABLED: Mapping[str, type[TabledDoc]] = {EDITS_SCHEMA: EditsDoc, MODULO_SCHEMA: ModuloDoc}


class _Head(msgspec.Struct):
    schema: str = ""


def parse_result(data: bytes, source: str) -> Document | TabledDoc:
    """The document in ``data``, of one trace or a table; ``source`` names it in errors. Raises as `parse_document`."""
    try:
        schema = msgspec.json.decode(data, type=_Head).schema
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        schema = ""
    if schema not in TABLED:
        if schema and schema not in SCHEMAS:
            known = ", ".join((*SCHEMAS, *TABLED))
            raise MismatchError(f"{source}: schema is {schema!r}, expected {known}; read it with the version that wrote it")
        return parse_document(data, source)
    try:
        return tabled_document(msgspec.json.decode(data), source)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(f"{source}: not a complete JSON document ({error}); it may have been cut short") from error


def tabled_document(facts: Mapping[str, Any], source: str) -> TabledDoc:
    """The document of a JSON object whose schema is one of `TABLED`. Raises InvalidInput where it does not fit, unknown keys included."""
    kind = TABLED[facts["schema"]]
    for where, key, known in _unknown_keys(dict(facts), kind, ""):
        close = difflib.get_close_matches(key, known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else "remove it, or read the file with the version that wrote it"
        raise InvalidInput(f"{source}: unknown key {where + key!r}; {hint}")
    try:
        doc = cast("TabledDoc", msgspec.convert(facts, kind))
    except (msgspec.ValidationError, RecursionError) as error:
        raise InvalidInput(f"{source}: does not fit schema {facts['schema']}: {error}") from error
    _check(doc, source)
    return doc


def _check(doc: TabledDoc, source: str) -> None:
    level = doc.level if isinstance(doc, EditsDoc) else doc.plan.get("level")
    if not (isinstance(level, float) and 0 < level < 1):
        raise InvalidInput(f"{source}: level is {level}, expected a number between 0 and 1")
    if isinstance(doc, EditsDoc):
        return
    for item in doc.items:
        if item.accepted is not None and not 0 <= item.accepted < len(item.attempts):
            raise InvalidInput(
                f"{source}: problem {item.id!r} accepted attempt {item.accepted}, expected an index below {len(item.attempts)}"
            )


def read_result(path: str | Path) -> Document | TabledDoc:
    """The document of a JSON file, of one trace or a table. Raises MissingFile; otherwise as `parse_document`."""
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError as error:
        raise MissingFile(f"document {path} does not exist") from error
    except (OSError, ValueError) as error:
        raise InvalidInput(f"cannot read document {path}: {error}") from error
    return parse_result(data, str(path))


def write_result(doc: Document | TabledDoc, path: str | Path) -> None:
    """Writes a document as JSON. Raises as `write_document`."""
    if not isinstance(doc, EditsDoc | ModuloDoc):
        write_document(doc, path)
        return
    data = msgspec.json.encode(doc, order="deterministic") + b"\n"
    write_whole(Path(path), lambda handle: handle.write(data))


def write_result_parquet(doc: Document | TabledDoc, path: str | Path) -> None:
    """Writes the rollouts or readings of a document as Parquet. Raises as `write_parquet`, and InvalidInput for a table, which has none."""
    if isinstance(doc, EditsDoc | ModuloDoc):
        raise InvalidInput(f"{doc.schema} holds a table over problems and no rollouts to write as Parquet; write it as JSON")
    write_parquet(doc, path)
