"""What a guarded process runs: JSON lines in, JSON lines out, under limits that it sets itself. See `guard`.

Before the first request the process limits its memory and gives up the right to write files and to start processes or threads. Every
request resets its limit of processor time, beyond which the system ends the process.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any


def serve(answer: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Answers requests until the input ends. What ``answer`` raises is a reply too: ``failed`` true, with what was raised."""
    replies = os.fdopen(os.dup(1), "wb")
    # Whatever the libraries print must not be taken for a reply.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    _lock_down(int(sys.argv[1]))
    _reply(replies, {"ready": True})
    for line in sys.stdin.buffer:
        request = json.loads(line)
        _limit_time(request["limit_s"])
        try:
            response = {"failed": False, **answer(request)}
        except BaseException as error:  # noqa: BLE001 - a Rust panic is no Exception
            response = {"failed": True, "kind": type(error).__name__, "error": str(error)[:2000]}
        _reply(replies, {**response, "id": request["id"]})
        _limit_time(0)


def _reply(replies: Any, response: dict[str, Any]) -> None:
    replies.write(json.dumps(response).encode() + b"\n")
    replies.flush()


def _lock_down(memory: int) -> None:
    try:
        import resource
    except ImportError:  # not a POSIX system: the time limit of the caller remains
        return
    for name, limit in (("RLIMIT_AS", memory), ("RLIMIT_FSIZE", 0), ("RLIMIT_CORE", 0), ("RLIMIT_NPROC", 0)):
        kind = getattr(resource, name, None)
        if kind is not None:
            with contextlib.suppress(OSError, ValueError):
                resource.setrlimit(kind, (limit, limit))


def _limit_time(seconds: float) -> None:
    """Ends the process after so much processor time; 0 lifts the limit."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_PROF, seconds)
