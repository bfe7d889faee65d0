"""What there is, by name: the only place of registration. Strings only, so that it ties nothing; what they name is loaded when it is used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from tokenworth.errors import unknown_name

MEASURES: dict[str, str] = {
    "sample": "tokenworth.methods.sample:MEASURE",
    "curve": "tokenworth.methods.curve:MEASURE",
    "forced": "tokenworth.methods.forced:MEASURE",
    "confusion": "tokenworth.methods.confusion:MEASURE",
    "edits": "tokenworth.methods.edits:MEASURE",
    "modulo": "tokenworth.methods.modulo:MEASURE",
}
DOMAINS: dict[str, str] = {
    "maze": "tokenworth.tasks.maze.domain:DOMAIN",
    "sokoban": "tokenworth.tasks.sokoban.domain:DOMAIN",
    "countdown": "tokenworth.tasks.countdown.domain:DOMAIN",
    "blocksworld": "tokenworth.tasks.blocksworld.domain:DOMAIN",
}


def _loaded(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)


def load(table: Mapping[str, str], kind: str, name: str) -> Any:
    """The entry of a table of the catalogue. Raises UnknownName, calling it a ``kind``, with close matches."""
    if name not in table:
        raise unknown_name(kind, name, table)
    return _loaded(table[name])


def measures() -> Iterator[Any]:
    """All measures."""
    return (_loaded(place) for place in MEASURES.values())
