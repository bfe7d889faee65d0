"""Pivots on published traces: each store of Forking Fast becomes a base of forks with the outcome shares of its pools as truth.

The stores are not in this repository (they have no licence). Prints a Markdown table.
Usage: ``python bench/claims_ff.py FOLDER [--streams R] [--processes P] [--most N]``; FOLDER holds ``row*.json.gz`` with every token.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from claims import DELTA, PLAIN, Score, _rate, _recall, bisected, ours, raw
from pivot_traces import PivotTrace
from tokenworth.importers.branching import by_cut
from tokenworth.importers.forking_fast import forking_fast_row


def pooled(path: Path) -> PivotTrace | None:
    """The base of a store: q of its branches renormalised, worth the share of gold in their pools; None unless every token is there."""
    doc = forking_fast_row(path)
    gold = doc.target.removeprefix("label:") if doc.problem is None or doc.problem.gold is None else doc.problem.gold
    length = len(doc.trace.pieces)
    if doc.cuts != tuple(range(length)):
        return None
    places = by_cut(doc.branches)  # type: ignore[arg-type]
    wide = max(len(here) for here in places.values())
    p, share, worth = np.ones(length), np.zeros((length, wide)), np.zeros((length, wide))
    share[:, 0] = 1.0
    for cut, here in places.items():
        base = sum(one.p or 0.0 for one in here if one.is_base)
        others = [one for one in here if not one.is_base and (one.p or 0.0) > 0]
        rest = sum(one.p or 0.0 for one in others)
        if rest > 0:
            p[cut] = base / (base + rest)
            share[cut] = 0.0
            share[cut, : len(others)] = [(one.p or 0.0) / rest for one in others]
            worth[cut, : len(others)] = [one.outcomes.get(gold, 0) / one.n for one in others]
    last = max(cut for cut, here in places.items() if any(one.is_base and one.n for one in here))
    final = next(one for one in places[last] if one.is_base)
    return PivotTrace(p=p, share=share, worth=worth, ends_right=2 * final.outcomes.get(gold, 0) >= final.n, length=length - 1)


def task(streams: int, path: Path) -> tuple[str, int, int, dict[str, list[Score]]] | None:
    """All plans on one row."""
    base = pooled(path)
    if base is None:
        return None
    rng = np.random.default_rng([17, len(base.p)])
    found = {
        "search": [ours(base, stream, {}) for stream in range(streams)],
        "raw 20": [raw(base, 20, rng) for _ in range(streams)],
        "raw 100": [raw(base, 100, rng) for _ in range(streams)],
        "bisection 64": [bisected(base, 64, rng) for _ in range(streams)],
    }
    return path.name, base.length, base.plain_tokens, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--streams", type=int, default=2)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--most", type=int, default=100, help="rows")
    args = parser.parse_args()
    paths = sorted(args.folder.glob("*row*.json.gz"))[: args.most]
    with ProcessPoolExecutor(args.processes) as pool:
        rows = [one for one in pool.map(partial(task, args.streams), paths) if one is not None]
    by = {name: [one for row in rows for one in row[3][name]] for name in rows[0][3]}
    mine = by["search"]
    spent, plain = sum(one.tokens for one in mine), sum(PLAIN * row[2] * args.streams for row in rows)
    named, large = sum(one.named for one in mine), sum(row[3]["search"][0].large for row in rows)
    print(
        f"{len(rows)} rows × {args.streams} streams, {sum(row[1] for row in rows):,} tokens, {large} of them with |Δ| ≥ {DELTA} "
        f"(in {sum(row[3]['search'][0].large > 0 for row in rows)} rows).\n"
    )
    print("| plan | FDR | below δ | recall at ≥ δ | claims | coverage | tokens |\n|---|--:|--:|--:|--:|--:|--:|")
    for name, scores in by.items():
        below = float(np.mean([one.small / max(1, one.named) for one in scores]))
        more = f"{sum(one.covered for one in mine)}/{named} | 1/{plain / spent:.1f}" if name == "search" else "– | –"
        print(f"| {name} | {_rate(scores):.3f} | {below:.2f} | {_recall(scores):.2f} | {sum(one.named for one in scores)} | {more} |")


if __name__ == "__main__":
    main()
