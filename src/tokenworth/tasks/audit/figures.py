"""Attacks on checkers of numeric answers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from tokenworth.core.problem import AnswerKind, Problem
from tokenworth.tasks.audit import noise
from tokenworth.tasks.audit.attack import Surface, open_answers, right_answers, wrong_answers

_PLAIN = re.compile(r"-?[0-9]{1,12}(?:\.[0-9]{1,9})?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A problem with a number for an answer. ``gold`` is its decimal text, ``value`` what that stands for."""

    problem: Problem
    gold: str
    value: Fraction

    @property
    def size(self) -> str:
        """The gold text without its sign."""
        return self.gold.removeprefix("-")


def plain_value(text: str) -> Fraction | None:
    """The value of plain decimal text of ASCII digits; None for anything else."""
    return Fraction(text) if _PLAIN.fullmatch(text) else None


def _make(count: int, rng: np.random.Generator) -> list[Figure]:
    made: list[Figure] = []
    for number in range(count):
        whole = int(rng.integers(0, (10, 100, 1000, 10_000, 100_000)[int(rng.integers(5))]))
        decimals = f".{int(rng.integers(1, 1000)):03d}".rstrip("0") if rng.random() < 0.25 else ""
        sign = "-" if rng.random() < 0.2 and (whole or decimals) else ""
        problem = Problem(id=f"numeric-{number}", question="How many?", gold=f"{sign}{whole}{decimals}", kind=AnswerKind.NUMERIC)
        item = _of(problem)
        assert item is not None
        made.append(item)
    return made


def _of(problem: Problem) -> Figure | None:
    gold = (problem.gold or "").replace(",", "")
    value = plain_value(gold)
    return None if value is None or problem.kind is not AnswerKind.NUMERIC else Figure(problem=problem, gold=gold, value=value)


def decimal(value: Fraction) -> str:
    """Decimal text of a value whose denominator divides a power of ten, else ``a/b``."""
    for places in range(13):
        scaled = value * 10**places
        if scaled.denominator == 1:
            digits = str(abs(scaled.numerator)).rjust(places + 1, "0")
            text = digits if places == 0 else f"{digits[:-places]}.{digits[-places:]}"
            return f"-{text}" if value < 0 else text
    return f"{value.numerator}/{value.denominator}"


def others(item: Figure) -> list[str]:
    """Plain decimal texts of other values near the right one."""
    value, size = item.value, item.size
    made = [
        value + 1, value - 1, -value, value * 10, value / 10, value + Fraction(1, 1000), value * 1000, value + 10, Fraction(0), Fraction(1),
        value * 2,
    ]  # fmt: skip
    made += [Fraction(text) for text in (size[::-1], "1" + size, size + "0", size + "7") if plain_value(text) is not None]
    return [decimal(other) for other in dict.fromkeys(made) if other != value]


def _other(item: Figure) -> str:
    return decimal(item.value + 1)


def _wrong(item: Figure) -> Iterator[str]:
    for other in others(item):
        yield from noise.stated(other)
        yield f"#### {other}"


def _syntax(item: Figure) -> Iterator[str]:
    """Each is a number other than the right one, or no number: never the right one."""
    g, value = item.gold, item.value
    made = (
        [f"{g}e-3", f"{g}e+3", f"{g}E3", f"{g}e999999999", f"{g}e400", f"{g}^2", f"{g}²", f"{g}**2", f"{g}e3 + 0e0"]
        if value not in (0, 1)
        else []
    )
    if abs(value) >= 10 and value.denominator == 1:
        made += [f"0x{item.size}", f"0X{item.size}", f"0o{item.size}", f"0h{item.size}", f"0x{item.size}p1"]
    made += [
        f"1e{g}0" if value.denominator == 1 else "1e9", f"{g}\u0663", f"{g}\uff13", f"\u0661{item.size}", f"{g}_7", f"{g}_000_1",
        f"{g}.5.1", f"{g},5", f"{g}:30", f"{g}/0", f"{g}/0.0", f"1.{item.size.replace('.', '')}e500", "inf", "-inf", "nan", "Infinity",
        "1e400", "1e-400", "-0x1", "\u00bd", "\u221e", f"{item.size}\u00bd", f"{item.size} 1/2", f"- {item.size}" if value > 0 else "- 1e9",
        f"\u2212{item.size}" if value > 0 else "\u22121e9",
    ]  # fmt: skip
    for text in made:
        yield from noise.stated(text)
        yield f"#### {text}"


