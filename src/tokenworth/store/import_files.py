"""Reading other people's files: hostile input, so bounded, and every fault is one line that names the file."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import msgspec

from tokenworth.errors import InvalidInput, MissingFile

MAX_BYTES = 1 << 30
"""Unpacked size of the largest file that is read."""


def read_text(path: Path) -> str:
    """The text of a UTF-8 file, unpacked where it is gzip (known by its first bytes).

    Raises: MissingFile; InvalidInput for a folder, damaged or truncated gzip, text that is not UTF-8, or more than 1 GiB.
    """
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            data = gzip.GzipFile(fileobj=raw).read(MAX_BYTES + 1) if packed else raw.read(MAX_BYTES + 1)
    except EOFError as error:
        raise InvalidInput(f"{path}: the gzip file ends without its end mark; it was cut short") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise InvalidInput(f"{path}: damaged gzip file: {error}") from error
    except FileNotFoundError as error:
        raise MissingFile(f"{path} does not exist") from error
    except (OSError, ValueError) as error:
        raise InvalidInput(f"cannot read {path}: {error}") from error
    if len(data) > MAX_BYTES:
        raise InvalidInput(f"{path}: unpacks to more than {MAX_BYTES >> 30} GiB; import its parts one by one")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path}: not UTF-8 text: {error.reason} at byte {error.start}") from error


def read_json(path: Path) -> object:
    """The JSON value of a file. Raises InvalidInput where it is not one."""
    try:
        return msgspec.json.decode(read_text(path))
    except (msgspec.MsgspecError, RecursionError) as error:
        raise InvalidInput(f"{path}: not valid JSON: {error}") from error


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object of a file."""
    value = read_json(path)
    if not isinstance(value, dict):
        raise InvalidInput(f"{path}: expected a JSON object, got a {type(value).__name__}")
    return cast("dict[str, Any]", value)


def read_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """(``file:line``, object) of each line of a JSONL file that is not blank."""
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            row: object = msgspec.json.decode(line)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise InvalidInput(f"{where}: not valid JSON: {error}; expected one object a line") from error
        if not isinstance(row, dict):
            raise InvalidInput(f"{where}: got a JSON {type(row).__name__}, expected one object a line")
        yield where, cast("dict[str, Any]", row)


def read_table(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[str, dict[str, str]]]:
    """(``file:line``, row) of a CSV file whose header has at least ``columns``."""
    reader = csv.reader(read_text(path).splitlines(keepends=True), strict=True)
    try:
        header = next(reader, [])
        missing = [column for column in columns if column not in header]
        if missing:
            raise InvalidInput(f"{path}: columns {', '.join(missing)} are missing; got {header[:12] or 'an empty file'}")
        for row in reader:
            if len(row) != len(header):
                raise InvalidInput(f"{path}:{reader.line_num}: {len(row)} columns, expected {len(header)} as in the header")
            yield f"{path}:{reader.line_num}", dict(zip(header, row, strict=True))
    except csv.Error as error:
        raise InvalidInput(f"{path}:{reader.line_num}: not valid CSV: {error}") from error


def text_of(fields: Mapping[str, Any], key: str, where: str) -> str:
    """A string field that must be there."""
    value: object = fields.get(key)
    if not isinstance(value, str):
        raise InvalidInput(f"{where}: {key!r} is {'missing' if value is None else 'a ' + type(value).__name__}, expected a string")
    return value


def texts_of(fields: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
    """A field that is a list of strings."""
    value: object = fields.get(key)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in cast("list[object]", value)):
        raise InvalidInput(f"{where}: {key!r} must be a list of strings")
    return tuple(cast("list[str]", value))


def rate_of(value: object, what: str, where: str) -> float:
    """A number from 0 to 1 (1.01 where a sum of rounded numbers is meant to be 1 is the caller's affair)."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise InvalidInput(f"{where}: {what} is {value!r}, expected a number from 0 to 1")
    return float(value)
