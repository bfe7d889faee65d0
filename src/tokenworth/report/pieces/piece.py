"""What every piece is, and how numbers and model text look in its text form."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import ClassVar, Protocol

from tokenworth.core.inert import inert, one_line
from tokenworth.errors import InvalidInput
from tokenworth.report.blob import Blob, Json

Number = float | None
"""None (or NaN): there is no number, which is never drawn as 0."""


class Piece(Protocol):
    """A drawing of a `SheetView`. The viewer's ``PIECES`` has a component under its ``kind`` (``web/src/pieces``)."""

    kind: ClassVar[str]
    """Which component draws it."""

    def text(self, width: int) -> Iterator[str]:
        """Lines for a terminal, inert."""
        ...

    def encode(self, blob: Blob) -> Mapping[str, Json]:
        """What the page carries; long columns of numbers go into the blob."""
        ...


def noscript(piece: Piece) -> Iterator[str]:
    """A piece for readers without JavaScript: its text form."""
    yield "<pre>" + "\n".join(escape(line) for line in piece.text(100)) + "</pre>\n"


def shown(x: Number, form: str = ".2f") -> str:
    """A number of a text form."""
    return "–" if x is None or math.isnan(x) else f"{x:{form}}"


def limits(low: Number, high: Number, form: str = ".2f") -> str:
    """Its interval with a space before; nothing where there is none."""
    return "" if shown(low) == "–" and shown(high) == "–" else f" [{shown(low, form)}, {shown(high, form)}]"


def folded(text: str, width: int) -> Iterator[str]:
    """Model text, inert, in lines of at most ``width`` characters; its own line ends are kept."""
    for line in inert(text).split("\n"):
        for at in range(0, max(1, len(line)), width):
            yield line[at : at + width]


def title_lines(title: str) -> Iterator[str]:
    """The title on a line of its own; nothing for none."""
    if title:
        yield one_line(title)


def same_length(what: str, columns: Mapping[str, Sequence[object] | None], n: int) -> None:
    """Refuses columns that are not of length ``n``; None is none."""
    for name, column in columns.items():
        if column is not None and len(column) != n:
            raise InvalidInput(f"{what}: {name} has {len(column)} entries, expected {n}")
