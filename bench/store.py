"""Rollouts written and read per second, and bytes a rollout takes in the file: prints a Markdown table.

    python bench/store.py [--rollouts N] [--folder PATH]

Ids are drawn from a Zipf law over 150,000 tokens, about as unequal as the tokens of English text. Rollouts are written
as a driver writes them, one commit each, and read back 500 keys at a time. "One transaction" is the rate of the same
writes without a commit each: what the guarantee costs.
"""

from __future__ import annotations

import argparse
import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path

import numpy as np

from tokenworth.core.request.sample import Rollout, Sample
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import StopReason, TokenSequence
from tokenworth.store.codec import encode_response
from tokenworth.store.sqlite import SqliteStore, open_store

VOCABULARY = 150_000
EXPONENT = 1.05
LENGTHS = (100, 1_000)
READ_AT_ONCE = 500
PARAMS = Sampling(temperature=1.0, top_k=0, top_p=1.0, min_p=0.0, max_tokens=2_000, stop=())
REQUEST = Sample(sequence=TokenSequence(prompt=(), completion=()), cut=0, params=PARAMS, seed=0, index=0)


def make_rollouts(rng: np.random.Generator, n: int, length: int) -> list[Rollout]:
    """``n`` rollouts of ``length`` ids each."""
    share = 1 / np.arange(1, VOCABULARY + 1) ** EXPONENT
    ids = np.searchsorted(np.cumsum(share / share.sum()), rng.random((n, length)), side="right")
    return [Rollout(ids=tuple(row), stop=StopReason.STOP) for row in ids.tolist()]


def write(store: SqliteStore, keys: list[str], rollouts: list[Rollout]) -> float:
    """Seconds to put all rollouts."""
    began = time.perf_counter()
    for key, rollout in zip(keys, rollouts, strict=True):
        store.put(key, REQUEST, rollout)
    store.flush()
    return time.perf_counter() - began


def write_at_once(path: Path, keys: list[str], rollouts: list[Rollout]) -> float:
    """Seconds to write the same rows in one transaction."""
    with open_store(path, fingerprint="bench", name="bench"), closing(sqlite3.connect(path)) as connection:
        began = time.perf_counter()
        rows = (
            (bytes.fromhex(key), "Sample", 0, 0, "stop", len(rollout.ids), encode_response(rollout))
            for key, rollout in zip(keys, rollouts, strict=True)
        )
        connection.executemany("INSERT INTO responses VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        connection.commit()
        return time.perf_counter() - began


def read(store: SqliteStore, keys: list[str]) -> float:
    """Seconds to get all rollouts, in another order than they were written."""
    mixed = np.random.default_rng(1).permutation(np.asarray(keys)).tolist()
    began = time.perf_counter()
    found = sum(len(store.get(mixed[start : start + READ_AT_ONCE])) for start in range(0, len(mixed), READ_AT_ONCE))
    seconds = time.perf_counter() - began
    assert found == len(keys)
    return seconds


def measure(folder: Path, n: int, length: int) -> str:
    """One row of the table."""
    rng = np.random.default_rng(length)
    rollouts = make_rollouts(rng, n, length)
    keys = [rng.bytes(32).hex() for _ in rollouts]
    path = folder / f"{length}.db"
    with open_store(path, fingerprint="bench", name="bench") as store:
        written = write(store, keys, rollouts)
        got = read(store, keys)
    size = path.stat().st_size / n
    payload = float(np.mean([len(encode_response(rollout)) for rollout in rollouts]))
    at_once = write_at_once(folder / f"{length}-at-once.db", keys, rollouts)
    return f"| {length:,} | {n / written:,.0f} | {n / at_once:,.0f} | {n / got:,.0f} | {payload:,.0f} | {size:,.0f} | {size / length:.2f} |"


def main() -> None:
    """Measures both lengths and prints the table."""
    parser = argparse.ArgumentParser(description="Store benchmark: prints a Markdown table.")
    parser.add_argument("--rollouts", type=int, default=20_000, help="rollouts of each length (default 20000)")
    parser.add_argument("--folder", type=Path, help="where to write the files (default: a temporary folder)")
    options = parser.parse_args()
    print("| tokens | written/s | written/s, one transaction | read/s | payload, bytes | in the file, bytes | bytes per token |")
    print("|---:|---:|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for length in LENGTHS:
            print(measure(Path(folder), options.rollouts, length))


if __name__ == "__main__":
    main()
