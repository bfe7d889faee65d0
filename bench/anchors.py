"""Sentences of base traces whose every change of value is known: importances beside plain resampling, and claims on fresh draws.

Drives the measure's own generator. Prints two Markdown tables.
Usage: ``python bench/anchors.py [--only KIND …] [--automata N] [--streams R] [--processes P] [--seed S] [--tokens N]``.
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pivot_traces import DELTA, KINDS, PivotTrace, pivot_trace
from tokenworth.core.sampling import Sampling
from tokenworth.methods.anchors.experiment import anchors
from tokenworth.methods.anchors.settings import AnchorSettings

SAMPLING = Sampling(temperature=1.0, top_k=0, top_p=1.0, min_p=0.0, max_tokens=100_000, stop=())
PLAIN = 100
"""Rollouts at each cut between sentences, as published."""


@dataclass(frozen=True)
class Letters:
    """A letter for each token, so that two sentences are alike if they have the same tokens."""

    vocab_size: int = 16

    def encode(self, text: str) -> tuple[int, ...]:
        return tuple(ord(mark) - 97 for mark in text)

    def decode(self, ids: tuple[int, ...]) -> str:
        return "".join(chr(97 + i) for i in ids)

    def piece_bytes(self, ids: tuple[int, ...]) -> tuple[bytes, ...]:
        return tuple(bytes([97 + i]) for i in ids)


def exactly(first: list[str], second: list[str]) -> Any:
    """1 for the same tokens, else 0."""
    return np.asarray(first)[:, None] == np.asarray(second)[None, :]


@dataclass
class Score:
    """One run against the truth."""

    error: list[float] = field(default_factory=list)
    """Squared, of resampling importances; and of plain resampling."""
    plain: list[float] = field(default_factory=list)
    cf_error: list[float] = field(default_factory=list)
    inside: int = 0
    cf_inside: int = 0
    cf_known: int = 0
    sentences: int = 0
    tokens: int = 0
    plain_tokens: int = 0
    named: int = 0
    false: int = 0
    small: int = 0
    large: int = 0
    found: int = 0
    covered: int = 0
    undecided: int = 0
    claim_tokens: int = 0
    raw: tuple[int, int, int] = (0, 0, 0)
    """Named, false and found with 20 plain rollouts at each cut."""


def _truth(base: PivotTrace, bounds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """D of each sentence, and what another one in its place is worth less."""
    values = base.values[bounds]
    kept = np.asarray([np.prod(base.p[a:b]) for a, b in zip(bounds[:-1], bounds[1:], strict=True)])
    step = np.diff(values)
    return step, step / (1 - kept)


def score(base: PivotTrace, stream: int, tokens: int) -> Score:
    """One run of the generator, and plain resampling beside it."""
    settings = AnchorSettings(seed=stream, segment=f"fixed:{tokens}", similarity=f"{Path(__file__).stem}:exactly", delta=DELTA)
    made = anchors(base.trace, judge=base.judge, sampling=SAMPLING, settings=settings, codec=Letters(), find_wall=lambda ids: len(ids))
    result = base.run(made, np.random.default_rng([17, stream]))
    bounds = np.append(result.start, base.length)
    step, instead = _truth(base, bounds)
    rng = np.random.default_rng([19, stream, len(bounds)])
    raw = rng.binomial(PLAIN, base.values[bounds]) / PLAIN
    few = np.abs(np.diff(rng.binomial(20, base.values[bounds]) / 20)) >= DELTA - 1e-9
    rows, claims = result.sentences, result.claims
    known = np.isfinite(rows.counterfactual.value)
    claimed = np.asarray([verdict == "claim" for verdict in claims.rows.verdict], dtype=bool)
    of = claims.sentence
    size, large = np.abs(step), np.abs(step) >= DELTA - 1e-9
    truth = step[of]
    hold = (claims.rows.low - 1e-9 <= truth) & (truth <= claims.rows.high + 1e-9)
    return Score(
        error=((rows.resampling.value - step) ** 2)[np.isfinite(rows.resampling.value)].tolist(),
        plain=((np.diff(raw) - step) ** 2).tolist(),
        cf_error=((rows.counterfactual.value - instead) ** 2)[known].tolist(),
        inside=int(((rows.resampling.low - 1e-9 <= step) & (step <= rows.resampling.high + 1e-9)).sum()),
        cf_inside=int(((rows.counterfactual.low - 1e-9 <= instead) & (instead <= rows.counterfactual.high + 1e-9))[known].sum()),
        cf_known=int(known.sum()),
        sentences=len(step),
        tokens=result.generated_tokens,
        plain_tokens=PLAIN * int((len(base.p) - bounds).sum()),
        named=int(claimed.sum()),
        false=int((size[of][claimed] <= DELTA / 2 + 1e-9).sum()),
        small=int((~large)[of][claimed].sum()),
        large=int(large.sum()),
        found=int(large[of][claimed].sum()),
        covered=int(hold[claimed].sum()),
        undecided=sum(verdict == "undecided" for verdict in claims.rows.verdict),
        claim_tokens=claims.generated_tokens,
        raw=(int(few.sum()), int((size[few] <= DELTA / 2 + 1e-9).sum()), int(large[few].sum())),
    )


def task(kind: str, streams: int, seed: int, tokens: int, number: int) -> list[Score]:
    """All streams on one trace."""
    base = pivot_trace(kind, number, seed)
    return [score(base, stream, tokens) for stream in range(streams)]


def _ratio(a: float, b: float, form: str) -> str:
    return format(a / b, form) if b else "–"


def rows(kind: str, found: list[Score]) -> tuple[str, str]:
    """A line of each table."""
    n = sum(one.sentences for one in found)

    def root(name: str) -> float:
        return float(np.sqrt(np.mean([x for one in found for x in getattr(one, name)])))

    def total(name: str) -> int:
        return sum(getattr(one, name) for one in found)

    share = [one.plain_tokens / one.tokens for one in found]
    claims = [one.plain_tokens / one.claim_tokens for one in found if one.claim_tokens]
    first = [kind, f"{root('error'):.3f}", f"{root('plain'):.3f}", f"1/{np.mean(share):.1f}", f"{total('inside') / n:.3f}"]
    first += [f"{root('cf_error'):.3f}", _ratio(total("cf_inside"), total("cf_known"), ".3f"), f"{total('cf_known') / n:.2f}"]
    fdr = float(np.mean([one.false / max(1, one.named) for one in found]))
    below = float(np.mean([one.small / max(1, one.named) for one in found]))
    raw = float(np.mean([one.raw[1] / max(1, one.raw[0]) for one in found]))
    second = [kind, f"{fdr:.3f}", f"{below:.2f}", f"{np.mean([one.named == 0 for one in found]):.2f}"]
    second += [_ratio(total("found"), total("large"), ".2f"), _ratio(total("covered"), total("named"), ".3f"), f"{total('named')}"]
    second += [f"1/{np.mean(claims):.1f}" if claims else "–", f"{np.mean([one.undecided for one in found]):.1f}"]
    second += [f"{raw:.2f}, {_ratio(sum(one.raw[2] for one in found), total('large'), '.2f')}"]
    return ("| " + " | ".join(first) + " |", "| " + " | ".join(second) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", choices=KINDS, default=list(KINDS))
    parser.add_argument("--automata", type=int, default=8, help="base traces a kind")
    parser.add_argument("--streams", type=int, default=5)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=8, help="tokens of a sentence")
    args = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).parent))
    lines, everything = [], []
    with ProcessPoolExecutor(args.processes) as pool:
        for kind in args.only:
            parts = pool.map(partial(task, kind, args.streams, args.seed, args.tokens), range(args.automata))
            found = [one for part in parts for one in part]
            everything += found
            lines.append(rows(kind, found))
            print(*lines[-1], sep="\n", file=sys.stderr, flush=True)
    print(
        f"{args.automata} base traces a kind × {args.streams} streams, sentences of {args.tokens} tokens. Root mean squared error of an importance; "
        f"tokens as a part of {PLAIN} rollouts at each cut between sentences.\n\n"
        "| kind | error | plain | tokens | in limits | counterfactual | in limits | known |\n|---|--:|--:|--:|--:|--:|--:|--:|"
    )
    print("\n".join(first for first, _ in lines))
    print(
        f"\nδ = {DELTA}, q = .05. FDR: mean share of the named sentences with |D| ≤ δ/2 (in the next column < δ). Raw: FDR, recall.\n\n"
        "| kind | FDR | below δ | no claim | recall | FCR coverage | claims | tokens | undecided | raw n = 20 |\n"
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
    )
    print("\n".join(second for _, second in lines))
    named, covered = sum(one.named for one in everything), sum(one.covered for one in everything)
    fdr = np.mean([one.false / max(1, one.named) for one in everything])
    print(f"\nOver all kinds: FDR {fdr:.3f}; {covered} of {named} intervals of claims hold the truth.")


if __name__ == "__main__":
    main()
