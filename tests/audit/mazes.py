"""Attacks on checkers of maze plans: ``plan X Y plan X Y …`` in the words of SearchFormer and Beyond Semantics."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

import numpy as np

from tests.audit.relaxed import cheat
from tokenworth.core.problem import AnswerKind, Problem
from tokenworth.tasks.audit import noise
from tokenworth.tasks.audit.attack import Surface, open_answers, right_answers, wrong_answers

Cell = tuple[int, int]
STEPS: tuple[Cell, ...] = ((0, -1), (1, 0), (0, 1), (-1, 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class MazeItem:
    """A maze with a shortest way through it. The corner opposite to the origin is a wall, so that the prompt tells both sides."""

    problem: Problem
    cols: int
    rows: int
    walls: frozenset[Cell]
    start: Cell
    goal: Cell
    way: tuple[Cell, ...]

    @property
    def grid(self) -> frozenset[Cell]:
        """All cells, walls among them."""
        return frozenset((x, y) for x in range(self.cols) for y in range(self.rows))

    def solves(self, plan: Sequence[Cell]) -> bool:
        """Whether a list of cells leads from start to goal over free cells of the grid, one step at a time."""
        inside = all(0 <= x < self.cols and 0 <= y < self.rows and (x, y) not in self.walls for x, y in plan)
        steps = all(abs(a - c) + abs(b - d) == 1 for (a, b), (c, d) in zip(plan, plan[1:], strict=False))
        return bool(plan) and plan[0] == self.start and plan[-1] == self.goal and inside and steps


def plan_text(plan: Sequence[Cell]) -> str:
    """The plan in words."""
    return " ".join(f"plan {x} {y}" for x, y in plan)


def shortest(start: Cell, goal: Cell, free: frozenset[Cell], order: Sequence[Cell] = STEPS) -> tuple[Cell, ...] | None:
    """A shortest way over free cells, by breadth-first search; None where there is none."""
    before: dict[Cell, Cell] = {start: start}
    queue = deque([start])
    while queue and goal not in before:
        x, y = queue.popleft()
        for dx, dy in order:
            beside = (x + dx, y + dy)
            if beside in free and beside not in before:
                before[beside] = (x, y)
                queue.append(beside)
    if goal not in before:
        return None
    way = [goal]
    while way[-1] != start:
        way.append(before[way[-1]])
    return tuple(way[::-1])


Bent = tuple[Callable[[Cell], bool], tuple[Cell, ...]]
"""A dropped rule: which cells may be entered beside the free ones, and which steps may be made beside the four."""
_DIAGONAL: tuple[Cell, ...] = ((1, 1), (1, -1), (-1, 1), (-1, -1))


def _bent(item: MazeItem) -> dict[str, Bent]:
    """Every rule of a walk, dropped alone."""
    cols, rows, walls = item.cols, item.rows, item.walls
    wide = ((cols - 1, 0), (1 - cols, 0), (0, rows - 1), (0, 1 - rows))
    return {
        "no left edge": (lambda cell: cell[0] == -1 and 0 <= cell[1] < rows, ()),
        "no top edge": (lambda cell: cell[1] == -1 and 0 <= cell[0] < cols, ()),
        "no right edge": (lambda cell: cell[0] == cols and 0 <= cell[1] < rows, ()),
        "no bottom edge": (lambda cell: cell[1] == rows and 0 <= cell[0] < cols, ()),
        "sides exchanged": (lambda cell: 0 <= cell[0] < rows and 0 <= cell[1] < cols and cell not in walls, ()),
        "negative index": (
            lambda cell: -cols <= cell[0] < cols and -rows <= cell[1] < rows and (cell[0] % cols, cell[1] % rows) not in walls,
            (),
        ),
        "edges joined": (lambda cell: False, wide),
        "no walls": (lambda cell: cell in walls, ()),
        "diagonal steps": (lambda cell: False, _DIAGONAL),
        "leaps": (lambda cell: False, ((2, 0), (-2, 0), (0, 2), (0, -2))),
    }


def _cheats(item: MazeItem, rule: str) -> Iterator[tuple[Cell, ...]]:
    """A walk to the goal that breaks this rule and no other; over joined edges also with numbers that run on."""
    may_enter, steps = _bent(item)[rule]
    free = item.grid - item.walls

    def moves(cell: Cell) -> Iterator[tuple[Cell, Cell, bool]]:
        for dx, dy in STEPS:
            beside = (cell[0] + dx, cell[1] + dy)
            if beside in free or may_enter(beside):
                yield beside, beside, beside not in free
        for dx, dy in steps:
            beside = (cell[0] + dx, cell[1] + dy)
            if beside in free:
                yield beside, beside, True

    way = cheat(item.start, moves, lambda cell: cell == item.goal)
    if way is None:
        return
    yield (item.start, *way)
    if rule == "edges joined":
        x, y = item.start
        unrolled = [item.start]
        for (a, b), (c, d) in zip((item.start, *way), way, strict=False):
            x, y = (at + (step if abs(step) == 1 else (step < 0) - (step > 0)) for at, step in ((x, c - a), (y, d - b)))
            unrolled.append((x, y))
        yield tuple(unrolled)


def _make(count: int, rng: np.random.Generator) -> list[MazeItem]:
    return _made(count, rng, is_square=False)


def _made(count: int, rng: np.random.Generator, *, is_square: bool) -> list[MazeItem]:
    """Mazes on which each rule can be broken alone; sides can be exchanged only where they differ."""
    made: list[MazeItem] = []
    while len(made) < count:
        cols, rows = (int(side) for side in rng.integers(4, 9, size=2))
        item = _drawn(len(made), cols, cols if is_square else rows, rng)
        if item is not None and all(any(_cheats(item, rule)) or (item.cols == item.rows and rule == "sides exchanged") for rule in _RULES):
            made.append(item)
    return made


def _drawn(number: int, cols: int, rows: int, rng: np.random.Generator) -> MazeItem | None:
    last = (cols - 1, rows - 1)
    cells = sorted(frozenset((x, y) for x in range(cols) for y in range(rows)) - {last})
    picked = [cells[int(at)] for at in rng.permutation(len(cells))[: 2 + int(len(cells) * rng.uniform(0.25, 0.45))]]
    start, goal, walls = picked[0], picked[1], frozenset(picked[2:]) | {last}
    way = shortest(start, goal, (frozenset(cells) | {last}) - walls)
    if way is None or len(way) < 4:
        return None
    listed = sorted(walls, key=lambda cell: (cell[1], cell[0]))
    words = f"start {start[0]} {start[1]} goal {goal[0]} {goal[1]} " + " ".join(f"wall {x} {y}" for x, y in listed)
    problem = Problem(id=f"maze-{number}", question=words, kind=AnswerKind.EXACT)
    return MazeItem(problem=problem, cols=cols, rows=rows, walls=walls, start=start, goal=goal, way=way)


class Walk(Protocol):
    """A problem of the audit's own whose answers are cells in order."""

    def solves(self, plan: Sequence[Cell]) -> bool:
        """Whether these cells are an answer."""
        ...


