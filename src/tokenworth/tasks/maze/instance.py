"""A maze: free cells and walls on a grid, a start and a goal, and how far apart they are."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from tokenworth.errors import InvalidInput

Cell = tuple[int, int]
"""(x, y): x counts columns from the left, y rows from the top, both from 0."""

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
        blocked = set(self.walls)
        bits = "".join("#" if (x, y) in blocked else "." for y in range(self.rows) for x in range(self.cols))
        return hashlib.sha256(f"{self.cols}x{self.rows}:{bits}".encode()).hexdigest()


def manhattan(a: Cell, b: Cell) -> int:
    """|Δx| + |Δy|, the heuristic of every dialect."""
    return abs(a[0] - b[0]) + abs(a[1] - b[1])


def distance(maze: Maze) -> int | None:
    """Steps on a shortest way from start to goal, by breadth-first search; None where there is no way."""
    # Cells as numbers on a grid with a border of walls: no bounds to check.
    width = maze.cols + 2
    seen = bytearray(b"\1" * (width * (maze.rows + 2)))
    for y in range(1, maze.rows + 1):
        seen[y * width + 1 : y * width + 1 + maze.cols] = bytes(maze.cols)
    for x, y in maze.walls:
        seen[(y + 1) * width + x + 1] = 1
    (start, goal) = ((y + 1) * width + x + 1 for x, y in (maze.start, maze.goal))
    seen[start], reached, steps = 1, [start], 0
    while reached:
        if goal in reached:
            return steps
        after: list[int] = []
        for cell in reached:
            for near in (cell - width, cell + 1, cell + width, cell - 1):
                if not seen[near]:
                    seen[near] = 1
                    after.append(near)
        reached, steps = after, steps + 1
    return None
