"""Runs every benchmark, one after the other, and writes their tables to ``build/benchmarks.md``.

Usage: ``python bench/all.py [--only NAME …] [--out FILE]``. Machines are noisy: read the ratios, each measured within one run.
"""

from __future__ import annotations

import argparse
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).parent
BENCHES = {
    "estimator": "Excursions against 20 rollouts per cut: generated tokens at equal mean squared error, and coverage of the intervals.",
    "claims": "Pivots: false claims, recall, coverage of selected intervals and tokens, beside raw differences.",
    "forced": "Forced answers at all cuts of a trace of 1,000 tokens.",
    "rollouts": "Rollouts from 64 cuts of one 800-token sequence: tokens per second and peak memory.",
    "many": "Many experiments: one by one against together, local and llama.cpp; memory from 100 to 2,000 problems.",
    "report_size": "The report: build time, size, time until it can be used, hover.",
    "gallery": "The gallery: size, time until it can be used, sort, brush, scroll, for 622, 8,000 and 100,000 traces.",
    "store": "The store: rollouts written and read per second, bytes a rollout.",
    "merge": "Stores joined: responses per second of processor time.",
    "restart": "A run over 1,000 problems, and the same command once it is done.",
    "verifiers": "Verifiers: events a second on mazes, growth with the length, generators, memory over a million traces.",
    "sokoban_verify": "The sokoban verifier: events a second on traces of 10,000 tokens and more, growth with the length.",
    "servers": "Served models: the client's cost of a request, share of the server's throughput, prefixes, many in flight, memory.",
}
INTRO = """# Benchmarks

Made by `make bench` ({date}; {machine}). Each table is one run of one script in `bench/`; the ratios in it were measured
interleaved in that run. Expectations are those the project set itself before it measured.
"""


def section(name: str, text: str, table: str) -> str:
    """A section of the page."""
    return f"\n## {name}\n\n{text} `python bench/{name}.py`\n\n{table.strip()}\n"


def main() -> int:
    """Runs the benches and writes the page; the exit code is 1 when one failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", choices=sorted(BENCHES), help="leave the others' sections out")
    parser.add_argument("--out", type=Path, default=HERE.parent / "build" / "benchmarks.md")
    args = parser.parse_args()
    machine = f"{platform.machine()}, Python {platform.python_version()}"
    page, failed = [INTRO.format(date=datetime.now(UTC).date(), machine=machine)], 0
    for name in args.only or BENCHES:
        print(f"{name} …", file=sys.stderr, flush=True)
        done = subprocess.run([sys.executable, str(HERE / f"{name}.py")], capture_output=True, text=True, check=False)
        if done.returncode:
            failed += 1
            print(done.stderr[-2000:], file=sys.stderr)
            continue
        page.append(section(name, BENCHES[name], done.stdout))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text("".join(page), encoding="utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
