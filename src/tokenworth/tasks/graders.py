"""Which grader a problem gets: the built-in ones by name, or a function of the user's."""

from __future__ import annotations

from collections.abc import Callable

from tokenworth.catalog import GRADERS, load
from tokenworth.core.grade import READ, Grade, Grader
from tokenworth.core.problem import AnswerKind, Problem
from tokenworth.errors import InvalidInput, unknown_name
from tokenworth.tasks.grade.plan import plan_grader
from tokenworth.tasks.user_code import first_line, user_callable


def grader_for(what: Problem | str) -> Grader:
    """The grader of a problem's answer kind, or the one a name stands for: a built-in name or ``module:callable``.

    Raises: UnknownName for a name that is neither; MissingExtra when it needs a library that is not installed;
    InvalidInput for a plan of no domain, when the module cannot be imported, what it names cannot be called, or a call of it raises.
    """
    if isinstance(what, Problem) and what.kind is AnswerKind.PLAN:
        return plan_grader(what)
    name = str(what.kind) if isinstance(what, Problem) else what
    if ":" in name:
        return _user_grader(name)
    if name not in GRADERS:
        raise unknown_name("grader", name, (*GRADERS, READ, "module:callable"))
    found = load(GRADERS, "grader", name)
    return found() if isinstance(found, type) else found


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
