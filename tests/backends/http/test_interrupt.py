"""A run that is broken off must not choose among the rollouts that were under way: those that end soon would stay, the others go."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Iterator

import pytest

from tests.backends.http.http_cases import PROMPT, SAMPLING, find_wall, judge, serve
from tests.helpers import run_alone
from tests.servers.faulty import FaultyServer, Ways, each, faulty_server, never
from tokenworth.backends.http.limits import AdaptiveLimit
from tokenworth.backends.http.loop import LoopThread
from tokenworth.core.ports import Stoppable
from tokenworth.core.request.kind import Request, Response
from tokenworth.errors import InvalidInput, ServerError
from tokenworth.methods.sample.experiment import sample
from tokenworth.run.drive import drive
from tokenworth.run.progress import BatchStarted, RunEvent, Stopping
from tokenworth.store.memory import MemoryStore


@pytest.fixture(scope="module")
def server() -> Iterator[FaultyServer]:
    with faulty_server(Ways(ignores=("seed",))) as made:
        yield made


class Interrupted(MemoryStore):
    """A store at whose n-th answer the user interrupts the run."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.at, self.count = at, 0

    def put(self, key: str, request: Request, response: Response) -> None:
        super().put(key, request, response)
        self.count += 1
        if self.count == self.at:
            raise KeyboardInterrupt


def draw(backend: object, store: MemoryStore, n: int, tell: object = None) -> object:
    experiment = sample(PROMPT, n=n, sampling=SAMPLING, seed=0, judge=judge, find_wall=find_wall, level=0.95)
    return drive(experiment, backend=backend, store=store, on_event=tell)  # type: ignore[arg-type]


def test_what_is_under_way_is_waited_for(server: FaultyServer) -> None:
    store, told = Interrupted(at=3), list[RunEvent]()
    with serve(server.url, n_most=1, concurrency=8) as backend:
        assert isinstance(backend, Stoppable)
        before = backend.spent().requests
        with pytest.raises(KeyboardInterrupt):
            draw(backend, store, 200, told.append)
        issued = backend.spent().requests - before
        assert backend.spent().in_flight == 0
        assert any(isinstance(event, Stopping) for event in told)
        # Everything that was sent is there, but for the answers under way to a caller that was interrupted between two.
        assert issued - 1 <= store.count <= issued < 200
        kept = store.count
        draw(backend, store, 200, told.append)
        started = [event for event in told if isinstance(event, BatchStarted)]
        assert started[-1].missing == 200 - kept


def test_a_fault_of_one_request_lets_the_others_end(server: FaultyServer) -> None:
    store = MemoryStore()
    with serve(server.url, n_most=1, concurrency=8) as backend:
        before = backend.spent().requests
        server.do(each(40, "404", start=39))
        try:
            with pytest.raises(ServerError):
                draw(backend, store, 200)
        finally:
            server.do(never)
        answered = backend.spent().requests - before
        assert answered > 39
        assert backend.spent().in_flight == 0
        assert len(store._responses) == answered - 1  # type: ignore[attr-defined]


def test_an_interruption_while_waiting_leaves_the_answers_to_come() -> None:
    loop, gate = LoopThread("test"), threading.Event()

    async def work(emit: object) -> None:
        for i in range(3):
            while not gate.is_set():
                await asyncio.sleep(0.001)
            emit(i)  # type: ignore[operator]

    stream = loop.stream(work)
    stream._items.put((True, -1))
    assert next(stream) == -1
    gate.set()
    assert list(stream) == [0, 1, 2]
    with pytest.raises(StopIteration):
        next(stream)
    loop.close()
    with pytest.raises(InvalidInput, match="closed"):
        loop.stream(work)


def test_waiters_cancelled_together_leave_no_trace() -> None:
    async def crowd() -> AdaptiveLimit:
        limit = AdaptiveLimit(1)

        async def hold() -> None:
            async with limit.slot():
                await asyncio.sleep(30)

        tasks = [asyncio.create_task(hold()) for _ in range(20)]
        await asyncio.sleep(0.01)
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(one, asyncio.CancelledError) for one in ended)
        return limit

    limit = run_alone(crowd())
    assert limit.in_flight == 0 and not limit._waiting


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_process_neither_hangs_nor_draws(server: FaultyServer) -> None:
    with serve(server.url) as backend:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                draw(backend, MemoryStore(), 2)
            except InvalidInput:
                backend.close()
                code = 0
            finally:
                os._exit(code)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            pid, status = os.waitpid(child, os.WNOHANG)
            if pid:
                break
            time.sleep(0.02)
        else:
            os.kill(child, 9)
            os.waitpid(child, 0)
            pytest.fail("the forked process hangs")
        assert os.waitstatus_to_exitcode(status) == 0
        assert draw(backend, MemoryStore(), 2) is not None
