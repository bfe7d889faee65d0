"""The verdict of unified-planning's sequential plan validator."""

from __future__ import annotations

import importlib.util
import warnings
from collections import OrderedDict
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from importlib import import_module
from threading import Lock
from typing import Any

from tokenworth.errors import MissingExtra
from tokenworth.tasks.blocksworld.instance import Atom, Call, StripsProblem


def has_validator() -> bool:
    """Whether unified-planning is installed."""
    return importlib.util.find_spec("unified_planning") is not None


def validator_version() -> str:
    """The installed version of unified-planning. Raises: MissingExtra where it is not installed."""
    from importlib.metadata import version

    _require()
    return version("unified-planning")


def validates(problem: StripsProblem, calls: Sequence[Call]) -> bool:
    """Whether unified-planning finds the plan valid. Every call must name an action of the problem with its objects.

    Raises: MissingExtra where unified-planning is not installed.
    """
    _require()
    return _built(problem).validates(calls)


def _require() -> None:
    if not has_validator():
        raise MissingExtra("plans are validated by unified-planning, which is not installed; run: pip install 'tokenworth[planning]'")


def _library(part: str) -> Any:
    """A module of unified-planning, which has no types."""
    return import_module(f"unified_planning.{part}")


_GLOBAL = Lock()


@contextmanager
def _as_global(env: Any) -> Generator[None]:
    """Makes an environment the library's global one for a while: its grounder takes that one, whatever the problem's own is."""
    environment = _library("environment")
    with _GLOBAL:
        before = environment.GLOBAL_ENVIRONMENT
        environment.GLOBAL_ENVIRONMENT = env
        try:
            yield
        finally:
            environment.GLOBAL_ENVIRONMENT = before


class _Built:
    """A problem as unified-planning's objects, in a separate environment: nothing is shared, printed or kept beyond it."""

    def __init__(self, problem: StripsProblem) -> None:
        model = _library("model")
        env: Any = _library("environment").Environment()
        env.credits_stream = None
        self._env = env
        boolean, self._type = env.type_manager.BoolType(), env.type_manager.UserType("thing")
        # Prefixes keep apart what PDDL lets share a name: an object, a predicate and an action.
        self._fluents: dict[str, Any] = {
            name: model.Fluent(f"f_{name}", boolean, OrderedDict((f"x{i}", self._type) for i in range(arity)), env)
            for name, arity in problem.domain.predicates
        }
        self._objects: dict[str, Any] = {name: model.Object(f"o_{name}", self._type, env) for name in problem.objects}
        self._actions: dict[str, Any] = {}
        made: Any = model.Problem("problem", env, initial_defaults={boolean: env.expression_manager.FALSE()})
        made.add_fluents(self._fluents.values())
        made.add_objects(self._objects.values())
        for action in problem.domain.actions:
            parameters = OrderedDict((f"p{i}", self._type) for i in range(len(action.parameters)))
            built: Any = model.InstantaneousAction(f"a_{action.name}", parameters, env)
            names = {term: built.parameter(f"p{i}") for i, term in enumerate(action.parameters)}
            for atom in action.needs:
                built.add_precondition(self._atom(atom, names))
            # Where both are written of one atom, the add wins: PDDL deletes first.
            for atom in action.deletes:
                if atom not in action.adds:
                    built.add_effect(self._atom(atom, names), False)
            for atom in dict.fromkeys(action.adds):
                built.add_effect(self._atom(atom, names), True)
            made.add_action(built)
            self._actions[action.name] = built
        for atom in problem.init:
            made.set_initial_value(self._atom(atom, self._objects), True)
        for atom in problem.goal:
            made.add_goal(self._atom(atom, self._objects))
        self._problem = made
        self._validator: Any = _library("engines.plan_validator").SequentialPlanValidator(environment=env)

    def _atom(self, atom: Atom, names: dict[str, Any]) -> Any:
        return self._fluents[atom[0]](*(names[term] for term in atom[1:]))

    def validates(self, calls: Sequence[Call]) -> bool:
        plans, status = _library("plans"), _library("engines.results").ValidationResultStatus
        steps = [plans.ActionInstance(self._actions[call[0]], tuple(self._objects[name] for name in call[1:])) for call in calls]
        with _as_global(self._env), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = self._validator.validate(self._problem, plans.SequentialPlan(steps, self._env))
        return bool(result.status == status.VALID)


@lru_cache(maxsize=8)
def _built(problem: StripsProblem) -> _Built:
    return _Built(problem)
