"""A server in a process of its own, ended whatever happens."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.checkout import ROOT

# Enough for a busy machine; a server that is not ready by then will not be.
PATIENCE = 120.0


class ServerFailed(RuntimeError):
    """The server did not start; a note carries the end of its log."""


@contextmanager
def serving(
    command: Sequence[str],
    ready: Callable[[str], str | None],
    environment: Mapping[str, str] | None = None,
    *,
    patience: float = PATIENCE,
) -> Iterator[str]:
    """The address of a server started by ``command``.

    ``ready``: from what the server printed on stdout so far to its address, or None while it is not ready. ``patience`` in seconds.
    """
    with tempfile.TemporaryDirectory(prefix="tokenworth-server-") as folder:
        out, log = Path(folder) / "stdout", Path(folder) / "log"
        with out.open("wb") as stdout, log.open("wb") as stderr:
            child = subprocess.Popen(
                command,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                env={**os.environ, "OMP_NUM_THREADS": "1", **(environment or {})},
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,
                start_new_session=True,
            )
        try:
            yield _wait(child, out, ready, patience)
        except Exception as error:
            error.add_note(f"the end of the server's log:\n{_tail(log)}")
            raise
        finally:
            # Its own children, too: vLLM's would go on without it.
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()


def _wait(child: subprocess.Popen[bytes], out: Path, ready: Callable[[str], str | None], patience: float) -> str:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        ended = child.poll()
        address = ready(out.read_text(encoding="utf-8", errors="replace"))
        if ended is None and address is not None:
            return address
        if ended is not None:
            raise ServerFailed(f"the server ended with status {ended} before it was ready")
        time.sleep(0.05)
    raise ServerFailed(f"the server was not ready after {patience:g} seconds")


def _end_with_parent() -> None:
    """In the child: have the kernel kill it when the test run is killed and can no longer do so (PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-30:])


def answers(url: str) -> bool:
    """Whether a GET of the URL succeeds."""
    try:
        with urllib.request.urlopen(url, timeout=5) as reply:
            return reply.status == 200
    except (urllib.error.URLError, OSError):
        return False


def free_port() -> int:
    """A port of this machine that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
