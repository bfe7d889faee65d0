"""What a trace leaves possible: the states of the open and closed lists, of which a trace shows only a part.

A trace does not write boxes on docks, so what it closes can stand for several states of the open list. The belief is exact: a set of
*worlds*, each a full account of both lists that agrees with every event so far. Worlds are kept apart only where they differ: states on
which all agree are *known*, the rest is split into *groups* that do not depend on each other. A close that fits two open states makes
two worlds; the children written after it, the numbers, and the states closed later rule worlds out, and worlds that have become equal
are one again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import heappop, heappush

from tokenworth.tasks.sokoban.instance import Board, Seen, State

MAX_WORLDS = 256
"""Greatest number of worlds of a group."""
MAX_ENTRIES = 16384
"""Greatest number of worlds of a group times the states on which they differ."""
MAX_ALIKE = 256
"""Greatest number of states that show themselves alike."""

Entry = tuple[int, int, bool]
"""Cost from the start, f, and whether the state is open; closed otherwise."""


class TooManyWorlds(Exception):
    """More worlds are possible than are kept."""


class World:
    """One account of the states of a group. ``parent``: the state being expanded, its cost, and the children that are due.

    ``is_odd``: children of a state came in another order than the solver's. It rules no world out.
    """

    __slots__ = ("due", "entries", "g", "is_odd", "parent")

    def __init__(self, entries: dict[State, Entry], parent: State | None = None, g: int = 0) -> None:
        self.entries, self.parent, self.g = entries, parent, g
        self.due: set[State] = set()
        self.is_odd = False


class WorldGroup:
    """Worlds that differ on the states of ``scope``, and on no others. A state of the scope without entry was never created."""

    __slots__ = ("scope", "worlds")

    def __init__(self, worlds: list[World], scope: set[State]) -> None:
        self.worlds, self.scope = worlds, scope


class Belief:
    """The worlds that agree with the events so far. ``active``: the group in which a state is being expanded, if any."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.known: dict[State, Entry] = {}
        self.group_of: dict[State, WorldGroup] = {}
        self.states_of: dict[Seen, dict[State, None]] = {}
        self.active: WorldGroup | None = None
        self._heap: list[tuple[int, State]] = []
        self.most_worlds = 1
        self._has_odd = False
        self._is_odd = False

    # -- what is possible ------------------------------------------------------------------------------------------------

    def entries(self, state: State) -> list[Entry]:
        """The entries the state can have, one for each world of its group that has created it."""
        group = self.group_of.get(state)
        if group is None:
            known = self.known.get(state)
            return [] if known is None else [known]
        return [world.entries[state] for world in group.worlds if state in world.entries]

    def options(self, seen: Seen, *, is_open: bool) -> list[State]:
        """The states that show themselves so and can be open, or closed."""
        return [state for state in self.states_of.get(seen, ()) if any(entry[2] is is_open for entry in self.entries(state))]

    def entry(self, world: World, state: State) -> Entry | None:
        """The entry of a state in a world of the active group; None where it was never created."""
        group = self.group_of.get(state)
        return self.known.get(state) if group is None else world.entries.get(state)

    @property
    def has_open(self) -> bool:
        """Whether a state is open in every possible world."""
        groups = {id(group): group for group in self.group_of.values()}.values()
        told = any(is_open for _, _, is_open in self.known.values())
        return told or any(all(any(entry[2] for entry in world.entries.values()) for world in group.worlds) for group in groups)

    # -- changes ---------------------------------------------------------------------------------------------------------

    def put(self, state: State, entry: Entry) -> None:
        """Makes an entry known, whatever the world."""
        self.known[state] = entry
        self._note(state, entry)

    def _note(self, state: State, entry: Entry) -> None:
        seen = self.board.seen(state)
        states = self.states_of.setdefault(seen, {})
        states[state] = None
        if len(states) > MAX_ALIKE:
            raise TooManyWorlds
        if entry[2]:
            heappush(self._heap, (entry[1], state))

    def create(self, fits: Sequence[tuple[World, State, Entry]]) -> None:
        """Keeps the worlds of the active group that are listed, and enters in each the child that it creates."""
        group = self.active
        assert group is not None
        group.worlds = [world for world, _, _ in fits]
        if len(fits) == 1:
            self._flatten(group)
        same = all(fit[1:] == fits[0][1:] for fit in fits)
        for world, state, entry in fits:
            world.due.discard(state)
            if same and state not in group.scope:
                self.known[state] = entry
            else:
                self._add_to(group, state)
                world.entries[state] = entry
            self._note(state, entry)
        _bound(len(group.worlds), len(group.scope))

    def _add_to(self, group: WorldGroup, state: State) -> None:
        """Lets the worlds of a group differ on a state that was known, or unknown to all."""
        if state in group.scope:
            return
        group.scope.add(state)
        self.group_of[state] = group
        entry = self.known.pop(state, None)
        if entry is not None:
            for world in group.worlds:
                world.entries[state] = entry

    def _flatten(self, group: WorldGroup) -> None:
        """Makes known what the only world of a group says."""
        world = group.worlds[0]
        self._is_odd, world.is_odd = self._is_odd or world.is_odd, False
        for state in group.scope:
            del self.group_of[state]
            if state in world.entries:
                self.known[state] = world.entries[state]
        world.entries = {}
        group.scope = set()

    def _simplify(self, group: WorldGroup) -> None:
        """Joins worlds that have become equal, and makes known what all worlds say."""
        if group is not self.active:
            # Of equal worlds one that is not odd is kept: it is there, last, if there is one.
            distinct = {frozenset(world.entries.items()): world for world in sorted(group.worlds, key=lambda world: -world.is_odd)}
            group.worlds = list(distinct.values())
        if len(group.worlds) == 1:
            self._flatten(group)
            return
        first, rest = group.worlds[0], group.worlds[1:]
        for state in list(group.scope):
            entry = first.entries.get(state)
            if all(world.entries.get(state) == entry for world in rest):
                group.scope.remove(state)
                del self.group_of[state]
                for world in group.worlds:
                    world.entries.pop(state, None)
                if entry is not None:
                    self.known[state] = entry

    def _merge(self, groups: Iterable[WorldGroup]) -> WorldGroup:
        """One group for several: a world for each choice of one world of each. Raises TooManyWorlds."""
        distinct = list({id(group): group for group in groups}.values())
        merged = distinct[0] if distinct else WorldGroup([World({})], set())
        for group in distinct[1:]:
            _bound(len(merged.worlds) * len(group.worlds), len(merged.scope) + len(group.scope))
            worlds: list[World] = []
            for a in merged.worlds:
                for b in group.worlds:
                    carrier = a if a.parent is not None else b
                    world = World({**a.entries, **b.entries}, carrier.parent, carrier.g)
                    world.due, world.is_odd = set(carrier.due), a.is_odd or b.is_odd
                    worlds.append(world)
            merged = WorldGroup(worlds, merged.scope | group.scope)
        for state in merged.scope:
            self.group_of[state] = merged
        return merged

    def mark_odd(self, world: World) -> None:
        """Notes that a world has children in another order than the solver's."""
        world.is_odd = self._has_odd = True

    def take_odd(self) -> bool:
        """Whether by now no possible world is without a child out of order. Such a finding is made once: all worlds are even again."""
        if not self._has_odd:
            return False
        groups = {id(group): group for group in self.group_of.values()}
        if self.active is not None:
            groups[id(self.active)] = self.active
        found, self._is_odd, self._has_odd = self._is_odd, False, False
        for group in groups.values():
            if all(world.is_odd for world in group.worlds):
                found = True
                for world in group.worlds:
                    world.is_odd = False
            self._has_odd = self._has_odd or any(world.is_odd for world in group.worlds)
        return found

    # -- closing ---------------------------------------------------------------------------------------------------------

    def settle(self) -> list[State]:
        """Ends the expansion: rules out worlds in which a child is missing. Where none is left: those missing in one, and all stay."""
        group = self.active
        if group is None:
            return []
        whole = [world for world in group.worlds if not world.due]
        missing = [] if whole else sorted(group.worlds[0].due)
        group.worlds = whole or group.worlds
        for world in group.worlds:
            world.parent, world.due = None, set()
        self.active = None
        self._simplify(group)
        return missing

    def pick(self, states: Sequence[State], *, is_open: bool, g: int | None) -> tuple[WorldGroup, list[tuple[World, State]]]:
        """The group of these states, and its worlds with the state that is open (or closed) there, at cost ``g`` if that is given."""
        group = self._merge(self.group_of[state] for state in states if state in self.group_of)
        pairs: list[tuple[World, State]] = []
        for state in states:
            is_known = state not in self.group_of
            for world in group.worlds:
                entry = self.known.get(state) if is_known else world.entries.get(state)
                if entry is not None and entry[2] is is_open and (g is None or entry[0] == g):
                    pairs.append((world, state))
        return group, pairs

    def lower(
        self, f: int, group: WorldGroup, pairs: list[tuple[World, State]]
    ) -> tuple[list[tuple[World, State]], tuple[int, State] | None]:
        """The pairs in whose world no open state has a smaller f; where there is none, all pairs, and a state that is smaller.

        Worlds of other groups that have such a state are ruled out.
        """
        put_back: list[tuple[int, State]] = []
        found: tuple[int, State] | None = None
        heap = self._heap
        while heap and heap[0][0] < f:
            f_open, state = heap[0]
            other = self.group_of.get(state)
            if other is None:
                known = self.known.get(state)
                if known is not None and known[2] and known[1] == f_open:
                    found = heap[0]
                    break
            elif other is group:
                put_back.append(heap[0])
            else:
                without = [world for world in other.worlds if not _is_open(world, state, f_open)]
                if not without:
                    found = heap[0]
                    break
                other.worlds = without
                self._simplify(other)
            heappop(heap)
        if found is None and put_back:
            kept = [pair for pair in pairs if not any(_is_open(pair[0], state, f_open) for f_open, state in put_back)]
            if kept:
                return kept, None
            found = put_back[0]
        for item in put_back:
            heappush(heap, item)
        return pairs, found

    def expand(self, group: WorldGroup, pairs: Sequence[tuple[World, State]], entries: Sequence[Entry]) -> None:
        """Closes in each world its state, with the entry given for it, and begins to expand it. Raises TooManyWorlds."""
        for state in {state for _, state in pairs}:
            if len(pairs) > 1:
                self._add_to(group, state)
        worlds: list[World] = []
        for (world, state), entry in zip(pairs, entries, strict=True):
            closed = World(dict(world.entries), state, entry[0])
            closed.is_odd = world.is_odd
            if state in group.scope:
                closed.entries[state] = entry
            else:
                self.known[state] = entry
            worlds.append(closed)
            self._note(state, entry)
        group.worlds = worlds
        self.active = group
        if len(worlds) == 1:
            self._flatten(group)
        children = [self.board.children(state) if self.board.seen(state)[1] else [] for _, state in pairs]
        of_parent = {state: found for (_, state), found in zip(pairs, children, strict=True)}
        foreign = [self.group_of[child] for found in children for child in found if child in self.group_of]
        if any(other is not group for other in foreign):
            group = self.active = self._merge([group, *foreign])
        for world in group.worlds:
            assert world.parent is not None
            limit = world.g + 1
            for child in of_parent[world.parent]:
                entry = self.entry(world, child)
                if entry is None or entry[0] > limit:
                    world.due.add(child)
        _bound(len(group.worlds), len(group.scope))
        self.most_worlds = max(self.most_worlds, len(group.worlds))

    def assume(self, state: State, g: int) -> None:
        """Begins to expand a state without a word about the lists."""
        self.active = WorldGroup([World({})], set())
        world = self.active.worlds[0]
        world.parent, world.g = state, g
        world.due = {child for child in self.board.children(state) if not self.entries(child)}


def _is_open(world: World, state: State, f: int) -> bool:
    entry = world.entries.get(state)
    return entry is not None and entry[2] and entry[1] == f


def _bound(worlds: int, states: int) -> None:
    if worlds > MAX_WORLDS or worlds * states > MAX_ENTRIES:
        raise TooManyWorlds
