"""What a request costs the client: contenders of `bench/servers.py` that need no model.

Each runs in a process of its own against the server of `servers_dummy.py` and prints what it took as a line of JSON:

    python bench/servers_client.py NAME --url ADDRESS --requests N [--profile]
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import itertools
import json
import pstats
import resource
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from servers_dummy import LISTED, STOP, VOCABULARY, ids
from tokenworth.backends.bundled import TINY
from tokenworth.backends.http.able import capabilities_of
from tokenworth.backends.http.backend import HttpBackend, Served
from tokenworth.backends.http.client import Client
from tokenworth.backends.http.loop import LoopThread
from tokenworth.backends.http.openai_api import Fields, OpenAIApi
from tokenworth.backends.http.options import Patience, Rates
from tokenworth.backends.http.prompts import Prompts
from tokenworth.backends.http.record import ServerRecord
from tokenworth.backends.http.transport import Transport, make_endpoint
from tokenworth.backends.http.wire import Ask, ServerApi
from tokenworth.backends.tokenizer.files import load_tokenizer
from tokenworth.core.request.experiment import Experiment
from tokenworth.core.request.next_token import NextToken
from tokenworth.core.request.sample import Sample
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import TokenSequence
from tokenworth.run.drive import drive
from tokenworth.store.memory import MemoryStore

CHOICES, WIDTH = 20, 32
N_PROMPT, N_COMPLETION, FIRST_CUT, N_CUTS = 1000, 1200, 900, 200
"""Cuts around the middle, so that a prefix has 2,000 ids on average."""
BATCH = 4096
"""Rollouts that a method asks for at once."""
WARM_UP = 64
PARAMS = Sampling(temperature=1.0, top_k=0, top_p=1.0, min_p=0.0, max_tokens=3000, stop=(STOP,))
RECORD = ServerRecord(
    dialect="completions",
    server="vllm dummy",
    model="dummy",
    context_length=None,
    ids_in=True,
    ids_out=True,
    text_counts=True,
    tokenizer_agrees=True,
    bos_added=False,
    n_most=CHOICES,
    n_honoured=True,
    temperature_honoured=True,
    top_k_honoured=True,
    top_p_honoured=True,
    min_p_honoured=True,
    order="min-p first",
    not_sent=(),
    sampler_agrees=True,
    logprobs="ids",
    logprobs_cap=LISTED,
    logprobs_raw=True,
    bias_honoured=True,
    bias_keeps_logprobs=False,
    allowed_token_ids=True,
    prompt_logprobs=False,
    echo="none",
    stops_at=(STOP,),
    stop_in_ids=True,
    stop_text_trimmed=None,
    continues_open_trace=True,
    seeds="none",
    counts_all_choices=True,
    counts_cached=False,
    reply_ids="unique",
)
"""What the probe finds out about vLLM, as far as the dummy server plays it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """``work`` makes so many requests. ``loop``: the thread that sends them, None where it is the caller's."""

    work: Callable[[int], None]
    loop: LoopThread | None = None


_NO_CODEC: Any = None
"""Prompts of ids never ask a tokenizer."""


# -- what is asked for ------------------------------------------------------------------------------------------------


def sequence(seed: int = 0) -> TokenSequence:
    """A prompt with a long completion."""
    return TokenSequence(prompt=tuple(ids(N_PROMPT, seed)), completion=tuple(ids(N_COMPLETION, seed + 10_000)))


def cuts(n: int) -> Iterator[int]:
    """``n`` cuts, around and around."""
    return (FIRST_CUT + i % N_CUTS for i in range(n))


def make_ask(prompts: Prompts, where: TokenSequence, cut: int) -> Ask:
    """20 completions of a prefix."""
    return Ask(prompt=prompts.at(where, cut), n=CHOICES, max_tokens=PARAMS.max_tokens - cut, params=PARAMS, seed=cut)


