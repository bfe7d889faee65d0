"""Which grader a problem gets: the built-in ones by name, or a function of the user's."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path

from tokenworth.catalog import GRADERS, load
from tokenworth.core.grade import Grade, Grader
from tokenworth.core.problem import Problem
from tokenworth.errors import InvalidInput, unknown_name


def grader_for(what: Problem | str) -> Grader:
    """The grader of a problem's answer kind, or the one a name stands for: a built-in name or ``module:callable``.

    Raises: UnknownName for a name that is neither; MissingExtra when it needs a library that is not installed;
    InvalidInput when the module cannot be imported, what it names cannot be called, or a call of it raises.
    """
    name = str(what.kind) if isinstance(what, Problem) else what
    if ":" in name:
        return _user_grader(name)
    if name not in GRADERS:
        raise unknown_name("grader", name, (*GRADERS, "module:callable"))
    found = load(GRADERS, "grader", name)
    return found() if isinstance(found, type) else found


def _user_grader(name: str) -> Grader:
    module_name, _, attribute = name.partition(":")
    found: object = _import(module_name, name)
    for part in attribute.split("."):
        if not hasattr(found, part):
            known = [other for other in dir(found) if not other.startswith("_")]
            raise unknown_name(f"attribute of {module_name}", attribute, known)
        found = getattr(found, part)
    if not callable(found):
        raise InvalidInput(f"grader {name!r} is a {type(found).__name__}; expected a function of a problem and a text")
    call: Callable[[Problem, str], object] = found

    def checked(problem: Problem, text: str) -> Grade:
        try:
            grade = call(problem, text)
        except Exception as error:  # the user's code may raise anything, and the run must end in one line
            raise InvalidInput(f"grader {name!r} raised {_told(error)}; expected a tokenworth.core.grade.Grade") from error
        if not isinstance(grade, Grade):
            raise InvalidInput(f"grader {name!r} returned a {type(grade).__name__}; expected a tokenworth.core.grade.Grade")
        return grade

    return checked


def _import(module_name: str, name: str) -> object:
    here = str(Path.cwd())
    added = here not in sys.path
    if added:
        sys.path.insert(0, here)  # a grader in the folder the user works in
    try:
        return importlib.import_module(module_name)
    except Exception as error:  # importing runs the user's code, which may raise anything
        raise InvalidInput(f"grader {name!r}: cannot import module {module_name!r}: {_told(error)}") from error
    finally:
        if added:
            sys.path.remove(here)


def _told(error: Exception) -> str:
    """Type and first line of the message."""
    said = str(error).strip().split("\n", 1)[0]
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
