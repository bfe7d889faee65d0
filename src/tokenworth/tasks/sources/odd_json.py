"""JSON objects that programs write and Python cannot hold whole: lone surrogates, numbers without bounds, any depth of nesting."""

from __future__ import annotations

import re
from dataclasses import dataclass
from json import JSONDecoder
from typing import Any, cast

import msgspec

_SPACE = re.compile(r"[ \t\n\r]*")
_ATOM = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null")
_ESCAPE = re.compile(r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL)
_LOST = "\\ufffd"
_STRING = JSONDecoder()


@dataclass(frozen=True, slots=True)
class Unheld:
    """Stands for a value that is JSON, and too large or too deep to be held; whoever needs the field finds no value of its kind."""


def odd_object(line: str) -> Any:
    """What `msgspec.json.decode` gives, for what it refuses as well: the value of a JSON text.

    Half of a surrogate pair, as ``json.dumps`` writes for bytes that are not text, is U+FFFD: one character as well, and in no grammar.
    A field of an object that holds a number out of range or nests too deep is `Unheld`; the others are as written. Takes time linear in
    the length, whatever the depth. Raises ValueError for what is not JSON, and for such values outside of an object.
    """
    try:
        return msgspec.json.decode(line)
    except (msgspec.MsgspecError, RecursionError) as error:
        fault = ValueError(str(error))
    mended = _ESCAPE.sub(lambda found: _LOST if found[1] else found[0], line)
    try:
        return msgspec.json.decode(mended)
    except (msgspec.MsgspecError, RecursionError):
        try:
            return _fields(mended)
        except ValueError:
            raise fault from None


def _fields(text: str) -> dict[str, object]:
    """The fields of the object that a text is. Raises ValueError for any other text."""
    found: dict[str, object] = {}
    at = _expected("{", text, _past_space(text, 0))
    if text[_past_space(text, at) : _past_space(text, at) + 1] != "}":
        while True:
            name, at = _key(text, at)
            start = _past_space(text, at)
            at = _end_of_value(text, start)
            found[name] = _held(text[start:at])
            at = _past_space(text, at)
            if text[at : at + 1] != ",":
                break
            at += 1
    at = _past_space(text, _expected("}", text, _past_space(text, at)))
    if at < len(text):
        raise ValueError(f"trailing characters at {at}")
    return found


def _held(piece: str) -> object:
    try:
        return cast("object", msgspec.json.decode(piece))
    except (msgspec.MsgspecError, RecursionError):
        return Unheld()


def _end_of_value(text: str, at: int) -> int:
    """Where the value that begins at ``at`` ends, by the grammar of JSON; the depth is kept in a list, never in calls."""
    closing: list[str] = []
    while True:
        at = _past_space(text, at)
        mark = text[at : at + 1]
        if mark in ("{", "["):
            end = "}" if mark == "{" else "]"
            at = _past_space(text, at + 1)
            if text[at : at + 1] != end:
                closing.append(end)
                at = _key(text, at)[1] if end == "}" else at
                continue
            at += 1
        elif mark == '"':
            at = _STRING.raw_decode(text, at)[1]
        elif (atom := _ATOM.match(text, at)) is not None:
            at = atom.end()
        else:
            raise ValueError(f"no value at {at}")
        while closing:
            at = _past_space(text, at)
            if text[at : at + 1] == ",":
                at = _key(text, at + 1)[1] if closing[-1] == "}" else at + 1
                break
            at = _expected(closing.pop(), text, at)
        else:
            return at


def _key(text: str, at: int) -> tuple[str, int]:
    """The name of a field, and where its value may begin."""
    at = _past_space(text, at)
    _expected('"', text, at)
    name, at = _STRING.raw_decode(text, at)
    return str(name), _expected(":", text, _past_space(text, at))


def _past_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return at if found is None else found.end()


def _expected(mark: str, text: str, at: int) -> int:
    if text[at : at + 1] != mark:
        raise ValueError(f"expected {mark} at {at}")
    return at + 1
