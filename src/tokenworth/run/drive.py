"""Runs an experiment: answers its requests from a store or a backend and keeps what is new.

The store is the only truth: what an experiment is sent is what the store holds, so a run that was killed and started
again, or that shares its store with another process, gives the result its store replays to.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from typing import Generic, TypeVar

from tokenworth.core.keys import Keyer
from tokenworth.core.ports import Backend, KeyedRequest, Metered, Spent, Stoppable, Store
from tokenworth.core.request.experiment import Answers, Batch, BudgetSpent, Experiment
from tokenworth.core.request.kind import Request, Response
from tokenworth.core.request.sample import Rollout
from tokenworth.core.tokens import StopReason
from tokenworth.errors import BudgetExceeded, MismatchError, StoreError
from tokenworth.run.progress import BatchFinished, BatchProgress, BatchStarted, Clock, Event, Finished, OnEvent, RunCounts, Stopping

ResultT = TypeVar("ResultT")
_LOG = logging.getLogger(__name__)

FLUSH_SECONDS = 1.0
"""At most this long between flushes of the store while responses arrive."""
PROGRESS_SECONDS = 0.2
"""At least this long between two progress events of a batch."""


def drive(
    experiment: Experiment[ResultT],
    *,
    backend: Backend,
    store: Store,
    on_event: OnEvent | None = None,
    clock: Clock = time.monotonic,
) -> ResultT:
    """The result of the experiment, its requests answered from ``store`` or else by ``backend``.

    Each response is stored as it arrives. Whatever ends the run early (an error of the backend, Ctrl-C) flushes the
    store first: the same call draws only what is missing.

    Where the backend's budget ends (it raises ``BudgetExceeded``), ``BudgetSpent`` is thrown into the experiment, which may return on
    what was drawn. What it asks for after that comes from the store alone; the backend is not called again.

    Raises ``MismatchError`` for a backend that answers what it was not asked, answers twice or leaves a request out.
    """
    return drive_counted(experiment, backend=backend, store=store, on_event=on_event, clock=clock)[0]


def drive_counted(
    experiment: Experiment[ResultT],
    *,
    backend: Backend,
    store: Store,
    on_event: OnEvent | None = None,
    clock: Clock = time.monotonic,
) -> tuple[ResultT, RunCounts]:
    """What ``drive`` gives, with the counts of what was drawn and what was reused."""
    return _Driver(experiment, backend, store, on_event or _ignore, clock).run()


def _ignore(event: Event) -> None:
    del event


class _Awaited:
    """The requests of a batch that went to the backend, and those of them that are not answered yet."""

    def __init__(self, *, missing: Sequence[KeyedRequest], number: int, began: float) -> None:
        self.missing, self.number, self.began = missing, number, began
        self.waiting: dict[str, Request] = {keyed.key: keyed.request for keyed in missing}


class _Driver(Generic[ResultT]):
    def __init__(self, experiment: Experiment[ResultT], backend: Backend, store: Store, tell: OnEvent, clock: Clock) -> None:
        self._experiment = experiment
        self._backend = backend
        self._store = store
        self._tell = tell
        self._clock = clock
        self._keyer = Keyer(backend.fingerprint)
        self._counts = RunCounts()
        self._spent_up: str | None = None

    def run(self) -> tuple[ResultT, RunCounts]:
        began = self._clock()
        with closing(self._experiment) as experiment:
            try:
                batch = next(experiment)
                while True:
                    batch = self._step(experiment, batch)
            except StopIteration as finished:
                self._tell(Finished(counts=self._counts, seconds=self._clock() - began, spent=self._spent()))
                return finished.value, self._counts

    def _step(self, experiment: Experiment[ResultT], batch: Batch) -> Batch:
        try:
            answers = self._answer(batch)
        except BudgetSpent as spent:
            return experiment.throw(spent)
        return experiment.send(answers)

    def _spent(self) -> Spent | None:
        return self._backend.spent() if isinstance(self._backend, Metered) else None

    def _answer(self, batch: Batch) -> Answers:
        began = self._clock()
        keys = [self._keyer.key(request) for request in batch]
        wanted = dict(zip(keys, batch, strict=True))
        stored = dict(self._store.get(list(wanted)))
        for key, response in stored.items():
            check_answer(wanted[key], response, "the store")
        missing = [KeyedRequest(key=key, request=request) for key, request in wanted.items() if key not in stored]
        number = self._counts.batches
        self._count_batch(len(batch), len(wanted), stored)
        self._tell(BatchStarted(batch=number, requests=len(wanted), missing=len(missing)))
        if missing and self._spent_up is None:
            try:
                stored.update(self._draw(missing, number, began))
            except BudgetExceeded as error:
                self._store.flush()  # The run may go on from here, so that it is not enough to have tried.
                stored.update(self._store.get([keyed.key for keyed in missing]))
                self._spent_up = str(error)
        self._tell(BatchFinished(batch=number, counts=self._counts, seconds=self._clock() - began))
        if self._spent_up is not None and len(stored) < len(wanted):
            raise BudgetSpent(self._spent_up, tuple(stored.get(key) for key in keys))
        return tuple(stored[key] for key in keys)

    def _draw(self, missing: Sequence[KeyedRequest], number: int, began: float) -> Mapping[str, Response]:
        """The responses to ``missing``, stored and read back. An unusable reply is one: drawing again would bias the sample."""
        arriving = self._backend.answer(missing)
        awaited = _Awaited(missing=missing, number=number, began=began)
        try:
            try:
                self._receive(arriving, awaited)
            except KeyboardInterrupt:
                self._wait_for_the_rest(arriving, awaited)
                raise
        except BaseException:
            _close(arriving)
            _flush_if_possible(self._store)
            raise
        self._store.flush()
        answers = self._store.get([keyed.key for keyed in missing])
        if len(answers) < len(missing):
            raise StoreError(f"the store gave back {len(answers)} of {len(missing)} responses just written to it")
        return answers

    def _wait_for_the_rest(self, arriving: Iterator[tuple[str, Response]], awaited: _Awaited) -> None:
        """Stores what is under way when a run is interrupted; a second interruption ends that, too."""
        if isinstance(self._backend, Stoppable):
            self._backend.stop()
            self._tell(Stopping(batch=awaited.number))
            with suppress(MismatchError):  # That requests are left unanswered is what was asked for.
                self._receive(arriving, awaited)

    def _receive(self, arriving: Iterator[tuple[str, Response]], awaited: _Awaited) -> None:
        """Stores answers as they come."""
        missing, waiting, number, began = awaited.missing, awaited.waiting, awaited.number, awaited.began
        tokens = 0
        flushed = told = began
        for key, response in arriving:
            request = waiting.pop(key, None)
            if request is None:
                raise self._unasked(key, missing)
            check_answer(request, response, f"the backend {self._backend.name!r}")
            self._store.put(key, request, response)
            tokens += len(response.ids) if isinstance(response, Rollout) else 0
            self._count_drawn(response)
            now = self._clock()
            if now - flushed >= FLUSH_SECONDS:
                self._store.flush()
                flushed = now
            if now - told >= PROGRESS_SECONDS or not waiting:
                done = len(missing) - len(waiting)
                self._tell(
                    BatchProgress(batch=number, done=done, total=len(missing), tokens=tokens, seconds=now - began, spent=self._spent())
                )
                told = now
        if waiting:
            raise MismatchError(
                f"the backend {self._backend.name!r} left {len(waiting)} of {len(missing)} requests unanswered "
                f"(first: {type(next(iter(waiting.values()))).__name__} {next(iter(waiting))[:12]}…); what it answered is stored"
            )

    def _unasked(self, key: str, missing: Sequence[KeyedRequest]) -> MismatchError:
        asked = any(keyed.key == key for keyed in missing)
        fault = "answered one request twice" if asked else "answered a request it was not sent"
        return MismatchError(f"the backend {self._backend.name!r} {fault} (key {key[:12]!r}…); expected one answer to each request")

    def _count_batch(self, requests: int, distinct: int, stored: Mapping[str, Response]) -> None:
        rollouts = [response for response in stored.values() if isinstance(response, Rollout)]
        before = self._counts
        self._counts = replace(
            before,
            batches=before.batches + 1,
            requests=before.requests + requests,
            reused=before.reused + len(stored),
            repeated=before.repeated + requests - distinct,
            rollouts_reused=before.rollouts_reused + len(rollouts),
            tokens_reused=before.tokens_reused + sum(len(rollout.ids) for rollout in rollouts),
        )

    def _count_drawn(self, response: Response) -> None:
        before = self._counts
        rollout = isinstance(response, Rollout)
        self._counts = replace(
            before,
            drawn=before.drawn + 1,
            failed=before.failed + (rollout and response.stop is StopReason.ERROR),
            rollouts_drawn=before.rollouts_drawn + rollout,
            tokens_drawn=before.tokens_drawn + (len(response.ids) if rollout else 0),
        )


def check_answer(request: Request, response: Response, source: str) -> None:
    """Raises ``MismatchError`` unless the response is of the kind the request asks for."""
    if not isinstance(response, request.response):
        raise MismatchError(
            f"{source} answered a {type(request).__name__} request with a {type(response).__name__}; expected a {request.response.__name__}"
        )


def _close(answers: Iterator[tuple[str, Response]]) -> None:
    # A backend is told now, not at garbage collection, that nobody waits any more.
    close = getattr(answers, "close", None)
    if close is not None:
        close()


def _flush_if_possible(store: Store) -> None:
    # The error that ended the run matters more than a second one from the store, which a resumed run would meet again.
    try:
        store.flush()
    except StoreError as error:
        _LOG.warning("the store could not be flushed as the run ended: %s", error)
