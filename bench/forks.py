"""Forks on base traces whose every branch is known: change intervals, distances, hazard, and models of the curve at equal tokens.

Drives the measure's own generator. Prints Markdown tables.
Usage: ``python bench/forks.py [--part changes|branches|models …] [--automata N] [--streams R] [--processes P] [--seed S]``.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from tokenworth.backends.toy.forks import FIRST, Forks
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import Trace
from tokenworth.methods.curve.experiment import curve
from tokenworth.methods.curve.settings import CurveSettings
from tokenworth.methods.forks.experiment import GRID, PER_CUT, forks
from tokenworth.methods.forks.result import ForkResult
from tokenworth.methods.forks.settings import ForkSettings
from tokenworth.stats import narrowest
from tokenworth.stats.excursions import backward
from tokenworth.stats.mixture import survival
from tokenworth.stats.smoothing import pelt, smooth
from tokenworth.stats.strata import make_strata

SAMPLING = Sampling(temperature=1.0, top_k=0, top_p=1.0, min_p=0.0, max_tokens=100_000, stop=())
LENGTH = 256
KINDS = ("null", "ramp", "step", "bump")


class Base(Forks):
    """Forks of which the last is the answer's, so that it is no token of the trace."""

    @property
    def trace(self) -> Trace:
        """The base with its answer of one token."""
        return replace(Forks.trace.fget(self), n_trace=LENGTH - 1)  # type: ignore[attr-defined]


def base(kind: str, number: int, seed: int) -> Base:
    """A base of 256 tokens: a fifth could well have been others. At a step the values before and after differ by .4 to .6."""
    rng = np.random.default_rng([seed, KINDS.index(kind), number])
    leave = np.where(rng.random(LENGTH) < 0.2, rng.uniform(0.2, 0.7, LENGTH), rng.exponential(0.02, LENGTH).clip(1e-4, 0.15))
    level = np.full(LENGTH + 1, rng.uniform(0.4, 0.6))
    at = np.sort(rng.choice(np.arange(40, LENGTH - 40), 2, replace=False))
    size = rng.uniform(0.4, 0.6) * rng.choice([-1, 1])
    if kind == "ramp":
        level = np.linspace(0.2, 0.8, LENGTH + 1)
    if kind == "step":
        level = np.where(np.arange(LENGTH + 1) > at[0], 0.5 + size / 2, 0.5 - size / 2)
    if kind == "bump":
        level = np.where((np.arange(LENGTH + 1) > at[0]) & (np.arange(LENGTH + 1) <= at[1]), 0.5 + size / 2, 0.5 - size / 2)
    for one in at if kind in ("step", "bump") else ():
        leave[one] = 0.95
    # The last token is drawn with the probability of the last level, and all that leaves is worth what the value is to be before.
    p, worth, value = 1 - leave, np.empty(LENGTH), 1.0
    p[-1] = level[-1]
    worth[-1] = 0.0
    value = level[-1]
    for cut in range(LENGTH - 2, -1, -1):
        worth[cut] = np.clip(value + (level[cut] - value) / leave[cut], 0.0, 1.0)
        value = p[cut] * value + (1 - p[cut]) * worth[cut]
    share = rng.dirichlet(np.ones(3), LENGTH)
    spread = rng.uniform(-1, 1, (LENGTH, 3)) * np.minimum(worth, 1 - worth)[:, None]
    spread -= (share * spread).sum(axis=1)[:, None]
    return Base(p=p, share=share, worth=np.clip(worth[:, None] + 0.8 * spread, 0, 1), ends_right=True)


def true_steps(of: Forks) -> np.ndarray:
    """Tokens that change the value by .1 or more."""
    return np.flatnonzero(np.abs(np.diff(of.values[:LENGTH])) >= 0.1)


