"""A process that drives an experiment over a slow toy model into an SQLite store; tests kill it.

``python -m tests.store.crash_child STORE SECONDS``: after each response is put, its key is written to stdout (the acknowledgement);
at the end one line with the result.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence

import numpy as np

from tokenworth.backends.toy.backend import ToyBackend
from tokenworth.backends.toy.values import random_automaton
from tokenworth.core.ports import KeyedRequest, Store
from tokenworth.core.request.experiment import Experiment
from tokenworth.core.request.kind import Request, Response
from tokenworth.core.request.next_token import NextToken, NextTokenTable
from tokenworth.core.request.read import Read, ReadTable
from tokenworth.core.request.sample import Rollout, Sample
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import TokenSequence
from tokenworth.run.drive import drive
from tokenworth.store.sqlite import SqliteStore, open_store

PARAMS = Sampling(temperature=1.0, top_k=0, top_p=0.98, min_p=0.0, max_tokens=200, stop=())
ROUNDS, PER_ROUND = 30, 40


def experiment() -> Experiment[dict[str, object]]:
    """Rounds of rollouts whose cuts depend on earlier answers; the result depends on every token drawn."""
    empty = TokenSequence(prompt=(), completion=())
    (base,) = yield (Sample(sequence=empty, cut=0, params=PARAMS, seed=1, index=0),)
    assert isinstance(base, Rollout)
    sequence = TokenSequence(prompt=(), completion=base.ids)
    cuts = tuple(range(len(base.ids)))
    read = Read(sequence=sequence, cuts=cuts[::3], suffix=(), continuations=((0,), (1,), (2, 3)))
    table, forced = yield (NextToken(sequence=sequence, cuts=cuts, params=PARAMS, top=3), read)
    assert isinstance(table, NextTokenTable) and isinstance(forced, ReadTable)
    running = hashlib.sha256(table.p.tobytes() + table.top_ids.tobytes() + forced.logprob.tobytes())
    forks = np.flatnonzero(table.p < 1).tolist()
    at, tokens = 0, 0
    for turn in range(ROUNDS):
        batch = tuple(
            Sample(sequence=sequence, cut=forks[at], params=PARAMS, seed=1, index=turn * PER_ROUND + k, leave=True)
            for k in range(PER_ROUND)
        )
        answers = yield batch
        for answer in answers:
            assert isinstance(answer, Rollout)
            running.update(repr(answer.ids).encode())
            tokens += len(answer.ids)
        at = int(running.hexdigest(), 16) % len(forks)
    return {"digest": running.hexdigest(), "tokens": tokens}


def backend() -> ToyBackend:
    """The model all processes share."""
    return ToyBackend(random_automaton(np.random.default_rng(11), length=60))


class Slow:
    """A backend that takes ``seconds`` for each response."""

    def __init__(self, inner: ToyBackend, seconds: float) -> None:
        self._inner, self._seconds = inner, seconds
        self.name, self.fingerprint, self.capabilities = inner.name, inner.fingerprint, inner.capabilities

    def answer(self, requests: Sequence[KeyedRequest]) -> Iterator[tuple[str, Response]]:
        for pair in self._inner.answer(requests):
            time.sleep(self._seconds)
            yield pair


class Acknowledging:
    """A store that says on stdout what it has kept."""

    def __init__(self, inner: SqliteStore) -> None:
        self._inner: Store = inner
        self.get, self.flush = inner.get, inner.flush

    def put(self, key: str, request: Request, response: Response) -> None:
        self._inner.put(key, request, response)
        os.write(1, f"{key}\n".encode())


def main(path: str, seconds: float) -> None:
    model = backend()
    with open_store(path, fingerprint=model.fingerprint, name=model.name) as store:
        result = drive(experiment(), backend=Slow(model, seconds), store=Acknowledging(store))
    os.write(1, f"RESULT {json.dumps(result, sort_keys=True)}\n".encode())


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
