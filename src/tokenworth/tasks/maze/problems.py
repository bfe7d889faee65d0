"""Mazes as problems for a model, and the grader of their plans."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

from tokenworth.core.ending import extent_of
from tokenworth.core.grade import UNPARSEABLE, Grade, Verdict
from tokenworth.core.problem import AnswerKind, Problem
from tokenworth.core.verification import FormalText, Strictness
from tokenworth.errors import InvalidInput, unknown_name
from tokenworth.tasks.maze.dialect import DIALECTS
from tokenworth.tasks.maze.generate import generate, numbers_of
from tokenworth.tasks.maze.grammar import parse, render_prompt
from tokenworth.tasks.maze.spec import SPLITS, given
from tokenworth.tasks.maze.verify import maze_of, verify

DIALECT = DIALECTS["compact"]
"""What the question is written in: the dialect of the bundled models."""
TEST_SEED = 9
"""Seed of the problems a task gives; the bundled models were trained on other ones."""
_OPEN = " reasoning"


def maze_problem(family: str, side: int, index: int, *, split: str = "test") -> Problem:
    """The problem with this index among the mazes of a family, side and split: its question is the prompt a trace begins after.

    Raises UnknownName for a family or split, InvalidInput for a side below 3.
    """
    if split not in SPLITS:
        raise unknown_name("split of a maze task", split, SPLITS)
    found, more = _numbers(family, side, split)
    while len(found) <= index:
        found.append(next(more))
    maze = generate(family, side, seed=TEST_SEED, index=found[index])
    return Problem(
        id=f"maze:{family}/{side}/{split}/{index}",
        question=render_prompt(maze, DIALECT),
        kind=AnswerKind.PLAN,
        task=f"maze:{family}/{side}/{split}",
    )


@lru_cache(maxsize=32)
def _numbers(family: str, side: int, split: str) -> tuple[list[int], Iterator[int]]:
    """Which mazes are the problems of a split, as far as they were looked for, and where the others come from."""
    return [], numbers_of(family, side, seed=TEST_SEED, split=split)


def plan(problem: Problem, text: str) -> Grade:
    """Grades a plan by its rules: ``optimal`` and ``longer`` plans are correct; a plan that breaks a rule is named by its first one.

    A text that is not a list of cells has no answer. Raises InvalidInput for a problem whose question is not a maze of the compact dialect.
    """
    extent = extent_of(text)
    written = text[extent.first : extent.end].rstrip()
    ended = written if "end" in written.split() else f"{written} end"
    formal = FormalText(id=problem.id, trace=f"{problem.question.removesuffix(_OPEN)} solution {ended}", given=given(problem))
    # Where the task does not give the size it is that of the least square: what an answer says has no part in it.
    maze = maze_of(formal, DIALECT, parse(formal, DIALECT))
    if maze is None:
        raise InvalidInput(f"problem {problem.id!r} is not a maze in the {DIALECT.name} dialect; the grader 'plan' cannot grade it")
    found = verify(replace(formal, given={"rows": maze.rows, "cols": maze.cols}), dialect=DIALECT.name, strictness=Strictness.PAPER)
    if not found.parsed or "after_end" in found.facts:
        return Grade(outcome=UNPARSEABLE, verdict=Verdict.UNKNOWN)
    if found.plan_valid:
        return Grade(outcome="optimal" if found.plan_optimal else "longer", verdict=Verdict.CORRECT)
    return Grade(outcome=found.violations[0].code, verdict=Verdict.INCORRECT)