def make_api() -> OpenAIApi:
    """How vLLM is spoken to."""
    return OpenAIApi("dummy", VOCABULARY, Fields(token_ids=True, completion_counts=True), lambda _: None)


def make_client(url: str, width: int, api: ServerApi | None = None) -> Client:
    """A client of the server at ``url`` that sends ``width`` requests at once from the beginning."""
    endpoint = make_endpoint(url.partition("#")[0], concurrency=width, rates=Rates())
    endpoint.limit.limit = float(width)
    return Client(Transport(key=None, patience=Patience()), [endpoint], api or make_api())


def make_backend(url: str) -> HttpBackend:
    """The backend as the probe of a vLLM server would have made it."""
    served = Served(
        name="dummy",
        record=RECORD,
        fingerprint="0" * 64,
        codec=load_tokenizer(str(TINY)).codec,
        vocab_size=VOCABULARY,
        context_length=None,
        capabilities=capabilities_of(RECORD),
        description="dummy",
    )
    return HttpBackend(served, make_client(url, WIDTH), LoopThread("bench"), n_most=CHOICES)


def bodies() -> list[bytes]:
    """One request body for each cut."""
    api, prompts, where = make_api(), Prompts(_NO_CODEC), sequence()
    return [api.body(make_ask(prompts, where, cut)) for cut in cuts(N_CUTS)]