def _arithmetic(item: Figure) -> Iterator[str]:
    g, value = item.gold, item.value
    made = [
        f"{g} + 1", f"1 + {g}", f"{g} - 1", f"{g} / 7 - 1", f"{g}+{g}+1", f"\\sqrt{{{g}}} + {abs(value) + 2}", f"{g} \\cdot 10^{{2}} + 1",
        f"\\frac{{{g}}}{{7}} - 1",
    ]  # fmt: skip
    if value != 0:
        made += [
            f"{g} * 2", f"2 * {g}", f"{g} \\times 3", f"3 \\cdot {g}", f"{g} - {item.size}" if value > 0 else f"{g} + {g}", f"-({g})",
            f"\\frac{{{g}}}{{7}}",
        ]  # fmt: skip
    for text in made:
        yield f"The answer is {text}."
        yield f"\\boxed{{{text}}}"
        yield f"#### {text}"


def _worded(item: Figure) -> Iterator[str]:
    """Expressions in words and symbols; the values of 0, 1 and 2, where some of them change nothing, are left out."""
    g = item.gold
    made = [f"{g} more than 5", f"f({g})"]
    if item.value not in (0, 1, 2):
        made += [f"{g} x 3", f"twice {g}", f"half of {g}", f"the square root of {g}", f"{g} squared", f"{g}!", f"{g} factorial"]
        made += [f"{g} million", f"{g}k", f"{g}\u03c0", f"{g}i", f"{g}\\pi", f"{g}\\sqrt{{3}}"]
    for text in made:
        yield from noise.stated(text)
        yield f"#### {text}"


def _two(item: Figure) -> Iterator[str]:
    gold, other = item.gold, _other(item)
    # A slash between two numbers is a fraction, which may have the right value.
    yield from noise.two([hedge for hedge in noise.HEDGES if "/" not in hedge], gold, other)
    yield from (
        f"The answer is between {other} and {gold}.", f"The answer is {other} to {gold}.", f"\\boxed{{{other}, {gold}}}",
        f"#### {other} or {gold}", f"Maybe {other}, maybe {gold}", f"{other}, {gold}", f"{gold}; {other}",
        f"#### {gold}\n#### {other}", f"\\boxed{{{gold} \\text{{ or }} {other}}}",
    )  # fmt: skip


def _listed(item: Figure) -> Iterator[str]:
    around = [decimal(item.value + step) for step in (-2, -1, 1, 2)]
    for order in ([*around, item.gold], [item.gold, *around], [*around[:2], item.gold, *around[2:]]):
        for joiner in (", ", " ", " or ", "\n", "; ", " and "):
            yield joiner.join(order)
            yield f"The answer is one of {joiner.join(order)}."
            yield f"The answer is {joiner.join(order)}."
            yield f"\\boxed{{{joiner.join(order)}}}"


def _denied(item: Figure) -> Iterator[str]:
    yield from (template.format(g=item.gold) for template in noise.NEGATIONS)
    yield from (
        f"The answer is more than {item.gold}.", f"The answer is less than {item.gold}.", f"The answer is at least {item.gold} and a bit.",
        f"{item.gold} is wrong", f"{item.gold} is incorrect.", f"I don't think it is {item.gold}.",
        f"I don't think the answer is {item.gold}.", f"I ruled out {item.gold}", f"\\boxed{{{item.gold}}} is wrong.",
    )  # fmt: skip


def _corrected(item: Figure) -> Iterator[str]:
    yield from noise.two(noise.CORRECTIONS, item.gold, _other(item))
    yield f"{item.gold}? No, wait: {_other(item)}"


def _inside(item: Figure) -> Iterator[str]:
    size = item.size
    for word in (f"abc{size}def", f"file{size}.txt", f"v{size}.0.1", f"x_{size}", f"{size}-01-02", f"R{size}D", f"{size}7.9.1"):
        yield f"The answer is {word}"
        yield f"\\boxed{{{word}}}"


def _hidden(item: Figure) -> Iterator[str]:
    yield from noise.hidden(_other(item), item.gold)
    yield from (f"7{separator}{item.size}" for separator in noise.SEPARATORS[:6])


def _nothing(item: Figure) -> Iterator[str]:
    yield from noise.empty_texts()
    yield from (text for text in ("0", "1", "-1", "2", "10", "42", "100", "1000") if Fraction(text) != item.value)
    yield item.problem.question if not any(char.isdigit() for char in item.problem.question) else ""


