"""Text files whole or line by line, gzip included; every fault is one line that names the file and the line."""

from __future__ import annotations

import gzip
import math
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO, cast

import msgspec

from tokenworth.core.files import open_input, read_up_to
from tokenworth.core.sound_json import check_keys
from tokenworth.errors import InvalidInput, MissingFile
from tokenworth.tasks.sources.odd_json import odd_object

STANDARD_INPUT = Path("/dev/stdin")
"""Read as standard input, also if the system has no such file."""
_MAX_LINE = 16 << 20
_MAX_FILE, _MAX_UNPACKED = 1 << 30, 1 << 28
_MOST_WITHOUT, _MOST_BYTES_WITHOUT = 100_000, 1 << 26
_FAULTS = (EOFError, zlib.error, OSError)
_NO_JSON = re.compile(r"[:,\[]\s*[+-]?(?:NaN|Infinity)\b")

Fault = InvalidInput | MissingFile
"""What is wrong with a line, or with a file from there on."""


def text_lines(path: Path) -> Iterator[tuple[int, str]]:
    """(line number from 1, text with its line end) of a UTF-8 file or pipe; gzip is known by its first byte.

    Raises: MissingFile; InvalidInput for a folder, a binary file, a damaged or truncated gzip file, text that is not UTF-8, and lines
    of more than 16 MiB.
    """
    for number, line in _lines(path):
        if not isinstance(line, str):
            raise line
        yield number, line


def whole_text(path: Path) -> str:
    """The text of a UTF-8 file or pipe whose lines may be of any length; gzip is known by its first byte.

    Raises: MissingFile; InvalidInput for a folder, a damaged or truncated gzip file, text that is not UTF-8, and more than 1 GiB, or
    256 MiB of a packed file.
    """
    try:
        with _opened(path) as raw:
            source = _unpacked(raw)
            most = _MAX_FILE if source is raw else _MAX_UNPACKED
            data = read_up_to(source.read, most + 1)
    except _FAULTS as error:
        raise _fault(error, path) from error
    if len(data) > most:
        raise InvalidInput(f"{path}: it is, or unpacks to, more than {most >> 20:,} MiB; import its parts one by one")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path}: not UTF-8 text: {error.reason} at byte {error.start}") from error


def json_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """(``file:line``, object) of each line that is not blank. Raises as `text_lines`; InvalidInput for a line that is not a JSON object."""
    for where, row in _objects(path, msgspec.json.decode):
        if not isinstance(row, dict):
            raise row
        yield where, row


def json_records(path: Path) -> Iterator[tuple[str, dict[str, Any] | Fault]]:
    """(``file:line``, object) of each line that is not blank, or what is wrong with it: a bad line does not end the file.

    Objects are read as `odd_object` does: a field that cannot be held loses no other one. A file that cannot be read on ends with its
    fault. Takes memory for one line. Raises nothing.
    """
    yield from _objects(path, odd_object)


def _objects(path: Path, decode: Callable[[str], Any]) -> Iterator[tuple[str, dict[str, Any] | Fault]]:
    without = _Without("a record")
    for number, line in _lines(path):
        where = f"{path}:{number}"
        row = None
        if not isinstance(line, str):
            yield where, line
        elif line.strip():
            row = _json_object(line, where, decode)
            yield where, row
        if without.is_too_much(0 if isinstance(row, dict) else len(line) if isinstance(line, str) else 1):
            yield where, without.end(path, number)
            return


def _json_object(line: str, where: str, decode: Callable[[str], Any]) -> dict[str, Any] | Fault:
    try:
        row: Any = decode(line)
        check_keys(line)
    except (ValueError, RecursionError) as error:
        hint = "; NaN and Infinity are not JSON, write null" if _NO_JSON.search(line) else ""
        return InvalidInput(f"{where}: not valid JSON: {error}; expected one JSON object per line{hint}")
    if not isinstance(row, dict):
        return InvalidInput(f"{where}: got a JSON {_kind(row)}, expected one object per line")
    return cast("dict[str, Any]", row)


