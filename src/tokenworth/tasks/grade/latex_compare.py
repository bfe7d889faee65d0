"""Whether two mathematical expressions are equal, decided on sympy's objects; loaded by the guarded process alone.

Exact comparison comes first. A decimal is taken as exactly what is written; beside a number that has no finite decimal form it is equal to
within 1.5e-6 of the size, so that 0.333333 is one third. Expressions with letters are different where they differ in value at some point, and
equal where algebra says so. What neither says is undecided.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy
from sympy import Basic, Expr, Float, I, Interval, N, Rational, Symbol, Tuple, simplify
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational
from sympy.logic.boolalg import BooleanFunction
from sympy.matrices import MatrixBase

SAME, OTHER, UNDECIDED = "same", "other", "undecided"
_NEAR = Rational(3, 2_000_000)
_DIGITS = 60
_PERCENT = sympy.UnevaluatedExpr(Rational(1, 100))
_POINTS = ((3, 7), (11, 5), (17, 13))
_MOST_SYMBOLS = 8
_KNOWN = {Interval, sympy.FiniteSet, sympy.Union, type(sympy.S.EmptySet), type(sympy.S.Reals)}


def compare(gold: Any, answer: Any) -> str:
    """``same``, ``other`` or ``undecided``."""
    first, second = _bare(gold), _bare(answer)
    if {type(first), type(second)} == {Interval, Tuple}:
        first, second = (Tuple(*one.args[:2]) if isinstance(one, Interval) else one for one in (first, second))
    for kind, decide in (
        (MatrixBase, _matrices),
        (sympy.Set, _sets),
        (Tuple, _tuples),
        (Expr, _expressions),
    ):
        if isinstance(first, kind) and isinstance(second, kind):
            return decide(first, second)
    if isinstance(first, Expr) and isinstance(second, sympy.FiniteSet):
        return _one_of(first, second.args)
    if isinstance(second, Expr) and isinstance(first, sympy.FiniteSet):
        return _one_of(second, first.args) if len(first.args) == 1 else OTHER
    # Values of two sorts are different, but for names, calls of unknown functions, and lists that may be points or intervals.
    sorts = (Expr, sympy.Set, Tuple, MatrixBase)
    loose = any(isinstance(one, Symbol) or one.atoms(AppliedUndef) for one in (first, second) if isinstance(one, Basic))
    listed = not isinstance(first, Expr) and not isinstance(second, Expr)
    return OTHER if isinstance(first, sorts) and isinstance(second, sorts) and not loose and not listed else UNDECIDED


def _bare(value: Any) -> Any:
    """The value without ``x =`` and ``x in`` before it, an inequality in one letter as a set, and i as the imaginary unit."""
    if isinstance(value, sympy.Eq) and (isinstance(value.lhs, (Symbol, AppliedUndef)) or not value.lhs.free_symbols):
        value = value.rhs
    if isinstance(value, sympy.FiniteSet) and value.args and all(isinstance(one, sympy.Eq) for one in value.args):
        names = {one.lhs for one in value.args}
        value = sympy.FiniteSet(*(one.rhs for one in value.args)) if len(names) == 1 else value
    unknown = list(value.atoms(AppliedUndef) or value.free_symbols) if isinstance(value, (Relational, BooleanFunction)) else []
    if len(unknown) == 1 and not isinstance(value, sympy.Eq):
        try:
            (symbol,) = unknown
            value = value.func(*value.args).xreplace({symbol: Symbol("x", real=True)}).as_set()
        except (NotImplementedError, TypeError, ValueError, AttributeError):
            return value
    if isinstance(value, Basic):
        swap: dict[Any, Any] = {one: I if one.name == "i" else Symbol(one.name) for one in value.atoms(Symbol)}
        if value.atoms(Symbol) and isinstance(value, Expr):
            value = value.xreplace(swap)
    return value


def _all(found: Sequence[str]) -> str:
    return OTHER if OTHER in found else UNDECIDED if UNDECIDED in found else SAME


def _matrices(first: MatrixBase, second: MatrixBase) -> str:
    if first.shape != second.shape:
        return OTHER
    return _all([compare(a, b) for a, b in zip(first.flat(), second.flat(), strict=True)])


def _tuples(first: Tuple, second: Tuple) -> str:
    if len(first.args) != len(second.args):
        return OTHER
    return _all([compare(a, b) for a, b in zip(first.args, second.args, strict=True)])


def _sets(first: Any, second: Any) -> str:
    if isinstance(first, Interval) and isinstance(second, Interval):
        open_alike = (first.left_open, first.right_open) == (second.left_open, second.right_open)
        return _all([compare(first.start, second.start), compare(first.end, second.end), SAME if open_alike else OTHER])
    if first == second:
        return SAME
    kinds = {next((kind for kind in _KNOWN if isinstance(one, kind)), type(one)) for one in (first, second)}
    if len(kinds) > 1 or not kinds <= {sympy.FiniteSet, sympy.Union}:
        return UNDECIDED if (Interval in kinds and sympy.FiniteSet in kinds) or not kinds <= _KNOWN else OTHER
    if len(first.args) != len(second.args):
        return OTHER
    found, left = [SAME], list(second.args)
    for one in first.args:
        said = [compare(one, other) for other in left]
        best = SAME if SAME in said else UNDECIDED if UNDECIDED in said else OTHER
        found.append(best)
        if best == SAME:
            left.pop(said.index(SAME))
    return _all(found)


def _one_of(one: Expr, several: Sequence[Any]) -> str:
    """One value beside several: two answers decide nothing where one of them is the value."""
    return UNDECIDED if any(compare(one, other) != OTHER for other in several) else OTHER


def _percent(value: Expr) -> tuple[Expr, bool]:
    if isinstance(value, sympy.Mul) and _PERCENT in value.args:
        return sympy.Mul(*(one for one in value.args if one != _PERCENT)), True
    return value, False


def _expressions(first: Expr, second: Expr) -> str:
    if isinstance(first, Symbol) or isinstance(second, Symbol):
        if isinstance(first, Symbol) and isinstance(second, Symbol):
            return SAME if first.name.casefold() == second.name.casefold() else OTHER
        return UNDECIDED
    (first, one_percent), (second, two_percent) = _percent(first), _percent(second)
    said = _values(first, second)
    if said != SAME and one_percent != two_percent:
        said = SAME if _values(first / 100 if one_percent else first, second / 100 if two_percent else second) == SAME else said
    return said


def _values(first: Expr, second: Expr) -> str:
    symbols = sorted(first.free_symbols | second.free_symbols, key=str)
    if first.atoms(AppliedUndef) != second.atoms(AppliedUndef) or len(symbols) > _MOST_SYMBOLS:
        return UNDECIDED
    rough = first.has(Float) or second.has(Float)
    first, second = _exact(first), _exact(second)
    if first == second:
        return SAME
    if not symbols:
        return _numbers(first, second, rough=rough)
    seen = 0
    for base, step in _POINTS:
        point = {one: Rational(base + step * at, 9 + at) for at, one in enumerate(symbols)}
        near = _apart(first.subs(point), second.subs(point))
        if near is not None and near > (_NEAR if rough else 10**-20):
            # A letter after the right number may be its unit.
            whole, part = sorted((first, second), key=lambda one: len(one.free_symbols))
            return UNDECIDED if not whole.free_symbols and part.as_coeff_Mul()[0] == whole else OTHER
        seen += near is not None
    if seen == 0:
        return UNDECIDED
    positive = {one: Symbol(str(one), positive=True) for one in symbols}
    difference = simplify(first.xreplace(positive) - second.xreplace(positive))
    return SAME if difference == 0 else UNDECIDED


def _exact(value: Expr) -> Expr:
    """The value with every decimal as exactly what is written."""
    return value.xreplace({one: Rational(repr(float(one))) for one in value.atoms(Float)}).doit()


def _apart(first: Expr, second: Expr) -> Any:
    """How far two numbers are apart, relative to the larger one; None where one of them is no finite number."""
    one, two = N(first, _DIGITS, maxn=400), N(second, _DIGITS, maxn=400)
    if not all(value.is_number and value.is_finite for value in (one, two)):
        return None
    size = max(abs(one), abs(two))
    return abs(one - two) / size if size != 0 else sympy.S.Zero


def _numbers(first: Expr, second: Expr, *, rough: bool) -> str:
    if first.is_infinite or second.is_infinite:
        return OTHER
    apart = _apart(first, second)
    if apart is None:
        return UNDECIDED
    finite = [one.is_Rational and not set(sympy.factorint(one.q)) - {2, 5} for one in (first, second)]
    if first.is_Rational and second.is_Rational and first == second:
        return SAME
    if rough:
        return OTHER if apart > _NEAR else UNDECIDED if all(finite) else SAME
    return OTHER if apart > 10**-40 else SAME if simplify(first - second) == 0 else UNDECIDED
