"""A Sokoban level, and the moves and the heuristic on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tokenworth.core.verification import Cell
from tokenworth.errors import InvalidInput

State = tuple[int, int]
"""The worker's place, and the places of all boxes as the set bits of a number."""
Seen = tuple[int, int]
"""What a trace shows of a state: the worker's place, and the places of the boxes that are on no dock."""

MAX_SIDE = 100
"""Greatest number of rows and of columns."""
MAX_BOXES = 64
"""Greatest number of boxes and of docks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sokoban:
    """A level. Cells outside of ``cols`` × ``rows`` cannot be entered; the level is solved when every box is on a dock.

    Raises InvalidInput for a cell named twice in a group, outside of the grid or in a wall, for more boxes than docks, or none.
    """

    cols: int
    rows: int
    worker: Cell
    boxes: tuple[Cell, ...]
    docks: tuple[Cell, ...]
    walls: tuple[Cell, ...]

    def __post_init__(self) -> None:
        if not (0 < self.cols <= MAX_SIDE and 0 < self.rows <= MAX_SIDE):
            raise InvalidInput(f"level of {self.cols} x {self.rows} cells; expected 1 to {MAX_SIDE} columns and rows")
        if not 0 < len(self.boxes) <= len(self.docks) <= MAX_BOXES:
            raise InvalidInput(f"level with {len(self.boxes)} boxes and {len(self.docks)} docks; expected 1 to {MAX_BOXES}, a dock a box")
        walls = set(self.walls)
        for name, cells in (("worker", (self.worker,)), ("box", self.boxes), ("dock", self.docks), ("wall", self.walls)):
            if len(set(cells)) != len(cells):
                raise InvalidInput(f"level with two of {name} in one cell; expected each once")
            for x, y in cells:
                if not (0 <= x < self.cols and 0 <= y < self.rows):
                    raise InvalidInput(f"{name} {x} {y} is outside of the {self.cols} x {self.rows} cells that the walls span")
                if name != "wall" and (x, y) in walls:
                    raise InvalidInput(f"{name} {x} {y} is in a wall; expected a free cell")
        if self.worker in self.boxes:
            raise InvalidInput(f"worker and box in the cell {self.worker[0]} {self.worker[1]}; expected one of them")


def level_of(*, worker: Cell, boxes: Sequence[Cell], docks: Sequence[Cell], walls: Sequence[Cell]) -> Sokoban:
    """The level of these cells on the grid that its walls span from the corner 0 0. Raises InvalidInput as `Sokoban`."""
    return Sokoban(
        cols=1 + max((x for x, _ in walls), default=-1),
        rows=1 + max((y for _, y in walls), default=-1),
        worker=worker,
        boxes=tuple(boxes),
        docks=tuple(docks),
        walls=tuple(walls),
    )


class Board:
    """The moves and the heuristic of a level on numbered places; a ring of blocked places around the grid stands for its bounds."""

    def __init__(self, level: Sokoban) -> None:
        self.level = level
        self._stride = level.cols + 2
        n = self._stride * (level.rows + 2)
        self.bit = [1 << place for place in range(n)]
        self.blocked = bytearray(b"\x01" * n)
        for y in range(level.rows):
            for x in range(level.cols):
                self.blocked[self.place((x, y))] = 0
        for cell in level.walls:
            self.blocked[self.place(cell)] = 1
        self.deltas = (-self._stride, self._stride, -1, 1)
        self.docks = tuple(map(self.place, level.docks))
        self.dock_bits = sum(self.bit[place] for place in self.docks)
        self.start: State = (self.place(level.worker), sum(self.bit[self.place(cell)] for cell in level.boxes))
        self._h: dict[int, int | None] = {}

    def place(self, cell: Cell) -> int:
        """The number of a cell; below 0 for a cell outside of the grid."""
        x, y = cell
        return (y + 1) * self._stride + x + 1 if 0 <= x < self.level.cols and 0 <= y < self.level.rows else -1 - x - 1000 * y

    def cell(self, place: int) -> Cell:
        """The cell of a place within the grid."""
        y, x = divmod(place, self._stride)
        return x - 1, y - 1

    def cells(self, bits: int) -> list[Cell]:
        """The cells of a set of places."""
        found: list[Cell] = []
        while bits:
            low = bits & -bits
            found.append(self.cell(low.bit_length() - 1))
            bits ^= low
        return found

    def seen(self, state: State) -> Seen:
        """What a trace shows of a state."""
        return state[0], state[1] & ~self.dock_bits

    def move(self, state: State, delta: int) -> State | None:
        """The state after a step; None where a wall, or a box that cannot be pushed, is in the way."""
        worker, boxes = state
        bit, blocked = self.bit, self.blocked
        to = worker + delta
        if blocked[to]:
            return None
        if not boxes & bit[to]:
            return to, boxes
        past = to + delta
        if blocked[past] or boxes & bit[past]:
            return None
        return to, boxes ^ bit[to] ^ bit[past]

    def children(self, state: State) -> list[State]:
        """The states one step away that a search keeps: up, down, left, right, without those in which a box can never move again."""
        found: list[State] = []
        for delta in self.deltas:
            child = self.move(state, delta)
            if child is not None and (child[1] == state[1] or self.h(child[1]) is not None):
                found.append(child)
        return found

    def h(self, boxes: int) -> int | None:
        """The heuristic: for each box on no dock the Manhattan distance to the nearest dock without a box, summed.

        None (infinite) where a box on no dock has a wall beside it on both axes.

        Source: Lehnert et al. 2024, arXiv 2402.14083, and the behaviour of the released search. Of the facts that follow: it does not
        change when the worker walks, and it can fall by more than 1 in a step, so that a closed state may be reached again at less cost.
        """
        if boxes in self._h:
            return self._h[boxes]
        loose, total = boxes & ~self.dock_bits, 0
        docks = [self.cell(place) for place in self.docks if not boxes & self.bit[place]]
        blocked, stride = self.blocked, self._stride
        result: int | None = 0
        while loose:
            low = loose & -loose
            loose ^= low
            at = low.bit_length() - 1
            if (blocked[at - 1] or blocked[at + 1]) and (blocked[at - stride] or blocked[at + stride]):
                result = None
                break
            x, y = self.cell(at)
            total += min(abs(x - a) + abs(y - b) for a, b in docks)
        else:
            result = total
        self._h[boxes] = result
        return result
