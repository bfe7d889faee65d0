"""Texts of the formal domains, right ones and parts of them, and their verdicts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.laws.domain_cases import EXAMPLES
from tests.tasks.blocks_cases import PROMPT as BLOCKS_PROMPT
from tokenworth.core.verification import FormalText, Strictness, Verification
from tokenworth.tasks.domains import domain_named
from tokenworth.tasks.maze.dialect import DIALECTS
from tokenworth.tasks.maze.generate import generate
from tokenworth.tasks.maze.grammar import render_prompt, render_trace
from tokenworth.tasks.maze.search import solve

MARKED = "query start 0 0 goal 2 0 wall 0 1 wall 1 1"
EVENTS = "close 0 0 c0 c2 create 1 0 c1 c1 close 1 0 c1 c1 create 2 0 c2 c0 close 2 0 c2 c0"
RIGHT, WRONG = "plan 0 0 plan 1 0 plan 2 0", "plan 0 0 plan 2 0"
SIZE = {"rows": 3, "cols": 3}


def maze(trace: str, dialect: str = "beyond-semantics", **more: object) -> Verification:
    prompt = MARKED if DIALECTS[dialect].marked else MARKED.removeprefix("query ")
    text = FormalText(id="x", prompt=prompt, trace=trace, given=SIZE, is_cut=more.get("is_cut") is True)
    return domain_named("maze").verify(text, dialect=dialect, strictness=Strictness.STRICT)


def countdown(trace: str, target: int = 8, nums: tuple[int, ...] = (5, 3), *, is_cut: bool = False, dialect: str = "") -> Verification:
    text = FormalText(id="x", trace=trace, given={"target": target, "nums": nums}, is_cut=is_cut)
    return domain_named("countdown").verify(text, dialect=dialect or "stream-of-search", strictness=Strictness.STRICT)


def blocks(trace: str, prompt: str = BLOCKS_PROMPT, dialect: str = "pddl", **given: object) -> Verification:
    pytest.importorskip("unified_planning")
    text = FormalText(id="x", prompt=prompt, trace=trace, given=given)
    return domain_named("blocksworld").verify(text, dialect=dialect, strictness=Strictness.STRICT)


def texts() -> dict[str, tuple[str, str, FormalText]]:
    """A right text of every domain and dialect that has a solver here: by name the domain, the dialect, and the text."""
    found = {name: (name, one.dialect, one.text) for name, one in EXAMPLES.items()}
    made = generate("wilson", 5, seed=2, index=1)
    for name, dialect in DIALECTS.items():
        run = solve(made, dialect, np.random.default_rng(0))
        trace = render_trace(made, run.trace, run.plan, dialect)
        text = FormalText(id=name, prompt=render_prompt(made, dialect), trace=trace, given={"rows": 5, "cols": 5})
        found[f"maze {name}"] = ("maze", name, text)
    return found


TEXTS = texts()


def verdict(name: str, trace: str, *, is_cut: bool = False) -> Verification:
    if name == "blocksworld":
        pytest.importorskip("unified_planning")
    domain, dialect, text = TEXTS[name]
    return domain_named(domain).verify(replace(text, trace=trace, is_cut=is_cut), dialect=dialect, strictness=Strictness.STRICT)


def facts_of(found: Verification) -> tuple[bool | None, ...]:
    return found.parsed, found.trace_valid, found.plan_valid, found.plan_optimal, found.plan_follows_trace


ROOT = "Current State: 8:[5, 3], Operations: []\n"
GAVE_UP = {
    "a wrong step": ROOT + "Exploring Operation: 5+3=9, Resulting Numbers: [9]\n9,8 unequal: No Solution\nNo solution found.",
    "in silence": ROOT + "Exploring Operation: 5-3=2, Resulting Numbers: [2]\n2,8 unequal: No Solution\n",
    "stopped in a line": ROOT + "Exploring Operation: 5-3=2, Resul",
    "nothing": "",
    "prose": "I cannot do this.",
}
"""Searches for 8 from 5 and 3 that claim nothing."""
