"""kill -9 of a client at twenty moments of a measurement over a real server: nothing stored is lost, drawn twice or changed."""

from __future__ import annotations

import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.backends.http import http_crash_child
from tests.checkout import child_environment
from tests.store.killing import kill_after, stored
from tokenworth.store.sqlite import open_existing

KILLS = 10
"""Of each of two measurements, which share the server."""
# Samples, the table of next tokens, excursions, the forced reading.
N_RESPONSES = http_crash_child.SAMPLES + 1 + http_crash_child.ROLLOUTS + 1


def start(url: str, path: Path, seconds: float) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", http_crash_child.__name__, url, str(path), str(seconds)]
    return subprocess.Popen(command, env=child_environment(), stdout=subprocess.PIPE)


def acknowledged(written: bytes) -> list[str]:
    return [line for line in written.decode().split("\n")[:-1] if len(line) == 64]


def finish(url: str, path: Path) -> tuple[str, list[str]]:
    """What an undisturbed run ends with, and what it drew."""
    written, _ = start(url, path, 0.0).communicate(timeout=120)
    word, digest, drawn, *loaded = written.decode().splitlines()[-1].split()
    keys = acknowledged(written)
    assert (word, int(drawn), loaded) == ("RESULT", len(keys), [])
    return digest, keys


def interrupted(url: str, path: Path, seed: int) -> list[str]:
    """All that was drawn by clients that were killed; the store is checked before and after each."""
    moments = random.Random(seed)
    drawn: list[str] = []
    for kill in range(KILLS):
        before = set(stored(path))
        child = start(url, path, 0.002)
        if kill % 3 == 0:
            # While the server is probed and the store is opened or replayed.
            written = kill_after(child, lines=1, then=moments.uniform(0, 0.6))
        else:
            written = kill_after(child, lines=1 + moments.randint(1, 30), then=moments.uniform(0, 0.006))
        assert b"RESULT" not in written, "the measurement is too short for this many kills"
        new, after = set(acknowledged(written)), set(stored(path))
        assert after >= before | new, "something acknowledged was lost"
        assert len(after - before - new) <= 1, "at most the response in flight is kept without word of it"
        assert not new & before, "something stored was drawn again"
        drawn += after - before
    return drawn


@pytest.mark.slow
def test_twenty_kills_lose_nothing_and_repeat_nothing(llama_url: str, tmp_path: Path):
    paths = [tmp_path / name / "run.db" for name in ("one", "other")]
    for path in paths:
        path.parent.mkdir()
    with ThreadPoolExecutor(2) as pool:
        runs = list(pool.map(lambda path, seed: interrupted(llama_url, path, seed), paths, (31, 32)))
    for path, drawn in zip(paths, runs, strict=True):
        digest, rest = finish(llama_url, path)
        assert len(drawn) > 50 and not set(rest) & set(drawn)
        keys = stored(path)
        assert sorted(keys) == sorted(drawn + rest) and len(set(keys)) == N_RESPONSES
        assert finish(llama_url, path) == (digest, [])
        with open_existing(path) as store:
            assert {run.verb for run in store.runs()} == {"probe"}
