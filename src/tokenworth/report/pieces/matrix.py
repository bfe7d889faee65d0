"""A heat map of numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Float

from tokenworth.core.inert import one_line
from tokenworth.errors import InvalidInput
from tokenworth.report.blob import Blob, Json
from tokenworth.report.pieces.piece import limits, shown, title_lines

_LISTED = 5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HeatMap:
    """Rows × columns of numbers as colours; one cell at a time is read out, by pointer or arrow keys."""

    kind: ClassVar[str] = "matrix"
    values: Float[np.ndarray, "row column"]
    """NaN: not measured, drawn hatched."""
    scale: Literal["share", "difference"]
    """``share``: 0 to 1; ``difference``: −1 to 1 with a neutral middle."""
    low: Float[np.ndarray, "row column"] | None = None
    high: Float[np.ndarray, "row column"] | None = None
    """Limits of each number."""
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    """Labels, such as layers, cuts, or sentences (which may be model text)."""
    row_axis: str
    column_axis: str
    """What rows and columns are."""
    what: str
    """What a number is, with its unit."""
    title: str = ""
    level: float | None = None
    """Of the limits."""
    top_down: bool = True
    """Whether the first row stands at the top; layers stand the other way."""
    keys: tuple[str, ...] = ()
    """Keys of the table rows that the rows lead to; none, or one each."""

    def __post_init__(self) -> None:
        shape = (len(self.rows), len(self.columns))
        for name, found in (("values", self.values), ("low", self.low), ("high", self.high)):
            if found is not None and found.shape != shape:
                raise InvalidInput(f"matrix: {name} have shape {found.shape}, expected {shape}, rows × columns")
        if self.keys and len(self.keys) != len(self.rows):
            raise InvalidInput(f"matrix: got {len(self.keys)} keys for {len(self.rows)} rows; expected one each, or none")

    def text(self, width: int) -> Iterator[str]:
        """A character a cell where they fit (else the largest of neighbouring columns): tenths of its size, letters below 0; then the
        largest numbers in words.
        """
        yield from title_lines(self.title)
        yield one_line(f"{self.what}: {self.row_axis} down, {self.column_axis} across")
        most = min(24, max((len(one_line(x)) for x in self.rows), default=0))
        per = max(1, -(-len(self.columns) // max(8, width - most - 2)))
        key = "0–9: tenths" + ("; a–j: tenths below 0" if self.scale == "difference" else "") + "; ·: not measured"
        yield key + (f"; one character for {per} columns, the largest of them" if per > 1 else "")
        order = range(len(self.rows)) if self.top_down else range(len(self.rows) - 1, -1, -1)
        for k in order:
            cells = (_tenths(self.values[k, at : at + per]) for at in range(0, len(self.columns), per))
            yield one_line(self.rows[k])[:most].rjust(most) + " " + "".join(cells)
        yield from self._largest()

    def _largest(self) -> Iterator[str]:
        """The largest numbers in words."""
        flat = np.where(np.isnan(self.values), -1.0, np.abs(self.values)).ravel()
        for at in np.argsort(-flat, kind="stable")[:_LISTED]:
            i, j = divmod(int(at), max(1, len(self.columns)))
            if flat[at] > 0:
                low, high = (None if side is None else float(side[i, j]) for side in (self.low, self.high))
                form = "+.2f" if self.scale == "difference" else ".2f"
                number = shown(float(self.values[i, j]), form) + limits(low, high, form)
                yield one_line(f"{self.row_axis} {self.rows[i]}, {self.column_axis} {self.columns[j]}: {number}")

    def encode(self, blob: Blob) -> Mapping[str, Json]:
        """The numbers go into the blob, row by row."""
        named = {"low": self.low, "high": self.high}
        sides = {name: None if side is None else blob.numbers(side.ravel().tolist()) for name, side in named.items()}
        head: dict[str, Json] = {"kind": self.kind, "title": self.title, "what": self.what, "scale": self.scale, "level": self.level}
        head |= {"rows": self.rows, "columns": self.columns, "rowAxis": self.row_axis, "columnAxis": self.column_axis}
        return head | sides | {"values": blob.numbers(self.values.ravel().tolist()), "topDown": self.top_down, "keys": self.keys}


def _tenths(values: Float[np.ndarray, " cell"]) -> str:
    known = values[~np.isnan(values)]
    if not len(known):
        return "·"
    x = float(known[np.argmax(np.abs(known))])
    tenth = min(9, int(abs(x) * 10))
    return "abcdefghij"[tenth] if x < 0 and tenth else str(tenth)
