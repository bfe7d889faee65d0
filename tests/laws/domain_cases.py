"""Valid texts of the domains that make no problems of their own, each with changes of one word that break a rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tests.tasks.blocks_cases import PLAN, PROMPT
from tests.tasks.countdown_search import Solver, write_search
from tests.tasks.sokoban_levels import random_level
from tests.tasks.sokoban_search import solve
from tokenworth.core.verification import FormalText
from tokenworth.tasks.countdown.instance import Puzzle


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """``changes``: words of the trace, and what stands in the place of the first of each to break a rule."""

    dialect: str
    text: FormalText
    changes: tuple[tuple[str, str], ...]


def _sokoban() -> Example:
    found = solve(random_level(3, cols=6, rows=6, boxes=1, walls=1), np.random.default_rng(0))
    assert found is not None
    text = FormalText(id="level", prompt=found.prompt, trace=found.trace_text())
    return Example(dialect="searchformer-nondeterministic", text=text, changes=(("close", "create"), ("c1", "c2"), ("plan", "close")))


def _countdown() -> Example:
    puzzle = Puzzle(target=24, numbers=(4, 6, 1))
    trace = write_search(puzzle, Solver(heuristic="sum"), np.random.default_rng(0))
    text = FormalText(id="puzzle", prompt="", trace=trace, given={"target": 24, "nums": (4, 6, 1)})
    return Example(dialect="stream-of-search", text=text, changes=(("Exploring", "Exploding"), ("#0,0:", "#0,7:"), ("24:[4,", "24:[5,")))


def _blocksworld() -> Example:
    changes = (("(unstack", "(stack"), ("c)", "a)"), ("(pick-up", "(pick-down"))
    return Example(dialect="pddl", text=FormalText(id="towers", prompt=PROMPT, trace=PLAN), changes=changes)


EXAMPLES: Mapping[str, Example] = {"sokoban": _sokoban(), "countdown": _countdown(), "blocksworld": _blocksworld()}
