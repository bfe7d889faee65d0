"""Attacks on checkers of mathematical answers written in LaTeX."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from tokenworth.core.problem import AnswerKind, Problem
from tokenworth.tasks.audit import noise
from tokenworth.tasks.audit.attack import Surface, Wordings, filled, framed, open_answers, right_answers, wrong_answers
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


def _kind(gold: str, **forms: tuple[str, ...]) -> Callable[[int, int], Formula]:
    """A kind of formula, written as templates of its parts: gold answer, and the forms that a `Formula` has."""

    def make(a: int, b: int) -> Formula:
        parts = _parts(a, b)
        made = gold.format(**parts)
        return Formula(problem=_problem(made), gold=made, **{name: tuple(filled(form, g=made, **parts)) for name, form in forms.items()})

    return make


def _parts(a: int, b: int) -> dict[str, str]:
    words, c = ("east", "even", "Monday", "ellipse", "increasing"), b * b + 1
    numbers = {
        "a": a, "b": b, "c": c, "a1": a + 1, "b1": b + 1, "c1": c + 1, "a2": 2 * a, "b2": 2 * b, "ac": a * c, "aac": a * a * c,
        "sum": a + b, "sum1": a + b + 1, "below": -a - 1,
    }  # fmt: skip
    return {
        **{name: str(number) for name, number in numbers.items()}, "word": words[a % 5], "other": words[(a + 1 + b % 4) % 5],
        "near": f"{a / b + 0.01:.4f}", "decimal": f"{a / b:.7f}", "root": f"{a * c**0.5:.7f}",
    }  # fmt: skip


_KINDS: tuple[Callable[[int, int], Formula], ...] = (
    lambda a, b: _numeral(_problem(str(a * 10 + b)), str(a * 10 + b), Fraction(a * 10 + b)),
    _kind(
        "\\frac{{{a}}}{{{b}}}",
        wrong=("\\frac{{{b}}}{{{a}}}", "\\frac{{{a1}}}{{{b}}}", "\\frac{{{a}}}{{{b1}}}", "-{g}", "{a}", "{b}", "{near}"),
        syntax=("{a},{b}", "({a},{b})", "{a}:{b1}", "{g}_2", "\\frac{{{a}}}{{0}}", "{a}{g}", "{g}={g}+1", "\\sqrt{{{g}}}"),
        right=(
            "{g}", "\\dfrac{{{a}}}{{{b}}}", "\\tfrac{{{a}}}{{{b}}}", "{a}/{b}", "\\frac{{{a2}}}{{{b2}}}", "\\left({g}\\right)", "x = {g}",
        ),
        convention=("{decimal}", "{a} \\div {b}"),
    ),
    _kind(
        "({a},{b})",
        wrong=("({a},{b1})", "({a1},{b})", "({below},{b})", "{a}", "{sum}"),
        misshapen=(
            "({b},{a})", "\\{{{a},{b}\\}}", "\\{{{b},{a}\\}}", "({a},{b},{b})", "({a})", "[{a},{b}]", "\\frac{{{a}}}{{{b}}}",
            "({a},{b}),({b},{a})",
        ),
        right=("{g}", "({a}, {b})", "\\left({a},{b}\\right)", "\\left( {a},\\, {b} \\right)", "({a}.0, {b})"),
        convention=("{a},{b}", "x={a}, y={b}"),
    ),
    _kind(
        "\\{{{a},{b}\\}}",
        wrong=("\\{{{a},{b1}\\}}", "\\{{{a}\\}}", "\\{{{a},{b},{sum1}\\}}", "{b}", "\\emptyset", "\\{{\\}}"),
        misshapen=("({a},{b})", "({b},{a})", "[{a},{b}]", "\\left({a},{b}\\right)", "[{a},{b})", "\\{{({a},{b})\\}}"),
        right=("{g}", "\\{{{b},{a}\\}}", "\\left\\{{{a}, {b}\\right\\}}", "\\{{ {b}, {a} \\}}"),
        convention=("{a},{b}", "{b}, {a}", "\\{{{a},{b},{b}\\}}"),
    ),
    _kind(
        "[{a},{sum})",
        wrong=("[{a},{sum1})", "[{a1},{sum})", "[{a},\\infty)", "{a}"),
        misshapen=("({a},{sum})", "[{a},{sum}]", "({a},{sum}]", "\\{{{a},{sum}\\}}", "[{sum},{a})"),
        right=("{g}", "[{a}, {sum})", "\\left[{a},{sum}\\right)"),
    ),
    _kind(
        "{a}x^2+{b}x",
        wrong=("{a}x^2-{b}x", "{a1}x^2+{b}x", "{a}x^3+{b}x", "{a}x^2+{b}", "{a}y^2+{b}y", "{a}x^2", "{sum}x", "{a}x^{{2+{b}x}}"),
        syntax=("{g}=0", "{g}>0", "\\sqrt{{{g}}}"),
        right=("{g}", "{b}x+{a}x^2", "x({a}x+{b})", "{a}x^{{2}} + {b}x", "{a} \\cdot x^2 + {b} \\cdot x"),
    ),
    _kind(
        "{a}\\sqrt{{{c}}}",
        wrong=("{a1}\\sqrt{{{c}}}", "{a}\\sqrt{{{c1}}}", "\\sqrt[3]{{{ac}}}", "{ac}", "-{g}", "{a}+\\sqrt{{{c}}}"),
        right=("{g}", "\\sqrt{{{aac}}}", "{a} \\cdot \\sqrt{{{c}}}", "\\sqrt{{{c}}} \\cdot {a}"),
        convention=("{root}",),
    ),
    _kind("\\text{{{word}}}", wrong=("\\text{{{other}}}", "{other}", "{word}x", "un{word}"), right=("{g}", "{word}")),
)  # fmt: skip


def _make(count: int, rng: np.random.Generator) -> list[Formula]:
    made: list[Formula] = []
    for number in range(count):
        a = int(rng.integers(2, 30))
        # b is prime and does not divide a, so that no form of one value is a form of another.
        b = int(rng.choice([p for p in (3, 5, 7, 11, 13) if a % p and a != p]))
        made.append(_KINDS[number % len(_KINDS)](a, b))
    return made


def _of(problem: Problem) -> Formula | None:
    """Plain non-negative numbers only: of any other formula it cannot be told with certainty what is wrong."""
    gold = problem.gold or ""
    value = plain_value(gold)
    return None if value is None or value < 0 or problem.kind is not AnswerKind.LATEX else _numeral(problem, gold, value)


def _fields(item: Formula) -> dict[str, str]:
    return {"g": item.gold, "o": item.wrong[0]}


_says = Wordings(_fields)
_STATED = ("\\boxed{{{}}}", "The answer is ${}$.")
_HOSTILE = (
    "9^{9^{9^{9}}}", "99999!!!!", "\\frac{1}{0}", "x" * 300, "(" * 300, "{" * 150 + "}" * 150, "\\sqrt{" * 40 + "2" + "}" * 40,
    "2^{" * 60 + "2" + "}" * 60, "__import__('os')", "\\text{().__class__}", "\\int_0^{10^9} e^{x^x} dx",
    "\\sum_{n=1}^{10^{9}} \\frac{1}{n^{n}}",
)  # fmt: skip


def _hostile(item: Formula, rng: np.random.Generator) -> Iterator[str]:
    """Two of them an item: each may cost a checker all the time that it gives itself."""
    del item
    return framed(("\\boxed{{{}}}",), (_HOSTILE[int(at)] for at in rng.permutation(len(_HOSTILE))[:2]))


def _in_dollars(templates: Iterable[str]) -> tuple[str, ...]:
    return noise.between("$", "$", templates)


LATEX: Surface[Formula] = Surface(
    name="latex",
    make=_make,
    of=_of,
    problem=lambda item: item.problem,
    attacks=(
        wrong_answers(
            "another value", "made with other numbers, signs, powers or words than the gold formula",
            lambda item: framed(_STATED, item.wrong),
        ),
        wrong_answers(
            "another shape", "a point, set or interval of the same numbers in another order or bracket",
            lambda item: framed(_STATED, item.misshapen),
        ),
        wrong_answers(
            "number syntax", "subscripts, exponents, false equations, relations: not the gold number",
            lambda item: framed(_STATED, item.syntax),
        ),
        wrong_answers(
            "two answers", "two different formulas are offered, so none is given",
            _says(
                *_in_dollars(noise.HEDGES), "\\boxed{{{g} \\text{{ or }} {o}}}", "\\boxed{{{g}; {o}}}", "\\boxed{{{g}}}, \\boxed{{{o}}}",
            ),
        ),
        wrong_answers(
            "gold denied", "the text says that the gold formula is not the answer",
            _says(*noise.NEGATIONS, *_in_dollars(noise.NEGATIONS[:-1]), "\\boxed{{\\neq {g}}}"),
        ),
        wrong_answers("gold not stated", noise.UNSTATED_TRUTH, _says(*_in_dollars(noise.UNSTATED))),
        wrong_answers("gold taken back", "the last thing said is that another formula is right", _says(*_in_dollars(noise.CORRECTIONS))),
        wrong_answers(
            "hidden second answer", "another formula is boxed; the gold one follows unseen",
            _says(*(f"\\boxed{{{{{{o}}}}}}{separator}${{g}}$" for separator in noise.SEPARATORS)),
        ),
        wrong_answers(
            "nothing said", "empty texts and constants, none of them a gold formula",
            noise.NOTHING,
            ("\\boxed{\\text{none}}", "\\boxed{?}", "\\boxed{\\infty}", "\\boxed{x_0}", "\\boxed{\\nan}", "\\boxed{-10^{99}}"),
            ("$\\text{undefined}$",),
        ),
        wrong_answers("hostile formulas", "formulas that no gold formula equals and that must not be worked out", drawn=_hostile),
        wrong_answers("enormous", "long texts without an answer", noise.ENORMOUS),
        right_answers(
            "right, other forms", "equal to the gold formula by an identity of algebra",
            lambda item: framed(_STATED, item.right),
            _says(
                "$${g}$$", "So $x^2$ is large.\n\nThe answer is \\({g}\\).", "\\[ \\boxed{{ {g} }} \\]", "\\fbox{{{g}}}",
                "  \\boxed{{{g}}}.\n", *_in_dollars(noise.REASSURED),
            ),
        ),
        open_answers(
            "conventions", "units, the base of a numeral, seven equal digits, lists for sets",
            lambda item: framed(_STATED, item.convention),
        ),
    ),
)  # fmt: skip
"""Formulas, compared symbolically."""
