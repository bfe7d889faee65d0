"""Two texts side by side with the edit marked, and what became of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import ClassVar, Literal

from tokenworth.core.inert import one_line
from tokenworth.report.blob import Blob, Json
from tokenworth.report.pieces.bars import Bar, drawn, encoded, legend, letters_of, told
from tokenworth.report.pieces.piece import folded, title_lines

TextEdit = Literal["kept", "removed", "added"]
_AROUND: Mapping[str, tuple[str, str]] = {"kept": ("", ""), "removed": ("[-", "-]"), "added": ("{+", "+}")}


@dataclass(frozen=True, slots=True, kw_only=True)
class TextSide:
    """One of two texts."""

    name: str
    parts: tuple[tuple[str, TextEdit], ...]
    """Stretches of it in order: kept, removed (on the left) or added (on the right)."""
    bar: Bar | None = None
    """Its outcomes, over the labels of the `Beside`."""
    lines: tuple[str, ...] = ()
    """What stands below: value with interval, n."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """Two texts side by side; where there is no room, one below the other."""

    kind: ClassVar[str] = "beside"
    left: TextSide
    right: TextSide
    labels: tuple[str, ...] = ()
    """Of the bars."""
    title: str = ""
    gold: str = ""
    """The label of the gold answer."""

    def text(self, width: int) -> Iterator[str]:
        """One text after the other: removed as ``[-…-]``, added as ``{+…+}``."""
        yield from title_lines(self.title)
        for side in (self.left, self.right):
            yield one_line(f"{side.name}:")
            text = "".join(f"{_AROUND[change][0]}{part}{_AROUND[change][1]}" for part, change in side.parts)
            yield from (f"  {line}" for line in folded(text, max(20, width - 2)))
            if side.bar is not None:
                n = "" if side.bar.n is None else f" n {side.bar.n:,}"
                yield one_line(f"  {drawn(side.bar, letters_of(self.labels))} {told(side.bar, self.labels)}{n}")
            yield from (one_line(f"  {line}") for line in side.lines)

    def encode(self, blob: Blob) -> Mapping[str, Json]:
        """All of it."""
        del blob
        sides = {name: _encoded(side) for name, side in (("left", self.left), ("right", self.right))}
        head: dict[str, Json] = {"kind": self.kind, "title": self.title, "labels": legend(self.labels, self.gold)}
        return head | sides


def _encoded(side: TextSide) -> Mapping[str, Json]:
    bar = None if side.bar is None else encoded(side.bar)
    return {"name": side.name, "parts": [list(part) for part in side.parts], "bar": bar, "lines": side.lines}


def changes(before: tuple[str, ...], after: tuple[str, ...]) -> tuple[tuple[tuple[str, TextEdit], ...], tuple[tuple[str, TextEdit], ...]]:
    """The parts of both sides from the pieces of two texts: a longest common run of pieces is kept, and so on on both sides of it."""
    left: list[tuple[str, TextEdit]] = []
    right: list[tuple[str, TextEdit]] = []
    for code, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        kept = code == "equal"
        if a < b:
            left.append(("".join(before[a:b]), "kept" if kept else "removed"))
        if c < d:
            right.append(("".join(after[c:d]), "kept" if kept else "added"))
    return tuple(left), tuple(right)
