"""Critics by name, for a problem."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from typing import Any

from tokenworth.core.grade import Grader
from tokenworth.core.problem import Problem
from tokenworth.core.verification import Domain, Level
from tokenworth.errors import InvalidInput, Unsupported, unknown_name
from tokenworth.tasks.critics.critic import Critic
from tokenworth.tasks.critics.formal import FormalCritic
from tokenworth.tasks.critics.graded import FormatCritic, ReferenceCritic

FORMAL = ("blocksworld", "maze", "sokoban", "countdown")
"""Formal domains whose verifier can be a critic."""
CRITICS = ("format", "reference", *FORMAL, "module:callable")
_PLANS_ALONE = ("blocksworld",)


def critic_named(name: str, problem: Problem, grader: Grader, *, dialect: str | None = None, strictness: str | None = None) -> Critic:
    """The critic of this name for a problem.

    ``format`` accepts what can be read and is unsound; ``reference`` knows the gold answer, or a plan's rules; a formal domain's name is
    its verifier of trace and plan, with the problem's question for its prompt, at the level ``strict`` unless another is named;
    ``module:callable`` is a function of the problem that returns a `Critic`.

    Raises: UnknownName for another name; Unsupported for a domain that this version does not hold; InvalidInput for a formal domain
    where the question states no problem of it; what the critic itself raises.
    """
    if name == "format":
        return FormatCritic(problem=problem, grader=grader)
    if name == "reference":
        return ReferenceCritic(problem=problem, grader=grader)
    if name in FORMAL:
        return _formal(name, problem, dialect, _level(strictness))
    if ":" in name:
        return _users(name, problem)
    raise unknown_name("critic", name, CRITICS)


def _formal(name: str, problem: Problem, dialect: str | None, level: Level) -> FormalCritic:
    domain = formal_domain(name)
    spoken = domain.dialect_named(dialect or _own_dialect(name, problem))
    try:
        return FormalCritic(
            domain=domain,
            prompt=problem.question,
            dialect=spoken,
            strictness=level,
            reads_whole=name not in _PLANS_ALONE,
            given=_given(name, problem),
        )
    except InvalidInput as error:
        raise InvalidInput(f"problem {problem.id!r}: {error}") from error


def _level(name: str | None) -> Level:
    if name is not None and name not in list(Level):
        raise unknown_name("strictness", name, list(Level))
    return Level.STRICT if name is None else Level(name)


def _own_dialect(name: str, problem: Problem) -> str | None:
    """The dialect that the problem's task is written in, where it is one of the package's own."""
    if name != "maze" or not problem.task.startswith("maze:"):
        return None
    from tokenworth.tasks.maze.problems import DIALECT

    return DIALECT.name


def _given(name: str, problem: Problem) -> dict[str, object]:
    """What the problem's task says of it beside the question: the size of a maze."""
    if name != "maze":
        return {}
    from tokenworth.tasks.maze.problems import given_size

    return given_size(problem.task)


def formal_domain(name: str) -> Domain:
    """The formal domain of this name."""
    module = f"tokenworth.tasks.{name}.domain"
    try:
        missing = importlib.util.find_spec(module) is None
    except ModuleNotFoundError:
        missing = True
    if missing:
        raise Unsupported(f"the formal domain {name} is not part of this version; use another critic")
    found: Domain = importlib.import_module(module).DOMAIN
    return found


def _users(name: str, problem: Problem) -> Critic:
    module_name, _, attribute = name.partition(":")
    try:
        made: Any = importlib.import_module(module_name)
        for part in attribute.split("."):
            made = getattr(made, part)
        call: Callable[[Problem], object] = made
        critic = call(problem)
    except Exception as error:  # the user's code may raise anything, and the run must end in one line
        said = " ".join(str(error).split())[:200] or "no message"
        raise InvalidInput(f"critic {name!r} raised {type(error).__name__}: {said}; expected a function of a problem") from error
    if not isinstance(critic, Critic):
        raise InvalidInput(f"critic {name!r} returned a {type(critic).__name__}; expected a tokenworth.tasks.critics.critic.Critic")
    return critic
