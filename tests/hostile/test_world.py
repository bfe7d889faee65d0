"""A world that breaks under a run: the store goes, disks and files are not what they were, signals come at any time."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import tokenworth as tw
from tests.checkout import child_environment
from tests.laws.store import ROLLOUT, SAMPLE, hex_key
from tests.store.store_cases import make
from tokenworth.errors import StoreLost
from tokenworth.run.progress import RunEvent
from tokenworth.store.sqlite import SqliteStore, open_existing

Harm = Callable[[Path], object]


def _log(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def _replaced(path: Path) -> None:
    make(path.with_name("other.db")).close()
    path.with_name("other.db").replace(path)


def _copied_over(path: Path) -> None:
    other = path.with_name("other.db")
    with make(other) as store:
        for number in range(2000):
            store.put(hex_key(number), SAMPLE, ROLLOUT)
    path.write_bytes(other.read_bytes())


def _without_its_folder(path: Path) -> None:
    path.parent.rename(path.parent.with_name("elsewhere"))


HARMS: dict[str, tuple[Harm, str]] = {
    "deleted": (lambda path: path.unlink(), "was deleted during the run, and nothing is under its name; its responses are gone"),
    "deleted with its log": (lambda path: [path.unlink(), _log(path).unlink()], "was deleted during the run"),
    "renamed": (lambda path: path.rename(path.with_name("kept.db")), "kept.db"),
    "its folder renamed": (_without_its_folder, "elsewhere"),
    "replaced": (_replaced, "was deleted during the run, and another file is under its name"),
    "copied over": (_copied_over, "was overwritten during the run"),
    "written over with text": (lambda path: path.write_text("x" * 100_000), "was "),
    "cut to nothing": (lambda path: os.truncate(path, 0), "was cut from"),
    "cut in half": (lambda path: os.truncate(path, path.stat().st_size // 2), "was cut from"),
    "its log deleted": (lambda path: _log(path).unlink(), "lost its write-ahead log during the run"),
    "its log replaced": (lambda path: [_log(path).unlink(), _log(path).write_bytes(b"")], "lost its write-ahead log during the run"),
    "its log cut to nothing": (lambda path: os.truncate(_log(path), 0), "lost its write-ahead log during the run"),
    "its log cut to its first frames": (lambda path: os.truncate(_log(path), 30_000), "lost its write-ahead log during the run"),
}


def _put_and_flush(store: SqliteStore) -> None:
    store.put(hex_key(5000), SAMPLE, ROLLOUT)
    store.flush()


@pytest.mark.parametrize("name", HARMS)
def test_a_store_that_is_gone_is_noticed_at_the_next_flush(tmp_path: Path, name: str) -> None:
    harm, told = HARMS[name]
    folder = tmp_path / "runs"
    folder.mkdir()
    path = folder / "run.db"
    with make(path) as store:
        # Enough for a checkpoint, so that not everything is in the log.
        for number in range(1500):
            store.put(hex_key(number), SAMPLE, ROLLOUT)
        store.flush()
        harm(path)
        for _ in range(2):
            with pytest.raises(StoreLost) as caught:
                _put_and_flush(store)
            assert told in str(caught.value) and "\n" not in str(caught.value)
        with pytest.raises(StoreLost):
            store.finish_run(1, finished="2026")
        left = path.read_bytes() if path.exists() else b""
    if told != "lost its write-ahead log during the run":
        assert (path.read_bytes() if path.exists() else b"") == left  # closing writes nothing over what is somebody else's
    if name in ("renamed", "its folder renamed"):
        (kept,) = [*tmp_path.glob("runs/kept.db"), *tmp_path.glob("elsewhere/run.db")]
        assert f"holds {1501:,} responses" in str(caught.value)
        with open_existing(kept) as store:
            assert len(store) == 1501


def test_a_log_that_was_cut_and_has_grown_again(tmp_path: Path) -> None:
    """SQLite goes on writing behind the hole."""
    with make(tmp_path / "run.db") as store:
        for number in range(50):
            store.put(hex_key(number), SAMPLE, ROLLOUT)
            store.flush()
        size = _log(store.path).stat().st_size
        os.truncate(_log(store.path), 0)
        while _log(store.path).stat().st_size < size:
            key = hex_key(100 + number)
            store._database.ask(f"INSERT INTO responses VALUES (x'{key}', 'Draw', 0, 0, 'stop', 3, x'00')")
            number += 1
        with pytest.raises(StoreLost, match="lost its write-ahead log"):
            store.flush()


def test_other_work_on_a_store_is_no_harm(tmp_path: Path) -> None:
    """Other writers, readers, checkpoints and copies."""
    path = tmp_path / "run.db"
    with make(path) as store, make(path) as other:
        for number in range(300):
            (store if number % 2 else other).put(hex_key(number), SAMPLE, ROLLOUT)
            store.flush()
            if number % 100 == 50:
                other._database.ask("PRAGMA wal_checkpoint(TRUNCATE)")
                shutil.copy(path, tmp_path / "copy.db")
                with open_existing(path) as reader:
                    assert len(reader) == number + 1
        other.close()
        store.flush()
        other = make(path)
        other.put(hex_key(300), SAMPLE, ROLLOUT)
        other.close()
        store.flush()
        assert len(store) == 301


def test_a_run_whose_store_goes_ends_in_one_line(good: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "run.db"
    seen: list[RunEvent] = []

    def watch(event: RunEvent) -> None:
        seen.append(event)
        if len(seen) == 8:
            path.unlink()

    with tw.Workbench(f"toy:{good / 'toy.json'}", store=path, on_event=lambda verb: watch) as bench:
        with pytest.raises(StoreLost, match="was deleted during the run"):
            list(bench.measure("curve", max_rollouts=20_000, seed=3))
        assert len(seen) < 200
    assert caplog.text == ""


# -- signals ----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_at_any_time_end_it_cleanly(good: Path, tmp_path: Path, number: signal.Signals) -> None:
    """From the first line of ours on: no traceback, no file of a part."""
    command = [sys.executable, "-X", "frozen_modules=on", "-m", "tokenworth", "curve", "--model", f"toy:{good / 'toy.json'}"]
    command += ["--max-rollouts", "200000", "--store", "run.db", "--json", "out.json"]
    for delay in (0.1, 0.3, 0.6, 1.2):
        child = subprocess.Popen(command, cwd=tmp_path, env=child_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if delay == 0.1:
            _wait_for_our_handler(child, number)
        else:
            time.sleep(delay)
        child.send_signal(number)
        _, err = child.communicate(timeout=120)
        assert "Traceback" not in err and "Exception" not in err, err
        # Before anything of ours is loaded, and once we have said that we stop, the system's own way of ending is all there is.
        assert child.returncode in (130, -number, -signal.SIGINT, 0) and (child.returncode != 130 or "stopped" in err), (delay, err)
    assert not list(tmp_path.glob("*.part")) and not list(tmp_path.glob(".*.part"))


def _wait_for_our_handler(child: subprocess.Popen[str], number: signal.Signals) -> None:
    """Until the process catches SIGTERM, which Python by itself never does."""
    del number
    status = Path(f"/proc/{child.pid}/status")
    if not status.exists():
        pytest.skip("no /proc")
    while child.poll() is None:
        caught = next(line for line in status.read_text().splitlines() if line.startswith("SigCgt:"))
        if int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1:
            return
        time.sleep(0.001)
