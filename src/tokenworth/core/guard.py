"""A guarded process: answers small JSON requests under limits of time and memory, and is replaced when it hangs or dies.

Text and files of unknown origin can make a library loop, eat memory or crash. They are therefore only ever handed to a
separate process that has limits of its own (`guarded`), holds no secrets in its environment and is sent data, never code.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import queue
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

JsonObject = dict[str, Any]
_START_S = 120.0
_LOOK_S = 0.1
_WALL = 10
"""A call may take this many times its processor time: a busy machine is slow, and what a request gets must not depend on that."""
_REPLY = 1 << 16
_MEMORY = 2 << 30
_PASSED = ("PATH", "LANG", "LC_ALL", "TZ", "SYSTEMROOT", "TMPDIR", "TEMP")


class _Worker:
    """One process: a line of JSON in, a line of JSON out."""

    def __init__(self, program: Path, memory: int, most_reply: int) -> None:
        environment = {name: os.environ[name] for name in _PASSED if name in os.environ}
        environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        # Memory is limited by address space: no threads, and no second heap for them.
        environment |= {"TOKENIZERS_PARALLELISM": "false", "RAYON_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
        # -P keeps the program's own folder off the import path. In a session of its own, Ctrl-C is not for it.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-B", str(program), str(memory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )
        self._most_reply, self.calls = most_reply, 0
        self._deadline, self._closed = math.inf, threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()
        self.alive = self._exchange(None, _START_S) is not None

    def call(self, request: JsonObject, limit_s: float) -> JsonObject | None:
        """The response, or None when it did not come in time; the worker is dead then."""
        self.calls += 1
        response = self._exchange({**request, "id": self.calls, "limit_s": limit_s}, _WALL * limit_s)
        if response is None or response.get("id") != self.calls:
            self.close()
            return None
        return response

    def _exchange(self, request: JsonObject | None, limit_s: float) -> JsonObject | None:
        process = self._process
        assert process.stdin is not None and process.stdout is not None
        self._deadline = time.monotonic() + limit_s
        try:
            if request is not None:
                process.stdin.write(json.dumps(request).encode() + b"\n")
                process.stdin.flush()
            response: Any = json.loads(process.stdout.readline(self._most_reply))
        except (OSError, ValueError, RecursionError):
            response = None
        except BaseException:  # Ctrl-C: what is still to come would be taken for the next reply
            self.close()
            raise
        finally:
            self._deadline = math.inf
        if not isinstance(response, dict):
            self.close()
            return None
        return cast("JsonObject", response)

    def _watch(self) -> None:
        """Kills the process when it is late, which ends the blocking read above: this works from any thread and needs no signals."""
        while not self._closed.wait(_LOOK_S):
            if time.monotonic() > self._deadline:
                self._process.kill()

    def close(self) -> None:
        """Kills the process and waits for it."""
        self.alive = False
        self._closed.set()
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


class _Pool:
    """Processes that are idle, or are still to be started."""

    def __init__(self, workers: int) -> None:
        self.slots: queue.LifoQueue[_Worker | None] = queue.LifoQueue()
        for _ in range(workers):
            self.slots.put(None)

    def close(self) -> None:
        """Ends the processes that are idle now."""
        idle: Sequence[_Worker | None] = []
        with contextlib.suppress(queue.Empty):
            while True:
                idle = [*idle, self.slots.get_nowait()]
        for worker in idle:
            if worker is not None:
                worker.close()
            self.slots.put(None)


class Guard:
    """A pool of guarded processes that run ``program``; each starts at its first use. Safe to call from any thread.

    ``limit_s``: processor time for a request. ``memory``: bytes a process may map. ``most_reply``: bytes of a reply. ``most_calls``: after
    so many a process is replaced, for libraries that grow. ``first``: the requests that a new process is sent first; one that fails them is
    of no use. The processes end with the guard, or with this process.
    """

    def __init__(
        self,
        program: Path,
        *,
        workers: int,
        limit_s: float,
        memory: int = _MEMORY,
        most_reply: int = _REPLY,
        most_calls: int = 5000,
        first: Callable[[], Sequence[JsonObject]] = tuple,
    ) -> None:
        self._program, self._workers, self._limit_s = program, workers, limit_s
        self._memory, self._most_reply, self._most_calls, self._first = memory, most_reply, most_calls, first
        self.restarts = 0
        self._renew()

    def _renew(self) -> None:
        self._process_id, self._pool = os.getpid(), _Pool(self._workers)
        weakref.finalize(self, self._pool.close)

    def call(self, request: JsonObject, *, limit_s: float | None = None) -> JsonObject | None:
        """The program's response to a JSON object; None when it hung, crashed, needed too much or could not start."""
        if self._process_id != os.getpid():
            self._renew()  # A forked child must not talk through its parent's pipes.
        slots, worker = self._pool.slots, None
        worker = slots.get()
        try:
            if worker is None or not worker.alive:
                worker = self._started()
            response = worker.call(request, limit_s or self._limit_s) if worker.alive else None
            if worker.alive and worker.calls >= self._most_calls:
                worker.close()
            if not worker.alive:
                self.restarts += 1
            return response
        except OSError:
            return None
        finally:
            slots.put(worker if worker is not None and worker.alive else None)

    def _started(self) -> _Worker:
        worker = _Worker(self._program, self._memory, self._most_reply)
        for request in self._first():
            if worker.alive and (worker.call(request, 10 * self._limit_s) or {}).get("failed", True) is not False:
                worker.close()
        return worker

    def close(self) -> None:
        """Ends the processes that are idle now."""
        self._pool.close()


_shared: dict[Path, Guard] = {}
_shared_lock = threading.Lock()


def shared_guard(program: Path, *, workers: int = 2, limit_s: float = 3.0) -> Guard:
    """The guard of this process for ``program``; made once, ended with the process."""
    with _shared_lock:
        if program not in _shared:
            _shared[program] = Guard(program, workers=workers, limit_s=limit_s)
        return _shared[program]