# -- change intervals ---------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Found:
    """One run's intervals against the truth."""

    covered: bool
    """The limits of every pair hold the truth."""
    wilson: bool
    """So do score limits at the same z."""
    false: int
    """Intervals over which the value does not change."""
    intervals: int
    steps: int
    located: int
    """Steps that an interval holds."""
    width: tuple[int, ...]
    """Tokens of these intervals."""
    all_widths: tuple[int, ...]
    tokens: int
    model_false: int
    """Change points of PELT on the same curve that are not within 2 tokens of a step."""
    model_located: int


def changes_task(kind: str, rollouts: int, seed: int, streams: int, number: int) -> list[Found]:
    """Runs on one base."""
    of, made = base(kind, number, seed), list[Found]()
    values = of.values
    for stream in range(streams):
        curve_settings = CurveSettings(seed=stream, max_rollouts=rollouts)
        result = of.run(
            curve(of.trace, judge=of.judge, sampling=SAMPLING, settings=curve_settings), np.random.default_rng([5, stream, number])
        )
        strata = make_strata(of.p, 0.02, np.arange(LENGTH) == LENGTH - 1)
        number_, hits = np.zeros(LENGTH), np.zeros(LENGTH)
        for draw in result.draws:
            number_[draw.cut] += 1
            hits[draw.cut] += draw.hit is True
        weights, mean = backward(strata, number_, hits[:, None])
        found = narrowest.all_pairs(
            strata,
            number=number_,
            hits=hits,
            weights=weights,
            base=weights.known,
            later=mean[:, 0],
            end=LENGTH - 1,
            level=0.95,
            seed=stream,
        )
        limits = found.changes()
        truth = values[found.second] - values[found.first]
        score = found.pairs.limits(found.each, "score")
        kept = narrowest.narrowest(found, limits)
        steps = true_steps(of)
        a, b = found.first[kept], found.second[kept]
        holds = [next((int(y - x) for x, y in zip(a, b, strict=True) if x <= one < y), 0) for one in steps]
        model = [at - 1 for at in pelt(np.nan_to_num(result.value, nan=0.5), float(np.mean(result.high - result.low)) / 3.92)]
        made.append(
            Found(
                covered=bool(((limits.low <= truth + 1e-9) & (truth - 1e-9 <= limits.high)).all()),
                wilson=bool(((score[0] <= truth + 1e-9) & (truth - 1e-9 <= score[1])).all()),
                false=int((np.abs(values[b] - values[a]) < 1e-9).sum()) if len(kept) else 0,
                intervals=len(kept),
                steps=len(steps),
                located=sum(width > 0 for width in holds),
                width=tuple(width for width in holds if width),
                all_widths=tuple(int(x) for x in b - a),
                tokens=result.generated_tokens,
                model_false=sum(all(abs(at - one) > 2 for one in steps) for at in model),
                model_located=sum(any(abs(at - one) <= 2 for at in model) for one in steps),
            )
        )
    return made


def changes_row(kind: str, rollouts: int, runs: list[Found]) -> str:
    """One line of the table."""
    steps, n = sum(one.steps for one in runs), len(runs)
    widths = [width for one in runs for width in (one.width if kind in ("step", "bump") else one.all_widths)]
    cells = [kind, f"{rollouts:,}", f"{np.mean([one.covered for one in runs]):.3f}", f"{np.mean([one.wilson for one in runs]):.2f}"]
    cells += [f"{np.mean([one.false > 0 for one in runs]):.3f}", f"{np.mean([one.intervals for one in runs]):.2f}"]
    located = f"{sum(one.located for one in runs)}/{steps}" if steps else "–"
    cells += [located, f"{np.median(widths):.0f}, {np.quantile(widths, 0.9):.0f}" if widths else "–"]
    cells += [f"{sum(one.model_false for one in runs) / n:.1f}", f"{sum(one.model_located for one in runs)}/{steps}" if steps else "–"]
    return "| " + " | ".join([*cells, f"{np.mean([one.tokens for one in runs]) / 1000:.0f}k"]) + " |"


# -- branches and hazard ------------------------------------------------------------------------------------------------------------------


