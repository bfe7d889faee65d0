"""Numbers as people and models write them, read exactly and as a whole."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from fractions import Fraction

from tokenworth.tasks.grade import words
from tokenworth.tasks.grade.places import AnswerRead
from tokenworth.tasks.grade.text import ends

_MAX_CHARS = 60
_MAX_EXPONENT = 300

_SPACES = re.compile(r"\\[,;:> ]|[~\u00a0\u202f\u2009]")
_THIN = "\u2009"
_GROUPS = re.compile(
    rf"(?<![\d.,'])(?:\d{{1,3}}(?:([,'{_THIN}])\d{{3}})(?:\1\d{{3}}){{0,6}}(?!\1?\d)"  # 12,500 and 12'500
    r"|\d{1,2}(?:,\d{2}){1,6},\d{3}(?!,?\d)|\d{1,3}(?:\.\d{3}){2,6}(?!\.?\d))",  # 12,34,567 and 1.234.567
    re.ASCII,
)
_FRACTION = re.compile(r"(\d?)(\s?)\\[dtc]?frac\s?(?:\{\s?(\d[\d.]*)\s?\}|(\d))\s?(?:\{\s?(\d[\d.]*)\s?\}|(\d))", re.ASCII)
_VULGAR = re.compile("[½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞]")
_HIGH = re.compile("[⁻⁰¹²³⁴-⁹]+")
_PLAIN = r"(?:\d+(?:\.\d+)?|\.\d+)"
_POWER = r"\s?(?:\^|\*\*)\s?\{?\s?(?P<%s>[-+]?\d+)\s?\}?"
_NUMBER = re.compile(
    r"(?P<sign>[-–+]\s?|minus\s|negative\s)?(?:\\?[$€£¥₹]\s?)?(?P<sign2>-)?"
    rf"(?:10{_POWER % 'ten'}|(?P<main>{_PLAIN})(?:\s(?P<part>\d+)/(?P<parts>\d+)|\s?/\s?(?P<over>{_PLAIN})(?!/)|[eE](?P<exp>[-+]?\d+)(?!\w)"
    rf"|\s?(?:\\times|×|\*|\\cdot|·|x)\s?10{_POWER % 'pow'})?)(?P<percent>\s?(?:\\?%|(?:percent|per\scent)\b))?(?:\s?[$€£¥₹])?",
    re.ASCII,
)
_START = re.compile(r"(?:[-–+]\s?|\bminus\s|\bnegative\s)?(?:\\?[$€£¥₹]\s?)?-?\.?\d", re.ASCII)
_GLUED = re.compile(r"[\w.^\\/]\Z")
_UNIT = re.compile(
    r"\s?(?:\^\s?\{?\s?\\circ\b\s?\}?|\\degree\b|°(?:\s?[CFK]\b)?)"
    r"|(?P<unit>[A-Za-zµ]{1,4})(?:\^\{?[23]\}?|[23])?(?!\w)(?:/[A-Za-z]{1,9}\b(?:\^\{?2\}?)?)?|/[A-Za-z]{1,12}\b(?!/)"
)
_TAIL = re.compile(r"[ \t]{1,2}(?P<word>[^\W\d_]+(?:['&-][^\W\d_]+)*)(?:(?<=s)'(?=\s))?(?:\^\{?[23]\}?)?(?![\w^])(?:/[^\W\d_]+(?!\w))?")
_TIMES = re.compile(r"\s(?:as|more|less|the|that|what|larger|bigger|greater|longer|higher|smaller|his|her|its|their)\b")
_DIGIT = re.compile(r"\s{0,2}[(\[{]{0,2}[-$€£]{0,2}\.?\d", re.ASCII)
_COMPOUND = re.compile(
    r"\s?\(?\s?\\?(?:p?mod|base)\b|[^.\n]{0,40}(?:±|\\pm\b)|[\s,]*(?:and\s|with\s)?(?:an?\s)?remainder\b|\s?(?:and|or)\s(?:an?|one)?\s?[(\[{$]{0,2}(?:\d|half|quarter|third)|\.\.|…|\s:\s?\d|[.,:]\d|'|!|\s?[-–+*/^×·÷=<>≤≥±]\s?[$(]?\.?\d",
    re.ASCII,
)
"""What after a number makes it a part of another one."""
_PART_OF = re.compile(
    r"\s?/\s?[a-zA-Z](?!\w)(?<![hslLgmJ])|\s?\([^()\n]{0,40}[-+*/^=][^()\n]{0,40}\)|,?\s?R\s?\d"
    r"|\s?p(?:or|our|er)\s(?:cien|cent)"
)
"""What after a number makes it a part of an expression: "3/x", "3 (x + 1)", "5 R3"."""
_WORD = re.compile(r"(?<=\d)\s?[^\W\d_]+")
_GOES_ON = re.compile(r"[ )\]}$\"'*]*\s[^\W\d_]")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExactNumber:
    """An exact value; ``percent`` says that a percent sign followed."""

    value: Fraction
    percent: bool


def prepared(text: str) -> str:
    """The text with thousands joined, plain fractions as ``a/b`` and raised digits as powers: numbers are read of such a text."""
    text = text.replace("\\$", "$").replace("{,}", ",").replace("\\!", "")
    text = _VULGAR.sub(lambda one: " " + unicodedata.normalize("NFKC", one[0]).replace("\u2044", "/"), text)
    text = _HIGH.sub(lambda high: "^{" + unicodedata.normalize("NFKC", high[0]).replace("\u2212", "-") + "}", text)
    text = _GROUPS.sub(lambda group: re.sub(r"\D", "", group[0]), _SPACES.sub(_THIN, text)).replace(_THIN, " ")
    return _FRACTION.sub(lambda one: f"{one[1]}{one[2] or ' ' * bool(one[1])}{one[3] or one[4]}/{one[5] or one[6]}", text)


def _value(match: re.Match[str]) -> Fraction | None:
    # Bounded before any arithmetic: 1e999999999 must not build a number of a billion digits.
    power = int(match["exp"] or match["pow"] or match["ten"] or 0) if match.end() - match.start() <= _MAX_CHARS else _MAX_EXPONENT + 1
    parts, over = match["parts"] or "1", match["over"] or "1"
    if abs(power) > _MAX_EXPONENT or Fraction(over) == 0 or int(parts) == 0:
        return None
    size = Fraction(match["main"] or 1) / Fraction(over) + Fraction(int(match["part"] or 0), int(parts))
    negative = (match["sign"] or "+").strip() != "+" or match["sign2"] is not None
    return (-1 if negative else 1) * size * Fraction(10) ** power


def number_at(text: str, at: int = 0) -> AnswerRead[ExactNumber] | None:
    """The number at this place of a prepared text, with the units after it, where all of it is one number; None otherwise."""
    match = _NUMBER.match(text, at)
    value = None if match is None else _value(match)
    if match is None or value is None:
        return None
    end, units = match.end(), 0
    if _PART_OF.match(text, end) or ((word := _WORD.match(text, end)) is not None and _scales(word[0].casefold())):
        return None
    unit = _UNIT.match(text, end)
    if unit and (unit["unit"] is None or unit["unit"] in words.UNITS or match["percent"]):
        end, units = unit.end(), int(unit["unit"] is not None)
    while (tail := _TAIL.match(text, end)) is not None:
        word, second = tail["word"].casefold(), _DIGIT.match(text, tail.end()) is not None
        if word in words.COUNTS and not second:
            value *= words.COUNTS[word]
        elif (
            _scales(word)
            or (word in ("m", "mm", "k", "b") and re.search("[$€£¥₹]", match[0]))
            or (second and not (units and word in words.BETWEEN))
            or (len(word) == 1 and word not in (*words.UNITS, "a"))
            or word in words.ALTERS
            or (word == "times" and _TIMES.match(text, tail.end()))
            or word in words.DENIED
            or word.endswith("n't")
        ):
            return None
        elif second or word in words.LEAVES or word in words.REASONS:
            break
        end, units = tail.end(), units + 1
    rest = text[end:]
    if _COMPOUND.match(rest) or not (ends(rest) or _GOES_ON.match(rest)):
        return None
    return AnswerRead(value=ExactNumber(value=value, percent=match["percent"] is not None), end=end)


def _scales(word: str) -> bool:
    """Whether a word multiplies the number before it, in some language."""
    return word in words.SCALE or (word.startswith(words.SCALES) and word not in words.COUNTS)


def starts(text: str, at: int = 0) -> list[int]:
    """Where the numbers of a text begin, from a place on; digits of a word, of a file or of a power begin none."""
    found = ((one, _NUMBER.match(text, one.start())) for one in _START.finditer(text, at))
    kept: list[int] = []
    stop = at
    for one, number in found:
        if one.start() >= stop and not _GLUED.search(text, 0, one.start()):
            kept.append(one.start())
            stop = number.end() if number else one.end()
    return kept


def parse_number(text: str) -> ExactNumber | None:
    """The number a text consists of, ``$`` and ``%`` allowed; None when it is not just that."""
    match = _NUMBER.fullmatch(prepared(text.strip().replace("−", "-")).strip())
    value = None if match is None else _value(match)
    return None if match is None or value is None else ExactNumber(value=value, percent=match["percent"] is not None)


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
