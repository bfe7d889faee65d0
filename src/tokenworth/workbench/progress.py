"""A progress line on stderr, made from the driver's events."""

from __future__ import annotations

import sys
from typing import TextIO

from tokenworth.run.progress import BatchFinished, BatchProgress, Event, Finished


class ProgressLine:
    """Draws one line that updates itself on a terminal, and plain lines, at most one every few seconds, elsewhere."""

    def __init__(self, label: str, stream: TextIO | None = None, *, every_s: float = 5.0) -> None:
        self.label, self.stream, self.every_s = label, stream or sys.stderr, every_s
        self.is_terminal = self.stream.isatty()
        self._last = 0.0
        self._rollouts = self._tokens = 0
        self._spent = 0.0

    def __call__(self, event: Event) -> None:
        """Takes one event of the driver."""
        if isinstance(event, BatchProgress):
            self._show(event)
        elif isinstance(event, BatchFinished):
            self._rollouts, self._tokens = event.counts.rollouts_drawn, event.counts.tokens_drawn
            self._spent += event.seconds
        elif isinstance(event, Finished):
            self._finish(event)

    def _show(self, event: BatchProgress) -> None:
        now = self._spent + event.seconds
        if not self.is_terminal and now - self._last < self.every_s:
            return
        self._last = now
        rate = f", {event.tokens_per_second:,.0f} tokens/s" if event.tokens_per_second and event.tokens else ""
        text = f"{self.label}: batch {event.batch + 1}, {event.done}/{event.total} requests, {self._tokens + event.tokens:,} tokens{rate}"
        self._write(text)

    def _finish(self, event: Finished) -> None:
        counts = event.counts
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
