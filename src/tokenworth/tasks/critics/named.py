"""Critics by name, for a problem."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from tokenworth import catalog
from tokenworth.core.grade import Grader
from tokenworth.core.problem import Problem
from tokenworth.core.verification import Strictness
from tokenworth.errors import InvalidInput, unknown_name
from tokenworth.tasks.critics.critic import Critic
from tokenworth.tasks.critics.formal import FormalCritic
from tokenworth.tasks.critics.graded import FormatCritic, ReferenceCritic
from tokenworth.tasks.domains import domain_named


def critics() -> tuple[str, ...]:
    """Names of critics; each formal domain's verifier is one."""
    return ("format", "reference", *catalog.DOMAINS, "module:callable")


def critic_named(name: str, problem: Problem, grader: Grader, *, dialect: str | None = None, strictness: str | None = None) -> Critic:
    """The critic of this name for a problem.

    ``format`` accepts what can be read and is unsound; ``reference`` knows the gold answer, or a plan's rules; a formal domain's name is
    its verifier of trace and plan, with the problem's question for its prompt, of strictness ``strict`` unless another is named;
    ``module:callable`` is a function of the problem that returns a `Critic`.

    Raises: UnknownName for another name; InvalidInput for a formal domain
    where the question states no problem of it; what the critic itself raises.
    """
    if name == "format":
        return FormatCritic(problem=problem, grader=grader)
    if name == "reference":
        return ReferenceCritic(problem=problem, grader=grader)
    if name in catalog.DOMAINS:
        return _formal(name, problem, dialect, _strictness(strictness))
    if ":" in name:
        return _users(name, problem)
    raise unknown_name("critic", name, critics())


def _formal(name: str, problem: Problem, dialect: str | None, strictness: Strictness) -> FormalCritic:
    domain = domain_named(name)
    spoken = domain.dialect_named(dialect or domain.dialect_of(problem))
    try:
        return FormalCritic(
            domain=domain,
            prompt=problem.question,
            dialect=spoken,
            strictness=strictness,
            reads_whole=domain.reads_whole,
            given=domain.given(problem),
        )
    except InvalidInput as error:
        raise InvalidInput(f"problem {problem.id!r}: {error}") from error


def _strictness(name: str | None) -> Strictness:
    if name is not None and name not in list(Strictness):
        raise unknown_name("strictness", name, list(Strictness))
    return Strictness.STRICT if name is None else Strictness(name)


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
