"""What the tests of served models share: a served exact model, runs on it, and what its store may hold."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from tests.helpers import run_alone
from tests.servers.chain import CLOSE, OPEN, STOP, TINY, Chain, tokenizer
from tests.servers.faulty import MODEL, FaultyServer, never
from tokenworth.backends.http.backend import HttpBackend
from tokenworth.backends.http.load import load_served
from tokenworth.backends.http.options import Patience, ServerOptions
from tokenworth.core.grade import Grade, Verdict
from tokenworth.core.request.kind import Request, Response
from tokenworth.core.request.next_token import NextToken, NextTokenTable
from tokenworth.core.request.sample import Rollout, Sample
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import StopReason
from tokenworth.methods.sample.experiment import sample
from tokenworth.methods.sample.result import SampleResult
from tokenworth.run.drive import drive
from tokenworth.store.memory import MemoryStore

QUICK = Patience(deadline_s=30.0, connect_s=5.0, attempts=6, total_s=60.0, first_wait_s=0.005, longest_wait_s=0.02)
"""Short waits, long deadlines: on a machine that is busy with other things a good reply must not come too late."""
HANG_DEADLINE_S = 2.0
SAMPLING = Sampling(temperature=1.0, top_k=0, top_p=1.0, min_p=0.0, max_tokens=30, stop=(STOP,))
PROMPT = (*tokenizer().codec.encode("<|user|> Name an animal.<|end|><|assistant|>"), OPEN)
CHAIN = Chain()


def judge(ids: tuple[int, ...], stop: StopReason) -> Grade:
    """Correct where the last token before the end is even; nothing is known of what did not end."""
    if stop is not StopReason.STOP:
        return Grade(outcome=str(stop), verdict=Verdict.UNKNOWN)
    even = len(ids) > 1 and ids[-2] % 2 == 0
    return Grade(outcome="even" if even else "odd", verdict=Verdict.CORRECT if even else Verdict.INCORRECT)


def find_wall(ids: tuple[int, ...]) -> int:
    return ids.index(CLOSE) if CLOSE in ids else len(ids)


@contextmanager
def serve(urls: str | Sequence[str], *, environment: dict[str, str] | None = None, **options: Any) -> Iterator[HttpBackend]:
    """A backend over servers at these addresses, closed at the end."""
    names = [f"{url}/v1#{MODEL}" for url in ([urls] if isinstance(urls, str) else urls)]
    chosen = ServerOptions(tokenizer=str(TINY), **({"patience": QUICK, "n_most": 4} | options))
    backend = load_served(names, chosen, environment=environment or {}).backend
    try:
        yield backend
    finally:
        backend.close()


def limit_deadline(backend: HttpBackend, seconds: float = HANG_DEADLINE_S) -> None:
    """From now on, after the probe, replies are waited for no longer than this."""
    transport = backend.client.transport
    transport.patience = dataclasses.replace(transport.patience, deadline_s=seconds)


class Watching(MemoryStore):
    """A store that also remembers what it was given, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[tuple[str, Request, Response]] = []

    def put(self, key: str, request: Request, response: Response) -> None:
        self.given.append((key, request, response))
        super().put(key, request, response)

    @property
    def rollouts(self) -> list[Rollout]:
        return [response for _, _, response in self.given if isinstance(response, Rollout)]

    def count(self, stop: StopReason) -> int:
        return sum(rollout.stop is stop for rollout in self.rollouts)


def impossible(store: Watching, chain: Chain = CHAIN) -> list[str]:
    """What is in the store that the model cannot have given, or is there twice."""
    found = ["a key came twice"] if len({key for key, _, _ in store.given}) != len(store.given) else []
    for _, request, response in store.given:
        if isinstance(request, Sample) and isinstance(response, Rollout):
            found += _impossible_rollout(request, response, chain)
        if isinstance(request, NextToken) and isinstance(response, NextTokenTable):
            found += _impossible_table(request, response, chain)
    return found


def _impossible_rollout(request: Sample, rollout: Rollout, chain: Chain) -> list[str]:
    prefix = request.sequence.prefix(request.cut)
    found = chain.faults(prefix, rollout, request.params.max_tokens - request.cut)
    if rollout.ids and request.branch is not None and rollout.ids[0] != request.branch:
        found.append("not the branch asked for")
    if rollout.ids and request.leave and rollout.ids[0] == request.sequence.completion[request.cut]:
        found.append("does not leave the base")
    return found


def _impossible_table(request: NextToken, table: NextTokenTable, chain: Chain) -> list[str]:
    params = request.params
    body = {"temperature": params.temperature, "top_k": params.top_k, "top_p": params.top_p, "min_p": params.min_p}
    slack = np.zeros(len(request.cuts)) if table.slack is None else table.slack
    found: list[str] = []
    for row, cut in enumerate(request.cuts):
        last, token = request.sequence.prefix(cut)[-1], request.sequence.completion[cut]
        q = chain.sampled_from(last, body)[token]
        if abs(table.p[row] - q) > slack[row] + 1e-6:
            found.append(f"q at cut {cut} is {table.p[row]} and not {q}")
        raw = chain.logprobs(last)[token]
        if not np.isnan(table.logprob[row]) and abs(table.logprob[row] - raw) > 1e-4:
            found.append(f"a log-probability of {table.logprob[row]} and not {raw}")
    return found


def draw(
    backend: HttpBackend, store: Any, n: int = 48, *, prompt: tuple[int, ...] = PROMPT, sampling: Sampling = SAMPLING, seed: int = 0
) -> SampleResult:
    """``n`` answers through the driver."""
    experiment = sample(prompt, n=n, sampling=sampling, seed=seed, judge=judge, find_wall=find_wall, level=0.95)
    return drive(experiment, backend=backend, store=store)


def is_one_line(message: str) -> bool:
    """Whether a message is fit to be printed: one line, not endless, nothing for the terminal."""
    return message.isprintable() and len(message) < 500


def run_async(test: Callable[[], Awaitable[None]]) -> None:
    """Runs a test's coroutine; one that waits for ever fails."""

    async def whole() -> None:
        await asyncio.wait_for(test(), timeout=20)

    run_alone(whole())


async def settle(rounds: int = 5) -> None:
    """Lets others go on for a few rounds."""
    for _ in range(rounds):
        await asyncio.sleep(0)


def reset(server: FaultyServer) -> None:
    """A server that does nothing wrong any more."""
    server.do(never)
