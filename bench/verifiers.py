"""Speed of the verifiers: events a second on 30 x 30 mazes and long sokoban and countdown traces, growth, generators, memory.

Times are processor seconds of one process, best of ``--rounds``; run it on an idle machine.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tokenworth.core.verification import FormalText, Strictness
from tokenworth.tasks.maze.dialect import DIALECTS
from tokenworth.tasks.maze.domain import DOMAIN
from tokenworth.tasks.maze.generate import generate
from tokenworth.tasks.maze.grammar import render
from tokenworth.tasks.maze.search import solve
from tokenworth.tasks.maze.spec import FAMILIES

DIALECT = DIALECTS["beyond-semantics"]


def best(call: Callable[[], object], rounds: int) -> float:
    """The least processor seconds of a call."""
    seconds: list[float] = []
    for _ in range(rounds):
        begun = time.process_time()
        call()
        seconds.append(time.process_time() - begun)
    return min(seconds)


def text_of(family: str, side: int, index: int) -> FormalText:
    """A solved maze as text."""
    maze = generate(family, side, seed=1, index=index)
    found = solve(maze, DIALECT)
    return FormalText(id=f"{family}-{index}", trace=render(maze, found.trace, found.plan, DIALECT), given={"rows": side, "cols": side})


def mazes(rounds: int, n: int) -> None:
    """Events a second by family and strictness on 30 x 30 mazes, prompt and plan included."""
    print("| family | events a trace | " + " | ".join(f"{strictness}: events/s" for strictness in Strictness) + " |")
    print("|---" * (2 + len(Strictness)) + "|")
    total = dict.fromkeys(Strictness, 0.0)
    n_events = 0
    for family in FAMILIES:
        texts = [text_of(family, 30, index) for index in range(n)]
        events = sum(DOMAIN.verify(text, dialect=DIALECT.name, strictness=Strictness.STRICT).n_events for text in texts)
        cells = [family, f"{events / n:.0f}"]
        for strictness in Strictness:
            seconds = best(
                lambda strictness=strictness, texts=texts: [DOMAIN.verify(t, dialect=DIALECT.name, strictness=strictness) for t in texts],
                rounds,
            )
            total[strictness] += seconds
            cells.append(f"{events / seconds:,.0f}")
        n_events += events
        print("| " + " | ".join(cells) + " |")
    print("| all | | " + " | ".join(f"{n_events / total[strictness]:,.0f}" for strictness in Strictness) + " |")


def open_maze_text(events: int) -> FormalText:
    """A valid trace of about this many events: a serpentine corridor, so that the length is known."""
    side = max(5, int((events * 0.93) ** 0.5) | 1)
    rows = side
    walls = [(x, y) for y in range(1, rows, 2) for x in range(side) if x != (side - 1 if (y // 2) % 2 == 0 else 0)]
    from tokenworth.tasks.maze.instance import Maze

    goal = (side - 1 if ((rows - 1) // 2) % 2 == 0 else 0, rows - 1)
    maze = Maze(cols=side, rows=rows, walls=tuple(walls), start=(0, 0), goal=goal)
    found = solve(maze, DIALECT)
    return FormalText(id="long", trace=render(maze, found.trace, found.plan, DIALECT), given={"rows": rows, "cols": side})


def growth(rounds: int) -> None:
    """Seconds against length: valid traces, and traces in which every event is wrong."""
    print("\n| events | valid: events/s | all wrong: events/s |\n|---|---|---|")
    for wanted in (1_000, 3_000, 10_000, 30_000, 100_000):
        valid = open_maze_text(wanted)
        n = DOMAIN.verify(valid, dialect=DIALECT.name, strictness=Strictness.STRICT).n_events
        wrong = FormalText(id="wrong", trace="query start 0 0 goal 9 9 reasoning " + "close 5 5 c7 c7 " * n + "solution plan 0 0 end")
        rates: list[str] = []
        for text in (valid, wrong):
            seconds = best(lambda text=text: DOMAIN.verify(text, dialect=DIALECT.name, strictness=Strictness.STRICT), rounds)
            rates.append(f"{n / seconds:,.0f}")
        print(f"| {n:,} | " + " | ".join(rates) + " |")


def generators(n: int) -> None:
    """Milliseconds of a maze, and of a maze with its trace, by family and side."""
    print("\n| family | " + " | ".join(f"side {side}: maze / with trace, ms" for side in (7, 10, 30)) + " |\n|---|---|---|---|")
    for family in FAMILIES:
        cells: list[str] = []
        for side in (7, 10, 30):
            begun = time.process_time()
            made = [generate(family, side, seed=2, index=index) for index in range(n)]
            drawn = time.process_time() - begun
            begun = time.process_time()
            for maze in made:
                solve(maze, DIALECT)
            cells.append(f"{1000 * drawn / n:.2f} / {1000 * (drawn + time.process_time() - begun) / n:.2f}")
        print(f"| {family} | " + " | ".join(cells) + " |")


def memory(n: int) -> None:
    """Peak memory of ``verify`` over a thousand and over ``n`` streamed traces."""
    texts = [text_of("wilson", 5, index).trace for index in range(200)]
    with tempfile.TemporaryDirectory() as folder:
        for count in (1_000, n):
            path = Path(folder) / f"{count}.jsonl"
            with path.open("w", encoding="utf-8") as handle:
                for index in range(count):
                    handle.write(json.dumps({"id": str(index), "text": texts[index % len(texts)]}) + "\n")
            before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
            # Not `ru_maxrss`, which a child inherits from the process that started it.
            code = (
                "import sys; from tokenworth.cli.main import run; status = run(sys.argv[1:]); "
                "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM'))); sys.exit(status)"
            )
            command = [sys.executable, "-c", code, "verify", "maze", str(path), "--json", str(Path(folder) / "out.jsonl")]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            seconds = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
            peak = int(done.stdout.split()[-1]) / 1024
            print(f"verify, {count:,} traces streamed: peak {peak:.1f} MiB, {seconds:.0f} s, {count / seconds:,.0f} traces/s")


def main() -> None:
    """Reads the command line and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--mazes", type=int, default=20, help="30 x 30 mazes of each family")
    parser.add_argument("--traces", type=int, default=1_000_000, help="traces streamed for the memory reading; 0 leaves it out")
    chosen = parser.parse_args()
    mazes(chosen.rounds, chosen.mazes)
    growth(chosen.rounds)
    generators(30)
    if chosen.traces:
        print()
        memory(chosen.traces)


if __name__ == "__main__":
    main()
