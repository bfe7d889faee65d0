"""The published metric of Stream of Search, re-implemented from its description with its defects, for comparison with the exact one.

Source: Gandhi et al. 2024, arXiv 2404.03683, and the checker released with it. Differs: nothing is evaluated. Equations are calculated
exactly where the released checker calls ``eval`` and compares floating-point numbers, and one it could evaluate but that is no
chain of at most eight numbers is refused.
"""

from __future__ import annotations

import re
from fractions import Fraction

from tokenworth.tasks.countdown.grammar import MAX_LINE, number_of, operation_of
from tokenworth.tasks.countdown.instance import Operation, holds, most_operations

_GOAL = re.compile(r"(?<![0-9])[0-9]{1,18},[0-9]{1,18} equal: Goal Reached")
_FIRST = re.compile(r"Current State: ([0-9]{1,18}):\[([^\]\n]{0,400})\]")
_EXPLORED = re.compile(r"Exploring Operation: ([^\n]{1,200}?=[0-9]{1,18}), Resulting Numbers: \[[^\]\n]{0,400}\]")
_STATE = re.compile(r"Current State: [0-9]{1,18}:\[[^\]\n]{0,400}\], Operations: \[([^\]\n]{0,2000})\]")
_NUMBER = re.compile(r"[0-9]{1,18}")
_EQUATION = re.compile(
    r"(?<![0-9])([0-9]{1,18})([-+*/])([0-9]{1,18})=([0-9]{1,18}(?![0-9])(?:\.[0-9]{1,40}(?:\.\.\.)?|/[1-9][0-9]{0,17})?)"
)


def published_verdict(text: str) -> str:
    """``valid``, or in a few words why the published checker refuses the text, which holds the first state.

    It looks at the first claim of the goal anywhere in the text, and takes the operations of the last state before it and the last one
    explored. A number that was used stays available (numbers are compared with texts), and numbers may stay unused.
    """
    found = _FIRST.match(text.lstrip().partition("\n")[0][:MAX_LINE])
    goal = _GOAL.search(text)
    if found is None or not all(_NUMBER.fullmatch(part) for part in found[2].split(", ")):
        return "no first state"
    if goal is None:
        return "no goal claimed"
    before = text[: goal.start()]
    explored, states = _last(_EXPLORED, "Exploring Operation: ", before), _last(_STATE, "Current State: ", before)
    if explored is None or states is None:
        return "no operations"
    if int(explored.rpartition("=")[2]) != int(found[1]):
        return "not the target"
    available = {int(part) for part in found[2].split(", ")}
    for written in [*states.replace("'", "").split(", "), explored]:
        step = operation_of(written)
        if step is None or "." in written or not step.holds():
            return "wrong operation"
        if any(int(digits) not in available for digits in _NUMBER.findall(written.partition("=")[0])):
            return "number not available"
        available.add(int(step.result))
    return "valid"


def _last(pattern: re.Pattern[str], head: str, text: str) -> str | None:
    """The first group of the last match. From the end, as only that one is wanted."""
    at = text.rfind(head)
    while at >= 0:
        found = pattern.match(text, at)
        if found is not None:
            return str(found[1])
        at = text.rfind(head, 0, at)
    return None


def rating(size: int, n_explored: int) -> float:
    """max(0, 1 - (explored + 1) / nodes of a whole search over ``size`` numbers): how early a search that solved the puzzle ended."""
    return max(0.0, 1 - (n_explored + 1) / most_operations(size))


def bare_operations(text: str) -> tuple[int, int]:
    """How many pieces of a text look like ``a+b=c`` with digits alone, and how many of these are wrong, whatever stands around them.

    A result may be a fraction, exact or rounded as in `Operation.holds`. The end of a chain counts as an equation of its own: a count of
    this kind overstates the errors.
    """
    n = wrong = 0
    for piece in _EQUATION.finditer(text):
        n += 1
        wrong += not _holds(piece)
    return n, wrong


def _holds(piece: re.Match[str]) -> bool:
    """Whether an equation of two whole numbers holds, with a fraction for its result as it may be written."""
    a, b, result = int(piece[1]), int(piece[3]), str(piece[4])
    if "/" in result:
        above, _, below = result.partition("/")
        left = Operation(text="", operands=(a, b), operators=piece[2], result=0).value()
        return left == Fraction(int(above), int(below))
    if "." not in result:
        return holds(a, piece[2], b, int(result))
    return Operation(text=piece[0], operands=(a, b), operators=piece[2], result=number_of(result)).holds()
