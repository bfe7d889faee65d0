"""The requests of all experiments that go to one backend: who waits for which, whose turn it is, what is under way."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator

from tokenworth.core.ports import Backend, KeyedRequest, Stoppable, Streaming
from tokenworth.core.request.kind import Request, Response
from tokenworth.run.active import Active

_LONGEST_TURN = 32
"""Requests of one experiment in a row: those of one prefix are best answered together."""


class Lane(Iterator[KeyedRequest | None]):
    """A backend's stream of requests; iterating gives the next one to send, None where there is nothing now.

    Experiments take turns, so that none that waits gets less than half its equal share of ``window`` requests sent. A request that
    several wait for is sent once.
    """

    def __init__(self, backend: Backend, *, window: int, streams: bool) -> None:
        self.backend, self.window = backend, window
        self.spent_up: str | None = None
        """Why nothing more may be drawn, once the backend's budget has ended."""
        self.answered: dict[Active, None] = {}
        """Experiments whose batches were answered within a round that is not over."""
        self.sent = 0
        """Requests sent since the answers were opened."""
        self._streams = backend if streams and isinstance(backend, Streaming) else None
        self._waiters: dict[str, list[Active]] = {}
        self._queues: dict[Active, OrderedDict[str, KeyedRequest]] = {}
        self._turns: deque[Active] = deque()
        self._left_of_turn = _LONGEST_TURN
        self._under_way: dict[str, KeyedRequest] = {}
        self._suspects: deque[Active] = deque()
        self._alone: Active | None = None
        self._arriving: Iterator[tuple[str, Response]] | None = None
        self._is_round = False
        self._is_stopped = False

    # -- what is asked for -------------------------------------------------------------------------------------------

    def add(self, run: Active, keyed: KeyedRequest) -> None:
        """Puts a request of an experiment in line."""
        waiters = self._waiters.setdefault(keyed.key, [])
        waiters.append(run)
        if len(waiters) == 1:
            self._put(run, keyed)

    def _put(self, run: Active, keyed: KeyedRequest) -> None:
        if run not in self._queues:
            self._queues[run] = OrderedDict()
            self._turns.append(run)
        self._queues[run][keyed.key] = keyed

    def __next__(self) -> KeyedRequest | None:
        """The next request to send. Raises StopIteration after `stop`."""
        if self._is_stopped:
            raise StopIteration
        while self._turns:
            run = self._turns[0]
            queue = self._queues[run]
            if queue and self._left_of_turn:
                self._left_of_turn -= 1
                return self._send(queue.popitem(last=False)[1])
            self._turns.popleft()
            if queue:
                self._turns.append(run)
            else:
                del self._queues[run]
            # The turn of each comes about twice within the window.
            self._left_of_turn = max(1, min(_LONGEST_TURN, -(-self.window // (2 * max(1, len(self._turns))))))
        return None

    def _send(self, keyed: KeyedRequest) -> KeyedRequest:
        self._under_way[keyed.key] = keyed
        self.sent += 1
        return keyed

    # -- what is answered --------------------------------------------------------------------------------------------

    @property
    def is_busy(self) -> bool:
        """Whether there is anything to send or to wait for."""
        return bool(self._waiters or self._under_way or self.answered)

    @property
    def is_round(self) -> bool:
        """Whether the open answers are to a list of requests: only their end says that it was answered as asked."""
        return self._is_round

    @property
    def runs(self) -> list[Active]:
        """The experiments that a fault of the open answers concerns."""
        if self._alone is not None:
            return [self._alone]
        keys = self._under_way or ([] if self.answered else self._waiters)
        return list(dict.fromkeys([*self.answered, *(run for key in keys for run in self._waiters.get(key, ()))]))

    def next_answer(self) -> tuple[str, Response] | None:
        """The next answer of the backend; None where the answers that were open have ended."""
        if self._arriving is None:
            self._open()
        assert self._arriving is not None
        return next(self._arriving, None)

    def _open(self) -> None:
        self.sent, self._is_round = 0, True
        while self._suspects:
            one = self._suspects.popleft()
            asked = self._of_one(one)
            if asked:
                self._alone = one
                self._arriving = self.backend.answer(asked)
                return
        if self._streams is not None:
            self._is_round = False
            self._arriving = self._streams.stream(self)
        else:
            self._arriving = self.backend.answer(list(iter(self.__next__, None)))

    def _of_one(self, run: Active) -> list[KeyedRequest]:
        """All that one experiment waits for here, taken out of the line."""
        keys = [key for key in (() if run.batch is None else run.batch.waiting) if run in self._waiters.get(key, ())]
        return [self._send(self._queues[self._waiters[key][0]].pop(key)) for key in keys]

    def sent_as(self, key: str) -> Request | None:
        """The request under way with this key; None where there is none."""
        keyed = self._under_way.get(key)
        return None if keyed is None else keyed.request

    def take(self, key: str) -> list[Active]:
        """The experiments that waited for a request which is now answered and kept."""
        del self._under_way[key]
        return self._waiters.pop(key, [])

    @property
    def unanswered(self) -> list[KeyedRequest]:
        """Requests that were sent and not answered."""
        return list(self._under_way.values())

    # -- how it ends -------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Closes the answers; what was under way goes back in line."""
        arriving, self._arriving, self._alone = self._arriving, None, None
        # A backend is told now, not at garbage collection, that nobody waits any more.
        close = getattr(arriving, "close", None)
        if close is not None:
            close()
        back, self._under_way = self._under_way, {}
        for key, keyed in back.items():
            if key in self._waiters:
                self._put(self._waiters[key][0], keyed)

    def ask_alone(self, runs: Iterable[Active]) -> None:
        """From now on these experiments are answered one by one, until each was: a fault is then of one of them."""
        self._suspects.extend(run for run in runs if run not in self._suspects)

    def drop(self, run: Active) -> None:
        """Forgets what an experiment waits for, unless others do, too."""
        self.answered.pop(run, None)
        for key in [key for key, runs in self._waiters.items() if run in runs]:
            runs = self._waiters[key]
            is_first = runs[0] is run
            runs.remove(run)
            if not runs:
                del self._waiters[key]
            if is_first and key not in self._under_way:
                keyed = self._queues[run].pop(key)
                if runs:
                    self._put(runs[0], keyed)

    def give_up(self) -> dict[Active, list[str]]:
        """Empties the lane: the experiments that waited, with the keys that they will not get."""
        left: dict[Active, list[str]] = {run: [] for run in self.answered}
        for key, runs in self._waiters.items():
            for run in runs:
                left.setdefault(run, []).append(key)
        self.answered, self._waiters, self._queues, self._under_way = {}, {}, {}, {}
        self._turns.clear()
        self._suspects.clear()
        return left

    def stop(self) -> bool:
        """Asks the backend to begin nothing more; whether it can, and there is something to wait for."""
        self._is_stopped = True
        if self._arriving is None or not isinstance(self.backend, Stoppable):
            return False
        self.backend.stop()
        return True
