"""What can still be said about a Sokoban trace once the belief is given up: the rules that what events show decides by itself.

Each finding holds whatever states the events stand for, as long as the events before were in order. What needs the states is not
checked: whether another open state has a smaller f, which children are missing, and creates of states that only look alike.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from tokenworth.tasks.sokoban.grammar import SokobanEvent
from tokenworth.tasks.sokoban.instance import Board, Seen

OnSokobanViolation = Callable[[str, SokobanEvent, str, str], None]
"""Takes a code, the event, what was expected and what was found."""


class OpenCounts:
    """How often each thing shown was created and not yet closed; the last close, and where the worker of its children has been."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._n_boxes = len(board.level.boxes)
        self._created: set[Seen] = set()
        # Open entries by what is told of them: the first by all, the others by less.
        self._open: Counter[tuple[Seen, int, int]] = Counter()
        self._open_at: Counter[tuple[Seen, int]] = Counter()
        self._shown: Counter[Seen] = Counter()
        self._last: tuple[Seen, int] | None = None
        self._children: set[int] = set()
        self._h: dict[int, tuple[int, int] | None] = {}

    def note(self, event: SokobanEvent, seen: Seen) -> None:
        """Takes an event into account."""
        entry, at = (seen, event.g, event.h), (seen, event.g)
        if not event.is_close:
            self._created.add(seen)
            self._children.add(seen[0])
            self._open[entry] += 1
            self._open_at[at] += 1
            self._shown[seen] += 1
            return
        self._last, self._children = at, set()
        # A count is never below what can be open, so that none of the findings is wrong.
        if self._open[entry] > 0:
            self._open[entry] -= 1
        if self._open_at[at] > 0:
            self._open_at[at] -= 1
        if self._shown[seen] > 0:
            self._shown[seen] -= 1

    def check(self, event: SokobanEvent, seen: Seen, report: OnSokobanViolation, told: str) -> None:
        """Reports what an event breaks, whatever the states are."""
        self._check_h(event, seen, report)
        if event.is_close:
            self._check_close(event, seen, report, told)
        else:
            self._check_create(event, seen, report, told)

    def _check_h(self, event: SokobanEvent, seen: Seen, report: OnSokobanViolation) -> None:
        bounds = self._bounds(seen[1])
        if bounds is not None and not bounds[0] <= event.h <= bounds[1]:
            expected = f"c{bounds[0]}" + (f" to c{bounds[1]}" if bounds[1] > bounds[0] else "")
            report("WRONG_H", event, expected, f"c{event.h}")

    def _bounds(self, bits: int) -> tuple[int, int] | None:
        """The least and the greatest heuristic: no docked box is nearer than the dock that counts, or as many as there are docked."""
        if bits in self._h:
            return self._h[bits]
        board, found = self._board, None
        low = board.h(bits)
        n_docked = self._n_boxes - bits.bit_count()
        if low is not None:
            docks = [board.cell(place) for place in board.docks]
            far = (sorted(abs(x - a) + abs(y - b) for a, b in docks)[n_docked] for x, y in board.cells(bits))
            found = low, sum(far)
        self._h[bits] = found
        return found

    def _check_close(self, event: SokobanEvent, seen: Seen, report: OnSokobanViolation, told: str) -> None:
        if self._open[seen, event.g, event.h] > 0:
            return
        if self._open_at[seen, event.g] > 0:
            report("WRONG_H", event, "the heuristic it was created with", f"c{event.h}")
        elif self._shown[seen] > 0:
            report("G_MISMATCH", event, "a cost it was created at", f"c{event.g}")
        elif seen in self._created:
            report("CLOSED_AGAIN", event, "a state that is not closed", told)
        else:
            report("NOT_OPEN", event, "a state of the open list", told)

    def _check_create(self, event: SokobanEvent, seen: Seen, report: OnSokobanViolation, told: str) -> None:
        if self._last is None:
            return
        (worker, bits), g = self._last
        delta = seen[0] - worker
        if delta not in self._board.deltas:
            return
        if seen not in self._steps(worker, bits, delta):
            code = "BOX_COUNT" if abs(bits.bit_count() - seen[1].bit_count()) > 1 else "BAD_PUSH"
            report(code, event, "boxes as a step from the last close leaves them", told)
            return
        if event.g != g + 1:
            report("WRONG_G", event, f"c{g + 1}", f"c{event.g}")
        if seen[0] in self._children:
            report("DUP_CREATE", event, "each child once", told)

    def _steps(self, worker: int, bits: int, delta: int) -> set[Seen]:
        """What a step can show: with no docked box in the way of the worker, and with one."""
        board = self._board
        to, before = board.bit[worker + delta], [(worker, bits)]
        if to & board.dock_bits and bits.bit_count() < self._n_boxes:
            before.append((worker, bits | to))
        after = (board.move(state, delta) for state in before)
        return {board.seen(state) for state in after if state is not None}
