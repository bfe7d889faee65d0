"""Store files: foreign and damaged ones, a full disk, places that refuse writes."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from tests.checkout import child_environment
from tests.laws.store import ROLLOUT, SAMPLE, hex_key
from tests.store.store_cases import KEY, make
from tokenworth.core.request.sample import Rollout
from tokenworth.core.tokens import StopReason
from tokenworth.errors import InvalidInput, MismatchError, MissingFile, StoreError, TokenworthError
from tokenworth.store.database import APPLICATION_ID
from tokenworth.store.sqlite import open_existing, open_store


def refused(path: Path, error: type[TokenworthError], *named: str) -> None:
    """Both ways of opening give one line with all of ``named``."""
    with pytest.raises(error) as caught:
        make(path)
    with pytest.raises(error) as existing:
        open_existing(path)
    for message in (str(caught.value), str(existing.value)):
        assert "\n" not in message
        assert all(part in message for part in named), message


def test_another_model_is_refused(tmp_path):
    path = tmp_path / "run.db"
    make(path).close()
    with pytest.raises(MismatchError) as caught:
        open_store(path, fingerprint="xyz", name="hf:other")
    for part in ("run.db", "toy:a.json", "abc", "hf:other", "xyz", "another store file"):
        assert part in str(caught.value)
    with open_existing(path) as store:
        assert (store.owner.name, store.owner.fingerprint) == ("toy:a.json", "abc")
    with open_store(path, fingerprint="abc", name="toy:renamed.json") as store:
        assert store.owner.name == "toy:a.json"


@pytest.mark.parametrize(("name", "shown"), [("schema", "99.1"), ("key_schema", "1.99")])
def test_another_schema_is_refused(tmp_path, name, shown):
    path = tmp_path / "run.db"
    make(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE meta SET value = '99' WHERE name = ?", (name,))
        connection.execute("UPDATE meta SET value = '7.7.7' WHERE name = 'version'")
        connection.commit()
    refused(path, MismatchError, f"schema {shown} (made by tokenworth 7.7.7)", "schema 1.1")


def test_files_that_are_no_store(tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("SQLite, but only by name\n" * 100)
    refused(text, StoreError, "notes.txt", "not an SQLite file")
    assert text.read_text().startswith("SQLite, but")
    foreign = tmp_path / "foreign.db"
    with closing(sqlite3.connect(foreign)) as connection:
        connection.execute("CREATE TABLE mail (id)")
    before = foreign.read_bytes()
    refused(foreign, StoreError, "another program")
    assert foreign.read_bytes() == before
    refused(tmp_path, StoreError, "directory")
    with pytest.raises(MissingFile, match="does not exist"):
        open_existing(tmp_path / "none.db")
    assert not (tmp_path / "none.db").exists()
    with pytest.raises(MissingFile, match="folder"):
        make(tmp_path / "no" / "run.db")
    empty = tmp_path / "empty.db"
    empty.touch()
    with pytest.raises(StoreError, match="empty"):
        open_existing(empty)
    make(empty).close()
    open_existing(empty).close()


@pytest.mark.slow
def test_damaged_files(tmp_path):
    path = tmp_path / "run.db"
    with make(path) as store:
        for number in range(200):
            store.put(hex_key(number), SAMPLE, Rollout(ids=tuple(range(number + 1)), stop=StopReason.STOP))
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(60):
        bad = bytearray(whole)
        if rng.random() < 0.3:
            del bad[int(rng.integers(100, len(bad))) :]
        else:
            at = int(rng.integers(16, len(bad) - 64))
            bad[at : at + 64] = rng.bytes(64)
        path.write_bytes(bad)
        message = ""
        try:
            with make(path) as store:
                got = store.get([hex_key(number) for number in range(200)])
            assert all(response.ids == tuple(range(int(key, 16) + 1)) for key, response in got.items())
        except TokenworthError as error:
            message = str(error)
        assert "\n" not in message


def test_a_damaged_response_names_its_key(tmp_path):
    path = tmp_path / "run.db"
    with make(path) as store:
        store.put(KEY, SAMPLE, ROLLOUT)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("DROP TRIGGER responses_stay")
            connection.execute("UPDATE responses SET payload = substr(payload, 1, 5)")
            connection.commit()
        with pytest.raises(StoreError, match=KEY):
            store.get([KEY])


def test_meta_that_is_gone(tmp_path):
    path = tmp_path / "run.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        connection.execute("CREATE TABLE other (id)")
    refused(path, StoreError, "damaged", "meta")


def test_keys_are_content_keys(tmp_path):
    with make(tmp_path / "run.db") as store:
        for key in ("", "xyz", "ab" * 31, "ab" * 33):
            with pytest.raises(InvalidInput, match="64 hexadecimal"):
                store.put(key, SAMPLE, ROLLOUT)


def test_responses_are_append_only(tmp_path):
    path = tmp_path / "run.db"
    with make(path) as store:
        store.put(KEY, SAMPLE, ROLLOUT)
        with closing(sqlite3.connect(path)) as connection:
            for statement in ("DELETE FROM responses", "UPDATE responses SET cut = 0"):
                with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                    connection.execute(statement)
        assert len(store) == 1


def test_a_full_disk_loses_nothing(tmp_path):
    path = tmp_path / "run.db"
    rng = np.random.default_rng(0)
    with make(path) as store:
        # SQLite raises the same error for a page limit as for a disk without room.
        pages = store._database.ask("PRAGMA page_count")[0][0]
        store._database.ask(f"PRAGMA max_page_count={pages + 20}")
        kept: dict[str, Rollout] = {}

        def fill() -> None:
            for number in range(1_000):
                rollout = Rollout(ids=tuple(rng.integers(0, 2**17, 300).tolist()), stop=StopReason.STOP)
                store.put(hex_key(number), SAMPLE, rollout)
                kept[hex_key(number)] = rollout

        with pytest.raises(StoreError, match="the disk is full; what was stored before is kept") as caught:
            fill()
        assert "\n" not in str(caught.value)
        assert 10 < len(kept) < 1_000
        assert store.get([hex_key(number) for number in range(1_000)]) == kept
        store._database.ask("PRAGMA max_page_count=1000000")
        store.put(hex_key(999), SAMPLE, ROLLOUT)
    with make(path) as store:
        assert store.get(list(kept)) == kept and len(store) == len(kept) + 1
        assert store._database.ask("PRAGMA integrity_check")[0] == ("ok",)


FILE_LIMIT = """
import resource, signal, sys
from tests.laws.store import SAMPLE, hex_key
from tokenworth.core.request.sample import Rollout
from tokenworth.core.tokens import StopReason
from tokenworth.errors import StoreError
from tokenworth.store.sqlite import open_store
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = open_store(sys.argv[1], fingerprint="abc", name="toy:a.json")
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
try:
    for number in range(10_000):
        store.put(hex_key(number), SAMPLE, Rollout(ids=(number,) * 50, stop=StopReason.STOP))
        print(number, flush=True)
