"""Killing a process at a point of its output, and reading what it left."""

from __future__ import annotations

import select
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path


def kill_after(child: subprocess.Popen[bytes], *, lines: int, by: float = 30.0, then: float = 0.0) -> bytes:
    """Kills the child ``then`` seconds after its ``lines``-th acknowledgement, or ``by`` seconds from now; gives all it wrote."""
    assert child.stdout is not None
    written = b""
    deadline = time.monotonic() + by
    while written.count(b"\n") < lines and (left := deadline - time.monotonic()) > 0:
        if select.select([child.stdout], [], [], left)[0]:
            chunk = child.stdout.read1(65_536)
            if not chunk:
                break
            written += chunk
    time.sleep(then)
    child.send_signal(signal.SIGKILL)
    written += child.stdout.read()
    child.wait()
    return written


def stored(path: Path) -> list[str]:
    """All keys, read from a copy, so that reading repairs nothing the next process should meet."""
    if not path.exists():
        return []
    copy = path.with_name("copy.db")
    for end in ("", "-wal"):
        source, target = path.with_name(path.name + end), copy.with_name(copy.name + end)
        target.unlink(missing_ok=True)
        if source.exists():
            target.write_bytes(source.read_bytes())
    copy.with_name(copy.name + "-shm").unlink(missing_ok=True)
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            return []
        return [row[0].hex() for row in connection.execute("SELECT key FROM responses")]
