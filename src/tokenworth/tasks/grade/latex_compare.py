"""Whether two mathematical expressions are equal, decided on sympy's objects; loaded by the guarded process alone.

Exact comparison comes first. A decimal is exactly what is written; beside a number without a finite decimal form it is equal within 1.5e-6
of the size, so that 0.333333 is one third. Expressions with letters are different where their values differ at some point, and equal where
algebra says so. What neither says is undecided.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

sympy: Any = importlib.import_module("sympy")
Calls: Any = importlib.import_module("sympy.core.function").AppliedUndef
Relational: Any = importlib.import_module("sympy.core.relational").Relational
Matrix: Any = importlib.import_module("sympy.matrices").MatrixBase

SAME, OTHER, UNDECIDED = "same", "other", "undecided"
_NEAR = sympy.Rational(3, 2_000_000)
_DIGITS = 60
_PERCENT = sympy.UnevaluatedExpr(sympy.Rational(1, 100))
_POINTS = ((3, 7), (11, 5), (17, 13))
_MOST_SYMBOLS = 8
_SETS: set[Any] = {sympy.Interval, sympy.FiniteSet, sympy.Union, type(sympy.S.EmptySet), type(sympy.S.Reals)}


def compare(gold: Any, answer: Any) -> str:
    """``same``, ``other`` or ``undecided``."""
    first, second = _bare(gold), _bare(answer)
    if {type(first), type(second)} == {sympy.Interval, sympy.Tuple}:
        first, second = (sympy.Tuple(*one.args[:2]) if isinstance(one, sympy.Interval) else one for one in (first, second))
    for kind, decide in ((Matrix, _matrices), (sympy.Set, _sets), (sympy.Tuple, _tuples), (sympy.Expr, _expressions)):
        if isinstance(first, kind) and isinstance(second, kind):
            return decide(first, second)
    if isinstance(first, sympy.Expr) and isinstance(second, sympy.FiniteSet):
        # Two answers decide nothing where one of them is the value.
        return UNDECIDED if any(compare(first, other) != OTHER for other in second.args) else OTHER
    if isinstance(second, sympy.Expr) and isinstance(first, sympy.FiniteSet):
        return UNDECIDED if len(first.args) == 1 and compare(first.args[0], second) != OTHER else OTHER
    # Values of two sorts are different, but for names, calls of unknown functions, and lists that may be points or intervals.
    sorts = (sympy.Expr, sympy.Set, sympy.Tuple, Matrix)
    is_loose = any(isinstance(one, sympy.Symbol) or (hasattr(one, "atoms") and one.atoms(Calls)) for one in (first, second))
    are_lists = not isinstance(first, sympy.Expr) and not isinstance(second, sympy.Expr)
    return OTHER if isinstance(first, sorts) and isinstance(second, sorts) and not is_loose and not are_lists else UNDECIDED


def _bare(value: Any) -> Any:
    """The value without ``x =`` and ``x in`` before it, an inequality in one letter as a set, and i as the imaginary unit."""
    if isinstance(value, sympy.Eq) and (isinstance(value.lhs, (sympy.Symbol, Calls)) or not value.lhs.free_symbols):
        value = value.rhs
    if isinstance(value, sympy.FiniteSet) and value.args and all(isinstance(one, sympy.Eq) for one in value.args):
        value = sympy.FiniteSet(*(one.rhs for one in value.args)) if len({one.lhs for one in value.args}) == 1 else value
    is_relation = isinstance(value, (Relational, sympy.logic.boolalg.BooleanFunction)) and not isinstance(value, sympy.Eq)
    unknown = list(value.atoms(Calls) or value.free_symbols) if is_relation else []
    if len(unknown) == 1:
        try:
            value = value.func(*value.args).xreplace({unknown[0]: sympy.Symbol("x", real=True)}).as_set()
        except (NotImplementedError, TypeError, ValueError, AttributeError):
            return value
    if isinstance(value, sympy.Expr) and value.free_symbols:
        value = value.xreplace({one: sympy.I if one.name == "i" else sympy.Symbol(one.name) for one in value.atoms(sympy.Symbol)})
    return value


def _all(found: Sequence[str]) -> str:
    return OTHER if OTHER in found else UNDECIDED if UNDECIDED in found else SAME


def _matrices(first: Any, second: Any) -> str:
    pairs = zip(first.flat(), second.flat(), strict=False)
    return _all([compare(*pair) for pair in pairs]) if first.shape == second.shape else OTHER


def _tuples(first: Any, second: Any) -> str:
    pairs = zip(first.args, second.args, strict=False)
    return _all([compare(*pair) for pair in pairs]) if len(first.args) == len(second.args) else OTHER


def _sets(first: Any, second: Any) -> str:
    if first == second:
        return SAME
    if isinstance(first, sympy.Interval) and isinstance(second, sympy.Interval):
        alike = (first.left_open, first.right_open) == (second.left_open, second.right_open)
        return _all([compare(first.start, second.start), compare(first.end, second.end), SAME if alike else OTHER])
    kinds: set[Any] = {next((kind for kind in _SETS if isinstance(one, kind)), None) for one in (first, second)}
    if len(kinds) > 1 or not kinds <= {sympy.FiniteSet, sympy.Union}:
        return UNDECIDED if kinds == {sympy.Interval, sympy.FiniteSet} or not kinds <= _SETS else OTHER
    if len(first.args) != len(second.args):
        return OTHER
    found, left = [SAME], list(second.args)
    for one in first.args:
        said = [compare(one, other) for other in left]
        found.append(min(said, key=(SAME, UNDECIDED, OTHER).index))
        if SAME in said:
            left.pop(said.index(SAME))
    return _all(found)


def _expressions(first: Any, second: Any) -> str:
    if isinstance(first, sympy.Symbol) or isinstance(second, sympy.Symbol):
        names = [one.name.casefold() for one in (first, second) if isinstance(one, sympy.Symbol)]
        return UNDECIDED if len(names) < 2 else SAME if names[0] == names[1] else OTHER
    percents = [isinstance(one, sympy.Mul) and _PERCENT in one.args for one in (first, second)]
    first, second = (
        one.xreplace({_PERCENT: sympy.S.One}).doit() if percent else one for one, percent in zip((first, second), percents, strict=True)
    )
    said = _values(first, second)
    if said != SAME and percents[0] != percents[1]:
        said = SAME if _values(first / (100 if percents[0] else 1), second / (100 if percents[1] else 1)) == SAME else said
    return said


def _values(first: Any, second: Any) -> str:
    symbols = sorted(first.free_symbols | second.free_symbols, key=str)
    if first.atoms(Calls) != second.atoms(Calls) or len(symbols) > _MOST_SYMBOLS:
        return UNDECIDED
    rough = first.has(sympy.Float) or second.has(sympy.Float)
    # Every decimal as exactly what is written.
    first, second = (one.xreplace({at: sympy.Rational(repr(float(at))) for at in one.atoms(sympy.Float)}).doit() for one in (first, second))
    if first == second:
        return SAME
    if not symbols:
        return _numbers(first, second, rough=rough)
    seen = 0
    for base, step in _POINTS:
        point = {one: sympy.Rational(base + step * at, 9 + at) for at, one in enumerate(symbols)}
        apart = _apart(first.subs(point), second.subs(point))
        if apart is not None and apart > (_NEAR if rough else 10**-20):
            # A letter after the right number may be its unit.
            whole, part = sorted((first, second), key=lambda one: len(one.free_symbols))
            return UNDECIDED if not whole.free_symbols and part.as_coeff_Mul()[0] == whole else OTHER
        seen += apart is not None
    positive = {one: sympy.Symbol(str(one), positive=True) for one in symbols}
    return SAME if seen and sympy.simplify(first.xreplace(positive) - second.xreplace(positive)) == 0 else UNDECIDED


def _apart(first: Any, second: Any) -> Any:
    """How far two numbers are apart, relative to the larger one; None where one of them is no finite number."""
    one, two = (sympy.N(value, _DIGITS, maxn=400) for value in (first, second))
    if not all(value.is_number and value.is_finite for value in (one, two)):
        return None
    size = max(abs(one), abs(two))
    return abs(one - two) / size if size != 0 else sympy.S.Zero


def _numbers(first: Any, second: Any, *, rough: bool) -> str:
    if first.is_infinite or second.is_infinite:
        return OTHER
    apart = _apart(first, second)
    if apart is None:
        return UNDECIDED
    if rough:
        finite = all(one.is_Rational and not set(sympy.factorint(one.q)) - {2, 5} for one in (first, second))
        return OTHER if apart > _NEAR else UNDECIDED if finite else SAME
    return OTHER if apart > 10**-40 else SAME if sympy.simplify(first - second) == 0 else UNDECIDED
