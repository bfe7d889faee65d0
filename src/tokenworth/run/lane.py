"""The requests of all experiments that go to one backend: who waits for which, whose turn it is, what is under way."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator

from tokenworth.core.ports import Backend, KeyedRequest, Stoppable, Streaming
from tokenworth.core.request.kind import Request, Response
from tokenworth.run.active import Active


class Lane(Iterator[KeyedRequest | None]):
    """A backend's stream of requests; iterating gives the next one to send, None where there is nothing now.

    The experiment that began first goes first, so that the prefixes of few are kept in a backend's memory and what can be answered
    together is sent together; but none that waits gets less than half its equal share of ``window`` requests sent. Where no request is
    in line, ``more`` may begin another experiment. A request that several wait for is sent once.
    """

    def __init__(self, backend: Backend, *, window: int, streams: bool, more: Callable[[], bool]) -> None:
        self.backend, self.window, self._more = backend, window, more
        self.spent_up: str | None = None
        """Why nothing more may be drawn, once the backend's budget has ended."""
        self.answered: dict[Active, None] = {}
        """Experiments whose batches were answered within a round that is not over."""
        self.sent = 0
        """Requests sent since the answers were opened."""
        self._streams = backend if streams and isinstance(backend, Streaming) else None
        self._waiters: dict[str, list[Active]] = {}
        self._queues: OrderedDict[Active, OrderedDict[str, KeyedRequest]] = OrderedDict()
        """What each experiment has in line; the one that has waited longest comes first."""
        self._waited_from: dict[Active, int] = {}
        """How many requests had been sent when an experiment's last one was, or its wait began."""
        self._sent_of_all = 0
        self._turn: Active | None = None
        self._left_of_turn = 0
        self._under_way: dict[str, KeyedRequest] = {}
        self._suspects: deque[Active] = deque()
        self._alone: Active | None = None
        self._arriving: Iterator[tuple[str, Response]] | None = None
        self._is_round = False
        self._is_stopped = False
        self.is_hungry = False
        """Whether the backend asked for a request in vain since the last was put in line."""

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
            self._waited_from[run] = self._sent_of_all
        self._queues[run][keyed.key] = keyed
        self.is_hungry = False

    def __next__(self) -> KeyedRequest | None:
        """The next request to send. Raises StopIteration after `stop`."""
        while not self._is_stopped:
            if self._queues:
                return self._send_of(self._whose_turn())
            if not self._more():
                self.is_hungry = True
                return None
        raise StopIteration

    def _whose_turn(self) -> Active:
        """Whoever began first, unless another has waited so long that all that wait could not have their turns within the window.

        A turn of one that has waited is half its equal share. With k waiting it comes at most window/2 − share after the wait began
        and k − 1 turns of others, so that every window holds a whole turn.
        """
        if self._turn in self._queues and self._left_of_turn:
            return self._turn
        share = max(1, -(-self.window // (2 * len(self._queues))))
        longest = next(iter(self._queues))
        if self._sent_of_all - self._waited_from[longest] >= self.window // 2 - share:
            self._turn, self._left_of_turn = longest, share
            return longest
        self._turn = None
        return min(self._queues, key=lambda run: run.number)

    def _send_of(self, run: Active) -> KeyedRequest:
        self._left_of_turn -= run is self._turn
        self._sent_of_all += 1
        queue = self._queues[run]
        keyed = queue.popitem(last=False)[1]
        if queue:
            self._waited_from[run] = self._sent_of_all
            self._queues.move_to_end(run)
        else:
            self._leave_line(run)
        return self._send(keyed)

    def _leave_line(self, run: Active) -> None:
        self._queues.pop(run, None)
        self._waited_from.pop(run, None)

    def _send(self, keyed: KeyedRequest) -> KeyedRequest:
        self._under_way[keyed.key] = keyed
        self.sent += 1
        return keyed

    # -- what is answered --------------------------------------------------------------------------------------------

    @property
    def has_line(self) -> bool:
        """Whether there is anything to send."""
        return bool(self._queues)

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
        return [self._send(self._take_from_line(self._waiters[key][0], key)) for key in keys]

    def _take_from_line(self, run: Active, key: str) -> KeyedRequest:
        keyed = self._queues[run].pop(key)
        if not self._queues[run]:
            self._leave_line(run)
        return keyed

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
        """Forgets what an experiment waits for, unless others wait for it as well."""
        self.answered.pop(run, None)
        for key in [key for key, runs in self._waiters.items() if run in runs]:
            runs = self._waiters[key]
            is_first = runs[0] is run
            runs.remove(run)
            if not runs:
                del self._waiters[key]
            if is_first and key not in self._under_way:
                keyed = self._take_from_line(run, key)
                if runs:
                    self._put(runs[0], keyed)

    def give_up(self) -> dict[Active, list[str]]:
        """Empties the lane: the experiments that waited, with the keys that they will not get."""
        left: dict[Active, list[str]] = {run: [] for run in self.answered}
        for key, runs in self._waiters.items():
            for run in runs:
                left.setdefault(run, []).append(key)
        self.answered, self._waiters, self._under_way = {}, {}, {}
        self._queues.clear()
        self._waited_from.clear()
        self._suspects.clear()
        return left

    def stop(self) -> bool:
        """Asks the backend to begin nothing more; whether it can, and there is something to wait for."""
        self._is_stopped = True
        if self._arriving is None or not isinstance(self.backend, Stoppable):
            return False
        self.backend.stop()
        return True
