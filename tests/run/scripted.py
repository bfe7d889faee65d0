"""Experiments and backends that do as they are told, to watch the driver."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import numpy as np

from tokenworth.backends.toy.backend import ToyBackend
from tokenworth.backends.toy.values import random_automaton
from tokenworth.core.ports import Backend, KeyedRequest, Spent, Store
from tokenworth.core.request.experiment import Experiment
from tokenworth.core.request.kind import Request, Response
from tokenworth.core.request.sample import Rollout, Sample
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import TokenSequence
from tokenworth.errors import BudgetExceeded
from tokenworth.run.drive import drive_all
from tokenworth.run.progress import OnNamedEvent, RunCounts, RunEvent

ResultT = TypeVar("ResultT")


def shuffled(backend: ToyBackend, requests: Sequence[KeyedRequest]) -> Iterator[tuple[str, Response]]:
    answers = list(backend.answer(requests))
    yield from (answers[i] for i in np.random.default_rng(0).permutation(len(answers)))


def drive_counted(
    experiment: Experiment[ResultT], *, backend: Backend, store: Store, on_event: Callable[[RunEvent], None] | None = None
) -> tuple[ResultT, RunCounts]:
    """What `drive` gives, with the counts of what was drawn and what was reused."""
    tell: OnNamedEvent | None = None if on_event is None else lambda name, event: on_event(event)
    (ended,) = drive_all([("", experiment)], models=backend, store=store, on_event=tell, active=1)
    return ended.value(), ended.counts


PARAMS = Sampling(temperature=1.0, top_k=0, top_p=1.0, min_p=0.0, max_tokens=100, stop=())


EMPTY = TokenSequence(prompt=(), completion=())


def sample(index: int, *, sequence: TokenSequence = EMPTY, cut: int = 0) -> Sample:
    return Sample(sequence=sequence, cut=cut, params=PARAMS, seed=0, index=index)


def toy() -> ToyBackend:
    return ToyBackend(random_automaton(np.random.default_rng(3), length=30))


def batches(*made: tuple[Request, ...]) -> Experiment[list[tuple[Response, ...]]]:
    got: list[tuple[Response, ...]] = []
    for batch in made:
        got.append((yield batch))
    return got


def adaptive(n: int, rounds: int) -> Experiment[tuple[tuple[int, ...], ...]]:
    """Rounds whose cuts depend on what came before, with a repeated request in each."""
    (base,) = yield (sample(0),)
    assert isinstance(base, Rollout)
    sequence = TokenSequence(prompt=(), completion=base.ids)
    seen: list[tuple[int, ...]] = [base.ids]
    cut = 1
    for turn in range(rounds):
        requests = tuple(sample(turn * n + k, sequence=sequence, cut=cut) for k in range(n))
        answers = yield (*requests, requests[0])
        assert answers[0] == answers[-1]
        seen += [answer.ids for answer in answers if isinstance(answer, Rollout)]
        cut = 1 + sum(seen[-1]) % (len(base.ids) - 1)
    return tuple(seen)


class Scripted:
    """A backend that does what a test tells it to."""

    def __init__(self, answer) -> None:
        self._answer = answer
        self._toy = toy()
        self.name = "scripted"
        self.fingerprint = self._toy.fingerprint
        self.capabilities = self._toy.capabilities
        self.asked: list[KeyedRequest] = []

    def answer(self, requests: Sequence[KeyedRequest]) -> Iterator[tuple[str, Response]]:
        self.asked += requests
        return self._answer(self._toy, requests)


class Limited(Scripted):
    """Answers ``n`` requests in all, in order, then says that its budget is spent; counts what it did."""

    def __init__(self, n: int) -> None:
        super().__init__(self._some)
        self.left, self.calls = n, 0

    def _some(self, toy: ToyBackend, requests: Sequence[KeyedRequest]) -> Iterator[tuple[str, Response]]:
        self.calls += 1
        paid, self.left = self.left, max(0, self.left - len(requests))
        yield from shuffled(toy, requests[:paid])
        if paid < len(requests):
            raise BudgetExceeded("the money is spent; give more")

    def spent(self) -> Spent:
        return Spent(requests=len(self.asked), money=0.5)
