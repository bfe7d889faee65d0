"""The open list as a verifier sees it: which open cell a solver would close next, under each way of breaking ties."""

from __future__ import annotations

from heapq import heappop, heappush

from tokenworth.tasks.maze.dialect import Ties

_CELL_BITS = 20
_TIE_BITS = 24
_CELLS = (1 << _CELL_BITS) - 1

UNSEEN, OPEN, CLOSED = 0, 1, 2
"""Status of a cell."""


class Frontier:
    """Open cells by f and tie order. Cells are numbers y * cols + x; ``status`` is shared with whoever replays.

    An entry is one integer, f above the tie above the cell, so that comparing entries compares in this order. Entries of cells that
    were closed or opened again at a lower f go stale and are dropped when they come up.
    """

    def __init__(self, ties: Ties, status: bytearray) -> None:
        self._status = status
        self._by_age = ties == "list"
        self._heap: list[int] = []
        self._entry: dict[int, int] = {}
        self._age: dict[int, int] = {}
        self._exact = RustHeap() if ties == "heap" else None

    def add(self, cell: int, f: int, g: int) -> None:
        """Opens a cell, or lowers the f of an open one."""
        # A cell that stays open keeps its age, as in a list in which the entry is changed in place.
        tie = self._age.setdefault(cell, len(self._age)) if self._by_age else cell
        entry = (f << (_CELL_BITS + _TIE_BITS)) | (tie << _CELL_BITS) | cell
        self._entry[cell] = entry
        heappush(self._heap, entry)
        if self._exact is not None:
            self._exact.push(f, g, cell)

    def best(self) -> tuple[int, int] | None:
        """(f, cell) of the entry that comes first, ties as far as age or place break them; None where nothing is open."""
        heap, status, entries = self._heap, self._status, self._entry
        while heap:
            top = heap[0]
            cell = top & _CELLS
            if status[cell] == OPEN and entries[cell] == top:
                return top >> (_CELL_BITS + _TIE_BITS), cell
            heappop(heap)
        return None

    def first(self) -> int | None:
        """The cell a solver closes next; None where nothing is open."""
        if self._exact is not None:
            return self._exact.next_open(self._status)
        best = self.best()
        return None if best is None else best[1]

    def pass_over(self, f: int) -> None:
        """Leaves open cells below ``f`` out of what comes first from now on: they were passed over, and that was said once."""
        while (best := self.best()) is not None and best[0] < f:
            heappop(self._heap)

    def close(self, cell: int) -> None:
        """Takes out a cell that is closed now, before its children are added: a heap's order depends on when."""
        if self._exact is not None:
            self._exact.close(cell, self._status)

    def f_of(self, cell: int) -> int:
        """The f of an open cell."""
        return self._entry[cell] >> (_CELL_BITS + _TIE_BITS)


class RustHeap:
    """The binary heap of Rust's standard library, as far as it decides among equal entries: least f first, then least g.

    Entries that go stale stay inside and are skipped when they come up, as in the solver that uses it.
    Source: documentation and behaviour of `std::collections::BinaryHeap` (sift up; sift down to the bottom, then up).
    """

    def __init__(self) -> None:
        self._data: list[tuple[int, int, int]] = []

    def push(self, f: int, g: int, cell: int) -> None:
        """Adds an entry."""
        self._data.append((f, g, cell))
        self._up(len(self._data) - 1)

    def next_open(self, status: bytearray) -> int | None:
        """The cell of the first entry that is not closed; entries before it are dropped, it stays."""
        while self._data:
            if status[self._data[0][2]] != CLOSED:
                return self._data[0][2]
            self._pop()
        return None

    def close(self, cell: int, status: bytearray) -> None:
        """Drops the entries of closed cells that have come up, and with them the first one of this cell."""
        while self._data and status[self._data[0][2]] == CLOSED:
            is_own = self._data[0][2] == cell
            self._pop()
            if is_own:
                return

    def _pop(self) -> None:
        last = self._data.pop()
        if self._data:
            self._data[0] = last
            self._down()

    def _up(self, at: int) -> None:
        data = self._data
        moved = data[at]
        while at > 0:
            parent = (at - 1) // 2
            if data[parent][:2] <= moved[:2]:
                break
            data[at], at = data[parent], parent
        data[at] = moved

    def _down(self) -> None:
        data = self._data
        end, at = len(data), 0
        moved = data[0]
        child = 1
        while child <= end - 2:
            # Of two equal children the right one moves up.
            child += data[child][:2] >= data[child + 1][:2]
            data[at], at = data[child], child
            child = 2 * at + 1
        if child == end - 1:
            data[at], at = data[child], child
        data[at] = moved
        self._up(at)
