"""Checkers of formal answers that lack one rule each: the audit must expose every one, and leave the whole checker alone."""

from __future__ import annotations

import ast
import math
import re
from collections import Counter
from fractions import Fraction
from functools import lru_cache, partial

import numpy as np
import pytest

from tests.audit.formal import SURFACES
from tokenworth.core.problem import Problem
from tokenworth.tasks.audit.attack import Claim

Cell = tuple[int, int]
Case = tuple[Problem, str, Claim, str]
ITEMS = 12


@lru_cache
def cases(kind: str) -> list[Case]:
    """Every answer of every attack but the enormous ones: problem, attack, claim, text."""
    surface = SURFACES[kind]
    return [
        (surface.problem(item), attack.name, attack.claim, text)
        for item in surface.make(ITEMS, np.random.default_rng(5))
        for attack in surface.attacks
        for text in attack.answers(item, np.random.default_rng(0))
        if len(text) < 3000
    ]


def words(problem: Problem) -> dict[str, list[Cell]]:
    found: dict[str, list[Cell]] = {}
    said = problem.question.split()
    for word, x, y in zip(said[::3], said[1::3], said[2::3], strict=True):
        found.setdefault(word, []).append((int(x), int(y)))
    return found


def plan_of(text: str) -> list[Cell]:
    """The cells of a plan in its grammar, numbers below zero among them; nothing for another text."""
    if not re.fullmatch(r"(?a:plan -?\d{1,4} -?\d{1,4})(?a:\splan -?\d{1,4} -?\d{1,4})*\s*", text.strip()):
        return []
    return [(int(x), int(y)) for x, y in re.findall(r"plan (-?\d+) (-?\d+)", " ".join(text.split()))]


# A maze checker, with one rule dropped by name.


def maze(problem: Problem, text: str, *, without: str = "") -> bool:
    world, plan = words(problem), plan_of(text)
    walls, start, goal = set(world["wall"]), world["start"][0], world["goal"][0]
    cols, rows = 1 + max(x for x, _ in walls), 1 + max(y for _, y in walls)
    if not plan or (without != "start" and plan[0] != start):
        return False
    if without == "unrolled":
        ends = (plan[-1][0] % cols, plan[-1][1] % rows) == goal
        inside = all((x % cols, y % rows) not in walls for x, y in plan)
        return ends and inside and all(step_is_fine(a, b, "", cols, rows) for a, b in zip(plan, plan[1:], strict=False))
    if without != "goal" and plan[-1] != goal:
        return False
    if not all(is_inside(cell, without, cols, rows, walls) for cell in plan):
        return False
    return all(step_is_fine(a, b, without, cols, rows) for a, b in zip(plan, plan[1:], strict=False))


def is_inside(cell: Cell, without: str, cols: int, rows: int, walls: set[Cell]) -> bool:
    x, y = cell
    if without == "positive index":
        grid = [[(a, b) in walls for a in range(cols)] for b in range(rows)]
        try:
            return not grid[y][x]
        except IndexError:
            return False
    if without == "columns before rows":
        cols, rows = rows, cols
    left, top = x >= 0 or without in ("left", "bounds", "lower bounds"), y >= 0 or without in ("top", "bounds", "lower bounds")
    right, bottom = x < cols or without in ("right", "bounds"), y < rows or without in ("bottom", "bounds")
    return left and top and right and bottom and (cell not in walls or without == "walls")


def step_is_fine(a: Cell, b: Cell, without: str, cols: int, rows: int) -> bool:
    dx, dy = abs(a[0] - b[0]), abs(a[1] - b[1])
    match without:
        case "edges":
            return sorted((min(dx, cols - dx), min(dy, rows - dy))) == [0, 1]
        case "straight steps":
            return max(dx, dy) == 1
        case "short steps":
            return min(dx, dy) == 0 and max(dx, dy) in (1, 2)
        case "moving":
            return dx + dy <= 1
        case "steps":
            return True
        case _:
            return dx + dy == 1


# A Sokoban checker.


def sokoban(problem: Problem, text: str, *, without: str = "") -> bool:
    world, plan = words(problem), plan_of(text)
    walls, docks, boxes = set(world["wall"]), set(world["dock"]), list(world["box"])
    if not plan or (without != "start" and plan[0] != world["worker"][0]):
        return False
    for a, b in zip(plan, plan[1:], strict=False):
        dx, dy = b[0] - a[0], b[1] - a[1]
        if abs(dx) + abs(dy) != 1 and without != "steps":
            return False
        if b not in boxes:
            if b in walls and without != "walls":
                return False
            continue
        past, beyond = (b[0] + dx, b[1] + dy), (b[0] + 2 * dx, b[1] + 2 * dy)
        if past in walls:
            if without == "wall before a box, passed":
                continue
            if without != "wall before a box" or past in boxes:
                return False
        elif past in boxes:
            if without == "box before a box, passed":
                continue
            if without == "one box at a time" and beyond not in walls and beyond not in boxes:
                boxes[boxes.index(past)] = beyond
            elif without == "box before a box, as a set":
                boxes.remove(past)
            elif without != "box before a box":
                return False
        boxes[boxes.index(b)] = past
    return (
        any(box in docks for box in boxes)
        if without == "all docks"
        else set(boxes) <= docks and (sorted(boxes) == sorted(docks) or without == "box before a box, as a set")
    )