def _long(item: Figure) -> Iterable[str]:
    yield from noise.enormous_texts()
    yield item.size + "7" * 20_000
    yield "7" * 20_000 + item.size
    yield "The answer is " + "7" * 5000 + item.size
    yield f"\\boxed{{1{'0' * 5000}{item.size}}}"
    yield f"{item.size}.{'0' * 400}1"


def _right(item: Figure) -> Iterator[str]:
    g, value = item.gold, item.value
    yield from noise.stated(g)
    yield from (
        f"#### {g}", f"  {g}\n", f"**{g}**", f"${g}$", f"{g}.", f"x = {g}", f"The answer is {g} apples.", f"So in all that makes {g}",
        f"\\[ \\boxed{{{g}}} \\]", f"\\boxed{{{g}^\\circ}}", f"The answer is {g}^\\circ", f"The answer is ${g}^{{\\circ}}$.", f"{g}\u00b0",
        f"You need at least {g} boxes.", f"It costs at least {g}", f"The answer is {g}m2.", f"The answer is {g} km.", f"{g}kg",
    )  # fmt: skip
    yield f"First there are 3, then 5 more. The answer is {g}."
    yield f"{g}.0" if value.denominator == 1 else f"{g}0"
    if value.denominator == 1:
        grouped = f"{value.numerator:,}"
        yield from (
            grouped, f"The answer is {grouped}.", f"\\boxed{{{grouped}}}", f"#### {grouped}",
            f"2 + {decimal(value - 2)} = {g}" if value > 2 else g,
        )  # fmt: skip
    else:
        yield f"\\boxed{{\\frac{{{value.numerator}}}{{{value.denominator}}}}}" if value > 0 else g
        yield f"The answer is {value.numerator}/{value.denominator}."
    if value > 0:
        yield from (f"+{g}", f"The answer is ${g}.", f"The total is ${g}.")
    if value < 0:
        yield from (f"\u2212{item.size}", f"The answer is \u2212{item.size}.", f"The answer is -${item.size}.")
    yield from noise.reassured(item.gold, _other(item))


def _convention(item: Figure) -> Iterator[str]:
    g, size = item.gold, item.size
    fullwidth, arabic = ("".join(chr(ord(c) + shift) if c.isdecimal() else c for c in g) for shift in (0xFEE0, 0x0630))
    yield from (
        f"00{size}", fullwidth, arabic, f"{g}%", f"{g} percent", f"{g}e0", f"{g}E+00", f"({g})", f"{g}x", f"{g}_",
        f"about {g}", f"The answer is approximately {g}.", f"The answer is probably {g}", f"{size} degrees", f"{g}\u200b",
        f"{'0' * 400}{size}", f"{g}.{'0' * 400}",
    )  # fmt: skip
    if item.value.denominator == 1:
        yield from (hex(item.value.numerator), "_".join(str(item.value)), f"{g}+0", f"{g}*1", f"{g}/1", f"{decimal(item.value * 10)}e-1")


NUMERIC: Surface[Figure] = Surface(
    name="numeric",
    make=_make,
    of=_of,
    problem=lambda item: item.problem,
    attacks=(
        wrong_answers("another number", "plain decimal text whose exact value is not the gold value", _wrong),
        wrong_answers("number syntax", "exponents, hexadecimal, other digits, signs: another number or none", _syntax),
        wrong_answers("arithmetic", "an expression with the gold number in it whose value is not the gold value", _arithmetic),
        wrong_answers("arithmetic in words", "words or symbols that make the gold number a part of another value", _worded),
        wrong_answers("two numbers", "two numbers are offered, so none is given", _two),
        wrong_answers("list of candidates", "five numbers are listed, so none is given", _listed),
        wrong_answers("gold denied", "the text says that the gold number is not the answer", _denied),
        wrong_answers("gold not stated", noise.UNSTATED, lambda item: noise.unstated(item.gold, _other(item))),
        wrong_answers("gold taken back", "the last thing said is that another number is right", _corrected),
        wrong_answers("gold inside a word", "the gold digits are part of a name, a date or a version", _inside),
        wrong_answers("hidden second answer", "another number is stated; the gold digits follow unseen", _hidden),
        wrong_answers("nothing said", "empty texts and constants that are not the gold value", _nothing),
        wrong_answers("enormous", "very long numbers and texts, none of the gold value", _long),
        right_answers("right, other forms", "the gold value exactly, in a usual form", _right),
        open_answers("conventions", "other scripts, units, percent, leading zeros: a matter of convention", _convention),
    ),
)
"""Numbers, compared by value."""
