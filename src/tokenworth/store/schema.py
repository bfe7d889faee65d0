"""The tables of a store, and the check that a file has these and nothing else."""

from __future__ import annotations

from collections.abc import Iterable

TABLES = {
    ("table", "meta"): "CREATE TABLE meta (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    ("table", "responses"): (
        "CREATE TABLE responses (key BLOB NOT NULL PRIMARY KEY, kind TEXT NOT NULL, cut INTEGER, idx INTEGER, stop TEXT,"
        " n_tokens INTEGER, payload BLOB NOT NULL)"
    ),
    ("table", "runs"): (
        "CREATE TABLE runs (id INTEGER PRIMARY KEY, verb TEXT NOT NULL, config TEXT NOT NULL, started TEXT NOT NULL,"
        " finished TEXT, document BLOB)"
    ),
    ("trigger", "responses_stay"): (
        "CREATE TRIGGER responses_stay BEFORE UPDATE ON responses BEGIN SELECT RAISE(ABORT, 'responses are append-only'); END"
    ),
    ("trigger", "responses_last"): (
        "CREATE TRIGGER responses_last BEFORE DELETE ON responses BEGIN SELECT RAISE(ABORT, 'responses are append-only'); END"
    ),
}
"""Type and name of all that a store is made of, with the statement that makes it, which SQLite keeps as it is."""
_MOST = 3 * len(TABLES)
LIST = f"SELECT type, name, sql FROM sqlite_master LIMIT {_MOST}"
"""Asks for what a file is made of; one that is made of so much is no store."""
_INDEX = ("index", "sqlite_autoindex_responses_1", None)
"""What SQLite adds by itself, to find a key."""


def foreign(found: Iterable[tuple[object, object, object]], wanted: Iterable[str]) -> str | None:
    """What is not as it should be among what a file is made of; None where all is. ``wanted``: names of tables and triggers to look at."""
    names, rows = set(wanted), list(found)
    left = {place: made for place, made in TABLES.items() if place[1] in names}
    if len(rows) >= _MOST or any(rows.count(row) > 1 for row in rows):
        return f"it holds {len(rows)} tables, indexes and triggers or more; a store has {len(TABLES) + 1}, each once"
    for kind, name, made in rows:
        if (kind, name, made) == _INDEX:
            continue
        if (kind, name) not in TABLES and names == {name for _, name in TABLES}:
            return f"it holds a {kind} {str(name)[:40]!r}, which no store has"
        if (kind, name) in TABLES and TABLES[str(kind), str(name)] != made and str(name) in names:
            return f"its {kind} {name!r} is not as a store makes it"
        left.pop((str(kind), str(name)), None)
    for kind, name in left:
        return f"it has no {kind} {name!r}"
    return None
