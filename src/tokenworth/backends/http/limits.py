"""How much goes to an endpoint at once: a limit that adapts to the server, and the purse that keeps a run within its money."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tokenworth.errors import BudgetExceeded

FIRST_LIMIT = 8.0


class AdaptiveLimit:
    """At most ``limit`` requests in flight: doubled a round trip until the server first pushes back, then raised by one and halved.

    A request may weigh more than one, as one for n completions does on a server with so many slots; alone it always goes.

    Source: additive increase, multiplicative decrease (Chiu and Jain 1989), as in TCP's congestion control (RFC 5681).
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.limit = min(FIRST_LIMIT, float(most))
        self.in_flight = 0
        self._load = 0
        self._slow_start = True
        self._calm_after = 0
        self._finished = 0
        self._waiting: deque[tuple[asyncio.Future[None], int]] = deque()

    @asynccontextmanager
    async def slot(self, weight: int = 1) -> AsyncIterator[None]:
        """A place in flight, given in order of asking."""
        if self._waiting or not self._fits(weight):
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((future, weight))
            try:
                await future
            except asyncio.CancelledError:
                if future.done() and not future.cancelled():
                    self._leave(weight)
                else:
                    # Gone already where a place fell free after the cancellation and before this line.
                    if (future, weight) in self._waiting:
                        self._waiting.remove((future, weight))
                    self._wake()
                raise
        else:
            self._enter(weight)
        try:
            yield
        finally:
            self._finished += 1
            self._leave(weight)

    def _fits(self, weight: int) -> bool:
        return self.in_flight == 0 or self._load + weight <= int(self.limit)

    def _enter(self, weight: int) -> None:
        self.in_flight += 1
        self._load += weight

    def _leave(self, weight: int) -> None:
        self.in_flight -= 1
        self._load -= weight
        self._wake()

    def at_most(self, most: int) -> None:
        """Lowers or raises the most that may ever be in flight."""
        self.most = most
        self.limit = min(self.limit, float(most))

    def succeeded(self) -> None:
        """Takes notice of a reply that came."""
        step = 1.0 if self._slow_start else 1.0 / self.limit
        self.limit = min(float(self.most), self.limit + step)
        self._wake()

    def pushed_back(self) -> None:
        """Takes notice of a server that is overloaded; requests sent before the last decrease do not count again."""
        if self._finished < self._calm_after:
            return
        self._slow_start = False
        self.limit = max(1.0, self.limit / 2)
        self._calm_after = self._finished + self.in_flight

    def _wake(self) -> None:
        while self._waiting and self._fits(self._waiting[0][1]):
            future, weight = self._waiting.popleft()
            if not future.done():
                self._enter(weight)
                future.set_result(None)


class Purse:
    """Money that may be spent. What a request can cost at most is set aside before it is sent, so the limit is never passed.

    Requests are let through in the order they ask, and none after the first that had to be refused: which draws are made must
    not depend on how cheap they are.
    """

    def __init__(self, limit: float | None) -> None:
        self.limit = limit
        self.spent = 0.0
        self._set_aside = 0.0
        self._open = 0
        self._changed = asyncio.Event()
        self._turn = asyncio.Lock()
        self._refused: str | None = None

    async def reserve(self, most: float) -> None:
        """Sets ``most`` aside, waiting for requests in flight to turn out cheaper.

        Raises `BudgetExceeded` when none is left to wait for.
        """
        if self.limit is None:
            return
        async with self._turn:
            while self._refused is None and self.spent + self._set_aside + most > self.limit:
                if not self._open:
                    self._refused = (
                        f"stopped at {self.spent:.4g} of {self.limit:g} USD: the next request may cost up to {most:.2g}; "
                        "what was drawn is in the --store, if one was given; run again with a larger --max-usd to go on"
                    )
                    break
                self._changed.clear()
                await self._changed.wait()
            if self._refused is not None:
                raise BudgetExceeded(self._refused)
            self._set_aside += most
            self._open += 1

    @property
    def is_limited(self) -> bool:
        """Whether there is a limit at all."""
        return self.limit is not None

    def settle(self, most: float, actual: float) -> None:
        """Replaces what was set aside by what was spent."""
        self.spent += actual
        if self.limit is not None:
            self._open -= 1
            # Counted, not compared with 0: what rounding leaves would be waited for without end.
            self._set_aside = max(0.0, self._set_aside - most) if self._open else 0.0
            self._changed.set()
