"""What a client keeps has a bound, and ends with it: connections, tasks, threads, the ids of replies."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import msgspec
import pytest

from tests.backends.http.http_cases import PROMPT, QUICK, SAMPLING, Watching, draw, serve
from tests.helpers import run_alone
from tests.servers.faulty import FaultyServer, Ways, always, each, faulty_server, never
from tokenworth.backends.http.client import _REMEMBERED_IDS, Client
from tokenworth.backends.http.loop import LoopThread
from tokenworth.backends.http.openai_api import Fields, OpenAIApi
from tokenworth.backends.http.options import Rates
from tokenworth.backends.http.transport import Transport, Unreachable, make_endpoint
from tokenworth.backends.http.wire import Ask, Malformed, Prompt
from tokenworth.core.keys import Keyer
from tokenworth.core.ports import KeyedRequest
from tokenworth.core.request.sample import Sample
from tokenworth.core.tokens import StopReason, TokenSequence
from tokenworth.errors import ServerError

SHORT = dataclasses.replace(SAMPLING, max_tokens=1)


@pytest.fixture(scope="module")
def server() -> Iterator[FaultyServer]:
    with faulty_server() as made:
        yield made


def test_closing_an_answer_ends_what_is_under_way(server: FaultyServer) -> None:
    server.do(never)
    with serve(server.url, n_most=1, concurrency=8) as backend:
        server.do(lambda number, body: None if number == 0 else "slow 0.5")
        start, keyer = TokenSequence(prompt=PROMPT, completion=()), Keyer(backend.fingerprint)
        asked = [Sample(sequence=start, cut=0, params=SAMPLING, seed=0, index=i) for i in range(40)]
        arriving = backend.answer([KeyedRequest(key=keyer.key(one), request=one) for one in asked])
        next(arriving)
        arriving.close()  # type: ignore[attr-defined]
        assert backend.spent().in_flight == 0
        assert tasks_of(backend._loop) == 1
        time.sleep(0.7)
        assert server.asked <= 9


def tasks_of(loop: LoopThread) -> int:
    async def count() -> int:
        return len(asyncio.all_tasks())

    return loop.run(count())


def test_a_closed_backend_leaves_no_thread(server: FaultyServer) -> None:
    server.do(never)
    before = threading.active_count()
    with serve(server.url) as backend:
        assert threading.active_count() == before + 1
    backend.close()
    assert threading.active_count() == before


def test_a_loop_closed_from_its_own_thread_ends() -> None:
    """The garbage collector may call from there."""
    loop = LoopThread("test")
    closed: list[str] = []

    async def last() -> None:
        closed.append("last")

    async def within() -> None:
        loop.close(last)

    loop.run(within())
    loop._thread.join(timeout=5)
    assert not loop._thread.is_alive() and closed == ["last"]


class Canned(Transport):
    """A transport whose replies are made here; every seventh endpoint call fails."""

    def __init__(self) -> None:
        super().__init__(key=None, patience=QUICK)
        self.count = 0

    async def post(self, endpoint: Any, url: str, body: Callable[[], bytes], tokens: int, weight: int = 1) -> bytes:
        self.count += 1
        body()
        async with endpoint.limit.slot():
            await asyncio.sleep(0)
        if self.count % 7 == 0:
            raise Unreachable(f"{url}: status 500")
        if self.count % 11 == 0:
            return b"{}"
        return b'{"id":"cmpl-%d","choices":[{"index":0,"text":" a","finish_reason":"length"}]}' % self.count


@pytest.mark.slow
def test_a_client_keeps_nothing_of_what_is_over() -> None:
    """Many requests, some unusable, on endpoints that come and go: what is kept has a bound."""
    transport, now = Canned(), 0.0

    def clock() -> float:
        nonlocal now
        now += 100.0
        return now

    async def test() -> tuple[int, int]:
        endpoints = [make_endpoint(f"http://{i}/v1", concurrency=8, rates=Rates()) for i in range(3)]
        dialect = OpenAIApi("chain", 972, Fields(), lambda text: None)
        client = Client(transport, endpoints, dialect, clock=clock)
        sizes: list[int] = []
        for start in range(0, 60_000, 5_000):
            for number in range(start, start + 5_000):
                prompt = Prompt(length=1, encode=lambda: msgspec.Raw(b"[1]"))
                ask = Ask(prompt=prompt, n=1, max_tokens=1, params=SAMPLING, seed=number)
                with suppress(Malformed):
                    await client.ask(ask, str(number).encode())
            assert len(client._seen) <= _REMEMBERED_IDS
            sizes.append(deep_size(client))
        assert all(endpoint.limit.in_flight == 0 and not endpoint.limit._waiting for endpoint in endpoints)
        assert client.spent.errors > 4_000
        return sizes[-2], sizes[-1]

    before, after = run_alone(test())
    assert abs(after - before) < 0.02 * before


def deep_size(root: object) -> int:
    """Objects within reach of one through attributes and containers of this package."""
    count, waiting, met = 0, [root], set()
    while waiting:
        one = waiting.pop()
        if id(one) in met:
            continue
        met.add(id(one))
        count += 1
        if isinstance(one, dict):
            waiting += [*one.keys(), *one.values()]
        elif isinstance(one, list | tuple | set):
            waiting += list(one)
        elif type(one).__module__.startswith(("tokenworth", "collections")):
            waiting += [
                getattr(one, name) for name in (*getattr(one, "__dict__", ()), *getattr(one, "__slots__", ())) if hasattr(one, name)
            ]
            waiting += list(one) if hasattr(one, "__iter__") else []
    return count


@pytest.mark.slow
def test_a_backend_is_as_it_was_after_many_requests(server: FaultyServer) -> None:
    server.do(never)
    with serve(server.url, n_most=1, concurrency=32) as backend:
        draw(backend, Watching(), 500, sampling=SHORT, seed=0)
        tasks, threads = tasks_of(backend._loop), threading.active_count()
        connector = backend.client.transport._session.connector  # type: ignore[union-attr]
        for seed in range(1, 4):
            draw(backend, Watching(), 500, sampling=SHORT, seed=seed)
        assert (tasks_of(backend._loop), threading.active_count()) == (tasks, threads)
        assert len(connector._acquired) == 0  # type: ignore[union-attr]
        assert len(backend.client._seen) <= _REMEMBERED_IDS


def test_a_reply_of_another_model_is_not_used(server: FaultyServer) -> None:
    """Gateways fall back in silence; the first reply of the probe says who answers."""
    server.do(never)
    with serve(server.url, n_most=1) as backend:
        server.do(each(3, "other model"))
        store = Watching()
        draw(backend, store, 30, sampling=SHORT)
        assert (len(store.rollouts), store.count(StopReason.ERROR)) == (30, 10)
        server.do(always("other model"))
        with pytest.raises(ServerError, match="from model 'a-smaller-one' where 'chain' answered before"):
            draw(backend, Watching(), 30, sampling=SHORT, seed=1)


def clipped_prompt(body: dict[str, Any]) -> dict[str, Any]:
    return body | {"prompt": body["prompt"][-20:]}


def clipped_answer(body: dict[str, Any]) -> dict[str, Any]:
    return body | {"max_tokens": min(20, body["max_tokens"])}


@pytest.mark.parametrize(("clip", "told"), [(clipped_prompt, "was the prompt clipped"), (clipped_answer, "completions clipped")])
@pytest.mark.parametrize("ways", [Ways(ids_in=False, ids_out=False), Ways(ids_in=False, ids_out=False, bos=True)])
def test_what_text_servers_clip_is_noticed(clip: Callable[[dict[str, Any]], dict[str, Any]], told: str, ways: Ways) -> None:
    with faulty_server(ways) as server, serve(server.url) as backend:
        long = dataclasses.replace(SAMPLING, max_tokens=60)
        store = Watching()
        draw(backend, store, 20, sampling=long)
        assert store.count(StopReason.ERROR) == 0
        plain = server.answer
        server.answer = lambda body: plain(clip(dict(body)))  # type: ignore[method-assign]
        never_ends = dataclasses.replace(long, stop=())
        with pytest.raises(ServerError, match=told):
            draw(backend, Watching(), 400, sampling=never_ends, seed=1)
