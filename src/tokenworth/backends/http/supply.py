"""Work for a server that comes while other work is under way: taken in the caller's thread, begun in the loop's."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Generic, TypeVar

from tokenworth.backends.http.loop import LoopThread, first_failure
from tokenworth.backends.http.rollouts import Draws
from tokenworth.core.ports import KeyedRequest
from tokenworth.errors import TokenworthError

Job = Draws | KeyedRequest
Plan = Callable[[Sequence[KeyedRequest]], list[Job]]
T = TypeVar("T")


class Jobs(Generic[T]):
    """Jobs in the order they are begun, at most ``width`` at a time. Lives in the loop's thread."""

    def __init__(self, width: int) -> None:
        self._waiting: deque[T] = deque()
        self._slots = asyncio.Semaphore(width)
        self._changed = asyncio.Event()
        self._is_closed = False
        self._under_way = 0

    def add(self, jobs: Sequence[T], *, last: bool) -> None:
        """More jobs; after the ``last`` none will come."""
        self._waiting.extend(jobs)
        self._is_closed |= last
        self._changed.set()

    async def run(self, do: Callable[[T], Awaitable[None]], is_over: Callable[[], bool], idle: Callable[[], None]) -> None:
        """Does the jobs until all are done, or ``is_over``: then what is under way is waited for, and no more are begun.

        ``idle`` is called whenever nothing is under way and nothing waits.
        """

        async def one(job: T) -> None:
            try:
                await do(job)
            finally:
                self._under_way -= 1
                self._slots.release()
                self._changed.set()
                if not self._under_way and not self._waiting and not is_over():
                    idle()

        try:
            async with asyncio.TaskGroup() as group:
                while not is_over() and (self._waiting or not self._is_closed):
                    if not self._waiting:
                        self._changed.clear()
                        await self._changed.wait()
                        continue
                    await self._slots.acquire()
                    if is_over():
                        break
                    self._under_way += 1
                    group.create_task(one(self._waiting.popleft()))
        except BaseExceptionGroup as failures:
            raise first_failure(failures) from None


class Supply:
    """Takes requests from a stream as the server has room for them. Lives in the caller's thread."""

    def __init__(self, requests: Iterator[KeyedRequest | None], *, most: int, check: Callable[[KeyedRequest], None]) -> None:
        self._requests, self._most, self._check = requests, most, check
        self._taken = 0
        self._answered = 0  # Written by the loop's thread alone, as ``_taken`` by the caller's.
        self._is_over = False
        self.fault: TokenworthError | None = None
        """Why a request could not be taken."""

    def answered(self) -> None:
        """Takes notice of an answer that was given; called in the loop's thread."""
        self._answered += 1

    def refill(self, loop: LoopThread, jobs: Jobs[Job], plan: Plan) -> None:
        """Hands on what can be taken now, many at a time so that those of one cut go out together."""
        room = self._most - (self._taken - self._answered)
        if self._is_over or room < self._most // 2:
            return
        taken: list[KeyedRequest] = []
        try:
            while len(taken) < room:
                keyed = next(self._requests)
                if keyed is None:
                    break
                self._check(keyed)
                taken.append(keyed)
        except StopIteration:
            self._is_over = True
        except TokenworthError as fault:
            self._is_over, self.fault = True, fault
        self._taken += len(taken)
        if taken or self._is_over:
            work, last = plan(taken), self._is_over
            loop.call(lambda: jobs.add(work, last=last))
