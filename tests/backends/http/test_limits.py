"""How much is sent to an endpoint at once: the limit that adapts to it, rates, and the time for further attempts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.backends.http.http_cases import QUICK, Watching, draw, run_async, serve, settle
from tests.helpers import run_alone
from tests.servers.faulty import FaultyServer, always, faulty_server, never
from tokenworth.backends.http.limits import AdaptiveLimit
from tokenworth.backends.http.options import Rates
from tokenworth.backends.http.transport import Transport, make_endpoint
from tokenworth.core.tokens import StopReason
from tokenworth.errors import ServerError


@pytest.fixture(scope="module")
def server() -> Iterator[FaultyServer]:
    with faulty_server() as made:
        yield made


def test_no_more_are_in_flight_than_the_limit() -> None:
    async def test() -> None:
        limit, most = AdaptiveLimit(3), 0

        async def one() -> None:
            nonlocal most
            async with limit.slot():
                most = max(most, limit.in_flight)
                await asyncio.sleep(0)
                limit.succeeded()

        await asyncio.gather(*(one() for _ in range(50)))
        assert (most, limit.in_flight, len(limit._waiting)) == (3, 0, 0)

    run_async(test)


def test_the_limit_doubles_each_round_trip_until_the_first_push_back() -> None:
    async def test() -> None:
        limit = AdaptiveLimit(64)
        for expected in (16, 32, 64, 64):
            for _ in range(int(limit.limit)):
                async with limit.slot():
                    limit.succeeded()
            assert limit.limit == expected
        async with limit.slot():
            limit.pushed_back()
        assert limit.limit == 32
        for _ in range(32):
            async with limit.slot():
                limit.succeeded()
        assert 32.9 < limit.limit < 33.1

    run_async(test)


def test_requests_sent_before_a_decrease_do_not_count_again() -> None:
    async def test() -> None:
        limit, release = AdaptiveLimit(64), asyncio.Event()
        limit.limit = 16.0

        async def refused() -> None:
            async with limit.slot():
                await release.wait()
                limit.pushed_back()

        sent = [asyncio.ensure_future(refused()) for _ in range(16)]
        await settle()
        release.set()
        await asyncio.gather(*sent)
        assert limit.limit == 8
        # Sent after it, they do, though not one request has succeeded: an overloaded server is left with less and less.
        for expected in (4, 2, 1, 1):
            release.clear()
            sent = [asyncio.ensure_future(refused()) for _ in range(int(limit.limit))]
            await settle()
            release.set()
            await asyncio.gather(*sent)
            assert limit.limit == expected

    run_async(test)


def test_a_cancelled_waiter_gives_its_place_up() -> None:
    async def test() -> None:
        limit, release = AdaptiveLimit(1), asyncio.Event()
        done: list[int] = []

        async def one(number: int) -> None:
            async with limit.slot():
                await release.wait()
                done.append(number)

        tasks = [asyncio.ensure_future(one(i)) for i in range(6)]
        await settle()
        tasks[1].cancel()
        await settle()
        assert len(limit._waiting) == 4
        release.set()
        # Cancelled in the same moment in which it was given the place, the holder too.
        tasks[2].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert done == [0, 3, 4, 5]
        assert (limit.in_flight, len(limit._waiting)) == (0, 0)

    run_async(test)


def test_a_place_granted_to_a_task_that_is_cancelled_goes_to_the_next() -> None:
    async def test() -> None:
        limit = AdaptiveLimit(1)
        order: list[str] = []

        async def one(name: str) -> None:
            async with limit.slot():
                order.append(name)

        holder = limit.slot()
        await holder.__aenter__()
        first, second = asyncio.ensure_future(one("first")), asyncio.ensure_future(one("second"))
        await settle()
        await holder.__aexit__(None, None, None)
        first.cancel()
        await asyncio.gather(first, second, return_exceptions=True)
        assert order == ["second"] and limit.in_flight == 0

    run_async(test)


@given(st.lists(st.tuples(st.integers(0, 4), st.booleans(), st.booleans(), st.booleans()), max_size=60), st.integers(1, 9))
def test_the_limit_never_loses_a_place(jobs: list[tuple[int, bool, bool, bool]], most: int) -> None:
    async def test() -> None:
        limit = AdaptiveLimit(most)

        async def one(steps: int, pushed: bool, fails: bool) -> None:
            async with limit.slot():
                assert limit.in_flight <= most
                await settle(steps)
                if pushed:
                    limit.pushed_back()
                elif fails:
                    raise ValueError
                else:
                    limit.succeeded()

        tasks = []
        for steps, pushed, fails, cancelled in jobs:
            tasks.append(asyncio.ensure_future(one(steps, pushed, fails)))
            await settle(steps % 3)
            if cancelled:
                tasks[len(tasks) // 2].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert (limit.in_flight, len(limit._waiting)) == (0, 0)
        assert 1 <= limit.limit <= most

    run_async(test)


@pytest.mark.parametrize(("fault", "halves"), [("429", True), ("503", True), ("504", True), ("500", False), ("400", False)])
def test_an_overloaded_server_is_sent_less_at_once(server: FaultyServer, fault: str, halves: bool) -> None:
    server.do(never)
    with serve(server.url) as backend:
        (endpoint,) = backend.client.endpoints
        before = endpoint.limit.limit
        server.do(always(fault))
        with pytest.raises(ServerError):
            draw(backend, Watching())
        assert (endpoint.limit.limit <= before / 2) == halves
        assert (endpoint.limit.in_flight, len(endpoint.limit._waiting)) == (0, 0)


def test_rates_are_kept(server: FaultyServer) -> None:
    server.do(never)

    async def ask(per_minute: float, count: int) -> float:
        endpoint = make_endpoint(f"{server.url}/v1", concurrency=64, rates=Rates(requests_per_minute=per_minute))
        transport = Transport(key=None, patience=QUICK)
        began = time.monotonic()
        await asyncio.gather(*(transport.get(endpoint, f"{server.url}/version") for _ in range(count)))
        await transport.close()
        return time.monotonic() - began

    assert run_alone(ask(1200.0, 25)) > 0.2
    assert run_alone(ask(240.0, 10)) > 1.2
    slow = make_endpoint("http://x/v1", concurrency=1, rates=Rates(requests_per_minute=30, tokens_per_minute=600))
    assert slow.requests is not None and slow.tokens is not None
    # 30 a minute is one in two seconds, not one a second.
    assert (slow.requests.max_rate, slow.requests.time_period) == (1.0, 2.0)


def test_the_time_for_further_attempts_starts_with_the_first_failure(server: FaultyServer) -> None:
    """A request that waited its turn, or was answered slowly, is not given up at its first failure."""
    server.do(never)
    with serve(
        server.url, patience=type(QUICK)(deadline_s=30.0, attempts=4, total_s=2.0, first_wait_s=0.005, longest_wait_s=0.01)
    ) as backend:

        async def slow_body() -> None:
            (endpoint,) = backend.client.endpoints
            holders = [endpoint.limit.slot() for _ in range(int(endpoint.limit.limit))]
            for holder in holders:
                await holder.__aenter__()
            asyncio.get_running_loop().call_later(3.0, lambda: [asyncio.ensure_future(h.__aexit__(None, None, None)) for h in holders])

        backend._loop.run(slow_body())
        server.do(lambda number, body: "503" if number == 0 else None)
        store = Watching()
        draw(backend, store, 4)
        assert store.count(StopReason.ERROR) == 0 and backend.spent().retried == 1


def test_weights_share_the_limit_and_a_heavy_one_goes_alone() -> None:
    limit = AdaptiveLimit(8)
    running: list[int] = []
    most = 0

    async def work(weight: int) -> None:
        nonlocal most
        async with limit.slot(weight):
            running.append(weight)
            most = max(most, sum(running)) if len(running) > 1 else most
            await asyncio.sleep(0.001)
            running.remove(weight)

    async def crowd() -> None:
        await asyncio.gather(*(work(weight) for weight in (1, 8, 4, 4, 20, 3, 3, 3, 1)))

    run_alone(crowd())
    assert most == 8 and limit.in_flight == 0 and limit._load == 0
