"""Is a plan one that solves the level, and is there a shorter one? Nothing of the search is used here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from heapq import heappop, heappush

from tokenworth.tasks.sokoban.grammar import PlanStep
from tokenworth.tasks.sokoban.instance import Board, Sokoban, State

STATE_LIMIT = 50_000
"""States looked at to find the shortest plan; where they do not suffice, it is not known whether a plan is optimal."""

NO_PLAN = 1 << 60
"""More steps than any plan has."""

Found = Callable[[str, PlanStep, str, str], None]
"""Takes a code, the step, what was expected and what was found."""


def plan_is_valid(level: Sokoban, plan: Sequence[PlanStep], found: Found) -> bool:
    """Whether the plan begins at the worker, goes from cell to cell by steps and pushes that can be made, and leaves every box on a dock.

    Each step that breaks a rule is a finding. After one the worker stands where it is written, and no box has moved.
    """
    walls, docks, boxes = set(level.walls), set(level.docks), set(level.boxes)
    fine = True

    def report(code: str, step: PlanStep, expected: str) -> None:
        nonlocal fine
        fine = False
        found(code, step, expected, f"{step.cell[0]} {step.cell[1]}")

    def is_free(x: int, y: int) -> bool:
        return 0 <= x < level.cols and 0 <= y < level.rows and (x, y) not in walls

    x, y = plan[0].cell
    if (x, y) != level.worker:
        report("PLAN_START", plan[0], f"{level.worker[0]} {level.worker[1]}")
        if not is_free(x, y):
            report("PLAN_WALL", plan[0], "a free cell of the grid")
    for step in plan[1:]:
        (a, b), (x, y) = (x, y), step.cell
        if not is_free(x, y):
            report("PLAN_WALL", step, "a free cell of the grid")
        if abs(x - a) + abs(y - b) != 1:
            report("PLAN_STEP", step, f"a neighbour of {a} {b}")
        elif (x, y) in boxes:
            past = (2 * x - a, 2 * y - b)
            if not is_free(*past) or past in boxes:
                report("PLAN_PUSH", step, f"a free cell at {past[0]} {past[1]} for the box")
            else:
                boxes.remove((x, y))
                boxes.add(past)
    if boxes - docks:
        report("PLAN_GOAL", plan[-1], f"all of {len(boxes)} boxes on docks, {len(boxes - docks)} are not; end")
    return fine


@lru_cache(maxsize=256)
def shortest(level: Sokoban, limit: int = STATE_LIMIT) -> tuple[int | None, int]:
    """The number of steps of a shortest plan, None where ``limit`` states do not suffice; and a number it is not below, `NO_PLAN` for none.

    A* with the bound Σ over boxes of the pushes to the nearest dock on the level without boxes, which is consistent.
    """
    board = Board(level)
    pushes = _pushes(board)

    def bound(boxes: int) -> int | None:
        total = 0
        while boxes:
            low = boxes & -boxes
            boxes ^= low
            least = pushes.get(low.bit_length() - 1)
            if least is None:
                return None
            total += least
        return total

    start = board.start
    costs: dict[State, int] = {start: 0}
    heap: list[tuple[int, int, State]] = []
    least = bound(start[1])
    if least is not None:
        heap.append((least, 0, start))
    proven = 0
    while heap:
        f, minus_g, state = heappop(heap)
        if costs[state] != -minus_g:
            continue
        proven = f
        if not board.seen(state)[1]:
            return f, f
        if len(costs) > limit:
            return None, proven
        for delta in board.deltas:
            child = board.move(state, delta)
            if child is None or costs.get(child, 1 - minus_g + 1) <= 1 - minus_g:
                continue
            least = bound(child[1])
            if least is not None:
                costs[child] = 1 - minus_g
                heappush(heap, (1 - minus_g + least, minus_g - 1, child))
    return None, NO_PLAN


def _pushes(board: Board) -> dict[int, int]:
    """For each place the pushes that bring a box from it to the nearest dock, on the level without other boxes."""
    pushes = dict.fromkeys(board.docks, 0)
    queue = list(board.docks)
    for place in queue:
        for delta in board.deltas:
            before, behind = place - delta, place - 2 * delta
            # A box at `before` is pushed to `place` by a worker who stands behind it.
            if not board.blocked[before] and before not in pushes and not board.blocked[behind]:
                pushes[before] = pushes[place] + 1
                queue.append(before)
    return pushes
