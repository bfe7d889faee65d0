"""Texts that a limit cut anywhere: no half word is blamed, and what no clause begins with is."""

from __future__ import annotations

import numpy as np
import pytest

from tests.tasks.sokoban_levels import random_level
from tests.tasks.sokoban_search import solve as solve_room
from tokenworth.core.verification import FormalText, Strictness, whole_words
from tokenworth.tasks.maze import domain as mazes
from tokenworth.tasks.maze.dialect import DIALECTS
from tokenworth.tasks.maze.generate import generate
from tokenworth.tasks.maze.grammar import render_prompt, render_trace
from tokenworth.tasks.maze.search import solve
from tokenworth.tasks.sokoban import domain as rooms


def test_the_last_word_goes_unless_white_space_or_an_end_follows() -> None:
    assert whole_words("close 0 0 c") == "close 0 0 " and whole_words("close 0 0 ") == "close 0 0 "
    assert whole_words("plan 1 1 end", ("end",)) == "plan 1 1 end" and whole_words("c") == whole_words("") == ""


@pytest.mark.parametrize("dialect", DIALECTS)
def test_no_cut_of_a_valid_maze_trace_is_blamed(dialect: str) -> None:
    """Sides above 10, so that numbers have two digits and can be cut within."""
    spoken = DIALECTS[dialect]
    maze = generate("wilson", 13, seed=2, index=1)
    run = solve(maze, spoken, np.random.default_rng(0))
    prompt, trace = render_prompt(maze, spoken), render_trace(maze, run.trace, run.plan, spoken)
    for at in range(1, len(trace), 7):
        record = {"id": "x", "prompt": prompt, "trace": trace[:at], "rows": 13, "cols": 13, "truncated": True}
        found = mazes.verify(mazes.read(record, "here"), dialect=dialect, strictness=Strictness.STRICT)
        assert not found.counts and found.trace_valid is not False and found.plan_valid is not False, trace[:at][-40:]


def test_no_cut_of_a_valid_sokoban_trace_is_blamed() -> None:
    run = solve_room(random_level(3, cols=6, rows=6, boxes=2, walls=1), np.random.default_rng(3))
    trace = run.trace_text()
    for at in range(1, len(trace), 1 + len(trace) // 60):
        record = {"id": "x", "prompt": run.prompt, "trace": trace[:at], "truncated": True}
        found = rooms.verify(rooms.DOMAIN.read(record, "here"), dialect="searchformer-nondeterministic", strictness=Strictness.STRICT)
        assert not found.counts and found.trace_valid is not False, trace[:at][-40:]


@pytest.mark.parametrize(
    "tail", ["I give up now ", "blah blah blah blah ", "create 99999 -5 x ", "close a ", "plan nothing here ", "foo bar"]
)
def test_what_no_clause_begins_with_is_told_in_a_cut_text_too(tail: str) -> None:
    spoken = DIALECTS["searchformer"]
    maze = generate("wilson", 5, seed=2, index=1)
    run = solve(maze, spoken, np.random.default_rng(0))
    words = render_trace(maze, run.trace, run.plan, spoken).split()
    begun = " ".join(words[: 1 + 5 * 3]) if words[0] == "bos" else " ".join(words[: 5 * 3])
    text = FormalText(id="x", prompt=render_prompt(maze, spoken), trace=f"{begun} {tail}", given={"rows": 5, "cols": 5}, is_cut=True)
    found = mazes.verify(text, dialect="searchformer", strictness=Strictness.STRICT)
    assert not found.is_valid and {"PARSE", "PLAN_PARSE"} & set(found.counts)
