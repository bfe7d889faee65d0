"""What there is, by name: the only place of registration. It holds strings, which tie nothing; what they name is loaded when used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import Any

from tokenworth.errors import unknown_name

MEASURES: dict[str, str] = {
    "sample": "tokenworth.methods.sample:MEASURE",
    "curve": "tokenworth.methods.curve:MEASURE",
    "forced": "tokenworth.methods.forced:MEASURE",
    "verify": "tokenworth.methods.verify:MEASURE",
    "confusion": "tokenworth.methods.confusion:MEASURE",
    "first-errors": "tokenworth.methods.first_errors:MEASURE",
    "edits": "tokenworth.methods.edits:MEASURE",
    "modulo": "tokenworth.methods.modulo:MEASURE",
    "replay": "tokenworth.methods.replay:MEASURE",
    "audit": "tokenworth.methods.audit:MEASURE",
}
DOMAINS: dict[str, str] = {
    "maze": "tokenworth.tasks.maze.domain:DOMAIN",
    "sokoban": "tokenworth.tasks.sokoban.domain:DOMAIN",
    "countdown": "tokenworth.tasks.countdown.domain:DOMAIN",
    "blocksworld": "tokenworth.tasks.blocksworld.domain:DOMAIN",
}
SECTIONS: dict[str, str] = {
    "sample": "tokenworth.report.sections.traces:SECTION",
    "curve": "tokenworth.report.sections.traces:SECTION",
    "forced": "tokenworth.report.sections.traces:SECTION",
    "verify": "tokenworth.report.sections.verified:SECTION",
    "confusion": "tokenworth.report.sections.verified:SECTION",
    "first-errors": "tokenworth.report.sections.first_errors:SECTION",
    "edits": "tokenworth.report.sections.edits:SECTION",
    "modulo": "tokenworth.report.sections.modulo:SECTION",
    "replay": "tokenworth.report.sections.replay:SECTION",
    "audit": "tokenworth.report.sections.audit:SECTION",
}
"""What a page shows of a measure's documents; of a measure that is not here it shows their fields."""


@cache
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
