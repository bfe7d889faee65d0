"""Runs experiments: answers their requests from a store or from backends and keeps what is new.

The store is the only truth: what an experiment is sent is what the store holds, so a run that was killed and started
again, or that shares its store with another process, gives the result its store replays to.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import suppress
from typing import Any

from tokenworth.core.keys import Keyer
from tokenworth.core.ports import Backend, Checks, KeyedRequest, Metered, Spent, Store
from tokenworth.core.request.experiment import Batch, BudgetSpent, Experiment, Foreseen, ResultT
from tokenworth.core.request.kind import SUBJECT, Request, Response
from tokenworth.errors import BudgetExceeded, MismatchError, StoreError, StoreLost, TokenworthError
from tokenworth.run.active import Active, AwaitedBatch
from tokenworth.run.lane import Lane
from tokenworth.run.progress import (
    BatchFinished,
    BatchProgress,
    BatchStarted,
    Clock,
    Ended,
    Finished,
    OnEvent,
    OnNamedEvent,
    RunCounts,
    RunEvent,
    Stopping,
)

_Advance = Callable[[], Batch]
_LOG = logging.getLogger(__name__)

MOST_ACTIVE = 64
"""Experiments under way at once, unless the caller says otherwise: enough for 64 rows that decode together."""
WINDOW = 1000
"""Over so many requests sent, no experiment that waits gets less than half its equal share."""
FLUSH_SECONDS = 1.0
"""At most this long between flushes of the store while responses arrive."""
PROGRESS_SECONDS = 0.2
"""At least this long between two progress events of a batch."""


def drive(
    experiment: Experiment[ResultT],
    *,
    backend: Backend | Mapping[str, Backend],
    store: Store,
    on_event: OnEvent | None = None,
    clock: Clock = time.monotonic,
) -> ResultT:
    """The result of the experiment, its requests answered from ``store`` or else by ``backend`` (or one backend for each role).

    Each response is stored as it arrives. Whatever ends the run early (an error of the backend, Ctrl-C) flushes the
    store first: the same call draws only what is missing.

    Where the backend's budget ends (it raises ``BudgetExceeded``), ``BudgetSpent`` is thrown into the experiment, which may return on
    what was drawn. What it asks for after that comes from the store alone; the backend is not called again.

    Raises ``MismatchError`` for a backend that answers what it was not asked, answers twice or leaves a request out.
    """

    def tell(name: str, event: RunEvent) -> None:
        del name
        if on_event is not None:
            on_event(event)

    (ended,) = _Driver([("", experiment)], backend, store, tell, clock, 1).results()
    return ended.value()


def drive_all(
    experiments: Iterable[tuple[str, Experiment[ResultT]]],
    *,
    models: Backend | Mapping[str, Backend],
    store: Store,
    on_event: OnNamedEvent | None = None,
    clock: Clock = time.monotonic,
    active: int = MOST_ACTIVE,
) -> Generator[Ended[ResultT], None, None]:
    """How each of many named experiments ended, as it does; at most ``active`` of them are under way at once.

    Their requests go to each backend in one stream, and a request that several ask for is drawn once. Another experiment is begun where a
    backend would have nothing to do, those that began first go first, and none that waits gets less than half its share (`Lane`).
    ``models``: a backend for each role, or one for the role ``subject``. Each result is the one that `drive` gives.

    An experiment that ends by a ``TokenworthError``, its own or one of the backend that comes again when it is asked alone, ends the
    others not. Where a budget ends, ``BudgetSpent`` is thrown into all that wait for that backend, and no more are begun: they are given
    with ``BudgetExceeded``. Ctrl-C, and closing this iterator, first store what is under way where the backend can be asked for that.

    Raises ``StoreError`` where an answer cannot be kept.
    """
    return _Driver(experiments, models, store, on_event or _ignore, clock, active).results()


def _ignore(name: str, event: RunEvent) -> None:
    del name, event


class _Driver:
    def __init__(
        self,
        experiments: Iterable[tuple[str, Experiment[Any]]],
        models: Backend | Mapping[str, Backend],
        store: Store,
        tell: OnNamedEvent,
        clock: Clock,
        most: int,
    ) -> None:
        by_role = models if isinstance(models, Mapping) else {SUBJECT: models}
        lanes = {id(b): Lane(b, window=WINDOW, streams=most > 1, more=self._begin_more) for b in by_role.values()}
        self._by_role = {role: lanes[id(backend)] for role, backend in by_role.items()}
        self._lanes = list(lanes.values())
        self._keyer = Keyer({role: backend.fingerprint for role, backend in by_role.items()})
        self._source, self._store, self._tell, self._clock, self._most = iter(experiments), store, tell, clock, most
        self._active: dict[Active, None] = {}
        self._ended: deque[Ended[Any]] = deque()
        self._n_begun, self._is_exhausted = 0, False
        self._broken: TokenworthError | None = None
        """What the experiments' source raised while a backend was asking for more."""
        self._flushed = clock()

    # -- from one experiment to the next -----------------------------------------------------------------------------

    def results(self) -> Generator[Ended[Any], None, None]:
        """How each experiment ended."""
        try:
            while True:
                if self._broken is not None:
                    raise self._broken
                if self._ended:
                    yield self._ended.popleft()
                elif self._active and not (self._can_begin and any(lane.is_hungry for lane in self._lanes)):
                    self._receive(next(lane for lane in self._lanes if lane.is_busy))
                elif not self._begin_next() and not self._active:
                    break
            for lane in self._lanes:
                lane.close()
        except (KeyboardInterrupt, GeneratorExit):
            self._wait_for_the_rest()
            self._break_off()
            raise
        except BaseException:
            self._break_off()
            raise

    @property
    def _can_begin(self) -> bool:
        return len(self._active) < self._most and not self._is_exhausted and not any(lane.has_line for lane in self._lanes)

    def _begin_more(self) -> bool:
        """Begins another experiment where a backend would have nothing to do; one that ended at once is given first."""
        if not self._can_begin or self._ended or self._broken is not None:
            return False
        try:
            return self._begin_next()
        except TokenworthError as error:  # Raised through the backend, it would pass for a fault of the backend's.
            self._broken = error
            return False

    def _begin_next(self) -> bool:
        pair = next(self._source, None)
        if pair is None:
            self._is_exhausted = True
            return False
        name, experiment = pair
        spent_up = next((lane.spent_up for lane in self._lanes if lane.spent_up is not None), None)
        if spent_up is not None:
            experiment.close()
            self._ended.append(Ended(name=name, counts=RunCounts(), error=BudgetExceeded(spent_up)))
            return True
        run = Active(name, experiment, self._clock(), self._n_begun)
        self._n_begun += 1
        self._active[run] = None
        self._go_on(run, lambda: next(experiment))
        return True

    def _go_on(self, run: Active, step: _Advance | None) -> None:
        """Goes on with an experiment until it waits for a model or ends."""
        try:
            while step is not None:
                batch = step()
                step = self._look_up(run, batch)
        except StopIteration as finished:
            self._tell(run.name, Finished(counts=run.counts, seconds=self._clock() - run.began, spent=self._spent()))
            self._end(run, Ended(name=run.name, counts=run.counts, result=finished.value))
        except StoreLost:
            raise
        except TokenworthError as error:
            self._fail(run, error)

    def _fail(self, run: Active, error: TokenworthError) -> None:
        for lane in self._lanes:
            lane.drop(run)
        self._end(run, Ended(name=run.name, counts=run.counts, error=error))

    def _end(self, run: Active, ended: Ended[Any]) -> None:
        run.experiment.close()
        del self._active[run]
        self._ended.append(ended)

    # -- a batch -----------------------------------------------------------------------------------------------------

    def _look_up(self, run: Active, batch: Batch) -> _Advance | None:
        """How to continue if nothing may be drawn; else None, and what is missing is in line."""
        began = self._clock()
        asked = [self._keyed(request) for request in batch]
        wanted = {keyed.key: (keyed, lane) for keyed, lane in asked}
        stored = self._store.get(list(wanted))
        for key, response in stored.items():
            wanted[key][0].request.check_answer(response, "the store")
        missing = {key: keyed.request for key, (keyed, _) in wanted.items() if key not in stored}
        number = run.look_up(len(batch), len(wanted), stored)
        ahead, at_most = (batch.ahead, batch.at_most) if isinstance(batch, Foreseen) else (None, False)
        self._tell(run.name, BatchStarted(batch=number, requests=len(wanted), missing=len(missing), ahead=ahead, at_most=at_most))
        keys = [keyed.key for keyed, _ in asked]
        awaited = run.batch = AwaitedBatch(number=number, keys=keys, stored=stored, missing=missing, began=began)
        for keyed, lane in [wanted[key] for key in missing]:
            if isinstance(lane.backend, Checks) and lane.spent_up is None:
                lane.backend.check(keyed.request)
        for key in missing:
            keyed, lane = wanted[key]
            if lane.spent_up is None:
                lane.add(run, keyed)
            else:
                awaited.spent_up = lane.spent_up
                del awaited.waiting[key]
        return None if awaited.waiting else self._complete(run, awaited, drawn=False)

    def _keyed(self, request: Request) -> tuple[KeyedRequest, Lane]:
        key = self._keyer.key(request)
        return KeyedRequest(key=key, request=request), self._by_role[request.role]

    def _complete(self, run: Active, batch: AwaitedBatch, *, drawn: bool = True) -> _Advance:
        """How to continue once no more answers of a batch come. An unusable reply is an answer: drawing again would bias the sample."""
        answers = batch.stored
        if drawn and batch.missing:
            self._store.flush()
            got = self._store.get(batch.missing)
            if len(got) < len(batch.missing) and batch.spent_up is None:
                raise StoreError(f"the store gave back {len(got)} of {len(batch.missing)} responses just written to it")
            answers.update(got)
        run.batch = None
        self._tell(run.name, BatchFinished(batch=batch.number, counts=run.counts, seconds=self._clock() - batch.began))
        experiment = run.experiment
        if batch.spent_up is not None and any(key not in answers for key in batch.keys):
            spent = BudgetSpent(batch.spent_up, tuple(answers.get(key) for key in batch.keys))
            return lambda: experiment.throw(spent)
        return lambda: experiment.send(tuple(answers[key] for key in batch.keys))

    # -- answers -----------------------------------------------------------------------------------------------------

    def _receive(self, lane: Lane) -> None:
        """Takes one answer of a backend, and continues what waited for it."""
        # The next lane comes first next time.
        self._lanes.remove(lane)
        self._lanes.append(lane)
        try:
            answer = lane.next_answer()
            complete = self._end_of_round(lane) if answer is None else self._keep(lane, *answer)
        except BudgetExceeded as error:
            self._end_budget(lane, str(error))
            return
        except StoreError:
            raise
        except TokenworthError as error:
            self._fault(lane, error)
            return
        for run in complete:
            self._finish_batch(run)

    def _finish_batch(self, run: Active) -> None:
        try:
            step = self._complete(run, run.awaited())
        except StoreLost:
            raise
        except TokenworthError as error:
            self._fail(run, error)
        else:
            self._go_on(run, step)

    def _keep(self, lane: Lane, key: str, response: Response) -> list[Active]:
        """Stores an answer; the experiments whose batch is complete with it."""
        request, name = lane.sent_as(key), lane.backend.name
        if request is None:
            fault = "answered one request twice" if self._store.get([key]) else "answered a request it was not sent"
            raise MismatchError(f"the backend {name!r} {fault} (key {key[:12]!r}…); expected one answer to each request")
        request.check_answer(response, f"the backend {name!r}")
        self._store.put(key, request, response)
        waiters = lane.take(key)
        for run in waiters:
            run.receive(key, response, drawn=run is waiters[0])
        now = self._clock()
        if now - self._flushed >= FLUSH_SECONDS:
            self._store.flush()
            self._flushed = now
        for run in waiters:
            self._tell_progress(run, run.awaited(), now)
        complete = [run for run in waiters if not run.awaited().waiting]
        if lane.is_round:
            lane.answered.update(dict.fromkeys(complete))
            return []
        return complete

    def _tell_progress(self, run: Active, batch: AwaitedBatch, now: float) -> None:
        if now - batch.told < PROGRESS_SECONDS and batch.waiting:
            return
        batch.told, total, seconds = now, len(batch.missing), now - batch.began
        progress = BatchProgress(
            batch=batch.number, done=batch.done, total=total, tokens=batch.tokens, seconds=seconds, spent=self._spent()
        )
        self._tell(run.name, progress)

    def _end_of_round(self, lane: Lane) -> list[Active]:
        left, name = lane.unanswered, lane.backend.name
        if left:
            first = left[0]
            raise MismatchError(
                f"the backend {name!r} left {len(left)} of {lane.sent} requests unanswered "
                f"(first: {type(first.request).__name__} {first.key[:12]}…); what it answered is stored"
            )
        lane.close()
        complete, lane.answered = list(lane.answered), {}
        return complete

    def _end_budget(self, lane: Lane, message: str) -> None:
        """Nothing more is drawn by this backend: what waits for it continues with what it has."""
        lane.close()
        self._store.flush()  # The run may go on from here, so that it is not enough to have tried.
        lane.spent_up = message
        for run, keys in lane.give_up().items():
            batch = run.awaited()
            batch.spent_up = message
            for key in keys:
                del batch.waiting[key]
            if not batch.waiting:
                self._finish_batch(run)

    def _fault(self, lane: Lane, error: TokenworthError) -> None:
        """Ends the experiment whose requests a backend could not answer; where it may be any of several, each is asked alone."""
        runs = lane.runs
        complete, lane.answered = list(lane.answered), {}
        lane.close()
        _flush_if_possible(self._store)
        if len(runs) == 1:
            self._fail(runs[0], error)
        else:
            lane.ask_alone(run for run in runs if run not in complete)
        for run in complete:
            if len(runs) > 1 or run is not runs[0]:
                self._finish_batch(run)

    # -- breaking off ------------------------------------------------------------------------------------------------

    def _wait_for_the_rest(self) -> None:
        """Stores what is under way when a run is interrupted; a second interruption ends that as well."""
        waited = [lane for lane in self._lanes if lane.unanswered and lane.stop()]
        first = next((run for run in self._active if run.batch is not None), None)
        if waited and first is not None:
            self._tell(first.name, Stopping(batch=first.awaited().number))
        for lane in waited:
            with suppress(TokenworthError):  # That requests are left unanswered is what was asked for.
                while (answer := lane.next_answer()) is not None:
                    self._keep(lane, *answer)

    def _break_off(self) -> None:
        for lane in self._lanes:
            lane.close()
        for run in self._active:
            run.experiment.close()
        _flush_if_possible(self._store)

    def _spent(self) -> Spent | None:
        """What all metered backends have used."""
        spent = [lane.backend.spent() for lane in self._lanes if isinstance(lane.backend, Metered)]
        return Spent.together(spent) if spent else None


def _flush_if_possible(store: Store) -> None:
    # The error that ended the run matters more than a second one from the store, which a resumed run would meet again.
    try:
        store.flush()
    except StoreLost:
        pass  # It is what ended the run.
    except StoreError as error:
        _LOG.warning("the store could not be flushed as the run ended: %s", error)
