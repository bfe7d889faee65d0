"""A store is tried with a write when it is opened: some file systems hold no write-ahead log, and say so only then."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.laws.store import SAMPLE, hex_key
from tests.store.store_cases import make
from tokenworth.core.request.sample import Rollout
from tokenworth.core.tokens import StopReason
from tokenworth.errors import StoreError
from tokenworth.store.database import Database


def test_a_place_without_shared_memory_is_refused(tmp_path: Path) -> None:
    """What SQLite shares memory through cannot be opened, as on file systems that map no files."""
    (tmp_path / "x.db-shm").symlink_to("x.db-shm")
    with pytest.raises(
        StoreError, match=r"x.db': the probing write to its write-ahead log failed .*keep the store on a local disk"
    ) as caught:
        make(tmp_path / "x.db")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("code", ["SQLITE_IOERR_SHMMAP", "SQLITE_IOERR_LOCK", "SQLITE_PROTOCOL", "SQLITE_FULL"])
@pytest.mark.parametrize("is_new", [True, False])
def test_a_first_write_that_fails(code: str, is_new: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not is_new:
        make(tmp_path / "x.db").close()
    ask = Database.ask

    def failing(self: Database, query: str, *rest: object, **more: object) -> object:
        if query.startswith("UPDATE meta"):
            error = sqlite3.OperationalError("it went wrong")
            error.sqlite_errorname = code
            raise self._fault(error) from error
        return ask(self, query, *rest, **more)  # pyright: ignore

    monkeypatch.setattr(Database, "ask", failing)
    told = "the disk is full" if code == "SQLITE_FULL" else r"the probing write .* failed \(it went wrong\)"
    with pytest.raises(StoreError, match=told):
        make(tmp_path / "x.db")
    monkeypatch.undo()
    with make(tmp_path / "x.db") as store:
        assert len(store) == 0


def test_a_journal_that_stays_another_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ask = Database.ask

    def without(self: Database, query: str, *rest: object) -> object:
        return [("delete",)] if query == "PRAGMA journal_mode=WAL" else ask(self, query, *rest)  # pyright: ignore

    monkeypatch.setattr(Database, "ask", without)
    with pytest.raises(StoreError, match="the journal mode stays 'delete'"):
        make(tmp_path / "x.db")


def test_the_try_changes_nothing(tmp_path: Path) -> None:
    with make(tmp_path / "x.db") as store:
        store.put(hex_key(1), SAMPLE, Rollout(ids=(1,), stop=StopReason.STOP))
    before = (tmp_path / "x.db").stat().st_size
    with make(tmp_path / "x.db") as store:
        assert len(store) == 1
    assert (tmp_path / "x.db").stat().st_size == before
