"""The maze domain as the workbench sees it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from tokenworth.core.grade import Grade
from tokenworth.core.problem import Problem
from tokenworth.core.verification import Domain, Drawing, FormalText, MadeProblems, Step, read_text, whole_number
from tokenworth.errors import InvalidInput
from tokenworth.tasks.maze.dialect import DIALECTS
from tokenworth.tasks.maze.grammar import parse, render_trace
from tokenworth.tasks.maze.rules import CODES, SENTENCES
from tokenworth.tasks.maze.spec import given, parse_spec
from tokenworth.tasks.maze.verify import VERSION, maze_of, verify
from tokenworth.tasks.maze.words import places_of

ENDS = ("end",)
"""Words of the dialects that close a text; after one of them nothing is missing."""


def read(record: Mapping[str, object], source: str) -> FormalText:
    """A record of a JSON line as text, as `read_text`; ``rows`` and ``cols`` give the grid's size.

    Raises InvalidInput that names ``source``, also for a size that is not two whole numbers from 1.
    """
    return replace(read_text(record, source, ENDS), given=_size(record, source))


def _size(record: Mapping[str, object], source: str) -> dict[str, object]:
    told = {name: value for name in ("rows", "cols") if (value := record.get(name)) is not None}
    whole = {name: number for name, value in told.items() if (number := whole_number(value)) is not None and number > 0}
    if told and len(whole) < 2:
        shown = ", ".join(f"{name} {ascii(told[name])[:40] if name in told else 'missing'}" for name in ("rows", "cols"))
        raise InvalidInput(f"{source}: the size of the grid is not known: {shown}; expected rows and cols, both whole numbers from 1")
    return dict(whole)


def draw(text: FormalText, dialect: str) -> Drawing | None:
    """The maze with the events that could be read, whatever rule they break; None where the prompt cannot be read."""
    spoken = DIALECTS[dialect]
    parsed = parse(text, spoken)
    maze = maze_of(text, spoken, parsed)
    if maze is None:
        return None
    steps: list[Step] = []
    if parsed.events is not None:
        events, offset = parsed.events, parsed.offset
        firsts = [max(first - offset, 0) for first in events.first]
        places = places_of(text.trace, [at for first in firsts for at in (first, first + events.width - 1)])
        for (is_close, x, y, g, h), first in zip(zip(*events.columns(), strict=True), firsts, strict=True):
            chars = (places[first][0], places[first + events.width - 1][1])
            steps.append(Step(verb="close" if is_close else "create", x=x, y=y, g=g, h=h, chars=chars))
    return Drawing(
        rows=maze.rows,
        cols=maze.cols,
        walls=maze.walls,
        start=maze.start,
        goals=(maze.goal,),
        steps=tuple(steps),
        plan=parsed.plan or (),
    )


def task(rest: str) -> MadeProblems:
    """The mazes of ``FAMILY/SIDE[/SPLIT]``."""
    from tokenworth.tasks.maze.problems import maze_problem

    family, side, split = parse_spec(rest)
    return MadeProblems(name=f"maze:{family}/{side}/{split}", problem=lambda index: maze_problem(family, side, index, split=split))


def grade(problem: Problem, text: str) -> Grade:
    """Grades a plan by its rules."""
    from tokenworth.tasks.maze.problems import plan

    return plan(problem, text)


def solve(problem: Problem) -> FormalText:
    """The run of A* on a maze in the words of the bundled models. Raises InvalidInput if the question is not a maze of that dialect."""
    from tokenworth.tasks.maze import search
    from tokenworth.tasks.maze.problems import DIALECT

    empty = FormalText(id=problem.id, prompt=problem.question, trace="", given=given(problem), is_cut=True)
    maze = maze_of(empty, DIALECT, parse(empty, DIALECT))
    if maze is None:
        raise InvalidInput(f"problem {problem.id!r} is not a maze in the {DIALECT.name} dialect; give a task such as maze:searchformer/7")
    found = search.solve(maze, DIALECT)
    return replace(empty, trace=render_trace(maze, found.trace, found.plan, DIALECT), is_cut=False)


def dialect_of(problem: Problem) -> str | None:
    """The dialect of the bundled models for the problems of a maze task."""
    return "compact" if problem.task.startswith("maze:") else None


def edits(text: FormalText, dialect: str, rng: np.random.Generator) -> Iterator[tuple[str, FormalText]]:
    """Each code of the trace that an edit can break here."""
    from tokenworth.tasks.maze.edits import EDIT_CODES, edit

    for code in EDIT_CODES:
        made = edit(text, code, dialect=dialect, rng=rng)
        if made is not None:
            yield code, made.after


DOMAIN = Domain(
    name="maze",
    version=VERSION,
    dialects={dialect.name: dialect.strictness for dialect in DIALECTS.values()},
    codes=CODES,
    sentences=SENTENCES,
    read=read,
    verify=verify,
    draw=draw,
    assumes={"size": "the least square that holds start, goal and walls"},
    task_form="FAMILY/SIDE[/SPLIT]",
    task_example="searchformer/7",
    task=task,
    grade=grade,
    solve=solve,
    given=given,
    dialect_of=dialect_of,
    is_machine_text=True,
    edits=edits,
)
"""Mazes solved by A*."""
