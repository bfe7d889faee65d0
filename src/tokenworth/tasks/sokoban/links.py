"""The parents that a trace writes: is a plan a chain of them?"""

from __future__ import annotations

from collections.abc import Sequence

from tokenworth.core.verification import Cell
from tokenworth.tasks.sokoban.grammar import SokobanEvent
from tokenworth.tasks.sokoban.instance import Board, Seen, State

LinkNode = tuple[int, ...]
"""A state, or what an event shows if the search cannot have reached that state: then with a third number."""

_MOST_PARENTS = 8
_MOST_NODES = 64


def shown(seen: Seen) -> LinkNode:
    """The node of what an event shows."""
    return (*seen, 0)


class Links:
    """For each node those it was created from. ``goals``: the nodes that the goal can be, once it is closed."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._parents: dict[LinkNode, dict[LinkNode, None]] = {}
        self.goals: list[LinkNode] = []

    def place(self, event: SokobanEvent) -> Seen:
        """What an event shows, whether or not a state can show itself so; boxes outside of the grid are left out."""
        board = self._board
        bits = 0
        for cell in event.boxes:
            place = board.place(cell)
            bits |= board.bit[place] if place >= 0 else 0
        return board.place(event.worker), bits

    def add(self, pairs: Sequence[tuple[State, State]]) -> None:
        """A state was entered in the open list: (state, parent) in each possible world. A later, cheaper parent replaces an earlier one."""
        if len(pairs) == 1:
            self._parents[pairs[0][0]] = {pairs[0][1]: None}
            return
        for state, parent in pairs:
            self._parents.setdefault(state, {})[parent] = None

    def add_shown(self, event: SokobanEvent, parents: Sequence[LinkNode]) -> None:
        """Something was created that is not a step of the search; of many parents the last few are kept."""
        known = self._parents.setdefault(shown(self.place(event)), {})
        for parent in parents[:_MOST_PARENTS]:
            known.pop(parent, None)
            known[parent] = None
        while len(known) > _MOST_PARENTS:
            del known[next(iter(known))]

    def _of(self, node: LinkNode) -> list[LinkNode]:
        found = list(self._parents.get(node, ()))
        if len(node) == 2:
            found += self._parents.get(shown(self._board.seen((node[0], node[1]))), ())
        return found

    def lead(self, plan: Sequence[Cell]) -> bool:
        """Whether the plan is a chain of parents from the goal back to the start, in some of the possible worlds."""
        board = self._board
        places = [board.place(cell) for cell in plan]
        nodes = {node for node in self.goals if node[0] == places[-1]}
        for place in reversed(places[:-1]):
            before = {parent for node in nodes for parent in self._of(node) if parent[0] == place}
            nodes = set(sorted(before)[:_MOST_NODES]) if len(before) > _MOST_NODES else before
        start = board.seen(board.start)
        return any(node == board.start or node == shown(start) for node in nodes)
