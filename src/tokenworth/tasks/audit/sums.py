"""Ways to make a target of numbers, each used once, with + - * and /, once a rule of arithmetic is dropped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import combinations, combinations_with_replacement, permutations

from tokenworth.tasks.audit.relaxed import cheat

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


def _one_off(a: float, b: float) -> Iterator[tuple[str, float, bool]]:
    for sign, c, _ in exact(a, b):
        yield from ((sign, c, False), (sign, c + 1, True))


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
    "one off": _one_off,
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


def ways(numbers: Sequence[float], is_made: Callable[[float], bool], results: Results) -> tuple[Move, ...] | None:
    """Operations that use up the numbers, break the dropped rule and leave a number that is wanted; None where there are none."""

    def moves(pool: tuple[float, ...]) -> Iterator[tuple[Move, tuple[float, ...], bool]]:
        for i, j in permutations(range(len(pool)), 2):
            rest = [number for at, number in enumerate(pool) if at not in (i, j)]
            for sign, c, is_forbidden in results(pool[i], pool[j]):
                if abs(c) <= _LARGEST and (rest or is_made(c)):
                    yield (pool[i], sign, pool[j], c), tuple(sorted((*rest, c))), is_forbidden

    return cheat(tuple(sorted(numbers)), moves, lambda pool: len(pool) == 1 and is_made(pool[0]), any_length=True)


def fewer(numbers: Sequence[int], target: int) -> tuple[Move, ...] | None:
    """Operations that make the target of some of the numbers; None where there are none."""
    pools = (pool for size in range(2, len(numbers)) for pool in combinations(numbers, size))
    found = (ways(pool, lambda value: value == target, _other) for pool in pools)
    return next((steps for steps in found if steps is not None), None)


def cheats(numbers: Sequence[int], target: int, rule: str) -> Iterator[str]:
    """Expressions that a checker without this rule alone takes for the target: one of `LOOSE`, ``same count`` (of the numbers, whichever
    of them they are), ``fewer`` (than all of them) or ``value near`` (less than 1 off)."""
    if rule == "fewer":
        steps = fewer(numbers, target)
        yield from () if steps is None else (expression(numbers, steps),)
    elif rule == "value near":
        for low, high in _NEAR:
            steps = ways(numbers, partial(_is_between, target + low, target + high), _real)
            yield from () if steps is None else (expression(numbers, steps),)
    elif rule == "same count":
        pools = (pool for pool in combinations_with_replacement(sorted(set(numbers)), len(numbers)) if Counter(pool) != Counter(numbers))
        found = ((pool, ways(pool, lambda value: value == target, _other)) for _, pool in zip(range(_MOST_POOLS), pools, strict=False))
        yield from [expression(pool, steps) for pool, steps in found if steps is not None][:1]
    else:
        steps = ways(numbers, lambda value: value == target, LOOSE[rule])
        yield from () if steps is None else (expression(numbers, steps),)


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
