"""The checkers of formal answers: toy ones with known faults are exposed, those of the package survive."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tests.audit.cards import card_of, fooled
from tests.audit.formal import CHECKERS, checker_named
from tokenworth.core.problem import Problem
from tokenworth.report.sections.audit import card_text
from tokenworth.tasks.audit.attack import Check
from tokenworth.tasks.audit.card import audit

Cell = tuple[int, int]


def _cells(text: str) -> list[Cell]:
    return [(int(x), int(y)) for x, y in re.findall(r"(?a:plan|create|goal) (?a:(\d{1,6})) (?a:(\d{1,6}))(?!\S)", text)]


def _world(problem: Problem) -> dict[str, list[Cell]]:
    words = problem.question.split()
    found: dict[str, list[Cell]] = {}
    for word, x, y in zip(words[::3], words[1::3], words[2::3], strict=True):
        found.setdefault(word, []).append((int(x), int(y)))
    return found


def _steps(plan: list[Cell]) -> bool:
    return all(abs(a - c) + abs(b - d) == 1 for (a, b), (c, d) in zip(plan, plan[1:], strict=False))


def ignores_plan_syntax(problem: Problem, text: str) -> bool:
    """Replays whatever cells stand after any word; says nothing of the words."""
    plan, world = _cells(text), _world(problem)
    free = not set(plan) & set(world["wall"])
    return bool(plan) and plan[0] == world["start"][0] and plan[-1] == world["goal"][0] and free and _steps(plan)


def walks_through_walls(problem: Problem, text: str) -> bool:
    plan, world = _cells(text), _world(problem)
    return bool(plan) and plan[0] == world["start"][0] and plan[-1] == world["goal"][0] and _steps(plan)


def leaves_the_grid(problem: Problem, text: str) -> bool:
    """Asks that no cell is a wall, and never whether it is on the grid."""
    whole = re.fullmatch(r"(?a:plan \d{1,6} \d{1,6})(?a: plan \d{1,6} \d{1,6})*", text)
    return whole is not None and ignores_plan_syntax(problem, text)


def skips_blocked_moves(problem: Problem, text: str) -> bool:
    """Turns a Sokoban plan into moves and skips those that are blocked; where the plan starts is never compared."""
    plan, world = _cells(text), _world(problem)
    worker, boxes, walls = world["worker"][0], set(world["box"]), set(world["wall"])
    for (x, y), (a, b) in zip(plan, plan[1:], strict=False):
        step = (a - x, b - y)
        to = (worker[0] + step[0], worker[1] + step[1])
        beyond = (to[0] + step[0], to[1] + step[1])
        if to in walls or (to in boxes and (beyond in walls or beyond in boxes)):
            continue
        if to in boxes:
            boxes = boxes - {to} | {beyond}
        worker = to
    return boxes == set(world["dock"])


def never_removes_used_numbers(problem: Problem, text: str) -> bool:
    """Every operation is right and takes numbers that were there once; none is ever used up."""
    pool = {int(n) for n in re.findall(r"[0-9]{1,9}", problem.question.partition("[")[2])}
    target = int(re.findall(r"([0-9]{1,9}):\[", problem.question)[0])
    last = None
    for a, op, b, c in re.findall(r"Exploring Operation: ([0-9]{1,9})([-+*/])([0-9]{1,9})=([0-9]{1,9}),", text):
        x, y = int(a), int(b)
        value = {"+": x + y, "-": x - y, "*": x * y}.get(op, x / y if y else None)
        if x not in pool or y not in pool or value != int(c):
            return False
        pool.add(int(c))
        last = int(c)
    return last == target


@pytest.mark.parametrize(
    ("kind", "check", "attacks"),
    [
        ("maze", ignores_plan_syntax, {"plan syntax"}),
        ("maze", walks_through_walls, {"through walls"}),
        ("maze", leaves_the_grid, {"out of bounds"}),
        ("sokoban", skips_blocked_moves, {"shifted plan", "blocked moves", "outer wall"}),
        ("countdown", never_removes_used_numbers, {"number reuse", "numbers unused"}),
    ],
)
def test_known_faults_are_exposed(kind: str, check: Check, attacks: set[str]) -> None:
    card = card_of(kind, check, items=8)
    assert attacks <= set(fooled(card)) and not card.is_sound, fooled(card)
    assert "UNSOUND" in card_text(card)


@pytest.mark.parametrize("name", [name for name in CHECKERS if name != "blocksworld"])
def test_the_checkers_of_the_package_survive(name: str) -> None:
    checker = checker_named(name)
    items = checker.surface.make(2, np.random.default_rng(11))
    card = audit(checker.check, checker.surface, items, grader=name, version=checker.version, seed=11)
    assert card.wrong_tried >= 100 and card.right_tried >= 2
    assert (fooled(card), card.incomplete, card.failed) == ({}, 0, 0), card_text(card)


def test_blocksworld_survives() -> None:
    pytest.importorskip("unified_planning")
    checker = checker_named("blocksworld")
    card = audit(checker.check, checker.surface, checker.surface.make(1, np.random.default_rng(1)), grader="b", version="", seed=1)
    assert (fooled(card), card.incomplete, card.failed) == ({}, 0, 0), card_text(card)


@pytest.mark.parametrize("name", ["maze", "maze-searchformer"])
def test_mazes_of_unequal_sides_are_judged_by_their_own_sides(name: str) -> None:
    checker = checker_named(name)
    items = [item for item in checker.surface.make(12, np.random.default_rng(2)) if item.cols != item.rows][:3]
    card = audit(checker.check, checker.surface, items, grader=name, version=checker.version, seed=2)
    assert (card.unsound, card.incomplete, card.failed, card.unknown) == (0, 0, 0, 0), card_text(card)
    tried = {row.attack: row.items for row in card.rows}
    assert tried["sides exchanged"] == tried["no left edge"] == len(items) == 3
