"""The state of a valid A* run between two of its events, and how a run continues from there."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tokenworth.core.verification import Cell
from tokenworth.tasks.maze.dialect import Dialect
from tokenworth.tasks.maze.frontier import CLOSED, RustHeap
from tokenworth.tasks.maze.grammar import MazeEvent
from tokenworth.tasks.maze.instance import STEPS, Maze, manhattan


class Course:
    """Open and closed cells of a run that has broken no rule so far. Events given to `apply` must be legal; nothing is checked.

    ``open``: g of the open cells, in the order in which they were opened. ``current``: the cell closed last, None before any. ``due``:
    its children that are still to be created, in the order of the dialect.
    """

    def __init__(self, maze: Maze, dialect: Dialect) -> None:
        self.maze, self._dialect = maze, dialect
        self.walls = frozenset(maze.walls)
        self.open: dict[Cell, int] = {}
        self.closed: dict[Cell, int] = {}
        self.current: Cell | None = None
        self.due: list[Cell] = []
        self._parent: dict[Cell, Cell] = {}
        self._heap, self._status = RustHeap(), bytearray(maze.cols * maze.rows)
        if not dialect.creates_start:
            self._put(maze.start, 0)

    def _put(self, cell: Cell, g: int) -> None:
        self.open[cell] = g
        self._heap.push(g + manhattan(cell, self.maze.goal), g, cell[1] * self.maze.cols + cell[0])

    def apply(self, event: MazeEvent) -> None:
        """Takes in the next event of the run."""
        cell = event.cell
        if event.verb == "create":
            self._put(cell, event.g)
            if self.current is not None:
                self._parent[cell] = self.current
                self.due.remove(cell)
            return
        self.closed[cell] = self.open.pop(cell)
        number = cell[1] * self.maze.cols + cell[0]
        self._status[number] = CLOSED
        self._heap.close(number, self._status)
        self.current = cell
        fresh = [near for near in self.beside(cell) if near not in self.closed and (near not in self.open or event.g + 1 < self.open[near])]
        self.due = [] if cell == self.maze.goal else fresh

    def beside(self, cell: Cell) -> list[Cell]:
        """The free cells beside one, in the order of the dialect."""
        near = [(cell[0] + dx, cell[1] + dy) for dx, dy in self._dialect.order or STEPS]
        return [one for one in near if self.maze.has(one) and one not in self.walls]

    def f(self, cell: Cell) -> int:
        """The f of an open cell."""
        return self.open[cell] + manhattan(cell, self.maze.goal)

    @property
    def goal_closed(self) -> bool:
        """Whether the run is over."""
        return self.maze.goal in self.closed

    def following(self) -> list[MazeEvent]:
        """Every event that may come next, checked strictly; that of the dialect's solver first. Empty where the run is over or stuck."""
        if self.goal_closed:
            return []
        if self.current is None and self._dialect.creates_start and not self.open:
            return [MazeEvent(verb="create", cell=self.maze.start, g=0)]
        if self.due:
            assert self.current is not None
            return [MazeEvent(verb="create", cell=cell, g=self.closed[self.current] + 1) for cell in self.due]
        if not self.open:
            return []
        least = min(map(self.f, self.open))
        equal = [cell for cell in self.open if self.f(cell) == least]
        if self._dialect.ties == "cell":
            equal.sort(key=lambda cell: (cell[1], cell[0]))
        elif self._dialect.ties == "heap":
            number = self._heap.next_open(self._status)
            assert number is not None
            first = (number % self.maze.cols, number // self.maze.cols)
            equal.sort(key=lambda cell: cell != first)
        return [MazeEvent(verb="close", cell=cell, g=self.open[cell]) for cell in equal]

    def finish(self, rng: np.random.Generator | None = None) -> Iterator[MazeEvent]:
        """The rest of the run as the dialect's solver makes it; ``rng`` breaks ties where the dialect does so at random."""
        while choices := self.following():
            at = 0 if rng is None or self._dialect.ties != "any" else int(rng.integers(len(choices)))
            self.apply(choices[at])
            yield choices[at]

    def plan(self) -> tuple[Cell, ...] | None:
        """The cells from start to goal by the parents of the run; None while the goal has none."""
        cells = [self.maze.goal]
        while cells[-1] != self.maze.start:
            parent = self._parent.get(cells[-1])
            if parent is None:
                return None
            cells.append(parent)
        return tuple(reversed(cells))
