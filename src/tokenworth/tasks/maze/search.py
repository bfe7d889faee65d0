"""A* with the Manhattan heuristic, writing its trace: the solver of each dialect. The verifier does not use it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from tokenworth.core.verification import Cell
from tokenworth.errors import InvalidInput
from tokenworth.tasks.maze.dialect import Dialect
from tokenworth.tasks.maze.grammar import MazeEvent
from tokenworth.tasks.maze.instance import STEPS, Maze, manhattan


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """The events of a search and the plan it found."""

    trace: tuple[MazeEvent, ...]
    plan: tuple[Cell, ...]


@dataclass(slots=True)
class _Open:
    """The open list of a solver: a list in order of age, searched whole, as slow and as plain as can be."""

    dialect: Dialect
    rng: np.random.Generator | None
    f: dict[Cell, int] = field(default_factory=dict[Cell, int])

    def put(self, cell: Cell, f: int) -> None:
        self.f[cell] = f  # a cell that is there keeps its place in the dictionary's order

    def pop(self) -> Cell:
        least = min(self.f.values())
        equal = [cell for cell, f in self.f.items() if f == least]
        if self.dialect.ties == "cell":
            chosen = min(equal, key=lambda cell: (cell[1], cell[0]))
        elif self.dialect.ties == "any":
            assert self.rng is not None
            chosen = equal[int(self.rng.integers(len(equal)))]
        else:
            chosen = equal[0]
        del self.f[chosen]
        return chosen


def solve(maze: Maze, dialect: Dialect, rng: np.random.Generator | None = None) -> Solution:
    """The run of A* on a maze as the dialect's solver makes it. ``rng`` decides where a dialect breaks ties at random.

    Raises InvalidInput where there is no way to the goal, and for a random dialect without ``rng``.
    """
    if dialect.ties == "any" and rng is None:
        raise InvalidInput(f"dialect {dialect.name} breaks ties at random; give a numpy Generator")
    if dialect.ties == "heap":
        return _solve_with_heap(maze)
    walls, closed = set(maze.walls), set[Cell]()
    frontier = _Open(dialect, rng)
    frontier.put(maze.start, manhattan(maze.start, maze.goal))
    g: dict[Cell, int] = {maze.start: 0}
    parent: dict[Cell, Cell] = {}
    trace: list[MazeEvent] = [MazeEvent(verb="create", cell=maze.start, g=0)] if dialect.creates_start else []
    while frontier.f:
        cell = frontier.pop()
        trace.append(MazeEvent(verb="close", cell=cell, g=g[cell]))
        if cell == maze.goal:
            return Solution(trace=tuple(trace), plan=_way(parent, maze))
        closed.add(cell)
        for near in _children(maze, walls, closed, cell, dialect, rng):
            if g[cell] + 1 < g.get(near, maze.cols * maze.rows + 1):
                g[near], parent[near] = g[cell] + 1, cell
                trace.append(MazeEvent(verb="create", cell=near, g=g[near]))
                frontier.put(near, g[near] + manhattan(near, maze.goal))
    raise InvalidInput(f"no way from {maze.start} to {maze.goal}; expected a maze that can be solved")


def _children(
    maze: Maze, walls: set[Cell], closed: set[Cell], cell: Cell, dialect: Dialect, rng: np.random.Generator | None
) -> Iterator[Cell]:
    order = list(dialect.order or STEPS)
    if dialect.order is None:
        assert rng is not None
        order = [order[int(i)] for i in rng.permutation(len(order))]
    for dx, dy in order:
        near = (cell[0] + dx, cell[1] + dy)
        if maze.has(near) and near not in walls and near not in closed:
            yield near


def _solve_with_heap(maze: Maze) -> Solution:
    """Least f first, then least g, then as Rust's binary heap gives them; what is cheaper is pushed anew and old entries are skipped."""
    from tokenworth.tasks.maze.frontier import CLOSED, RustHeap

    walls, status = set(maze.walls), bytearray(maze.cols * maze.rows)
    heap = RustHeap()
    g: dict[Cell, int] = {maze.start: 0}
    parent: dict[Cell, Cell] = {}
    trace: list[MazeEvent] = []
    heap.push(manhattan(maze.start, maze.goal), 0, maze.start[1] * maze.cols + maze.start[0])
    while (number := heap.next_open(status)) is not None:
        cell = (number % maze.cols, number // maze.cols)
        status[number] = CLOSED
        heap.close(number, status)
        trace.append(MazeEvent(verb="close", cell=cell, g=g[cell]))
        if cell == maze.goal:
            return Solution(trace=tuple(trace), plan=_way(parent, maze))
        for dx, dy in STEPS:
            near = (cell[0] + dx, cell[1] + dy)
            if not maze.has(near) or near in walls or status[near[1] * maze.cols + near[0]] == CLOSED:
                continue
            if g[cell] + 1 < g.get(near, maze.cols * maze.rows + 1):
                g[near], parent[near] = g[cell] + 1, cell
                trace.append(MazeEvent(verb="create", cell=near, g=g[near]))
                heap.push(g[near] + manhattan(near, maze.goal), g[near], near[1] * maze.cols + near[0])
    raise InvalidInput(f"no way from {maze.start} to {maze.goal}; expected a maze that can be solved")


def _way(parent: dict[Cell, Cell], maze: Maze) -> tuple[Cell, ...]:
    cells = [maze.goal]
    while cells[-1] != maze.start:
        cells.append(parent[cells[-1]])
    return tuple(reversed(cells))
