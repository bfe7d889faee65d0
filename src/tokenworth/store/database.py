"""The SQLite file under a store: opening, its schema, whose it is, and one-line errors for what can go wrong."""

from __future__ import annotations

import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tokenworth.core.files import open_input
from tokenworth.core.keys import KEY_SCHEMA
from tokenworth.errors import MismatchError, MissingFile, StoreError, StoreLost
from tokenworth.store.place import StorePlace
from tokenworth.store.schema import LIST, TABLES, foreign

STORE_SCHEMA = 1
APPLICATION_ID = 0x746F6B77
"""Marks an SQLite file as a tokenworth store ("tokw")."""
BUSY_SECONDS = 30.0
"""How long a write waits for another process to finish its own."""

_HEADER = b"SQLite format 3\x00"
_LOOK_S = 0.25
"""Waiting for another process is broken into pieces of this length, between which Ctrl-C is heard."""
_OPERATIONS = 10_000
"""Between so many steps of a query, Ctrl-C is heard and its work is counted."""
_STEPS_PER_BYTE = 2
"""A query over a file takes fewer steps for each byte of it, unless its pages are tied in a knot."""
_LONGEST_TEXT = 1 << 16
_WITHOUT_LOG = ("SQLITE_IOERR", "SQLITE_PROTOCOL", "SQLITE_CANTOPEN")
"""How SQLite fails where files cannot be locked or memory cannot be shared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Whose rollouts a file holds: the model's name and fingerprint, and the package version that made the file."""

    name: str
    fingerprint: str
    version: str


class Database:
    """A connection whose queries can be interrupted, do no more work than the file is long, and fail in one line that names the file."""

    def __init__(self, path: Path, place: StorePlace | None = None, *, is_fixed: bool = False) -> None:
        self.path, self._place, self.watches = path, place, False
        self._files = [path]
        self._pieces, self._is_stopped = 0, False
        self._lost = ""
        try:
            self._connection = sqlite3.connect(_address(path, is_fixed=is_fixed), timeout=_LOOK_S, isolation_level=None, uri=True)
        except sqlite3.Error as error:
            raise self._fault(error) from error
        self._connection.set_progress_handler(self._is_too_much, _OPERATIONS)

    def ask(self, query: str, values: Sequence[Any] = (), *, reads: Path | None = None) -> list[tuple[Any, ...]]:
        """All rows of a query. Waits for other processes. ``reads``: the attached file that a fault is one of.

        Raises: `StoreError`, `StoreLost`; KeyboardInterrupt also while it runs.
        """
        give_up = 0.0
        while True:
            try:
                self._pieces, self._is_stopped = 0, False
                return self._connection.execute(query, values).fetchall()
            except (sqlite3.Error, UnicodeError, OverflowError) as error:
                if _code(error) == "SQLITE_INTERRUPT" and not self._is_stopped:
                    raise KeyboardInterrupt from None
                give_up = give_up or time.monotonic() + BUSY_SECONDS
                if not _code(error).startswith(("SQLITE_BUSY", "SQLITE_LOCKED")) or time.monotonic() > give_up:
                    raise self._fault(error, reads) from error
            time.sleep(0.01)

    def attach(self, path: Path, name: str) -> None:
        """Makes the tables of another store, which was checked, readable as ``name.TABLE``."""
        self._files.append(path)
        self.ask(f"ATTACH ? AS {name}", (_address(path, is_fixed=_is_fixed(path)),), reads=path)

    def define(self, name: str, function: Callable[[Any], int]) -> None:
        """Makes a pure function of one value known to queries."""
        self._connection.create_function(name, 1, function, deterministic=True)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing of what is asked inside."""
        self.ask("BEGIN IMMEDIATE")
        try:
            yield
            self.ask("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def check_place(self) -> None:
        """Raises `StoreLost`, which says what is on disk, where the file is no longer the one under its name, or not whole."""
        if self._place is None or not self.watches:
            return
        lost = None if self._lost else self._place.lost()
        if lost is not None:
            self._lost = f"store {str(self.path)!r} {lost}; {self._on_disk()}; put it back, or name another file, and run again"
        if self._lost:
            raise StoreLost(self._lost)

    def close(self) -> None:
        """Closes the file; the last process to close it folds the write-ahead log into it."""
        try:
            self._connection.close()
        except sqlite3.Error as error:
            raise self._fault(error) from error
        finally:
            if self._place is not None:
                self._place.close()

    def _on_disk(self) -> str:
        assert self._place is not None
        if not self._place.is_whole():
            self._place.keep_as_it_is()
            return "its responses are gone with it"
        try:
            # What is only in the log is brought into the file, whatever its name is now.
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            (count,) = self._connection.execute("SELECT sum(1) FROM responses").fetchone()
        except sqlite3.Error:
            return "what is left of it cannot be read"
        return f"the file that was opened holds {count or 0:,} responses"

    def _size(self) -> int:
        size = 0
        for path in self._files:
            for name in (path, path.with_name(path.name + "-wal")):
                with suppress(OSError):
                    size += name.stat().st_size
        return size

    def _is_too_much(self) -> bool:
        self._pieces += 1
        self._is_stopped = self._pieces > 20 and (self._pieces - 20) * _OPERATIONS > _STEPS_PER_BYTE * self._size()
        return self._is_stopped

    def _fault(self, error: Exception, reads: Path | None = None) -> StoreError:
        """What SQLite raised, in one line that names the file."""
        try:
            self.check_place()
        except StoreLost as lost:
            return lost
        return StoreError(f"store {str(reads or self.path)!r}: {_explain(error)}")


def _address(path: Path, *, is_fixed: bool) -> str:
    """The file as SQLite's URI. ``is_fixed``: nobody writes to it, so that nothing is made beside it."""
    name = quote(os.fsencode(path))
    return f"file:{'//' if path.is_absolute() else ''}{name}{'?immutable=1' if is_fixed else ''}"