# A Blocksworld checker by facts, and one by towers.

NEEDS = {
    "pick-up": ("clear x", "ontable x", "handempty"),
    "put-down": ("holding x",),
    "stack": ("clear y", "holding x"),
    "unstack": ("on x y", "clear x", "handempty"),
}
EFFECTS = {
    "pick-up": ("holding x", "clear x|ontable x|handempty"),
    "put-down": ("clear x|handempty|ontable x", "holding x"),
    "stack": ("handempty|clear x|on x y", "clear y|holding x"),
    "unstack": ("holding x|clear y", "on x y|clear x|handempty"),
}


def blocks_of(problem: Problem) -> tuple[set[str], set[str], list[str]]:
    body = problem.question.partition("[QUERY PROBLEM]")[2]
    init, _, goal = body.partition("(:goal")
    names = re.findall(r"\(:objects ([a-z ]+)\)", init)[0].split()
    atoms = r"\(((?:on|ontable|clear|handempty)(?: [a-z])*)\)"
    return set(re.findall(atoms, init)), set(re.findall(atoms, goal)), names


def moves_of(text: str, names: list[str]) -> list[list[str]]:
    lines = [line for line in text.lower().split("\n") if line]
    moves = [line[1:-1].split(" ") for line in lines if re.fullmatch(r"\((pick-up|put-down) [a-z]\)|\((stack|unstack) [a-z] [a-z]\)", line)]
    return moves if len(moves) == len(lines) and all(block in names for move in moves for block in move[1:]) else []


def bound(fact: str, move: list[str]) -> str:
    return " ".join({"x": move[1], "y": move[-1]}.get(word, word) for word in fact.split())


def by_facts(problem: Problem, text: str, *, without: str = "") -> bool:
    """``without``: an action and one of its preconditions."""
    state, goal, names = blocks_of(problem)
    moves = moves_of(text, names)
    for move in moves:
        if any(f"{move[0]}: {fact}" != without and bound(fact, move) not in state for fact in NEEDS[move[0]]):
            return False
        adds, deletes = ({bound(fact, move) for fact in facts.split("|")} for facts in EFFECTS[move[0]])
        state = (state - deletes) | adds
    return bool(moves) and goal <= state


def by_towers(problem: Problem, text: str, *, without: str = "") -> bool:
    facts, goal, names = blocks_of(problem)
    towers = [[fact.split()[1]] for fact in sorted(facts) if fact.startswith("ontable")]
    over = {fact.split()[2]: fact.split()[1] for fact in facts if fact.startswith("on ")}
    for tower in towers:
        while tower[-1] in over:
            tower.append(over[tower[-1]])
    held = None
    moves = moves_of(text, names)
    for name, block, *rest in moves:
        if name in ("pick-up", "unstack"):
            tower = next((tower for tower in towers if block in tower), None)
            if held is not None or tower is None or (tower[-1] != block and without != f"{name}: top"):
                return False
            under = tower[tower.index(block) - 1] if tower.index(block) else None
            if under != (rest[0] if rest else None) and without != f"{name}: from there":
                return False
            tower.remove(block)
            towers, held = [tower for tower in towers if tower], block
            continue
        tower = [] if name == "put-down" else next((tower for tower in towers if rest[0] in tower), None)
        if held != block or tower is None or (tower and tower[-1] != rest[0] and without != "stack: top"):
            return False
        tower.append(block)
        towers, held = [*towers, tower] if name == "put-down" else towers, None
    on = {f"on {above} {under}" for tower in towers for under, above in zip(tower, tower[1:], strict=False)}
    return bool(moves) and {fact for fact in goal if fact.startswith("on ")} <= on


# A checker of searches of Countdown: the operations, in the lines and the order in which they are written.


