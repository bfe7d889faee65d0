"""Attacks on checkers of Sokoban plans: the cells of the worker, ``plan X Y plan X Y …``, in the words of SearchFormer."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from tests.audit.mazes import STEPS, Cell, plan_text, shifts, shortest, wrong_only
from tests.audit.relaxed import cheat
from tokenworth.core.problem import AnswerKind, Problem
from tokenworth.tasks.audit import noise
from tokenworth.tasks.audit.attack import Surface, open_answers, right_answers, wrong_answers

_State = tuple[Cell, frozenset[Cell]]
_Loose = tuple[Cell, tuple[Cell, ...]]
"""Worker and boxes, where two boxes may stand in one cell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxItem:
    """A walled room with boxes and docks, and a shortest plan."""

    problem: Problem
    cols: int
    rows: int
    walls: frozenset[Cell]
    worker: Cell
    boxes: frozenset[Cell]
    docks: frozenset[Cell]
    way: tuple[Cell, ...]

    def solves(self, plan: Sequence[Cell]) -> bool:
        """Whether the worker can go these cells, pushing one box at a time, and leaves every box on a dock."""
        if not plan or plan[0] != self.worker:
            return False
        state: _State | None = (self.worker, self.boxes)
        for cell in plan[1:]:
            state = None if state is None else _moved(self.walls, state, cell)
        return state is not None and state[1] == self.docks


def _moved(walls: frozenset[Cell], state: _State, cell: Cell) -> _State | None:
    (x, y), boxes = state
    dx, dy = cell[0] - x, cell[1] - y
    # The outer wall is whole, so that nothing can be outside of it.
    if abs(dx) + abs(dy) != 1 or cell in walls:
        return None
    if cell not in boxes:
        return cell, boxes
    pushed = (cell[0] + dx, cell[1] + dy)
    return None if pushed in walls or pushed in boxes else (cell, boxes - {cell} | {pushed})


def _solution(walls: frozenset[Cell], first: _State, docks: frozenset[Cell]) -> tuple[Cell, ...] | None:
    before: dict[_State, _State] = {first: first}
    queue = deque([first])
    while queue and len(before) < 20_000:
        state = queue.popleft()
        if state[1] == docks:
            way = [state]
            while way[-1] != first:
                way.append(before[way[-1]])
            return tuple(worker for worker, _ in way[::-1])
        for dx, dy in STEPS:
            after = _moved(walls, state, (state[0][0] + dx, state[0][1] + dy))
            if after is not None and after not in before:
                before[after] = state
                queue.append(after)
    return None


def _words(cells: frozenset[Cell], word: str) -> str:
    return " ".join(f"{word} {x} {y}" for x, y in sorted(cells))


def _pushed(item: BoxItem, rule: str, state: _Loose, cell: Cell) -> tuple[_Loose, bool] | None:
    """The state after a step to a cell beside, once a rule is dropped, and whether the rule forbids it; None where another one does."""
    (x, y), boxes = state
    past = (2 * cell[0] - x, 2 * cell[1] - y)
    if cell not in boxes:
        return None if cell in item.walls else ((cell, boxes), False)
    rest = list(boxes)
    rest.remove(cell)
    if past in item.walls:
        if rule == "wall: entered" and past not in boxes:
            return (cell, tuple(sorted((*rest, past)))), True
        return ((cell, boxes), True) if rule == "wall: passed" else None
    if past not in boxes:
        return (cell, tuple(sorted((*rest, past)))), False
    beyond = (2 * past[0] - cell[0], 2 * past[1] - cell[1])
    match rule:
        case "box: merged":
            return (cell, tuple(rest)), True
        case "box: stacked":
            return (cell, tuple(sorted((*rest, past)))), True
        case "box: passed":
            return (cell, boxes), True
        case "box: two pushed" if beyond not in item.walls and beyond not in boxes:
            rest.remove(past)
            return (cell, tuple(sorted((*rest, past, beyond)))), True
        case _:
            return None


_WORLDS = {
    "box into wall": ("wall: entered", "wall: passed"),
    "box into box": ("box: merged", "box: stacked", "box: passed", "box: two pushed"),
}
"""What may become of a box that is pushed although it cannot be, by the rule that forbids it."""


def _cheats(item: BoxItem, world: str) -> tuple[Cell, ...] | None:
    """A plan that leaves the boxes on docks in a world without one rule of pushing, and breaks that rule."""

    def moves(state: _Loose) -> Iterator[tuple[Cell, _Loose, bool]]:
        for dx, dy in STEPS:
            cell = (state[0][0] + dx, state[0][1] + dy)
            found = _pushed(item, world, state, cell)
            if found is not None:
                yield cell, *found

    docks = tuple(sorted(item.docks))
    is_merged = world == "box: merged"  # then a box is gone, and a checker sees none that is off its dock
    found = cheat(
        (item.worker, tuple(sorted(item.boxes))), moves, lambda state: state[1] == docks or (is_merged and item.docks.issuperset(state[1]))
    )
    return None if found is None else (item.worker, *found)


