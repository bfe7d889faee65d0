"""The events of a maze trace, read from words into columns: the fast way for text without a flaw, clause by clause for other text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from tokenworth.tasks.maze.words import NUMBERS, cell_of, cost_of, costs_of

_VERB = {"close": True, "create": False}
_PART = re.compile(r"c?[0-9]*(,[0-9]*)?")
"""What can be the beginning of a number, a cell or a cost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MazeFlaw:
    """A place that does not follow the grammar: event index (None outside of the trace), words, what was expected and found."""

    event: int | None
    words: tuple[int, int]
    expected: str
    got: str


def unread(words: Sequence[str], event: int | None, first: int, past: int, expected: str) -> MazeFlaw:
    """What stands at these words, at least one of them, where something else was expected; past the last word it is the end of the text."""
    first = min(first, len(words))
    past = min(max(past, first + 1), len(words))
    got = " ".join(words[first : min(past, first + 6)]) or "the end of the text"
    return MazeFlaw(event=event, words=(first, past), expected=expected, got=got if len(got) <= 60 else got[:59] + "…")


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """Columns of the events that could be read. ``h`` is empty where the dialect does not write it.

    ``index[i]``: the number of the event among all clauses, malformed ones included; ``first[i]``: its first word; ``width``: words an
    event has. ``n``: number of clauses.
    """

    is_close: Sequence[bool]
    x: Sequence[int]
    y: Sequence[int]
    g: Sequence[int]
    h: Sequence[int]
    index: Sequence[int]
    first: Sequence[int]
    width: int
    n: int
    flaws: list[MazeFlaw] = field(default_factory=list[MazeFlaw])

    def columns(self) -> tuple[Sequence[bool], Sequence[int], Sequence[int], Sequence[int], Sequence[int | None]]:
        """is_close, x, y, g, h; h is None where it is not written."""
        return self.is_close, self.x, self.y, self.g, self.h or [None] * len(self.x)


def events(words: Sequence[str], first: int, end: int, *, is_compact: bool, is_cut: bool) -> Events:
    """The events ``verb X Y cG cH``, or in the compact dialect ``verb X,Y cG``, among ``words[first:end]``."""
    width = 3 if is_compact else 5
    if (end - first) % width:
        return _clauses(words, first, end, width, is_cut)
    verbs, costs = list(map(_VERB.get, words[first:end:width])), costs_of(words[first + width - 1 : end : width])
    if is_compact:
        cells = [cell or (None, None) for cell in map(cell_of, words[first + 1 : end : 3])]
        xs, ys, gs, hs = [x for x, _ in cells], [y for _, y in cells], costs, list[int | None]()
    else:
        xs, ys = list(map(NUMBERS.get, words[first + 1 : end : 5])), list(map(NUMBERS.get, words[first + 2 : end : 5]))
        gs, hs = costs_of(words[first + 3 : end : 5]), costs
    if None in verbs or None in xs or None in ys or None in gs or None in hs:
        return _clauses(words, first, end, width, is_cut)
    columns: list[Sequence[int]] = [xs, ys, gs, hs]  # pyright: ignore[reportAssignmentType]
    return Events(
        is_close=verbs,  # pyright: ignore[reportArgumentType]
        x=columns[0],
        y=columns[1],
        g=columns[2],
        h=columns[3],
        index=range(len(verbs)),
        first=range(first, end, width),
        width=width,
        n=len(verbs),
    )


def _clauses(words: Sequence[str], first: int, end: int, width: int, is_cut: bool) -> Events:
    rows: list[tuple[bool, int, int, int, int, int, int]] = []
    flaws: list[MazeFlaw] = []
    at, number = first, 0
    while at < end:
        row = _clause(words, at, end, width)
        if row is not None:
            rows.append((*row, number, at))
            at, number = at + width, number + 1
            continue
        begun = at
        at += 1
        while at < end and words[at] not in _VERB:
            at += 1
        if at >= end and is_cut and at - begun < width and _is_begun(words[begun:at], width):
            break
        shape = "create or close X Y cG cH" if width == 5 else "create or close X,Y cG"
        flaws.append(unread(words, number, begun, at, shape))
        number += 1
    columns = list(zip(*rows, strict=True)) or [()] * 7
    verbs, xs, ys, gs, hs, index, starts = (list(column) for column in columns)
    return Events(
        is_close=[bool(verb) for verb in verbs],
        x=xs,
        y=ys,
        g=gs,
        h=hs if width == 5 else [],
        index=index,
        first=starts,
        width=width,
        n=number,
        flaws=flaws,
    )


def _is_begun(words: Sequence[str], width: int) -> bool:
    """Whether these last words of a cut text begin a clause; the last one may be cut itself."""
    if len(words) == 1:
        return any(verb.startswith(words[0]) for verb in _VERB)
    cells = [cell_of(word) for word in words[1:2]] if width == 3 else [NUMBERS.get(word) for word in words[1:3]]
    costs = [cost_of(word) for word in words[1 + len(cells) :]]
    return words[0] in _VERB and None not in [*cells, *costs][: len(words) - 2] and _PART.fullmatch(words[-1]) is not None


def _clause(words: Sequence[str], at: int, end: int, width: int) -> tuple[bool, int, int, int, int] | None:
    """is_close, x, y, g, h of the clause that begins at a word; None where it is malformed. h is 0 where it is not written."""
    verb = _VERB.get(words[at])
    if verb is None or at + width > end:
        return None
    if width == 3:
        cell, h = cell_of(words[at + 1]), 0
    else:
        x, y = NUMBERS.get(words[at + 1]), NUMBERS.get(words[at + 2])
        cell, h = (None if x is None or y is None else (x, y)), cost_of(words[at + 4])
    g = cost_of(words[at + width - (2 if width == 5 else 1)])
    return None if cell is None or g is None or h is None else (verb, *cell, g, h)
