"""The SQLite file under a store: opening, its schema, whose it is, and one-line errors for what can go wrong."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from tokenworth.core.keys import KEY_SCHEMA
from tokenworth.errors import MismatchError, MissingFile, StoreError

STORE_SCHEMA = 1
APPLICATION_ID = 0x746F6B77
"""Marks an SQLite file as a tokenworth store ("tokw")."""
BUSY_SECONDS = 30.0
"""How long a write waits for another process to finish its own."""

_HEADER = b"SQLite format 3\x00"
_TABLES = (
    "CREATE TABLE meta (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE responses (key BLOB NOT NULL PRIMARY KEY, kind TEXT NOT NULL, cut INTEGER, idx INTEGER, stop TEXT,"
    " n_tokens INTEGER, payload BLOB NOT NULL)",
    "CREATE TABLE runs (id INTEGER PRIMARY KEY, verb TEXT NOT NULL, config TEXT NOT NULL, started TEXT NOT NULL,"
    " finished TEXT, document BLOB)",
    "CREATE TRIGGER responses_stay BEFORE UPDATE ON responses BEGIN SELECT RAISE(ABORT, 'responses are append-only'); END",
    "CREATE TRIGGER responses_last BEFORE DELETE ON responses BEGIN SELECT RAISE(ABORT, 'responses are append-only'); END",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Whose rollouts a file holds: the model's name and fingerprint, and the package version that made the file."""

    name: str
    fingerprint: str
    version: str


@contextmanager
def one_line_errors(path: Path) -> Iterator[None]:
    """Turns what SQLite raises into a ``StoreError`` of one line that names the file."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(f"store {str(path)!r}: {_explain(error)}") from error


def _code(error: sqlite3.Error) -> str:
    """SQLite's name of the error; empty for one that Python's module raises by itself."""
    return getattr(error, "sqlite_errorname", None) or ""


def _explain(error: sqlite3.Error) -> str:
    code = _code(error)
    text = " ".join(str(error).split())
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
    if code in ("SQLITE_ERROR", "SQLITE_MISMATCH") or code.startswith("SQLITE_CORRUPT"):
        return f"it is damaged ({text}); restore it from a copy or start a new one"
    if code.startswith("SQLITE_IOERR"):
        return f"reading or writing failed ({text}); what was stored before is kept; is the disk full or failing?"
    return text


def create_or_open(path: Path, owner: Owner) -> tuple[sqlite3.Connection, Owner]:
    """A connection for reading and writing, and the owner the file names; a file that is not there is made.

    Raises ``MismatchError`` for a file of another model or schema, ``StoreError`` for one that is not a store.
    """
    if not path.parent.is_dir():
        raise MissingFile(f"store {str(path)!r}: the folder {str(path.parent)!r} does not exist; make it or name another file")
    _check_header(path)
    with one_line_errors(path):
        connection = _connect(str(path), uri=False)
        try:
            _check_application(connection, path)
            _use_wal(connection)
            _create(connection, owner)
            found = _checked_owner(connection, path)
            if found.fingerprint != owner.fingerprint:
                raise MismatchError(
                    f"store {str(path)!r} holds answers of the model {found.name!r} (fingerprint {found.fingerprint[:16]}), not of "
                    f"{owner.name!r} (fingerprint {owner.fingerprint[:16]}); name another store file for this model"
                )
        except BaseException:
            connection.close()
            raise
    return connection, found


def connect_existing(path: Path) -> tuple[sqlite3.Connection, Owner]:
    """A connection to a store that is there, whatever its model; read-only where the file or its folder is.

    Raises ``MissingFile``, ``MismatchError`` for another schema, or ``StoreError`` for a file that is not a store.
    """
    if not path.exists():
        raise MissingFile(f"store {str(path)!r} does not exist")
    _check_header(path)
    wal = path.with_name(path.name + "-wal")
    writable = os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    with one_line_errors(path):
        if writable or (wal.exists() and wal.stat().st_size):
            connection = _connect(str(path), uri=False)
        else:
            connection = _connect(f"file:{quote(str(path.absolute()))}?immutable=1", uri=True)
        try:
            if not _check_application(connection, path):
                raise StoreError(f"store {str(path)!r}: it is empty, not a tokenworth store")
            return connection, _checked_owner(connection, path)
        except BaseException:
            connection.close()
            raise


def _connect(name: str, *, uri: bool) -> sqlite3.Connection:
    return sqlite3.connect(name, timeout=BUSY_SECONDS, isolation_level=None, uri=uri)


def _check_header(path: Path) -> None:
    """Refuses files of another kind before SQLite touches them."""
    try:
        with path.open("rb") as file:
            start = file.read(len(_HEADER))
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreError(f"store {str(path)!r}: it cannot be read ({error.strerror})") from None
    if start and start != _HEADER:
        raise StoreError(f"store {str(path)!r}: it is not a tokenworth store (not an SQLite file); name another file")


def _check_application(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether the file is a store; False when it is empty.

    Raises ``StoreError`` for another program's file.
    """
    # In this order: another process may make the tables and the mark, together, between the two questions.
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    (found,) = connection.execute("PRAGMA application_id").fetchone()
    if found == APPLICATION_ID:
        return True
    if found or tables:
        raise StoreError(f"store {str(path)!r}: it is a database of another program; name another file")
    return False


def _use_wal(connection: sqlite3.Connection) -> None:
    # The busy timeout does not cover a change of journal mode, which two processes may make at once on a new file.
    connection.execute("PRAGMA synchronous=NORMAL")
    give_up = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if not _code(error).startswith("SQLITE_BUSY") or time.monotonic() > give_up:
                raise
            time.sleep(0.01)
        else:
            return


def _create(connection: sqlite3.Connection, owner: Owner) -> None:
    """Makes the tables of a new file, once, whichever process comes first."""
    if connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            for statement in _TABLES:
                connection.execute(statement)
            meta = {
                "schema": str(STORE_SCHEMA),
                "key_schema": str(KEY_SCHEMA),
                "fingerprint": owner.fingerprint,
                "model": owner.name,
                "version": owner.version,
            }
            connection.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
            connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _checked_owner(connection: sqlite3.Connection, path: Path) -> Owner:
    meta = dict(connection.execute("SELECT name, value FROM meta").fetchall())
    made = (meta.get("schema"), meta.get("key_schema"))
    expected = (str(STORE_SCHEMA), str(KEY_SCHEMA))
    if made != expected:
        raise MismatchError(
            f"store {str(path)!r} has schema {made[0]}.{made[1]} (made by tokenworth {meta.get('version', 'of unknown version')}), "
            f"this version reads schema {expected[0]}.{expected[1]}; use that version or name a new store file"
        )
    try:
        return Owner(name=meta["model"], fingerprint=meta["fingerprint"], version=meta["version"])
    except KeyError as error:
        raise StoreError(f"store {str(path)!r}: it is damaged (no {error.args[0]} in its table 'meta')") from None
