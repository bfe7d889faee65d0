"""How far a run of one or many experiments is, and how long the rest of it takes."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

from tokenworth.core.ports import Spent
from tokenworth.core.request.experiment import BudgetSpent, Experiment, Foreseen, ResultT
from tokenworth.run.progress import (
    BatchFinished,
    BatchProgress,
    BatchStarted,
    Clock,
    Ended,
    Finished,
    Left,
    ManyProgress,
    OnEvent,
    RunCounts,
    RunEvent,
    Stopping,
    added,
)

HALF_LIFE, SHARE = 20.0, 0.25
"""The rate is that of about the last 20 seconds, or of the last quarter of a run that is longer: rollouts get shorter from cut to cut."""
SOONEST, FEWEST = 2.0, 4
"""Seconds and answers before anything is said: the first answers of a batch come late."""
TOLERANCE = 0.15
"""The end that was foreseen stands until another estimate differs by this share of what is left: a number that jumps says nothing."""


def foreseen(experiment: Experiment[ResultT], most: int | None) -> Experiment[ResultT]:
    """The experiment; its batches say how many requests follow: what they say themselves, and no more than ``most`` in all.

    ``most`` 0: nothing follows the first batch. None: no bound is known.
    """
    asked, is_whole = 0, most == 0
    try:
        batch = next(experiment)
        while True:
            asked += len(batch)
            bound = 0 if is_whole else None if most is None else max(0, most - asked)
            told, forecast = (batch.ahead, batch.forecast) if isinstance(batch, Foreseen) else (None, None)
            if bound is not None and (told is None or bound < told):
                batch = Foreseen(batch, ahead=bound, at_most=bound > 0 or told is not None, forecast=forecast)
            try:
                answers = yield batch
            except BudgetSpent as spent:
                batch = experiment.throw(spent)
            else:
                batch = experiment.send(answers)
    except StopIteration as finished:
        return finished.value


@dataclass(slots=True)
class _Known:
    """What is known of the requests of one experiment."""

    asked: int = 0
    """In its batches so far."""
    answered: int = 0
    open: int = 0
    """Of its batch, the missing that are answered."""
    missing: int = 0
    ahead: int | None = None
    at_most: bool = False


class Forecast:
    """The time that is left, from what experiments say is ahead of them and from the rate at which they were answered.

    Those that have not begun are taken to be as large as the others are on average. What is in the store already takes no time, but is not
    known before it is looked up: a run that is resumed has less to do than this says.
    """

    def __init__(self, total: int | None, clock: Clock) -> None:
        self._total, self._clock = total, clock
        self._known: dict[str, _Known] = {}
        self._began: float | None = None
        self._at = 0.0
        self._work = self._time = 0.0
        self._drawn = 0
        self._end: float | None = None

    def take(self, name: str, event: RunEvent) -> None:
        """Takes an event of one of the experiments."""
        one = self._known.setdefault(name, _Known())
        if isinstance(event, BatchStarted):
            if self._began is None and event.missing:
                self._began = self._at = self._clock()
            one.asked += event.requests
            one.answered += event.requests - event.missing
            one.open, one.missing, one.ahead, one.at_most = 0, event.missing, event.ahead, event.at_most
        elif isinstance(event, BatchProgress):
            self._count(one, event.done)
        elif isinstance(event, BatchFinished):
            self._count(one, one.missing)
            one.answered, one.missing, one.open = one.answered + one.missing, 0, 0

    def ended(self, name: str) -> None:
        """An experiment ended: it asks for nothing more."""
        one = self._known.setdefault(name, _Known())
        one.ahead, one.at_most, one.answered, one.open = 0, False, one.asked, 0

    def left(self) -> Left | None:
        """The time left; None where it is not known."""
        found = self._work_left()
        now = self._clock()
        if found is None or self._began is None or self._drawn < FEWEST or now - self._began < SOONEST:
            return None
        work, at_most = found
        seconds = work * self._time / self._work
        end = self._end
        if end is None or abs(now + seconds - end) > max(1.0, TOLERANCE * (end - now)):
            end = self._end = now + seconds
        return Left(seconds=max(0.0, end - now), at_most=at_most)

    def _count(self, one: _Known, done: int) -> None:
        if self._began is None:
            return
        now, more = self._clock(), max(0, done - one.open)
        keep = 0.5 ** ((now - self._at) / max(HALF_LIFE, SHARE * (now - self._began)))
        self._work, self._time, self._drawn = keep * self._work + more, keep * self._time + now - self._at, self._drawn + more
        self._at, one.open = now, done

    def _work_left(self) -> tuple[float, bool] | None:
        known = self._known.values()
        sizes = [one.asked + one.ahead for one in known if one.ahead is not None]
        if not sizes or self._total is None:
            return None
        mean = sum(sizes) / len(sizes)
        work = mean * max(0, self._total - len(self._known))
        for one in known:
            size = max(mean, one.asked) if one.ahead is None else one.asked + one.ahead
            work += size - one.answered - one.open
        return work, any(one.at_most for one in known)


class Together:
    """Makes one progress of the events of many experiments; those of a single one it passes on, with the time that is left."""

    def __init__(self, tell: OnEvent, total: int | None, clock: Clock = time.monotonic) -> None:
        self._tell, self._total, self._clock = tell, total, clock
        self._began = clock()
        self._counts = RunCounts()
        self._open: dict[str, int] = {}
        self._ended = 0
        self._forecast = Forecast(total, clock)

    def __call__(self, name: str, event: RunEvent) -> None:
        """Takes an event of one of the experiments."""
        self._forecast.take(name, event)
        if isinstance(event, BatchProgress) and self._total == 1:
            self._tell(replace(event, left=self._forecast.left()))
        elif self._total == 1 or isinstance(event, Stopping):
            self._tell(event)
        elif isinstance(event, BatchProgress | BatchFinished | Finished):
            tokens = event.tokens if isinstance(event, BatchProgress) else 0
            if not isinstance(event, BatchProgress):
                self._open[f"{name}, before"] = event.counts.tokens_drawn
            self._open[name] = tokens
            self._show(event.spent if not isinstance(event, BatchFinished) else None)

    def ended(self, one: Ended[Any]) -> RunCounts:
        """Takes the end of an experiment; returns the counts of all that ended."""
        self._ended += 1
        self._forecast.ended(one.name)
        self._counts = added(self._counts, one.counts)
        self._open.pop(one.name, None)
        self._open.pop(f"{one.name}, before", None)
        return self._counts

    def finish(self, spent: Spent | None) -> None:
        """All experiments ended."""
        if self._total != 1:
            self._tell(Finished(counts=self._counts, seconds=self._clock() - self._began, spent=spent))

    def _show(self, spent: Spent | None) -> None:
        tokens = self._counts.tokens_drawn + sum(self._open.values())
        seconds = self._clock() - self._began
        left = self._forecast.left()
        self._tell(ManyProgress(ended=self._ended, total=self._total, tokens=tokens, seconds=seconds, spent=spent, left=left))
