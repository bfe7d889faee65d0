"""Mathematical answers, compared symbolically in a guarded process."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path

from tokenworth.core.grade import Grade, Verdict
from tokenworth.core.guard import Guard, shared_guard
from tokenworth.core.problem import Problem
from tokenworth.errors import MissingExtra
from tokenworth.tasks.grade.answers import MAX_ANSWER, Stated, boxed, denied, outcome_label, stated, unparseable, unwrapped
from tokenworth.tasks.grade.asserted import asserted, doubted, retracted
from tokenworth.tasks.grade.number import parse_number

_PROGRAM = Path(__file__).with_name("latex_worker.py")
_MATH = re.compile(r"\$\$(.{1,400}?)\$\$|\$([^$\n]{1,400})\$|\\\((.{1,400}?)\\\)|\\\[(.{1,400}?)\\\]", re.DOTALL)
_SPACING = re.compile(r"\\[!,;:> ]|\\(?:left|right|displaystyle|quad|qquad)\b(?!\w)|~|\s+")
_TEXT = re.compile(r"\\(?:text|mathrm|textbf|mathbf|mbox)\{([^{}]*)\}")
_MOST = 4
_JOINED = re.compile(r"\$\s?(?:,|;|/|\bor\b|\band\b)+\s?\$|(?<![A-Za-z])(?:or|and)(?![A-Za-z])")
"""What makes two answers of two formulas."""


def latex_normalised(answer: str) -> str:
    """One spelling of an answer's source: no spacing commands, ``\\dfrac`` as ``\\frac``, ``\\text{}`` opened."""
    short = unwrapped(answer).replace("\\dfrac", "\\frac").replace("\\tfrac", "\\frac").replace("{,}", ",")
    return _SPACING.sub("", _TEXT.sub(r"\1", short)).removesuffix(".")


def _candidates(text: str) -> list[str]:
    """The different answers a text boxes, else states, in order; else its last formula, else all of a short text.

    Nothing where the text does not stand by the last of them; a last formula that is joined to the one before ("$1$ or $2$") comes with it.
    """
    placed = boxed(text) or [
        one for one in stated(text) if not denied(one.answer.partition("$")[0] if "$" in one.answer else one.answer[:24])
    ]
    if placed and not _stood_by(text, placed[-1]):
        return []
    found = [one.answer for one in placed]
    if not found:
        tail = text[-4000:]
        spans = [match.span() for match in _MATH.finditer(tail)]
        if spans:
            start, end = spans[-1]
            if len(spans) > 1 and re.fullmatch(r"\s*(?:,|;|/|or|and)\s*", tail[spans[-2][1] : start]):
                start = spans[-2][0]
            found = [unwrapped(tail[start:end])] if not denied(tail[:start]) and asserted(tail, start, end) else []
        elif len(text.strip()) <= 200 and not doubted(text):
            found = [text.strip()]
    unique = {latex_normalised(answer): answer for answer in found if latex_normalised(answer)}
    return list(unique.values())


def _stood_by(text: str, one: Stated) -> bool:
    """Whether the text stands by an answer; of a sentence with formulas, the first of them is the answer."""
    formula = _MATH.search(text, one.start, one.end)
    start, end = formula.span() if formula else (one.start, one.end)
    return asserted(text, start, end) and (formula is not None or not retracted(one.answer))


def _shape(normal: str) -> tuple[str, str] | None:
    """The brackets around a list, such as ("(", "]"); None for what is no list in one pair of brackets."""
    text = normal.replace("\\lbrace", "\\{").replace("\\rbrace", "\\}").replace("\\{", "\x01").replace("\\}", "\x02")
    if text[:1] not in ("(", "[", "\x01") or text[-1:] not in (")", "]", "\x02"):
        return None
    commas = depth = 0
    for at, char in enumerate(text):
        depth += (char in "([{\x01") - (char in ")]}\x02")
        commas += char == "," and depth == 1
        if depth == 0 and at + 1 < len(text):
            return None
    return (text[0], text[-1]) if commas else None


def _is_list(normal: str) -> bool:
    """Whether a formula lists several answers outside of all brackets."""
    depth = 0
    for char in normal:
        depth += (char in "([{") - (char in ")]}")
        if char in ",;" and depth == 0:
            return True
    return _JOINED.search(normal) is not None or "\\pm" in normal or "or" in normal or "and" in normal


def _mismatch(answer: str, gold: str) -> Verdict | None:
    """A verdict that needs no algebra: other brackets are another answer; two answers, or a false equation, are none."""
    mine, own = latex_normalised(answer), latex_normalised(gold)
    shapes = _shape(mine), _shape(own)
    if None not in shapes and shapes[0] != shapes[1]:
        return Verdict.INCORRECT
    if _JOINED.search(answer) and not _is_list(own):
        return Verdict.UNKNOWN
    sides = [parse_number(side) for side in mine.split("=")]
    values = {side.value for side in sides if side is not None}
    return Verdict.UNKNOWN if len(sides) > 1 and None not in sides and len(values) > 1 else None


def _grade(problem: Problem, text: str, guard: Guard) -> Grade:
    answers = _candidates(text)
    if not answers or len(answers) > _MOST or any(len(answer) > MAX_ANSWER for answer in answers):
        return unparseable()
    label = latex_normalised(answers[-1])
    gold = problem.gold
    if gold is not None and len(answers) == 1 and label == latex_normalised(gold):
        return Grade(outcome=outcome_label(label), verdict=Verdict.CORRECT)
    if gold is None and len(answers) == 1:
        return Grade(outcome=outcome_label(label), verdict=Verdict.UNKNOWN)
    plain = None if gold is None else _mismatch(answers[-1], gold)
    if plain is Verdict.UNKNOWN:
        return unparseable()
    reply = guard.call({"gold": gold, "answers": answers})
    if reply is None or reply.get("failed") or not reply["read"][-1] or (len(answers) > 1 and not reply["same"]):
        return unparseable()
    if gold is None:
        return Grade(outcome=outcome_label(label), verdict=Verdict.UNKNOWN)
    if not reply["gold_read"]:
        return unparseable()
    if reply["correct"][-1] and plain is None:
        return Grade(outcome=outcome_label(latex_normalised(gold)), verdict=Verdict.CORRECT)
    return Grade(outcome=outcome_label(label), verdict=Verdict.INCORRECT)


@dataclass(frozen=True, slots=True, kw_only=True)
class LatexGrader:
    """A grader of mathematical answers: ``\\boxed{}``, "the answer is …", else the last formula.

    Equality is math-verify's (symbolic, and numeric to six decimals). An answer that cannot be read as LaTeX, or on
    which the guarded process hangs, crashes or fails, is unparseable, as are several answers that are not equal, a denied answer
    and a false equation of numbers. A point, a set and an interval of the same numbers are different answers. Correct
    answers share the outcome label of the gold answer, however they are written.

    Raises: MissingExtra when math-verify is not installed.
    """

    guard: Guard | None = None
    """The process that compares; None is the one that all share."""

    def __post_init__(self) -> None:
        if importlib.util.find_spec("math_verify") is None:
            raise MissingExtra("the latex grader needs math-verify, which is not installed; run: pip install 'tokenworth[math]'")

    def __call__(self, problem: Problem, text: str) -> Grade:
        """The grade of an answer."""
        return _grade(problem, text, self.guard or shared_guard(_PROGRAM))