def samples(n: int, seed: int, where: TokenSequence) -> Iterator[tuple[Sample, ...]]:
    """``n`` requests' worth of rollouts in batches as a method asks for them: 20 a cut."""
    for first in range(0, n, BATCH // CHOICES):
        some = enumerate(cuts(n))
        yield tuple(
            Sample(sequence=where, cut=cut, params=PARAMS, seed=seed, index=i // N_CUTS * CHOICES + choice)
            for i, cut in itertools.islice(some, first, first + BATCH // CHOICES)
            for choice in range(CHOICES)
        )


async def crowd(work: Iterable[Callable[[], Awaitable[Any]]], width: int = WIDTH) -> None:
    """Does pieces of work, ``width`` at a time."""
    pending = iter(work)

    async def worker() -> None:
        for make in pending:
            await make()

    await asyncio.gather(*(worker() for _ in range(width)))


# -- contenders -------------------------------------------------------------------------------------------------------


@contextmanager
def bare_aiohttp(url: str) -> Iterator[Contender]:
    """A loop that sends bodies made before and reads the replies, no more."""
    import aiohttp

    made, address = bodies(), url.partition("#")[0] + "/completions"

    async def connect() -> aiohttp.ClientSession:
        return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), headers={"content-type": "application/json"})

    with asyncio.Runner() as runner:
        session = runner.run(connect())

        async def send(body: bytes) -> None:
            async with session.post(address, data=body) as response:
                await response.read()

        yield Contender(work=lambda n: runner.run(crowd((lambda i=i: send(made[i % N_CUTS])) for i in range(n))))
        runner.run(session.close())


@contextmanager
def bare_httpx2(url: str) -> Iterator[Contender]:
    """The same with httpx2."""
    import httpx2

    made, address = bodies(), url.partition("#")[0] + "/completions"
    client = httpx2.AsyncClient(headers={"content-type": "application/json"}, limits=httpx2.Limits(max_connections=WIDTH))

    async def send(body: bytes) -> None:
        await client.post(address, content=body)

    with asyncio.Runner() as runner:
        yield Contender(work=lambda n: runner.run(crowd((lambda i=i: send(made[i % N_CUTS])) for i in range(n))))
        runner.run(client.aclose())


@contextmanager
def client_ask(url: str) -> Iterator[Contender]:
    """`Client.ask`: encode the prompt, send, parse, check."""
    client, prompts, where = make_client(url, WIDTH), Prompts(_NO_CODEC), sequence()
    place = client.place(where)
    with asyncio.Runner() as runner:
        asks = lambda n: ((lambda cut=cut: client.ask(make_ask(prompts, where, cut), place)) for cut in cuts(n))  # noqa: E731
        yield Contender(work=lambda n: runner.run(crowd(asks(n))))
        runner.run(client.transport.close())


@contextmanager
def whole_run(url: str) -> Iterator[Contender]:
    """`drive` of an experiment over the backend into a store in memory."""
    backend, where, seeds = make_backend(url), sequence(), itertools.count()

    def experiment(n: int, seed: int) -> Experiment[None]:
        yield from samples(n, seed, where)

    yield Contender(work=lambda n: drive(experiment(n, next(seeds)), backend=backend, store=MemoryStore()), loop=backend._loop)
    backend.close()


@contextmanager
def readings(url: str) -> Iterator[Contender]:
    """`drive` of next-token tables: one request of one token a cut."""
    backend, seeds = make_backend(url), itertools.count(1)

    def experiment(n: int, where: TokenSequence) -> Experiment[None]:
        yield (NextToken(sequence=where, cuts=tuple(range(FIRST_CUT, FIRST_CUT + n)), params=PARAMS, top=LISTED),)

    def work(n: int) -> None:
        for first in range(0, n, N_CUTS):
            drive(experiment(min(N_CUTS, n - first), sequence(next(seeds))), backend=backend, store=MemoryStore())

    yield Contender(work=work, loop=backend._loop)
    backend.close()


CONTENDERS: dict[str, Callable[[str], AbstractContextManager[Contender]]] = {
    "aiohttp": bare_aiohttp,
    "httpx2": bare_httpx2,
    "ask": client_ask,
    "drive": whole_run,
    "readings": readings,
}


# -- measuring --------------------------------------------------------------------------------------------------------


def cpu_seconds() -> float:
    """CPU time of this process, all threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def measure(name: str, url: str, n: int) -> dict[str, float]:
    """Milliseconds of CPU and wall time a request."""
    with CONTENDERS[name](url) as contender:
        contender.work(WARM_UP)
        cpu, wall = cpu_seconds(), time.perf_counter()
        contender.work(n)
        return {"cpu_ms": (cpu_seconds() - cpu) / n * 1e3, "wall_ms": (time.perf_counter() - wall) / n * 1e3}


def profile(name: str, url: str, n: int) -> dict[str, list[str]]:
    """The functions that take the most time themselves, in each thread, under cProfile (which makes Python calls dearer)."""
    caller, sender = cProfile.Profile(), cProfile.Profile()

    async def switch(on: bool) -> None:
        (sender.enable if on else sender.disable)()

    with CONTENDERS[name](url) as contender:
        contender.work(WARM_UP)
        if contender.loop is not None:
            contender.loop.run(switch(True))
        caller.enable()
        contender.work(n)
        caller.disable()
        if contender.loop is not None:
            contender.loop.run(switch(False))
    threads = {"the loop's thread": sender, "the caller's thread": caller} if contender.loop is not None else {"": caller}
    return {title: top_lines(found, n) for title, found in threads.items()}


def top_lines(found: cProfile.Profile, n: int, most: int = 10) -> list[str]:
    """µs a request and calls a request of the costliest functions; waiting is not among them."""
    stats: dict[Any, Any] = pstats.Stats(found).stats  # type: ignore[attr-defined]
    rows = sorted(((own, calls, where) for where, (_, calls, own, _, _) in stats.items()), reverse=True)
    busy = [row for row in rows if not any(word in row[2][2] for word in ("epoll", "SimpleQueue"))]
    return [
        f"{own / n * 1e6:7.1f} µs {calls / n:6.1f} calls  {Path(file).name}:{line} {name}" for own, calls, (file, line, name) in busy[:most]
    ]


def main() -> None:
    """Runs one contender."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=list(CONTENDERS))
    parser.add_argument("--url", required=True)
    parser.add_argument("--requests", type=int, required=True)
    parser.add_argument("--profile", action="store_true")
    args = parser.parse_args()
    print(json.dumps((profile if args.profile else measure)(args.name, args.url, args.requests)))


if __name__ == "__main__":
    main()
