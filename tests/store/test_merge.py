"""Merging stores: by key, all or nothing, in any order and as often as one likes."""

from __future__ import annotations

import random
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import pytest

from tests.checkout import child_environment
from tests.laws.store import SAMPLE, hex_key
from tests.store.killing import stored
from tests.store.store_cases import make
from tokenworth.core.request.sample import Rollout
from tokenworth.core.tokens import StopReason
from tokenworth.errors import InvalidInput, MismatchError, MissingFile, StoreError, TokenworthError
from tokenworth.store.merge import Merged, merge_stores
from tokenworth.store.sqlite import open_existing, open_store

DAY = "2026-01-02T03:04:0"


def rollout(number: int) -> Rollout:
    return Rollout(ids=(number, 70_000, number % 7), stop=StopReason.STOP)


def part(path: Path, keys: Iterable[int], *, shift: int = 0, runs: Iterable[tuple[str, int, str | None]] = ()) -> Path:
    """A store with a rollout under each key; runs: an item, when it began, and its document."""
    with make(path) as store:
        for key in keys:
            store.put(hex_key(key), SAMPLE, rollout(key + shift))
        for item, second, document in runs:
            run = store.begin_run(verb="curve", config={"item": item}, started=f"{DAY}{second}+00:00")
            if document is not None:
                store.finish_run(run, finished=f"{DAY}9+00:00", document=document.encode())
    return path


