"""An event loop in a separate thread, so that a synchronous caller can use it (also in a notebook, whose own loop is running)."""

from __future__ import annotations

import asyncio
import os
import queue
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from typing import Any, TypeVar

from tokenworth.errors import InvalidInput

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")


class LoopThread:
    """Runs coroutines in a background thread. The thread ends with `close`, or with the process."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()
        self._process = os.getpid()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """The coroutine's result; an interruption cancels it. Raises `InvalidInput` after `close`, and in a forked process."""
        if not self.is_usable:
            coroutine.close()
            raise InvalidInput("the connection to the server is closed, or belongs to another process; open the workbench where it is used")
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def stream(
        self, make: Callable[[Callable[[T], None]], Coroutine[Any, Any, None]], refill: Callable[[], None] | None = None
    ) -> LoopStream[T]:
        """What the coroutine emits, as it does. ``refill`` is called in the caller's thread before each item is waited for."""
        return LoopStream(self, make, refill)

    def call(self, work: Callable[[], None]) -> None:
        """Does something small in the loop's thread, soon."""
        self._loop.call_soon_threadsafe(work)

    @property
    def is_usable(self) -> bool:
        """Whether coroutines can run: not closed, and not the copy of a loop whose thread a fork left behind."""
        return not self.is_closed and self._process == os.getpid()

    @property
    def is_closed(self) -> bool:
        """Whether `close` was called."""
        return self._loop.is_closed()

    def close(self, last: Callable[[], Coroutine[Any, Any, None]] | None = None) -> None:
        """Ends what is under way, runs ``last``, stops the loop and waits for the thread. In a forked process it does nothing."""
        if not self.is_usable:
            return

        async def finish() -> None:
            await _end_all()
            if last is not None:
                await last()

        if threading.current_thread() is self._thread:
            # The garbage collector calls from any thread; here it would wait for itself.
            self._loop.create_task(finish()).add_done_callback(lambda _: self._loop.stop())
            return
        self.run(finish())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=5.0)
        if not self._thread.is_alive():
            self._loop.close()


class LoopStream(Iterator[T]):
    """What a coroutine emits, in the caller's thread. Raises at the end what the coroutine raised.

    Not a generator: an interruption while it waits leaves it as it was, so that the caller can go on to what is under way.
    """

    def __init__(
        self, loop: LoopThread, make: Callable[[Callable[[T], None]], Coroutine[Any, Any, None]], refill: Callable[[], None] | None = None
    ) -> None:
        self._loop, self._items, self._refill = loop, queue.SimpleQueue[tuple[bool, T | None]](), refill
        self._is_over = False

        async def start() -> asyncio.Task[None]:
            task = asyncio.ensure_future(make(lambda item: self._items.put((True, item))))
            task.add_done_callback(lambda _: self._items.put((False, None)))
            return task

        self._task = loop.run(start())

    def __next__(self) -> T:
        """The next item."""
        if self._is_over:
            raise StopIteration
        if self._refill is not None:
            self._refill()
        more, item = self._items.get()
        if not more:
            self._is_over = True
            self._task.result()
            raise StopIteration
        return item  # type: ignore[return-value]

    def close(self) -> None:
        """Cancels what is under way and waits until it has stopped."""
        self._is_over = True
        if self._loop.is_usable and not self._task.done():
            self._loop.run(_end(self._task))


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])


async def _end_all() -> None:
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def gather(work: Sequence[tuple[K, Callable[[], Awaitable[V]]]], width: int = 256) -> list[tuple[K, V]]:
    """(key, result) of each piece of work, at most ``width`` under way, begun in order; the first failure ends the rest."""
    found: list[tuple[K, V]] = []
    pending = iter(work)

    async def worker() -> None:
        for key, make in pending:
            found.append((key, await make()))

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(width, len(work))):
                group.create_task(worker())
    except BaseExceptionGroup as failures:
        raise first_failure(failures) from None
    return found


def first_failure(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first exception of a group, however deep it stands."""
    error: BaseException = failures
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
