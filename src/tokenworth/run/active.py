"""One experiment under way: the batch that it waits for, and the counts of what it asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tokenworth.core.request.experiment import Experiment
from tokenworth.core.request.kind import Request, Response
from tokenworth.core.request.sample import Rollout
from tokenworth.core.tokens import StopReason
from tokenworth.run.progress import RunCounts


class AwaitedBatch:
    """A batch that was looked up in the store: what was there, and what is still to be drawn."""

    def __init__(self, *, number: int, keys: Sequence[str], stored: Mapping[str, Response], missing: Mapping[str, Request], began: float):
        self.number, self.keys, self.began = number, tuple(keys), began
        self.stored = dict(stored)
        self.missing = tuple(missing)
        self.waiting = dict(missing)
        self.tokens = 0
        self.told = began
        self.spent_up: str | None = None
        """Why the rest is not drawn, where a budget has ended."""

    @property
    def done(self) -> int:
        """How many of the missing requests are answered."""
        return len(self.missing) - len(self.waiting)


class Active:
    """An experiment that was begun, the ``number``-th of its run. ``batch``: what it waits for."""

    def __init__(self, name: str, experiment: Experiment[Any], began: float, number: int) -> None:
        self.name, self.experiment, self.began, self.number = name, experiment, began, number
        self.counts = RunCounts()
        self.batch: AwaitedBatch | None = None

    def awaited(self) -> AwaitedBatch:
        """The batch that it waits for."""
        assert self.batch is not None
        return self.batch

    def look_up(self, requests: int, distinct: int, stored: Mapping[str, Response]) -> int:
        """Counts a batch that was looked up; returns its number."""
        rollouts = [response for response in stored.values() if isinstance(response, Rollout)]
        before = self.counts
        self.counts = replace(
            before,
            batches=before.batches + 1,
            requests=before.requests + requests,
            reused=before.reused + len(stored),
            repeated=before.repeated + requests - distinct,
            rollouts_reused=before.rollouts_reused + len(rollouts),
            tokens_reused=before.tokens_reused + sum(len(rollout.ids) for rollout in rollouts),
        )
        return before.batches

    def receive(self, key: str, response: Response, *, drawn: bool) -> None:
        """Counts an answer as it comes; one that was drawn for another experiment is reused."""
        batch, before = self.awaited(), self.counts
        del batch.waiting[key]
        rollout = isinstance(response, Rollout)
        tokens = len(response.ids) if rollout else 0
        if not drawn:
            self.counts = replace(
                before,
                reused=before.reused + 1,
                rollouts_reused=before.rollouts_reused + rollout,
                tokens_reused=before.tokens_reused + tokens,
            )
            return
        batch.tokens += tokens
        self.counts = replace(
            before,
            drawn=before.drawn + 1,
            failed=before.failed + (rollout and response.stop is StopReason.ERROR),
            rollouts_drawn=before.rollouts_drawn + rollout,
            tokens_drawn=before.tokens_drawn + tokens,
        )
