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


class BudgetSpent(BudgetExceeded):
    """Thrown into an experiment when nothing more may be drawn.

    ``answers`` run parallel to the batch, None where nothing was drawn. The answers are not selected by outcome: requests are
    issued in order and every one that was issued is waited for.
    """

    def __init__(self, message: str, answers: tuple[Response | None, ...]) -> None:
        super().__init__(message)
        self.answers = answers
