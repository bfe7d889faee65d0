"""Text files line by line, gzip included; every fault is one line that names the file and the line."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast

import msgspec

from tokenworth.errors import InvalidInput, MissingFile

_MAX_LINE = 16 << 20


def text_lines(path: Path) -> Iterator[tuple[int, str]]:
    """(line number from 1, text with its line end) of a UTF-8 file; a gzip file is known by its first bytes.

    Raises: MissingFile; InvalidInput for a folder, a damaged or truncated gzip file, text that is not UTF-8, and lines
    of more than 16 MiB.
    """
    number = 0
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            source = cast("BinaryIO", gzip.GzipFile(fileobj=raw)) if packed else raw
            while line := source.readline(_MAX_LINE + 1):
                number += 1
                if len(line) > _MAX_LINE:
                    raise InvalidInput(f"{path}:{number}: the line is longer than {_MAX_LINE >> 20} MiB; expected one problem a line")
                yield number, line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path}:{number}: not UTF-8 text: {error.reason} at byte {error.start} of the line") from error
    except EOFError as error:
        raise InvalidInput(f"{path}: the gzip file ends after line {number} without its end mark; it was cut short") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise InvalidInput(f"{path}: damaged gzip file after line {number}: {error}") from error
    except FileNotFoundError as error:
        raise MissingFile(f"problem file {path} does not exist") from error
    except IsADirectoryError as error:
        raise InvalidInput(f"problem file {path} is a folder; expected a JSONL or CSV file, gzip allowed") from error
    except OSError as error:
        raise InvalidInput(f"cannot read problem file {path}: {error.strerror or error}") from error


def json_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """(``file:line``, object) of each line that is not blank. Raises InvalidInput for a line that is not a JSON object."""
    for number, line in text_lines(path):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            row: Any = msgspec.json.decode(line)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise InvalidInput(f"{where}: not valid JSON: {error}; expected one JSON object a line") from error
        if not isinstance(row, dict):
            raise InvalidInput(f"{where}: got a JSON {_kind(row)}, expected an object, one a line")
        yield where, cast("dict[str, Any]", row)


def _kind(value: object) -> str:
    names: Mapping[type, str] = {list: "list", str: "string", bool: "boolean", int: "number", float: "number", dict: "object"}
    return names.get(type(value), "null")


def text_field(row: Mapping[str, Any], key: str, where: str) -> str:
    """A string that must be there and not be blank."""
    if key not in row:
        raise InvalidInput(f"{where}: key {key!r} is missing; got {', '.join(map(repr, list(row)[:8])) or 'no keys'}")
    value: object = row[key]
    if not isinstance(value, str):
        raise InvalidInput(f"{where}: {key!r} is a {_kind(value)}, expected a string")
    if not value.strip():
        raise InvalidInput(f"{where}: {key!r} is empty")
    return value


def label_field(row: Mapping[str, Any], key: str, where: str) -> str:
    """A string or a whole number, as text."""
    value: object = row.get(key)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return text_field(row, key, where)


def text_list(value: object, key: str, where: str) -> list[str]:
    """A list of strings."""
    if not isinstance(value, list):
        raise InvalidInput(f"{where}: {key!r} is a {_kind(value)}, expected a list")
    items = cast("list[object]", value)
    for item in items:
        if not isinstance(item, str):
            raise InvalidInput(f"{where}: {key!r} holds a {_kind(item)}, expected strings")
    return cast("list[str]", items)


def stem(path: Path) -> str:
    """The file name without ``.gz`` and its extension: the beginning of the ids of problems that have none."""
    return Path(path.name.removesuffix(".gz")).stem


def letters(count: int, where: str) -> Iterable[str]:
    """Option labels A, B, C, …; at most 26."""
    if count > 26:
        raise InvalidInput(f"{where}: {count} options without labels; expected at most 26, or objects with 'label' and 'text'")
    return "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[:count]
