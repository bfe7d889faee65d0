"""Replays the events of a Sokoban trace on a belief about the open and closed lists, and says which rules each one breaks.

A rule is broken only if it is broken in every world that agrees with the events before (`tokenworth.tasks.sokoban.belief`). After a
finding the state is repaired and the replay continues: wrong numbers are replaced by right ones (or kept as written, for ``paper``);
a closed state that was not open is taken as closed with the cost written; an event that is not a step from the state just closed changes
no list; children that are missing stay missing; children that were passed over may come later. Where more worlds are possible than are
kept, the belief is given up: after that event, `lost_at`, only what events show by themselves is checked (`OpenCounts`), and a trace in
which nothing is found wrong is not known to be valid.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import comb

from tokenworth.core.verification import Cell
from tokenworth.tasks.sokoban.belief import Belief, Entry, TooManyWorlds, World, WorldGroup
from tokenworth.tasks.sokoban.grammar import SokobanEvent
from tokenworth.tasks.sokoban.instance import Board, Seen, State
from tokenworth.tasks.sokoban.links import Links, shown
from tokenworth.tasks.sokoban.open_counts import OnSokobanViolation, OpenCounts

_MOST_ASSUMED = 8
"""States considered for an event that no known state explains."""


class SokobanReplay:
    """The search that a trace tells of.

    ``as_written``: numbers are taken as they are. ``in_order``: the children of a state come up, down, left, right.
    """

    def __init__(self, board: Board, report: OnSokobanViolation, *, as_written: bool, in_order: bool = False) -> None:
        self.board, self._report, self._as_written = board, report, as_written
        self._places = {delta: place for place, delta in enumerate(board.deltas)} if in_order else None
        # Places in the order of children: of the last one created, and the first that is not passed over.
        self._place = self._passed = 0
        self.belief = Belief(board)
        self.links = Links(board)
        self.goal_closed = False
        self.lost_at: int | None = None
        self.most_worlds = 1
        self._open_counts: OpenCounts | None = None
        self.n_ambiguous = 0
        self._begun = False
        self._created_start = False
        self._assumed = False
        self._bits_of: dict[tuple[Cell, ...], int] = {}
        self._last: Cell = board.level.worker
        self._last_seen: Seen | None = None
        self._n_boxes, self._n_docks = len(board.level.boxes), len(board.level.docks)

    def run(self, events: Sequence[SokobanEvent]) -> None:
        """Replays all events, in order."""
        for i, event in enumerate(events):
            if self.goal_closed:
                self._report("AFTER_GOAL", event, "nothing after the goal is closed", "close" if event.is_close else "create")
                continue
            try:
                if event.is_close:
                    self._close(event)
                else:
                    self._create(event)
                if self._places is not None and self.belief.take_odd():
                    self._report("CHILD_ORDER", event, "the children of a state up, down, left, right", told(event))
                    self._passed = self._place
            except TooManyWorlds:
                self.lost_at, self.most_worlds = event.index, self.belief.most_worlds
                self.belief = Belief(self.board)
                self._open_counts = OpenCounts(self.board)
                for before in events[: i + 1]:
                    self._open_counts.note(before, self.links.place(before))
                self.goal_closed = event.is_close and not event.boxes
                self.links.goals = self._parents() if self.goal_closed else []
        self.most_worlds = max(self.most_worlds, self.belief.most_worlds)

    def is_whole(self) -> bool:
        """Whether nothing is left to close, and no child is due, in some possible world; asked once, after all events."""
        return self._open_counts is None and self._begun and not self.belief.settle() and not self.belief.has_open

    # -- what is written -----------------------------------------------------------------------------------------------

    def _see(self, event: SokobanEvent) -> Seen | None:
        """What the event shows; None, after a report, where no state shows itself so."""
        board = self.board
        worker = board.place(event.worker)
        bits = self._bits_of.get(event.boxes)
        if bits is not None and worker >= 0 and not board.blocked[worker] and not bits & board.bit[worker]:
            return worker, bits
        boxes = [board.place(cell) for cell in event.boxes]
        bits, fine = 0, True
        for place in (worker, *boxes):
            if place < 0:
                self._report("OOB", event, f"cells of the {board.level.cols} x {board.level.rows} grid", told(event))
                fine = False
                break
        for place in (worker, *boxes):
            if place >= 0 and board.blocked[place]:
                self._report("WALL", event, "free cells", told(event))
                fine = False
                break
        for place in boxes:
            if place >= 0:
                bits |= board.bit[place]
        n = len(boxes)
        if not self._n_boxes - self._n_docks <= n <= self._n_boxes:
            self._report("BOX_COUNT", event, f"{self._n_boxes} boxes, those on docks not written", f"{n} boxes")
            fine = False
        elif boxes and fine and (bits.bit_count() != n or bits & board.dock_bits or bits & board.bit[worker]):
            self._report("BOX_COUNT", event, "each box once, none on a dock or under the worker", told(event))
            fine = False
        if not fine:
            return None
        self._bits_of[event.boxes] = bits
        return worker, bits

    def _possible(self, seen: Seen) -> list[State]:
        """The states that show themselves so: a choice of docks for the boxes that are not written. None of them if there are too many."""
        worker, bits = seen
        docks = [place for place in self.board.docks if place != worker]
        n = self._n_boxes - bits.bit_count()
        if not 0 <= n <= len(docks) or comb(len(docks), n) > _MOST_ASSUMED:
            return []
        bit = self.board.bit
        return [(worker, bits | sum(bit[place] for place in chosen)) for chosen in combinations(docks, n)]

    def _check_h(self, event: SokobanEvent, states: Sequence[State]) -> list[State]:
        """The states that have the heuristic written; all of them, after a report, where none has."""
        h = self.board.h
        right = [state for state in states if h(state[1]) == event.h]
        if right or not states:
            return right
        values = {h(state[1]) for state in states}
        expected = " or ".join(f"c{value}" for value in sorted(value for value in values if value is not None))
        self._report("WRONG_H", event, expected or "no such event: a box can never move again", f"c{event.h}")
        return list(states)

    def _odd(self, event: SokobanEvent, seen: Seen | None) -> None:
        """What can be said of a create that is not a step from the state just closed: its heuristic, and what it depends on."""
        if seen is not None:
            self._check_h(event, self._possible(seen))
        self.links.add_shown(event, self._parents())

    def _parents(self) -> list[tuple[int, ...]]:
        active = self.belief.active
        if active is not None:
            return [world.parent for world in active.worlds if world.parent is not None]
        return [] if self._last_seen is None else [shown(self._last_seen)]

    # -- create ----------------------------------------------------------------------------------------------------------

    def _create(self, event: SokobanEvent) -> None:
        seen = self._see(event)
        if not self._begun and not self._create_first(event, seen):
            return
        (x, y), (a, b) = event.worker, self._last
        is_beside = abs(x - a) + abs(y - b) == 1
        if not is_beside and self._begun:
            self._report("NOT_ADJ", event, f"worker beside {a} {b}", f"worker {x} {y}")
        active = self.belief.active
        if self._open_counts is not None and seen is not None:
            self._open_counts.check(event, seen, self._report, told(event))
            self._open_counts.note(event, seen)
        if seen is None or not is_beside or active is None:
            self._odd(event, seen if self.lost_at is None else None)
            return
        fits = self._steps(event, seen, active)
        if not fits:
            self._odd(event, seen)
            return
        self._enter(event, fits)

    def _create_first(self, event: SokobanEvent, seen: Seen | None) -> bool:
        """A create before any close. True where it is to be read as a step from the start."""
        start = self.board.start
        h = self.board.h(start[1]) or 0
        if seen == self.board.seen(start) and not self._created_start:
            self._created_start = True
            self._check_h(event, [start])
            if event.g != 0:
                self._report("WRONG_G", event, "c0", f"c{event.g}")
            self.belief.put(start, (event.g, event.g + event.h, True) if self._as_written else (0, h, True))
            return False
        expected = (
            "a close before any other create" if self._created_start else f"create of the start, worker {self._last[0]} {self._last[1]}"
        )
        self._report("NO_EXPANSION", event, expected, told(event))
        if self.belief.active is None:
            self._assumed = True
            self.belief.assume(start, 0)
        return True

    def _steps(self, event: SokobanEvent, seen: Seen, active: WorldGroup) -> list[tuple[World, State]]:
        """The worlds in which a step from the state just closed shows itself as written, each with the state it leads to."""
        board = self.board
        delta = seen[0] - board.place(self._last)
        hidden = ~board.dock_bits
        fits: list[tuple[World, State]] = []
        for world in active.worlds:
            assert world.parent is not None
            child = board.move(world.parent, delta)
            if child is not None and child[1] & hidden == seen[1]:
                fits.append((world, child))
        if not fits and self._begun:
            assert active.worlds[0].parent is not None
            before = (active.worlds[0].parent[1] & hidden).bit_count()
            code = "BOX_COUNT" if abs(before - seen[1].bit_count()) > 1 else "BAD_PUSH"
            self._report(code, event, f"boxes as a step from {self._last[0]} {self._last[1]} leaves them", told(event))
        return fits

    def _enter(self, event: SokobanEvent, fits: list[tuple[World, State]]) -> None:
        """Checks the numbers and the lists, and opens the child."""
        belief, h_of = self.belief, self.board.h
        right = [fit for fit in fits if fit[0].g + 1 == event.g]
        if not right:
            self._report("WRONG_G", event, " or ".join(f"c{g}" for g in sorted({world.g + 1 for world, _ in fits})), f"c{event.g}")
        fits = right or fits
        states = self._check_h(event, [child for _, child in fits])
        fits = [fit for fit in fits if fit[1] in states]
        due = [fit for fit in fits if fit[1] in fit[0].due]
        if not due:
            entry = belief.entry(*fits[0])
            if entry is not None:
                code = "DUP_CREATE" if entry[2] else "REOPEN"
                self._report(code, event, f"a cost below c{entry[0]}", f"c{event.g}")
            return
        if self._places is not None:
            self._mark(event, due, self._places)
        entered: list[tuple[World, State, Entry]] = []
        for world, child in due:
            g, h = (event.g, event.h) if self._as_written else (world.g + 1, h_of(child[1]) or 0)
            entered.append((world, child, (g, g + h, True)))
        self.links.add([(child, world.parent) for world, child in due if world.parent is not None])
        belief.create(entered)

    def _mark(self, event: SokobanEvent, due: list[tuple[World, State]], places: Mapping[int, int]) -> None:
        """Marks the worlds in which another child comes before the one written; those that were passed over before may come whenever."""
        self._place = places[self.board.place(event.worker) - self.board.place(self._last)]
        for world, _ in due:
            assert world.parent is not None
            if any(self._passed <= places[other[0] - world.parent[0]] < self._place for other in world.due):
                self.belief.mark_odd(world)

    # -- close -----------------------------------------------------------------------------------------------------------

    def _close(self, event: SokobanEvent) -> None:
        missing = self.belief.settle()
        if missing and not self._assumed:
            names = ", ".join(f"{x} {y}" for x, y in (self.board.cell(state[0]) for state in missing))
            self._report("MISSING_CHILD", event, f"create worker {names}", told(event))
        self._assumed, self._begun = False, True
        self._place = self._passed = 0
        seen = self._see(event)
        self._last, self._last_seen = event.worker, self.links.place(event) if seen is None else seen
        if seen is None:
            self._report("NOT_OPEN", event, "a state of the open list", told(event))
        elif self._open_counts is not None:
            self._open_counts.check(event, seen, self._report, told(event))
            self._open_counts.note(event, seen)
        else:
            options = self.belief.options(seen, is_open=True)
            if options:
                self._close_open(event, options)
            else:
                self._close_other(event, seen)
        if seen is not None and not seen[1]:
            self.goal_closed = True
            self.links.goals = self._parents()

    def _close_open(self, event: SokobanEvent, options: list[State]) -> None:
        belief = self.belief
        states = self._check_h(event, options)
        costs = {entry[0] for state in states for entry in belief.entries(state) if entry[2]}
        if event.g not in costs:
            self._report("G_MISMATCH", event, " or ".join(f"c{g}" for g in sorted(costs)), f"c{event.g}")
        group, pairs = belief.pick(states, is_open=True, g=event.g if event.g in costs else None)
        costs_f = [self._closed(event, world, state)[1] for world, state in pairs]
        f = min(costs_f)
        pairs = [pair for pair, cost in zip(pairs, costs_f, strict=True) if cost == f]
        pairs, smaller = belief.lower(f, group, pairs)
        if smaller is not None:
            x, y = self.board.cell(smaller[1][0])
            self._report("NOT_MIN_F", event, f"f {smaller[0]}, as of worker {x} {y}", f"f {f}")
        self.n_ambiguous += len({state for _, state in pairs}) > 1
        belief.expand(group, pairs, [self._closed(event, world, state) for world, state in pairs])

    def _closed(self, event: SokobanEvent, world: World, state: State) -> Entry:
        """The entry of a state that is open in a world, once it is closed."""
        if self._as_written:
            return event.g, event.g + event.h, False
        entry = world.entries.get(state) or self.belief.known[state]
        return entry[0], entry[1], False

    def _close_other(self, event: SokobanEvent, seen: Seen) -> None:
        """A close of what cannot be open."""
        belief = self.belief
        closed = belief.options(seen, is_open=False)
        if closed:
            self._report("CLOSED_AGAIN", event, "a state that is not closed", told(event))
            group, pairs = belief.pick(self._check_h(event, closed), is_open=False, g=None)
            belief.expand(group, pairs, [world.entries.get(state) or belief.known[state] for world, state in pairs])
            return
        self._report("NOT_OPEN", event, "a state of the open list", told(event))
        states = [state for state in self._check_h(event, self._possible(seen)) if state not in belief.group_of]
        if states:
            world = World({})
            entries = [(event.g, event.g + (self.board.h(state[1]) or 0), False) for state in states]
            belief.expand(WorldGroup([world], set()), [(world, state) for state in states], entries)


def told(event: SokobanEvent) -> str:
    """The cells of an event as text, shortened."""
    boxes = "".join(f" box {x} {y}" for x, y in event.boxes[:4])
    return f"worker {event.worker[0]} {event.worker[1]}{boxes}{' …' if len(event.boxes) > 4 else ''}"
