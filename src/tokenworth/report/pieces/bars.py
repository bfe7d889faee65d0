"""Outcome distributions as stacked bars."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from tokenworth.core.document import Number
from tokenworth.core.inert import one_line
from tokenworth.report.blob import Blob, Json
from tokenworth.report.palette import CATEGORICAL, OTHER, STATES
from tokenworth.report.pieces.piece import limits, same_length, shown, title_lines

_WIDE = 24
"""Characters of a bar in a terminal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One distribution over the labels of the `Bars` or of the table that it stands in."""

    shares: tuple[Number, ...]
    """One for each label, 0 to 1. What they lack of 1 is drawn hatched, as missing; so is a share without a number."""
    low: tuple[Number, ...] | None = None
    high: tuple[Number, ...] | None = None
    """Limits of the shares; shown as text, not drawn."""
    n: int | None = None
    """Rollouts behind it; None where it is exact or read off the model."""
    name: str = ""
    """Stands before it; may be model text."""
    detail: str = ""
    """Stands behind it, such as a token's probability."""
    row: str = ""
    """Key of the table row that it leads to."""

    def __post_init__(self) -> None:
        same_length("bar", {"low": self.low, "high": self.high}, len(self.shares))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """Stacked bars one below another, with one legend."""

    kind: ClassVar[str] = "bars"
    labels: tuple[str, ...]
    """Outcomes, in the order they are stacked. Names of unknown outcomes (``truncated`` …) are drawn as greys with their pattern."""
    rows: tuple[Bar, ...]
    title: str = ""
    gold: str = ""
    """The label of the gold answer, marked in the legend."""
    level: float | None = None
    """Of the limits; None where there are none."""

    def __post_init__(self) -> None:
        for row in self.rows:
            same_length("bars", {"shares": row.shares}, len(self.labels))

    def text(self, width: int) -> Iterator[str]:
        """A line a bar: a letter for each outcome, ``?`` for what is missing, then the shares."""
        yield from title_lines(self.title)
        letters = letters_of(self.labels)
        yield one_line("  ".join(f"{letter} {label}" for letter, label in zip(letters, self.labels, strict=True)) + "  ? missing")
        most = max((len(one_line(row.name)) for row in self.rows), default=0)
        for row in self.rows:
            n = "" if row.n is None else f" n {row.n:,}"
            tail = f" {one_line(row.detail)}" if row.detail else ""
            name = one_line(row.name).ljust(min(most, width // 3))
            yield f"{name}  {drawn(row, letters)} {one_line(told(row, self.labels))}{n}{tail}"

    def encode(self, blob: Blob) -> Mapping[str, Json]:
        """All of it."""
        del blob
        rows = [encoded(row) for row in self.rows]
        head: dict[str, Json] = {"kind": self.kind, "title": self.title, "level": self.level}
        return head | {"labels": legend(self.labels, self.gold), "rows": rows}


def legend(labels: Sequence[str], gold: str = "") -> list[Json]:
    """Labels with their colours, as a page carries them."""
    letters, colours = letters_of(labels), colours_of(labels)
    return [{"name": n, "colour": c, "letter": x, "gold": n == gold} for n, c, x in zip(labels, colours, letters, strict=True)]


def colours_of(labels: Sequence[str]) -> tuple[int, ...]:
    """A place of the palette for each label: a categorical colour, a grey with a pattern, or `OTHER`, once the colours are used up."""
    found: list[int] = []
    for label in labels:
        used = sum(c >= 0 for c in found)
        found.append(STATES[label] if label in STATES else used if used < len(CATEGORICAL) else OTHER)
    return tuple(found)


def letters_of(labels: Sequence[str]) -> tuple[str, ...]:
    """One printable character for each label, no two alike: its own first letter where that is free."""
    found: list[str] = []
    spare = iter("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
    for label in labels:
        own = label[:1] if label[:1].isascii() and label[:1].isalnum() else ""
        found.append(own if own and own not in found else next((x for x in spare if x not in found), "*"))
    return tuple(found)


def drawn(bar: Bar, letters: Sequence[str], wide: int = _WIDE) -> str:
    """A bar of ``wide`` letters; what is missing is ``?``."""
    at, out = 0.0, ""
    for share, letter in zip(bar.shares, letters, strict=True):
        at += share if share is not None and share == share else 0.0
        out += letter * (round(wide * min(1.0, at)) - len(out))
    return "[" + out.ljust(wide, "?") + "]"


def told(bar: Bar, labels: Sequence[str]) -> str:
    """The shares that are not 0, the largest first, with their limits."""
    none = (None,) * len(labels)
    rows = [row for row in zip(labels, bar.shares, bar.low or none, bar.high or none, strict=True) if row[1] is None or row[1]]
    rows.sort(key=lambda row: -(row[1] or 0.0))
    return ", ".join(f"{label} {shown(share)}{limits(low, high)}" for label, share, low, high in rows) or "nothing"


def encoded(bar: Bar) -> dict[str, Json]:
    """A bar as a page carries it."""
    head: dict[str, Json] = {"shares": bar.shares, "low": bar.low, "high": bar.high}
    return head | {"n": bar.n, "name": bar.name, "detail": bar.detail, "row": bar.row}
