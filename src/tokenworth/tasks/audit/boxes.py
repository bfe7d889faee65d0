"""Attacks on checkers of Sokoban plans: the cells of the worker, ``plan X Y plan X Y …``, in the words of SearchFormer."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tokenworth.core.problem import AnswerKind, Problem
from tokenworth.tasks.audit import noise
from tokenworth.tasks.audit.attack import Attack, Claim, Surface
from tokenworth.tasks.audit.mazes import STEPS, Cell, plan_text, shifts, shortest, wrong_only

_SIDE = 7
_State = tuple[Cell, frozenset[Cell]]


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxItem:
    """A walled room with boxes and docks, and a shortest plan."""

    problem: Problem
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
    if abs(dx) + abs(dy) != 1 or cell in walls or min(cell) < 0 or max(cell) >= _SIDE:
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


def _make(count: int, rng: np.random.Generator) -> list[BoxItem]:
    made: list[BoxItem] = []
    border = frozenset((x, y) for x in range(_SIDE) for y in range(_SIDE) if x in (0, _SIDE - 1) or y in (0, _SIDE - 1))
    inner = [(x, y) for x in range(1, _SIDE - 1) for y in range(1, _SIDE - 1)]
    while len(made) < count:
        n = 1 + int(rng.integers(2))
        cells = [inner[int(at)] for at in rng.permutation(len(inner))]
        worker, boxes, docks = cells[0], frozenset(cells[1 : 1 + n]), frozenset(cells[3 : 3 + n])
        walls = border | frozenset(cells[5 : 5 + int(rng.integers(1, 4))])
        way = _solution(walls, (worker, boxes), docks)
        if way is None or len(way) < 4:
            continue
        words = f"worker {worker[0]} {worker[1]} {_words(boxes, 'box')} {_words(docks, 'dock')} {_words(walls, 'wall')}"
        problem = Problem(id=f"sokoban-{len(made)}", question=words, kind=AnswerKind.EXACT)
        made.append(BoxItem(problem=problem, walls=walls, worker=worker, boxes=boxes, docks=docks, way=way))
    return made


def _shifted(item: BoxItem, rng: np.random.Generator) -> Iterator[str]:
    del rng
    yield from wrong_only(item, shifts(item.way, _SIDE))


def _through(item: BoxItem, rng: np.random.Generator) -> Iterator[str]:
    """Blocked moves, which a checker that skips them does not see: into a wall and back, at every place of the plan."""
    del rng
    plans: list[Sequence[Cell]] = []
    for at, (x, y) in enumerate(item.way):
        for dx, dy in STEPS:
            beside = (x + dx, y + dy)
            if beside in item.walls:
                plans += [(*item.way[: at + 1], beside, *item.way[at:]), (*item.way[: at + 1], beside, *item.way[at + 1 :])]
                plans.append((*item.way[: at + 1], *[beside] * 3, *item.way[at:]))
    yield from wrong_only(item, iter(plans))


def _outer(item: BoxItem, rng: np.random.Generator) -> Iterator[str]:
    """Through the outer wall, round the room, and in again."""
    del rng
    x, y = item.worker
    out = [
        *((x, row) for row in range(y, -1, -1)),
        *((col, 0) for col in range(x + 1, _SIDE)),
        *((_SIDE - 1, row) for row in range(1, _SIDE)),
    ]
    yield from wrong_only(item, iter((out, [*out, *out[::-1][1:], *item.way[1:]])))
    beyond = [*((col, y) for col in range(x, _SIDE + 2)), *((col, y) for col in range(_SIDE, x - 1, -1)), *item.way[1:]]
    yield from wrong_only(item, iter((beyond, [(a + 10**6, b) for a, b in item.way], [item.worker, *item.docks])))


def _pushes(item: BoxItem, rng: np.random.Generator) -> Iterator[str]:
    """Walks straight to docks and through boxes, as if they could be passed, pulled or pushed two at a time."""
    del rng
    free = frozenset((x, y) for x in range(_SIDE) for y in range(_SIDE)) - item.walls
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


def _ends(item: BoxItem, rng: np.random.Generator) -> Iterator[str]:
    del rng
    way = item.way
    plans: list[Sequence[Cell]] = [way[::-1], way[:-1], way[1:], way[1:-1], way[:1], way[-1:], way[: len(way) // 2], (way[0], way[-1])]
    plans += [way[:at] + way[at + 1 :] for at in range(1, len(way) - 1)]
    plans += [way[: at + 1] + way[at:] for at in range(len(way))]
    yield from wrong_only(item, iter(plans))


def _syntax(item: BoxItem, rng: np.random.Generator) -> Iterator[str]:
    del rng
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


def _replaced(item: BoxItem, rng: np.random.Generator) -> Iterator[str]:
    del rng
    x, y = item.worker
    docks = sorted(item.docks)
    yield f"worker {x} {y} {_words(item.docks, 'box')} {_words(item.docks, 'dock')} plan {x} {y}"
    yield f"plan {x} {y} {_words(item.docks, 'box')}"
    yield f"{_words(item.docks, 'box')} plan {x} {y}"
    yield f"create worker {x} {y} c9 c0 close worker {x} {y} c9 c0 plan {x} {y}"
    yield from wrong_only(item, iter(([*item.way[:2], *item.way], [*item.way, *item.way], [item.worker, *docks])))


def _nothing(item: BoxItem, rng: np.random.Generator) -> Iterator[str]:
    del rng
    yield from noise.empty_texts()
    yield from ("plan", "plan plan", "plan 0", "no plan", "plan 1 1", "plan 0 0 plan 0 1", f"plan {item.worker[0]} {item.worker[1]}")


def _long(item: BoxItem, rng: np.random.Generator) -> Iterator[str]:
    del rng
    yield from noise.enormous_texts()
    yield plan_text([item.worker, (0, 0)] * 3000)
    yield "plan " * 20_000


def _right(item: BoxItem, rng: np.random.Generator) -> Iterator[str]:
    del rng
    plans: list[Sequence[Cell]] = [item.way]
    for dx, dy in STEPS:
        beside = (item.worker[0] + dx, item.worker[1] + dy)
        if beside not in item.boxes:
            plans.append((item.worker, beside, *item.way))
    yield from (plan_text(plan) for plan in plans if item.solves(plan))


def _convention(item: BoxItem, rng: np.random.Generator) -> Iterator[str]:
    del rng
    plan = plan_text(item.way)
    yield from (plan.replace(" ", "\n"), f"  {plan}\n", f"plan 0{item.worker[0]} {item.worker[1]} {plan_text(item.way[1:])}")
    yield plan_text((*item.way, item.way[-2]))


SOKOBAN: Surface[BoxItem] = Surface(
    name="sokoban",
    make=_make,
    of=lambda problem: None,
    problem=lambda item: item.problem,
    attacks=(
        Attack(
            name="shifted plan",
            claim=Claim.WRONG,
            truth="moved, mirrored or transposed; the audit's own replay finds it no solution",
            texts=_shifted,
        ),
        Attack(
            name="blocked moves",
            claim=Claim.WRONG,
            truth="the worker enters a wall; skipping that move would give a solution",
            texts=_through,
        ),
        Attack(name="outer wall", claim=Claim.WRONG, truth="the worker leaves the room through its outer wall", texts=_outer),
        Attack(name="boxes passed", claim=Claim.WRONG, truth="boxes are walked through, pulled or pushed into something", texts=_pushes),
        Attack(
            name="wrong ends, jumps",
            claim=Claim.WRONG,
            truth="wrong start, boxes left off the docks, or cells that are not neighbours",
            texts=_ends,
        ),
        Attack(name="plan syntax", claim=Claim.WRONG, truth="the right cells, not written in the grammar of a plan", texts=_syntax),
        Attack(
            name="another problem", claim=Claim.WRONG, truth="the answer restates the problem with the boxes on the docks", texts=_replaced
        ),
        Attack(name="nothing said", claim=Claim.WRONG, truth="constants and empty texts, none of them a solution", texts=_nothing),
        Attack(name="enormous", claim=Claim.WRONG, truth="long texts that solve nothing", texts=_long),
        Attack(name="right, other ways", claim=Claim.RIGHT, truth="the audit's own replay leaves every box on a dock", texts=_right),
        Attack(name="conventions", claim=Claim.OPEN, truth="line breaks, leading zeros, walking on when all is done", texts=_convention),
    ),
)
"""Plans of Sokoban."""