def _make(count: int, rng: np.random.Generator) -> list[BoxItem]:
    """Rooms in which each rule of pushing can be broken alone, in one way at least."""
    made: list[BoxItem] = []
    while len(made) < count:
        cols, rows = (int(side) for side in rng.integers(5, 8, size=2))
        item = _drawn(len(made), cols, rows, 1 + len(made) % 2, rng)
        rules = list(_WORLDS)[: 1 if item is None else len(item.boxes)]
        if item is not None and all(any(_cheats(item, world) for world in _WORLDS[rule]) for rule in rules):
            made.append(item)
    return made


def _drawn(number: int, cols: int, rows: int, n: int, rng: np.random.Generator) -> BoxItem | None:
    cells = [(x, y) for x in range(cols) for y in range(rows)]
    border = frozenset((x, y) for x, y in cells if x in (0, cols - 1) or y in (0, rows - 1))
    inner = [cell for cell in cells if cell not in border]
    inner = [inner[int(at)] for at in rng.permutation(len(inner))]
    worker, boxes, docks = inner[0], frozenset(inner[1 : 1 + n]), frozenset(inner[3 : 3 + n])
    walls = border | frozenset(inner[5 : 5 + int(rng.integers(1, 4))])
    way = _solution(walls, (worker, boxes), docks)
    if way is None or len(way) < 4:
        return None
    words = f"worker {worker[0]} {worker[1]} {_words(boxes, 'box')} {_words(docks, 'dock')} {_words(walls, 'wall')}"
    problem = Problem(id=f"sokoban-{number}", question=words, kind=AnswerKind.EXACT)
    return BoxItem(problem=problem, cols=cols, rows=rows, walls=walls, worker=worker, boxes=boxes, docks=docks, way=way)


def _shifted(item: BoxItem) -> Iterator[str]:
    yield from wrong_only(item, shifts(item.way, item.cols))


def _through(item: BoxItem) -> Iterator[str]:
    """Blocked moves, which a checker that skips them does not see: into a wall and back, at every place of the plan."""
    plans: list[Sequence[Cell]] = []
    for at, (x, y) in enumerate(item.way):
        for dx, dy in STEPS:
            beside = (x + dx, y + dy)
            if beside in item.walls:
                plans += [(*item.way[: at + 1], beside, *item.way[at:]), (*item.way[: at + 1], beside, *item.way[at + 1 :])]
                plans.append((*item.way[: at + 1], *[beside] * 3, *item.way[at:]))
    yield from wrong_only(item, iter(plans))


def _outer(item: BoxItem) -> Iterator[str]:
    """Through the outer wall, round the room, and in again."""
    x, y = item.worker
    right, bottom = item.cols - 1, item.rows - 1
    out = [
        *((x, row) for row in range(y, -1, -1)),
        *((col, 0) for col in range(x + 1, right + 1)),
        *((right, row) for row in range(1, bottom + 1)),
    ]
    yield from wrong_only(item, iter((out, [*out, *out[::-1][1:], *item.way[1:]])))
    beyond = [*((col, y) for col in range(x, right + 3)), *((col, y) for col in range(right + 1, x - 1, -1)), *item.way[1:]]
    yield from wrong_only(item, iter((beyond, [(a + 10**6, b) for a, b in item.way], [item.worker, *item.docks])))


def _into(item: BoxItem, *, rule: str) -> Iterator[str]:
    yield from wrong_only(item, (_cheats(item, world) or () for world in _WORLDS[rule]))


def _pushes(item: BoxItem) -> Iterator[str]:
    """Walks straight to docks and through boxes, as if they could be passed, pulled or pushed two at a time."""
    free = frozenset((x, y) for x in range(item.cols) for y in range(item.rows)) - item.walls
    plans: list[Sequence[Cell]] = []
    for box in sorted(item.boxes):
        to = shortest(item.worker, box, free) or ()
        plans += [to, (*to, *reversed(to[:-1]))]
        for dock in sorted(item.docks):
            onward = shortest(box, dock, free)
            plans += [(*to, *onward[1:])] if to and onward else []
    for dock in sorted(item.docks):
        plans.append(shortest(item.worker, dock, free - item.boxes) or ())
    yield from wrong_only(item, iter(plans))


