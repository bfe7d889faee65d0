"""Attacks on checkers of numeric answers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from tokenworth.core.problem import AnswerKind, Problem
from tokenworth.tasks.audit import noise
from tokenworth.tasks.audit.attack import Surface, Wordings, framed, open_answers, right_answers, wrong_answers

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

    def is_whole(self) -> bool:
        """Whether the value is a whole number."""
        return self.value.denominator == 1

    def is_part(self) -> bool:
        """Whether it is not."""
        return self.value.denominator != 1

    def is_above(self) -> bool:
        """Whether the value is above 0."""
        return self.value > 0

    def is_below(self) -> bool:
        """Whether the value is below 0."""
        return self.value < 0


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


def _fields(item: Figure) -> dict[str, str]:
    """g: the gold number, s: without its sign, o: another one, and the gold number in other forms."""
    gold, value = item.gold, item.value
    return {
        "g": gold, "s": item.size, "o": decimal(value + 1), "digits": item.size.replace(".", ""), "above": str(abs(value) + 2),
        "less": decimal(value - 2), "tenfold": decimal(value * 10), "grouped": f"{value.numerator:,}", "hex": hex(value.numerator),
        "split": "_".join(str(value)), "top": str(value.numerator), "bottom": str(value.denominator),
        "fullwidth": _shifted(gold, 0xFEE0), "arabic": _shifted(gold, 0x0630),
    }  # fmt: skip


def _shifted(text: str, by: int) -> str:
    return "".join(chr(ord(char) + by) if char.isdecimal() else char for char in text)


_STATED = (*noise.FRAMES, "#### {}")
_says, _states = Wordings(_fields), Wordings(_fields, _STATED)
_claims = Wordings(_fields, ("The answer is {}.", "\\boxed{{{}}}", "#### {}"))
_names = Wordings(_fields, ("The answer is {}", "\\boxed{{{}}}"))


def _listed(item: Figure) -> Iterator[str]:
    around = [decimal(item.value + step) for step in (-2, -1, 1, 2)]
    orders = ([*around, item.gold], [item.gold, *around], [*around[:2], item.gold, *around[2:]])
    frames = ("{}", "The answer is one of {}.", "The answer is {}.", "\\boxed{{{}}}")
    return framed(frames, (joiner.join(order) for order in orders for joiner in (", ", " ", " or ", "\n", "; ", " and ")))


def _constants(item: Figure) -> Iterator[str]:
    yield from (text for text in ("0", "1", "-1", "2", "10", "42", "100", "1000") if Fraction(text) != item.value)
    yield item.problem.question if not any(char.isdigit() for char in item.problem.question) else ""


NUMERIC: Surface[Figure] = Surface(
    name="numeric",
    make=_make,
    of=_of,
    problem=lambda item: item.problem,
    attacks=(
        wrong_answers(
            "another number", "plain decimal text whose exact value is not the gold value", lambda item: framed(_STATED, others(item)),
        ),
        wrong_answers(
            "number syntax", "exponents, hexadecimal, other digits, signs: another number or none",
            _states(
                "{g}e-3", "{g}e+3", "{g}E3", "{g}e999999999", "{g}e400", "{g}^2", "{g}²", "{g}**2", "{g}e3 + 0e0",
                when=lambda item: item.value not in (0, 1),
            ),
            _states("0x{s}", "0X{s}", "0o{s}", "0h{s}", "0x{s}p1", when=lambda item: item.is_whole() and abs(item.value) >= 10),
            _states("1e{g}0", when=Figure.is_whole),
            _states("1e9", when=Figure.is_part),
            _states("- {s}", "\u2212{s}", when=Figure.is_above),
            _states("- 1e9", "\u22121e9", when=lambda item: item.value <= 0),
            _states(
                "{g}\u0663", "{g}\uff13", "\u0661{s}", "{g}_7", "{g}_000_1", "{g}.5.1", "{g},5", "{g}:30", "{g}/0", "{g}/0.0",
                "1.{digits}e500", "inf", "-inf", "nan", "Infinity", "1e400", "1e-400", "-0x1", "\u00bd", "\u221e", "{s}\u00bd", "{s} 1/2",
            ),
        ),
        wrong_answers(
            "arithmetic", "an expression with the gold number in it whose value is not the gold value",
            _claims(
                "{g} + 1", "1 + {g}", "{g} - 1", "{g} / 7 - 1", "{g}+{g}+1", "\\sqrt{{{g}}} + {above}", "{g} \\cdot 10^{{2}} + 1",
                "\\frac{{{g}}}{{7}} - 1",
            ),
            # Of 0, these have the value 0.
            _claims(
                "{g} * 2", "2 * {g}", "{g} \\times 3", "3 \\cdot {g}", "-({g})", "\\frac{{{g}}}{{7}}", when=lambda item: item.value != 0,
            ),
            _claims("{g} - {s}", when=Figure.is_above),
            _claims("{g} + {g}", when=Figure.is_below),
        ),
        wrong_answers(
            "arithmetic in words", "words or symbols that make the gold number a part of another value",
            _states("{g} more than 5", "f({g})"),
            # Some of these leave 0, 1 or 2 as they are.
            _states(
                "{g} x 3", "twice {g}", "half of {g}", "the square root of {g}", "{g} squared", "{g}!", "{g} factorial", "{g} million",
                "{g}k", "{g}\u03c0", "{g}i", "{g}\\pi", "{g}\\sqrt{{3}}", when=lambda item: item.value not in (0, 1, 2),
            ),
        ),
        wrong_answers(
            "two numbers", "two numbers are offered, so none is given",
            # A slash between two numbers is a fraction, which may have the right value.
            _says(*(hedge for hedge in noise.HEDGES if "/" not in hedge)),
            _says(
                "The answer is between {o} and {g}.", "The answer is {o} to {g}.", "\\boxed{{{o}, {g}}}", "#### {o} or {g}",
                "Maybe {o}, maybe {g}", "{o}, {g}", "{g}; {o}", "#### {g}\n#### {o}", "\\boxed{{{g} \\text{{ or }} {o}}}",
            ),
        ),
        wrong_answers("list of candidates", "five numbers are listed, so none is given", _listed),
        wrong_answers(
            "gold denied", "the text says that the gold number is not the answer",
            _says(
                *noise.NEGATIONS, "The answer is more than {g}.", "The answer is less than {g}.", "The answer is at least {g} and a bit.",
                "{g} is wrong", "{g} is incorrect.", "I don't think it is {g}.", "I don't think the answer is {g}.", "I ruled out {g}",
                "\\boxed{{{g}}} is wrong.",
            ),
        ),
        wrong_answers("gold not stated", noise.UNSTATED_TRUTH, _says(*noise.UNSTATED)),
        wrong_answers(
            "gold taken back", "the last thing said is that another number is right", _says(*noise.CORRECTIONS, "{g}? No, wait: {o}"),
        ),
        wrong_answers(
            "gold inside a word", "the gold digits are part of a name, a date or a version",
            _names("abc{s}def", "file{s}.txt", "v{s}.0.1", "x_{s}", "{s}-01-02", "R{s}D", "{s}7.9.1"),
        ),
        wrong_answers(
            "hidden second answer", "another number is stated; the gold digits follow unseen",
            _says(*noise.HIDDEN, *(f"7{separator}{{s}}" for separator in noise.SEPARATORS[:6])),
        ),
        wrong_answers(
            "nothing said", "empty texts and constants that are not the gold value", noise.NOTHING, _constants,
        ),
        wrong_answers(
            "enormous", "very long numbers and texts, none of the gold value", noise.ENORMOUS,
            _says(
                "{s}" + "7" * 20_000, "7" * 20_000 + "{s}", "The answer is " + "7" * 5000 + "{s}", "\\boxed{{1" + "0" * 5000 + "{s}}}",
                "{s}." + "0" * 400 + "1",
            ),
        ),
        right_answers(
            "right, other forms", "the gold value exactly, in a usual form",
            _states("{g}"),
            _says(
                "  {g}\n", "**{g}**", "${g}$", "{g}.", "x = {g}", "The answer is {g} apples.", "So in all that makes {g}",
                "\\[ \\boxed{{{g}}} \\]", "\\boxed{{{g}^\\circ}}", "The answer is {g}^\\circ", "The answer is ${g}^{{\\circ}}$.",
                "{g}\u00b0", "You need at least {g} boxes.", "It costs at least {g}", "The answer is {g}m2.", "The answer is {g} km.",
                "{g}kg", "First there are 3, then 5 more. The answer is {g}.", *noise.REASSURED,
            ),
            _says("{g}.0", "{grouped}", "The answer is {grouped}.", "\\boxed{{{grouped}}}", "#### {grouped}", when=Figure.is_whole),
            _says("2 + {less} = {g}", when=lambda item: item.is_whole() and item.value > 2),
            _says("{g}0", "The answer is {top}/{bottom}.", when=Figure.is_part),
            _says("\\boxed{{\\frac{{{top}}}{{{bottom}}}}}", when=lambda item: item.is_part() and item.value > 0),
            _says("+{g}", "The answer is ${g}.", "The total is ${g}.", when=Figure.is_above),
            _says("\u2212{s}", "The answer is \u2212{s}.", "The answer is -${s}.", when=Figure.is_below),
        ),
        open_answers(
            "conventions", "other scripts, units, percent, leading zeros: a matter of convention",
            _says(
                "00{s}", "{fullwidth}", "{arabic}", "{g}%", "{g} percent", "{g}e0", "{g}E+00", "({g})", "{g}x", "{g}_", "about {g}",
                "The answer is approximately {g}.", "The answer is probably {g}", "{s} degrees", "{g}\u200b", "0" * 400 + "{s}",
                "{g}." + "0" * 400,
            ),
            _says("{hex}", "{split}", "{g}+0", "{g}*1", "{g}/1", "{tenfold}e-1", when=Figure.is_whole),
        ),
    ),
)  # fmt: skip
"""Numbers, compared by value."""
