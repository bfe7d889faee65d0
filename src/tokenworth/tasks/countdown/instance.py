"""A countdown puzzle, the operations on its numbers, and exact arithmetic on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from tokenworth.errors import InvalidInput

WrittenNumber = int | str
"""A whole number, or a written fraction (``4.9``, ``3.33...``) that is kept as text: only whole numbers are taken for a result."""

MAX_DIGITS = 18
"""Digits a whole number may have."""
MAX_NUMBERS = 32
"""Numbers a state may have."""

_LIMIT = 10**MAX_DIGITS
_LEAST = Fraction(1, 10**9)
"""What two written fractions may differ by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Puzzle:
    """Reach ``target`` from ``numbers``, each used exactly once, by +, -, * and exact /."""

    target: int
    numbers: tuple[int, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.numbers) <= MAX_NUMBERS:
            raise InvalidInput(f"a countdown puzzle of {len(self.numbers)} numbers; expected 1 to {MAX_NUMBERS}")
        for number in (self.target, *self.numbers):
            if not 0 <= number < _LIMIT:
                raise InvalidInput(f"a countdown puzzle with a number outside of 0 to {_LIMIT - 1}; expected at most {MAX_DIGITS} digits")


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A written equation: ``operands[0] operators[0] operands[1] ... = result``. Solvers write two operands, models more now and then."""

    text: str
    operands: tuple[WrittenNumber, ...]
    operators: str
    result: WrittenNumber

    @property
    def is_binary(self) -> bool:
        """Whether it has two operands."""
        return len(self.operands) == 2

    @property
    def has_fraction(self) -> bool:
        """Whether the result is a written fraction, which no solver of these puzzles writes: also ``1.0`` where it is rounded."""
        return isinstance(self.result, str) or (self._has_point and self._is_rounded)

    def holds(self, exact: Mapping[str, Fraction] | None = None) -> bool:
        """Whether the equation holds: exactly between whole numbers, and up to the rounding of the fractions that it writes.

        A fraction stands for what is written, or for its value in ``exact``, which was rounded when it was written. A result with a
        point may be rounded or cut off at its last digit (the ninth at most, as floating-point numbers go); one without is not rounded.
        """
        if len(self.operands) == 2 and isinstance(self.result, int) and not self._has_point:
            a, b = self.operands
            if isinstance(a, int) and isinstance(b, int):
                return holds(a, self.operators, b, self.result)
        return any(self._gives(value) for value in (self.value(), self.value(exact)) if value is not None)

    def value(self, exact: Mapping[str, Fraction] | None = None) -> Fraction | None:
        """The value of the left side, * and / before + and -, with fractions as in `holds`; None where it divides by zero."""
        first, *rest = (_fraction(operand, exact or {}) for operand in self.operands)
        total, term = Fraction(0), first
        for operator, operand in zip(self.operators, rest, strict=True):
            if operator in "+-":
                total += term
                term = operand if operator == "+" else -operand
            elif operator == "*":
                term *= operand
            elif operand == 0:
                return None
            else:
                term /= operand
        return total + term

    @property
    def _written(self) -> str:
        return self.text.rpartition("=")[2]

    @property
    def _has_point(self) -> bool:
        return "." in self._written

    @property
    def _is_rounded(self) -> bool:
        value = self.value()
        return value is not None and value.denominator != 1 and all(isinstance(operand, int) for operand in self.operands)

    def _gives(self, value: Fraction) -> bool:
        result, from_fractions = _fraction(self.result, {}), any(isinstance(operand, str) for operand in self.operands)
        if not self._has_point:
            return abs(value - result) <= (_LEAST if from_fractions else 0)
        if value.denominator == 1 and not from_fractions:
            return value == result  # a whole number is not rounded
        step = max(Fraction(1, 10 ** len(self._written.rstrip(".").partition(".")[2])), _LEAST)
        return abs(value - result) <= step / 2 or (value * result >= 0 and 0 <= abs(value) - abs(result) < step)


def _fraction(number: WrittenNumber, exact: Mapping[str, Fraction]) -> Fraction:
    return Fraction(number) if isinstance(number, int) else exact.get(number) or Fraction(number.rstrip("."))


def holds(a: int, operator: str, b: int, result: int) -> bool:
    """Whether an equation between whole numbers holds."""
    match operator:
        case "+":
            return a + b == result
        case "-":
            return a - b == result
        case "*":
            return a * b == result
        case _:
            return b != 0 and a == b * result


def left_over(numbers: Sequence[WrittenNumber], operands: Sequence[WrittenNumber]) -> tuple[list[WrittenNumber], list[WrittenNumber]]:
    """The numbers that stay when the operands are taken from them, in their order, and the operands that were not there."""
    wanted = Counter(operands)
    stay: list[WrittenNumber] = []
    for number in numbers:
        if wanted[number] > 0:
            wanted[number] -= 1
        else:
            stay.append(number)
    return stay, [operand for operand, count in wanted.items() for _ in range(count)]


def are_same(one: Sequence[WrittenNumber], other: Sequence[WrittenNumber]) -> bool:
    """Whether two lists hold the same numbers equally often, in any order."""
    return tuple(one) == tuple(other) or Counter(one) == Counter(other)


def ways(numbers: Sequence[WrittenNumber], a: WrittenNumber, b: WrittenNumber) -> int:
    """How many pairs of places in the numbers hold a and b."""
    counts = Counter(numbers)
    return counts[a] * counts[b] if a != b else counts[a] * (counts[a] - 1) // 2


def most_operations(size: int) -> int:
    """The product over k = size .. 2 of 4 · k(k − 1)/2: the nodes of a whole search, 4, 48, 1152 and 46080 for 2 to 5 numbers.

    Source: Gandhi et al. 2024, arXiv 2404.03683. Differs: given for any size; 1 for a single number.
    """
    product = 1
    for k in range(2, size + 1):
        product *= 2 * k * (k - 1)
    return product