def _ends(item: BoxItem) -> Iterator[str]:
    way = item.way
    x, y = item.worker
    plans: list[Sequence[Cell]] = [way[::-1], way[1:-1], (way[0], way[-1])]
    plans += [way[:at] for at in range(1, len(way))] + [way[at:] for at in range(1, len(way))]
    plans += [((x + dx, y + dy), *way) for dx, dy in STEPS]
    plans += [way[:at] + way[at + 1 :] for at in range(1, len(way) - 1)]
    plans += [way[: at + 1] + way[at:] for at in range(len(way))]
    yield from wrong_only(item, iter(plans))


def _syntax(item: BoxItem) -> Iterator[str]:
    plan, (x, y) = plan_text(item.way), item.worker
    rest = plan_text(item.way[1:])
    yield from (
        plan.replace("plan", "create"),
        f"plan {x} {y} create {rest[5:]}",
        plan.replace("plan ", ""),
        plan + " banana",
        plan + " plan",
        plan + " 7",
    )
    yield from (
        f"plan {x}.0 {y} {rest}",
        f"plan 0x{x} {y} {rest}",
        f"plan +{x} {y} {rest}",
        f"plan {chr(0x660 + x)} {y} {rest}",
        f"plan {chr(0xFF10 + x)} {y} {rest}",
    )
    yield from (
        f"plan {x + 2**64} {y} {rest}",
        f"plan {'9' * 5000} {y} {rest}",
        f"plan {x}\u200b {y} {rest}",
        f"plan {x} plan {y} {rest}",
        plan.replace(" ", ","),
    )


def _replaced(item: BoxItem) -> Iterator[str]:
    x, y = item.worker
    docks = sorted(item.docks)
    yield f"worker {x} {y} {_words(item.docks, 'box')} {_words(item.docks, 'dock')} plan {x} {y}"
    yield f"plan {x} {y} {_words(item.docks, 'box')}"
    yield f"{_words(item.docks, 'box')} plan {x} {y}"
    yield f"create worker {x} {y} c9 c0 close worker {x} {y} c9 c0 plan {x} {y}"
    yield from wrong_only(item, iter(([*item.way[:2], *item.way], [*item.way, *item.way], [item.worker, *docks])))


def _nothing(item: BoxItem) -> Iterator[str]:
    yield from noise.NOTHING
    yield from ("plan", "plan plan", "plan 0", "no plan", "plan 1 1", "plan 0 0 plan 0 1", f"plan {item.worker[0]} {item.worker[1]}")


def _long(item: BoxItem) -> Iterator[str]:
    yield from noise.ENORMOUS
    yield plan_text([item.worker, (0, 0)] * 3000)
    yield "plan " * 20_000


def _right(item: BoxItem) -> Iterator[str]:
    plans: list[Sequence[Cell]] = [item.way]
    for dx, dy in STEPS:
        beside = (item.worker[0] + dx, item.worker[1] + dy)
        if beside not in item.boxes:
            plans.append((item.worker, beside, *item.way))
    yield from (plan_text(plan) for plan in plans if item.solves(plan))


def _convention(item: BoxItem) -> Iterator[str]:
    plan = plan_text(item.way)
    yield from (plan.replace(" ", "\n"), f"  {plan}\n", f"plan 0{item.worker[0]} {item.worker[1]} {plan_text(item.way[1:])}")
    yield plan_text((*item.way, item.way[-2]))


SOKOBAN: Surface[BoxItem] = Surface(
    name="sokoban",
    make=_make,
    of=lambda problem: None,
    problem=lambda item: item.problem,
    attacks=(
        wrong_answers("shifted plan", "moved, mirrored or transposed; the audit's own replay finds it no solution", _shifted),
        wrong_answers("blocked moves", "the worker enters a wall; skipping that move would give a solution", _through),
        wrong_answers("outer wall", "the worker leaves the room through its outer wall", _outer),
        wrong_answers(
            "box into wall",
            "reaches the docks because a box goes into a wall, or is passed before one; no other rule is broken",
            partial(_into, rule="box into wall"),
        ),
        wrong_answers(
            "box into box",
            "reaches the docks because a box goes into another, pushes it, or is passed before it; no other rule is broken",
            partial(_into, rule="box into box"),
        ),
        wrong_answers("boxes passed", "boxes are walked through, pulled or pushed into something", _pushes),
        wrong_answers("wrong ends, jumps", "wrong start, boxes left off the docks, or cells that are not neighbours", _ends),
        wrong_answers("plan syntax", "the right cells, not written in the grammar of a plan", _syntax),
        wrong_answers("another problem", "the answer restates the problem with the boxes on the docks", _replaced),
        wrong_answers("nothing said", "constants and empty texts, none of them a solution", _nothing),
        wrong_answers("enormous", "long texts that solve nothing", _long),
        right_answers("right, other ways", "the audit's own replay leaves every box on a dock", _right),
        open_answers("conventions", "line breaks, leading zeros, walking on when all is done", _convention),
    ),
)
"""Plans of Sokoban."""
