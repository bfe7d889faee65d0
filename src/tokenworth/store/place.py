"""Where a store lies: whether the file that is open is still the one under its name, and whole."""

from __future__ import annotations

import contextlib
import os
import struct
from pathlib import Path

from tokenworth.errors import StoreError

_HEADER = b"SQLite format 3\x00"
_MARK, _MARKS = slice(68, 72), slice(60, 72)
_LOG_HEAD, _FRAME_HEAD, _SALT = 32, 24, slice(16, 24)
_LOOKS = 3


class StorePlace:
    """The file of a store that is open for writing, looked at through a descriptor of its own.

    That is opened before SQLite's and closed after it: closing any descriptor of a file gives up all locks that the process has on it.
    """

    def __init__(self, path: Path, mark: int) -> None:
        self._path, self._mark = path.absolute(), mark.to_bytes(4, "big")
        try:
            self._file = os.open(path, os.O_RDONLY | os.O_CREAT, 0o644)
        except OSError as error:
            told = f"it cannot be opened ({error.strerror}); expected a file in a folder that can be written to"
            raise StoreError(f"store {str(path)!r}: {told}") from error
        self._size, self._own = 0, b""
        self._log: tuple[int, int] | None = None
        self._last = (b"", 0, b"")
        self._index = -1
        self._is_whole = True

    def close(self) -> None:
        """Closes the descriptors; call it after SQLite's connection is closed."""
        files, self._file, self._index = (self._file, self._index), -1, -1
        for file in files:
            if file >= 0:
                os.close(file)

    def is_whole(self) -> bool:
        """Whether the file that was opened is still there as it was, under this name or another one."""
        return os.fstat(self._file).st_nlink > 0 and self._is_whole

    def keep_as_it_is(self) -> None:
        """Keeps SQLite from writing its log into the file when it closes it: what lies there now may be somebody else's."""
        with contextlib.suppress(ImportError, AttributeError, OSError):
            import fcntl

            # A shared lock of this descriptor's own on the range that SQLite locks to be alone.
            lock = struct.pack("hhqqi4x", fcntl.F_RDLCK, os.SEEK_SET, 0x40000002, 510, 0)
            fcntl.fcntl(self._file, fcntl.F_OFD_SETLK, lock)

    def lost(self) -> str | None:
        """What became of the file, in words that follow its name; None where it is where it was, and whole."""
        own = os.fstat(self._file)
        try:
            there = self._path.stat()
        except OSError:
            return f"was {self._gone(own)} during the run, and nothing is under its name"
        if (there.st_dev, there.st_ino) != (own.st_dev, own.st_ino):
            return f"was {self._gone(own)} during the run, and another file is under its name"
        if own.st_size < self._size:
            self._is_whole = False
            return f"was cut from {self._size:,} to {own.st_size:,} bytes during the run"
        head = os.pread(self._file, 100, 0)
        # The marks come with the first checkpoint of a new file.
        if not self._own and head[_MARK] == self._mark:
            self._own = head[_MARKS]
        if (head and not head.startswith(_HEADER)) or head[_MARKS] != (self._own or head[_MARKS]):
            self._is_whole = False
            return "was overwritten during the run by something else"
        self._size = own.st_size
        return self._lost_log()

    def _gone(self, own: os.stat_result) -> str:
        if not own.st_nlink:
            return "deleted"
        with contextlib.suppress(OSError):
            return f"moved to {str(Path(f'/proc/self/fd/{self._file}').readlink())!r}"
        return "moved"

    def _lost_log(self) -> str | None:
        """The same of the write-ahead log, which SQLite keeps as long as the store is open."""
        path = self._path.with_name(self._path.name + "-wal")
        try:
            with path.open("rb") as file:
                own = os.fstat(file.fileno())
                found = (own.st_dev, own.st_ino)
                is_cut = self._log == found and self._is_cut(file.fileno())
                self._last = _last_commit(file.fileno())
        except OSError:
            return None if self._log is None else "lost its write-ahead log during the run (the file that ends in -wal was removed)"
        if is_cut or self._log not in (None, found):
            self._is_whole = False
            return f"lost its write-ahead log during the run (the file that ends in -wal was {'cut' if is_cut else 'replaced'})"
        self._log = found
        return None

    def _is_cut(self, log: int) -> bool:
        """Whether the log lacks what it held at the last look. Asked again where it does: another process may be writing to it."""
        return all(self._has_lost(log) for _ in range(_LOOKS))

    def _has_lost(self, log: int) -> bool:
        salt, at, frame = self._last
        now = os.pread(log, _LOG_HEAD, 0)[_SALT]
        if not now.strip(b"\0"):
            # SQLite empties a log only once all of it is in the file: its index then says that the log holds nothing.
            return bool(salt) and self._n_indexed() > 0
        # Another salt: SQLite began again from the start. Until then it only appends.
        return now == salt and os.pread(log, _FRAME_HEAD, at) != frame

    def _n_indexed(self) -> int:
        """How many frames the log has by its index. That is closed with the file, because closing it gives up SQLite's locks on it."""
        try:
            if self._index < 0:
                self._index = os.open(self._path.with_name(self._path.name + "-shm"), os.O_RDONLY)
            return struct.unpack_from("=16xI", os.pread(self._index, 20, 0))[0]
        except (OSError, struct.error):
            return 0


def _last_commit(log: int) -> tuple[bytes, int, bytes]:
    """Salt of a log, and where the head of the last frame lies that ends a transaction, with what it says; nothing of an empty log.

    Frames that bear the log's salt come first; behind them may lie older ones.
    """
    head = os.pread(log, _LOG_HEAD, 0)
    salt, step = head[_SALT], _FRAME_HEAD + int.from_bytes(head[8:12], "big")

    def frame(number: int) -> bytes:
        return os.pread(log, _FRAME_HEAD, _LOG_HEAD + number * step)

    low, high = 0, max(0, os.fstat(log).st_size - _LOG_HEAD) // step
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if frame(middle)[8:16] == salt else (low, middle)
    for number in range(low - 1, -1, -1):
        # What ends none may be rolled back, and written over.
        if (found := frame(number))[4:8].strip(b"\0"):
            return salt, _LOG_HEAD + number * step, found
    return b"", 0, b""
