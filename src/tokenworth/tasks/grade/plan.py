"""The grader of plans: by the rules of the problem's formal domain."""

from __future__ import annotations

from tokenworth.core.grade import Grade, Grader
from tokenworth.core.problem import Problem
from tokenworth.errors import InvalidInput
from tokenworth.tasks.domains import domain_of, formal_tasks


def plan(problem: Problem, text: str) -> Grade:
    """Grades a plan by the rules of the problem's domain. Raises InvalidInput where the problem is of no domain that grades plans."""
    return plan_grader(problem)(problem, text)


def plan_grader(problem: Problem) -> Grader:
    """The grader of the problem's domain. Raises InvalidInput where it is of no domain that grades plans."""
    domain = domain_of(problem)
    if domain is None or domain.grade is None:
        raise InvalidInput(
            f"problem {problem.id!r} is of no formal domain that grades plans, its task is {problem.task!r}; "
            f"expected a task such as {formal_tasks()}"
        )
    return domain.grade
