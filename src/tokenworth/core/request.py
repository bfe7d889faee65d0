"""Requests an experiment yields and the responses it is sent.

A request names its prefix as (sequence, cut), never as copied ids, so that a backend sees that ten thousand requests
share one sequence.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from jaxtyping import Float, Int

from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import StopReason, TokenSequence
from tokenworth.errors import BudgetExceeded, InvalidInput


def _check_cuts(sequence: TokenSequence, cuts: tuple[int, ...]) -> None:
    length = len(sequence.completion)
    for cut in cuts:
        if not 0 <= cut <= length:
            raise InvalidInput(f"cut {cut}: expected 0 to {length}, the length of the completion")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One rollout from a cut.

    ``branch``: the first token is this one (forced, not sampled). ``leave``: the first token is drawn from q_c restricted to
    tokens other than the base's next one; together they cannot be set. ``index`` counts draws of the same distribution,
    ``seed`` names the stream.
    """

    sequence: TokenSequence
    cut: int
    params: Sampling
    seed: int
    index: int
    branch: int | None = None
    leave: bool = False

    def __post_init__(self) -> None:
        _check_cuts(self.sequence, (self.cut,))
        if self.leave and (self.branch is not None or self.cut >= len(self.sequence.completion)):
            raise InvalidInput(f"sample at cut {self.cut}: 'leave' needs a base token to leave and excludes 'branch'")


@dataclass(frozen=True, slots=True, kw_only=True)
class NextToken:
    """q_c at many cuts: probability of the base's next token and the ``top`` most likely tokens. Cuts are < the length."""

    sequence: TokenSequence
    cuts: tuple[int, ...]
    params: Sampling
    top: int

    def __post_init__(self) -> None:
        _check_cuts(self.sequence, self.cuts)
        if self.cuts and max(self.cuts) >= len(self.sequence.completion):
            raise InvalidInput("next-token cuts must be followed by a base token")


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """Log-probability of each continuation after prefix + suffix, at many cuts, under the raw model (temperature 1)."""

    sequence: TokenSequence
    cuts: tuple[int, ...]
    suffix: tuple[int, ...]
    continuations: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        _check_cuts(self.sequence, self.cuts)
        if not self.continuations or any(not ids for ids in self.continuations):
            raise InvalidInput("a forced read needs at least one continuation, none of them empty")


Request = Sample | NextToken | Read


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """What followed a cut: the ids sampled (the stop token included) and why it ended."""

    ids: tuple[int, ...]
    stop: StopReason


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NextTokenTable:
    """q_c at each requested cut. ``p``: q_c of the base's next token; ``logprob``: its raw log-probability (nats).

    ``top_ids``/``top_p``: the most likely tokens under q_c, descending, -1 and 0 where the support is smaller.
    ``support``: number of tokens with q_c > 0 (a lower bound where only the most likely tokens are known).
    ``slack``: q_c of the base's next token is within ``p`` ± slack; None where it is exact.
    """

    p: Float[np.ndarray, " cut"]
    logprob: Float[np.ndarray, " cut"]
    top_ids: Int[np.ndarray, "cut top"]
    top_p: Float[np.ndarray, "cut top"]
    support: Int[np.ndarray, " cut"]
    slack: Float[np.ndarray, " cut"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReadTable:
    """Forced reads: ``logprob[i, k]`` of continuation k at cut i (nats), and the most likely token after the suffix.

    Where a server lists only the most likely tokens, a continuation that is not among them has ``logprob`` NaN and
    ``ceiling[i, k]``, the most its log-probability can be; ``ceiling`` None means that every reading is exact.
    """

    logprob: Float[np.ndarray, "cut option"]
    top_id: Int[np.ndarray, " cut"]
    top_logprob: Float[np.ndarray, " cut"]
    token_forwards: int
    ceiling: Float[np.ndarray, "cut option"] | None = None


Response = Rollout | NextTokenTable | ReadTable

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

    ``answers`` run parallel to the batch, None where nothing was drawn. What is there is no selection by outcome: requests are
    issued in order and every one that was issued is waited for.
    """

    def __init__(self, message: str, answers: tuple[Response | None, ...]) -> None:
        super().__init__(message)
        self.answers = answers
