"""Ways to make a target of numbers, each used once, with + - * and /, once a rule of arithmetic is dropped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import combinations, combinations_with_replacement, islice, permutations

Move = tuple[float, str, float, float]
"""Two numbers that are taken with the sign between them, and what is put back."""
Results = Callable[[float, float], Iterable[tuple[str, float, bool]]]
"""For two numbers: sign, result, and whether the rules forbid it."""
_LARGEST = 10_000


def exact(a: float, b: float) -> Iterator[tuple[str, float, bool]]:
    """What whole numbers give by the rules of Countdown: no negative number, no remainder."""
    yield "+", a + b, False
    yield "*", a * b, False
    if a >= b:
        yield "-", a - b, False
    if b and a % b == 0:
        yield "/", a // b, False


def _rounded(a: float, b: float) -> Iterator[tuple[str, float, bool]]:
    yield from exact(a, b)
    if b and a % b:
        yield "/", (2 * a + b) // (2 * b), True


def _rounded_down(a: float, b: float) -> Iterator[tuple[str, float, bool]]:
    yield from exact(a, b)
    if b and a % b:
        yield "/", a // b, True


def _turned(a: float, b: float) -> Iterator[tuple[str, float, bool]]:
    yield from exact(a, b)
    if a < b:
        yield "-", b - a, True


def _signs(sign: str, value: Callable[[float, float], float | None]) -> Results:
    def results(a: float, b: float) -> Iterator[tuple[str, float, bool]]:
        yield from exact(a, b)
        c = value(a, b)
        if c is not None:
            yield sign, c, True

    return results


LOOSE: Mapping[str, Results] = {
    "divisions rounded down": _rounded_down,
    "divisions rounded": _rounded,
    "differences turned": _turned,
    "//": _signs("//", lambda a, b: a // b if b else None),
    "%": _signs("%", lambda a, b: a % b if b else None),
    "**": _signs("**", lambda a, b: a**b if 0 < a <= 100 and 1 < b <= 5 else None),
}
"""Arithmetic with one rule dropped."""


def _other(a: float, b: float) -> Iterator[tuple[str, float, bool]]:
    """Exact arithmetic where it is not the arithmetic that is wrong, but the numbers."""
    yield from ((sign, c, True) for sign, c, _ in exact(a, b))


def _real(a: float, b: float) -> Iterator[tuple[str, float, bool]]:
    """Fractions and negative numbers too, where it is the value that is wrong."""
    yield from (("+", a + b, True), ("*", a * b, True), ("-", a - b, True))
    if b:
        yield "/", a / b, True


_NEAR = ((-0.5, 0.0), (0.0, 0.5), (0.5, 1.0))
"""Where a value lies from the target that a tolerance of a half, rounding or cutting off lets pass."""
_MOST_POOLS = 12
_MOST_STATES = 20_000


def ways(numbers: Sequence[float], is_made: Callable[[float], bool], results: Results) -> tuple[Move, ...] | None:
    """Operations that use up the numbers, break the dropped rule and leave a number that is wanted: the first that a search in depth meets.

    As no other rule is broken, a checker that lacks this one alone accepts them, and a checker that has them all stops at the first
    forbidden operation. None where there are none, or where too many states show none.
    """
    waiting: list[tuple[tuple[float, ...], bool, tuple[Move, ...]]] = [(tuple(sorted(numbers)), False, ())]
    seen = {waiting[0][:2]}
    while waiting and len(seen) < _MOST_STATES:
        pool, is_broken, steps = waiting.pop()
        if is_broken and len(pool) == 1 and is_made(pool[0]):
            return steps
        for i, j in permutations(range(len(pool)), 2):
            rest = [number for at, number in enumerate(pool) if at not in (i, j)]
            for sign, c, is_forbidden in results(pool[i], pool[j]):
                after = (tuple(sorted((*rest, c))), is_broken or is_forbidden)
                if abs(c) <= _LARGEST and (rest or is_made(c)) and after not in seen:
                    seen.add(after)
                    waiting.append((*after, (*steps, (pool[i], sign, pool[j], c))))
    return None


def fewer(numbers: Sequence[int], target: int) -> tuple[Move, ...] | None:
    """Operations that make the target of some of the numbers; None where there are none."""
    pools = (pool for size in range(2, len(numbers)) for pool in combinations(numbers, size))
    found = (ways(pool, lambda value: value == target, _other) for pool in pools)
    return next((steps for steps in found if steps is not None), None)


def cheats(numbers: Sequence[int], target: int, rule: str) -> Iterator[str]:
    """Expressions that a checker without this rule alone takes for the target: one of `LOOSE`, ``same count`` (of the numbers, whichever
    of them they are), ``fewer`` (than all of them) or ``value near`` (less than 1 off)."""

    def is_target(value: float) -> bool:
        return value == target

    found: Iterable[tuple[Sequence[int], tuple[Move, ...] | None]]
    if rule == "fewer":
        found = [(numbers, fewer(numbers, target))]
    elif rule == "value near":
        found = ((numbers, ways(numbers, partial(_is_between, target + low, target + high), _real)) for low, high in _NEAR)
    elif rule == "same count":
        pools = (pool for pool in combinations_with_replacement(sorted(set(numbers)), len(numbers)) if Counter(pool) != Counter(numbers))
        found = ((pool, ways(pool, is_target, _other)) for pool in islice(pools, _MOST_POOLS))
    else:
        found = [(numbers, ways(numbers, is_target, LOOSE[rule]))]
    written = (expression(pool, steps) for pool, steps in found if steps is not None)
    return islice(written, 1) if rule == "same count" else written


def _is_between(low: float, high: float, value: float) -> bool:
    # Not at the very edges: values are in floating point.
    return low + 1e-6 < value < high - 1e-6


def expression(numbers: Sequence[int], steps: Sequence[Move]) -> str:
    """The operations as one expression, with brackets around every operation but the last."""
    pool: list[tuple[float, str]] = [(number, str(number)) for number in numbers]
    for a, sign, b, c in steps:
        left = pool.pop(next(at for at, (value, _) in enumerate(pool) if value == a))
        right = pool.pop(next(at for at, (value, _) in enumerate(pool) if value == b))
        pool.append((c, f"({left[1]} {sign} {right[1]})"))
    return pool[-1][1].removeprefix("(").removesuffix(")")
