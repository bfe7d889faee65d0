"""Outcomes: the label a grader gives a rollout, and whether it is correct."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from tokenworth.core.problem import Problem
from tokenworth.core.tokens import StopReason

UNGRADED = "ungraded"
"""Outcome of a finished rollout in which no single answer could be read."""
TRUNCATED = "truncated"
"""Outcome of a rollout that reached the token limit."""


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