def _lines(path: Path) -> Iterator[tuple[int, str | Fault]]:
    """(line number, text, or what is wrong with the line) of each line; the fault of the file, if it has one, comes last."""
    number, without = 0, _Without("text")
    try:
        with _opened(path) as raw:
            source = _unpacked(raw)
            while line := source.readline(_MAX_LINE + 1):
                number += 1
                if number == 1 and b"\0" in line:
                    yield number, InvalidInput(f"{path}: a binary file, or text that is not UTF-8; expected lines of text, gzip allowed")
                    return
                text, is_long = _decoded(line, path, number), len(line) > _MAX_LINE
                if without.is_too_much(0 if isinstance(text, str) and not text.isspace() else len(line)):
                    yield number, without.end(path, number)
                    return
                yield number, text
                while is_long and line and not line.endswith(b"\n"):
                    line = source.readline(_MAX_LINE + 1)
                    if without.adds(len(line)):
                        yield number, without.end(path, number)
                        return
    except _FAULTS as error:
        yield number + 1, _fault(error, path, f" after line {number}")


class _Without:
    """How many lines and bytes in a row were without what is looked for."""

    def __init__(self, what: str) -> None:
        self._what, self._lines, self._bytes = what, 0, 0

    def is_too_much(self, size: int) -> bool:
        """Counts a line without it, of this size; 0 for one that has it."""
        self._lines, self._bytes = (self._lines + 1, self._bytes) if size else (0, 0)
        return self.adds(size)

    def adds(self, size: int) -> bool:
        """Counts more of a line."""
        self._bytes += size
        return self._lines > _MOST_WITHOUT or self._bytes > _MOST_BYTES_WITHOUT

    def end(self, path: Path, number: int) -> InvalidInput:
        """What is said of a file that is not read on."""
        much = f"{_MOST_WITHOUT:,} lines" if self._lines > _MOST_WITHOUT else f"{_MOST_BYTES_WITHOUT >> 20} MiB"
        return InvalidInput(f"{path}:{number}: {much} in a row without {self._what}; the rest of the file is not read")


def _fault(error: Exception, path: Path, place: str = "") -> Fault:
    """What is said of a file that cannot be read, or not beyond a place."""
    if isinstance(error, EOFError):
        return InvalidInput(f"{path}: the gzip file ends{place} without its end mark; it was cut short")
    if isinstance(error, gzip.BadGzipFile | zlib.error):
        return InvalidInput(f"{path}: damaged gzip file{place}: {error}")
    if isinstance(error, FileNotFoundError):
        return MissingFile(f"file {path} does not exist")
    if isinstance(error, IsADirectoryError):
        return InvalidInput(f"{path} is a folder; expected a file of text, gzip allowed")
    return InvalidInput(f"cannot read {path}: {getattr(error, 'strerror', None) or error}")


def _opened(path: Path) -> BufferedReader:
    return open(0, "rb", closefd=False) if path == STANDARD_INPUT else open_input(path)


def _unpacked(raw: BufferedReader) -> BinaryIO:
    # A pipe cannot be read twice. No text begins with this byte, and one is all that a pipe is sure to show.
    return cast("BinaryIO", gzip.GzipFile(fileobj=raw)) if raw.peek(1)[:1] == b"\x1f" else raw


def _decoded(line: bytes, path: Path, number: int) -> str | Fault:
    if len(line) > _MAX_LINE:
        return InvalidInput(f"{path}:{number}: the line is longer than {_MAX_LINE >> 20} MiB; expected one record a line")
    try:
        return line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        return InvalidInput(f"{path}:{number}: not UTF-8 text: {error.reason} at byte {error.start} of the line")


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
    """A string or a number, as text."""
    value: object = row.get(key)
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
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
