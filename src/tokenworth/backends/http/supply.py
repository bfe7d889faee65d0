"""Work for a server that comes while other work is under way: taken in the caller's thread, begun in the loop's."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Generic, TypeVar

from tokenworth.backends.http.loop import LoopThread, first_failure
from tokenworth.backends.http.rollouts import RolloutJob
from tokenworth.core.ports import KeyedRequest
from tokenworth.core.request.kind import Response
from tokenworth.core.request.sample import Rollout, Sample
from tokenworth.errors import TokenworthError

ServerJob = RolloutJob | KeyedRequest
MakeJobs = Callable[[Sequence[KeyedRequest]], list[ServerJob]]
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
    """Takes requests from a stream as the server has room for them. Lives in the caller's thread.

    More are taken where less than ``room`` is to be answered: a rollout counts one, and a table, which is many requests, fills the room.
    What one sequence has in line is taken together, at most ``most`` requests: those of one cut become one job, and the server meets a
    prefix again while it still has it. ``room`` None: all are taken at once.
    """

    def __init__(
        self, requests: Iterator[KeyedRequest | None], *, room: int | None, most: int, check: Callable[[KeyedRequest], None]
    ) -> None:
        self._requests, self._room, self._most, self._check = requests, room, most, check
        self._handed_on = 0
        self._answered = 0  # Written by the loop's thread alone, as ``_handed_on`` by the caller's.
        self._held: KeyedRequest | None = None
        """A request that was taken and belongs to another sequence than those before it."""
        self._is_over = False
        self.fault: TokenworthError | None = None
        """Why a request could not be taken."""

    def answered(self, response: Response) -> None:
        """Takes notice of an answer before it is given: whoever waits for it asks for room next. Called in the loop's thread."""
        self._answered += 1 if isinstance(response, Rollout) else self._room or 0

    def refill(self, loop: LoopThread, jobs: Jobs[ServerJob], plan: MakeJobs) -> None:
        """Hands on what can be taken now."""
        while not self._is_over and (self._room is None or self._handed_on - self._answered < self._room):
            taken = self._take()
            work, last = plan(taken), self._is_over
            self._handed_on += sum(1 if isinstance(keyed.request, Sample) else self._room or 0 for keyed in taken)
            if work or last:
                loop.call(lambda work=work, last=last: jobs.add(work, last=last))
            if not taken:
                break

    def _take(self) -> list[KeyedRequest]:
        """The requests of one sequence that are in line."""
        taken: list[KeyedRequest] = []
        try:
            while self._room is None or len(taken) < self._most:
                keyed, self._held = self._held or next(self._requests), None
                if keyed is None:
                    break
                if self._room is not None and taken and keyed.request.sequence is not taken[-1].request.sequence:
                    self._held = keyed
                    break
                self._check(keyed)
                taken.append(keyed)
        except StopIteration:
            self._is_over = True
        except TokenworthError as fault:
            self._is_over, self.fault = True, fault
        return taken
