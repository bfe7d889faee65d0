"""Outcomes: the label a grader gives a rollout, and whether it is correct."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from tokenworth.core.problem import Problem
from tokenworth.core.tokens import StopReason

TRUNCATED_IN_TRACE = "truncated in trace"
"""Outcome of a rollout that reached the token limit before the close marker."""
TRUNCATED_IN_ANSWER = "truncated in answer"
"""Outcome of a rollout that reached the token limit after the close marker."""
TRUNCATED = "truncated"
"""Outcome of a rollout that reached the token limit where nothing marks the end of the trace."""
ENDED_IN_TRACE = "ended in trace"
"""Outcome of a rollout that the model ended itself, by a stop token, without the close marker."""
UNPARSEABLE = "unparseable"
"""Outcome of a finished rollout in whose answer text the grader reads no single answer."""
REFUSED = "refused"
"""Outcome of a rollout that the server's content filter stopped."""
ERROR = "error"
"""Outcome of a rollout whose reply could not be used."""

UNKNOWN_OUTCOMES: tuple[str, ...] = (
    TRUNCATED_IN_TRACE,
    TRUNCATED_IN_ANSWER,
    TRUNCATED,
    ENDED_IN_TRACE,
    UNPARSEABLE,
    REFUSED,
    ERROR,
)
"""All labels that mean "no answer is known", in the order they are shown; their verdict is unknown, never incorrect."""
READ = "read"
"""Name of the grader that asks the model what it answered, where no rule reads it."""
UNGRADED = "ungraded"
"""What `UNPARSEABLE`, `ENDED_IN_TRACE` and `ERROR` were called in one; no longer given, read from older files."""
RESERVED_OUTCOMES: tuple[str, ...] = (*UNKNOWN_OUTCOMES, UNGRADED)
"""Labels that never name an answer."""


class Verdict(StrEnum):
    """Unknown is not wrong: it is counted and shown as its own outcome."""

    CORRECT = "correct"
    INCORRECT = "incorrect"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grade:
    """An outcome label and its verdict."""

    outcome: str
    verdict: Verdict


Grader = Callable[[Problem, str], Grade]
"""Labels an answer text (what follows the close marker). Pure; never executes what it reads."""

Judge = Callable[[tuple[int, ...], StopReason], Grade]
"""Labels a whole completion (ids from the prompt's end) with its stop reason."""
