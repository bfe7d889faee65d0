"""A store file for tests."""

from __future__ import annotations

from pathlib import Path

from contracts import hex_key
from tokenworth.store.sqlite import SqliteStore, open_store

KEY = hex_key(5)


def make(path: Path) -> SqliteStore:
    return open_store(path, fingerprint="abc", name="toy:a.json")
