"""An event loop in a thread of its own, so that a synchronous caller (a notebook, whose own loop is running, too) can use it."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from typing import Any, TypeVar

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")


class LoopThread:
    """Runs coroutines in a background thread. The thread ends with `close`, or with the process."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """The coroutine's result; an interruption cancels it."""
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def stream(self, make: Callable[[Callable[[T], None]], Coroutine[Any, Any, None]]) -> Iterator[T]:
        """Yields what the coroutine emits, as it does; raises what it raises; closing the iterator cancels it."""
        items: queue.SimpleQueue[tuple[bool, T | None]] = queue.SimpleQueue()

        async def start() -> asyncio.Task[None]:
            task = asyncio.ensure_future(make(lambda item: items.put((True, item))))
            task.add_done_callback(lambda _: items.put((False, None)))
            return task

        task = self.run(start())
        try:
            while True:
                more, item = items.get()
                if not more:
                    task.result()
                    return
                yield item  # type: ignore[misc]
        finally:
            # Waited for, so that nothing is under way any more when the caller goes on, or closes the connections.
            if not self.is_closed:
                self.run(_end(task))

    @property
    def is_closed(self) -> bool:
        """Whether `close` was called."""
        return self._loop.is_closed()

    def close(self, last: Callable[[], Coroutine[Any, Any, None]] | None = None) -> None:
        """Ends what is under way, runs ``last``, stops the loop and waits for the thread."""
        if self.is_closed:
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
