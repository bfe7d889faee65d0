"""The order of Rust's binary heap, against one written here from its documented behaviour: solver and verifier share theirs."""

from __future__ import annotations

import random

import pytest

from tokenworth.core.verification import Cell, FormalText, Strictness
from tokenworth.tasks.maze.dialect import DIALECTS
from tokenworth.tasks.maze.frontier import CLOSED, OPEN, RustHeap
from tokenworth.tasks.maze.generate import generate
from tokenworth.tasks.maze.grammar import MazeEvent, render
from tokenworth.tasks.maze.instance import Maze
from tokenworth.tasks.maze.spec import FAMILIES
from tokenworth.tasks.maze.verify import verify

RUST = DIALECTS["beyond-semantics-rust"]
Item = tuple[tuple[int, int], Cell]


class BinaryHeap:
    """std::collections::BinaryHeap of entries of which the least (f, g) is the greatest; of equal ones the place in the array decides."""

    def __init__(self) -> None:
        self.data: list[Item] = []

    def push(self, key: tuple[int, int], cell: Cell) -> None:
        self.data.append((key, cell))
        self._sift_up(len(self.data) - 1)

    def pop(self) -> Item:
        item = self.data.pop()
        if self.data:
            item, self.data[0] = self.data[0], item
            self._sift_down_to_bottom()
        return item

    def _sift_up(self, at: int) -> None:
        item = self.data[at]
        while at > 0 and item[0] < self.data[(at - 1) // 2][0]:
            self.data[at] = self.data[(at - 1) // 2]
            at = (at - 1) // 2
        self.data[at] = item

    def _sift_down_to_bottom(self) -> None:
        data, at = self.data, 0
        item, end = data[0], len(data)
        while (child := 2 * at + 1) < end:
            # Of equal children the right one.
            if child + 1 < end and data[child][0] >= data[child + 1][0]:
                child += 1
            data[at], at = data[child], child
        data[at] = item
        self._sift_up(at)


def h(cell: Cell, maze: Maze) -> int:
    return abs(cell[0] - maze.goal[0]) + abs(cell[1] - maze.goal[1])


def run(maze: Maze, heap: BinaryHeap) -> tuple[list[MazeEvent], tuple[Cell, ...]]:
    """The run of the published solver: what is cheaper is pushed again, entries of closed cells are skipped."""
    cost, parent, closed = {maze.start: 0}, {maze.start: maze.start}, set[Cell]()
    events: list[MazeEvent] = []
    heap.push((h(maze.start, maze), 0), maze.start)
    while True:
        _, cell = heap.pop()
        if cell in closed:
            continue
        closed.add(cell)
        events.append(MazeEvent(verb="close", cell=cell, g=cost[cell]))
        if cell == maze.goal:
            break
        x, y = cell
        for near in ((x, y - 1), (x + 1, y), (x, y + 1), (x - 1, y)):
            g = cost[cell] + 1
            if maze.has(near) and near not in maze.walls and near not in closed and g < cost.get(near, 1 << 20):
                cost[near], parent[near] = g, cell
                events.append(MazeEvent(verb="create", cell=near, g=g))
                heap.push((g + h(near, maze), g), near)
    way = [maze.goal]
    while way[-1] != maze.start:
        way.append(parent[way[-1]])
    return events, tuple(reversed(way))


def verdict(maze: Maze, heap: BinaryHeap) -> dict[str, int]:
    events, plan = run(maze, heap)
    text = FormalText(id="", trace=render(maze, events, plan, RUST), given={"cols": maze.cols, "rows": maze.rows})
    return dict(verify(text, dialect=RUST.name, strictness=Strictness.TIES).counts)


def mazes(n: int) -> list[Maze]:
    # Half of them wide open: ties come up there.
    return [generate("drunkards-walk" if i % 2 else FAMILIES[i % len(FAMILIES)], 4 + i % 9, seed=11, index=i) for i in range(n)]


def test_runs_with_this_heap_are_without_a_tie_out_of_order() -> None:
    for i, maze in enumerate(mazes(300)):
        assert not verdict(maze, BinaryHeap()), i


class _LeftOfEqual(BinaryHeap):
    def _sift_down_to_bottom(self) -> None:
        data, at = self.data, 0
        item, end = data[0], len(data)
        while (child := 2 * at + 1) < end:
            if child + 1 < end and data[child][0] > data[child + 1][0]:
                child += 1
            data[at], at = data[child], child
        data[at] = item
        self._sift_up(at)


class _StopsEarly(BinaryHeap):
    def _sift_down_to_bottom(self) -> None:
        data, at = self.data, 0
        item, end = data[0], len(data)
        while (child := 2 * at + 1) < end:
            if child + 1 < end and data[child][0] >= data[child + 1][0]:
                child += 1
            if item[0] <= data[child][0]:
                break
            data[at], at = data[child], child
        data[at] = item


@pytest.mark.parametrize("other", [_LeftOfEqual, _StopsEarly])
def test_a_heap_that_is_a_little_different_is_told_apart(other: type[BinaryHeap]) -> None:
    found = [verdict(maze, other()) for maze in mazes(120)]
    assert all(set(counts) <= {"TIE_ORDER"} for counts in found) and sum(map(bool, found)) >= 10


@pytest.mark.parametrize("seed", range(40))
def test_pushes_and_pops_give_the_same_cells(seed: int) -> None:
    rng = random.Random(seed)
    ours, theirs, status = RustHeap(), BinaryHeap(), bytearray(400)
    for cell in range(400):
        f, g = rng.randint(5, 9), rng.randint(0, 4)
        status[cell] = OPEN
        ours.push(f, g, cell)
        theirs.push((f, g), (cell, 0))
        while theirs.data and rng.random() < 0.45:
            expected = theirs.pop()[1][0]
            assert ours.next_open(status) == expected
            status[expected] = CLOSED
            ours.close(expected, status)
