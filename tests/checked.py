"""Types and shapes of arrays are checked as the tests run, but not at each of a function's hundred thousand calls.

The import hook (``--jaxtyping-packages`` in pyproject.toml) decorates every function of the packages it names. Checked at every call, that
is most of the time of the statistical tests. Here the first calls of a function in a process are checked, and one in `EVERY` later.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import itertools
from collections.abc import Callable, Iterator
from types import CodeType
from typing import Any

import jaxtyping

FIRST, EVERY = 50, 64
_WHOLE = jaxtyping.jaxtyped
_CALLS: dict[CodeType, Iterator[int]] = {}


def install() -> None:
    """From here on functions that are imported are checked now and then."""
    jaxtyping.jaxtyped = _jaxtyped  # type: ignore[assignment]


def _jaxtyped(fn: Any = None, *, typechecker: Any) -> Any:
    """As ``jaxtyping.jaxtyped``, which the hook writes above every function and class."""
    if fn is None:
        return functools.partial(_jaxtyped, typechecker=typechecker)
    if inspect.isclass(fn):
        if dataclasses.is_dataclass(fn):
            fn.__init__ = _now_and_then(fn.__init__, typechecker)
        return fn
    return _now_and_then(fn, typechecker) if inspect.isfunction(fn) else _WHOLE(fn, typechecker=typechecker)


def _now_and_then(fn: Callable[..., Any], typechecker: Any) -> Callable[..., Any]:
    # A function inside another is made, and would be compiled for its checks, at each call of that one: all of them have one count.
    is_inner = "<locals>" in fn.__qualname__
    calls = _CALLS.setdefault(fn.__code__, itertools.count()) if is_inner else itertools.count()
    checked: Any = None

    @functools.wraps(fn)
    def called(*args: Any, **kwargs: Any) -> Any:
        nonlocal checked
        number = next(calls)
        if number >= FIRST and (is_inner or number % EVERY):
            return fn(*args, **kwargs)
        # Made at the first call: it compiles two functions, and most are never called in a process.
        checked = checked or _WHOLE(fn, typechecker=typechecker)
        return checked(*args, **kwargs)

    return called
