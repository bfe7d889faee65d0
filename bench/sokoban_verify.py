"""Speed of the Sokoban verifier: events a second on traces of the solver, and how the time grows with the length of a trace.

Run: python bench/sokoban_verify.py [MOST_EVENTS]
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tests.tasks.sokoban_levels import level_from_rows, random_level
from tests.tasks.sokoban_search import Search, solve
from tokenworth.core.verification import FormalText, Strictness
from tokenworth.tasks.sokoban.grammar import parse
from tokenworth.tasks.sokoban.verify import verify

ROOM = ["##########", "#@       #", "# $    $ #", "#   #    #", "#     .  #", "# $  #   #", "#        #", "#.     . #", "##########"]
"""A wide room with three boxes: its search has more than 100,000 events."""


def seconds(call, tries: int = 3) -> float:
    """The least processor time of some tries."""
    times: list[float] = []
    for _ in range(tries):
        begun = time.process_time()
        call()
        times.append(time.process_time() - begun)
    return min(times)


def row(name: str, run: Search, n: int | None = None) -> str:
    """One line of the table; with ``n``, of the first events only and without the plan."""
    trace = run.trace_text()
    if n is not None:
        parsed = parse(FormalText(id="", prompt=run.prompt, trace=trace))
        trace = trace[: parsed.events[n - 1].chars[1]]
    text = FormalText(id="", prompt=run.prompt, trace=trace, is_cut=n is not None)
    found = verify(text, dialect="searchformer-nondeterministic", strictness=Strictness.STRICT)
    assert not found.counts, found.violations
    spent = seconds(lambda: verify(text, dialect="searchformer-nondeterministic", strictness=Strictness.STRICT))
    read = seconds(lambda: parse(text))
    return (
        f"{name:<26}{found.n_events:>9}{len(trace.split()):>10}{found.facts['ambiguous_closes']:>8}{found.facts['most_worlds']:>8}"
        f"{spent * 1e3:>10.1f}{read * 1e3:>10.1f}{found.n_events / spent:>11.0f}"
    )


def main(most: int) -> None:
    print(f"{'trace':<26}{'events':>9}{'words':>10}{'ambig.':>8}{'worlds':>8}{'ms':>10}{'parse ms':>10}{'events/s':>11}")
    for seed in (10, 14, 15):
        level = random_level(seed, cols=7, rows=7, boxes=2, walls=2)
        run = solve(level, np.random.default_rng(seed))
        assert run is not None
        print(row(f"7x7, 2 boxes, seed {seed}", run), flush=True)
    run = solve(level_from_rows(ROOM, "room"), np.random.default_rng(0), max_closed=400_000)
    assert run is not None
    n = 1000
    while n <= min(most, len(run.events)):
        print(row(f"room, first {n}", run, n), flush=True)
        n *= 10 if n < 10_000 else 2
    print(row(f"room, first {min(most, len(run.events))}", run, min(most, len(run.events))))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