def _is_fixed(path: Path) -> bool:
    """Whether a store can only be read: the file or its folder is read-only, and no log beside it holds the end of it."""
    wal = path.with_name(path.name + "-wal")
    is_writable = os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    return not is_writable and not (wal.exists() and wal.stat().st_size)


def _code(error: BaseException | None) -> str:
    """SQLite's name of the error; empty for one that Python's module raises by itself."""
    return getattr(error, "sqlite_errorname", None) or ""


def _explain(error: Exception) -> str:
    code = _code(error)
    text = " ".join(str(error).split())[:200]
    if code.startswith("SQLITE_FULL"):
        return "the disk is full; what was stored before is kept, so free some space and run again"
    if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return f"another process kept it locked for {BUSY_SECONDS:.0f} s; run again when that is done"
    if code.startswith("SQLITE_READONLY"):
        return "it or its folder is read-only; make both writable or name another file"
    if code.startswith("SQLITE_CANTOPEN"):
        return "it cannot be opened; expected a file in a folder that can be written to"
    if code.startswith("SQLITE_NOTADB"):
        return "it is not a tokenworth store (not an SQLite file); name another file"
    if code == "SQLITE_INTERRUPT":
        return damaged("reading it takes more steps than it has bytes")
    if code.startswith("SQLITE_IOERR"):
        return f"reading or writing failed ({text}); what was stored before is kept; is the disk full or failing?"
    if code in ("SQLITE_ERROR", "SQLITE_MISMATCH") or code.startswith(("SQLITE_CORRUPT", "SQLITE_TOOBIG", "SQLITE_CONSTRAINT")):
        return damaged(text)
    return damaged("text that is not UTF-8") if "decode" in text else text


def damaged(what: str) -> str:
    """What is said of a file that no version wrote so."""
    return f"it is damaged ({what}); restore it from a copy or start a new one"


def create_or_open(path: Path, owner: Owner) -> tuple[Database, Owner]:
    """A connection for reading and writing, and the owner the file names; a file that is not there is made.

    Raises ``MismatchError`` for a file of another model or schema, ``StoreError`` for one that is not a store.
    """
    if not path.parent.is_dir():
        raise MissingFile(f"store {str(path)!r}: the folder {str(path.parent)!r} does not exist; make it or name another file")
    _check_header(path)
    database = Database(path, place=StorePlace(path, APPLICATION_ID))
    try:
        _check_application(database)
        with _first_write(database):
            _use_log(database)
            _create(database, owner)
            # A file system may say that it holds a log, and fail at the first write to it.
            with database.transaction():
                database.ask("UPDATE meta SET value = value WHERE name = 'schema'")
        found = _checked_owner(database)
        if found.fingerprint != owner.fingerprint:
            raise MismatchError(
                f"store {str(path)!r} holds answers of the model {found.name!r} (fingerprint {found.fingerprint[:16]}), not of "
                f"{owner.name!r} (fingerprint {owner.fingerprint[:16]}); name another store file for this model"
            )
    except BaseException:
        database.close()
        raise
    database.watches = True
    return database, found


def connect_existing(path: Path) -> tuple[Database, Owner]:
    """A connection to a store that is there, whatever its model; read-only where the file or its folder is.

    Raises ``MissingFile``, ``MismatchError`` for another schema, or ``StoreError`` for a file that is not a store.
    """
    if not path.exists():
        raise MissingFile(f"store {str(path)!r} does not exist")
    _check_header(path)
    database = Database(path, is_fixed=_is_fixed(path))
    try:
        if not _check_application(database):
            raise StoreError(f"store {str(path)!r}: it is empty, not a tokenworth store")
        return database, _checked_owner(database)
    except BaseException:
        database.close()
        raise


