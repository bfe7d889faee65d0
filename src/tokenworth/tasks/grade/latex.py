"""Mathematical answers, compared symbolically in a guarded process."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tokenworth.core.grade import Grade
from tokenworth.core.guard import Guard, shared_guard
from tokenworth.core.problem import Problem
from tokenworth.errors import MissingExtra
from tokenworth.tasks.grade import words
from tokenworth.tasks.grade.answers import graded, outcome_label, unparseable
from tokenworth.tasks.grade.number import number_at, number_label, parse_number, prepared
from tokenworth.tasks.grade.numeric import last_number
from tokenworth.tasks.grade.places import BOX, CLAUSE, MAX_ANSWER, SAID, AnswerRead, AnswerReader
from tokenworth.tasks.grade.stated import clauses, stated
from tokenworth.tasks.grade.text import END, denied, ends, framed, lower, plain, unwrapped

_PROGRAM = Path(__file__).with_name("latex_worker.py")
_SPAN = r"(?:\$\$.{1,400}?\$\$|\$[^$\n]{1,400}\$|\\\(.{1,400}?\\\)|\\\[.{1,400}?\\\])"
_MATH = re.compile(_SPAN, re.DOTALL)
_LIST = re.compile(rf"{_SPAN}(?:\s*(?:,|;|/|or|and)\s*{_SPAN}){{1,6}}", re.DOTALL)
_SPACING = re.compile(r"\\[!,;:> ]|\\(?:left|right|displaystyle|quad|qquad)\b(?!\w)|~|\s+")
_BRACED = re.compile(r"([_^])\{(\w)\}")
_TEXT = re.compile(r"\\(?:text|mathrm|textbf|mathbf|mbox)\{([^{}]*)\}")
_WORDS = re.compile(r"(?=.*[a-z]{3})[a-z0-9 .,'-]+")
_LETTER = re.compile(r"\A\s*[A-Za-z]\s?=(?!=)")
_FUNCTIONS = frozenset(("sin", "cos", "tan", "cot", "sec", "csc", "ln", "log", "exp", "sqrt", "pi", "or", "and"))
_MOST = 4
_UNITS = re.compile(r"(?:\s[^\W\d_]+){1,4}(?=\s*(?:[.!]|\n|\Z))")
_RELATES = re.compile(r"[<>≤≥≡≠]|\\(?:equiv|pmod|n?le|n?ge|n?leq|n?geq|neq?|approx|sim|in|to)\b|[^\s,A-Za-z]\s*=|[\w}]{2}\s*=")
"""A formula that says more than what a letter is."""
_NOUNS = (
    words.FRAME | words.AROUND | frozenset(("interval", "set", "point", "pair", "vector", "matrix", "function", "expression", "x", "y"))
)
_SPELT = (
    (re.compile(r"\\varnothing|∅"), r"\\emptyset"),
    (re.compile(r"\\text\s?\{\s?(?:or|and)\s?\}|(?<=[\d$}\s])\s(?:or|and)\s(?=[\d$\\a-z-])"), ","),
    (re.compile(r"(?<=\d)\s?\\text\s?\{\s?to\s?\}\s?(?=\d)"), ":"),
    (re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)[eE]([-+]?\d{1,3})(?![\w.])"), r"\1\\times10^{\2}"),
    (re.compile(r"(?<=\d)\s?\^\s?\{?\s?\\circ\s?\}?(?=.*)"), r"^\\circ"),
    (re.compile("≤"), r"\\le "), (re.compile("≥"), r"\\ge "), (re.compile("π"), r"\\pi "), (re.compile("×"), r"\\times "),
    (re.compile("∞"), r"\\infty "), (re.compile("∪"), r"\\cup "),
)  # fmt: skip
"""Other spellings of what math-verify reads."""
_REPEATING = re.compile(r"(\d*)\.(\d*)\\(?:overline|bar)\s?\{?(\d+)\}?")
_DEGREES = re.compile(r"(\d+(?:\.\d+)?)\^\\circ")
_BRACKETS = re.compile(r"([(\[]|\\\{).*,.*?([)\]]|\\\})")
_BASED = re.compile(r"([0-9A-Za-z]+)_\{?\s?(?:\\text\s?\{\s?)?([0-9]{1,2})\s?\}{0,2}")
_COMPARED = re.compile(r"[<>≤≥]|\\(?:le|ge|leq|geq|lt|gt)(?![a-z])")
_ODD_ROOT = re.compile(r"\\sqrt\[\d*[13579]\]\{?-|\(-[^()]{1,20}\)\^\{?\(?\d*/\d*[13579]")
_OPEN_ENDED = re.compile(r"\\[lc]?dots|…|\.\.|\d_\{?\d")


def latex_normalised(answer: str) -> str:
    """One spelling of an answer's source: no spacing commands, ``\\dfrac`` as ``\\frac``, ``\\text{}`` opened."""
    short = unwrapped(answer).replace("\\dfrac", "\\frac").replace("\\tfrac", "\\frac").replace("{,}", ",")
    return _BRACED.sub(r"\1\2", _SPACING.sub("", _TEXT.sub(r"\1", short))).removesuffix(".")