def wrong_only(item: Walk, plans: Iterable[Sequence[Cell]]) -> Iterator[str]:
    """The texts of the plans that are not empty and solve nothing."""
    yield from (plan_text(plan) for plan in plans if plan and not item.solves(plan))


def shifts(way: Sequence[Cell], side: int) -> Iterator[list[Cell]]:
    """The way moved by up to two cells wherever no coordinate falls below 0, then transposed, then mirrored."""
    for dx, dy in ((dx, dy) for dx in range(-2, 3) for dy in range(-2, 3) if (dx, dy) != (0, 0)):
        plan = [(x + dx, y + dy) for x, y in way]
        if min(min(cell) for cell in plan) >= 0:
            yield plan
    yield [(y, x) for x, y in way]
    yield [(side - 1 - x, y) for x, y in way]


def _shifted(item: MazeItem) -> Iterator[str]:
    yield from wrong_only(item, shifts(item.way, item.cols))


def _through(item: MazeItem, rng: np.random.Generator) -> Iterator[str]:
    everywhere = shortest(item.start, item.goal, item.grid)
    plans: list[Sequence[Cell]] = [everywhere or ()]
    for _ in range(4):
        order = [STEPS[int(at)] for at in rng.permutation(4)]
        plans.append(shortest(item.start, item.goal, item.grid, order) or ())
    for at, (x, y) in enumerate(item.way):  # into a wall beside the way, and back
        plans += [(*item.way[: at + 1], (x + dx, y + dy), *item.way[at:]) for dx, dy in STEPS if (x + dx, y + dy) in item.walls]
    yield from wrong_only(item, iter(plans))


