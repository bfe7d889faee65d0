"""Experiments: generators that yield batches of requests, are sent the responses, and return a result."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

from tokenworth.core.request.kind import Request, Response
from tokenworth.errors import BudgetExceeded

Batch = tuple[Request, ...]
Answers = tuple[Response, ...]
ResultT = TypeVar("ResultT")
Experiment = Generator[Batch, Answers, ResultT]
"""A method: yields batches of requests, is sent the responses in the same order, returns a frozen result.

Where the budget ends within a batch, `BudgetSpent` is thrown in instead; a method that can report on less than it asked for
catches it and returns.
"""


class Foreseen(tuple[Request, ...]):
    """A batch of an experiment that can say how many requests will follow it, for a person who waits; no number depends on it."""

    ahead: int
    """How many requests follow the batch."""
    at_most: bool
    """Whether that is only a bound."""

    def __new__(cls, batch: Batch, *, ahead: int, at_most: bool = False) -> Foreseen:
        """The batch with what follows it."""
        made = super().__new__(cls, batch)
        made.ahead, made.at_most = ahead, at_most
        return made


def put_for(requests: Batch, batch: Batch) -> Batch:
    """Requests that stand for those of a batch, with what it foresees."""
    return Foreseen(requests, ahead=batch.ahead, at_most=batch.at_most) if isinstance(batch, Foreseen) else requests


class BudgetSpent(BudgetExceeded):
    """Thrown into an experiment when nothing more may be drawn.

    ``answers`` run parallel to the batch, None where nothing was drawn. The answers are not selected by outcome: requests are
    issued in order and every one that was issued is waited for.
    """

    def __init__(self, message: str, answers: tuple[Response | None, ...]) -> None:
        super().__init__(message)
        self.answers = answers