def _spelt(answer: str) -> str:
    """The answer as math-verify is given it."""
    for pattern, one in _SPELT:
        answer = pattern.sub(one, answer)
    if re.search(r"\\(?:sin|cos|tan|cot|sec|csc)", answer):
        answer = _DEGREES.sub(r"\\frac{\1\\pi}{180}", answer)
    return _REPEATING.sub(_fraction, answer)


def _fraction(match: re.Match[str]) -> str:
    whole, fixed, again = match[1] or "0", match[2], match[3]
    return f"\\frac{{{int(whole + fixed + again) - int(whole + fixed)}}}{{{'9' * len(again) + '0' * len(fixed)}}}"


def _read(in_words: bool, text: str, where: str) -> AnswerRead[str] | None:
    """A formula, a list of formulas or a number as a whole; in a place also what is written without signs of mathematics, or in words."""
    if where == BOX:
        return AnswerRead(value=unwrapped(text), end=len(text)) if latex_normalised(text) else None
    stop = END.search(text)
    formula = _MATH.search(text)
    if formula is not None and (stop is None or formula.start() < stop.start()):
        several = _LIST.match(text, formula.start())
        end = several.end() if several else formula.end()
        said = ",".join(unwrapped(one) for one in _MATH.findall(text[formula.start() : end]))
        before, rest = text[: formula.start()], text[end:]
        strange = not _NOUNS.issuperset(lower(before)) or re.search(r"[^\s\w:*({\[,'\"]", before)
        units = _UNITS.match(rest)
        said_of = [] if units is None or framed(units[0]) == len(units[0]) else lower(units[0])
        if not words.VERBS.isdisjoint(said_of) or denied(" ".join(said_of), words.TELLS):
            return None  # "$5$ is wrong"
        if strange or (where == CLAUSE and _RELATES.search(said)) or not (units or ends(rest)):
            return None
        return AnswerRead(value=said, end=end + (units.end() if units else 0))
    said = (text[: stop.start()] if stop else text).rstrip()
    number = number_at(short := prepared(_LETTER.sub("", said)).strip())
    if number is not None and number.end == len(short):
        return AnswerRead(value=number_label(number.value).replace("%", "\\%"), end=len(said))
    plain_math = all(len(word) == 1 or word in _FUNCTIONS for word in lower(said))
    if where == CLAUSE or not any(char.isalnum() for char in said) or len(said.split()) > 3 or not (plain_math or in_words) or denied(said):
        return None
    return AnswerRead(value=unwrapped(said), end=len(said))


def _begins(text: str) -> str | None:
    formula = _MATH.match(text.lstrip())
    return None if formula is None else unwrapped(formula[0])


def _unmarked(text: str, reader: AnswerReader[str]) -> list[str]:
    """The formula or number of a clause that ends the text, else the last number of a text without formulas."""
    whole = None if "\n" in text.strip() else reader.read(text.strip(), SAID)
    if whole is not None and whole.end >= len(text.strip().rstrip(".")):
        return [whole.value]
    found = clauses(text, reader)
    if found and not text[found[-1].end :].strip(" .!*)\n"):
        return [found[-1].value]
    return [] if _MATH.search(text) else [number_label(one) for one in last_number(prepared(text))]


def _at_sight(answer: str, gold: str) -> str | None:
    """What needs no algebra: equal sources, words, other brackets, numerals with a base, false equations, what goes on without end."""
    mine, own = latex_normalised(answer), latex_normalised(gold)
    if mine == own:
        return "same"
    texts = [" ".join(_SPACING.sub(" ", _TEXT.sub(r"\1", unwrapped(one))).casefold().split()) for one in (answer, gold)]
    texts = ["does not exist" if one == "dne" else one for one in texts]
    if _TEXT.search(gold) and all(map(_WORDS.fullmatch, texts)):
        return "same" if texts[0] == texts[1] else "other"
    shapes = [_BRACKETS.fullmatch(one.replace("\\lbrace", "\\{").replace("\\rbrace", "\\}")) for one in (mine, own)]
    if shapes[0] and shapes[1] and shapes[0].groups() != shapes[1].groups():
        return "other"
    bases = [_BASED.fullmatch(one) for one in (mine, own)]
    if any(bases):
        alike = bases[0] is not None and bases[1] is not None and bases[0][2] == bases[1][2]
        return "other" if alike else "undecided"
    if ("\\circ" in mine) != ("\\circ" in own) and "\\pi" in mine + own:
        return "undecided"  # degrees and radians
    if _otherwise(answer, gold, mine, own):
        return "undecided"
    sides = [parse_number(side) for side in mine.split("=")]
    is_false = len(sides) > 1 and None not in sides and len({side.value for side in sides if side}) > 1
    return "undecided" if is_false or _OPEN_ENDED.search(mine + own) else None