def _outside(item: MazeItem) -> Iterator[str]:
    cols, rows = item.cols, item.rows
    ring = frozenset((cols, y) for y in range(rows + 1)) | frozenset((x, rows) for x in range(cols + 1))
    free = item.grid - item.walls | ring
    for y in range(rows):
        out = shortest(item.start, (cols, y), free)
        back = shortest((cols, y), item.goal, free)
        if out and back:
            yield from wrong_only(item, iter([(*out, *back[1:])]))
            break
    far = [(x + 10**6, y) for x, y in item.way]
    yield from wrong_only(item, iter([far, [item.start, *far, item.goal]]))
    yield plan_text(item.way[:1]) + f" plan {item.start[0] - 1} {item.start[1] - rows} " + plan_text(item.way)


def _jumps(item: MazeItem) -> Iterator[str]:
    way = item.way
    plans: list[Sequence[Cell]] = [(item.start, item.goal)]
    plans += [way[:at] + way[at + 1 :] for at in range(1, len(way) - 1)]
    plans += [way[: at + 1] + way[at:] for at in range(len(way))]
    plans += [(*way, *way), (*way[::-1], *way), (*way[:2], *way)]
    yield from wrong_only(item, iter(plans))


def _ends(item: MazeItem) -> Iterator[str]:
    way = item.way
    plans: list[Sequence[Cell]] = [way[::-1], way[:-1], way[1:], way[1:-1], (item.start,), (item.goal,), (*way, way[-2])]
    yield from wrong_only(item, iter(plans))


def _syntax(item: MazeItem) -> Iterator[str]:
    """The right cells, not written as ``(plan X Y)+``."""
    plan, (x, y) = plan_text(item.way), item.start
    rest = plan_text(item.way[1:])
    yield from (
        plan.replace("plan", "create"),
        f"plan {x} {y} create {rest[5:]}",
        f"plan {x} {y} goal {rest[5:]}",
        plan.replace("plan ", ""),
    )
    yield from (
        plan + " banana",
        plan + " plan",
        plan + " plan 1",
        f"{plan} 7",
        plan.replace("plan", "Plan"),
        plan.replace(" ", ""),
        plan.replace(" ", ","),
    )
    yield from (
        f"plan {x}.0 {y} {rest}",
        f"plan 0x{x} {y} {rest}",
        f"plan {x}e0 {y} {rest}",
        f"plan {x}_ {y} {rest}",
        f"plan +{x} {y} {rest}",
        f"plan -{x + 1} {y} {rest}",
    )
    yield from (
        f"plan {chr(0x660 + x)} {y} {rest}",
        f"plan {chr(0xFF10 + x)} {y} {rest}",
        f"plan {x} {y} plan {rest}",
        f"plan {x} plan {y} {rest}",
    )
    yield from (
        f"plan {x + 2**64} {y} {rest}",
        f"plan {'9' * 5000} {y} {rest}",
        f"plan {x}\u200b {y} {rest}",
        f"plan {x}\x00 {y} {rest}",
        f"[{plan}]",
    )


def _replaced(item: MazeItem) -> Iterator[str]:
    """Answers that bring a problem of their own."""
    (x, y), (a, b) = item.start, item.goal
    yield f"start {a} {b} goal {a} {b} plan {a} {b}"
    yield f"plan {a} {b} start {a} {b} goal {a} {b}"
    yield f"start {x} {y} goal {x} {y} create {x} {y} c0 c0 close {x} {y} c0 c0 plan {x} {y}"
    yield f"query start {a} {b} goal {a} {b} reasoning solution plan {a} {b} end"
    yield f"goal {x} {y} plan {x} {y}"
    ahead = shortest(item.start, item.goal, item.grid)
    if ahead is not None and not item.solves(ahead):
        yield f"start {x} {y} goal {a} {b} {plan_text(ahead)}"
        yield f"{plan_text(ahead)} {plan_text(item.way)}"
    yield f"{plan_text(item.way[::-1])} {plan_text(item.way)}"


