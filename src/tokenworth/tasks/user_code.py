"""Functions that a user names as ``module:callable``: imported from the folder the user works in, or from anything installed."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tokenworth.errors import InvalidInput, unknown_name


def user_callable(name: str, kind: str, takes: str) -> Callable[..., Any]:
    """The function that ``module:callable`` names. ``kind`` and ``takes`` say in errors what it is for and what it is given.

    Raises: InvalidInput when the module cannot be imported or what it names cannot be called; UnknownName with close matches.
    """
    module_name, _, attribute = name.partition(":")
    found: object = _import(module_name, name, kind)
    for part in attribute.split("."):
        if not hasattr(found, part):
            known = [other for other in dir(found) if not other.startswith("_")]
            raise unknown_name(f"attribute of {module_name}", attribute, known)
        found = getattr(found, part)
    if not callable(found):
        raise InvalidInput(f"{kind} {name!r} is a {type(found).__name__}; expected a function of {takes}")
    return found


def _import(module_name: str, name: str, kind: str) -> object:
    here = str(Path.cwd())
    added = here not in sys.path
    if added:
        sys.path.insert(0, here)  # a function in the folder the user works in
    try:
        return importlib.import_module(module_name)
    except Exception as error:  # importing runs the user's code, which may raise anything
        raise InvalidInput(f"{kind} {name!r}: cannot import module {module_name!r}: {first_line(error)}") from error
    finally:
        if added:
            sys.path.remove(here)


def first_line(error: Exception) -> str:
    """Type and first line of the message."""
    said = str(error).strip().split("\n", 1)[0]
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