def rows(path: Path) -> set[tuple[object, ...]]:
    """All that a store holds, but for the numbers of rows and runs."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        found = connection.execute("SELECT key, kind, cut, idx, stop, n_tokens, payload FROM responses").fetchall()
        runs = connection.execute("SELECT verb, config, started, finished, document FROM runs").fetchall()
    assert len(set(found)) == len(found) and len(set(runs)) == len(runs)
    return {("response", *row) for row in found} | {("run", *row) for row in runs}


@pytest.fixture
def parts(tmp_path: Path) -> list[Path]:
    """Three stores that share keys and a run."""
    return [
        part(tmp_path / "a.db", range(40), runs=[("0", 1, "zero"), ("3", 2, None)]),
        part(tmp_path / "b.db", range(30, 70), runs=[("0", 1, "zero"), ("1", 1, "one"), ("3", 2, "three")]),
        part(tmp_path / "c.db", range(60, 90), runs=[("2", 4, "two")]),
    ]


def test_the_union_whatever_the_order_and_how_often(parts: list[Path], tmp_path: Path) -> None:
    wanted = rows(part(tmp_path / "whole.db", range(90), runs=[("0", 1, "zero"), ("3", 2, "three"), ("1", 1, "one"), ("2", 4, "two")]))
    for number, order in enumerate(([0, 1, 2], [2, 1, 0], [1, 2, 0])):
        target = tmp_path / f"all-{number}.db"
        merged = merge_stores([parts[one] for one in order], target)
        assert rows(target) == wanted
        assert (merged.added, merged.responses, merged.conflicts) == (90, 90, 0)
        again = merge_stores(parts, target)
        assert rows(target) == wanted and (again.added, again.runs_added, again.conflicts) == (0, 0, 0)
    one_by_one = tmp_path / "steps.db"
    assert [merge_stores([one], one_by_one).added for one in parts] == [40, 30, 20]
    assert rows(one_by_one) == wanted
    with open_existing(one_by_one) as store:
        assert [run.config["item"] for run in store.runs()] == ["0", "1", "3", "2"], "runs are listed as they began"
        assert store.get([hex_key(65)])[hex_key(65)] == rollout(65)


def test_more_parts_than_sqlite_reads_at_once(tmp_path: Path) -> None:
    parts = [part(tmp_path / f"{n}.db", range(5 * n, 5 * n + 10), runs=[(str(n), 1, "x")]) for n in range(23)]
    merged = merge_stores(parts, tmp_path / "all.db")
    assert (merged.added, merged.responses, merged.runs_added, len(merged.parts)) == (120, 120, 23, 23)
    own = part(tmp_path / "own.db", range(100, 130), runs=[("own", 1, None)])
    tried = merge_stores(parts, own, dry_run=True)
    merged = merge_stores(parts, own)
    assert (merged.added, merged.responses, merged.runs_added) == (tried.added, tried.responses, tried.runs_added) == (100, 130, 23)
    assert rows(own) - rows(tmp_path / "all.db") == rows(part(tmp_path / "rest.db", range(120, 130), runs=[("own", 1, None)]))
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".db"] * len(list(tmp_path.iterdir())), "nothing is left beside it"


def test_a_dry_run_says_what_a_merge_does_and_keeps_nothing(parts: list[Path], tmp_path: Path) -> None:
    target = tmp_path / "all.db"
    tried = merge_stores(parts, target, dry_run=True)
    assert not target.exists() and merge_stores(parts, target) == tried
    own = part(tmp_path / "own.db", range(20, 50))
    before = rows(own)
    tried = merge_stores(parts, own, dry_run=True)
    assert rows(own) == before and merge_stores(parts, own) == tried and tried.added == 60


def test_the_first_of_two_responses_stays_and_the_other_is_counted_and_named(tmp_path: Path) -> None:
    first, second = part(tmp_path / "a.db", range(20)), part(tmp_path / "b.db", range(10, 25), shift=1)
    merged = merge_stores([first, second], tmp_path / "all.db")
    assert (merged.added, merged.conflicts, len(merged.conflicting)) == (25, 10, 3)
    assert merged.conflicting[0] == f"Sample {hex_key(10)} of b.db"
    with open_existing(tmp_path / "all.db") as store:
        assert store.get([hex_key(10)])[hex_key(10)] == rollout(10)
    assert merge_stores([second], tmp_path / "all.db").conflicts == 10, "it is a conflict however often it is found"


def test_a_run_that_had_not_ended_is_finished_by_a_later_merge(tmp_path: Path) -> None:
    live = part(tmp_path / "live.db", range(5), runs=[("7", 1, None)])
    assert merge_stores([live], tmp_path / "all.db").parts[0].unfinished == 1
    with make(live) as store:
        store.finish_run(1, finished=f"{DAY}9+00:00", document=b"seven")
    merged = merge_stores([live], tmp_path / "all.db")
    assert (merged.runs_added, merged.parts[0].unfinished, rows(tmp_path / "all.db")) == (1, 0, rows(live))


def test_a_part_that_is_being_written_is_merged_as_it_is(tmp_path: Path) -> None:
    path, stop, written = tmp_path / "live.db", threading.Event(), list[int]()

    def write() -> None:
        with make(path) as store:
            while not stop.is_set():
                store.put(hex_key(len(written)), SAMPLE, rollout(len(written)))
                written.append(1)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        while len(written) < 200:
            time.sleep(0.001)
        totals = []
        for _ in range(3):
            at_least = len(written)
            totals.append(merge_stores([path], tmp_path / "all.db").responses)
            assert totals[-1] >= at_least
    finally:
        stop.set()
        thread.join()
    assert totals == sorted(totals)
    merge_stores([path], tmp_path / "all.db")
    assert rows(tmp_path / "all.db") == rows(path)


def _refused(expected: type[TokenworthError], what: str, *arguments: object) -> None:
    with pytest.raises(expected, match=what) as caught:
        merge_stores(*arguments)  # pyright: ignore[reportArgumentType]
    assert "\n" not in str(caught.value)


def test_what_cannot_be_merged_is_said_in_one_line_before_the_first_row(parts: list[Path], tmp_path: Path) -> None:
    target = part(tmp_path / "all.db", range(3))
    before = rows(target)
    link = tmp_path / "link.db"
    link.symlink_to(parts[0])
    with open_store(tmp_path / "other.db", fingerprint="another", name="other"):
        pass
    shutil.copy(parts[0], tmp_path / "schema.db")
    with closing(sqlite3.connect(tmp_path / "schema.db")) as connection, connection:
        connection.execute("UPDATE meta SET value = '2' WHERE name = 'schema'")
    (tmp_path / "text.db").write_text("not a store")
    (tmp_path / "empty.db").write_bytes(b"")
    (tmp_path / "short.db").write_bytes(parts[0].read_bytes()[:-4096])
    _refused(InvalidInput, "nothing to merge", [], target)
    _refused(InvalidInput, "both a part and the target; leave it out", [parts[0], target], target)
    _refused(InvalidInput, r"link.db' is the same file as .*a.db'; name each part once", [parts[0], link], target)
    _refused(MissingFile, "gone.db' does not exist; nothing was merged", [parts[0], tmp_path / "gone.db"], target)
    _refused(MissingFile, "the folder .*no.* does not exist", parts, tmp_path / "no" / "all.db")
    _refused(MismatchError, "of the model 'other' .*those of 'toy:a.json'", [parts[0], tmp_path / "other.db"], target)
    _refused(MismatchError, "of the model 'toy:a.json'", [parts[0]], tmp_path / "other.db")
    _refused(MismatchError, "has schema 2.1", [parts[0], tmp_path / "schema.db"], target)
    _refused(StoreError, "not a tokenworth store", [parts[0], tmp_path / "text.db"], target)
    _refused(StoreError, "it is empty, not a tokenworth store", [parts[0], tmp_path / "empty.db"], target)
    _refused(StoreError, "short.db': it is damaged", [parts[0], tmp_path / "short.db"], target)
    assert rows(target) == before


DAMAGES = {
    "a payload that is cut": "UPDATE responses SET payload = substr(payload, 1, length(payload) - 1) WHERE rowid = 4",
    "a payload of text": "UPDATE responses SET payload = 'abc' WHERE rowid = 4",
    "a short key": "UPDATE responses SET key = x'00ff' WHERE rowid = 4",
    "a key of text": "UPDATE responses SET key = 'abcdefghijklmnopqrstuvwxyzabcdef' WHERE rowid = 4",
    "a long kind": "UPDATE responses SET kind = hex(zeroblob(1000)) WHERE rowid = 4",
    "a cut of text": "UPDATE responses SET cut = 'a' WHERE rowid = 4",
    "a stop that is a blob": "UPDATE responses SET stop = x'00' WHERE rowid = 4",
    "a payload that is too long": "UPDATE responses SET payload = zeroblob(33554433) WHERE rowid = 4",
    "a config that is a blob": "UPDATE runs SET config = x'00'",
    "options that are no object": "UPDATE runs SET config = '[]'",
    "a document of text": "UPDATE runs SET document = 'abc'",
    "a time of 1000 letters": "UPDATE runs SET started = hex(zeroblob(1000))",
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_row_that_no_store_keeps_ends_the_merge(damage: str, parts: list[Path], tmp_path: Path) -> None:
    with closing(sqlite3.connect(parts[1], isolation_level=None)) as connection:
        made = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'responses_stay'").fetchone()[0]
        connection.execute("DROP TRIGGER responses_stay")
        connection.execute(damage)
        connection.execute(made)
    _refused(
        StoreError,
        r"b.db': it is damaged \(\d+ of its (responses|runs) are not as a store keeps them.*nothing was merged",
        parts,
        tmp_path / "x.db",
    )
    assert rows(tmp_path / "x.db") == set()


CHILD = """
import sys
from pathlib import Path
from tokenworth.store.merge import merge_stores
print("begun", flush=True)
merge_stores([Path(part) for part in sys.argv[2:]], Path(sys.argv[1]))
"""


@pytest.mark.slow
def test_a_merge_that_is_killed_leaves_the_target_as_it_was_or_done(tmp_path: Path) -> None:
    parts = [tmp_path / f"part-{number}.db" for number in range(2)]
    for number, path in enumerate(parts):
        part(path, [])
        with closing(sqlite3.connect(path)) as connection, connection, open_existing(part(tmp_path / "one.db", [1])) as one:
            (payload,) = one._database.ask("SELECT payload FROM responses")[0]
            keys = (random.Random(n).randbytes(32) for n in range(number * 60_000, (number + 1) * 60_000))
            connection.executemany("INSERT INTO responses VALUES (?, 'Sample', 0, 0, 'stop', 3, ?)", ((key, payload) for key in keys))
    own = part(tmp_path / "own.db", range(10))

    def started(target: Path) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", CHILD, str(target), *map(str, parts)]
        child = subprocess.Popen(command, env=child_environment(), stdout=subprocess.PIPE)
        assert child.stdout is not None and child.stdout.readline() == b"begun\n"
        return child

    target, began = tmp_path / "timed.db", time.monotonic()
    shutil.copy(own, target)
    child = started(target)
    began = time.monotonic()
    assert child.wait() == 0
    took = time.monotonic() - began
    left = list[int]()
    for number in range(6):
        target = tmp_path / f"target-{number}.db"
        shutil.copy(own, target)
        child = started(target)
        time.sleep(took * (number + 0.5) / 6)
        child.kill()
        child.wait()
        left.append(len(stored(target)))
        assert merge_stores(parts, target).responses == 120_010
    assert set(left) <= {10, 120_010} and left[0] == 10, left


def test_a_merged_store_is_whole_by_itself(parts: list[Path], tmp_path: Path) -> None:
    """Nothing of it is left in a log beside it, so that it can be copied."""
    merged: Merged = merge_stores(parts, tmp_path / "all.db")
    copy = Path(shutil.copy(tmp_path / "all.db", tmp_path / "elsewhere.db"))
    assert len(stored(copy)) == merged.responses and not (tmp_path / "all.db-wal").exists()
