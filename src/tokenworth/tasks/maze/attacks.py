"""The answer checks of mazes as `audit` attacks them: the grader of plans, and the verifier in two dialects."""

from __future__ import annotations

import re

from tokenworth.core.problem import Problem
from tokenworth.core.verification import FormalText
from tokenworth.tasks.audit.attack import Checker, grading, verifying
from tokenworth.tasks.audit.mazes import MAZE, SQUARE_MAZE
from tokenworth.tasks.maze.domain import DOMAIN
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


_graded = grading(plan)

ATTACKS = (
    Checker(name="plan", version="tokenworth", surface=SQUARE_MAZE, check=lambda problem, text: _graded(*_compact(problem, text))),
    verifying(DOMAIN, MAZE, _marked, dialect="beyond-semantics"),
    verifying(DOMAIN, MAZE, _plain_maze, name="maze-searchformer", dialect="searchformer"),
)
"""The grader of plans, and the verifier."""