def _check_header(path: Path) -> None:
    """Refuses files of another kind before SQLite touches them."""
    try:
        with open_input(path) as file:
            start = file.read(len(_HEADER))
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreError(f"store {str(path)!r}: it cannot be read ({error.strerror})") from None
    if start and start != _HEADER:
        raise StoreError(f"store {str(path)!r}: it is not a tokenworth store (not an SQLite file); name another file")


def _check_application(database: Database) -> bool:
    """Whether the file is a store; False when it is empty.

    Raises ``StoreError`` for another program's file.
    """
    # In this order: another process may make the tables and the mark, together, between the two questions.
    tables = database.ask(LIST)
    if _mark(database) == APPLICATION_ID:
        return True
    if _mark(database) or tables:
        raise StoreError(f"store {str(database.path)!r}: it is a database of another program; name another file")
    return False


def _mark(database: Database) -> int:
    return database.ask("PRAGMA application_id")[0][0]


def _use_log(database: Database) -> None:
    database.ask("PRAGMA synchronous=NORMAL")
    (mode,) = database.ask("PRAGMA journal_mode=WAL")[0]
    if mode != "wal":
        raise _no_log(database, f"the journal mode stays {str(mode)[:20]!r}")


@contextmanager
def _first_write(database: Database) -> Iterator[None]:
    """Says of a first write that fails as on a file system without locks or shared memory that this is the reason."""
    try:
        yield
    except StoreError as error:
        if isinstance(error, StoreLost) or not _code(error.__cause__).startswith(_WITHOUT_LOG):
            raise
        raise _no_log(database, " ".join(str(error.__cause__).split())[:200]) from error


def _no_log(database: Database, what: str) -> StoreError:
    return StoreError(
        f"store {str(database.path)!r}: the probing write to its write-ahead log failed ({what}), as on many network file systems; "
        "keep the store on a local disk, such as the scratch folder of a cluster's node, and copy or merge it when the run is done"
    )


def _create(database: Database, owner: Owner) -> None:
    """Makes the tables of a new file, once, whichever process comes first."""
    if _mark(database) == APPLICATION_ID:
        return
    with database.transaction():
        if _mark(database) == APPLICATION_ID:
            return
        for statement in TABLES.values():
            database.ask(statement)
        meta = {
            "schema": str(STORE_SCHEMA),
            "key_schema": str(KEY_SCHEMA),
            "fingerprint": owner.fingerprint,
            "model": owner.name,
            "version": owner.version,
        }
        for item in meta.items():
            database.ask("INSERT INTO meta VALUES (?, ?)", item)
        database.ask(f"PRAGMA application_id={APPLICATION_ID}")
        # Tells this store from any other that is copied over it.
        database.ask(f"PRAGMA user_version={secrets.randbits(31)}")


def _checked_owner(database: Database) -> Owner:
    """Whose the file is. The tables are checked first: a view, a trigger or a column more may do anything when it is read."""
    path, made_of = str(database.path), database.ask(LIST)
    _check_tables(path, made_of, ("meta",))
    rows = database.ask(f"SELECT name, CASE WHEN length(value) < {_LONGEST_TEXT} THEN value END FROM meta LIMIT 20")
    if not all(isinstance(part, str) for row in rows for part in row):
        fault = damaged("its table 'meta' holds what is not text")
        raise StoreError(f"store {path!r}: {fault}")
    meta: dict[str, str] = dict(rows)  # pyright: ignore[reportArgumentType]
    made = (meta.get("schema"), meta.get("key_schema"))
    expected = (str(STORE_SCHEMA), str(KEY_SCHEMA))
    if made != expected:
        raise MismatchError(
            f"store {path!r} has schema {made[0]}.{made[1]} (made by tokenworth {meta.get('version', 'of unknown version')}), "
            f"this version reads schema {expected[0]}.{expected[1]}; use that version or name a new store file"
        )
    _check_tables(path, made_of, {name for _, name in TABLES})
    try:
        return Owner(name=meta["model"], fingerprint=meta["fingerprint"], version=meta["version"])
    except KeyError as error:
        raise StoreError(f"store {path!r}: it is damaged (no {error.args[0]} in its table 'meta')") from None


def _check_tables(path: str, made_of: list[tuple[Any, ...]], wanted: Iterable[str]) -> None:
    fault = foreign(made_of, wanted)  # pyright: ignore[reportArgumentType]
    if fault is not None:
        raise StoreError(f"store {path!r}: {damaged(fault)}")