def _nothing(item: MazeItem) -> Iterator[str]:
    yield from noise.NOTHING
    yield from ("plan", "plan plan plan", "plan 0", "end", "solution end", "no plan", "plan X Y")
    yield from wrong_only(item, iter(([(0, 0)], [(0, 0), (0, 1)], [(0, 0), (1, 0)], [item.goal] * 3)))


def _long(item: MazeItem) -> Iterator[str]:
    yield from noise.ENORMOUS
    first, second = item.way[0], item.way[1]
    yield plan_text([first, second] * 3000)
    yield "plan " * 20_000


def _right(item: MazeItem, rng: np.random.Generator) -> Iterator[str]:
    free = item.grid - item.walls
    plans: list[Sequence[Cell]] = [item.way, (item.way[0], item.way[1], *item.way), (*item.way[:-1], item.way[-3], item.way[-2], item.goal)]
    for _ in range(4):
        plans.append(shortest(item.start, item.goal, free, [STEPS[int(at)] for at in rng.permutation(4)]) or ())
    yield from (plan_text(plan) for plan in plans if item.solves(plan))


def _convention(item: MazeItem) -> Iterator[str]:
    plan, (x, y) = plan_text(item.way), item.start
    yield from (
        plan.replace(" ", "\n"),
        f"  {plan}\n",
        f"plan 0{x} {y} {plan_text(item.way[1:])}",
        plan + " " + plan_text((item.way[-2], item.goal)),
    )


def _breaks(item: MazeItem, *, rule: str) -> Iterator[str]:
    yield from wrong_only(item, _cheats(item, rule))


_RULES = {
    "no left edge": "leaves the grid to the left only, and comes back",
    "no top edge": "leaves the grid at the top only, and comes back",
    "no right edge": "leaves the grid to the right only, and comes back",
    "no bottom edge": "leaves the grid at the bottom only, and comes back",
    "sides exchanged": "stays within rows by columns instead of columns by rows",
    "negative index": "leaves the grid only where an index counted from the end is free",
    "edges joined": "goes from one edge to the opposite one in a step",
    "no walls": "enters walls, and breaks no other rule",
    "diagonal steps": "has a diagonal step, and breaks no other rule",
    "leaps": "has a step of two cells, and breaks no other rule",
}
MAZE: Surface[MazeItem] = Surface(
    name="maze",
    make=_make,
    of=lambda problem: None,
    problem=lambda item: item.problem,
    attacks=(
        wrong_answers("shifted plan", "moved, mirrored or transposed; the audit's own walk finds it no solution", _shifted),
        wrong_answers("through walls", "the walk enters a wall of the prompt", drawn=_through),
        wrong_answers("out of bounds", "the walk leaves the grid", _outside),
        *(wrong_answers(name, truth, partial(_breaks, rule=name)) for name, truth in _RULES.items()),
        wrong_answers("jumps and pauses", "two cells in a row are not neighbours", _jumps),
        wrong_answers("wrong ends", "the walk does not begin at the start or does not end at the goal", _ends),
        wrong_answers("plan syntax", "the right cells, not written in the grammar of a plan", _syntax),
        wrong_answers("another problem", "the answer restates the problem, or gives two plans", _replaced),
        wrong_answers("nothing said", "constants and empty texts, none of them a solution", _nothing),
        wrong_answers("enormous", "long texts that never reach the goal", _long),
        right_answers("right, other ways", "the audit's own walk reaches the goal; shortest or with a detour", drawn=_right),
        open_answers("conventions", "line breaks, leading zeros, walking on after the goal", _convention),
    ),
)
"""Plans through a maze whose sides are those that the walls span."""


def _make_squares(count: int, rng: np.random.Generator) -> list[MazeItem]:
    return _made(count, rng, is_square=True)


SQUARE_MAZE: Surface[MazeItem] = replace(MAZE, make=_make_squares)
"""The same for checkers that know a maze by one side."""
