"""What can be audited: graders by name, and the answer checks of the formal domains."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tokenworth.catalog import GRADERS
from tokenworth.core.grade import Grader, Verdict
from tokenworth.core.problem import Problem
from tokenworth.core.verification import Domain, FormalText, Level
from tokenworth.errors import InvalidInput, unknown_name
from tokenworth.tasks.audit.attack import Check, Surface
from tokenworth.tasks.audit.blocks import BLOCKSWORLD
from tokenworth.tasks.audit.boxes import SOKOBAN
from tokenworth.tasks.audit.figures import NUMERIC
from tokenworth.tasks.audit.formulas import LATEX
from tokenworth.tasks.audit.hands import EXPRESSION
from tokenworth.tasks.audit.mazes import MAZE, SQUARE_MAZE
from tokenworth.tasks.audit.options import OPTION
from tokenworth.tasks.audit.searches import COUNTDOWN
from tokenworth.tasks.audit.words import EXACT
from tokenworth.tasks.critics.expression import CountdownCritic
from tokenworth.tasks.graders import grader_for
from tokenworth.tasks.maze.dialect import DIALECTS
from tokenworth.tasks.maze.grammar import render_prompt
from tokenworth.tasks.maze.instance import Maze

SURFACES: Mapping[str, Surface[Any]] = {
    surface.name: surface for surface in (OPTION, EXACT, NUMERIC, LATEX, EXPRESSION, MAZE, SOKOBAN, COUNTDOWN, BLOCKSWORLD)
}
"""Every kind of answer that can be attacked."""


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


def _room(prompt: str, answer: str) -> FormalText:
    words = prompt.split()
    boxes = " ".join(f"box {words[at + 1]} {words[at + 2]}" for at, word in enumerate(words) if word == "box")
    first = f"worker {words[1]} {words[2]} {boxes} c0 c0"
    return FormalText(id="audit", prompt=prompt, trace=f"create {first} close {first} {answer}")


def _as_is(prompt: str, answer: str) -> FormalText:
    return FormalText(id="audit", prompt=prompt, trace=answer)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Formal:
    module: str
    surface: Surface[Any]
    dialect: str | None
    text: Callable[[str, str], FormalText]


_FORMAL: Mapping[str, _Formal] = {
    "maze": _Formal(module="maze", surface=MAZE, dialect="beyond-semantics", text=_marked),
    "maze-searchformer": _Formal(module="maze", surface=MAZE, dialect="searchformer", text=_plain_maze),
    "sokoban": _Formal(module="sokoban", surface=SOKOBAN, dialect=None, text=_room),
    "countdown": _Formal(module="countdown", surface=COUNTDOWN, dialect=None, text=_as_is),
    "blocksworld": _Formal(module="blocksworld", surface=BLOCKSWORLD, dialect=None, text=_as_is),
}
_GRADED: Mapping[str, Surface[Any]] = {
    **{name: SURFACES[name] for name in GRADERS if name in SURFACES}, "plan": SQUARE_MAZE, "expression": EXPRESSION
}  # fmt: skip
_PLAN = re.compile(r"\bplan (\S+) (\S+)")


def _compact(problem: Problem, text: str) -> tuple[Problem, str]:
    """A maze item and an answer in the words of the compact dialect: cells as ``X,Y``, which is what the grader ``plan`` reads."""
    words = problem.question.split()
    cells = [(int(words[at + 1]), int(words[at + 2])) for at in range(0, len(words), 3)]
    side = 1 + max(max(cell) for cell in cells)
    maze = Maze(cols=side, rows=side, walls=tuple(cells[2:]), start=cells[0], goal=cells[1])
    shown = Problem(id=problem.id, question=render_prompt(maze, DIALECTS["compact"]), kind=problem.kind)
    return shown, _PLAN.sub(r"\1,\2", text)


CHECKERS = (*_GRADED, *_FORMAL)
"""Names of all checkers that come with the package."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checker:
    """A checker to audit, with the kind of answer it is for and the version of what judges."""

    name: str
    version: str
    surface: Surface[Any]
    check: Check


def checker_for(name: str, *, kind: str | None = None) -> Checker:
    """The checker of this name: a built-in grader, ``module:callable``, or a formal domain (an answer is accepted iff its plan is valid).

    ``kind``: the kind of answers that ``module:callable`` is for; the others know theirs.

    Raises: UnknownName with close matches; InvalidInput for a callable without a kind, or a kind that does not fit; MissingExtra.
    """
    if kind is not None and kind not in SURFACES:
        raise unknown_name("kind of answer", kind, SURFACES)
    if ":" in name:
        if kind is None:
            raise InvalidInput(f"audit of {name}: name the kind of its answers, one of {', '.join(SURFACES)}, with --kind")
        try:
            grader = grader_for(name)
        except SystemExit as error:
            raise InvalidInput(f"audit of {name}: importing it ended with sys.exit({error.code!r}); expected a module to import") from error
        return Checker(name=name, version="unknown", surface=SURFACES[kind], check=grading(grader))
    if name not in CHECKERS:
        raise unknown_name("grader", name, (*CHECKERS, "all", "module:callable"))
    own = _FORMAL[name].surface if name in _FORMAL else _GRADED[name]
    if kind is not None and kind != own.name:
        raise InvalidInput(f"audit of {name}: it judges answers of the kind {own.name}, not {kind}; leave --kind away")
    if name in _FORMAL:
        return _formal(name, _FORMAL[name])
    if name == "expression":
        version = f"countdown critic {CountdownCritic(numbers=(1,), target=1).version}"
        return Checker(name=name, version=version, surface=own, check=lambda problem, text: _critic(problem).check(text).accepted)
    check = grading(grader_for(name))
    if name == "plan":
        return Checker(name=name, version="tokenworth", surface=own, check=lambda problem, text: check(*_compact(problem, text)))
    return Checker(name=name, version="tokenworth", surface=own, check=check)


def _critic(problem: Problem) -> CountdownCritic:
    """The critic of the hand that a problem of the audit states; the target is its last number."""
    *numbers, target = (int(number) for number in re.findall(r"[0-9]+", problem.question))
    return CountdownCritic(numbers=tuple(numbers), target=target)


def grading(grader: Grader) -> Check:
    """A grader as a check: correct accepts, incorrect refuses, unknown reads nothing."""
    said = {Verdict.CORRECT: True, Verdict.INCORRECT: False, Verdict.UNKNOWN: None}
    return lambda problem, text: said[grader(problem, text).verdict]


def _formal(name: str, formal: _Formal) -> Checker:
    domain: Domain = importlib.import_module(f"tokenworth.tasks.{formal.module}.domain").DOMAIN
    dialect = domain.dialect_named(formal.dialect)

    def check(problem: Problem, text: str) -> bool | None:
        return domain.verify(formal.text(problem.question, text), dialect=dialect, level=Level.STRICT, limit=1).plan_valid

    return Checker(name=name, version=f"{domain.name} {domain.version}, dialect {dialect}", surface=formal.surface, check=check)
