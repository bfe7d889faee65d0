"""Plans that a real model wrote for Sokoban problems in PDDL, with the verdicts of the planner's own validator."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.real_data import shared
from tests.tasks.sokoban_levels import level_from_rows
from tests.tasks.sokoban_search import plan_text, prompt_text
from tokenworth.core.verification import Cell, FormalText, Strictness, Verification
from tokenworth.tasks.sokoban.instance import Sokoban, level_of
from tokenworth.tasks.sokoban.verify import verify

PLACE = r"f(\d+)-(\d+)f"
DIRECTIONS = {"up": (0, -1), "down": (0, 1), "left": (-1, 0), "right": (1, 0)}


def cell(row: str, column: str) -> Cell:
    """A place of the PDDL problem in a level with a ring of walls around it."""
    return int(column) + 1, int(row) + 1


def facts(text: str, name: str) -> dict[str, Cell]:
    return {match[1] or "": cell(match[2], match[3]) for match in re.finditer(rf"\({name} (?:(\w+) )?{PLACE}\)", text)}


@dataclass(frozen=True)
class Row:
    """A problem, the actions of the plan, and what the validator said of it."""

    number: int
    level: Sokoban
    boxes: dict[str, Cell]
    goals: dict[str, Cell]
    actions: list[list[str]]
    valid: bool
    message: str

    def cells(self) -> list[Cell]:
        """Where the worker goes: the second place of each action."""
        places = [[cell(*match) for match in re.findall(PLACE, " ".join(action))] for action in self.actions]
        return [self.level.worker, *(found[1] for found in places if len(found) > 1)]

    @property
    def fails_at(self) -> int | None:
        """The first action that cannot be taken, from 1, if the validator names one."""
        found = re.match(r"Time step: (\d+)\n", self.message)
        return int(found[1]) if found else None


def row_of(record: dict[str, Any]) -> Row:
    problem = record["prompt"][record["prompt"].index("[QUERY PROBLEM]") :]
    objects, rest = problem.split("(:init")
    init, goal = rest.split("(:goal")
    places = {cell(*match) for match in re.findall(PLACE, objects)}
    boxes, clear = facts(init, "at"), {cell(*match) for match in re.findall(rf"\(clear {PLACE}\)", init)}
    # Neighbours are those of the grid, no more and no fewer.
    beside = {(cell(*match[:2]), cell(*match[2:4]), match[4]) for match in re.findall(rf"\(adjacent {PLACE} {PLACE} (\w+)\)", init)}
    grid = {((x, y), (x + dx, y + dy), name) for x, y in places for name, (dx, dy) in DIRECTIONS.items() if (x + dx, y + dy) in places}
    assert beside == grid
    cols, rows = max(x for x, _ in places) + 2, max(y for _, y in places) + 2
    blocked = [(x, y) for y in range(rows) for x in range(cols) if (x, y) not in clear | set(boxes.values())]
    step = record["steps"][0]
    return Row(
        number=record["instance_id"],
        level=level_of(
            worker=facts(init, "at-robot")[""], boxes=list(boxes.values()), docks=list(facts(goal, "at").values()), walls=blocked
        ),
        boxes=boxes,
        goals=facts(goal, "at"),
        actions=[action.split() for action in re.findall(r"\(([^()]*)\)", step["plan"])],
        valid=step["verifier"]["validation_info"]["is_valid_plan"],
        message=step["verifier"]["validation_message"],
    )


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    with gzip.open(shared("planbench", "r1-sokoban-verified.jsonl.gz"), "rt", encoding="utf-8") as lines:
        return [row_of(json.loads(line)) for line in lines]


def judge(row: Row, plan: list[Cell] | None = None) -> Verification:
    text = FormalText(id=str(row.number), prompt=prompt_text(row.level), trace=plan_text(row.cells() if plan is None else plan))
    return verify(text, dialect="searchformer-nondeterministic", strictness=Strictness.STRICT)


def first_bad_step(found: Verification) -> int | None:
    """The number of the first step of the plan that breaks a rule of the way, from 1; the last one's for a box on no dock."""
    # A step is three words: plan X Y; that of number 0 is the place of the worker.
    return min((one.tokens[0] // 3 for one in found.violations if one.code != "PLAN_SUBOPT"), default=None)


WORD_OF_DIRECTION = 39
"""The one plan on which the two differ."""


def test_verdicts_are_those_of_the_validator(rows: list[Row]) -> None:
    assert len(rows) == 43 and {len(row.boxes) for row in rows} == {1, 2, 3, 4}
    told = Counter[tuple[bool, bool]]()
    for row in rows:
        found = judge(row)
        assert found.parsed and found.trace_valid is None and found.plan_valid is not None
        told[row.valid, found.plan_valid] += 1
        assert found.plan_valid == row.valid or row.number == WORD_OF_DIRECTION, (row.number, row.message, found.counts)
    assert told == {(False, False): 37, (True, True): 5, (False, True): 1}


def test_the_one_difference_is_the_word_of_a_direction(rows: list[Row]) -> None:
    """The plan says ``down`` where its own places go up. A plan as places has no such word; with the right ones it is valid in PDDL."""
    row = next(row for row in rows if row.number == WORD_OF_DIRECTION)
    assert "Unsatisfied Precondition:\n\n(adjacent f6-0f f5-0f down)" in row.message
    assert replay(row, any_direction=False) == 1 and replay(row, any_direction=True) is None
    assert judge(row).plan_optimal


def test_no_plan_fails_here_before_it_does_there(rows: list[Row]) -> None:
    """Later, now and then: a step to the place of a box is a push in the game, and a move that PDDL forbids; and no direction is named."""
    why = Counter[str]()
    for row in rows:
        if row.fails_at is None or row.number == WORD_OF_DIRECTION:
            continue
        assert replay(row, any_direction=False) == row.fails_at
        place = first_bad_step(judge(row))
        assert place is not None and place >= row.fails_at, (row.number, row.message, place)
        name, condition = row.actions[row.fails_at - 1][0], row.message.split("Unsatisfied Precondition:")[1].split()[0]
        why["same" if place == row.fails_at else f"{name} {condition}"] += 1
    assert why == {"same": 19, "move (clear": 3, "move (adjacent": 2}


def replay(row: Row, *, any_direction: bool) -> int | None:
    """The first action of a plan that PDDL forbids, from 1; past the last for goals that are not met; None for a valid plan."""
    worker, boxes, walls = row.level.worker, dict(row.boxes), set(row.level.walls)
    for number, (name, *words) in enumerate(row.actions, 1):
        places = [cell(*match) for match in re.findall(PLACE, " ".join(words))]
        n = {"move": 2, "push": 3}.get(name, 0)
        if not n or len(places) != n or len(words) != n + (2 if name == "push" else 1) or words[n] not in DIRECTIONS:
            return number
        steps = {(b[0] - a[0], b[1] - a[1]) for a, b in zip(places, places[1:], strict=False)}
        allowed = set(DIRECTIONS.values()) if any_direction else {DIRECTIONS[words[n]]}
        to = places[-1]
        if len(steps) != 1 or not steps <= allowed or places[0] != worker or to in walls or to in boxes.values():
            return number
        if name == "push":
            if boxes.get(words[4]) != places[1]:
                return number
            boxes[words[4]] = to
        worker = places[1]
    return None if boxes == row.goals else len(row.actions) + 1


def test_plans_that_are_valid_are_so_step_by_step_in_pddl_too(rows: list[Row]) -> None:
    """A replay of the PDDL rules gives all 43 verdicts; so none of them hangs on which box is on which dock."""
    for row in rows:
        assert (replay(row, any_direction=False) is None) == row.valid
    assert {row.number: judge(row).plan_optimal for row in rows if row.valid} == {26: True, 34: True, 38: True, 40: True, 52: False}


def test_boxes_have_no_names_here() -> None:
    """What could make verdicts differ, and does in none of the 43: PDDL names the dock of each box, the game does not."""
    level = level_from_rows(["#######", "#.$@$.#", "#######"], "")
    plan = [(3, 1), (2, 1), (3, 1), (4, 1)]
    row = Row(
        number=0,
        level=level,
        boxes={"box0": (2, 1), "box1": (4, 1)},
        goals={"box0": (5, 1), "box1": (1, 1)},
        actions=[
            ["push", "f0-2f", "f0-1f", "f0-0f", "left", "box0"],
            ["move", "f0-1f", "f0-2f", "right"],
            ["push", "f0-2f", "f0-3f", "f0-4f", "right", "box1"],
        ],
        valid=False,
        message="",
    )
    assert judge(row, plan).plan_optimal and row.cells() == plan
    assert replay(row, any_direction=False) == 4
    assert replay(replace(row, goals={"box0": (1, 1), "box1": (5, 1)}), any_direction=False) is None


@pytest.mark.parametrize("change", ["shifted", "first step left out", "last step left out", "a step twice"])
def test_plans_that_were_valid_are_not_after_a_change(rows: list[Row], change: str) -> None:
    changed: Iterator[tuple[Row, list[Cell]]] = (
        (
            row,
            {
                "shifted": [(x + 1, y) for x, y in row.cells()],
                "first step left out": row.cells()[1:],
                "last step left out": row.cells()[:-1],
                "a step twice": [*row.cells()[:2], *row.cells()[1:]],
            }[change],
        )
        for row in rows
        if row.valid
    )
    assert [judge(row, plan).plan_valid for row, plan in changed] == [False] * 5