def branches_task(kind: str, settings: dict[str, Any], seed: int, streams: int, number: int) -> list[dict[str, Any]]:
    """Distances and hazards of runs on one base."""
    of, made = base(kind, number, seed), list[dict[str, Any]]()
    values = of.values
    for stream in range(streams):
        one = ForkSettings(seed=stream, **settings)
        r: ForkResult = of.run(forks(of.trace, judge=of.judge, sampling=SAMPLING, settings=one), np.random.default_rng([6, stream, number]))
        cut = r.family.cut[r.family.fork]
        gap = np.abs(of.worth[cut, r.family.token - FIRST] - values[cut + 1])
        far = np.abs(of.worth - values[1:, None]) >= one.far
        hazard = ((1 - of.p)[:, None] * of.share * far).sum(axis=1)[: LENGTH - 1]
        s = survival(hazard)
        low, high, kept = (survival(h) for h in (r.hazard.high, r.hazard.low, r.hazard.kept))
        plain = np.zeros(LENGTH - 1)
        np.add.at(plain, cut, np.where(r.branches.tv >= one.far, r.family.q, 0.0))
        made.append(
            {
                "l2": r.branches.l2 - 2 * gap**2,
                "plug": ((r.branches.shares.value - r.outcomes.value[cut + 1]) ** 2).sum(axis=1) - 2 * gap**2,
                "tv": r.branches.tv - gap,
                "tv of equals": r.branches.tv[gap < 0.02],
                "chance": r.branches.tv_chance[gap < 0.02],
                "p": r.branches.tv_p[gap < 1e-2],
                "distance": ((r.branches.distance.low - 1e-9 <= gap) & (gap <= r.branches.distance.high + 1e-9)),
                "verdicts": bool(((~r.branches.far | (gap >= one.far)) & (~r.branches.near | (gap < one.far))).all()),
                "hazard": ((r.hazard.low <= hazard + 1e-9) & (hazard <= r.hazard.high + 1e-9)),
                "survival": bool(((low <= s + 1e-9) & (s <= high + 1e-9)).all()),
                "ends": (
                    low[-1],
                    kept[-1],
                    s[-1],
                    high[-1],
                    survival(plain)[-1],
                ),
                "value": np.abs(r.value.value - values[:LENGTH]).mean(),
                "inside": ((r.value.low - 1e-9 <= values[:LENGTH]) & (values[:LENGTH] <= r.value.high + 1e-9)).mean(),
                "tokens": r.generated_tokens,
                "topped": len(r.topped),
                "rollouts": r.rollouts,
            }
        )
    return made


# -- models at equal tokens ---------------------------------------------------------------------------------------------------------------


