"""Going once more through a run that is done: ``python bench/restart.py`` prints a Markdown table.

Runs `curve` on many problems of the bundled model into a store, then the same command again, which draws nothing. Each is a process.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def timed(words: list[str], folder: str) -> tuple[float, float]:
    """Wall and processor seconds of a command."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, "-m", "tokenworth", *words], cwd=folder, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.perf_counter() - began, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(description="Restart benchmark: prints a Markdown table.")
    parser.add_argument("--items", type=int, default=1000, help="problems (default 1000)")
    parser.add_argument("--store", type=Path, help="a store in which the run is done (default: it is run first)")
    options = parser.parse_args()
    print("| run | problems | wall s | CPU s |")
    print("|---|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        if options.store is not None:
            (Path(folder) / "run.db").write_bytes(options.store.read_bytes())
        words = ["curve", "--task", "world:steps", "--item", f"0-{options.items - 1}", "--max-rollouts", "40", "--store", "run.db"]
        for what in ("first", "again") if options.store is None else ("again",):
            wall, cpu = timed(words, folder)
            print(f"| {what} | {options.items:,} | {wall:.1f} | {cpu:.1f} |", flush=True)


if __name__ == "__main__":
    main()
