"""A progress line on stderr, made from the driver's events."""

from __future__ import annotations

import sys
from typing import TextIO

from tokenworth.core.ports import Spent
from tokenworth.run.progress import BatchFinished, BatchProgress, Finished, Left, ManyProgress, RunEvent, Stopping

WIDTH = 100
"""Columns a line may take; what matters least is left out of a longer one."""


def compact(count: float) -> str:
    """A count in three or four letters: 950, 12.3k, 4.56M."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if count >= 0.9995 * size:
            value = count / size
            return f"{value:.{2 if value < 9.995 else 1 if value < 99.95 else 0}f}{unit}"
    return f"{count:.0f}"


def duration(seconds: float) -> str:
    """A time in two units at most: 45 s, 2:05 min, 3:10 h."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60}:{whole % 60:02} min" if whole < 3600 else f"{whole // 3600}:{whole % 3600 // 60:02} h"


def time_left(left: Left | None) -> list[str]:
    """How long the whole run still takes, where that is known; ≤ where the measure may be done before."""
    return [] if left is None else [f"{'≤ ' if left.at_most else ''}{duration(left.seconds)} left"]


def spent_parts(spent: Spent) -> list[str]:
    """What a metered backend has used, most important first."""
    tokens = f"{compact(spent.tokens_read)} tokens in, {compact(spent.tokens_generated)} out"
    parts = [] if spent.money is None else [f"cost {spent.money:.4g}"]
    parts += [f"{spent.errors:,} error{'s' * (spent.errors != 1)}"] if spent.errors else []
    parts += [f"{spent.retried:,} retried"] if spent.retried else []
    return [tokens, *parts, *([f"{compact(spent.tokens_cached)} cached"] if spent.tokens_cached else [])]


def fitted(head: str, parts: list[str]) -> str:
    """The parts in one line; those that no longer fit are left out."""
    line = head
    for part in parts:
        if len(line) + len(part) + 2 < WIDTH:
            line += f", {part}"
    return line


class ProgressLine:
    """Draws one line that updates itself on a terminal, and plain lines, at most one every few seconds, elsewhere.

    For a metered backend it tells what that has used since it was made: tokens, money, retries, unusable replies.
    """

    def __init__(self, label: str, stream: TextIO | None = None, *, every_s: float = 5.0) -> None:
        self.label, self.stream, self.every_s = label, stream or sys.stderr, every_s
        self.is_terminal = self.stream.isatty()
        self._last = 0.0
        self._rollouts = self._tokens = 0
        self._spent = 0.0

    def __call__(self, event: RunEvent) -> None:
        """Takes one event of the driver."""
        if isinstance(event, BatchProgress):
            self._show(event)
        elif isinstance(event, ManyProgress):
            self._show_many(event)
        elif isinstance(event, BatchFinished):
            self._rollouts, self._tokens = event.counts.rollouts_drawn, event.counts.tokens_drawn
            self._spent += event.seconds
        elif isinstance(event, Stopping):
            self._write(f"{self.label}: stopping; waiting for the replies under way, interrupt again to drop them")
            if self.is_terminal:
                self.stream.write("\n")
        elif isinstance(event, Finished):
            self._finish(event)

    def _show(self, event: BatchProgress) -> None:
        now = self._spent + event.seconds
        if not self.is_terminal and now - self._last < self.every_s:
            return
        self._last = now
        left = time_left(event.left)
        rate = [f"{compact(event.tokens_per_second)} tokens/s"] if event.tokens_per_second and event.tokens else []
        if event.spent is None:
            head, parts = f"{self.label}: batch {event.batch + 1}, {event.done:,}/{event.total:,} requests", []
            tokens = f"{self._tokens + event.tokens:,} tokens"
            if event.left is None and 0 < event.done < event.total:
                left = [f"batch ends in {duration(event.seconds * (event.total - event.done) / event.done)}"]
        else:
            head = f"{self.label}: {event.done:,}/{event.total:,} requests"
            tokens, *parts = spent_parts(event.spent)
        self._write(fitted(head, [tokens, *left, *parts, *rate]))

    def _show_many(self, event: ManyProgress) -> None:
        if event.seconds - self._last < (0.2 if self.is_terminal else self.every_s):
            return
        self._last = event.seconds
        of = "" if event.total is None else f" of {event.total:,}"
        tokens = [f"{compact(event.tokens)} tokens"] if event.spent is None else spent_parts(event.spent)
        rate = [f"{compact(event.tokens / event.seconds)} tokens/s"] if event.tokens and event.seconds > 0 else []
        self._write(fitted(f"{self.label}: {event.ended:,}{of} problems done", [*time_left(event.left), *tokens, *rate]))

    def _finish(self, event: Finished) -> None:
        counts = event.counts
        if event.spent is not None:
            head = f"{self.label}: {counts.drawn:,} drawn, {counts.reused:,} reused, {duration(event.seconds)}"
            self._write(fitted(head, spent_parts(event.spent)))
        else:
            reused = f", {counts.rollouts_reused:,} rollouts from the store" if counts.rollouts_reused else ""
            self._write(
                f"{self.label}: {counts.rollouts_drawn:,} rollouts drawn, {counts.tokens_drawn:,} tokens{reused}, {event.seconds:.1f} s"
            )
        if self.is_terminal:
            self.stream.write("\n")
        self.stream.flush()

    def _write(self, text: str) -> None:
        self.stream.write(f"\r\x1b[K{text}" if self.is_terminal else f"{text}\n")
        self.stream.flush()
