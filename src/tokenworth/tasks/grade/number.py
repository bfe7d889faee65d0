"""Numbers as people and models write them, read exactly and as a whole."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from fractions import Fraction

from tokenworth.tasks.grade import words
from tokenworth.tasks.grade.places import Read
from tokenworth.tasks.grade.text import breaks

_MAX_CHARS = 60
_MAX_EXPONENT = 300

_SPACES = re.compile(r"\\[,;:> ]|[~\u00a0\u202f\u2009]")
_GROUPS = re.compile(
    r"(?<![\d.,'])(?:\d{1,3}(?:([,'\u2009])\d{3})(?:\1\d{3}){0,6}(?!\1?\d)|\d{1,2}(?:,\d{2}){1,6},\d{3}(?!,?\d)|\d{1,3}(?:\.\d{3}){2,6}(?!\.?\d))"
)
_FRACTION = re.compile(r"(?P<before>\d?)\s?\\[dtc]?frac\s?(?:\{\s?(\d[\d.]*)\s?\}|(\d))\s?(?:\{\s?(\d[\d.]*)\s?\}|(\d))")
_HIGH = re.compile("[⁻⁰¹²³⁴-⁹]+")
_PLAIN = r"(?:\d+(?:\.\d+)?|\.\d+)"
_POWER = r"\s?(?:\^|\*\*)\s?(?:\{\s?(?P<%s>[-+−]?\d+)\s?\}|(?P<%s>[-+−]?\d+))"
_NUMBER = re.compile(
    r"(?P<sign>[-−–+]\s?|minus\s|negative\s)?(?P<money>\\?[$€£¥₹]\s?)?(?P<sign2>[-−])?"
    rf"(?:10{_POWER % ('ten', 'ten1')}|(?P<main>{_PLAIN})(?:"
    rf"\s(?P<part>\d+)/(?P<parts>\d+)|\s?/\s?(?P<over>{_PLAIN})(?!/)|[eE](?P<exp>[-+−]?\d+)(?!\w)"
    rf"|\s?(?:\\times|×|\*|\\cdot|·|x)\s?10{_POWER % ('pow', 'pow1')})?)"
    r"(?P<percent>\s?(?:\\?%|(?:percent|per\scent)\b))?(?P<dollar>\$)?",
    re.ASCII,
)
_DEGREES = re.compile(r"\s?(?:\^\s?\{?\s?\\circ\b\s?\}?|\\degree\b|°(?:\s?[CFK]\b)?)")
_UNIT = re.compile(r"(?P<unit>[A-Za-zµ]{1,4})(?:\^\{?[23]\}?|[23])?(?!\w)(?:/[A-Za-z]{1,9}\b(?:\^\{?2\}?)?)?|/[A-Za-z]{1,12}\b(?!/)")
_TAIL = re.compile(r"[ \t]{1,2}(?P<word>[^\W\d_]+(?:['&-][^\W\d_]+)*)(?:\^\{?[23]\}?)?(?![\w^])(?:/[^\W\d_]+(?!\w))?")
_DIGIT = re.compile(r"\s{0,2}[(\[{]{0,2}[-−$€£]{0,2}\.?\d")
BETWEEN = frozenset(("for", "per", "on", "at", "from", "with", "by", "of", "after", "in", "every", "each"))
"""Words that may lead to a second number after a unit: "18 dollars a day for 2 people"."""


_LEAVES = frozenset(("and", "but", "which", "that", "is", "are", "was", "were", "does", "has", "would", "can"))
"""Words with which what is said of a number begins."""
_COMPOUND = re.compile(r"\s?(?:and|or)\s(?:an?|one)?\s?[(\[{$]{0,2}(?:\d|half|quarter|third)|\.\.|…|\.\d|,\d|:\d|'|!|\s?[-–+*/^×·÷=<>≤≥±]\s?[$(]?\.?\d")


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """An exact value; ``percent`` says that a percent sign followed."""

    value: Fraction
    percent: bool


def prepared(text: str) -> str:
    """The text with thousands joined, fractions as ``a/b`` and raised digits as powers; what is read of it is read of the text."""
    text = opened_numbers(text)
    return _HIGH.sub(lambda high: "^{" + unicodedata.normalize("NFKC", high[0]).replace("−", "-") + "}", text)


def opened_numbers(text: str) -> str:
    text = text.replace("\\$", "$").replace("{,}", ",").replace("\\!", "")
    text = "".join(f" {unicodedata.normalize('NFKC', c).replace(chr(0x2044), '/')}" if c in "½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞" else c for c in text)
    text = _GROUPS.sub(lambda group: re.sub(r"\D", "", group[0]), _SPACES.sub("\u2009", text))
    return _FRACTION.sub(_slashed, text).replace("\u2009", " ")


def _slashed(match: re.Match[str]) -> str:
    over, under = match[2] or match[3], match[4] or match[5]
    return f"{match['before']} {over}/{under}" if match["before"] else f"{over}/{under}"


def _value(match: re.Match[str]) -> Fraction | None:
    # Bounded before any arithmetic: 1e999999999 must not build a number of a billion digits.
    if match.end() - match.start() > _MAX_CHARS:
        return None
    power = next((match[name] for name in ("exp", "pow", "pow1", "ten", "ten1") if match[name]), None)
    exponent = int(power.replace("−", "-")) if power else 0
    parts, over = int(match["parts"] or 1), Fraction(match["over"] or 1)
    if abs(exponent) > _MAX_EXPONENT or parts == 0 or over == 0:
        return None
    value = Fraction(match["main"] or 1) / over + Fraction(int(match["part"] or 0), parts)
    negative = (match["sign"] or "").strip() in ("-", "−", "–", "minus", "negative") or match["sign2"] is not None
    return (-1 if negative else 1) * value * Fraction(10) ** exponent


def number_at(text: str, at: int = 0) -> Read[Number] | None:
    """The number at this place of a prepared text, with the units after it, where all of it is one number; None otherwise."""
    match = _NUMBER.match(text, at)
    value = None if match is None else _value(match)
    if match is None or value is None:
        return None
    end, units, percent = match.end(), 0, match["percent"] is not None
    degrees = _DEGREES.match(text, end)
    unit = None if degrees else _UNIT.match(text, end)
    if degrees:
        end = degrees.end()
    elif unit and (unit["unit"] is None or unit["unit"].casefold() in words.UNITS and unit["unit"][0] not in "MKBTGC" or text[end - 1] == "%"):
        end, units = unit.end(), 1
    while (tail := _TAIL.match(text, end)) is not None:
        word, second = tail["word"].casefold(), _DIGIT.match(text, tail.end()) is not None
        if word in words.COUNTS and not second:
            value *= words.COUNTS[word]
        elif word in words.ALTERS or word in words.DENIED or word.endswith("n't") or (second and not (units and word in BETWEEN)) or (len(word) == 1 and word not in (*words.UNITS, "a")):
            return None
        elif second or word in _LEAVES or word in words.REASONS:
            break
        end, units = tail.end(), units + 1
    rest = text[end:]
    if _COMPOUND.match(rest):
        return None
    whole = breaks(rest) or re.match(r"[ )\]}$\"'*]*\s[^\W\d_]", rest) is not None
    return Read(value=Number(value=value, percent=percent), end=end) if whole else None


def parse_number(text: str) -> Number | None:
    """The number a text consists of, ``$`` and ``%`` allowed; None when it is not just that."""
    text = prepared(text.strip())
    match = _NUMBER.fullmatch(text)
    value = None if match is None else _value(match)
    return None if match is None or value is None else Number(value=value, percent=match["percent"] is not None)


def same_number(first: Number, second: Number) -> bool:
    """Equal by value; where only one carries a percent sign, 25% equals both 25 and 0.25."""
    if first.value == second.value:
        return True
    if first.percent == second.percent:
        return False
    return first.value / (100 if first.percent else 1) == second.value / (100 if second.percent else 1)


def number_label(number: Number) -> str:
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
