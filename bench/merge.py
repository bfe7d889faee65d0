"""Joining stores: ``python bench/merge.py`` prints a Markdown table of what `tokenworth merge` takes.

Each row joins two stores with responses of about 170 bytes into a new one: of keys that differ, of the same keys once more, and of parts of
which a share is the same. CPU seconds are those of this process.
"""

from __future__ import annotations

import argparse
import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path

import numpy as np

from tokenworth.core.request.sample import Rollout
from tokenworth.core.tokens import StopReason
from tokenworth.store.codec import encode_response
from tokenworth.store.merge import merge_stores
from tokenworth.store.sqlite import open_store

TOKENS = 100
PAYLOADS = 2_000


def make(path: Path, keys: list[bytes]) -> None:
    """A store with a rollout under each key."""
    rng = np.random.default_rng(7)
    ids = rng.integers(0, 8_000, (PAYLOADS, TOKENS)).tolist()
    payloads = [encode_response(Rollout(ids=tuple(row), stop=StopReason.STOP)) for row in ids]
    rows = ((key, "Sample", 0, n, "stop", TOKENS, payloads[key[0] * 256 + key[1] & 1023]) for n, key in enumerate(keys))
    with open_store(path, fingerprint="bench", name="bench"), closing(sqlite3.connect(path)) as connection:
        connection.executemany("INSERT INTO responses VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        connection.commit()


def merged(parts: list[Path], target: Path, what: str) -> str:
    """One row of the table."""
    began, cpu = time.perf_counter(), time.process_time()
    found = merge_stores(parts, target)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - began
    n = sum(part.responses for part in found.parts)
    size = sum(path.stat().st_size for path in parts) / n
    return f"| {what} | {n:,} | {found.added:,} | {size:,.0f} | {cpu:.1f} | {wall:.1f} | {n / cpu:,.0f} |"


def main() -> None:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(description="Merge benchmark: prints a Markdown table.")
    parser.add_argument("--responses", type=int, default=500_000, help="responses of each part (default 500000)")
    parser.add_argument("--folder", type=Path, help="where to write the files (default: a temporary folder)")
    options = parser.parse_args()
    n = options.responses
    rng = np.random.default_rng(3)
    keys = [rng.bytes(32) for _ in range(3 * n)]
    print("| parts | responses in them | added | bytes each in the file | CPU s | wall s | responses per CPU second |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        for number, part in enumerate((keys[:n], keys[n : 2 * n], keys[3 * n // 2 : 5 * n // 2])):
            make(folder / f"part-{number}.db", part)
        small = [folder / f"small-{number}.db" for number in range(12)]
        for number, path in enumerate(small):
            make(path, keys[number * n // 6 : (number + 1) * n // 6])
        parts = [folder / f"part-{number}.db" for number in range(3)]
        print(merged(parts[:2], folder / "all.db", "2, nothing in common"), flush=True)
        print(merged(parts[:2], folder / "all.db", "the same 2 again"), flush=True)
        print(merged(parts[2:], folder / "all.db", "1, half of it there"), flush=True)
        print(merged(small, folder / "many.db", "12, nothing in common"), flush=True)


if __name__ == "__main__":
    main()
