"""Attacks on checkers of Countdown answers given as an expression: ``(5 + 3) * 2``."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial

import numpy as np

from tokenworth.core.problem import AnswerKind, Problem
from tokenworth.tasks.audit import noise
from tokenworth.tasks.audit.attack import Surface, open_answers, right_answers, wrong_answers
from tokenworth.tasks.audit.sums import cheats

_OPS = "+-*/"
_SAFE = re.compile(r"[0-9+\-*/() ]{1,200}", re.ASCII)
_ZERO_LED = re.compile(r"(?<![0-9])0[0-9]", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduction:
    """One operation: a and b are taken, c is put back."""

    a: int
    op: str
    b: int
    c: int

    def __str__(self) -> str:
        return f"{self.a}{self.op}{self.b}={self.c}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hand:
    """Numbers and a target that can be made of all of them. ``steps``: the operations, ``expression``: the same as one expression."""

    problem: Problem
    numbers: tuple[int, ...]
    target: int
    steps: tuple[Reduction, ...]
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


def _result(a: int, op: str, b: int) -> int | None:
    if op == "/":
        return a // b if b and a % b == 0 else None
    value = {"+": a + b, "-": a - b, "*": a * b}[op]
    return value if value >= 0 else None


def _is_fit(hand: Hand) -> bool:
    rules = ("divisions rounded down", "differences turned", "same count", "value near")
    return all(any(cheats(hand.numbers, hand.target, rule)) for rule in rules)


def make_hands(count: int, rng: np.random.Generator, is_fit: Callable[[Hand], bool] = _is_fit) -> list[Hand]:
    """Solvable hands of three or four numbers, drawn by reducing them at random, kept where rules can be broken that way."""
    made: list[Hand] = []
    while len(made) < count:
        numbers = [int(n) for n in rng.integers(1, 30, size=int(rng.integers(3, 5)))]
        pool: list[tuple[int, str]] = [(number, str(number)) for number in numbers]
        steps: list[Reduction] = []
        while len(pool) > 1:
            i, j = (int(at) for at in rng.permutation(len(pool))[:2])
            (a, left), (b, right) = pool[i], pool[j]
            op = _OPS[int(rng.integers(4))]
            c = _result(a, op, b)
            if c is None or c > 2000:
                op, c = "+", a + b
            steps.append(Reduction(a=a, op=op, b=b, c=c))
            rest: list[tuple[int, str]] = [entry for at, entry in enumerate(pool) if at not in (i, j)]
            pool = [*rest, (c, f"({left} {op} {right})")]
        target, expression = pool[0]
        if 10 <= target <= 2000 and target not in numbers and all(step.c != target for step in steps[:-1]):
            question = f"Use each of the numbers {', '.join(map(str, numbers))} once, with + - * / and brackets, to make {target}."
            problem = Problem(id=f"expression-{len(made)}", question=question, kind=AnswerKind.EXACT)
            hand = Hand(problem=problem, numbers=tuple(numbers), target=target, steps=tuple(steps), expression=expression[1:-1])
            if hand.solves(hand.expression) and is_fit(hand):
                made.append(hand)
    return made


def _breaks(item: Hand, *, rules: tuple[str, ...]) -> Iterator[str]:
    yield from _wrong_only(item, (text for rule in rules for text in cheats(item.numbers, item.target, rule)))


def _other_numbers(item: Hand) -> Iterator[str]:
    """As many numbers as the hand has, others than its own."""
    more = [1] * (len(item.numbers) - 2)
    sums = " + ".join(map(str, (item.target - 1 - sum(more), 1, *more)))
    yield from _wrong_only(item, (sums, f"{item.target} * {' * '.join('1' for _ in item.numbers[1:])}"))


def _wrong_only(item: Hand, texts: Iterable[str]) -> Iterator[str]:
    yield from (text for text in texts if not item.solves(text))


def _syntax(item: Hand) -> Iterator[str]:
    t, total, first = item.target, "+".join(map(str, item.numbers)), item.numbers[0]
    yield from (
        f"{t}e0 + 0e0*({total})", f"{t}e0", f"0x{t:x}", f"0x{t:x} + 0*({total})", f"0o{t:o} + 0*({total})", f"0b{t:b}",
        f"{t}.0 + 0*({total})", f"{t}_0/10 + 0*({total})", f"{'_'.join(str(t))}", f"0{t}", f"1e999 + {item.expression}", f"float('{t}')",
        f"int('{t}')", f"{t}j*1j*-1", "".join(chr(0x660 + int(c)) for c in str(t)), "".join(chr(0xFF10 + int(c)) for c in str(t)),
        f"{item.expression} + 0e0", f"{item.expression} + 0x0", f"{item.expression}.", f"{item.expression}#{total}", f"{t}#{total}",
        f"{t} if {total} else 0", f"{t} or ({total})", f"[{t},{total}][0]", f"lambda: {t}", f"__import__('os').getpid()*0+{t}",
        f"{item.expression}; 1", f"{first}**1 + {t} - {first} + 0*({total})", f"{item.expression}\x00",
        f"{item.expression}\u200b + {t} - {t}",
    )  # fmt: skip


def _constants(item: Hand) -> Iterator[str]:
    t, total = item.target, "+".join(map(str, item.numbers))
    texts = (
        str(t), f"({t})", f"{t}*1", f"{t}+0*({total})", f"{t} + ({total}) - ({total})", "4*6*1*1", "24", "0", "1", f"{t - 1} + 1",
        f"{item.numbers[0]} + {t - item.numbers[0]}",
    )  # fmt: skip
    yield from _wrong_only(item, texts)


def _reuse(item: Hand) -> Iterator[str]:
    first, total = item.numbers[0], " + ".join(map(str, item.numbers))
    e = item.expression
    texts = (
        [f"({e}) * {n} / {n}" for n in item.numbers]
        + [f"{e} + {n} - {n}" for n in item.numbers]
        + [f"({e}) * ({first} / {first})", f"{e} + 0 * ({total})"]
    )
    yield from _wrong_only(item, texts)


def _unused(item: Hand) -> Iterator[str]:
    """Expressions of the right value that leave out one number or more, and of some numbers with another value."""
    numbers = item.numbers
    texts = [str(n) for n in numbers] + [f"{a} {op} {b}" for a in numbers for b in numbers for op in _OPS]
    texts += [
        f"{item.target // numbers[0]} * {numbers[0]}" if item.target % numbers[0] == 0 else f"{item.target + numbers[0]} - {numbers[0]}"
    ]
    yield from _wrong_only(item, texts)


def _value_off(item: Hand) -> Iterator[str]:
    e = item.expression
    texts = [
        " + ".join(map(str, item.numbers)), " * ".join(map(str, item.numbers)), " - ".join(map(str, item.numbers)), f"-({e})", f"({e}) + 1",
        f"({e}) / 1",
    ]  # fmt: skip
    texts += [e.replace("+", "-"), e.replace("*", "+"), e.replace("-", "+"), e.replace("(", "").replace(")", "")]
    yield from _wrong_only(item, texts)


def _operators(item: Hand) -> Iterator[str]:
    e, n = item.expression, item.numbers
    joined = "".join(map(str, n))
    texts = [f"{a} {op} {b}" for a, b in ((e, "0"),) for op in ("//", "%", "**", "<<", ">>", "^", "|", "&", "or", "and", "==")]
    texts += [
        f"({e})!", f"sqrt(({e})*({e}))", f"abs({e})", f"~(~({e}))", joined, f"{e} = {item.target}x", f"{e} == {item.target}",
        f"{e} = {item.target + 1}", f"max({e}, 0)", f"{e} ** 1",
        e.replace("*", "**"), e.replace("/", "//"), e.replace("+", "^"), f"{e}, {item.target}", f"{e} or {n[0]} + {n[1]}",
        f"{n[0]} + {n[1]} or {e}",
    ]  # fmt: skip
    yield from _wrong_only(item, texts)


def _nothing(item: Hand) -> Iterator[str]:
    yield from noise.empty_texts()
    yield from (
        item.problem.question, " ".join(map(str, item.numbers)), ", ".join(map(str, item.numbers)), "+", "()", "1/0", "0/0", "1/(1-1)",
    )  # fmt: skip


def _long(item: Hand) -> Iterator[str]:
    yield from noise.enormous_texts()
    yield f"{item.expression}{' + 0' * 20_000}"
    yield f"{'-' * 20_001}({item.expression})"
    yield "9**9**9**9**9"


def _right(item: Hand) -> Iterator[str]:
    e = item.expression
    for text in (e, f"({e})", e.replace(" ", ""), f"(({e}))", f" {e} "):
        if item.solves(text.strip()):
            yield text


def _convention(item: Hand) -> Iterator[str]:
    e = item.expression
    yield from (
        f"{e} = {item.target}", f"\\boxed{{{e}}}", f"The answer is {e}.", e.replace("*", "×"), e.replace("-", "\u2212"),
        e.replace("/", "÷"), f"`{e}`", f"+({e})",
    )  # fmt: skip


EXPRESSION: Surface[Hand] = Surface(
    name="expression",
    make=make_hands,
    of=lambda problem: None,
    problem=lambda item: item.problem,
    attacks=(
        wrong_answers("number syntax", "numbers hidden as 24e0, 0x18 and the like are not numbers of the hand", _syntax),
        wrong_answers("constants", "the value may be right, the numbers are not those of the hand", _constants),
        wrong_answers("number reuse", "a number is used more often than the hand has it", _reuse),
        wrong_answers(
            "reuse, same count",
            "makes the target; one number of the hand twice, another not at all",
            partial(_breaks, rules=("same count",)),
        ),
        wrong_answers("other numbers", "makes the target of as many other numbers", _other_numbers),
        wrong_answers("fewer numbers", "makes the target of some of the numbers", partial(_breaks, rules=("fewer",))),
        wrong_answers("numbers unused", "some number of the hand is missing", _unused),
        wrong_answers("another value", "the audit's own exact arithmetic gives another value or other numbers", _value_off),
        wrong_answers(
            "value nearly right",
            "each number once; the exact value is less than 1 off and not the target",
            partial(_breaks, rules=("value near",)),
        ),
        wrong_answers(
            "divisions rounded",
            "each number once; makes the target only if a division is rounded",
            partial(_breaks, rules=("divisions rounded down", "divisions rounded")),
        ),
        wrong_answers(
            "differences turned", "each number once; makes the target only if 3 - 7 is 4", partial(_breaks, rules=("differences turned",))
        ),
        wrong_answers("signs of Python", "each number once; makes the target with //, % or **", partial(_breaks, rules=("//", "%", "**"))),
        wrong_answers("operators not allowed", "powers, bits, functions, digits joined, two expressions", _operators),
        wrong_answers("nothing said", "constants, empty texts, division by zero", _nothing),
        wrong_answers("enormous", "long or deep texts that are no expression of the hand", _long),
        right_answers("right, other forms", "the audit's own exact arithmetic gives the target, each number once", _right),
        open_answers("conventions", "frames, typographic signs and a trailing equation: a matter of convention", _convention),
    ),
)
"""Countdown answers as expressions."""
