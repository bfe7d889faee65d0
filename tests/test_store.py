"""The stores: laws, the codec, foreign and damaged files, a full disk."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from contracts import NEXT_TOKEN_TABLE, PAIRS, READ_TABLE, ROLLOUT, SAMPLE, STORE_LAWS, StoreCase, equal, hex_key
from tokenworth.core.ports import Store
from tokenworth.core.request import NextTokenTable, ReadTable, Response, Rollout
from tokenworth.core.tokens import StopReason
from tokenworth.errors import InvalidInput, MismatchError, MissingFile, StoreError, TokenworthError, UnknownName
from tokenworth.store.codec import decode_response, encode_response
from tokenworth.store.database import APPLICATION_ID
from tokenworth.store.memory import MemoryStore
from tokenworth.store.sqlite import SqliteStore, open_existing, open_store

KEY = hex_key(5)


def make(path: Path) -> SqliteStore:
    return open_store(path, fingerprint="abc", name="toy:a.json")


@contextmanager
def memory() -> Iterator[Store]:
    yield MemoryStore()


@pytest.fixture(params=["memory", "sqlite"])
def case(request, tmp_path) -> StoreCase:
    if request.param == "memory":
        return StoreCase(open=memory, lasting=False)
    return StoreCase(open=lambda: make(tmp_path / "run.db"), lasting=True)


@pytest.mark.parametrize("law", STORE_LAWS, ids=lambda law: law.__name__)
def test_store_laws(law, case):
    law(case)


# ---- codec ----

# Strategies give a class and its fields: the type checks that run on building draw random numbers of their own.
Parts = tuple[type[Response], dict[str, Any]]


@st.composite
def rollouts(draw) -> Parts:
    ids = draw(st.lists(st.integers(0, 300) | st.integers(0, 2**18) | st.integers(0, 2**62 - 1), max_size=60))
    return Rollout, {"ids": tuple(ids), "stop": draw(st.sampled_from(StopReason))}


@st.composite
def next_token_tables(draw) -> Parts:
    n_cuts, n_top = draw(st.integers(0, 5)), draw(st.integers(0, 4))
    floats, wholes = draw(st.sampled_from(["<f4", "<f8"])), draw(st.sampled_from(["<i4", "<i8"]))
    return NextTokenTable, {
        "p": draw(arrays.arrays(floats, n_cuts)),
        "logprob": draw(arrays.arrays(floats, n_cuts)),
        "top_ids": draw(arrays.arrays(wholes, (n_cuts, n_top))),
        "top_p": draw(arrays.arrays(floats, (n_cuts, n_top))),
        "support": draw(arrays.arrays(wholes, n_cuts)),
    }


@st.composite
def read_tables(draw) -> Parts:
    n_cuts, n_options = draw(st.integers(0, 5)), draw(st.integers(0, 4))
    return ReadTable, {
        "logprob": draw(arrays.arrays("<f8", (n_cuts, n_options))),
        "top_id": draw(arrays.arrays("<i8", n_cuts)),
        "top_logprob": draw(arrays.arrays("<f8", n_cuts)),
        "token_forwards": draw(st.integers(0, 2**63 - 1)),
    }


@settings(max_examples=300, deadline=None)
@given(rollouts() | next_token_tables() | read_tables())
@example((Rollout, {"ids": (), "stop": StopReason.STOP}))
@example((Rollout, {"ids": (127, 128, 16_383, 16_384, 2**62 - 1), "stop": StopReason.LENGTH}))
@example((Rollout, {"ids": (7,) * 1_000, "stop": StopReason.ERROR}))
def test_what_is_encoded_is_decoded(parts):
    kind, fields = parts
    response = kind(**fields)
    back = decode_response(KEY, encode_response(response))
    assert equal(back, response)
    if isinstance(back, Rollout):
        assert all(type(token) is int for token in back.ids)
    elif isinstance(back, NextTokenTable) and isinstance(response, NextTokenTable):
        assert back.p.dtype == response.p.dtype and back.top_ids.dtype == response.top_ids.dtype


def test_arrays_that_are_views_or_big_endian_are_stored_as_they_read():
    table = NextTokenTable(
        p=np.arange(8.0)[::2],
        logprob=np.arange(4, dtype=">f8"),
        top_ids=np.arange(12, dtype=">i4").reshape(3, 4).T,
        top_p=np.asfortranarray(np.arange(12.0).reshape(4, 3)),
        support=np.arange(4),
    )
    assert equal(decode_response(KEY, encode_response(table)), table)


def malformed(**fields: object) -> ReadTable:
    """A table made past the shape checks that only run under pytest."""
    table = object.__new__(ReadTable)
    for name, value in fields.items():
        object.__setattr__(table, name, value)
    return table


@pytest.mark.parametrize(
    "response",
    [
        Rollout(ids=(1, -1), stop=StopReason.STOP),
        Rollout(ids=(2**62,), stop=StopReason.STOP),
        malformed(logprob=np.zeros((2, 1)), top_id=np.zeros(3, dtype=int), top_logprob=np.zeros(2), token_forwards=0),
        malformed(logprob=np.zeros(2), top_id=np.zeros(2, dtype=int), top_logprob=np.zeros(2), token_forwards=0),
        malformed(logprob=np.zeros((2, 1)), top_id=np.zeros(2), top_logprob=np.zeros(2), token_forwards=0),
        malformed(logprob=np.zeros((2, 1), dtype=np.float16), top_id=np.zeros(2, dtype=int), top_logprob=np.zeros(2), token_forwards=0),
        malformed(logprob=np.zeros((2, 1)), top_id=np.zeros(2, dtype=int), top_logprob=np.zeros(2), token_forwards=-1),
    ],
)
def test_malformed_responses_are_not_stored(response):
    with pytest.raises(InvalidInput):
        encode_response(response)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_damage_is_noticed(data):
    response = data.draw(st.sampled_from([ROLLOUT, Rollout(ids=(7,) * 200, stop=StopReason.STOP), NEXT_TOKEN_TABLE, READ_TABLE]))
    payload = bytearray(encode_response(response))
    kind = data.draw(st.sampled_from(["flip", "cut", "add"]))
    at = data.draw(st.integers(0, len(payload) - 1))
    if kind == "flip":
        payload[at] ^= data.draw(st.integers(1, 255))
    elif kind == "cut":
        del payload[at:]
    else:
        payload += data.draw(st.binary(min_size=1, max_size=4))
    with pytest.raises(StoreError, match=KEY):
        decode_response(KEY, bytes(payload))


@settings(max_examples=500, deadline=None)
@given(st.integers(0, 255), st.binary(max_size=80))
@example(0x81, b"\xff\xff\xff\xff\x03" + zlib.compress(bytes(1_000), wbits=-15))
@example(1, b"\x00\x01")
@example(2, b"\x02\x02\x80\x80\x80\x80\x10\x00")
@example(3, b"\x00\x02\xff")
def test_any_bytes_decode_or_are_refused(tag, body):
    payload = bytes((1, tag)) + body
    payload += zlib.crc32(payload).to_bytes(4, "little")
    message = ""
    try:
        decode_response(KEY, payload)
    except StoreError as error:
        message = str(error)
    assert "\n" not in message


@pytest.mark.parametrize("payload", [None, "text", 7, b""])
def test_values_that_are_no_bytes(payload):
    with pytest.raises(StoreError, match=KEY):
        decode_response(KEY, payload)


# ---- files ----


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
        with pytest.raises(StoreError, match=KEY):
            list(store.responses())


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
        pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
        store._connection.execute(f"PRAGMA max_page_count={pages + 20}")
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
        store._connection.execute("PRAGMA max_page_count=1000000")
        store.put(hex_key(999), SAMPLE, ROLLOUT)
    with make(path) as store:
        assert store.get(list(kept)) == kept and len(store) == len(kept) + 1
        assert store._connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


FILE_LIMIT = """
import resource, signal, sys
from contracts import SAMPLE, hex_key
from tokenworth.core.request import Rollout
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


