"""The part of the view model that shows a table over many problems: numbers with their limits, and where they come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tokenworth.core.document import Number


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetColumn:
    """A column. ``share``: numbers from 0 to 1; ``difference``: from −1 to 1. ``width``, ``right``: how a terminal sets it."""

    name: str
    kind: Literal["text", "count", "share", "difference"]
    width: int = 0
    right: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetCell:
    """A cell. ``text`` is all of it for a terminal; a page shows ``main`` and draws the value and its limits, where there are any."""

    text: str
    main: str
    value: Number = None
    low: Number = None
    high: Number = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetView:
    """A table. ``lead`` stands above it, ``caption`` right on it; a row has a cell for each column. ``facts``: label and value."""

    title: str
    lead: tuple[str, ...]
    caption: str
    level: float
    columns: tuple[SheetColumn, ...]
    rows: tuple[tuple[SheetCell, ...], ...]
    facts: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
