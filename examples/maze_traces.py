"""Writes maze traces as JSON lines: right ones, and ones with the trace of another maze.

python examples/maze_traces.py --out mazes.jsonl
tokenworth confusion maze mazes.jsonl --group kind
"""

import argparse
import json
from pathlib import Path

from tokenworth.tasks.maze.dialect import DIALECTS
from tokenworth.tasks.maze.generate import FAMILIES, generate
from tokenworth.tasks.maze.grammar import render
from tokenworth.tasks.maze.search import solve

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", type=Path, default=Path("mazes.jsonl"))
parser.add_argument("--side", type=int, default=8)
parser.add_argument("--n", type=int, default=10, help="mazes of each family")
chosen = parser.parse_args()

dialect = DIALECTS["beyond-semantics"]
with chosen.out.open("w", encoding="utf-8") as handle:
    for family in FAMILIES:
        mazes = [generate(family, chosen.side, seed=1, index=index) for index in range(chosen.n)]
        solutions = [solve(maze, dialect) for maze in mazes]
        for i, (maze, solution) in enumerate(zip(mazes, solutions, strict=True)):
            for kind, trace in (("right", solution.trace), ("swapped", solutions[i - 1].trace)):
                row = {
                    "id": f"{family}-{i}-{kind}",
                    "family": family,
                    "kind": kind,
                    "rows": maze.rows,
                    "cols": maze.cols,
                    "text": render(maze, trace, solution.plan, dialect),
                }
                handle.write(json.dumps(row) + "\n")
print(chosen.out)
