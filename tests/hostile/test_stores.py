"""Hostile stores: one line each, within bounds of memory and of processor time; and queries that end when they are told to."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import zlib
from contextlib import closing
from pathlib import Path

import pytest

from tests.checkout import child_environment
from tests.hostile.bounded import bounded
from tests.hostile.inputs import bomb, changed_store, payload, stores, varint
from tokenworth.errors import StoreError
from tokenworth.store.codec import FORMAT
from tokenworth.store.sqlite import open_existing

_RAISE = "BEFORE UPDATE ON responses BEGIN SELECT RAISE(ABORT, 'responses are append-only'); END"


def test_what_no_store_holds(good: Path, tmp_path: Path) -> None:
    """Listed, in JSON and in text, exported, reported, and resumed."""
    made = stores(good / "run.db", tmp_path)
    toy = ["--model", f"toy:{good / 'toy.json'}", "--seed", "8", "--max-rollouts", "100"]
    calls, names = list[list[str]](), list[str]()
    for name, path in made.items():
        each = [["runs", "--store", path.name, *more] for more in ([], ["--json", "-"])]
        each += [["export", path.name, "--out", "x.json"], ["report", "--store", path.name, "--text"]]
        each += [["merge", path.name, str(good / "run.db"), "--store", f"{path.stem}-all.db"]]
        if "blob for" not in name and "number for" not in name and "options" not in name:
            each += [["curve", *toy, "--store", path.name]]
        calls += each
        names += [name] * len(each)
    for name, words, ended in zip(names, calls, bounded(calls, tmp_path), strict=True):
        assert "it is damaged" in ended.one_line or "is damaged (not a JSON object)" in ended.err, (name, words)
        assert ended.cpu_s < 5, (name, words)


def test_a_good_store_is_read(good: Path) -> None:
    listed, resumed = bounded(
        [
            ["runs", "--store", "run.db", "--json", "-"],
            ["curve", "--model", "toy:toy.json", "--seed", "8", "--max-rollouts", "100", "--store", "run.db", "--json", "-"],
        ],
        good,
    )
    assert json.loads(listed.out)["responses"] > 100 and json.loads(resumed.out)["provenance"]["drawn"] == 0


def _bodies() -> dict[str, bytes]:
    """Bodies of a rollout that unpack to more than they are."""
    tag = bytes([FORMAT, 0x81])
    return {
        "announced": tag + varint(1000 << 20) + bomb(100, b"\x01", -15),
        "just below the limit": tag + varint(32 << 20) + bomb(32, b"\x01", -15),
        "another length than announced": tag + varint(1 << 20) + bomb(100, b"\x01", -15),
        "many ids": tag + varint((20 << 20) + 5) + bomb_of(b"\x00" + varint(20 << 20) + b"\x00" * (20 << 20)),
        "long ids": tag + varint((30 << 20) + 5) + bomb_of(b"\x00" + varint(4 << 20) + b"\xff\xff\xff\xff\xff\xff\x01" * (4 << 20)),
        "no end": tag + b"\xff" * 20,
    }


def bomb_of(body: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(body) + packer.flush()


def test_responses_that_unpack_to_much(good: Path, tmp_path: Path) -> None:
    calls: list[list[str]] = []
    for number, body in enumerate(_bodies().values()):
        for rows in ("=(SELECT min(rowid) FROM responses)", ">0"):
            path = tmp_path / f"{number}{rows[0]}.db"
            statements = (
                "DROP TRIGGER responses_stay",
                f"UPDATE responses SET payload=? WHERE rowid{rows} AND kind='Sample'",
                f"CREATE TRIGGER responses_stay {_RAISE}",
            )
            changed_store(good / "run.db", path, *statements, values=(payload(body),))
            calls.append(["curve", "--model", f"toy:{good / 'toy.json'}", "--seed", "8", "--max-rollouts", "100", "--store", path.name])
    for words, ended in zip(calls, bounded(calls, tmp_path, room=900 << 20), strict=True):
        assert "damaged" in ended.one_line, words


def test_documents_that_unpack_to_much(good: Path, tmp_path: Path) -> None:
    bombs = (bomb(400, b" "), bomb(400, b"["), bomb(30, b"[],")[:-8], bomb(1, b" "), b"\x78\x9c", b"")
    calls: list[list[str]] = []
    for number, document in enumerate(bombs):
        path = changed_store(good / "run.db", tmp_path / f"{number}.db", "UPDATE runs SET document=?", values=(document,))
        calls += [["export", path.name, "--out", "x.json"], ["report", "--store", path.name, "--text"]]
    for words, ended in zip(calls, bounded(calls, tmp_path), strict=True):
        assert "damaged" in ended.one_line or "not a complete JSON document" in ended.err, words
        assert ended.peak_mib < 700, words


def test_pages_that_are_tied_in_a_knot(good: Path, tmp_path: Path) -> None:
    """A table whose inner pages lead to the same leaf again and again has more rows than any file could hold."""
    path = tmp_path / "knot.db"
    path.write_bytes((good / "run.db").read_bytes())
    with closing(sqlite3.connect(path)) as connection:
        connection.executemany("INSERT INTO runs (verb, config, started) VALUES (?, ?, ?)", [("curve", "{}" + " " * 60, "2026")] * 4000)
        connection.commit()
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name='runs'").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    raw = bytearray(path.read_bytes())
    at = (root - 1) * size
    assert raw[at] == 5  # an inner page of a table
    cells = int.from_bytes(raw[at + 3 : at + 5], "big")
    assert cells > 5
    for cell in range(cells):
        # All children but the last are the root itself: a tree without end.
        place = at + int.from_bytes(raw[at + 12 + 2 * cell : at + 14 + 2 * cell], "big")
        raw[place : place + 4] = root.to_bytes(4, "big")
    path.write_bytes(raw)
    for ended in bounded([["runs", "--store", path.name], ["export", path.name, "--out", "x.json"]], tmp_path):
        assert "it is damaged" in ended.one_line


_LONG = """
import sys
from pathlib import Path
import tokenworth.store.database as database
from tokenworth.cli import main
from tokenworth.store.sqlite import open_existing
database._STEPS_PER_BYTE = 10**12
def endless(arguments=None):
    print("asked", flush=True)
    with open_existing(Path(sys.argv[1])) as store:
        store._database.ask("WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT sum(n) FROM t")
main.cli.main = lambda *_, **__: endless()
main.main([])
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_query_ends_when_it_is_told_to(good: Path, number: signal.Signals) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", _LONG, str(good / "run.db")],
        env=child_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None and child.stdout.readline() == "asked\n"
    child.send_signal(number)
    _, err = child.communicate(timeout=60)
    assert (child.returncode, err) == (130, "stopped\n")


def test_a_query_without_end_is_stopped(good: Path) -> None:
    with open_existing(good / "run.db") as store, pytest.raises(StoreError, match="more steps than it has bytes"):
        store._database.ask("WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT sum(n) FROM t")


def test_waiting_for_another_process_ends_when_it_is_told_to(good: Path, tmp_path: Path) -> None:
    path = changed_store(good / "run.db", tmp_path / "run.db", "SELECT 1")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        command = ["curve", "--model", f"toy:{good / 'toy.json'}", "--seed", "9", "--max-rollouts", "100", "--store", str(path)]
        child = subprocess.Popen(
            [sys.executable, "-m", "tokenworth", *command],
            env=child_environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(6)
        os.kill(child.pid, signal.SIGTERM)
        _, err = child.communicate(timeout=60)
    assert child.returncode == 130 and err.strip().startswith("stopped") and err.strip().count("\n") == 0
