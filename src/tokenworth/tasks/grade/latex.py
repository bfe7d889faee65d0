"""Mathematical answers, compared symbolically in a guarded process."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

from tokenworth.core.grade import Grade, Grader, Verdict
from tokenworth.core.problem import Problem
from tokenworth.errors import MissingExtra
from tokenworth.tasks.grade.answers import MAX_ANSWER, boxed, outcome_label, stated, unparseable, unwrapped
from tokenworth.tasks.grade.guard import Guard, shared_guard

_PROGRAM = Path(__file__).with_name("latex_worker.py")
_MATH = re.compile(r"\$\$(.{1,400}?)\$\$|\$([^$\n]{1,400})\$|\\\((.{1,400}?)\\\)|\\\[(.{1,400}?)\\\]", re.DOTALL)
_SPACING = re.compile(r"\\[!,;:> ]|\\(?:left|right|displaystyle|quad|qquad)\b(?!\w)|~|\s+")
_TEXT = re.compile(r"\\(?:text|mathrm|textbf|mathbf|mbox)\{([^{}]*)\}")
_MOST = 4


def latex_normalised(answer: str) -> str:
    """One spelling of an answer's source: no spacing commands, ``\\dfrac`` as ``\\frac``, ``\\text{}`` opened."""
    short = unwrapped(answer).replace("\\dfrac", "\\frac").replace("\\tfrac", "\\frac").replace("{,}", ",")
    return _SPACING.sub("", _TEXT.sub(r"\1", short)).removesuffix(".")


def _candidates(text: str) -> list[str]:
    """The different answers a text boxes, else states, in order; else its last formula, else all of a short text."""
    found = boxed(text) or stated(text)
    if not found:
        formulas = [next(filter(None, match.groups()), "") for match in _MATH.finditer(text[-4000:])]
        found = [formula.strip() for formula in formulas[-1:]] or ([text.strip()] if len(text.strip()) <= 200 else [])
    unique = {latex_normalised(answer): answer for answer in found if latex_normalised(answer)}
    return list(unique.values())


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
    reply = guard.call({"gold": gold, "answers": answers})
    if reply is None or reply.get("failed") or not reply["read"][-1] or (len(answers) > 1 and not reply["same"]):
        return unparseable()
    if gold is None:
        return Grade(outcome=outcome_label(label), verdict=Verdict.UNKNOWN)
    if not reply["gold_read"]:
        return unparseable()
    if reply["correct"][-1]:
        return Grade(outcome=outcome_label(latex_normalised(gold)), verdict=Verdict.CORRECT)
    return Grade(outcome=outcome_label(label), verdict=Verdict.INCORRECT)


def latex_grader(*, guard: Guard | None = None) -> Grader:
    """A grader of mathematical answers: ``\\boxed{}``, "the answer is …", else the last formula.

    Equality is math-verify's (symbolic, and numeric to six decimals). An answer that cannot be read as LaTeX, or on
    which the guarded process hangs, crashes or fails, is unparseable, as are several answers that are not equal. Correct
    answers share the outcome label of the gold answer, however they are written.

    Raises: MissingExtra when math-verify is not installed.
    """
    if importlib.util.find_spec("math_verify") is None:
        raise MissingExtra("the latex grader needs math-verify, which is not installed; run: pip install 'tokenworth[math]'")

    def latex(problem: Problem, text: str) -> Grade:
        return _grade(problem, text, guard or shared_guard(_PROGRAM))

    return latex
