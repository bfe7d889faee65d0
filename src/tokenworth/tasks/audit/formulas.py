"""Attacks on checkers of mathematical answers written in LaTeX."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from tokenworth.core.problem import AnswerKind, Problem
from tokenworth.tasks.audit import noise
from tokenworth.tasks.audit.attack import Surface, open_answers, right_answers, wrong_answers
from tokenworth.tasks.audit.figures import plain_value


@dataclass(frozen=True, slots=True, kw_only=True)
class Formula:
    """A problem with a formula for an answer. Truth is known from how the formula was made, never from comparing formulas.

    ``wrong``: other values. ``misshapen``: the same parts in another order, bracket or number. ``syntax``: other numbers that begin
    like the gold one. ``right``: the same value written otherwise. ``convention``: what one convention accepts and another refuses.
    """

    problem: Problem
    gold: str
    wrong: tuple[str, ...]
    misshapen: tuple[str, ...] = ()
    syntax: tuple[str, ...] = ()
    right: tuple[str, ...] = ()
    convention: tuple[str, ...] = ()


def _problem(gold: str) -> Problem:
    return Problem(id="latex", question="What is its value?", gold=gold, kind=AnswerKind.LATEX)


def _numeral(problem: Problem, gold: str, value: Fraction) -> Formula:
    one = "" if value in (0, 1) else gold
    syntax = (f"0x{gold}", f"{gold},5", f"{gold};7", f"{gold}:30", f"{gold}\u0663", f"{gold}\\ldots 9")
    powers = (f"{one}^2", f"{one}^{{2}}", f"{one}e5", f"\\sqrt{{{one}}}", f"{one}!+1", f"{one}i", f"{one}x", f"\\log {one}") if one else ()
    relations = (
        f"\\neq {gold}", f">{gold}", f"\\leq {gold}", f"\\pm {one}" if one else "\\pm 1", f"{gold}={gold}+1",
        f"3={gold}" if value != 3 else "4=3",
    )  # fmt: skip
    wrong = tuple(str(other) for other in (value + 1, value - 1, value * 10 + 1, -value, value / 7 + 1) if other != value)
    right = (
        gold, f"{gold}.0" if "." not in gold else f"{gold}0", f"\\left({gold}\\right)", f"x = {gold}",
        f"\\frac{{{2 * value.numerator}}}{{{2 * value.denominator}}}",
    )  # fmt: skip
    near = (
        f"{gold}_3", f"{gold}_{{3}}", f"{gold}{'' if '.' in gold else '.'}0000001", f"{gold}\\%", f"{gold}^\\circ", f"{gold}\\text{{ cm}}",
        f"0{gold}", f"{gold},{gold}", f"\\{{{gold}\\}}", f"{gold[:1]} {gold[1:]}",
    )  # fmt: skip
    return Formula(problem=problem, gold=gold, wrong=wrong, syntax=(*syntax, *powers, *relations), right=right, convention=near)


def _fraction(a: int, b: int) -> Formula:
    gold, value = f"\\frac{{{a}}}{{{b}}}", Fraction(a, b)
    wrong = (
        f"\\frac{{{b}}}{{{a}}}", f"\\frac{{{a + 1}}}{{{b}}}", f"\\frac{{{a}}}{{{b + 1}}}", f"-\\frac{{{a}}}{{{b}}}", f"{a}", f"{b}",
        f"{float(value) + 0.01:.4f}",
    )  # fmt: skip
    syntax = (
        f"{a},{b}", f"({a},{b})", f"{a}:{b + 1}", f"\\frac{{{a}}}{{{b}}}_2", f"\\frac{{{a}}}{{0}}", f"{a}\\frac{{{a}}}{{{b}}}",
        f"{gold}={gold}+1", f"\\sqrt{{{gold}}}",
    )  # fmt: skip
    right = (
        gold, f"\\dfrac{{{a}}}{{{b}}}", f"\\tfrac{{{a}}}{{{b}}}", f"{a}/{b}", f"\\frac{{{2 * a}}}{{{2 * b}}}",
        f"\\left(\\frac{{{a}}}{{{b}}}\\right)", f"x = {gold}",
    )  # fmt: skip
    return Formula(
        problem=_problem(gold), gold=gold, wrong=wrong, syntax=syntax, right=right, convention=(f"{float(value):.7f}", f"{a} \\div {b}")
    )


def _point(a: int, b: int) -> Formula:
    gold = f"({a},{b})"
    wrong = (f"({a},{b + 1})", f"({a + 1},{b})", f"({-a - 1},{b})", f"{a}", f"{a + b}")
    shapes = (
        f"({b},{a})", f"\\{{{a},{b}\\}}", f"\\{{{b},{a}\\}}", f"({a},{b},{b})", f"({a})", f"[{a},{b}]", f"\\frac{{{a}}}{{{b}}}",
        f"({a},{b}),({b},{a})",
    )  # fmt: skip
    right = (gold, f"({a}, {b})", f"\\left({a},{b}\\right)", f"\\left( {a},\\, {b} \\right)", f"({a}.0, {b})")
    return Formula(problem=_problem(gold), gold=gold, wrong=wrong, misshapen=shapes, right=right, convention=(f"{a},{b}", f"x={a}, y={b}"))


def _set(a: int, b: int) -> Formula:
    gold = f"\\{{{a},{b}\\}}"
    wrong = (f"\\{{{a},{b + 1}\\}}", f"\\{{{a}\\}}", f"\\{{{a},{b},{a + b + 1}\\}}", f"{b}", "\\emptyset", "\\{\\}")
    shapes = (f"({a},{b})", f"({b},{a})", f"[{a},{b}]", f"\\left({a},{b}\\right)", f"[{a},{b})", f"\\{{({a},{b})\\}}")
    right = (gold, f"\\{{{b},{a}\\}}", f"\\left\\{{{a}, {b}\\right\\}}", f"\\{{ {b}, {a} \\}}")
    return Formula(
        problem=_problem(gold),
        gold=gold,
        wrong=wrong,
        misshapen=shapes,
        right=right,
        convention=(f"{a},{b}", f"{b}, {a}", f"\\{{{a},{b},{b}\\}}"),
    )


def _interval(a: int, b: int) -> Formula:
    gold = f"[{a},{a + b})"
    wrong = (f"[{a},{a + b + 1})", f"[{a + 1},{a + b})", f"[{a},\\infty)", f"{a}")
    shapes = (f"({a},{a + b})", f"[{a},{a + b}]", f"({a},{a + b}]", f"\\{{{a},{a + b}\\}}", f"[{a + b},{a})")
    return Formula(
        problem=_problem(gold), gold=gold, wrong=wrong, misshapen=shapes, right=(gold, f"[{a}, {a + b})", f"\\left[{a},{a + b}\\right)")
    )


def _polynomial(a: int, b: int) -> Formula:
    gold = f"{a}x^2+{b}x"
    wrong = (f"{a}x^2-{b}x", f"{a + 1}x^2+{b}x", f"{a}x^3+{b}x", f"{a}x^2+{b}", f"{a}y^2+{b}y", f"{a}x^2", f"{a + b}x", f"{a}x^{{2+{b}x}}")
    right = (gold, f"{b}x+{a}x^2", f"x({a}x+{b})", f"{a}x^{{2}} + {b}x", f"{a} \\cdot x^2 + {b} \\cdot x")
    return Formula(problem=_problem(gold), gold=gold, wrong=wrong, right=right, syntax=(f"{gold}=0", f"{gold}>0", f"\\sqrt{{{gold}}}"))


def _radical(a: int, b: int) -> Formula:
    inner = b * b + 1
    gold = f"{a}\\sqrt{{{inner}}}"
    wrong = (
        f"{a + 1}\\sqrt{{{inner}}}", f"{a}\\sqrt{{{inner + 1}}}", f"\\sqrt[3]{{{a * inner}}}", f"{a * inner}", f"-{gold}",
        f"{a}+\\sqrt{{{inner}}}",
    )  # fmt: skip
    right = (gold, f"\\sqrt{{{a * a * inner}}}", f"{a} \\cdot \\sqrt{{{inner}}}", f"\\sqrt{{{inner}}} \\cdot {a}")
    return Formula(problem=_problem(gold), gold=gold, wrong=wrong, right=right, convention=(f"{a * inner**0.5:.7f}",))


def _word(a: int, b: int) -> Formula:
    names = ("east", "even", "Monday", "ellipse", "increasing")
    gold, other = names[a % 5], names[(a + 1 + b % 4) % 5]
    return Formula(
        problem=_problem(f"\\text{{{gold}}}"),
        gold=f"\\text{{{gold}}}",
        wrong=(f"\\text{{{other}}}", other, f"{gold}x", f"un{gold}"),
        right=(f"\\text{{{gold}}}", gold),
    )


_MAKERS: tuple[Callable[[int, int], Formula], ...] = (
    lambda a, b: _numeral(_problem(str(a * 10 + b)), str(a * 10 + b), Fraction(a * 10 + b)),
    _fraction, _point, _set, _interval, _polynomial, _radical, _word,
)  # fmt: skip


def _make(count: int, rng: np.random.Generator) -> list[Formula]:
    made: list[Formula] = []
    for number in range(count):
        a = int(rng.integers(2, 30))
        # b is prime and does not divide a, so that no form of one value is a form of another.
        b = int(rng.choice([p for p in (3, 5, 7, 11, 13) if a % p and a != p]))
        made.append(_MAKERS[number % len(_MAKERS)](a, b))
    return made


def _of(problem: Problem) -> Formula | None:
    """Plain non-negative numbers only: of any other formula it cannot be told with certainty what is wrong."""
    gold = problem.gold or ""
    value = plain_value(gold)
    return None if value is None or value < 0 or problem.kind is not AnswerKind.LATEX else _numeral(problem, gold, value)


def _stated(answers: tuple[str, ...]) -> Iterator[str]:
    for answer in answers:
        yield f"\\boxed{{{answer}}}"
        yield f"The answer is ${answer}$."


def _wrong(item: Formula) -> Iterator[str]:
    yield from _stated(item.wrong)


def _shape(item: Formula) -> Iterator[str]:
    yield from _stated(item.misshapen)


def _syntax(item: Formula) -> Iterator[str]:
    yield from _stated(item.syntax)


def _two(item: Formula) -> Iterator[str]:
    yield from noise.two(noise.HEDGES, f"${item.gold}$", f"${item.wrong[0]}$")
    yield from (
        f"\\boxed{{{item.gold} \\text{{ or }} {item.wrong[0]}}}",
        f"\\boxed{{{item.gold}; {item.wrong[0]}}}",
        f"\\boxed{{{item.gold}}}, \\boxed{{{item.wrong[0]}}}",
    )


def _denied(item: Formula) -> Iterator[str]:
    yield from (template.format(g=item.gold) for template in noise.NEGATIONS)
    yield from (template.format(g=f"${item.gold}$") for template in noise.NEGATIONS[:-1])
    yield f"\\boxed{{\\neq {item.gold}}}"


def _corrected(item: Formula) -> Iterator[str]:
    yield from noise.two(noise.CORRECTIONS, f"${item.gold}$", f"${item.wrong[0]}$")


def _hidden(item: Formula) -> Iterator[str]:
    for separator in noise.SEPARATORS:
        yield f"\\boxed{{{item.wrong[0]}}}{separator}${item.gold}$"


def _nothing(item: Formula) -> Iterator[str]:
    del item
    yield from noise.empty_texts()
    yield from (
        "\\boxed{\\text{none}}", "\\boxed{?}", "\\boxed{\\infty}", "\\boxed{x_0}", "\\boxed{\\nan}", "\\boxed{-10^{99}}",
        "$\\text{undefined}$",
    )  # fmt: skip


_HOSTILE = (
    "9^{9^{9^{9}}}", "99999!!!!", "\\frac{1}{0}", "x" * 300, "(" * 300, "{" * 150 + "}" * 150, "\\sqrt{" * 40 + "2" + "}" * 40,
    "2^{" * 60 + "2" + "}" * 60, "__import__('os')", "\\text{().__class__}", "\\int_0^{10^9} e^{x^x} dx",
    "\\sum_{n=1}^{10^{9}} \\frac{1}{n^{n}}",
)  # fmt: skip


def _hostile(item: Formula, rng: np.random.Generator) -> Iterator[str]:
    """Two of them an item: each may cost a checker all the time that it gives itself."""
    del item
    for at in rng.permutation(len(_HOSTILE))[:2]:
        yield f"\\boxed{{{_HOSTILE[int(at)]}}}"


def _right(item: Formula) -> Iterator[str]:
    yield from _stated(item.right)
    yield from (
        f"$${item.gold}$$", f"So $x^2$ is large.\n\nThe answer is \\({item.gold}\\).", f"\\[ \\boxed{{ {item.gold} }} \\]",
        f"\\fbox{{{item.gold}}}", f"  \\boxed{{{item.gold}}}.\n",
    )  # fmt: skip
    yield from noise.reassured(f"${item.gold}$", f"${item.wrong[0]}$")


def _convention(item: Formula) -> Iterator[str]:
    yield from _stated(item.convention)


LATEX: Surface[Formula] = Surface(
    name="latex",
    make=_make,
    of=_of,
    problem=lambda item: item.problem,
    attacks=(
        wrong_answers("another value", "made with other numbers, signs, powers or words than the gold formula", _wrong),
        wrong_answers("another shape", "a point, set or interval of the same numbers in another order or bracket", _shape),
        wrong_answers("number syntax", "subscripts, exponents, false equations, relations: not the gold number", _syntax),
        wrong_answers("two answers", "two different formulas are offered, so none is given", _two),
        wrong_answers("gold denied", "the text says that the gold formula is not the answer", _denied),
        wrong_answers("gold not stated", noise.UNSTATED, lambda item: noise.unstated(f"${item.gold}$", f"${item.wrong[0]}$")),
        wrong_answers("gold taken back", "the last thing said is that another formula is right", _corrected),
        wrong_answers("hidden second answer", "another formula is boxed; the gold one follows unseen", _hidden),
        wrong_answers("nothing said", "empty texts and constants, none of them a gold formula", _nothing),
        wrong_answers("hostile formulas", "formulas that no gold formula equals and that must not be worked out", drawn=_hostile),
        wrong_answers("enormous", "long texts without an answer", lambda item: noise.enormous_texts()),
        right_answers("right, other forms", "equal to the gold formula by an identity of algebra", _right),
        open_answers("conventions", "units, the base of a numeral, seven equal digits, lists for sets", _convention),
    ),
)
"""Formulas, compared symbolically."""
