"""A store file for tests."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.laws.store import hex_key
from tokenworth.core.request.kind import Response
from tokenworth.store.codec import decode_response
from tokenworth.store.sqlite import SqliteStore, open_store

KEY = hex_key(5)


def responses(store: SqliteStore) -> list[tuple[str, str, int | None, int | None, Response]]:
    """Key, kind, cut, index and response of every row, in the order they came."""
    with closing(sqlite3.connect(store.path)) as connection:
        rows = connection.execute("SELECT key, kind, cut, idx, payload FROM responses ORDER BY rowid").fetchall()
    return [(key.hex(), kind, cut, index, decode_response(key.hex(), payload)) for key, kind, cut, index, payload in rows]


def make(path: Path) -> SqliteStore:
    return open_store(path, fingerprint="abc", name="toy:a.json")
