"""Formal domains: by name, and the one that a problem belongs to."""

from __future__ import annotations

from tokenworth import catalog
from tokenworth.core.problem import Problem
from tokenworth.core.verification import Domain


def domain_named(name: str) -> Domain:
    """The formal domain of this name. Raises UnknownName with close matches."""
    found: Domain = catalog.load(catalog.DOMAINS, "domain", name)
    return found


def domain_of(problem: Problem | None) -> Domain | None:
    """The domain whose task a problem is of: the name before the colon of its task. None for other problems, and without one."""
    name, colon, _ = ("" if problem is None else problem.task).partition(":")
    return domain_named(name) if colon and name in catalog.DOMAINS else None


def formal_tasks() -> str:
    """A task of each domain that has any, for messages: ``maze:searchformer/7``."""
    return " or ".join(f"{name}:{example}" for name in catalog.DOMAINS if (example := domain_named(name).task_example))
