"""The errors tokenworth raises: what failed, what was got, what was expected, what to do.

Every message is one line. The command line prints it and exits with code 2; it never shows a traceback
for these. Each class also inherits the standard class a caller would expect to catch.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class TokenworthError(Exception):
    """Root of everything raised on purpose."""


class InvalidInput(TokenworthError, ValueError):
    """A value from the user, a file or a model that cannot be used."""


class NoEffect(InvalidInput):
    """A choice that means nothing beside the others. ``names``: the fields of the settings that hold it."""

    def __init__(self, message: str, *names: str) -> None:
        super().__init__(message)
        self.names = names


class UnknownName(TokenworthError, LookupError):
    """A name that is not in a closed list; the message lists close matches."""


class MissingFile(TokenworthError, FileNotFoundError):
    """A file that should exist and does not."""


class MismatchError(TokenworthError, ValueError):
    """Two records that should describe the same model, schema or trace do not."""


class Unsupported(TokenworthError, NotImplementedError):
    """Something a model or server cannot do; the message says what would still work."""


class MissingExtra(TokenworthError, ImportError):
    """An optional dependency that is not installed."""


class StoreError(TokenworthError, OSError):
    """The store could not be read or written (disk full, locked, damaged)."""


class StoreLost(StoreError):
    """The file of a store is no longer where it was, or no longer whole: nothing more can be kept in it."""


class BudgetExceeded(TokenworthError, RuntimeError):
    """A run that cannot start or continue within its budget."""


class ServerError(TokenworthError, ConnectionError):
    """A server that cannot be reached, refuses the request, or whose replies cannot be used."""


def unknown_name(kind: str, got: str, known: Iterable[str]) -> UnknownName:
    """An `UnknownName` whose message lists close matches, or all names when they are few."""
    names = sorted(known)
    close = difflib.get_close_matches(got, names, n=3, cutoff=0.5)
    if close:
        hint = "did you mean " + " or ".join(close) + "?"
    elif len(names) <= 12:
        hint = "known: " + ", ".join(names)
    else:
        hint = f"{len(names)} are known, for example {', '.join(names[:5])}"
    return UnknownName(f"unknown {kind} {got!r}; {hint}")
