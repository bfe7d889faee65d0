"""The checkers of formal answers as the audit attacks them: verifiers, and the grader of plans.

An answer is accepted iff its plan is valid. ``text``: question and answer as they are verified.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from tests.audit.blocks import BLOCKSWORLD
from tests.audit.boxes import SOKOBAN
from tests.audit.mazes import MAZE, SQUARE_MAZE
from tests.audit.searches import COUNTDOWN
from tokenworth.core.problem import Problem
from tokenworth.core.verification import FormalText, Strictness
from tokenworth.tasks.audit import checkers
from tokenworth.tasks.audit.attack import Checker, Surface, grading
from tokenworth.tasks.domains import domain_named
from tokenworth.tasks.maze.grammar import render_prompt
from tokenworth.tasks.maze.instance import Maze
from tokenworth.tasks.maze.problems import DIALECT, plan

_PLAN = re.compile(r"\bplan (\S+) (\S+)")


def _sides(prompt: str) -> dict[str, object]:
    """Columns and rows of a maze of the audit: its last corner is a wall, so that the largest numbers of the prompt tell them."""
    words = prompt.split()
    return {"cols": 1 + max(map(int, words[1::3])), "rows": 1 + max(map(int, words[2::3]))}


def _marked(prompt: str, answer: str) -> FormalText:
    """A maze answer after the shortest trace that can be written: the start, closed. What is audited is the plan, not the trace."""
    x, y, a, b = (int(word) for word in (prompt.split()[at] for at in (1, 2, 4, 5)))
    first = f"{x} {y} c0 c{abs(x - a) + abs(y - b)}"
    return FormalText(id="audit", trace=f"query {prompt} reasoning close {first} solution {answer} end", given=_sides(prompt))


def _plain_maze(prompt: str, answer: str) -> FormalText:
    x, y, a, b = (int(word) for word in (prompt.split()[at] for at in (1, 2, 4, 5)))
    first = f"{x} {y} c0 c{abs(x - a) + abs(y - b)}"
    return FormalText(id="audit", prompt=prompt, trace=f"create {first} close {first} {answer}", given=_sides(prompt))


def _compact(problem: Problem, text: str) -> tuple[Problem, str]:
    """A maze item and an answer in the words of the compact dialect: cells as ``X,Y``, which is what the grader ``plan`` reads."""
    words = problem.question.split()
    cells = [(int(words[at + 1]), int(words[at + 2])) for at in range(0, len(words), 3)]
    side = 1 + max(max(cell) for cell in cells)
    maze = Maze(cols=side, rows=side, walls=tuple(cells[2:]), start=cells[0], goal=cells[1])
    shown = Problem(id=problem.id, question=render_prompt(maze, DIALECT), kind=problem.kind)
    return shown, _PLAN.sub(r"\1,\2", text)


def _room(prompt: str, answer: str) -> FormalText:
    words = prompt.split()
    boxes = " ".join(f"box {words[at + 1]} {words[at + 2]}" for at, word in enumerate(words) if word == "box")
    first = f"worker {words[1]} {words[2]} {boxes} c0 c0"
    return FormalText(id="audit", prompt=prompt, trace=f"create {first} close {first} {answer}")


def _as_prompted(prompt: str, answer: str) -> FormalText:
    return FormalText(id="audit", prompt=prompt, trace=answer)


_graded = grading(plan)


def _verifying(
    domain_name: str, surface: Surface[Any], text: Callable[[str, str], FormalText], *, name: str = "", dialect: str | None = None
) -> Checker:
    domain = domain_named(domain_name)
    spoken = domain.dialect_named(dialect)

    def check(problem: Problem, answer: str) -> bool | None:
        return domain.verify(text(problem.question, answer), dialect=spoken, strictness=Strictness.STRICT, max_errors=1).plan_valid

    return Checker(name=name or domain.name, version=f"{domain.name} {domain.version}, dialect {spoken}", surface=surface, check=check)


SURFACES: dict[str, Surface[Any]] = {
    **checkers.SURFACES,
    **{surface.name: surface for surface in (MAZE, SOKOBAN, COUNTDOWN, BLOCKSWORLD)},
}
"""Every kind of answer that can be attacked, those of the package among them."""
CHECKERS: dict[str, Callable[[], Checker]] = {
    "plan": lambda: Checker(
        name="plan", version="tokenworth", surface=SQUARE_MAZE, check=lambda problem, text: _graded(*_compact(problem, text))
    ),
    "maze": lambda: _verifying("maze", MAZE, _marked, dialect="beyond-semantics"),
    "maze-searchformer": lambda: _verifying("maze", MAZE, _plain_maze, name="maze-searchformer", dialect="searchformer"),
    "sokoban": lambda: _verifying("sokoban", SOKOBAN, _room),
    "countdown": lambda: _verifying("countdown", COUNTDOWN, _as_prompted),
    "blocksworld": lambda: _verifying("blocksworld", BLOCKSWORLD, _as_prompted),
}
"""The checkers of formal answers by name."""


@cache
def checker_named(name: str) -> Checker:
    """A checker of formal answers, or a built-in one of the package."""
    return CHECKERS[name]() if name in CHECKERS else checkers.checker_for(name)
