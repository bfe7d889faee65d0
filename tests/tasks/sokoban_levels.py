"""Levels for tests: small random ones that have a solution, the same for a seed on every machine, and those of Boxoban files."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tests.tasks.sokoban_search import solve
from tokenworth.core.verification import Cell
from tokenworth.errors import InvalidInput
from tokenworth.tasks.sokoban.instance import Sokoban, level_of

_MARKS = {"#": "wall", " ": "", "@": "worker", "$": "box", ".": "dock", "*": "box dock", "+": "worker dock"}
_TRIES = 1000
_MAX_CLOSED = 20_000


class _Draws:
    """Whole numbers from the raw words of a bit generator, whose stream numpy keeps the same in all versions."""

    def __init__(self, *seed: int) -> None:
        self._bits = np.random.PCG64(np.random.SeedSequence(seed))

    def take(self, cells: list[Cell], n: int) -> list[Cell]:
        """``n`` of the cells, without repetition; fewer where there are not as many. They are removed."""
        taken: list[Cell] = []
        while cells and len(taken) < n:
            taken.append(cells.pop(int(self._bits.random_raw()) % len(cells)))
        return taken


def random_level(seed: int, *, cols: int, rows: int, boxes: int, walls: int) -> Sokoban:
    """A level inside a ring of walls, with ``walls`` more; boxes stand two cells or more from the edge. It has a solution.

    Raises InvalidInput where 1000 draws give none.

    Source: Lehnert et al. 2024, arXiv 2402.14083. Differs: levels without a solution, or that need over 20,000 closed states, are
    drawn again.
    """
    draws = _Draws(seed, cols, rows, boxes, walls)
    edge = [(x, y) for y in range(rows) for x in range(cols) if x in (0, cols - 1) or y in (0, rows - 1)]
    for _ in range(_TRIES):
        free = [(x, y) for y in range(1, rows - 1) for x in range(1, cols - 1)]
        inner = draws.take(free, walls)
        middle = [(x, y) for x, y in free if 2 <= x < cols - 2 and 2 <= y < rows - 2]
        placed = draws.take(middle, boxes)
        free = [cell for cell in free if cell not in placed]
        worker, docks = draws.take(free, 1), draws.take(free, boxes)
        if len(placed) < boxes or not worker or len(docks) < boxes:
            continue
        level = level_of(worker=worker[0], boxes=placed, docks=docks, walls=[*edge, *inner])
        if solve(level, None, max_closed=_MAX_CLOSED) is not None:
            return level
    raise InvalidInput(f"no level of {cols} x {rows} cells with {boxes} boxes and {walls} inner walls in {_TRIES} draws; ask for fewer")


def level_from_rows(rows: Sequence[str], source: str) -> Sokoban:
    """The level drawn by ``#`` wall, space floor, ``@`` worker, ``$`` box, ``.`` dock, ``*`` box on a dock, ``+`` worker on a dock.

    Raises InvalidInput that names ``source`` for another character, or where there is not one worker.
    """
    cells: dict[str, list[Cell]] = {"worker": [], "box": [], "dock": [], "wall": []}
    for y, row in enumerate(rows):
        for x, mark in enumerate(row):
            if mark not in _MARKS:
                raise InvalidInput(f"{source}: {mark!r} in row {y} of a level; expected one of {''.join(_MARKS)!r}")
            for kind in _MARKS[mark].split():
                cells[kind].append((x, y))
    if len(cells["worker"]) != 1:
        raise InvalidInput(f"{source}: a level with {len(cells['worker'])} workers; expected one")
    return level_of(worker=cells["worker"][0], boxes=cells["box"], docks=cells["dock"], walls=cells["wall"])


def boxoban_levels(text: str, source: str) -> tuple[Sokoban, ...]:
    """The levels of a Boxoban file: a line ``; number`` before each, then its rows. Raises InvalidInput that names ``source``.

    Source: Guez et al. 2018, boxoban-levels; the format is that of its README.
    """
    levels: list[list[str]] = []
    for line in text.splitlines():
        if line.startswith(";"):
            levels.append([])
        elif line.strip():
            if not levels:
                raise InvalidInput(f"{source}: {line[:40]!r} before the first line '; number'; expected a Boxoban file")
            levels[-1].append(line)
    return tuple(level_from_rows(rows, f"{source}, level {number}") for number, rows in enumerate(levels))
