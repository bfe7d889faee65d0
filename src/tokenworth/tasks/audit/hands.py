"""Attacks on checkers of Countdown answers given as an expression: ``(5 + 3) * 2``."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from tokenworth.core.problem import AnswerKind, Problem
from tokenworth.tasks.audit import noise
from tokenworth.tasks.audit.attack import Surface, Wordings, open_answers, right_answers, wrong_answers
from tokenworth.tasks.audit.sums import Move, cheats, exact

_OPS = "+-*/"
_SAFE = re.compile(r"[0-9+\-*/() ]{1,200}", re.ASCII)
_ZERO_LED = re.compile(r"(?<![0-9])0[0-9]", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hand:
    """Numbers and a target that can be made of all of them. ``steps``: the operations, ``expression``: the same as one expression."""

    problem: Problem
    numbers: tuple[int, ...]
    target: int
    steps: tuple[Move, ...]
    expression: str

    def solves(self, text: str) -> bool:
        """Whether a text is an expression of these numbers, each used once, with + - * / and brackets, whose value is the target."""
        if not _SAFE.fullmatch(text) or _ZERO_LED.search(text):
            return False
        try:
            tree = ast.parse(text.strip(), mode="eval")
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
        used: list[int] = []
        value = _value(tree.body, used)
        return value == self.target and Counter(used) == Counter(self.numbers)


def _value(node: ast.expr, used: list[int]) -> Fraction | None:
    # Texts are at most 200 characters here, so the depth is bounded.
    if isinstance(node, ast.Constant) and type(node.value) is int:
        used.append(node.value)
        return Fraction(node.value)
    if not isinstance(node, ast.BinOp):
        return None
    left, right = _value(node.left, used), _value(node.right, used)
    if left is None or right is None:
        return None
    match node.op:
        case ast.Add():
            return left + right
        case ast.Sub():
            return left - right
        case ast.Mult():
            return left * right
        case ast.Div():
            return None if right == 0 else left / right
        case _:
            return None


def _is_fit(hand: Hand) -> bool:
    rules = ("divisions rounded down", "differences turned", "same count", "value near")
    return all(any(cheats(hand.numbers, hand.target, rule)) for rule in rules)


def make_hands(count: int, rng: np.random.Generator, is_fit: Callable[[Hand], bool] = _is_fit) -> list[Hand]:
    """Solvable hands of three or four numbers, drawn by reducing them at random, kept where rules can be broken that way."""
    made: list[Hand] = []
    while len(made) < count:
        numbers = [int(n) for n in rng.integers(1, 30, size=int(rng.integers(3, 5)))]
        pool: list[tuple[int, str]] = [(number, str(number)) for number in numbers]
        steps: list[Move] = []
        while len(pool) > 1:
            i, j = (int(at) for at in rng.permutation(len(pool))[:2])
            (a, left), (b, right) = pool[i], pool[j]
            op = _OPS[int(rng.integers(4))]
            c = next((int(result) for sign, result, _ in exact(a, b) if sign == op), None)
            if c is None or c > 2000:
                op, c = "+", a + b
            steps.append((a, op, b, c))
            rest: list[tuple[int, str]] = [entry for at, entry in enumerate(pool) if at not in (i, j)]
            pool = [*rest, (c, f"({left} {op} {right})")]
        target, expression = pool[0]
        if 10 <= target <= 2000 and target not in numbers and all(step[-1] != target for step in steps[:-1]):
            question = f"Use each of the numbers {', '.join(map(str, numbers))} once, with + - * / and brackets, to make {target}."
            problem = Problem(id=f"expression-{len(made)}", question=question, kind=AnswerKind.EXACT)
            hand = Hand(problem=problem, numbers=tuple(numbers), target=target, steps=tuple(steps), expression=expression[1:-1])
            if hand.solves(hand.expression) and is_fit(hand):
                made.append(hand)
    return made


def _fields(item: Hand) -> dict[str, str]:
    """e: an expression that solves the hand, t: the target, a and b: two numbers of the hand, and all of its numbers with signs between."""
    t, e, numbers = item.target, item.expression, [str(number) for number in item.numbers]
    return {
        "t": str(t), "e": e, "a": numbers[0], "b": numbers[1], "less": str(t - 1), "more": str(t + 1), "rest": str(t - item.numbers[0]),
        "all": "+".join(numbers), "sum": " + ".join(numbers), "product": " * ".join(numbers), "difference": " - ".join(numbers),
        "row": " ".join(numbers), "list": ", ".join(numbers), "joined": "".join(numbers), "split": "_".join(str(t)),
        "hex": f"{t:x}", "octal": f"{t:o}", "binary": f"{t:b}", "arabic": _shifted(t, 0x660), "fullwidth": _shifted(t, 0xFF10),
    }  # fmt: skip


def _shifted(number: int, zero: int) -> str:
    return "".join(chr(zero + int(digit)) for digit in str(number))


_says = Wordings(_fields)


def _wrong_only(texts: Callable[[Hand], Iterable[str]]) -> Callable[[Hand], Iterator[str]]:
    return lambda item: (text for text in texts(item) if not item.solves(text))


def _breaks(*rules: str) -> Callable[[Hand], Iterator[str]]:
    return _wrong_only(lambda item: (text for rule in rules for text in cheats(item.numbers, item.target, rule)))


def _swaps(*pairs: tuple[str, str]) -> Callable[[Hand], Iterator[str]]:
    """The right expression with these signs replaced."""
    return _wrong_only(lambda item: (item.expression.replace(old, new) for old, new in pairs))


def _other_numbers(item: Hand) -> Iterator[str]:
    """As many numbers as the hand has, others than its own."""
    more = [1] * (len(item.numbers) - 2)
    yield " + ".join(map(str, (item.target - 1 - sum(more), 1, *more)))
    yield f"{item.target} * {' * '.join('1' for _ in item.numbers[1:])}"


def _reused(item: Hand) -> Iterator[str]:
    yield from (f"({item.expression}) * {n} / {n}" for n in item.numbers)
    yield from (f"{item.expression} + {n} - {n}" for n in item.numbers)


def _unused(item: Hand) -> Iterator[str]:
    """Expressions of the right value that leave out one number or more, and of some numbers with another value."""
    numbers, first = item.numbers, item.numbers[0]
    yield from (str(n) for n in numbers)
    yield from (f"{a} {op} {b}" for a in numbers for b in numbers for op in _OPS)
    yield f"{item.target // first} * {first}" if item.target % first == 0 else f"{item.target + first} - {first}"


def _right(item: Hand) -> Iterator[str]:
    e = item.expression
    return (text for text in (e, f"({e})", e.replace(" ", ""), f"(({e}))", f" {e} ") if item.solves(text.strip()))


EXPRESSION: Surface[Hand] = Surface(
    name="expression",
    make=make_hands,
    of=lambda problem: None,
    problem=lambda item: item.problem,
    attacks=(
        wrong_answers(
            "number syntax", "numbers hidden as 24e0, 0x18 and the like are not numbers of the hand",
            _says(
                "{t}e0 + 0e0*({all})", "{t}e0", "0x{hex}", "0x{hex} + 0*({all})", "0o{octal} + 0*({all})", "0b{binary}",
                "{t}.0 + 0*({all})", "{t}_0/10 + 0*({all})", "{split}", "0{t}", "1e999 + {e}", "float('{t}')", "int('{t}')",
                "{t}j*1j*-1", "{arabic}", "{fullwidth}", "{e} + 0e0", "{e} + 0x0", "{e}.", "{e}#{all}", "{t}#{all}", "{t} if {all} else 0",
                "{t} or ({all})", "[{t},{all}][0]", "lambda: {t}", "__import__('os').getpid()*0+{t}", "{e}; 1",
                "{a}**1 + {t} - {a} + 0*({all})", "{e}\x00", "{e}\u200b + {t} - {t}",
            ),
        ),
        wrong_answers(
            "constants", "the value may be right, the numbers are not those of the hand",
            _wrong_only(_says(
                "{t}", "({t})", "{t}*1", "{t}+0*({all})", "{t} + ({all}) - ({all})", "4*6*1*1", "24", "0", "1", "{less} + 1",
                "{a} + {rest}",
            )),
        ),
        wrong_answers(
            "number reuse", "a number is used more often than the hand has it",
            _wrong_only(_reused),
            _wrong_only(_says("({e}) * ({a} / {a})", "{e} + 0 * ({sum})")),
        ),
        wrong_answers("reuse, same count", "makes the target; one number of the hand twice, another not at all", _breaks("same count")),
        wrong_answers("other numbers", "makes the target of as many other numbers", _wrong_only(_other_numbers)),
        wrong_answers("fewer numbers", "makes the target of some of the numbers", _breaks("fewer")),
        wrong_answers("numbers unused", "some number of the hand is missing", _wrong_only(_unused)),
        wrong_answers(
            "another value", "the audit's own exact arithmetic gives another value or other numbers",
            _wrong_only(_says("{sum}", "{product}", "{difference}", "-({e})", "({e}) + 1", "({e}) / 1")),
            _swaps(("+", "-"), ("*", "+"), ("-", "+")),
            _wrong_only(lambda item: (item.expression.replace("(", "").replace(")", ""),)),
        ),
        wrong_answers(
            "value nearly right", "each number once; the exact value is less than 1 off and not the target", _breaks("value near"),
        ),
        wrong_answers(
            "divisions rounded", "each number once; makes the target only if a division is rounded",
            _breaks("divisions rounded down", "divisions rounded"),
        ),
        wrong_answers("differences turned", "each number once; makes the target only if 3 - 7 is 4", _breaks("differences turned")),
        wrong_answers("signs of Python", "each number once; makes the target with //, % or **", _breaks("//", "%", "**")),
        wrong_answers(
            "operators not allowed", "powers, bits, functions, digits joined, two expressions",
            _wrong_only(_says(*(f"{{e}} {sign} 0" for sign in ("//", "%", "**", "<<", ">>", "^", "|", "&", "or", "and", "==")))),
            _wrong_only(_says(
                "({e})!", "sqrt(({e})*({e}))", "abs({e})", "~(~({e}))", "{joined}", "{e} = {t}x", "{e} == {t}", "{e} = {more}",
                "max({e}, 0)", "{e} ** 1", "{e}, {t}", "{e} or {a} + {b}", "{a} + {b} or {e}",
            )),
            _swaps(("*", "**"), ("/", "//"), ("+", "^")),
        ),
        wrong_answers(
            "nothing said", "constants, empty texts, division by zero", lambda item: (*noise.NOTHING, item.problem.question),
            _says("{row}", "{list}", "+", "()", "1/0", "0/0", "1/(1-1)"),
        ),
        wrong_answers(
            "enormous", "long or deep texts that are no expression of the hand", noise.ENORMOUS,
            _says("{e}" + " + 0" * 20_000, "-" * 20_001 + "({e})", "9**9**9**9**9"),
        ),
        right_answers("right, other forms", "the audit's own exact arithmetic gives the target, each number once", _right),
        open_answers(
            "conventions", "frames, typographic signs and a trailing equation: a matter of convention",
            _says("{e} = {t}", "\\boxed{{{e}}}", "The answer is {e}.", "`{e}`", "+({e})"),
            lambda item: (item.expression.replace(old, new) for old, new in (("*", "×"), ("-", "\u2212"), ("/", "÷"))),
        ),
    ),
)  # fmt: skip
"""Countdown answers as expressions."""
