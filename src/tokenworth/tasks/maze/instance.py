"""A maze: free cells and walls on a grid, a start and a goal, and how far apart they are."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from tokenworth.core.verification import Cell
from tokenworth.errors import InvalidInput

# The order of the neighbours is that of the Beyond-Semantics solvers: up, right, down, left.
STEPS: tuple[Cell, ...] = ((0, -1), (1, 0), (0, 1), (-1, 0))

MAX_SIDE = 1000
"""Rows and columns a maze may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Maze:
    """A grid with walls, each listed once."""

    cols: int
    rows: int
    walls: tuple[Cell, ...]
    start: Cell
    goal: Cell

    def __post_init__(self) -> None:
        if not (1 <= self.cols <= MAX_SIDE and 1 <= self.rows <= MAX_SIDE):
            raise InvalidInput(f"a maze of {self.cols} x {self.rows} cells; expected 1 to {MAX_SIDE} on each side")
        blocked = set(self.walls)
        if len(blocked) != len(self.walls):
            raise InvalidInput("a maze that lists a wall twice; list each once")
        for name, cell in (("start", self.start), ("goal", self.goal)):
            if not self.has(cell) or cell in blocked:
                raise InvalidInput(f"the {name} {cell} of a {self.cols} x {self.rows} maze is outside or a wall; expected a free cell")
        outside = next((cell for cell in self.walls if not self.has(cell)), None)
        if outside is not None:
            raise InvalidInput(f"wall {outside} is outside of a {self.cols} x {self.rows} maze")

    def has(self, cell: Cell) -> bool:
        """Whether the cell is on the grid."""
        return 0 <= cell[0] < self.cols and 0 <= cell[1] < self.rows

    def layout_key(self) -> str:
        """A hash of the walls alone: mazes with one layout are never split between training and test."""
        return layout_key(self.cols, self.rows, self.walls)


def layout_key(cols: int, rows: int, walls: tuple[Cell, ...]) -> str:
    """A hash of the walls of a grid."""
    bits = bytearray(b"." * (cols * rows))
    for x, y in walls:
        bits[y * cols + x] = 35  # "#"
    return hashlib.sha256(f"{cols}x{rows}:".encode() + bits).hexdigest()


def manhattan(a: Cell, b: Cell) -> int:
    """|Δx| + |Δy|, the heuristic of every dialect."""
    return abs(a[0] - b[0]) + abs(a[1] - b[1])


def distance(maze: Maze) -> int | None:
    """Steps on a shortest way from start to goal; None where there is no way."""
    free = (1 << (maze.cols + 1) * maze.rows) - 1
    for y in range(maze.rows):
        free ^= 1 << cell_bit((maze.cols, y), maze.cols)
    for wall in maze.walls:
        free ^= 1 << cell_bit(wall, maze.cols)
    return steps_between(free, maze.cols, maze.start, maze.goal)


def cell_bit(cell: Cell, cols: int) -> int:
    """Which bit of a whole number stands for a cell: after each row comes one that is never free, so that there are no bounds to check."""
    return cell[1] * (cols + 1) + cell[0]


def steps_between(free: int, cols: int, start: Cell, goal: Cell) -> int | None:
    """Steps from start to goal over cells whose bits are set, by breadth-first search on all cells of a distance at once; None: no way."""
    reached, target, width, steps = 1 << cell_bit(start, cols), 1 << cell_bit(goal, cols), cols + 1, 0
    while reached:
        if reached & target:
            return steps
        free &= ~reached
        reached = (reached << 1 | reached >> 1 | reached << width | reached >> width) & free
        steps += 1
    return None
