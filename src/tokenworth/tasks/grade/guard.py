"""A guarded process: answers small JSON requests under a time limit, and is replaced when it hangs or dies.

Text from a model can make a computer algebra system loop, eat memory or crash. It is therefore only ever handed to a
separate process that has limits of its own, holds no secrets in its environment and is sent data, never code.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

_START_S = 120.0
_MAX_CALLS = 5000
_PATIENCE = 5
"""How many times its limit of processor time a call may take by the clock."""


class _Worker:
    """One process: a line of JSON in, a line of JSON out."""

    def __init__(self, program: Path, limit_s: float) -> None:
        passed = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "TMPDIR", "TEMP")
        environment = {name: os.environ[name] for name in passed if name in os.environ}
        environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        # -P keeps the program's own folder off the import path.
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(program), str(limit_s)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        self.calls = 0
        self.alive = self._exchange(None, _START_S) is not None

    def call(self, request: dict[str, Any], limit_s: float) -> dict[str, Any] | None:
        """The response, or None when it did not come in time; the worker is dead then."""
        self.calls += 1
        response = self._exchange({**request, "id": self.calls}, limit_s)
        if response is None or response.get("id") != self.calls:
            self.close()
            return None
        return response

    def _exchange(self, request: dict[str, Any] | None, limit_s: float) -> dict[str, Any] | None:
        process = self._process
        assert process.stdin is not None and process.stdout is not None
        # Killing the process ends the blocking read below: this works from any thread and needs no signals.
        timer = threading.Timer(limit_s, process.kill)
        timer.daemon = True
        timer.start()
        try:
            if request is not None:
                process.stdin.write(json.dumps(request).encode() + b"\n")
                process.stdin.flush()
            response: Any = json.loads(process.stdout.readline(1 << 16))
        except (OSError, ValueError):
            response = None
        finally:
            timer.cancel()
        if not isinstance(response, dict):
            self.close()
            return None
        return cast("dict[str, Any]", response)

    def close(self) -> None:
        """Kills the process and waits for it."""
        self.alive = False
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


class Guard:
    """A pool of guarded processes that run ``program``; each starts at its first use. Safe to call from any thread."""

    def __init__(self, program: Path, *, workers: int, limit_s: float) -> None:
        self._program = program
        self._limit_s = limit_s
        self._slots: queue.LifoQueue[_Worker | None] = queue.LifoQueue()
        for _ in range(workers):
            self._slots.put(None)
        self.process_id = os.getpid()
        self.restarts = 0

    def call(self, request: dict[str, Any]) -> dict[str, Any] | None:
        """The program's response to a JSON object; None when it hung, crashed or could not start."""
        worker = self._slots.get()
        try:
            if worker is None or not worker.alive:
                worker = _Worker(self._program, self._limit_s)
            # Longer than the limit of processor time that the worker sets itself, so that a busy machine changes no verdict.
            response = worker.call(request, _PATIENCE * self._limit_s) if worker.alive else None
            if worker.alive and worker.calls >= _MAX_CALLS:
                worker.close()
            if not worker.alive:
                self.restarts += 1
                worker = None
            return response
        except OSError:
            return None
        finally:
            self._slots.put(worker)

    def close(self) -> None:
        """Ends the processes that are idle now."""
        idle: Sequence[_Worker | None] = []
        with contextlib.suppress(queue.Empty):
            while True:
                idle = [*idle, self._slots.get_nowait()]
        for worker in idle:
            if worker is not None:
                worker.close()
            self._slots.put(None)


_shared: dict[Path, Guard] = {}
_shared_lock = threading.Lock()


def shared_guard(program: Path, *, workers: int = 2, limit_s: float = 3.0) -> Guard:
    """The guard of this process for ``program``; made once, ended with the process."""
    with _shared_lock:
        guard = _shared.get(program)
        # A forked child must not talk through its parent's pipes.
        if guard is None or guard.process_id != os.getpid():
            guard = Guard(program, workers=workers, limit_s=limit_s)
            _shared[program] = guard
            atexit.register(guard.close)
        return guard
