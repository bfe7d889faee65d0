"""Opening what a user names, to be read or written: a file or a pipe, never a device, never more than is looked for."""

from __future__ import annotations

import errno
import os
import stat
import threading
import time
from collections.abc import Callable
from io import BufferedReader, BufferedWriter
from pathlib import Path

_PIECE = 1 << 20
_WAIT_S = 2.0
"""How long a named pipe may be without a writer."""
_READER_S = 1.0
"""How long one that is to be written to may be without a reader, which may have been started at the same time."""


def open_input(path: str | os.PathLike[str]) -> BufferedReader:
    """The file or pipe, opened to be read.

    Raises: OSError as ``open``; also for a device or socket, of which some never end, and for a pipe that nobody writes to.
    """
    try:
        kind = Path(path).stat()
    except ValueError as error:
        raise OSError(errno.EINVAL, str(error), str(path)) from error
    if stat.S_ISFIFO(kind.st_mode):
        return _opened_pipe(path)
    if not stat.S_ISREG(kind.st_mode) and not stat.S_ISDIR(kind.st_mode) and not _is_harmless(path, kind):
        raise OSError(errno.EINVAL, "it is a device or a socket; expected a file", str(path))
    return Path(path).open("rb")


def read_input(path: str | os.PathLike[str], most: int) -> bytes:
    """All of a file or pipe. Raises: OSError as `open_input`, and where there are more than ``most`` bytes."""
    with open_input(path) as file:
        data = read_up_to(file.read, most + 1)
    if len(data) > most:
        raise OSError(errno.EFBIG, f"it is longer than {_size(most)}, the most that is read of such a file", str(path))
    return data


def read_up_to(read: Callable[[int], bytes], most: int) -> bytes:
    """At most so many bytes, in pieces: asking for many at once takes memory for all of them."""
    pieces: list[bytes] = []
    while most > 0 and (piece := read(min(most, _PIECE))):
        pieces.append(piece)
        most -= len(piece)
    return b"".join(pieces)


def is_written_directly(path: Path) -> bool:
    """Whether no new file can take the place of an output: a pipe, a device, or a file by way of a name of what is open already."""
    if not path.exists() or not path.is_file():
        return path.exists()
    folder = path.parent.resolve()
    return folder == Path("/dev") or folder.parts[1:2] == ("proc",)


def open_output(path: str | os.PathLike[str]) -> BufferedWriter:
    """What is there already and is written directly, opened to be written.

    Raises: OSError as ``open``; also for a device that is neither the empty one nor a terminal, for a socket, and for a pipe that nobody
    reads from, for which opening would wait without end.
    """
    kind = Path(path).stat()
    if stat.S_ISREG(kind.st_mode) or (not stat.S_ISFIFO(kind.st_mode) and _is_harmless(path, kind)):
        return Path(path).open("ab")
    if not stat.S_ISFIFO(kind.st_mode):
        raise OSError(errno.EINVAL, "it is a device or a socket; expected a file", str(path))
    until = time.monotonic() + _READER_S
    while True:
        try:
            opened = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
            break
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            if time.monotonic() > until:
                raise OSError(errno.ENXIO, "nothing reads from this pipe; start its reader first", str(path)) from None
        time.sleep(0.02)
    # From here on a slow reader is waited for.
    os.set_blocking(opened, True)
    return os.fdopen(opened, "wb")


def _is_harmless(path: str | os.PathLike[str], kind: os.stat_result) -> bool:
    """Whether a device is the empty one or a terminal."""
    if not stat.S_ISCHR(kind.st_mode):
        return False
    if kind.st_rdev == Path(os.devnull).stat().st_rdev:
        return True
    with Path(path).open("rb", buffering=0) as file:
        return file.isatty()


def _opened_pipe(path: str | os.PathLike[str]) -> BufferedReader:
    """The pipe; opening it waits for a writer, in a thread that is left behind if there is none."""
    found: list[BufferedReader | OSError] = []

    def wait() -> None:
        try:
            found.append(Path(path).open("rb"))  # noqa: SIM115 (it is the caller's to close)
        except OSError as error:
            found.append(error)

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    thread.join(_WAIT_S)
    if not found:
        raise TimeoutError(errno.ETIMEDOUT, f"nothing writes to this pipe (waited {_WAIT_S:.0f} s); start its writer first", str(path))
    if isinstance(found[0], OSError):
        raise found[0]
    return found[0]


def _size(most: int) -> str:
    return f"{most >> 20} MiB" if most >= 1 << 20 else f"{most >> 10} KiB"
