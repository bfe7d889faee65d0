"""Where a valid maze trace can be changed so that it breaks one rule: the candidate changes for each code.

A change replaces, inserts or deletes one event. Candidates are proposals: whoever uses them has the verifier confirm what each one breaks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tokenworth.core.verification import Cell
from tokenworth.tasks.maze.dialect import Dialect
from tokenworth.tasks.maze.edit_course import Course
from tokenworth.tasks.maze.grammar import MazeEvent
from tokenworth.tasks.maze.instance import Maze, manhattan


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change at one event. ``words``: what stands there afterwards; ``event``: its index in the trace before.

    ``how``: the event is replaced, or ``words`` are put before it (after the last one where the index is past the end). ``told``: what
    the change does, in a few words.
    """

    event: int
    how: Literal["replace", "insert"]
    words: tuple[str, ...]
    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """One event of a valid trace with the state before it."""

    index: int
    event: MazeEvent
    course: Course
    maze: Maze
    dialect: Dialect

    def written(self, verb: str, cell: Cell, g: int, h: int | None = None) -> tuple[str, ...]:
        """An event as words; its heuristic is the right one unless given."""
        if self.dialect.compact:
            return verb, f"{cell[0]},{cell[1]}", f"c{g}"
        right = manhattan(cell, self.maze.goal) if h is None else h
        return verb, str(cell[0]), str(cell[1]), f"c{g}", f"c{right}"

    @property
    def own(self) -> tuple[str, ...]:
        """The event as written."""
        return self.written(self.event.verb, self.event.cell, self.event.g)

    @property
    def is_close(self) -> bool:
        """Whether the event closes a cell."""
        return self.event.verb == "close"

    @property
    def free(self) -> list[Cell]:
        """The free cells of the maze."""
        cells = [(x, y) for y in range(self.maze.rows) for x in range(self.maze.cols)]
        return [cell for cell in cells if cell not in self.course.walls]

    def replace(self, words: Sequence[str], told: str) -> Change:
        """This event replaced."""
        return Change(event=self.index, how="replace", words=tuple(words), told=told)

    def move(self, cell: Cell, told: str, g: int | None = None) -> Change:
        """The same verb for another cell, with that cell's right heuristic."""
        return self.replace(self.written(self.event.verb, cell, self.event.g if g is None else g), told)

    def insert(self, words: Sequence[str], told: str) -> Change:
        """Words put before this event."""
        return Change(event=self.index, how="insert", words=tuple(words), told=told)


Propose = Callable[[Spot], Iterator[Change]]


def _parse(spot: Spot) -> Iterator[Change]:
    words = list(spot.own)
    at = 2 if spot.dialect.compact else 3
    words[at] = words[at - 1]
    yield spot.replace(words, "a coordinate in place of the cost")


def _oob(spot: Spot) -> Iterator[Change]:
    (x, y), h = spot.event.cell, manhattan(spot.event.cell, spot.maze.goal)
    for cell in ((spot.maze.cols, y), (x, spot.maze.rows)):
        yield spot.replace(spot.written(spot.event.verb, cell, spot.event.g, h), "a cell outside of the grid")
        if not spot.dialect.compact:
            yield spot.move(cell, "a cell outside of the grid")


def _wall(spot: Spot) -> Iterator[Change]:
    h = manhattan(spot.event.cell, spot.maze.goal)
    for cell in spot.maze.walls:
        yield spot.move(cell, "a wall in place of the cell")
        if not spot.dialect.compact:
            yield spot.replace(spot.written(spot.event.verb, cell, spot.event.g, h), "a wall in place of the cell")


def _not_adjacent(spot: Spot) -> Iterator[Change]:
    if spot.course.current is None:
        return
    if spot.is_close and manhattan(spot.event.cell, spot.course.current) != 1:
        yield spot.replace(("create", *spot.own[1:]), "a create in place of the close of a cell that is not beside the one just closed")
    for cell in () if spot.is_close else spot.free:
        if manhattan(cell, spot.course.current) != 1:
            yield spot.move(cell, "a cell that is not beside the one just closed")


def _no_expansion(spot: Spot) -> Iterator[Change]:
    if spot.course.current is not None:
        return
    if spot.is_close:
        yield spot.replace(("create", *spot.own[1:]), "a create in place of the first close")
    else:
        for cell in spot.free:
            if cell != spot.maze.start:
                yield spot.move(cell, "another cell created in place of the start")


def _near(cost: int) -> list[int]:
    return [other for other in (cost - 2, cost - 1, cost + 1, cost + 2) if other >= 0]


def _wrong_h(spot: Spot) -> Iterator[Change]:
    if not spot.dialect.compact:
        for h in _near(manhattan(spot.event.cell, spot.maze.goal)):
            yield spot.replace(spot.written(spot.event.verb, spot.event.cell, spot.event.g, h), "a wrong heuristic")


