"""Lines over cuts, with bands, reference lines and intervals on the axis."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Float, Int

from tokenworth.core.inert import one_line
from tokenworth.errors import InvalidInput
from tokenworth.report.blob import Blob, Json
from tokenworth.report.pieces.piece import limits, shown, title_lines

_LEVELS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Series:
    """A line: numbers at ascending places of the axis."""

    name: str
    x: Int[np.ndarray, " point"]
    y: Float[np.ndarray, " point"]
    """NaN: no number; the line has a gap there."""
    low: Float[np.ndarray, " point"] | None = None
    high: Float[np.ndarray, " point"] | None = None
    """Band around it."""
    outer_low: Float[np.ndarray, " point"] | None = None
    outer_high: Float[np.ndarray, " point"] | None = None
    """A second band, such as the simultaneous one; the page switches between them."""
    step: bool = False
    """Whether a number holds until the next place, as a survival does, instead of being joined to it."""

    def __post_init__(self) -> None:
        for name in ("y", "low", "high", "outer_low", "outer_high"):
            found = getattr(self, name)
            if found is not None and len(found) != len(self.x):
                raise InvalidInput(f"series {self.name!r}: {name} has {len(found)} points, expected {len(self.x)}")
        if np.any(np.diff(self.x) < 0):
            raise InvalidInput(f"series {self.name!r}: places must ascend; sort them first")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bracket:
    """An interval on the axis, drawn as a bracket: a change point that lies somewhere in it, or a stretch with a name."""

    start: int
    stop: int
    """Both ends belong to it."""
    label: str
    at: int | None = None
    """Its best single place, drawn as a tick."""
    row: str = ""
    """Key of the table row that it leads to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceLine:
    """A reference line at a height."""

    y: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LineChart:
    """A chart of several lines over one axis."""

    kind: ClassVar[str] = "lines"
    series: tuple[Series, ...]
    length: int
    """The axis goes from 0 to here, such as the number of tokens of the trace."""
    axis: str = "cut"
    """What a place of it is."""
    scale: Literal["share", "difference", "free"] = "share"
    """``share``: 0 to 1; ``difference``: −1 to 1; ``free``: from the least to the largest number."""
    what: str = ""
    """What the heights are."""
    title: str = ""
    band: str = ""
    """What the band is, such as "95 % pointwise interval"."""
    outer: str = ""
    """What the second band is, such as "95 % band of the whole curve"; it is named on its switch."""
    brackets: tuple[Bracket, ...] = ()
    rules: tuple[ReferenceLine, ...] = ()
    pieces: tuple[str, ...] = ()
    """Tokens of the trace; the piece before the cut under the pointer is read out. May be left out."""

    def text(self, width: int) -> Iterator[str]:
        """Each line as a row of heights, with its first and last number; brackets in words."""
        yield from title_lines(self.title)
        if self.what:
            yield one_line(f"{self.what} over {self.axis} 0 to {self.length:,}")
        bottom, top = self.limits()
        most = max((len(one_line(one.name)) for one in self.series), default=0)
        for one in self.series:
            room = max(8, width - most - 16)
            yield f"{one_line(one.name).ljust(most)} {_heights(one, self.length, bottom, top, room)} {_ends(one)}"
        for rule in self.rules:
            yield one_line(f"line at {rule.y:g}: {rule.label}")
        for found in self.brackets:
            best = "" if found.at is None else f" (best {found.at:,})"
            yield one_line(f"{self.axis} {found.start:,} to {found.stop:,}{best}: {found.label}")
        for name in (self.band, self.outer):
            if name:
                yield one_line(f"page shows: {name}")

    def limits(self) -> tuple[float, float]:
        """Lower and upper end of the heights."""
        if self.scale != "free":
            return (0.0 if self.scale == "share" else -1.0), 1.0
        columns = [one for line in self.series for one in (line.y, line.low, line.high, line.outer_low, line.outer_high) if one is not None]
        known = np.concatenate([np.array([rule.y for rule in self.rules], dtype=float), *(one[np.isfinite(one)] for one in columns)])
        low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
        return (low, high) if high > low else (low - 0.5, high + 0.5)

    def encode(self, blob: Blob) -> Mapping[str, Json]:
        """The numbers go into the blob."""
        head: dict[str, Json] = {"kind": self.kind, "title": self.title, "axis": self.axis, "what": self.what, "length": self.length}
        head |= {"limits": self.limits(), "band": self.band, "outer": self.outer, "pieces": self.pieces}
        marks = [{"start": b.start, "stop": b.stop, "label": b.label, "at": b.at, "row": b.row} for b in self.brackets]
        rules = [{"y": rule.y, "label": rule.label} for rule in self.rules]
        return head | {"series": [_encoded(one, blob) for one in self.series], "brackets": marks, "rules": rules}


def _encoded(one: Series, blob: Blob) -> Mapping[str, Json]:
    named = {"y": one.y, "low": one.low, "high": one.high, "outerLow": one.outer_low, "outerHigh": one.outer_high}
    columns: dict[str, Json] = {name: None if side is None else blob.numbers(side.tolist()) for name, side in named.items()}
    head: dict[str, Json] = {"name": one.name, "step": one.step, "x": blob.integers(one.x.tolist())}
    return head | columns


def _heights(one: Series, length: int, bottom: float, top: float, room: int) -> str:
    """A character for each stretch of the axis: the mean height there; a blank for none."""
    out = [" "] * min(room, length + 1)
    place = np.minimum(one.x * len(out) // (length + 1), len(out) - 1)
    for k in range(len(out)):
        here = one.y[(place == k) & np.isfinite(one.y)]
        if len(here):
            share = (float(here.mean()) - bottom) / (top - bottom)
            out[k] = _LEVELS[max(0, min(7, int(share * 8)))]
    return "".join(out)


def _ends(one: Series) -> str:
    known = np.flatnonzero(np.isfinite(one.y))
    if not len(known):
        return "no number"
    low, high = (None if side is None else float(side[known[-1]]) for side in (one.low, one.high))
    return f"{shown(float(one.y[known[0]]))} → {shown(float(one.y[known[-1]]))}{limits(low, high)}"
