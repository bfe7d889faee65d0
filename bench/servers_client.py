"""What a request costs the client, and whether its memory stays flat: the contenders of `bench/servers.py` that need no model.

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
from pathlib import Path
from typing import Any

from servers_dummy import LISTED, STOP, VOCABULARY, ids
from tokenworth.backends.http.able import capabilities_of
from tokenworth.backends.http.backend import HttpBackend, Served
from tokenworth.backends.http.client import Client
from tokenworth.backends.http.loop import LoopThread
from tokenworth.backends.http.openai_dialect import Fields, OpenAIDialect
from tokenworth.backends.http.options import Patience, Rates
from tokenworth.backends.http.prompts import Prompts
from tokenworth.backends.http.record import ServerRecord
from tokenworth.backends.http.tables import place_of
from tokenworth.backends.http.transport import Transport, make_endpoint
from tokenworth.backends.http.wire import Ask
from tokenworth.backends.tokenizer.files import load_tokenizer
from tokenworth.core.keys import Keyer
from tokenworth.core.ports import KeyedRequest
from tokenworth.core.request import Experiment, NextToken, Request, Sample
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import TokenSequence
from tokenworth.run.drive import drive
from tokenworth.store.memory import MemoryStore
from tokenworth.workbench.models import TINY

CHOICES, WIDTH = 20, 32
N_PROMPT, N_COMPLETION, FIRST_CUT, N_CUTS = 1000, 1200, 900, 200
"""Cuts around the middle, so that a prefix has 2,000 ids on average."""
BATCH = 4096
"""Rollouts that a method asks for at once."""
WARM_UP = 64
EVERY = 10
"""How many times over a run the memory is looked at."""
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

Work = Callable[[int], None]
"""Makes so many requests."""
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


def make_dialect() -> OpenAIDialect:
    """How vLLM is spoken to."""
    return OpenAIDialect("dummy", VOCABULARY, Fields(token_ids=True), lambda _: None)


def make_client(url: str, width: int) -> Client:
    """A client of the server at ``url`` that sends ``width`` requests at once from the beginning."""
    endpoint = make_endpoint(url.partition("#")[0], concurrency=width, rates=Rates())
    endpoint.limit.limit = float(width)
    return Client(Transport(key=None, patience=Patience()), [endpoint], make_dialect())


def make_backend(url: str, width: int = WIDTH) -> HttpBackend:
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
    return HttpBackend(served, make_client(url, width), LoopThread("bench"), n_most=CHOICES)


def bodies() -> list[bytes]:
    """One request body for each cut."""
    dialect, prompts, where = make_dialect(), Prompts(_NO_CODEC), sequence()
    return [dialect.body(make_ask(prompts, where, cut)) for cut in cuts(N_CUTS)]


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
def bare_aiohttp(url: str) -> Iterator[Work]:
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

        yield lambda n: runner.run(crowd((lambda i=i: send(made[i % N_CUTS])) for i in range(n)))
        runner.run(session.close())


@contextmanager
def bare_httpx2(url: str) -> Iterator[Work]:
    """The same with httpx2."""
    import httpx2

    made, address = bodies(), url.partition("#")[0] + "/completions"
    client = httpx2.AsyncClient(headers={"content-type": "application/json"}, limits=httpx2.Limits(max_connections=WIDTH))

    async def send(body: bytes) -> None:
        await client.post(address, content=body)

    with asyncio.Runner() as runner:
        yield lambda n: runner.run(crowd((lambda i=i: send(made[i % N_CUTS])) for i in range(n)))
        runner.run(client.aclose())


@contextmanager
def client_ask(url: str) -> Iterator[Work]:
    """`Client.ask`: encode the prompt, send, parse, check."""
    client, prompts, where = make_client(url, WIDTH), Prompts(_NO_CODEC), sequence()
    place = place_of(where)
    with asyncio.Runner() as runner:
        yield lambda n: runner.run(crowd((lambda cut=cut: client.ask(make_ask(prompts, where, cut), place)) for cut in cuts(n)))
        runner.run(client.transport.close())


@contextmanager
def whole_run(url: str) -> Iterator[Work]:
    """`drive` of an experiment over the backend into a store in memory."""
    backend, where, seeds = make_backend(url), sequence(), itertools.count()

    def experiment(n: int, seed: int) -> Experiment[None]:
        for batch in samples(n, seed, where):
            yield batch

    yield lambda n: drive(experiment(n, next(seeds)), backend=backend, store=MemoryStore())
    backend.close()


@contextmanager
def readings(url: str) -> Iterator[Work]:
    """`drive` of next-token tables: one request of one token a cut."""
    backend, seeds = make_backend(url), itertools.count(1)

    def experiment(n: int, where: TokenSequence) -> Experiment[None]:
        yield (NextToken(sequence=where, cuts=tuple(range(FIRST_CUT, FIRST_CUT + n)), params=PARAMS, top=LISTED),)

    def work(n: int) -> None:
        for first in range(0, n, N_CUTS):
            drive(experiment(min(N_CUTS, n - first), sequence(next(seeds))), backend=backend, store=MemoryStore())

    yield work
    backend.close()


CONTENDERS: dict[str, Callable[[str], AbstractContextManager[Work]]] = {
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


def resident_mib() -> float:
    """Memory this process holds now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


