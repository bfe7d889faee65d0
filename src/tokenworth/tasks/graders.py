"""Which grader a problem gets: the built-in ones by name, or a function of the user's."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tokenworth.core.grade import Grade, Grader
from tokenworth.core.problem import AnswerKind, Problem
from tokenworth.errors import InvalidInput, unknown_name
from tokenworth.tasks.domains import domain_of, formal_tasks
from tokenworth.tasks.grade.exact import exact
from tokenworth.tasks.grade.latex import latex_grader
from tokenworth.tasks.grade.numeric import numeric
from tokenworth.tasks.grade.option import option
from tokenworth.tasks.user_code import first_line, user_callable


def plan(problem: Problem, text: str) -> Grade:
    """Grades a plan by the rules of the problem's domain. Raises InvalidInput where the problem is of no domain that grades plans."""
    return _plan_grader(problem)(problem, text)


def _plan_grader(problem: Problem) -> Grader:
    domain = domain_of(problem)
    if domain is None or domain.grade is None:
        raise InvalidInput(
            f"problem {problem.id!r} is of no formal domain that grades plans, its task is {problem.task!r}; "
            f"expected a task such as {formal_tasks()}"
        )
    return domain.grade


_MAKE: Mapping[str, Callable[[], Grader]] = {
    AnswerKind.OPTION: lambda: option,
    AnswerKind.EXACT: lambda: exact,
    AnswerKind.NUMERIC: lambda: numeric,
    AnswerKind.LATEX: latex_grader,
    AnswerKind.PLAN: lambda: plan,
}
GRADERS = tuple(str(name) for name in _MAKE)
"""Names of the built-in graders; they are those of the answer kinds."""


def grader_for(what: Problem | str) -> Grader:
    """The grader of a problem's answer kind, or the one a name stands for: a built-in name or ``module:callable``.

    Raises: UnknownName for a name that is neither; MissingExtra when it needs a library that is not installed;
    InvalidInput for a plan of no domain, when the module cannot be imported, what it names cannot be called, or a call of it raises.
    """
    if isinstance(what, Problem) and what.kind is AnswerKind.PLAN:
        return _plan_grader(what)
    name = str(what.kind) if isinstance(what, Problem) else what
    if ":" in name:
        return _user_grader(name)
    if name not in _MAKE:
        raise unknown_name("grader", name, (*GRADERS, "module:callable"))
    return _MAKE[name]()


def _user_grader(name: str) -> Grader:
    call: Callable[[Problem, str], object] = user_callable(name, "grader", "a problem and a text")

    def checked(problem: Problem, text: str) -> Grade:
        try:
            grade = call(problem, text)
        except Exception as error:  # the user's code may raise anything, and the run must end in one line
            raise InvalidInput(f"grader {name!r} raised {first_line(error)}; expected a tokenworth.core.grade.Grade") from error
        if not isinstance(grade, Grade):
            raise InvalidInput(f"grader {name!r} returned a {type(grade).__name__}; expected a tokenworth.core.grade.Grade")
        return grade

    return checked
