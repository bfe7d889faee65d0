"""A run never spends more than it may, whatever the server says it used."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.backends.http.http_cases import PROMPT, SAMPLING, Watching, draw, impossible, limit_deadline, run_async, serve, settle
from tests.servers.faulty import FaultyServer, Ways, always, each, faulty_server, never, sometimes
from tokenworth.backends.http.limits import Purse
from tokenworth.errors import BudgetExceeded
from tokenworth.run.cost import Price


@pytest.fixture(scope="module")
def server() -> Iterator[FaultyServer]:
    with faulty_server() as made:
        yield made


@given(
    limit=st.floats(0.001, 10.0),
    costs=st.lists(st.tuples(st.floats(1e-9, 3.0), st.floats(0, 1), st.integers(0, 4), st.booleans()), max_size=50),
)
def test_the_purse_is_never_overdrawn(limit: float, costs: list[tuple[float, float, int, bool]]) -> None:
    async def test() -> None:
        purse = Purse(limit)
        refused = 0

        async def one(most: float, share: float, steps: int, cancelled: bool) -> None:
            nonlocal refused
            try:
                await purse.reserve(most)
            except BudgetExceeded:
                refused += 1
                return
            actual = most
            try:
                assert purse.spent + purse._set_aside <= limit * (1 + 1e-9)
                await settle(steps)
                actual = most * share
            finally:
                purse.settle(most, actual)

        tasks = []
        for cost in costs:
            tasks.append(asyncio.ensure_future(one(*cost)))
            await settle(cost[2] % 2)
            if cost[3]:
                tasks[len(tasks) // 2].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert purse.spent <= limit * (1 + 1e-9)
        assert (purse._open, purse._set_aside) == (0, 0.0)
        assert refused == 0 or sum(most for most, *_ in costs) > limit

    run_async(test)


def test_rounding_does_not_keep_the_purse_waiting() -> None:
    """What is left of many additions and subtractions is no request in flight."""

    async def test() -> None:
        purse = Purse(1000.0)
        rng = np.random.default_rng(0)
        for _ in range(300):
            amounts = rng.random(40) * 20
            for amount in amounts:
                await purse.reserve(float(amount))
            for amount in rng.permutation(amounts):
                purse.settle(float(amount), 0.0)
        with pytest.raises(BudgetExceeded, match="--max-usd"):
            await purse.reserve(1000.1)

    run_async(test)


PRICE = Price(input_per_million=10.0, output_per_million=100.0, cached_input_per_million=5.0)


@pytest.mark.parametrize("max_usd", [0.2, 0.3, 0.5])
@pytest.mark.parametrize("share", [0.0, 0.3])
def test_a_run_stops_below_its_money(server: FaultyServer, max_usd: float, share: float) -> None:
    server.do(never)
    with serve(server.url, price=PRICE, max_usd=max_usd, n_most=1, concurrency=16) as backend:
        at_first = backend.spent()
        assert at_first.money is not None and 0 < at_first.money < max_usd
        server.do(sometimes(share, "truncated json", "too few", "huge usage", "negative usage", "other prompt", "500", "429"))
        store = Watching()
        result = draw(backend, store, 400)
        spent = backend.spent()
        assert spent.money is not None and spent.money <= max_usd
        assert 0 < len(store) < 400 and "of 400" in result.unresolved
        # What counts is a beginning of what was asked for, and nearly all that was paid for: requests are sent in order.
        assert len(store) - 8 <= len(result.rollouts) <= len(store)
        assert impossible(store) == []
        # A second run is refused before it asks, and says what to do.
        server.do(never)
        with pytest.raises(BudgetExceeded, match="larger --max-usd") as caught:
            draw(backend, Watching(), 5, seed=1)
        assert str(caught.value).isprintable() and server.asked <= 5


def test_what_a_lost_reply_cost_is_counted_as_the_most_it_can_be(server: FaultyServer) -> None:
    server.do(never)
    with serve(server.url, price=PRICE, n_most=1) as backend:
        before = backend.spent().money or 0.0
        limit_deadline(backend)
        server.do(lambda number, body: "hang" if number == 0 else "empty" if number == 1 else "filtered")
        draw(backend, Watching(), 3)
        most = PRICE.at_most(read=len(PROMPT), generated=SAMPLING.max_tokens)
        assert 2 * most <= (backend.spent().money or 0.0) - before <= 3 * most


@pytest.mark.parametrize("ways", [Ways(), Ways(ids_in=False, ids_out=False)])
@pytest.mark.parametrize("fault", ["prompt once a choice", "absurd prompt"])
def test_no_count_of_prompts_passes_the_limit(ways: Ways, fault: str) -> None:
    """Servers that count a prompt once a choice, and one that counts what cannot be."""
    price = Price(input_per_million=100.0, output_per_million=1.0)
    with faulty_server(ways) as server:
        server.plan = always(fault) if fault == "prompt once a choice" else never
        with serve(server.url, price=price, max_usd=2.0, n_most=8) as backend:
            server.do(each(3, fault) if fault == "absurd prompt" else always(fault))
            store = Watching()
            draw(backend, store, 3000)
            spent = backend.spent().money
            assert spent is not None and 0.5 < spent <= 2.0
            assert len(store.rollouts) > 100