except StoreError as error:
    print(error)
"""


@pytest.mark.slow
def test_writes_that_the_system_refuses_lose_nothing(tmp_path):
    path = tmp_path / "run.db"
    command = [sys.executable, "-c", FILE_LIMIT, str(path)]
    environment = child_environment()
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=True)
    *kept, last = done.stdout.splitlines()
    assert "store" in last and ("failed" in last or "full" in last)
    with make(path) as store:
        got = store.get([hex_key(int(number)) for number in kept])
        assert len(got) == len(kept) > 5
        assert store._database.ask("PRAGMA integrity_check")[0] == ("ok",)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_read_only_places(tmp_path):
    path = tmp_path / "run.db"
    with make(path) as store:
        store.put(KEY, SAMPLE, ROLLOUT)
    path.chmod(stat.S_IRUSR)
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        with pytest.raises(StoreError, match=r"cannot be opened|read-only"):
            make(path)
        with pytest.raises(StoreError, match=r"cannot be opened|read-only"):
            make(tmp_path / "new.db")
        with open_existing(path) as store:
            assert store.get([KEY]) == {KEY: ROLLOUT}
    finally:
        tmp_path.chmod(stat.S_IRWXU)


def test_a_locked_file_is_said_to_be_locked(tmp_path, monkeypatch):
    path = tmp_path / "run.db"
    monkeypatch.setattr("tokenworth.store.database.BUSY_SECONDS", 0.05)
    with make(path) as store, closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked"):
            store.put(KEY, SAMPLE, ROLLOUT)
        assert store.get([KEY]) == {}
        other.execute("ROLLBACK")
        store.put(KEY, SAMPLE, ROLLOUT)
