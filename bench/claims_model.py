"""Pivots of one trace of the bundled model in several streams, against a precise curve of the same trace from draws of its own.

Usage: ``python bench/claims_model.py [--item N] [--streams R] [--rollouts N]``. Needs the extra ``local``.
"""

from __future__ import annotations

import argparse

import tokenworth as tw


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--task", default="world:steps")
    parser.add_argument("--item", type=int, default=3)
    parser.add_argument("--streams", type=int, default=5)
    parser.add_argument("--rollouts", type=int, default=2000, help="of the curve that is taken as true")
    parser.add_argument("--delta", type=float, default=0.2)
    args = parser.parse_args()
    with tw.Workbench(args.model) as bench:
        case = bench.case(args.task, args.item)
        trace = case.sample(1, seed=0).trace("any")
        truth = case.curve(trace, max_rollouts=args.rollouts, seed=1000).document
        steps = [0.0 if x is None else x for x in (truth.change or ())[1:]]
        large = [i for i, x in enumerate(steps) if abs(x) >= args.delta]
        length = len(trace.sequence.completion)
        print(f"{args.task} {args.item}, {length} tokens: |Δ| ≥ {args.delta} by a curve of {truth.generated_tokens:,} tokens")
        for i in large:
            print(f"  token {i} {truth.trace.pieces[i]!r}: {steps[i]:+.2f}")
        print("\n| stream | claims | excluded | undecided | rollouts | tokens |\n|--:|---|--:|--:|--:|--:|")
        found = 0
        for seed in range(args.streams):
            doc = case.measure("pivots", trace, delta=args.delta, seed=seed).document
            claims = [row.token for row in doc.claims]
            found += set(large) <= set(claims) and all(abs(steps[i]) > args.delta / 2 for i in claims)
            told = ", ".join(f"{row.token} ({row.delta:+.2f} [{row.low:+.2f}, {row.high:+.2f}])" for row in doc.claims)
            counts = f"{len(doc.excluded)} | {len(doc.undecided)} | {doc.rollouts:,} | {doc.generated_tokens:,}"
            print(f"| {seed} | {told or 'none'} | {counts} |", flush=True)
        print(f"\n{found} of {args.streams} streams claim these and nothing below {args.delta / 2:g}.")


if __name__ == "__main__":
    main()
