"""A* on a level, written down as it goes: every state created and closed, and the plan."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from heapq import heappop, heappush

import numpy as np

from tokenworth.core.verification import Cell
from tokenworth.tasks.sokoban.instance import Board, Sokoban, State


def _written(kind: str, cells: Iterable[Cell]) -> list[str]:
    """The clauses of cells in the order of their texts ``x-y``, as the data set has them."""
    return [f"{kind} {x} {y}" for x, y in sorted(cells, key=lambda cell: f"{cell[0]}-{cell[1]}")]


def prompt_text(level: Sokoban) -> str:
    """The prompt of a level."""
    groups = (("worker", (level.worker,)), ("box", level.boxes), ("dock", level.docks), ("wall", level.walls))
    return " ".join(clause for kind, cells in groups for clause in _written(kind, cells))


def event_text(*, is_close: bool, worker: Cell, boxes: Iterable[Cell], g: int, h: int) -> str:
    """An event; ``boxes`` are those on no dock."""
    return " ".join(["close" if is_close else "create", f"worker {worker[0]} {worker[1]}", *_written("box", boxes), f"c{g}", f"c{h}"])


def plan_text(cells: Iterable[Cell]) -> str:
    """A plan."""
    return " ".join(f"plan {x} {y}" for x, y in cells)


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchEvent:
    """A state that was created or closed, with its cost from the start and its heuristic."""

    is_close: bool
    state: State
    g: int
    h: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """A search that reached the goal. ``plan``: the cells of the worker, from the start on."""

    level: Sokoban
    events: tuple[SearchEvent, ...]
    plan: tuple[Cell, ...]

    @property
    def prompt(self) -> str:
        """The level as text."""
        return prompt_text(self.level)

    def trace_text(self) -> str:
        """The events and the plan as text."""
        board = Board(self.level)
        told = [
            event_text(
                is_close=event.is_close,
                worker=board.cell(event.state[0]),
                boxes=board.cells(board.seen(event.state)[1]),
                g=event.g,
                h=event.h,
            )
            for event in self.events
        ]
        return " ".join([*told, plan_text(self.plan)])


def solve(level: Sokoban, rng: np.random.Generator | None, *, max_closed: int = 100_000) -> Search | None:
    """The A* search of a level; None where it has no solution, or ``max_closed`` states are closed without one.

    ``rng`` shuffles the children and breaks ties of f. Without one the children come up, down, left, right, and a tie of f goes to the
    lower place of the worker, then the lower number of the boxes. A state reached at less cost is created again, also when closed.

    Source: Lehnert et al. 2024, arXiv 2402.14083. Differs: without ``rng`` the order of ties is ours; theirs differs between processes.
    """
    board = Board(level)
    start = board.start
    start_h = board.h(start[1])
    if start_h is None:
        return None
    events = [SearchEvent(is_close=False, state=start, g=0, h=start_h)]
    costs: dict[State, int] = {start: 0}
    parents: dict[State, State] = {}
    closed_at: dict[State, int] = {}
    heap: list[tuple[int, float, State, int]] = [(start_h, 0.0, start, 0)]
    while heap and len(closed_at) < max_closed:
        _, _, state, g = heappop(heap)
        if costs[state] != g or closed_at.get(state) == g:
            continue
        closed_at[state] = g
        h = board.h(state[1])
        assert h is not None
        events.append(SearchEvent(is_close=True, state=state, g=g, h=h))
        if not board.seen(state)[1]:
            return Search(level=level, events=tuple(events), plan=_plan(board, parents, state))
        children = board.children(state)
        if rng is not None:
            children = [children[int(place)] for place in rng.permutation(len(children))]
        for child in children:
            if costs.get(child, g + 2) <= g + 1:
                continue
            child_h = board.h(child[1])
            assert child_h is not None
            costs[child], parents[child] = g + 1, state
            heappush(heap, (g + 1 + child_h, 0.0 if rng is None else float(rng.random()), child, g + 1))
            events.append(SearchEvent(is_close=False, state=child, g=g + 1, h=child_h))
    return None


def _plan(board: Board, parents: dict[State, State], goal: State) -> tuple[Cell, ...]:
    chain = [goal]
    while chain[-1] in parents:
        chain.append(parents[chain[-1]])
    return tuple(board.cell(worker) for worker, _ in reversed(chain))
