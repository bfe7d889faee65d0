"""Pivots on base traces whose every change of value is known: false claims, recall, intervals and tokens, beside raw differences.

Drives the search's own generator. Prints a Markdown table.
Usage: ``python bench/claims.py [--only KIND …] [--automata N] [--streams R] [--processes P] [--seed S] [--futility F] [--dependence any]``.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from pivot_traces import DELTA, KINDS, PivotTrace, pivot_trace
from tokenworth.core.sampling import Sampling
from tokenworth.methods.pivots.experiment import pivots
from tokenworth.methods.pivots.result import PivotResult
from tokenworth.methods.pivots.settings import PivotSettings

SAMPLING = Sampling(temperature=1.0, top_k=0, top_p=1.0, min_p=0.0, max_tokens=100_000, stop=())
PLAIN = 100
"""Rollouts per cut of the plan whose tokens are the measure."""


@dataclass(frozen=True)
class Score:
    """What one run named, against the truth."""

    named: int
    false: int
    """Of the named, those that change the value by δ/2 or less."""
    small: int
    """Of the named, those that change it by less than δ."""
    large: int
    """Tokens that change it by δ or more."""
    found: int
    """Of these, those named."""
    covered: int = 0
    """Named tokens whose interval holds the truth."""
    tokens: int = 0
    undecided: int = 0
    looks: int = 0


def score(base: PivotTrace, named: np.ndarray) -> Score:
    """Counts of a set of named tokens."""
    size = np.abs(base.steps)
    large = size >= DELTA - 1e-9
    return Score(
        named=len(named),
        false=int((size[named] <= DELTA / 2 + 1e-9).sum()),
        small=int((~large)[named].sum()),
        large=int(large.sum()),
        found=int(large[named].sum()),
    )


def searched(base: PivotTrace, seed: int, choices: dict[str, Any]) -> PivotResult:
    """One run of the search's generator."""
    made = pivots(base.trace, judge=base.judge, sampling=SAMPLING, settings=PivotSettings(seed=seed, delta=DELTA, **choices))
    return base.run(made, np.random.default_rng([11, seed]))


def ours(base: PivotTrace, seed: int, choices: dict[str, Any]) -> Score:
    """The score of a search, with its intervals and its tokens."""
    result = searched(base, seed, choices)
    rows = result.rows
    is_claim = np.asarray([verdict == "claim" for verdict in rows.verdict], dtype=bool)
    truth = base.steps[rows.token]
    inside = (rows.low - 1e-9 <= truth) & (truth <= rows.high + 1e-9)
    found = score(base, rows.token[is_claim])
    more = {"covered": int(inside[is_claim].sum()), "tokens": result.generated_tokens, "looks": result.looks}
    return Score(**{**found.__dict__, **more, "undecided": sum(verdict == "undecided" for verdict in rows.verdict)})


def raw(base: PivotTrace, n: int, rng: np.random.Generator) -> Score:
    """|Δ̂| ≥ δ between neighbouring cuts with n rollouts each."""
    value = rng.binomial(n, base.values[: base.length + 1].clip(0, 1)) / n
    return score(base, np.flatnonzero(np.abs(np.diff(value)) >= DELTA - 1e-9))


def bisected(base: PivotTrace, n: int, rng: np.random.Generator) -> Score:
    """Stretches whose ends differ by δ or more are halved (pivotal token search)."""
    value = rng.binomial(n, base.values[: base.length + 1].clip(0, 1)) / n
    found, stretches = [], [(0, base.length)]
    while stretches:
        a, b = stretches.pop()
        if abs(value[b] - value[a]) < DELTA:
            continue
        if b == a + 1:
            found.append(a)
        else:
            stretches += [(a, (a + b) // 2), ((a + b) // 2, b)]
    return score(base, np.asarray(found, dtype=np.int64))


def _rate(scores: list[Score]) -> float:
    return float(np.mean([one.false / max(1, one.named) for one in scores]))


def _recall(scores: list[Score]) -> float:
    large = sum(one.large for one in scores)
    return sum(one.found for one in scores) / large if large else float("nan")


def task(kind: str, streams: int, seed: int, choices: dict[str, Any], number: int) -> dict[str, list[Score]]:
    """All plans on one trace."""
    base, rng = pivot_trace(kind, number, seed), np.random.default_rng([seed, 13, number])
    return {
        "search": [ours(base, stream, choices) for stream in range(streams)],
        "raw 20": [raw(base, 20, rng) for _ in range(streams)],
        "raw 100": [raw(base, 100, rng) for _ in range(streams)],
        "bisection 64": [bisected(base, 64, rng) for _ in range(streams)],
    }


def row(kind: str, found: list[dict[str, list[Score]]], seed: int) -> tuple[str, dict[str, float]]:
    """One line of the table, and what is summed up over kinds."""
    by = {name: [one for part in found for one in part[name]] for name in found[0]}
    mine = by["search"]
    named = sum(one.named for one in mine)
    plain = [PLAIN * pivot_trace(kind, number, seed).plain_tokens for number in range(len(found)) for _ in found[number]["search"]]
    share = float(np.mean([p / one.tokens for p, one in zip(plain, mine, strict=True)]))
    cover = sum(one.covered for one in mine) / named if named else float("nan")
    no_claim = float(np.mean([one.named == 0 for one in mine]))
    below = float(np.mean([one.small / max(1, one.named) for one in mine]))
    cells = [kind, f"{_rate(mine):.3f}", f"{below:.2f}", f"{no_claim:.2f}", f"{_recall(mine):.2f}", f"{cover:.3f}", f"{named}"]
    cells += [f"1/{share:.1f}", f"{np.mean([one.tokens for one in mine]) / 1000:.0f}k", f"{np.mean([one.undecided for one in mine]):.1f}"]
    cells += [f"{_rate(by[name]):.2f}, {_recall(by[name]):.2f}" for name in ("raw 20", "raw 100", "bisection 64")]
    line = "| " + " | ".join(cells).replace("nan", "–") + " |"
    return line, {"fdr": _rate(mine), "named": named, "covered": sum(one.covered for one in mine)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", choices=KINDS, default=list(KINDS))
    parser.add_argument("--automata", type=int, default=8, help="base traces a kind")
    parser.add_argument("--streams", type=int, default=5)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--futility", type=float, default=0.1)
    parser.add_argument("--dependence", choices=("positive", "any"), default="positive")
    args = parser.parse_args()
    choices = {"futility": args.futility, "dependence": args.dependence}
    print(
        f"{args.automata} base traces a kind × {args.streams} streams, δ = {DELTA}, q = .05, futility {args.futility}. FDR: mean share of "
        "the named tokens with |Δ| ≤ δ/2 (in the next column < δ). Tokens: as a part of 100 rollouts at each cut. Others: FDR, recall.\n\n"
        "| kind | FDR | below δ | no claim | recall | FCR coverage | claims | tokens | each | undecided | raw 20 | raw 100 "
        "| bisection 64 |\n"
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
        flush=True,
    )
    totals = []
    with ProcessPoolExecutor(args.processes) as pool:
        for kind in args.only:
            found = list(pool.map(partial(task, kind, args.streams, args.seed, choices), range(args.automata)))
            line, total = row(kind, found, args.seed)
            totals.append(total)
            print(line, flush=True)
    named = sum(one["named"] for one in totals)
    print(
        f"\nOver all kinds: FDR {np.mean([one['fdr'] for one in totals]):.3f}; {sum(one['covered'] for one in totals)} of {named} "
        "intervals of claims hold the truth."
    )


if __name__ == "__main__":
    main()
