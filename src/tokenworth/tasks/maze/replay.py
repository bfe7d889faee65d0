"""Replays the events of a maze trace on open and closed lists, and says which rules each one breaks.

There is one replay for every strictness, which only chooses which findings count. After a finding the state is repaired and the replay
continues: wrong numbers are replaced by right ones; a closed cell that was not open is treated as open; an event outside the grid or on a
wall changes no list; missing children stay missing; cells passed over, because of their f, by another choice among equals or in the order
of children, do not count against later events; everything after the goal is one finding.
"""

from __future__ import annotations

from collections.abc import Callable

from tokenworth.tasks.maze.dialect import Dialect
from tokenworth.tasks.maze.events import Events
from tokenworth.tasks.maze.frontier import CLOSED, OPEN, UNSEEN, Frontier
from tokenworth.tasks.maze.grammar import cell_text
from tokenworth.tasks.maze.instance import STEPS, Maze

OnMazeViolation = Callable[[str, int, str, str], None]
"""Takes a code, the position of the event among those read, what was expected and what was found."""

_WALL = 3
_FAR = 1 << 30


class MazeReplay:
    """The state of the search that a trace tells of. Cells are numbers y * cols + x."""

    def __init__(self, maze: Maze, dialect: Dialect, report: OnMazeViolation, *, with_ties: bool) -> None:
        self.maze, self._dialect, self._report = maze, dialect, report
        cols, rows = maze.cols, maze.rows
        self._cols, self._goal_at = cols, maze.goal
        self.goal, self.start = maze.goal[1] * cols + maze.goal[0], maze.start[1] * cols + maze.start[0]
        self._status = bytearray(cols * rows)
        for x, y in maze.walls:
            self._status[y * cols + x] = _WALL
        self._g = [_FAR] * (cols * rows)
        self._frontier = Frontier(dialect.ties if with_ties else "any", self._status)
        self._with_ties = with_ties
        self._order = dialect.order if with_ties else None
        self._steps = dialect.order or STEPS
        self._passed = 0  # children before this place in the order of the dialect were passed over
        self._current, self._current_g = -1, -1
        self._due: list[int] = []
        self._awaits_start = dialect.creates_start
        self.goal_closed = False
        self._parent: dict[int, int] = {}
        self._parent_g: dict[int, int] = {}
        if not dialect.creates_start:
            self._open(self.start, 0)

    def _open(self, cell: int, g: int) -> None:
        self._status[cell] = OPEN
        self._g[cell] = g
        y, x = divmod(cell, self._cols)
        goal_x, goal_y = self._goal_at
        self._frontier.add(cell, g + abs(x - goal_x) + abs(y - goal_y), g)

    def run(self, events: Events) -> None:
        """Replays all events, in order."""
        goal_x, goal_y = self._goal_at
        cols, rows, report = self._cols, self.maze.rows, self._report
        status, heuristics = self._status, events.h or None
        for i, (is_close, x, y, g) in enumerate(zip(events.is_close, events.x, events.y, events.g, strict=True)):
            if self.goal_closed:
                more = len(events.x) - i
                report("AFTER_GOAL", i, "nothing after the goal is closed", f"{more} more event{'s' if more > 1 else ''}")
                break
            inside = x < cols and y < rows
            if not inside:
                report("OOB", i, f"a cell of the {cols} x {rows} grid", cell_text((x, y), self._dialect))
            cell = y * cols + x if inside else -1
            if inside and status[cell] == _WALL:
                report("WALL", i, "a free cell", cell_text((x, y), self._dialect))
            if heuristics is not None and heuristics[i] != abs(x - goal_x) + abs(y - goal_y):
                report("WRONG_H", i, f"c{abs(x - goal_x) + abs(y - goal_y)}", f"c{heuristics[i]}")
            if is_close:
                self._close(i, cell, g)
            else:
                self._create(i, cell, g)

    # -- create ----------------------------------------------------------------------------------------------------

    def _create(self, i: int, cell: int, g: int) -> None:
        if cell < 0:
            return
        if g < self._parent_g.get(cell, _FAR):
            self._parent[cell], self._parent_g[cell] = self._current, g
        due = self._due
        if cell in due:
            if self._order is not None and due[0] != cell:
                self._check_order(i, cell)
            due.remove(cell)
            right = self._current_g + 1
            if g != right:
                self._report("WRONG_G", i, f"c{right}", f"c{g}")
            self._open(cell, right)
            return
        self._odd_create(i, cell, g)

    def _check_order(self, i: int, cell: int) -> None:
        """A child that is not the first due: one finding for all children that it passes over."""
        place = self._place(cell)
        before = [child for child in self._due if self._passed <= self._place(child) < place]
        if before:
            self._report("CHILD_ORDER", i, f"create {self.told(before[0])}", self.told(cell))
            self._passed = place

    def _place(self, child: int) -> int:
        """The place of a child among those of the current cell, in the order of the dialect."""
        (y, x), (from_y, from_x) = divmod(child, self._cols), divmod(self._current, self._cols)
        return self._steps.index((x - from_x, y - from_y))

    def _odd_create(self, i: int, cell: int, g: int) -> None:
        """A create that is not a due child: the start in its place, or an event that breaks a rule."""
        status, report = self._status[cell], self._report
        if self._current < 0:
            if self._awaits_start and cell == self.start:
                self._awaits_start = False
                if g != 0:
                    report("WRONG_G", i, "c0", f"c{g}")
                self._open(cell, 0)
                return
            first = f"create of the start {self.told(self.start)}" if self._awaits_start else "a close before any create"
            report("NO_EXPANSION", i, first, self.told(cell))
        elif not self._is_adjacent(cell):
            report("NOT_ADJ", i, f"a neighbour of {self.told(self._current)}", self.told(cell))
        else:
            right = self._current_g + 1
            if g != right:
                report("WRONG_G", i, f"c{right}", f"c{g}")
            g = right
        if status == _WALL:
            return
        if status == CLOSED:
            report("REOPEN", i, "no create of a closed cell", self.told(cell))
        elif status == OPEN and g >= self._g[cell]:
            report("DUP_CREATE", i, f"a cost below c{self._g[cell]} for an open cell", f"c{g}")
        else:
            self._open(cell, g)

    def _is_adjacent(self, cell: int) -> bool:
        (ay, ax), (by, bx) = divmod(cell, self._cols), divmod(self._current, self._cols)
        return abs(ax - bx) + abs(ay - by) == 1

    # -- close -----------------------------------------------------------------------------------------------------

    def _close(self, i: int, cell: int, g: int) -> None:
        report = self._report
        if self._due:
            report("MISSING_CHILD", i, "create " + ", ".join(map(self.told, self._due)), f"close {self.told(cell)}")
            self._due = []
        if cell < 0:
            return
        status = self._status[cell]
        if status == OPEN:
            stored = self._g[cell]
            if g != stored:
                report("G_MISMATCH", i, f"c{stored}", f"c{g}")
            g = stored
            self._check_policy(i, cell)
        elif status == CLOSED:
            report("CLOSED_AGAIN", i, "a cell that is not closed", self.told(cell))
            g = self._g[cell]
        else:
            report("NOT_OPEN", i, "a cell of the open list", self.told(cell))
        self._expand(cell, g, is_wall=status == _WALL)

    def _check_policy(self, i: int, cell: int) -> None:
        best = self._frontier.best()  # None where all cells that are open were passed over before
        f = self._frontier.f_of(cell)
        if best is not None and best[0] < f:
            self._report("NOT_MIN_F", i, f"f {best[0]}, as of {self.told(best[1])}", f"f {f}")
            self._frontier.pass_over(cell)
        elif self._with_ties:
            first = self._frontier.expected(cell)
            if first is not None:
                self._report("TIE_ORDER", i, f"{self.told(first)} first", self.told(cell))

    def _expand(self, cell: int, g: int, *, is_wall: bool) -> None:
        """Makes a cell the current one; what is due now are its children that are new, or open at a higher cost."""
        self._awaits_start = False
        self._current, self._current_g = cell, g
        if is_wall:
            return
        status, costs = self._status, self._g
        status[cell], costs[cell] = CLOSED, g
        self._frontier.close(cell)
        if cell == self.goal:
            self.goal_closed = True
            return
        due: list[int] = []
        self._passed = 0
        cols, rows, child = self._cols, self.maze.rows, g + 1
        y, x = divmod(cell, cols)
        for dx, dy in self._steps:
            if 0 <= x + dx < cols and 0 <= y + dy < rows:
                near = cell + dy * cols + dx
                if status[near] == UNSEEN or (status[near] == OPEN and child < costs[near]):
                    due.append(near)
        self._due = due

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left to close, and no child is due."""
        return self._current >= 0 and not self._due and OPEN not in self._status

    # -- what the trace found ----------------------------------------------------------------------------------------

    def chain(self) -> tuple[int, ...] | None:
        """The cells from start to goal by the parents the trace wrote: the last node closed when each was created at its lowest cost.

        None where they do not lead from the goal to the start. Events are taken as written, whatever rule they break.
        """
        cells = [self.goal]
        while cells[-1] != self.start:
            parent = self._parent.get(cells[-1], -1)
            if parent < 0 or len(cells) > len(self._parent):
                return None
            cells.append(parent)
        return tuple(reversed(cells))

    def told(self, cell: int) -> str:
        """A cell as text."""
        return "a cell outside" if cell < 0 else cell_text((cell % self._cols, cell // self._cols), self._dialect)
