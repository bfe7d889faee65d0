"""Numbers as people and models write them, read exactly."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

_MAX_CHARS = 60
_MAX_EXPONENT = 300

_PLAIN = r"(?:\d{1,3}(?:,\d{3})+(?![\d])|\d+)(?:\.\d+)?|\.\d+"
_NUMBER = re.compile(
    r"(?P<sign>(?<![\w.)\]}%])[-−–+]\s?)?"
    r"(?:(?P<money>\\?[$€£¥]\s?)(?P<sign2>[-−])?)?"
    r"(?:"
    rf"\\[dt]?frac\s?\{{\s?(?P<num>-?{_PLAIN})\s?\}}\s?\{{\s?(?P<den>{_PLAIN})\s?\}}"
    rf"|(?P<main>{_PLAIN})"
    rf"(?:\s?/\s?(?P<over>{_PLAIN})(?![\d/])"
    r"|(?:[eE](?P<exp>[-+−]?\d+)(?!\w)|\s?(?:\\times|×|\*|\\cdot)\s?10\s?(?:\^|\*\*)\s?\{?(?P<pow>[-+−]?\d+)\}?))?"
    r")"
    r"(?P<percent>\s?\\?%)?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExactNumber:
    """An exact value; ``percent`` says that a percent sign followed, ``span`` where it stood."""

    value: Fraction
    percent: bool
    span: tuple[int, int]


def _fraction(text: str) -> Fraction:
    return Fraction(text.replace(",", "").replace("−", "-"))


def _value(match: re.Match[str]) -> Fraction | None:
    # Bounded before any arithmetic: 1e999999999 must not build a number of a billion digits.
    if match.end() - match.start() > _MAX_CHARS:
        return None
    power = match["exp"] or match["pow"]
    if power is not None and abs(int(power.replace("−", "-"))) > _MAX_EXPONENT:
        return None
    if match["num"] is not None:
        value, over = _fraction(match["num"]), _fraction(match["den"])
    else:
        value = _fraction(match["main"])
        over = _fraction(match["over"]) if match["over"] is not None else Fraction(1)
    if over == 0:
        return None
    value /= over
    if power is not None:
        value *= Fraction(10) ** int(power.replace("−", "-"))
    negative = (match["sign"] or "").strip() in ("-", "−", "–") or match["sign2"] is not None
    return -value if negative else value


def numbers(text: str) -> Iterator[ExactNumber | None]:
    """Every number of the text in order; None stands for one that is too long or too large to be an answer."""
    for match in _NUMBER.finditer(text):
        value = _value(match)
        yield None if value is None else ExactNumber(value=value, percent=match["percent"] is not None, span=match.span())


def parse_number(text: str) -> ExactNumber | None:
    """The number a text consists of, units such as ``$`` and ``%`` allowed; None when it is not just that."""
    text = text.strip()
    match = _NUMBER.fullmatch(text)
    value = None if match is None else _value(match)
    if match is None or value is None:
        return None
    return ExactNumber(value=value, percent=match["percent"] is not None, span=(0, len(text)))


def same_number(first: ExactNumber, second: ExactNumber) -> bool:
    """Equal by value; where only one carries a percent sign, 25% equals both 25 and 0.25."""
    if first.value == second.value:
        return True
    if first.percent == second.percent:
        return False
    return first.value / (100 if first.percent else 1) == second.value / (100 if second.percent else 1)


def number_label(number: ExactNumber) -> str:
    """The value as decimal text where that is exact and short, else as a fraction."""
    value, sign = number.value, "%" if number.percent else ""
    if value.denominator == 1:
        text = str(value.numerator)
    else:
        scaled = value * 10**12
        if scaled.denominator == 1:
            digits = str(abs(scaled.numerator)).rjust(13, "0")
            text = f"{'-' if value < 0 else ''}{digits[:-12]}.{digits[-12:].rstrip('0')}"
        else:
            text = f"{value.numerator}/{value.denominator}"
    return text + sign
