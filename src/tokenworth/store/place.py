"""Where a store lies: whether the file that is open is still the one under its name, and whole."""

from __future__ import annotations

import contextlib
import os
import struct
from pathlib import Path

from tokenworth.errors import StoreError

_HEADER = b"SQLite format 3\x00"
_MARK, _MARKS = slice(68, 72), slice(60, 72)


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
        self._is_whole = True

    def close(self) -> None:
        """Closes the descriptor; call it after SQLite's connection is closed."""
        file, self._file = self._file, -1
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
        try:
            log = self._path.with_name(self._path.name + "-wal").stat()
        except OSError:
            return None if self._log is None else "lost its write-ahead log during the run (the file that ends in -wal was removed)"
        found = (log.st_dev, log.st_ino)
        if self._log not in (None, found):
            self._is_whole = False
            return "lost its write-ahead log during the run (the file that ends in -wal was replaced)"
        self._log = found
        return None