def models_task(kind: str, seed: int, streams: int, number: int) -> list[dict[str, float]]:
    """Mean and largest error of the curve: plain draws at every 4th cut (raw, smoothed) and excursions with as many tokens."""
    of, made = base(kind, number, seed), list[dict[str, float]]()
    values, cuts = of.values[:LENGTH], np.arange(0, LENGTH, GRID)
    tokens = int((PER_CUT * (LENGTH + 1 - cuts)).sum())
    for stream in range(streams):
        rng = np.random.default_rng([7, stream, number])
        k = rng.binomial(PER_CUT, values[cuts])
        counts = np.stack([k, PER_CUT - k], axis=1).astype(np.int64)
        smoothed = smooth(cuts, counts, LENGTH - 1, stream).share[:, 0]
        raw = np.interp(np.arange(LENGTH), cuts, k / PER_CUT)
        settings = CurveSettings(seed=stream, max_tokens=tokens)
        exact = of.run(curve(of.trace, judge=of.judge, sampling=SAMPLING, settings=settings), rng)
        near = np.zeros(LENGTH, dtype=bool)
        for at in true_steps(of):
            near[max(0, at - 10) : at + 11] = True
        row = {"tokens": float(tokens), "exact tokens": float(exact.generated_tokens)}
        for name, value in (("raw", raw), ("smoothed", smoothed), ("excursions", exact.value)):
            error = np.abs(np.nan_to_num(value, nan=0.5) - values)
            row |= {
                name: float(error.mean()),
                f"{name} near": float(error[near].mean()) if near.any() else np.nan,
                f"{name} most": float(error.max()),
            }
        made.append(row)
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", nargs="*", choices=("changes", "branches", "models"), default=["changes", "branches", "models"])
    parser.add_argument("--automata", type=int, default=12, help="base traces a kind")
    parser.add_argument("--streams", type=int, default=5)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    with ProcessPoolExecutor(args.processes) as pool:

        def runs(task: Any, *fixed: Any) -> list[Any]:
            return [one for part in pool.map(partial(task, *fixed, args.seed, args.streams), range(args.automata)) for one in part]

        if "changes" in args.part:
            head = "kind | rollouts | all pairs covered | with score limits | any false | intervals | located | width: median, q90"
            print(f"| {head} | PELT: false | PELT: located | tokens |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|", flush=True)
            for rollouts in (400, 1600):
                for kind in KINDS:
                    print(changes_row(kind, rollouts, runs(changes_task, kind, rollouts)), flush=True)
        if "branches" in args.part:
            print_branches(runs)
        if "models" in args.part:
            print(
                "\n| kind | tokens | raw | smoothed | excursions | near: raw | smoothed | excursions | most: raw | smoothed | excursions |"
            )
            print("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|", flush=True)
            for kind in KINDS:
                rows = runs(models_task, kind)
                mean = {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}
                names = ("raw", "smoothed", "excursions")
                cells = [f"{mean[name + part]:.3f}" for part in ("", " near", " most") for name in names]
                print(f"| {kind} | {mean['tokens'] / 1000:.0f}k | " + " | ".join(cells).replace("nan", "–") + " |", flush=True)


def print_branches(runs: Any) -> None:
    """Bias of distances, and how often bounds hold, with and without draws of single branches."""
    head = "rollouts for each branch | bias of l2² | plug-in | bias of tv | tv of equals: found, by chance | p ≤ .05 where equal"
    print(f"\n| {head} | distance covered | all verdicts right | hazard within | survival within", end=" ")
    print("| S(T): low, kept, true, high, plug-in | value within | tokens |")
    print("|--:" * 13 + "|", flush=True)
    for samples in (0, 30, 100):
        rows = [row for kind in ("null", "step") for row in runs(branches_task, kind, {"samples": samples, "half_width": 0.1})]
        joined = {
            key: np.concatenate([np.asarray(row[key], dtype=np.float64) for row in rows])
            for key in ("l2", "plug", "tv", "tv of equals", "chance", "p", "distance", "hazard")
        }
        mean = {key: float(np.nanmean(x)) if len(x) else float("nan") for key, x in joined.items()}
        ends = np.mean([row["ends"] for row in rows], axis=0)
        below = float(np.mean(joined["p"] <= 0.05)) if len(joined["p"]) else float("nan")
        cells = [
            str(samples),
            f"{mean['l2']:+.4f}",
            f"{mean['plug']:+.4f}",
            f"{mean['tv']:+.3f}",
            f"{mean['tv of equals']:.3f}, {mean['chance']:.3f}",
        ]
        cells += [f"{below:.3f}", f"{mean['distance']:.3f}", f"{np.mean([row['verdicts'] for row in rows]):.3f}", f"{mean['hazard']:.4f}"]
        cells += [f"{np.mean([row['survival'] for row in rows]):.3f}", ", ".join(f"{x:.2f}" for x in ends[:5])]
        cells += [f"{np.mean([row['inside'] for row in rows]):.3f}", f"{np.mean([row['tokens'] for row in rows]) / 1000:.0f}k"]
        print("| " + " | ".join(cells).replace("nan", "–") + " |", flush=True)


if __name__ == "__main__":
    main()
