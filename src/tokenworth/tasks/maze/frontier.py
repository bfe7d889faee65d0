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
        self._by_entry = ties in ("list", "cell")
        # What is not passed over in the order of ties, from the first departure on; until then that is the heap itself.
        self._held: list[int] | None = None
        self._exact = RustOrder(status) if ties == "heap" else None

    def add(self, cell: int, f: int, g: int) -> None:
        """Opens a cell, or lowers the f of an open one."""
        # A cell that stays open keeps its age, as in a list in which the entry is changed in place.
        tie = self._age.setdefault(cell, len(self._age)) if self._by_age else cell
        entry = (f << (_CELL_BITS + _TIE_BITS)) | (tie << _CELL_BITS) | cell
        self._entry[cell] = entry
        heappush(self._heap, entry)
        if self._held is not None:
            heappush(self._held, entry)
        if self._exact is not None:
            self._exact.add(cell, f, g)

    def _top(self, heap: list[int]) -> int | None:
        """The first entry that is not stale; stale ones before it are dropped."""
        status, entries = self._status, self._entry
        while heap:
            top = heap[0]
            cell = top & _CELLS
            if status[cell] == OPEN and entries[cell] == top:
                return top
            heappop(heap)
        return None

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

    def pass_over(self, cell: int) -> None:
        """Takes up the choice of an open cell of a greater f than the least: cells of smaller f no longer come first."""
        entry = self._entry[cell]
        passed = self._pass(self._heap, self.f_of(cell) << (_CELL_BITS + _TIE_BITS))
        if self._by_entry:
            self._pass_ties(entry)
        elif self._exact is not None:
            self._exact.pass_over(passed, cell)

    def expected(self, cell: int) -> int | None:
        """The cell a solver closes in place of this one, which is open and of the least f; None where this one may come next.

        The choice is taken up: the cells that come before it are passed over. Neither do they come first from now on, nor is closing
        one of them out of order, whenever it is.
        """
        if self._exact is not None:
            return self._exact.expected(cell)
        entry = self._entry[cell]
        heap = self._heap if self._held is None else self._held
        if heap and heap[0] == entry:
            return None
        first = self._top(heap)
        # An entry that is lower than the first of those held was passed over before.
        if first is None or entry <= first:
            return None
        self._pass_ties(entry)
        return first & _CELLS

    def _pass_ties(self, entry: int) -> None:
        if self._held is None:
            self._held = self._heap.copy()
        self._pass(self._held, entry)

    def _pass(self, heap: list[int], entry: int) -> list[int]:
        """Takes the entries below one out of a heap: their cells."""
        passed: list[int] = []
        while (top := self._top(heap)) is not None and top < entry:
            passed.append(heappop(heap) & _CELLS)
        return passed

    def close(self, cell: int) -> None:
        """Takes out a cell that is closed now, before its children are added: a heap's order depends on when."""
        if self._exact is not None:
            self._exact.heap.close(cell, self._status)

    def f_of(self, cell: int) -> int:
        """The f of an open cell."""
        return self._entry[cell] >> (_CELL_BITS + _TIE_BITS)


class RustOrder:
    """The order in which the solver with Rust's heap closes cells, taken up again after each choice that is not the solver's.

    What the heap looks like after such a choice depends on how it came about, and the next close tells. Is it of a cell that was passed
    over, then the entry of the cell chosen stayed in the heap, to be skipped when it comes up. Is it of another, then the cells before
    the one chosen were taken out with it. Until then the children of the cell chosen wait.
    """

    def __init__(self, status: bytearray) -> None:
        self._status = status
        self.heap = RustHeap()
        self._passed: set[int] = set()
        self._chosen = -1
        self._waiting: list[tuple[int, int, int]] = []

    def add(self, cell: int, f: int, g: int) -> None:
        """Opens a cell, or lowers the f of an open one."""
        if self._passed:
            self._passed.discard(cell)
        if self._chosen < 0:
            self.heap.push(f, g, cell)
        else:
            self._waiting.append((f, g, cell))

    def expected(self, cell: int) -> int | None:
        """The cell the solver closes in place of this one, None where this one may come next; the choice is taken up."""
        if self._chosen >= 0:
            self._settle(cell)
        heap, passed = self.heap, self._passed
        while (first := heap.next_open(self._status)) is not None and first != cell and cell not in passed:
            if first in passed:
                heap.drop()
                continue
            passed.add(first)
            self._chosen = cell
            return first
        return None

    def pass_over(self, cells: list[int], cell: int) -> None:
        """Takes up the choice of a cell of a greater f than these."""
        if self._chosen >= 0:
            self._settle(cell)
        if cell not in self._passed:
            self._chosen = cell
        self._passed.update(cells)

    def _settle(self, after: int) -> None:
        """Decides by the cell that is closed after the one chosen what the choice has left of the heap."""
        chosen, self._chosen = self._chosen, -1
        heap, status, passed = self.heap, self._status, self._passed
        while after not in passed and (top := heap.top()) is not None and top != after:
            heap.drop()
            if status[top] == OPEN:
                passed.add(top)
            if top == chosen:
                break
        for f, g, cell in self._waiting:
            heap.push(f, g, cell)
        self._waiting = []


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

    def top(self) -> int | None:
        """The cell of the first entry, whatever has become of it."""
        return self._data[0][2] if self._data else None

    def drop(self) -> None:
        """Takes the first entry out."""
        self._pop()

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