def test_writes_that_the_system_refuses_lose_nothing(tmp_path):
    path = tmp_path / "run.db"
    command = [sys.executable, "-c", FILE_LIMIT, str(path)]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=True)
    *kept, last = done.stdout.splitlines()
    assert "store" in last and ("failed" in last or "full" in last)
    with make(path) as store:
        got = store.get([hex_key(int(number)) for number in kept])
        assert len(got) == len(kept) > 5
        assert store._connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


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


# ---- runs and listing ----


def test_runs_and_documents(tmp_path):
    path = tmp_path / "run.db"
    with make(path) as store:
        first = store.begin_run(verb="curve", config={"samples": 20, "top_p": 0.95}, started="2026-01-02T03:04:05Z")
        second = store.begin_run(verb="sample", config={}, started="2026-01-02T04:00:00Z")
        store.finish_run(first, finished="2026-01-02T03:05:00Z", document='{"schema": "…"}'.encode())
    with open_existing(path) as store:
        one, two = store.runs()
        assert (one.id, one.verb, one.config, one.finished) == (first, "curve", {"samples": 20, "top_p": 0.95}, "2026-01-02T03:05:00Z")
        assert (two.id, two.finished, two.has_document) == (second, None, False)
        assert one.has_document
        assert store.document(first) == '{"schema": "…"}'.encode()
        assert store.document(second) is None
        with pytest.raises(UnknownName, match="no run 77; the last are: 1, 2"):
            store.document(77)
        with pytest.raises(UnknownName, match="no run 77"):
            store.finish_run(77, finished="")
        store._connection.execute("UPDATE runs SET config = '{', document = x'00'")
        with pytest.raises(StoreError, match="run 1 is damaged"):
            store.runs()
        with pytest.raises(StoreError, match="run 1 is damaged"):
            store.document(first)


def test_all_responses_are_listed_in_order(tmp_path):
    with make(tmp_path / "run.db") as store:
        for number, (request, response) in enumerate(PAIRS):
            store.put(hex_key(9 - number), request, response)
        listed = list(store.responses())
    assert [one.key for one in listed] == [hex_key(9), hex_key(8), hex_key(7)]
    assert [(one.kind, one.cut, one.index) for one in listed] == [("Sample", 1, 2), ("NextToken", None, None), ("Read", None, None)]
    assert all(equal(one.response, response) for one, (_, response) in zip(listed, PAIRS, strict=True))