def _otherwise(answer: str, gold: str, mine: str, own: str) -> bool:
    """Whether two sources may mean the same or not: other units, relations joined by words, roots and logarithms of several meanings."""
    units = [{word for text in _TEXT.findall(one) for word in lower(text)} for one in (answer, gold)]
    several = [re.search(r"\b(?:or|and)\b", one) and _COMPARED.search(one) for one in (answer, gold)]
    names = [re.match(r"[a-z]\(([a-z])\)=", one) for one in (mine, own)]
    logs = [re.search(r"\\log(?![_a-z])|cis", one) is not None for one in (answer, gold)]  # of base e or 10
    return bool(
        (units[0] and units[1] and units[0] != units[1])
        or any(several)
        or (names[0] and names[1] and names[0][1] != names[1][1])
        or logs[0] != logs[1]
        or _ODD_ROOT.search(mine + " " + own)
        or (re.fullmatch(r"-?\d+,(?!\d{3}\Z)\d+", mine) and "," not in own)
    )


def _say(guard: Guard, gold: str | None, answers: list[str]) -> str:
    """``same``, ``other`` or ``undecided`` of the last answer, and undecided where the answers are not the same."""
    seen = None if gold is None else _at_sight(answers[-1], gold)
    if len(answers) == 1 and (seen is not None or gold is None):
        return seen or "same"
    reply = guard.call({"gold": None if gold is None else _spelt(gold), "answers": [_spelt(one) for one in answers]})
    if reply is None or reply.get("failed") or not reply["read"][-1] or not reply["agree"]:
        return "undecided"
    return seen or (str(reply["said"][-1]) if gold is not None else "same")


def is_readable(gold: str) -> bool:
    """Whether a gold answer is a number, a text or a formula that math-verify reads."""
    if parse_number(gold) is not None or _WORDS.fullmatch(_TEXT.sub(r"\1", unwrapped(gold)).casefold()):
        return True
    reply = shared_guard(_PROGRAM).call({"gold": _spelt(gold), "answers": []})
    return reply is None or reply.get("gold_read") is True  # None: not read in time, which says nothing of the formula


@dataclass(frozen=True, slots=True, kw_only=True)
class LatexGrader:
    """A grader of mathematical answers: the formula that a text states, else the one that ends its last sentence.

    Equal sources are equal. Otherwise math-verify reads both, and `latex_compare` decides in a guarded process: exactly, decimals to
    within 1.5e-6 of their size. A point, a set and an interval of the same numbers are different answers, and numerals of different bases
    are not compared. What cannot be read or decided is unparseable, and so are several answers that are not equal. Correct answers share
    the outcome label of the gold answer, however they are written.

    Raises: MissingExtra when math-verify is not installed.
    """

    guard: Guard | None = None
    """The process that compares; None is the one that all share."""

    def __post_init__(self) -> None:
        if importlib.util.find_spec("math_verify") is None:
            raise MissingExtra("the latex grader needs math-verify, which is not installed; run: pip install 'tokenworth[math]'")

    def __call__(self, problem: Problem, text: str) -> Grade:
        """The grade of an answer."""
        guard = self.guard or shared_guard(_PROGRAM)
        text = plain(text)
        in_words = problem.gold is not None and _TEXT.search(problem.gold) is not None
        reader = AnswerReader(read=partial(_read, in_words), begins=_begins, same=lambda one, two: _say(guard, one, [two]) == "same")
        found = stated(text, reader)
        if found is None:
            found = _unmarked(text, reader)
        answers = list({latex_normalised(one): one for one in found}.values())
        if not answers or len(answers) > _MOST or any(len(one) > MAX_ANSWER for one in answers):
            return unparseable()
        gold = problem.gold
        said = _say(guard, gold, answers)
        if said == "undecided":
            return unparseable()
        label = latex_normalised(gold if gold is not None and said == "same" else answers[-1])
        return graded(outcome_label(label), None if gold is None else said == "same")
