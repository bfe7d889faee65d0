"""The trace as text with marks: a claim is a sign and a line, never a colour alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from tokenworth.core.document import Number
from tokenworth.errors import InvalidInput
from tokenworth.report.blob import Blob, Json
from tokenworth.report.palette import NO_BIN, bin_of
from tokenworth.report.pieces.piece import folded, same_length, title_lines

MarkKind = Literal["up", "down", "claim", "undecided", "excluded", "span"]
_SIGNS: Mapping[str, tuple[str, str]] = {
    "up": ("▲⟦", "⟧"),
    "down": ("▼⟦", "⟧"),
    "claim": ("◆⟦", "⟧"),
    "undecided": ("?⟨", "⟩"),
    "excluded": ("", ""),
    "span": ("{", "}"),
}
"""What stands around a mark in a terminal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A token or a stretch of them that is said something of."""

    start: int
    stop: int
    """From the piece ``start`` to before the piece ``stop``."""
    kind: MarkKind
    """``up`` and ``down``: a claim with its direction, ``claim``: one without; ``undecided``; ``excluded``; ``span``: an interval or a
    sentence."""
    label: str = ""
    """Read out; short, such as "+0.42 [+0.31, +0.50]"."""
    row: str = ""
    """Key of the table row that a press leads to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """Pieces of text, coloured by a number if there is one, with marks."""

    kind: ClassVar[str] = "marked"
    pieces: tuple[str, ...]
    marks: tuple[Mark, ...] = ()
    title: str = ""
    claims: str = ""
    """What a claim is, with method, level and error rate: stands in the legend."""
    colour: tuple[Number, ...] | None = None
    """A number for each piece, drawn as its ground; None there: not measured."""
    what: str = ""
    """What the colour is; says that it is no claim."""
    palette: Literal["value", "delta", "gold", "probability"] = "value"
    low: float = 0.0
    high: float = 1.0
    """Ends of the scale of colours."""

    def __post_init__(self) -> None:
        same_length("marked text", {"colour": self.colour}, len(self.pieces))
        for mark in self.marks:
            if not 0 <= mark.start < mark.stop <= len(self.pieces):
                raise InvalidInput(f"mark from {mark.start} to {mark.stop}: expected a stretch within 0 to {len(self.pieces)}")

    def text(self, width: int) -> Iterator[str]:
        """The text with signs around what is marked."""
        yield from title_lines(self.title)
        kinds = {mark.kind for mark in self.marks}
        names = {"up": "claim, upwards", "down": "claim, downwards", "claim": "claim", "undecided": "not decided", "span": "interval"}
        key = "  ".join(f"{_SIGNS[k][0]}…{_SIGNS[k][1]} {name}" for k, name in names.items() if k in kinds)
        if key:
            yield key
        before, after = [""] * (len(self.pieces) + 1), [""] * (len(self.pieces) + 1)
        for mark in self.marks:
            opened, closed = _SIGNS[mark.kind]
            before[mark.start] += opened
            after[mark.stop - 1] = closed + after[mark.stop - 1]
        yield from folded("".join(a + x + b for a, x, b in zip(before, self.pieces, after, strict=False)), width)

    def encode(self, blob: Blob) -> Mapping[str, Json]:
        """Pieces and colours go into the blob."""
        bins = None if self.colour is None else blob.small([bin_of(x, self.low, self.high) for x in self.colour])
        marks = [[m.start, m.stop, m.kind, m.label, m.row] for m in self.marks]
        head: dict[str, Json] = {"kind": self.kind, "title": self.title, "claims": self.claims, "what": self.what}
        head |= {"palette": self.palette, "low": self.low, "high": self.high, "none": NO_BIN, "bins": bins}
        return head | {"pieces": blob.texts(self.pieces), "marks": marks}
