"""Random mazes of five families, the same for the same seed on every machine, and their split by wall layout.

Families with passages (``wilson``, ``kruskal``, ``dfs``) have rooms at even coordinates and one way between any two cells;
``drunkards-walk`` and ``searchformer`` have open areas and several ways.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import Literal

import numpy as np

from tokenworth.core.verification import Cell
from tokenworth.errors import InvalidInput, unknown_name
from tokenworth.tasks.maze.instance import Maze, cell_bit, layout_key, steps_between
from tokenworth.tasks.maze.spec import FAMILIES

COVERAGE = 0.5
"""Share of the grid that a drunkard's walk frees."""
WALL_SHARE = (0.3, 0.5)
"""Share of walls in the ``searchformer`` family, uniform between these."""
_TRIES = 100
_TEST_SHARE = 0.1


class _Uniforms:
    """Uniform numbers from a generator, in blocks: one at a time is slow."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._block: list[float] = []

    def below(self, n: int) -> int:
        """An integer from 0 to n less one."""
        if not self._block:
            self._block = self._rng.random(256).tolist()
        return int(self._block.pop() * n)


def _beside(room: Cell, size: Cell) -> list[Cell]:
    x, y = room
    near = ((x, y - 1), (x + 1, y), (x, y + 1), (x - 1, y))
    return [(a, b) for a, b in near if 0 <= a < size[0] and 0 <= b < size[1]]


def _carve(links: Iterator[tuple[Cell, Cell]]) -> set[Cell]:
    free = set[Cell]()
    for (ax, ay), (bx, by) in links:
        free.update([(2 * ax, 2 * ay), (2 * bx, 2 * by), (ax + bx, ay + by)])
    return free


def _wilson(size: Cell, draws: _Uniforms) -> Iterator[tuple[Cell, Cell]]:
    """A uniform spanning tree by loop-erased walks. Source: Wilson 1996."""
    rooms = [(x, y) for y in range(size[1]) for x in range(size[0])]
    inside = {rooms[draws.below(len(rooms))]}
    for room in rooms:
        after: dict[Cell, Cell] = {}
        at = room
        while at not in inside:
            near = _beside(at, size)
            after[at] = near[draws.below(len(near))]
            at = after[at]
        at = room
        while at not in inside:
            inside.add(at)
            yield at, after[at]
            at = after[at]


def _kruskal(size: Cell, draws: _Uniforms) -> Iterator[tuple[Cell, Cell]]:
    """Links in random order, each taken that joins two parts. Source: Kruskal 1956."""
    rooms = [(x, y) for y in range(size[1]) for x in range(size[0])]
    links = [(a, b) for a in rooms for b in _beside(a, size) if a < b]
    for i in range(len(links) - 1, 0, -1):
        j = draws.below(i + 1)
        links[i], links[j] = links[j], links[i]
    root = {room: room for room in rooms}

    def find(room: Cell) -> Cell:
        while root[room] != room:
            root[room] = root[root[room]]
            room = root[room]
        return room

    for a, b in links:
        if find(a) != find(b):
            root[find(a)] = find(b)
            yield a, b


def _dfs(size: Cell, draws: _Uniforms) -> Iterator[tuple[Cell, Cell]]:
    """A depth-first walk that goes back when it is stuck."""
    at = (draws.below(size[0]), draws.below(size[1]))
    seen, path = {at}, [at]
    while path:
        near = [room for room in _beside(path[-1], size) if room not in seen]
        if not near:
            path.pop()
            continue
        chosen = near[draws.below(len(near))]
        yield path[-1], chosen
        seen.add(chosen)
        path.append(chosen)


_TREES: Mapping[str, Callable[[Cell, _Uniforms], Iterator[tuple[Cell, Cell]]]] = {"wilson": _wilson, "kruskal": _kruskal, "dfs": _dfs}


def _walked(cols: int, rows: int, draws: _Uniforms) -> set[Cell]:
    """The cells of a random walk from the middle until `COVERAGE` of the grid is free."""
    at = (cols // 2, rows // 2)
    free = {at}
    while len(free) < COVERAGE * cols * rows:
        near = _beside(at, (cols, rows))
        at = near[draws.below(len(near))]
        free.add(at)
    return free


def _scattered(cols: int, rows: int, rng: np.random.Generator) -> set[Cell]:
    """What a uniform share of walls at random places leaves free."""
    share = rng.uniform(*WALL_SHARE)
    order = rng.permutation(cols * rows)[round(share * cols * rows) :]
    return {(int(cell) % cols, int(cell) // cols) for cell in order}


def generate(family: str, side: int, *, seed: int, index: int) -> Maze:
    """The maze of this family, side, seed and index; the same on every machine.

    Start and goal are two free cells with a way between them; in the ``searchformer`` family the way has at least ``side`` cells, as in
    its source. Raises UnknownName for a family, InvalidInput for a side below 3.
    """
    walls, start, goal = _drawn(family, side, seed, index)
    return Maze(cols=side, rows=side, walls=walls, start=start, goal=goal)


def numbers_of(family: str, side: int, *, seed: int, split: str) -> Iterator[int]:
    """The indices of the mazes that belong to one part, in order; no `Maze` is made of the others."""
    for index in count():
        if _part(layout_key(side, side, _drawn(family, side, seed, index)[0])) == split:
            yield index


def _drawn(family: str, side: int, seed: int, index: int) -> tuple[tuple[Cell, ...], Cell, Cell]:
    """Walls, start and goal."""
    if family not in FAMILIES:
        raise unknown_name("maze family", family, FAMILIES)
    if side < 3:
        raise InvalidInput(f"a maze of side {side}; expected at least 3")
    rng = np.random.default_rng([seed, FAMILIES.index(family), side, index])
    draws = _Uniforms(rng)
    while True:
        if family in _TREES:
            rooms = (side + 1) // 2
            free = _carve(_TREES[family]((rooms, rooms), draws))
        else:
            free = _walked(side, side, draws) if family == "drunkards-walk" else _scattered(side, side, rng)
        walls = tuple((x, y) for y in range(side) for x in range(side) if (x, y) not in free)
        cells, bits = sorted(free), sum(1 << cell_bit(cell, side) for cell in free)
        for _ in range(_TRIES if family == "searchformer" else 1):
            start, goal = cells[draws.below(len(cells))], cells[draws.below(len(cells))]
            if start == goal:
                continue
            steps = steps_between(bits, side, start, goal)
            if steps is not None and (family != "searchformer" or steps + 1 >= side):
                return walls, start, goal


def split_of(maze: Maze) -> Literal["train", "test"]:
    """Which part a maze belongs to: one in ten wall layouts is for tests, whatever start and goal."""
    return _part(maze.layout_key())


def _part(key: str) -> Literal["train", "test"]:
    return "test" if int(key[:8], 16) < _TEST_SHARE * 16**8 else "train"