def measure(name: str, url: str, n: int) -> dict[str, float]:
    """Milliseconds of CPU and wall time a request."""
    with CONTENDERS[name](url) as work:
        work(WARM_UP)
        cpu, wall = cpu_seconds(), time.perf_counter()
        work(n)
        return {"cpu_ms": (cpu_seconds() - cpu) / n * 1e3, "wall_ms": (time.perf_counter() - wall) / n * 1e3}


def profile(name: str, url: str, n: int) -> dict[str, list[str]]:
    """The ten functions that take the most time themselves, under cProfile, in whichever thread they run."""
    found = cProfile.Profile()
    # From 3.12 on one profiler sees every thread; in 3.11 the loop's thread needs its own hook, which `crowd`'s contenders do not have.
    with CONTENDERS[name](url) as work:
        work(WARM_UP)
        found.enable()
        work(n)
        found.disable()
    return {"lines": top_lines(found, n)}


def top_lines(found: cProfile.Profile, n: int, most: int = 10) -> list[str]:
    """µs a request and calls a request of the costliest functions."""
    stats = pstats.Stats(found).stats  # type: ignore[attr-defined]
    rows = sorted(((own, calls, where) for where, (_, calls, own, _, _) in stats.items()), reverse=True)[:most]
    return [f"{own / n * 1e6:7.1f} µs {calls / n:6.1f} calls  {Path(file).name}:{line} {name}" for own, calls, (file, line, name) in rows]


def memory(url: str, n: int, kind: str) -> dict[str, list[float]]:
    """MiB held before the first request and after every tenth of ``n``; new sequences all the time, as in a run over many traces."""
    backend, each = make_backend(url), BATCH // CHOICES if kind == "drive" else N_CUTS
    keyer, held, done = Keyer(backend.fingerprint), [resident_mib()], 0
    for seed in itertools.count():
        where = sequence(seed)
        if kind == "drive":
            batch: tuple[Request, ...] = next(samples(each, seed, where))
        else:
            batch = (NextToken(sequence=where, cuts=tuple(cuts(each)), params=PARAMS, top=LISTED),)
        for _ in backend.answer([KeyedRequest(key=keyer.key(request), request=request) for request in batch]):
            pass
        done += each
        if done >= len(held) * n / EVERY:
            held.append(resident_mib())
        if done >= n:
            break
    backend.close()
    return {"mib": held}


def main() -> None:
    """Runs one contender."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=[*CONTENDERS, "memory-drive", "memory-readings"])
    parser.add_argument("--url", required=True)
    parser.add_argument("--requests", type=int, required=True)
    parser.add_argument("--profile", action="store_true")
    args = parser.parse_args()
    if args.name.startswith("memory-"):
        found: Any = memory(args.url, args.requests, args.name.removeprefix("memory-"))
    else:
        found = (profile if args.profile else measure)(args.name, args.url, args.requests)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
