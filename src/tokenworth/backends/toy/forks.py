"""A base trace of which the probability of each token and the worth of all others are given: the least that a curve can be measured on.

No state is walked: a rollout's outcome is drawn from what its first token is worth. So thousands of runs of a curve's generator take
seconds, and its exact values are one backward pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from tokenworth.core.grade import Grade, Verdict
from tokenworth.core.request.experiment import Experiment
from tokenworth.core.request.kind import Request, Response
from tokenworth.core.request.next_token import NextToken, NextTokenTable
from tokenworth.core.request.sample import Rollout, Sample
from tokenworth.core.tokens import StopReason, TokenSequence, Trace
from tokenworth.errors import InvalidInput

BASE, RIGHT, WRONG, FIRST = 0, 1, 2, 3
"""Tokens: the base's, at every place; the last one of a rollout that ends right or wrong; branch j of a fork is ``FIRST`` + j."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Forks:
    """Token c + 1 of the base has probability ``p[c]``. Branch j has ``share[c, j]`` of the rest and is right with probability ``worth``.

    ``ends_right``: the outcome of the base itself. A rollout is as long as the base, and one token more that says how it ends.
    """

    p: Float[np.ndarray, " cut"]
    share: Float[np.ndarray, "cut branch"]
    worth: Float[np.ndarray, "cut branch"]
    ends_right: bool

    def __post_init__(self) -> None:
        if self.share.shape != self.worth.shape or len(self.share) != len(self.p) or not np.allclose(self.share.sum(axis=1), 1.0):
            raise InvalidInput("forks: expected as many rows of shares and worths as probabilities, and shares that sum to 1")

    @property
    def values(self) -> Float[np.ndarray, " cutx"]:
        """V(c) = p_c V(c+1) + (1 − p_c) Σ share · worth, at cuts 0…n."""
        found = np.full(len(self.p) + 1, float(self.ends_right))
        side = (self.share * self.worth).sum(axis=1)
        for cut in range(len(self.p) - 1, -1, -1):
            found[cut] = self.p[cut] * found[cut + 1] + (1 - self.p[cut]) * side[cut]
        return found

    @property
    def trace(self) -> Trace:
        """The base, as a trace without an answer."""
        return Trace(sequence=TokenSequence(prompt=(), completion=(BASE,) * len(self.p)), n_trace=len(self.p), stop=StopReason.STOP)

    def judge(self, ids: tuple[int, ...], stop: StopReason) -> Grade:
        """Right or wrong, by the last token; the base by what it is."""
        del stop
        right = self.ends_right if ids[-1] == BASE else ids[-1] == RIGHT
        return Grade(outcome="right" if right else "wrong", verdict=Verdict.CORRECT if right else Verdict.INCORRECT)

    def run(self, experiment: Experiment[Any], rng: np.random.Generator) -> Any:
        """The result of an experiment on this base; its rollouts are drawn in the order in which they are asked for."""
        try:
            batch = next(experiment)
            while True:
                batch = experiment.send(self.answer(batch, rng))
        except StopIteration as done:
            return done.value

    def answer(self, requests: Sequence[Request], rng: np.random.Generator) -> tuple[Response, ...]:
        """One response to each request; rollouts must leave the base at their first token."""
        uniform = rng.random((len(requests), 2)).tolist()
        return tuple(
            self._table(one) if isinstance(one, NextToken) else self._rollout(one, *u) for one, u in zip(requests, uniform, strict=True)
        )

    def _table(self, request: NextToken) -> NextTokenTable:
        cuts = np.asarray(request.cuts, dtype=np.int64)
        ids = np.append(np.zeros((len(cuts), 1), dtype=np.int64), np.tile(FIRST + np.arange(self.share.shape[1]), (len(cuts), 1)), axis=1)
        q = np.append(self.p[cuts][:, None], self.share[cuts] * (1 - self.p[cuts])[:, None], axis=1)
        order = np.argsort(-q, axis=1, kind="stable")[:, : request.top]
        top_p = np.take_along_axis(q, order, axis=1)
        top_ids = np.where(top_p > 0, np.take_along_axis(ids, order, axis=1), -1)
        with np.errstate(divide="ignore"):
            return NextTokenTable(p=self.p[cuts], logprob=np.log(self.p[cuts]), top_ids=top_ids, top_p=top_p, support=(q > 0).sum(axis=1))

    def _rollout(self, request: Request, first: float, last: float) -> Rollout:
        assert isinstance(request, Sample)
        cut, length = request.cut, len(self.p) - request.cut
        if request.branch is not None:
            branch = request.branch - FIRST
        else:
            assert request.leave, "of this base only rollouts that leave are known"
            refused = [token - FIRST for token in request.avoid]
            share = self.share[cut].copy()
            share[refused] = 0.0
            edge = np.cumsum(share)
            branch = min(int(np.searchsorted(edge, first * edge[-1], side="right")), len(edge) - 1)
        end = RIGHT if last < self.worth[cut, branch] else WRONG
        return Rollout(ids=(FIRST + branch, *(BASE,) * (length - 1), end), stop=StopReason.STOP)
