"""Result documents on disk: JSON that survives a file unchanged, written whole or not at all, and read back by the class that it names."""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import errno
import os
import secrets
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from math import isfinite
from pathlib import Path
from typing import Any, Literal, cast

import msgspec

from tokenworth import catalog
from tokenworth.core.document import Document
from tokenworth.core.files import is_written_directly, open_output, read_input
from tokenworth.core.sound_json import check_keys, check_numbers
from tokenworth.errors import InvalidInput, MismatchError, MissingFile, StoreError

MOST_BYTES = 1 << 30
"""Longest result document that is read."""


def schemas() -> Mapping[str, type[Document]]:
    """Every schema that the catalogue's measures write, with the class that reads it."""
    return {measure.schema: measure.document for measure in catalog.measures()}


def document_json(doc: Document) -> bytes:
    """The document as UTF-8 JSON with a final newline: the same bytes for equal documents.

    Numbers that are NaN or infinite are written as null, "not measured". Raises InvalidInput where a number that must
    exist is not finite, where lists that run parallel differ in length, and for text that is not valid Unicode.
    """
    try:
        # By way of plain objects: a key of JSON is a text, also where it is a number in the document.
        return msgspec.json.encode(msgspec.to_builtins(finite(doc), order="deterministic", str_keys=True)) + b"\n"
    except (UnicodeEncodeError, TypeError, RecursionError) as error:
        raise InvalidInput(f"document cannot be written as JSON: {error}") from error


def parse_document(data: bytes, source: str) -> Document:
    """The document in ``data``; ``source`` names it in errors.

    Raises: InvalidInput for text that is not JSON or does not fit the schema, unknown keys included, and for a document that contradicts
    itself; MismatchError for another schema, naming both.
    """
    try:
        raw: object = msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        is_other = data.lstrip()[:1] not in (b"", b"{", b"[")
        what = "a JSON document ({})" if is_other else "a complete JSON document ({}); it may have been cut short"
        raise InvalidInput(f"{source}: not {what.format(error)}") from error
    try:
        text = data.decode()
        check_keys(text)
        check_numbers(text)
    except ValueError as error:
        raise InvalidInput(f"{source}: {error}; write it again with the program that wrote it") from error
    if not isinstance(raw, dict):
        raise InvalidInput(f"{source}: got JSON that is not an object, expected a tokenworth document")
    fields = cast("dict[str, object]", raw)
    schema, known_schemas = fields.get("schema"), schemas()
    if not isinstance(schema, str):
        raise InvalidInput(f"{source}: no schema in it, expected a document with schema {', '.join(known_schemas)}")
    if schema not in known_schemas:
        raise MismatchError(f"{source}: schema is {schema!r}, expected {', '.join(known_schemas)}; read it with the version that wrote it")
    kind = known_schemas[schema]
    for where, key, known in _unknown_keys(fields, kind, ""):
        close = difflib.get_close_matches(key, known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else "remove it, or read the file with the version that wrote it"
        raise InvalidInput(f"{source}: unknown key {where + key!r}; {hint}")
    try:
        return msgspec.convert(fields, kind, str_keys=True)
    except msgspec.ValidationError as error:
        if isinstance(error.__cause__, InvalidInput):  # what the class itself refuses
            raise InvalidInput(f"{source}: {error.__cause__}") from error
        raise InvalidInput(f"{source}: does not fit schema {schema}: {error}") from error
    except RecursionError as error:
        raise InvalidInput(f"{source}: does not fit schema {schema}: {error}") from error


def read_document(path: str | Path) -> Document:
    """The document of a JSON file. Raises: MissingFile; otherwise as `parse_document`."""
    path = Path(path)
    try:
        data = read_input(path, MOST_BYTES)
    except FileNotFoundError as error:
        raise MissingFile(f"document {path} does not exist") from error
    except (OSError, ValueError) as error:
        raise InvalidInput(f"cannot read document {path}: {getattr(error, 'strerror', None) or error}") from error
    return parse_document(data, str(path))


def write_document(doc: Document, path: str | Path) -> None:
    """Writes the document as JSON. Raises: InvalidInput as `document_json`; StoreError when the disk refuses."""
    data = document_json(doc)
    write_whole(Path(path), lambda handle: handle.write(data))


def can_hold(folder: Path) -> bool:
    """Whether a file can be written in a folder: tried, because permissions do not tell all."""
    try:
        temporary = folder / f".tokenworth-{os.getpid()}-{secrets.token_hex(4)}.part"
        temporary.touch(exist_ok=False)
        temporary.unlink()
    except OSError:
        return False
    return True


def write_whole(path: Path, write: Callable[[Any], object]) -> None:
    """Writes a file whole or not at all: beside it under another name first, then renamed over it.

    What is not a regular file (a pipe, ``/dev/stdout``) is written to directly. Raises StoreError; an older file then
    stays as it was.
    """
    # A name of its own for each writer; "x" fails rather than follow a link someone else put there.
    temporary = path.with_name(f".tokenworth-{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        if is_written_directly(path):
            with open_output(path) as handle:
                write(handle)
            return
        with temporary.open("xb") as handle:
            write(handle)
            handle.flush()
            os.fsync(handle.fileno())
        temporary.replace(path)
    except OSError as error:
        hint = "" if error.errno in (errno.ENXIO, errno.EINVAL) else "; nothing was written, give a path with free space"
        raise StoreError(f"cannot write {path}: {error.strerror or error}{hint}") from error
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
        if not _may_hold_floats(inner) or (_is_plain(inner) and all(map(isfinite, [one for one in items if type(one) is float]))):
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


@lru_cache(maxsize=256)
def _may_hold_floats(annotation: Any) -> bool:
    return any(_holds_floats(option) for option in _options(annotation))


def _holds_floats(option: Any) -> bool:
    if option in (str, int, bool) or typing.get_origin(option) is Literal:
        return False
    if arguments := typing.get_args(option):
        return any(_may_hold_floats(one) for one in arguments if one is not Ellipsis)
    if dataclasses.is_dataclass(option) and isinstance(option, type) and not option.__subclasses__():
        return any(map(_may_hold_floats, _hints(option).values()))
    return True


@lru_cache(maxsize=256)
def _is_plain(annotation: Any) -> bool:
    """Whether a list of these holds values and no containers."""
    return all(option in (float, str, int, bool) for option in _options(annotation))


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
