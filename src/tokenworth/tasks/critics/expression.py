"""A critic of Countdown answers: one arithmetic expression of given numbers that makes the target, in exact arithmetic."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction

from tokenworth.errors import InvalidInput
from tokenworth.tasks.critics.critic import Ruling

MAX_CHARS = 400
"""Characters an answer may have."""
MAX_DIGITS = 9
_TOKEN = re.compile(r"[ \t]*(?:([0-9]{1,9})(?![0-9])|([-+*/()]))")
_STATED = re.compile(r"\A(.*?)(?:=[ \t]*([0-9]{1,9}))?[ \t]*\Z", re.DOTALL)
_RANK = {"+": 1, "-": 1, "*": 2, "/": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class CountdownCritic:
    """Accepts ``3 * (7 + 1)`` for the numbers 1, 3, 7 and the target 24, with ``= 24`` after it or without.

    Each number is used at most as often as it is given, with ``use_all`` exactly as often. Whole numbers are digits and nothing else; the
    only operators are + - * / and brackets; there is no sign before a number. Division is exact and never by zero.
    """

    numbers: tuple[int, ...]
    target: int
    use_all: bool = True
    name: str = "countdown expression"
    version: str = "1"
    strictness: str = "exact"
    reads_whole: bool = False

    def __post_init__(self) -> None:
        if not self.numbers or any(not 0 <= number < 10**MAX_DIGITS for number in self.numbers):
            raise InvalidInput(f"countdown numbers {self.numbers}: expected whole numbers of at most {MAX_DIGITS} digits")

    def check(self, answer: str) -> Ruling:
        """Every fault that can be named: an expression that cannot be read, wrong numbers, a wrong value."""
        text = answer.strip()
        if len(text) > MAX_CHARS or not text.isascii():
            return Ruling(accepted=False, messages=(f"expected one expression of at most {MAX_CHARS} plain characters",))
        stated = _STATED.match(text)
        assert stated is not None
        read = _evaluate(stated.group(1))
        if isinstance(read, str):
            return Ruling(accepted=False, messages=(read,))
        value, used = read
        messages: list[str] = []
        over, left = Counter(used) - Counter(self.numbers), Counter(self.numbers) - Counter(used)
        if over:
            messages.append(f"numbers that are not given, or not so often: {_shown(over)}")
        if self.use_all and left:
            messages.append(f"numbers not used: {_shown(left)}")
        if value != self.target:
            messages.append(f"the value is {value}; expected {self.target}")
        if stated.group(2) is not None and int(stated.group(2)) != self.target:
            messages.append(f"the value stated is {stated.group(2)}; expected {self.target}")
        return Ruling(accepted=not messages, messages=tuple(messages))


def _shown(counted: Counter[int]) -> str:
    return ", ".join(map(str, sorted(counted.elements())))


def _tokens(text: str) -> list[str] | None:
    """Numbers, operators and brackets; None where anything else is among them."""
    tokens: list[str] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            return None if text[at:].strip(" \t") else tokens
        tokens.append(match.group(1) or match.group(2))
        at = match.end()
    return tokens


def _evaluate(text: str) -> tuple[Fraction, list[int]] | str:
    """The value and the numbers used, or why there is none. Two stacks, so that no nesting is too deep."""
    tokens = _tokens(text)
    if not tokens:
        return "expected an expression of whole numbers, + - * / and brackets"
    values, waiting, used = list[Fraction](), list[str](), list[int]()
    expects_value = True
    for token in tokens:
        if token == ")" and not expects_value:
            while waiting and waiting[-1] != "(":
                if not _apply(values, waiting.pop()):
                    return "division by zero"
            if not waiting:
                return "a bracket is closed that is not open"
            waiting.pop()
        elif token == "(" and expects_value:
            waiting.append(token)
        elif token.isdecimal() and expects_value:
            used.append(int(token))
            values.append(Fraction(used[-1]))
            expects_value = False
        elif token in _RANK and not expects_value:
            while waiting and waiting[-1] != "(" and _RANK[waiting[-1]] >= _RANK[token]:
                if not _apply(values, waiting.pop()):
                    return "division by zero"
            waiting.append(token)
            expects_value = True
        else:
            return f"{token!r} where {'a number' if expects_value else 'an operator'} was expected"
    while waiting and not expects_value:
        operator = waiting.pop()
        if operator == "(":
            return "a bracket is not closed"
        if not _apply(values, operator):
            return "division by zero"
    return "the expression ends in an operator" if expects_value else (values[0], used)


def _apply(values: list[Fraction], operator: str) -> bool:
    """Applies an operator to the last two values; False for a division by zero."""
    right, left = values.pop(), values.pop()
    if operator == "/" and right == 0:
        return False
    values.append(
        left + right if operator == "+" else left - right if operator == "-" else left * right if operator == "*" else left / right
    )
    return True
