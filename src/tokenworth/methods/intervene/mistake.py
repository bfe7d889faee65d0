"""Mistakes that are added to a trace by rules, each checked to be wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from tokenworth.core.problem import Problem
from tokenworth.methods.intervene.entry import Made, Material, TraceEdit
from tokenworth.methods.intervene.part import changed
from tokenworth.methods.intervene.text import TextPatch

_NUMBER = r"\d{1,12}(?:,\d{3})*(?:\.\d{1,9})?"
_OPERATION = r"(?:[+\-−–*×·/÷]|plus|minus|times)"
_AFTER = r"(?![\d,.]*\d)(?!\w)(?!\s*[%^])(?!\s*[+\-−–·*/×÷xX]\s*[\d($])"
"""The result is no longer, and no part of a longer expression."""
_SUM = re.compile(rf"(?<![\w.,/^-])(?P<left>{_NUMBER}(?:\s*{_OPERATION}\s*\$?{_NUMBER})+)\s*(?:=|is)\s*\$?(?P<right>{_NUMBER}){_AFTER}")
_BEFORE = re.compile(r"(?:[+\-−–*×·/÷^()\]}√]|\b(?:plus|minus|times|of|over|by|mod|x)|\\[a-z]+)\s*$", re.IGNORECASE)
"""The statement is, or may be, the end of a longer expression."""
_DENIED = re.compile(r"\b(?:not|no|never|neither|nor|cannot|except|unlike|wrong|incorrect|false|instead|rather)\b|n['’]t\b", re.IGNORECASE)
"""A sentence with one of these may deny what it names."""
_TWICE = re.compile(rf"(?P<left>[Tt]wice {_NUMBER}) is (?P<right>{_NUMBER})(?![\d.]*\d)")
_SIGNS = {"plus": "+", "minus": "-", "−": "-", "–": "-", "times": "*", "×": "*", "·": "*", "÷": "/"}


@dataclass(frozen=True, slots=True)
class Slip:
    """A statement of a text made wrong: what stands from ``start`` to ``end`` (characters) becomes ``text``.

    ``right``: the whole statement as it was. ``toward``: the outcome it argues for.
    """

    start: int
    end: int
    text: str
    right: str
    toward: str | None = None


def value_of(expression: str) -> Fraction | None:
    """The value of sums and products of numbers, by the usual precedence; None where it has none."""
    if expression.casefold().startswith("twice "):
        return 2 * Fraction(expression[6:].replace(",", ""))
    parts = re.findall(rf"{_NUMBER}|{_OPERATION}", expression)
    numbers = [Fraction(part.replace(",", "")) for part in parts[::2]]
    total, last = Fraction(0), numbers[0]
    for sign, number in zip(parts[1::2], numbers[1:], strict=True):
        sign = _SIGNS.get(sign, sign)
        if sign == "*":
            last *= number
        elif sign == "/":
            if number == 0:
                return None
            last /= number
        else:
            total, last = total + last, number if sign == "+" else -number
    return total + last


def sums(text: str, rng: np.random.Generator) -> Iterator[Slip]:
    """Each statement of arithmetic that is right, with another result of as many digits.

    A whole number is right where it is exact, one with decimals where it is within half a unit of its last place. The wrong result is up
    to 9 such units away, at least 1 for whole numbers and 2 for rounded ones, and not negative.
    """
    for found in (*_SUM.finditer(text), *_TWICE.finditer(text)):
        stated, value = found["right"], value_of(found["left"])
        if value is None or "," in stated or _BEFORE.search(text[max(0, found.start() - 8) : found.start()]):
            continue
        decimals = len(stated.partition(".")[2])
        unit, right = Fraction(1, 10**decimals), Fraction(stated)
        if abs(value - right) > (unit / 2 if decimals else 0):
            continue
        gaps = [sign * gap for gap in range(2 if decimals else 1, 10) for sign in (-1, 1)]
        others = [said for gap in gaps if right + gap * unit >= 0 and len(said := _written(right + gap * unit, decimals)) == len(stated)]
        if others:
            wrong = others[int(rng.integers(min(4, len(others))))]
            assert abs(value - Fraction(wrong)) >= unit
            yield Slip(*found.span("right"), wrong, found.group())


def _written(value: Fraction, decimals: int) -> str:
    """The number with so many decimals, all of them exact."""
    whole = str(int(value * 10**decimals)).rjust(decimals + 1, "0")
    return f"{whole[:-decimals]}.{whole[-decimals:]}" if decimals else whole


def options(text: str, problem: Problem, rng: np.random.Generator) -> Iterator[Slip]:
    """Each mention of the gold option, by its label in parentheses or by its text, with another option.

    Only of the gold one is it known that what takes its place is wrong; and only in sentences without a word that denies something.
    """
    texts = {option.label: option.text for option in problem.options}
    label = problem.gold
    wrong = [other for other in texts if other != label]
    if label is None or label not in texts or not wrong:
        return
    other, said = wrong[int(rng.integers(len(wrong)))], texts[label]
    labelled = rf"(?<=\(){re.escape(label)}(?=\))|(?<=[Oo]ption ){re.escape(label)}\b|(?<=answer is ){re.escape(label)}\b"
    forms = [(labelled, other)]
    if re.search(r"[^\W\d]{2}", said) and texts[other].strip():
        forms.append((rf"(?<!\w){re.escape(said)}(?!\w)", texts[other]))
    for form, put in forms:
        for found in re.finditer(form, text):
            if put != found.group() and not _DENIED.search(_sentence(text, found.start())):
                yield Slip(*found.span(), put, found.group(), other)


def _sentence(text: str, at: int) -> str:
    """What stands around a place, from one sentence end to the next."""
    start = max(text.rfind(mark, 0, at) for mark in ".?!\n") + 1
    ends = [end for mark in ".?!\n" if (end := text.find(mark, at)) >= 0]
    return text[start : min(ends, default=len(text))]


def _slipped(material: Material, slips: list[Slip], why: str) -> Made:
    if not slips:
        return why
    slips.sort(key=lambda slip: slip.start)
    chosen = slips[material.place(len(slips))]
    text = material.text.bytes.decode("utf-8", "surrogateescape")
    start, end = (len(text[:at].encode("utf-8", "surrogateescape")) for at in (chosen.start, chosen.end))
    made = material.text.splice([TextPatch(start, end, chosen.text)])
    told = f"{chosen.right!r} made wrong: {text[chosen.start : chosen.end]!r} became {chosen.text!r}"
    return changed(material, made, told, toward=chosen.toward, restated=chosen.right if chosen.toward is None else "")


def _sum(material: Material) -> Made:
    text = material.text.bytes.decode("utf-8", "surrogateescape")
    return _slipped(material, list(sums(text, material.rng)), "the trace states no arithmetic that is right")


def _option(material: Material) -> Made:
    if material.problem is None or not material.problem.options or material.problem.gold is None:
        return "the problem has no options, or no gold answer"
    text = material.text.bytes.decode("utf-8", "surrogateescape")
    return _slipped(
        material,
        list(options(text, material.problem, material.rng)),
        "the trace does not name the right option, or only where it may deny it",
    )


MISTAKE_SUM = TraceEdit(family="mistake", told="a right result of arithmetic made wrong", make=_sum)
MISTAKE_OPTION = TraceEdit(family="mistake", told="the right option, where it is named, becomes a wrong one", make=_option)
