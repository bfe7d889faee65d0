"""Experiments: generators that yield batches of requests, are sent the responses, and return a result."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawsAhead:
    """What an experiment will draw from here on, this batch included: between what it cannot end before, and what it takes if nothing is
    decided before its end. Tokens are estimates, the rest of the base for each rollout; rollouts are counted.
    """

    least_rollouts: int
    least_tokens: int
    most_rollouts: int
    most_tokens: int


class Foreseen(tuple[Request, ...]):
    """A batch of an experiment that can say how many requests will follow it, for a person who waits; no number depends on it."""

    ahead: int | None
    """How many requests follow the batch; None: it does not say."""
    at_most: bool
    """Whether that is only a bound."""
    forecast: Callable[[], DrawsAhead] | None
    """More of what follows, worked out where a dry run asks for it."""

    def __new__(
        cls, batch: Batch, *, ahead: int | None = None, at_most: bool = False, forecast: Callable[[], DrawsAhead] | None = None
    ) -> Foreseen:
        """The batch with what follows it."""
        made = super().__new__(cls, batch)
        made.ahead, made.at_most, made.forecast = ahead, at_most, forecast
        return made


def put_for(requests: Batch, batch: Batch) -> Batch:
    """Requests that stand for those of a batch, with what it foresees."""
    if not isinstance(batch, Foreseen):
        return requests
    return Foreseen(requests, ahead=batch.ahead, at_most=batch.at_most, forecast=batch.forecast)


class BudgetSpent(BudgetExceeded):
    """Thrown into an experiment when nothing more may be drawn.

    ``answers`` run parallel to the batch, None where nothing was drawn. The answers are not selected by outcome: requests are
    issued in order and every one that was issued is waited for.
    """

    def __init__(self, message: str, answers: tuple[Response | None, ...]) -> None:
        super().__init__(message)
        self.answers = answers