def _wrong_g(spot: Spot) -> Iterator[Change]:
    for g in () if spot.is_close else _near(spot.event.g):
        yield spot.move(spot.event.cell, "a wrong cost", g=g)


def _g_mismatch(spot: Spot) -> Iterator[Change]:
    for g in _near(spot.event.g) if spot.is_close else ():
        yield spot.move(spot.event.cell, "another cost than at its create", g=g)


def _not_open(spot: Spot) -> Iterator[Change]:
    if not spot.is_close and spot.course.current is None:
        yield spot.replace(("close", *spot.own[1:]), "a close in place of the start's create")
    for cell in spot.free if spot.is_close else ():
        if cell not in spot.course.open and cell not in spot.course.closed:
            yield spot.move(cell, "a cell that was never created")


def _closed_again(spot: Spot) -> Iterator[Change]:
    for cell in spot.course.closed if spot.is_close else ():
        yield spot.move(cell, "a cell that is closed")


def _dup_create(spot: Spot) -> Iterator[Change]:
    course, event = spot.course, spot.event
    if course.current is None:
        return
    g, near = course.closed[course.current] + 1, course.beside(course.current)
    if spot.is_close and event.cell in near and event.g == g:
        yield spot.replace(("create", *spot.own[1:]), "a second create in place of the close")
    for cell in near:
        if cell in course.open and course.open[cell] <= g:
            if not spot.is_close:
                yield spot.move(cell, "a create of a cell that is already open at the same or a lower cost")
            yield spot.insert(spot.written("create", cell, g), "one more create of an open cell")


def _reopen(spot: Spot) -> Iterator[Change]:
    course = spot.course
    if course.current is None:
        return
    for cell in course.beside(course.current):
        if cell in course.closed:
            if not spot.is_close:
                yield spot.move(cell, "a create of a closed cell")
            yield spot.insert(spot.written("create", cell, course.closed[course.current] + 1), "one more create, of a closed cell")


def _not_min_f(spot: Spot) -> Iterator[Change]:
    for cell in spot.course.open if spot.is_close else ():
        if spot.course.f(cell) > spot.course.f(spot.event.cell):
            yield spot.move(cell, "an open cell of a greater f", g=spot.course.open[cell])


def _tie_order(spot: Spot) -> Iterator[Change]:
    for cell in spot.course.open if spot.is_close else ():
        if cell != spot.event.cell and spot.course.f(cell) == spot.course.f(spot.event.cell):
            yield spot.move(cell, "another open cell of the same f", g=spot.course.open[cell])


def _child_order(spot: Spot) -> Iterator[Change]:
    for cell in () if spot.is_close else spot.course.due:
        if cell != spot.event.cell:
            yield spot.move(cell, "a child before its turn")


def _missing_child(spot: Spot) -> Iterator[Change]:
    if not spot.is_close and spot.course.current is not None:
        yield spot.replace(("close", *spot.own[1:]), "a close in place of the create")
        yield spot.replace((), "the create left out")


def _after_goal(spot: Spot) -> Iterator[Change]:
    if spot.is_close and spot.event.cell == spot.maze.goal:
        yield Change(event=spot.index + 1, how="insert", words=spot.own, told="one more event after the goal")
    elif spot.is_close and spot.maze.goal in spot.course.open:
        yield spot.move(spot.maze.goal, "the goal closed before its turn", g=spot.course.open[spot.maze.goal])


def _goal_not_closed(spot: Spot) -> Iterator[Change]:
    if spot.is_close and spot.event.cell == spot.maze.goal:
        yield spot.replace((), "the close of the goal left out")
        yield from _tie_order(spot)


PROPOSALS: Mapping[str, Propose] = {
    "PARSE": _parse,
    "OOB": _oob,
    "WALL": _wall,
    "NOT_ADJ": _not_adjacent,
    "NO_EXPANSION": _no_expansion,
    "WRONG_H": _wrong_h,
    "WRONG_G": _wrong_g,
    "G_MISMATCH": _g_mismatch,
    "NOT_OPEN": _not_open,
    "CLOSED_AGAIN": _closed_again,
    "DUP_CREATE": _dup_create,
    "REOPEN": _reopen,
    "NOT_MIN_F": _not_min_f,
    "TIE_ORDER": _tie_order,
    "CHILD_ORDER": _child_order,
    "MISSING_CHILD": _missing_child,
    "AFTER_GOAL": _after_goal,
    "GOAL_NOT_CLOSED": _goal_not_closed,
}
"""For each code of a trace the changes that may break its rule first, as proposals at one event."""


def changes(code: str, maze: Maze, dialect: Dialect, events: Sequence[MazeEvent]) -> list[Change]:
    """All proposals for a code, in the order of the trace. ``events`` must be a valid run."""
    course, propose = Course(maze, dialect), PROPOSALS[code]
    found: list[Change] = []
    for index, event in enumerate(events):
        found.extend(propose(Spot(index=index, event=event, course=course, maze=maze, dialect=dialect)))
        course.apply(event)
    return found
