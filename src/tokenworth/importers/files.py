"""Reading other people's files: hostile input, so bounded, and every fault is one line that names the file."""

from __future__ import annotations

import csv
import gzip
import math
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast

import msgspec

from tokenworth.core.files import open_input, read_up_to
from tokenworth.errors import InvalidInput
from tokenworth.tasks.sources.files import whole_text

_SEEN = 1 << 16
LARGEST_ID = (1 << 31) - 1


def beginning(path: Path) -> str:
    """The first 64 KiB of a file as text, packed or not; empty for what is no file or cannot be read."""
    try:
        if not path.is_file():
            return ""
        with open_input(path) as raw:
            source = cast("BinaryIO", gzip.GzipFile(fileobj=raw)) if raw.peek(1)[:1] == b"\x1f" else raw
            return read_up_to(source.read, _SEEN).decode("utf-8", "replace")
    except (OSError, EOFError, zlib.error, ValueError):
        return ""


def read_json(path: Path) -> object:
    """The JSON value of a file. Raises InvalidInput where it is not one."""
    try:
        return msgspec.json.decode(whole_text(path))
    except (msgspec.MsgspecError, RecursionError) as error:
        raise InvalidInput(f"{path}: not valid JSON: {error}") from error


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object of a file."""
    value = read_json(path)
    if not isinstance(value, dict):
        raise InvalidInput(f"{path}: expected a JSON object, got a {type(value).__name__}")
    return cast("dict[str, Any]", value)


def read_table(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[str, dict[str, str]]]:
    """(``file:line``, row) of a CSV file whose header has at least ``columns``."""
    reader = csv.reader(whole_text(path).splitlines(keepends=True), strict=True)
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


def list_of(fields: Mapping[str, Any], key: str, where: str) -> list[object]:
    """A field that is a list."""
    value: object = fields.get(key)
    if not isinstance(value, list):
        raise InvalidInput(f"{where}: {key!r} must be a list")
    return cast("list[object]", value)


def objects_of(fields: Mapping[str, Any], key: str, where: str) -> list[dict[str, Any]]:
    """A field that is a list of objects."""
    value = list_of(fields, key, where)
    if not all(isinstance(one, dict) for one in value):
        raise InvalidInput(f"{where}: {key!r} must be a list of objects")
    return cast("list[dict[str, Any]]", value)


def count_of(value: object, what: str, where: str) -> int:
    """A whole number from 0 up, as large as a token id can be."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST_ID:
        raise InvalidInput(f"{where}: {what} is {str(value)[:40]!r}, expected a whole number from 0 to {LARGEST_ID}")
    return value


def digits_of(text: str, what: str, where: str, *, most: int) -> int:
    """A whole number that a cell of a table holds; a data frame may have written it as 3.0."""
    digits = text.strip().removesuffix(".0")
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 12 and int(digits) <= most):
        raise InvalidInput(f"{where}: {what} is {text[:40]!r}, expected a whole number from 0 to {most}")
    return int(digits)


def decimal_of(text: str, what: str, where: str) -> float:
    """A share that a cell of a table holds; rounding may carry it past 1."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1 + 1e-6:
        raise InvalidInput(f"{where}: {what} is {text[:40]!r}, expected a number from 0 to 1")
    return min(value, 1.0)


def rate_of(value: object, what: str, where: str) -> float:
    """A number from 0 to 1 (1.01 where a sum of rounded numbers is meant to be 1 is the caller's affair)."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise InvalidInput(f"{where}: {what} is {value!r}, expected a number from 0 to 1")
    return float(value)


def gold_note(gold: str) -> str:
    """What a document says of a gold answer that is not among the options its source gives."""
    return f"The source's correct answer ({gold[:20]}) is not one of the options it gives; the problem has no gold answer."