def countdown(problem: Problem, text: str, *, without: str = "") -> bool:
    target, *numbers = (int(number) for number in re.findall(r"[0-9]+", problem.question))
    *lines, last, end = text.replace("\r\n", "\n").split("\n") if text.count("\n") else ["", ""]
    steps = [re.fullmatch(r"(?a)Exploring Operation: (\d{1,5})(\+|-|\*|/|//|%|\*\*)(\d{1,5})=(\d{1,5}), Resulting Numbers: \[(.*)\]", line)
             for line in lines[::4]]  # fmt: skip
    marks = ("Generated Node #", "Moving to Node #", "Current State: ")
    if end or last != f"{target},{target} equal: Goal Reached" or not steps or len(lines) % 4 != 1 or None in steps:
        return False
    if any(not lines[at].startswith(marks[at % 4 - 1]) for at in range(len(lines)) if at % 4):
        return False
    pool, c = Counter(numbers), 0
    for step in steps:
        assert step is not None
        a, b, c = (int(number) for number in step.group(1, 3, 4))
        if c not in results(a, step[2], b, without) or (Counter((a, b)) - pool and without != "numbers there"):
            return False
        pool = pool - Counter((a, b)) + Counter((c,))
        if without == "copies":
            pool = Counter({number: count for number, count in pool.items() if number not in (a, b) or number == c})
        if without == "its own list":
            pool = Counter(map(int, re.findall("[0-9]+", step[5])))
    return c == target and (+pool == Counter((target,)) or without in ("all numbers", "numbers there"))


