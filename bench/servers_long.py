"""Many requests at once, and very many one after the other: parts of `bench/servers.py`, each in a process of its own.

python bench/servers_long.py flight --url ADDRESS --requests N --width W [--real]
python bench/servers_long.py rollouts|readings --url ADDRESS --requests N
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import resource
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from servers_client import BATCH, CHOICES, N_CUTS, PARAMS, crowd, cuts, make_ask, make_backend, make_client, samples, sequence
from servers_dummy import LISTED
from tokenworth.backends.http.llama_api import LlamaApi
from tokenworth.backends.http.prompts import Prompts
from tokenworth.backends.http.wire import Ask, Malformed, ServerApi
from tokenworth.core.keys import Keyer
from tokenworth.core.ports import KeyedRequest
from tokenworth.core.request.kind import Request
from tokenworth.core.request.next_token import NextToken
from tokenworth.core.tokens import TokenSequence
from tokenworth.errors import TokenworthError

TINY_VOCABULARY = 972
LENGTH, NEW = 250, 16
"""What is asked of the real server, whose context is 512: 16 tokens after prefixes of 50 to 250 random ones."""
LOOKS = 10
"""How many times over a run the memory is looked at."""
_NO_CODEC: Any = None


# -- many at once -----------------------------------------------------------------------------------------------------


def asks_for_real(n: int) -> list[Ask]:
    """Short completions of prefixes of one sequence."""
    ids = np.random.default_rng(0).integers(5, TINY_VOCABULARY, size=LENGTH).tolist()
    where, prompts = TokenSequence(prompt=tuple(ids[:50]), completion=tuple(ids[50:])), Prompts(_NO_CODEC)
    params = replace(PARAMS, max_tokens=NEW, stop=())
    # Rising cuts, so that hardly more of a prefix is computed where more slots share the work.
    places = ((LENGTH - 50) * i // n for i in range(n))
    return [Ask(prompt=prompts.at(where, cut), n=1, max_tokens=NEW, params=params, seed=i) for i, cut in enumerate(places)]


def asks_for(real: bool, n: int) -> tuple[list[Ask], ServerApi | None]:
    """What is asked, and over which API (None: vLLM's)."""
    if real:
        return asks_for_real(n), LlamaApi(TINY_VOCABULARY)
    where, prompts = sequence(), Prompts(_NO_CODEC)
    return [make_ask(prompts, where, cut) for cut in cuts(n)], None


def flight(url: str, n: int, width: int, real: bool) -> dict[str, float]:
    """Requests a second and milliseconds a request, ``width`` of them under way all the time."""
    asks, api = asks_for(real, n)
    took: list[float] = []
    faults = 0

    async def one(ask: Ask) -> None:
        nonlocal faults
        began = time.perf_counter()
        try:
            await client.ask(ask)
        except (Malformed, TokenworthError):
            faults += 1
        took.append(time.perf_counter() - began)

    async def run() -> float:
        began = time.perf_counter()
        await crowd(((lambda ask=ask: one(ask)) for ask in asks), width)
        seconds = time.perf_counter() - began
        await client.transport.close()
        return seconds

    client = make_client(url, width, api)
    seconds = asyncio.run(run())
    p50, p95 = (float(np.percentile(took, share)) * 1e3 for share in (50, 95))
    return {"rate": n / seconds, "p50": p50, "p95": p95, "longest": max(took) * 1e3, "errors": faults, "retried": client.spent.retried}


# -- very many --------------------------------------------------------------------------------------------------------


def resident_mib() -> float:
    """Memory this process holds now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


def batch_of(kind: str, seed: int) -> Sequence[Request]:
    """A batch as a method asks for it, of a sequence that was not seen before: about 4,096 rollouts, or 200 readings."""
    where = sequence(seed)
    if kind == "rollouts":
        return next(samples(BATCH // CHOICES, seed, where))
    return (NextToken(sequence=where, cuts=tuple(cuts(N_CUTS)), params=PARAMS, top=LISTED),)


def memory(url: str, n: int, kind: str) -> dict[str, list[float]]:
    """Requests made, and MiB held then: before the first request and about every tenth of ``n``. The answers are dropped."""
    backend = make_backend(url)
    keyer, done, held = Keyer(backend.fingerprint), [0], [resident_mib()]
    for seed in itertools.count():
        for _ in backend.answer([KeyedRequest(key=keyer.key(request), request=request) for request in batch_of(kind, seed)]):
            pass
        made = backend.spent().requests
        if made >= len(held) * n / LOOKS:
            done.append(made)
            held.append(resident_mib())
        if made >= n:
            break
    backend.close()
    return {"requests": done, "mib": held}


def main() -> None:
    """Runs one part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=["flight", "rollouts", "readings"])
    parser.add_argument("--url", required=True)
    parser.add_argument("--requests", type=int, required=True)
    parser.add_argument("--width", type=int, default=1)
    parser.add_argument("--real", action="store_true", help="ask llama.cpp, not the dummy server")
    args = parser.parse_args()
    if args.part == "flight":
        print(json.dumps(flight(args.url, args.requests, args.width, args.real)))
    else:
        print(json.dumps(memory(args.url, args.requests, args.part)))


if __name__ == "__main__":
    main()
