"""kill -9 and two writers: nothing acknowledged is lost, nothing is drawn twice, the result is the same."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.checkout import child_environment
from tests.laws.store import hex_key
from tests.store import crash_child
from tests.store.killing import kill_after, stored
from tokenworth.run.drive import drive
from tokenworth.store.memory import MemoryStore

KILLS = 24
ROUNDS = int(os.environ.get("TOKENWORTH_KILL_ROUNDS", "1"))
N_REQUESTS = 1 + 2 + crash_child.ROUNDS * crash_child.PER_ROUND


@pytest.fixture(scope="module")
def uninterrupted() -> dict[str, object]:
    store = MemoryStore()
    result = drive(crash_child.experiment(), backend=crash_child.backend(), store=store)
    assert len(store) == N_REQUESTS
    return result


def start(path: Path, seconds: float) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", crash_child.__name__, str(path), str(seconds)], env=child_environment(), stdout=subprocess.PIPE
    )


def acknowledged(written: bytes) -> list[str]:
    return [line for line in written.decode().split("\n")[:-1] if not line.startswith("RESULT")]


def finish(path: Path) -> tuple[dict[str, object], list[str]]:
    done = subprocess.run(
        [sys.executable, "-m", crash_child.__name__, str(path), "0"], env=child_environment(), capture_output=True, timeout=60, check=True
    )
    *_, last = done.stdout.decode().splitlines()
    return json.loads(last.removeprefix("RESULT ")), acknowledged(done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20, 20 + ROUNDS))
def test_kills_lose_nothing_and_change_nothing(tmp_path, uninterrupted, seed):
    path = tmp_path / "run.db"
    moments = random.Random(seed)
    drawn: list[str] = []
    for kill in range(KILLS):
        before = stored(path)
        # A third of the kills hit the start (imports, making the file, replaying), the others the drawing.
        early = kill % 3 == 0
        child = start(path, 0.001)
        if early:
            written = kill_after(child, lines=20, by=moments.uniform(0.1, 0.6))
        else:
            written = kill_after(child, lines=moments.randint(1, 45), then=moments.uniform(0, 0.004))
        assert b"RESULT" not in written, "the experiment is too short for this many kills"
        new = acknowledged(written)
        after = stored(path)
        assert set(after) >= set(before) | set(new), "something acknowledged was lost"
        assert len(set(after) - set(before) - set(new)) <= 1, "at most the response in flight is kept without word of it"
        assert not set(new) & set(before), "something stored was drawn again"
        drawn += new
    assert len(drawn) == len(set(drawn)) > 200
    result, rest = finish(path)
    assert result == uninterrupted
    assert not set(rest) & set(drawn)
    assert len(stored(path)) == len(set(stored(path))) == N_REQUESTS
    assert finish(path) == (uninterrupted, [])


@pytest.mark.slow
def test_two_writers_end_with_the_union(tmp_path, uninterrupted):
    path = tmp_path / "run.db"
    children = [start(path, 0.0005) for _ in range(2)]
    written = [child.communicate(timeout=60)[0] for child in children]
    for text in written:
        assert json.loads(text.decode().splitlines()[-1].removeprefix("RESULT ")) == uninterrupted
    union = {key for text in written for key in acknowledged(text)}
    assert set(stored(path)) == union
    assert len(union) == N_REQUESTS


@pytest.mark.slow
def test_one_of_two_writers_is_killed(tmp_path, uninterrupted):
    path = tmp_path / "run.db"
    one, other = start(path, 0.001), start(path, 0.001)
    written = kill_after(one, lines=150, then=0.001)
    rest = other.communicate(timeout=60)[0]
    assert json.loads(rest.decode().splitlines()[-1].removeprefix("RESULT ")) == uninterrupted
    assert set(stored(path)) >= set(acknowledged(written)) | set(acknowledged(rest))
    assert len(stored(path)) == N_REQUESTS


OPENER = """
import sys
from tests.laws.store import ROLLOUT, SAMPLE, hex_key
from tokenworth.store.sqlite import open_store
print("ready", flush=True)
for line in sys.stdin:
    path, first = line.split()
    with open_store(path, fingerprint="abc", name="toy:a.json") as store:
        for number in range(int(first), int(first) + 20):
            store.put(hex_key(number), SAMPLE, ROLLOUT)
    print("done", flush=True)
"""


@pytest.mark.slow
def test_processes_that_make_one_file_at_once(tmp_path):
    """Three processes open a file that is not there yet, at once, eight times over, and write overlapping keys."""
    environment = child_environment()
    command = [sys.executable, "-c", OPENER]
    children = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, env=environment) for _ in range(3)
    ]
    assert [_line(child) for child in children] == ["ready"] * 3
    for attempt in range(8):
        path = tmp_path / f"run{attempt}.db"
        for number, child in enumerate(children):
            assert child.stdin is not None
            child.stdin.write(f"{path} {10 * number}\n")
        assert [_line(child) for child in children] == ["done"] * 3
        assert sorted(stored(path)) == [hex_key(number) for number in range(40)]
    for child in children:
        child.communicate(timeout=10)
        assert child.returncode == 0


def _line(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()