def results(a: int, sign: str, b: int, without: str) -> set[float]:
    """The results that are let pass."""
    if sign in ("//", "%", "**"):
        return (
            {float(a // b if sign == "//" else a % b)}
            if b and sign != "**" and without == sign
            else ({float(a) ** b} if without == sign == "**" and b < 6 and a < 1000 else set())
        )
    right: float | None = {"+": a + b, "-": a - b, "*": a * b}.get(sign)
    if sign == "/":
        right = a / b if b else None
    if right is None:
        return set()
    if sign == "/" and without in ("exact division", "rounded division"):
        return {float(a // b) if without == "exact division" else float((2 * a + b) // (2 * b))}
    if without == "signed difference":
        return {abs(right)}
    return {right, right - 1, right + 1} if without == "exact results" else {right}


# A checker of expressions of Countdown.


def expression(problem: Problem, text: str, *, without: str = "") -> bool:
    *numbers, target = (int(number) for number in re.findall(r"[0-9]+", problem.question))
    if not re.fullmatch(r"(?a)[0-9+\-*/%() ]{1,200}", text) or re.search(r"(?<![0-9])0[0-9]", text):
        return False
    try:
        used: list[int] = []
        value = value_of(ast.parse(text.strip(), mode="eval").body, used, without)
    except (SyntaxError, ValueError, ArithmeticError):
        return False
    return values_agree(value, target, without) and numbers_agree(used, numbers, without)


def value_of(node: ast.expr, used: list[int], without: str) -> Fraction:
    if isinstance(node, ast.Constant) and type(node.value) is int:
        used.append(node.value)
        return Fraction(node.value)
    if not isinstance(node, ast.BinOp):
        raise ValueError("no operation")
    a, b = value_of(node.left, used, without), value_of(node.right, used, without)
    match node.op:
        case ast.Add():
            return a + b
        case ast.Sub():
            return abs(a - b) if without == "signed difference" else a - b
        case ast.Mult():
            return a * b
        case ast.Div():
            return Fraction(a // b) if without == "exact division" else Fraction(math.floor(a / b + Fraction(1, 2))) if (
                without == "rounded division") else a / b  # fmt: skip
        case ast.FloorDiv() if without == "//":
            return Fraction(a // b)
        case ast.Mod() if without == "%":
            return a % b
        case ast.Pow() if without == "**" and a <= 1000 and b <= 5:
            return Fraction(a**b)
        case _:
            raise ValueError("no operation of Countdown")


def values_agree(value: Fraction, target: int, without: str) -> bool:
    if without == "fraction cut off":
        return int(value) == target
    if without == "exact value":
        return abs(value - target) <= Fraction(1, 2)
    return (round(value) if without == "fraction rounded" else value) == target


def numbers_agree(used: list[int], numbers: list[int], without: str) -> bool:
    match without:
        case "each once":
            return len(used) == len(numbers) and set(used) <= set(numbers)
        case "as often":
            return set(used) == set(numbers)
        case "the numbers":
            return len(used) == len(numbers)
        case "all numbers":
            return not Counter(used) - Counter(numbers)
        case "no more":
            return not Counter(numbers) - Counter(used)
        case _:
            return Counter(used) == Counter(numbers)


CHECKS = {"maze": maze, "sokoban": sokoban, "blocksworld": by_facts, "countdown": countdown, "expression": expression}
MUTANTS: list[tuple[str, str, str]] = [
    *(("maze", rule, attack) for rule, attack in {
        "left": "no left edge", "top": "no top edge", "right": "no right edge", "bottom": "no bottom edge", "lower bounds": "no left edge",
        "bounds": "no bottom edge", "columns before rows": "sides exchanged", "positive index": "negative index", "edges": "edges joined",
        "unrolled": "edges joined", "walls": "no walls", "straight steps": "diagonal steps", "short steps": "leaps",
        "moving": "jumps and pauses", "steps": "jumps and pauses", "start": "wrong ends", "goal": "wrong ends",
    }.items()),
    *(("sokoban", rule, attack) for rule, attack in {
        "wall before a box": "box into wall", "wall before a box, passed": "box into wall", "box before a box": "box into box",
        "box before a box, passed": "box into box", "box before a box, as a set": "box into box", "one box at a time": "box into box",
        "walls": "blocked moves", "steps": "wrong ends, jumps", "start": "wrong ends, jumps", "all docks": "wrong ends, jumps",
    }.items()),
    *(("blocksworld", rule, attack) for rule, attack in {
        "pick-up: clear x": "take a covered block", "pick-up: ontable x": "take from no table",
        "pick-up: handempty": "take with a full hand",
        "put-down: holding x": "put what is not held", "stack: clear y": "stack on a covered block",
        "stack: holding x": "stack what is not held", "unstack: on x y": "unstack from elsewhere",
        "unstack: clear x": "unstack a covered block", "unstack: handempty": "unstack with full hand",
    }.items()),
    *(("towers", rule, attack) for rule, attack in {
        "stack: top": "stack on a covered block", "unstack: top": "unstack a covered block",
        "unstack: from there": "unstack from elsewhere",
    }.items()),
    *(("countdown", rule, attack) for rule, attack in {
        "exact division": "divisions rounded", "rounded division": "divisions rounded", "signed difference": "differences turned",
        "exact results": "results one off", "//": "signs of Python", "%": "signs of Python", "all numbers": "numbers unused",
        "numbers there": "number reuse", "copies": "copies dropped", "its own list": "numbers listed",
    }.items()),
    *(("expression", rule, attack) for rule, attack in {
        "each once": "reuse, same count", "as often": "number reuse", "the numbers": "other numbers", "all numbers": "fewer numbers",
        "no more": "number reuse", "exact division": "divisions rounded", "rounded division": "divisions rounded",
        "signed difference": "differences turned", "fraction cut off": "value nearly right", "fraction rounded": "value nearly right",
        "exact value": "value nearly right", "//": "signs of Python", "%": "signs of Python",
    }.items()),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "rule", "attack"), MUTANTS)
def test_a_checker_without_one_rule_is_exposed(kind: str, rule: str, attack: str) -> None:
    check = partial(by_towers if kind == "towers" else CHECKS[kind], without=rule)
    kind = "blocksworld" if kind == "towers" else kind
    accepted = Counter(name for problem, name, claim, text in cases(kind) if claim is Claim.WRONG and check(problem, text))
    assert accepted[attack] > 0, accepted


@pytest.mark.parametrize("kind", [*CHECKS, "towers"])
def test_a_checker_with_every_rule_is_left_alone(kind: str) -> None:
    check = by_towers if kind == "towers" else CHECKS[kind]
    tried = cases("blocksworld" if kind == "towers" else kind)
    assert [text for problem, _, claim, text in tried if claim is Claim.WRONG and check(problem, text)] == []
    assert [text for problem, _, claim, text in tried if claim is Claim.RIGHT and not check(problem, text)] == []
    assert sum(claim is Claim.WRONG for _, _, claim, _ in tried) > 1000 and sum(claim is Claim.RIGHT for _, _, claim, _ in tried) > 20


@pytest.mark.parametrize(("kind", "attacks"), [(kind, {a for k, _, a in MUTANTS if k == kind}) for kind in CHECKS])
def test_every_rule_can_be_broken_in_most_items(kind: str, attacks: set[str]) -> None:
    """So that no row of a card rests on a handful of problems."""
    broken = {attack: {problem.id for problem, name, _, _ in cases(kind) if name == attack} for attack in attacks}
    few = {attack for attack, problems in broken.items() if len(problems) <= ITEMS / 2}
    assert few <= {"box into box", "fewer numbers", "copies dropped"}, (
        few
    )  # one box in every other room; equal numbers in every fourth hand
    assert all(len(problems) >= ITEMS / 4 for problems in broken.values())


def test_mazes_and_rooms_have_unequal_sides() -> None:
    for kind in ("maze", "sokoban"):
        sides = {(item.cols, item.rows) for item in SURFACES[kind].make(10, np.random.default_rng(0))}
        assert any(cols < rows for cols, rows in sides) and any(cols > rows for cols, rows in sides)
