"""Sentences of base traces whose every change of value is known: importances beside plain resampling, and claims on fresh draws.

Drives the measure's own generator. Prints two Markdown tables.
Usage: ``python bench/anchors.py [--only importances|claims] [--automata N] [--streams R] [--processes P] [--seed S] [--tokens N]``.
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pivot_traces import ANSWER, DELTA, KINDS, PivotTrace, leaving, pivot_trace
from tokenworth.core.sampling import Sampling
from tokenworth.methods.anchors.experiment import anchors
from tokenworth.methods.anchors.result import AnchorResult
from tokenworth.methods.anchors.settings import AnchorSettings
from tokenworth.stats.importance import Mean

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


LEAVING = (0.14, 0.07, 0.04, 0.02)
"""E(1 − p) of the base traces of the first table: at .14 a rollout leaves nearly every sentence of eight tokens, at .02 one in seven."""
LIKE_PLAIN = 8
"""The third way: excursions of this part of the tokens of plain resampling."""


def open_trace(leave: float, number: int, seed: int) -> PivotTrace:
    """A base trace of which tokens change the value at random, as far as they can; so often the model would have gone on otherwise."""
    rng = np.random.default_rng([seed, 23, number, round(1000 * leave)])
    share = leaving(rng)
    share = np.clip(share * leave / share.mean(), 1e-5, 0.98)
    worth, value = np.empty(len(share) + 1), 0.5
    end = float(number % 2 == 0)
    worth[-1] = (value - ANSWER * end) / (1 - ANSWER)
    for cut in range(len(share) - 1, -1, -1):
        worth[cut] = np.clip(value + rng.choice((-1, 1)) * rng.uniform(0.0, 0.6), 0.0, 1.0)
        value = (1 - share[cut]) * value + share[cut] * worth[cut]
    three = np.full((len(worth), 3), 1 / 3)
    return PivotTrace(p=np.append(1 - share, ANSWER), share=three, worth=np.repeat(worth[:, None], 3, axis=1), ends_right=end == 1.0)


def run(base: PivotTrace, stream: int, tokens: int, **choices: Any) -> AnchorResult:
    """One run of the generator."""
    name = f"{Path(__file__).stem}:exactly"
    settings = AnchorSettings(seed=stream, segment=f"fixed:{tokens}", similarity=name, delta=DELTA, **choices)
    made = anchors(base.trace, judge=base.judge, sampling=SAMPLING, settings=settings, codec=Letters())
    return base.run(made, np.random.default_rng([17, stream]))


# -- importances ----------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Importances:
    """Squared errors of one run, whether limits hold the truth, and tokens."""

    kept: float
    error: np.ndarray
    plain: np.ndarray
    part: np.ndarray
    """With `LIKE_PLAIN`."""
    inside: np.ndarray
    counterfactual: np.ndarray
    """NaN where it is missing."""
    holds: np.ndarray
    tokens: float
    """As a part of plain resampling."""


def importances(leave: float, streams: int, seed: int, tokens: int, number: int) -> list[Importances]:
    """Excursions and plain resampling on one trace."""
    base, found = open_trace(leave, number, seed), []
    for stream in range(streams):
        result = run(base, stream, tokens, claims=False)
        bounds = np.append(result.start, base.length)
        step = np.diff(base.values[bounds])
        kept = np.asarray([np.prod(base.p[a:b]) for a, b in zip(bounds[:-1], bounds[1:], strict=True)])
        instead = step / (1 - kept)
        whole = PLAIN * int((len(base.p) - bounds).sum())
        rng = np.random.default_rng([19, stream, number])
        plain = np.diff(rng.binomial(PLAIN, base.values[bounds]) / PLAIN)
        part = run(base, stream, tokens, claims=False, max_tokens=whole // LIKE_PLAIN)
        rows = result.sentences
        found.append(
            Importances(
                kept=float(kept.mean()),
                error=(rows.resampling.value - step) ** 2,
                plain=(plain - step) ** 2,
                part=(part.sentences.resampling.value - step) ** 2,
                inside=_holds(rows.resampling, step),
                counterfactual=(rows.counterfactual.value - instead) ** 2,
                holds=_holds(rows.counterfactual, instead),
                tokens=result.generated_tokens / whole,
            )
        )
    return found


def _holds(mean: Mean, truth: np.ndarray) -> np.ndarray:
    return (mean.low - 1e-9 <= truth) & (truth <= mean.high + 1e-9)


def importance_row(leave: float, found: list[Importances]) -> str:
    """A line of the first table."""

    def root(name: str) -> float:
        return float(np.sqrt(np.nanmean([getattr(one, name) for one in found])))

    share = float(np.mean([one.tokens for one in found]))
    known = np.isfinite([one.counterfactual for one in found])
    equal = share * (root("error") / root("plain")) ** 2
    cells = [
        f"{leave:g}",
        f"{np.mean([one.kept for one in found]):.2f}",
        f"{root('error'):.3f}",
        f"{root('plain'):.3f}",
        f"1/{1 / share:.1f}",
    ]
    cells += [f"1/{1 / equal:.1f}", f"{root('part'):.3f}", f"{np.mean([one.inside for one in found]):.3f}", f"{root('counterfactual'):.3f}"]
    cells += [f"{np.asarray([one.holds for one in found])[known].mean():.3f}", f"{known.mean():.2f}"]
    return "| " + " | ".join(cells) + " |"


# -- claims ---------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Claims:
    """What one run named, against the truth."""

    named: int
    false: int
    small: int
    large: int
    found: int
    covered: int
    undecided: int
    tokens: float
    raw: tuple[int, int, int]
    """Named, false and found with 20 plain rollouts at each cut."""


def claims(kind: str, streams: int, seed: int, tokens: int, number: int) -> list[Claims]:
    """All streams on one trace."""
    base = pivot_trace(kind, number, seed)
    return [
        _claims(base, run(base, stream, tokens, half_width=0.3), np.random.default_rng([19, stream, number])) for stream in range(streams)
    ]


def _claims(base: PivotTrace, result: AnchorResult, rng: np.random.Generator) -> Claims:
    assert result.claims is not None
    rows, of, bounds = result.claims.rows, result.claims.sentence, np.append(result.start, base.length)
    step = np.diff(base.values[bounds])
    size, large = np.abs(step), np.abs(step) >= DELTA - 1e-9
    claimed = np.asarray([verdict == "claim" for verdict in rows.verdict], dtype=bool)
    few = np.abs(np.diff(rng.binomial(20, base.values[bounds]) / 20)) >= DELTA - 1e-9
    holds = (rows.low - 1e-9 <= step[of]) & (step[of] <= rows.high + 1e-9)
    return Claims(
        named=int(claimed.sum()),
        false=int((size[of][claimed] <= DELTA / 2 + 1e-9).sum()),
        small=int((~large)[of][claimed].sum()),
        large=int(large.sum()),
        found=int(large[of][claimed].sum()),
        covered=int(holds[claimed].sum()),
        undecided=sum(verdict == "undecided" for verdict in rows.verdict),
        tokens=result.claims.generated_tokens / (PLAIN * int((len(base.p) - bounds).sum())),
        raw=(int(few.sum()), int((size[few] <= DELTA / 2 + 1e-9).sum()), int(large[few].sum())),
    )


def _ratio(a: float, b: float, form: str) -> str:
    return format(a / b, form) if b else "–"


def _rate(found: list[Claims]) -> float:
    return float(np.mean([one.false / max(1, one.named) for one in found]))


def claim_row(kind: str, found: list[Claims]) -> str:
    """A line of the second table."""

    def total(name: str) -> int:
        return sum(getattr(one, name) for one in found)

    below = float(np.mean([one.small / max(1, one.named) for one in found]))
    raw = float(np.mean([one.raw[1] / max(1, one.raw[0]) for one in found]))
    cells = [kind, f"{_rate(found):.3f}", f"{below:.2f}", f"{np.mean([one.named == 0 for one in found]):.2f}"]
    cells += [_ratio(total("found"), total("large"), ".2f"), _ratio(total("covered"), total("named"), ".3f"), f"{total('named')}"]
    cells += [f"1/{1 / np.mean([one.tokens for one in found]):.1f}", f"{np.mean([one.undecided for one in found]):.1f}"]
    cells += [f"{raw:.2f}, {_ratio(sum(one.raw[2] for one in found), total('large'), '.2f')}"]
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=("importances", "claims"))
    parser.add_argument("--automata", type=int, default=8, help="base traces a row")
    parser.add_argument("--streams", type=int, default=5)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=8, help="tokens of a sentence")
    args = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).parent))
    print(f"{args.automata} base traces a row × {args.streams} streams, sentences of {args.tokens} tokens.", flush=True)
    everything: list[Claims] = []
    with ProcessPoolExecutor(args.processes) as pool:

        def each(function: Any, what: Any) -> list[Any]:
            parts = pool.map(partial(function, what, args.streams, args.seed, args.tokens), range(args.automata))
            return [one for part in parts for one in part]

        if args.only != "claims":
            print(
                f"Root mean squared errors. Tokens: as a part of {PLAIN} rollouts at each cut between sentences, and at equal error.\n\n"
                f"| E(1 − p) | kept | error | plain | tokens | at equal error | error at 1/{LIKE_PLAIN} | in limits | counterfactual "
                "| in limits | known |\n|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
            )
            for leave in LEAVING:
                print(importance_row(leave, each(importances, leave)), flush=True)
        if args.only != "importances":
            print(
                f"\nδ = {DELTA}, q = .05. FDR: mean share of the named with |D| ≤ δ/2 (in the next column < δ). Raw: FDR, recall.\n\n"
                "| kind | FDR | below δ | no claim | recall | FCR coverage | claims | tokens | undecided | raw n = 20 |\n"
                "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
            )
            for kind in KINDS:
                found = each(claims, kind)
                everything += found
                print(claim_row(kind, found), flush=True)
            named, covered = sum(one.named for one in everything), sum(one.covered for one in everything)
            print(f"\nOver all kinds: FDR {_rate(everything):.3f}; {covered} of {named} intervals of claims hold the truth.")


if __name__ == "__main__":
    main()
