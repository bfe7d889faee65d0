"""The curve's estimator on base traces whose every V(c) is known exactly: coverage, stopping, changes, bands, first tokens, cost.

Drives the curve's own generator. Prints Markdown tables.
Usage: ``python bench/estimator.py [--only TABLE …] [--traces N] [--streams R] [--processes P] [--seed S]``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from shapes import SHAPES, forks
from tokenworth.backends.toy.backend import ToyBackend, toy_judge
from tokenworth.backends.toy.forks import Forks
from tokenworth.backends.toy.values import exact_values, random_automaton
from tokenworth.core.keys import Keyer
from tokenworth.core.ports import KeyedRequest
from tokenworth.core.request.sample import Rollout, Sample
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import TokenSequence, Trace
from tokenworth.methods.curve.experiment import curve
from tokenworth.methods.curve.result import CurveResult
from tokenworth.methods.curve.settings import CurveSettings
from tokenworth.run.drive import drive
from tokenworth.stats.proportion import proportion_limits
from tokenworth.store.memory import MemoryStore

SAMPLING = Sampling(temperature=1.0, top_k=0, top_p=1.0, min_p=0.0, max_tokens=100_000, stop=())
BUDGETS = (20, 100, 400)
PLAIN_SAMPLES = 20


def measured(base: Forks, seed: int, *, name_first: bool = True, **choices: Any) -> CurveResult:
    """One run of the curve's generator."""
    made = curve(base.trace, judge=base.judge, sampling=SAMPLING, settings=CurveSettings(seed=seed, **choices), name_first=name_first)
    return base.run(made, np.random.default_rng([7, seed]))


@dataclass(frozen=True)
class Runs:
    """Runs on one trace, one row a stream: whether each cut's interval holds the truth, and what else is counted."""

    covered: np.ndarray
    covered_scores: np.ndarray
    error: np.ndarray
    half_width: float
    no_draw: float
    rollouts: np.ndarray


def _inside(low: np.ndarray, high: np.ndarray, truth: np.ndarray) -> np.ndarray:
    return (low - 1e-9 <= truth) & (truth <= high + 1e-9)


def runs(base: Forks, streams: int, **choices: Any) -> Runs:
    """``streams`` runs; ``covered_scores`` is what score limits at the same draws would hold."""
    truth = base.values
    got = [measured(base, seed, **choices) for seed in range(streams)]
    covered = np.stack([_inside(r.low, r.high, truth) for r in got])
    return Runs(
        covered=covered,
        covered_scores=np.stack([_inside(*_score_limits(r), truth) for r in got]),
        error=np.stack([r.value - truth for r in got]),
        half_width=float(np.mean([np.mean(r.high - r.low) / 2 for r in got])),
        no_draw=float(np.mean([np.mean(r.unsampled) for r in got])),
        rollouts=np.asarray([r.n_rollouts for r in got]),
    )


def _score_limits(result: CurveResult) -> tuple[np.ndarray, np.ndarray]:
    """Wilson's limits, the default of an earlier version, from the same draws."""
    n, sampled = result.n_effective, result.leave - result.unsampled
    known = (1 - result.leave) * (result.base.verdict == "correct")
    mean = np.divide(np.nan_to_num(result.value) - known, result.leave, out=np.zeros_like(n), where=(result.leave > 0) & (n > 0)).clip(0, 1)
    low, high = proportion_limits("wilson", mean * n, n, 0.95)
    return known + sampled * low, np.minimum(known + sampled * high + result.unsampled, 1.0)


def _together(pool: Callable[..., Iterable[Any]], task: Callable[[int], Any], n: int) -> list[Any]:
    return list(pool(task, range(n)))


# -- coverage ----------------------------------------------------------------------------------------------------------


def _coverage_task(name: str, budget: int, streams: int, seed: int, number: int) -> tuple[Any, ...]:
    got = runs(forks(name, number, seed), streams, max_rollouts=budget)
    rms = float(np.sqrt(np.nanmean(got.error**2)))
    return (
        got.covered.mean(),
        got.covered.mean(axis=1).std(),
        got.covered.mean(axis=0).min(),
        got.covered_scores.mean(),
        (got.covered_scores.mean(axis=0).min()),
        got.half_width,
        rms,
        got.no_draw,
    )


def coverage(args: argparse.Namespace, pool: Callable[..., Iterable[Any]]) -> Iterator[str]:
    """Coverage of the 95 % intervals by shape and number of rollouts."""
    yield (
        f"{args.traces} traces a shape × {args.streams} streams; nominal 0.95. Spread: standard deviation of a stream's share of cuts. "
        "Worst: the cut of all traces that fewest streams cover.\n\n"
        "| shape | rollouts | mean | spread | worst cut | Wilson, mean | Wilson, worst cut | half-width | RMSE | no draw |\n"
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
    )
    for name in SHAPES:
        for budget in BUDGETS:
            rows = np.asarray(_together(pool, partial(_coverage_task, name, budget, args.streams, args.seed), args.traces))
            m = rows.mean(axis=0)
            yield (
                f"| {name} | {budget} | {m[0]:.3f} | {m[1]:.2f} | {rows[:, 2].min():.3f} | {m[3]:.3f} | {rows[:, 4].min():.3f} "
                f"| {m[5]:.3f} | {m[6]:.3f} | {m[7]:.3f} |"
            )


# -- stopping ----------------------------------------------------------------------------------------------------------


def _stopping_task(name: str, choices: dict[str, Any], streams: int, seed: int, number: int) -> tuple[float, ...]:
    got = runs(forks(name, number, seed), streams, **choices)
    bias = np.nanmean(got.error, axis=0) ** 2 - np.nanvar(got.error, axis=0) / streams
    return float(np.nanmean(bias)), float(got.covered.mean()), float(got.covered.mean(axis=0).min()), float(got.rollouts.mean())


def stopping(args: argparse.Namespace, pool: Callable[..., Iterable[Any]]) -> Iterator[str]:
    """Bias and coverage of runs that end at a precision."""
    traces, streams = min(args.traces, 3), max(2, args.streams // 2)
    yield (
        f"{traces} traces a shape × {streams} streams. Bias: the mean error of a cut, root mean square over cuts, with what the noise of "
        "the mean adds taken off.\n\n"
        "| shape | run ends at | bias | coverage, mean | worst cut | rollouts |\n|---|---|--:|--:|--:|--:|"
    )
    for name in ("V = .5", "V = .98, wrong base", "step", "walk", "branches differ"):
        for choices in ({"half_width": 0.2}, {"half_width": 0.1}, {"effective_samples": 20}):
            rows = np.asarray(_together(pool, partial(_stopping_task, name, choices, streams, args.seed), traces))
            ((key, value),) = choices.items()
            m = rows.mean(axis=0)
            yield (
                f"| {name} | {key.replace('_', ' ')} {value:g} | {np.sqrt(max(0.0, m[0])):.3f} | {m[1]:.3f} | {rows[:, 2].min():.3f} "
                f"| {m[3]:,.0f} |"
            )


# -- changes -----------------------------------------------------------------------------------------------------------


def _changes_task(name: str, budget: int, streams: int, seed: int, number: int) -> tuple[float, ...]:
    base = forks(name, number, seed)
    truth, shown = np.diff(base.values), 1 - base.p >= 0.05
    covered, wide, outer = [], [], []
    for stream in range(streams):
        r = measured(base, stream, max_rollouts=budget)
        covered.append(_inside(r.change_low[1:], r.change_high[1:], truth))
        wide.append((r.change_high - r.change_low)[1:])
        low, high = r.low[1:] - r.high[:-1], r.high[1:] - r.low[:-1]
        outer.append(np.minimum(high, 1 - base.p) - np.maximum(low, base.p - 1))
    share = np.mean(covered, axis=0)
    return float(share.mean()), float(share.min()), float(np.mean(wide, axis=0)[shown].mean()), float(np.mean(outer, axis=0)[shown].mean())


def changes(args: argparse.Namespace, pool: Callable[..., Iterable[Any]]) -> Iterator[str]:
    """Limits of V(c + 1) − V(c)."""
    yield (
        "Widths at tokens of probability .95 or less. Two intervals: the most extreme combination of the "
        "pointwise ones, within ± (1 − p).\n\n"
        "| shape | rollouts | coverage, mean | worst token | width | width by two intervals |\n|---|--:|--:|--:|--:|--:|"
    )
    for name in ("V = .5", "V = .98, wrong base", "step", "bump", "walk", "branches differ"):
        for budget in (100, 400):
            rows = np.asarray(_together(pool, partial(_changes_task, name, budget, args.streams, args.seed), min(args.traces, 3)))
            m = rows.mean(axis=0)
            yield f"| {name} | {budget} | {m[0]:.3f} | {rows[:, 1].min():.3f} | {m[2]:.3f} | {m[3]:.3f} |"


# -- band --------------------------------------------------------------------------------------------------------------

BAND_BUDGETS = (200, 800, 3200)


def _band_task(name: str, budget: int, streams: int, seed: int, number: int) -> tuple[float, float, float, float]:
    """Share of streams whose whole curve lies within the band, and within the pointwise limits; their mean half-widths."""
    base = forks(name, number, seed)
    whole, pointwise, wide, narrow = [], [], [], []
    for stream in range(streams):
        r = measured(base, stream, max_rollouts=budget)
        assert r.band is not None
        whole.append(_inside(r.band.low, r.band.high, base.values).all())
        pointwise.append(_inside(r.low, r.high, base.values).all())
        wide.append(np.mean(r.band.high - r.band.low) / 2)
        narrow.append(np.mean(r.high - r.low) / 2)
    return float(np.mean(whole)), float(np.mean(pointwise)), float(np.mean(wide)), float(np.mean(narrow))


def band(args: argparse.Namespace, pool: Callable[..., Iterable[Any]]) -> Iterator[str]:
    """Whether the whole curve lies within the simultaneous band."""
    streams = max(2, args.streams // 10)
    yield (
        f"{args.traces} traces a shape × {streams} streams; nominal 0.95 for the band.\n\n"
        "| shape | rollouts | whole curve in the band | in the pointwise limits | half-width, band | half-width, pointwise |\n"
        "|---|--:|--:|--:|--:|--:|"
    )
    for name in SHAPES:
        for budget in BAND_BUDGETS:
            rows = np.asarray(_together(pool, partial(_band_task, name, budget, streams, args.seed), args.traces))
            m = rows.mean(axis=0)
            yield f"| {name} | {budget:,} | {m[0]:.3f} | {m[1]:.2f} | {m[2]:.3f} | {m[3]:.3f} |"


# -- first tokens ------------------------------------------------------------------------------------------------------


def _tokens_task(name: str, budget: int, streams: int, seed: int, number: int) -> tuple[float, float]:
    base = forks(name, number, seed)
    errors = [np.nanmean(runs(base, streams, max_rollouts=budget, name_first=named).error ** 2) for named in (True, False)]
    return float(errors[0]), float(errors[1])


def tokens(args: argparse.Namespace, pool: Callable[..., Iterable[Any]]) -> Iterator[str]:
    """What it brings that first tokens are chosen by systematic sampling."""
    yield "| shape | rollouts | MSE, first token drawn by the model | MSE, chosen | ratio |\n|---|--:|--:|--:|--:|"
    for name in ("V = .5", "step", "branches differ"):
        for budget in BUDGETS:
            task = partial(_tokens_task, name, budget, args.streams, args.seed)
            rows = np.asarray(_together(pool, task, min(args.traces, 3))).mean(axis=0)
            yield f"| {name} | {budget} | {rows[1]:.5f} | {rows[0]:.5f} | {rows[1] / rows[0]:.2f} |"


# -- cost --------------------------------------------------------------------------------------------------------------


def _base_trace(backend: ToyBackend, seed: int) -> Trace:
    request = Sample(sequence=TokenSequence(prompt=(), completion=()), cut=0, params=SAMPLING, seed=seed, index=0)
    ((_, rollout),) = backend.answer([KeyedRequest(key=Keyer(backend.fingerprint).key(request), request=request)])
    assert isinstance(rollout, Rollout)
    return Trace(sequence=TokenSequence(prompt=(), completion=rollout.ids), n_trace=len(rollout.ids), stop=rollout.stop)


def _cost_task(alpha: float, certain: float, repeats: int, fraction: int, seed: int, number: int) -> tuple[float, ...]:
    """Tokens and squared errors; the plain error is exact, V(1−V)/20: 20 rollouts of its own at each cut, none reused."""
    rng = np.random.default_rng([seed, number, int(certain * 100)])
    automaton = random_automaton(rng, length=120, certain_share=certain, switch_share=0.1, fork_alpha=alpha)
    trace = _base_trace(ToyBackend(automaton), seed)
    truth = exact_values(automaton, trace.sequence, SAMPLING)

    def run(**choices: Any) -> CurveResult:
        made = curve(trace, judge=toy_judge(automaton), sampling=SAMPLING, settings=CurveSettings(**choices))
        return drive(made, backend=ToyBackend(automaton), store=MemoryStore())

    plain = run(plan="plain", samples=PLAIN_SAMPLES, seed=seed).generated_tokens
    got = [run(max_tokens=plain // fraction, seed=seed + 1 + r) for r in range(repeats)]
    error = float(np.mean([np.nanmean((r.value - truth) ** 2) for r in got]))
    return plain, float(np.mean(truth * (1 - truth)) / PLAIN_SAMPLES), float(np.mean([r.generated_tokens for r in got])), error


def cost(args: argparse.Namespace, pool: Callable[..., Iterable[Any]]) -> Iterator[str]:
    """Generated tokens at equal mean squared error, against 20 rollouts at each cut."""
    yield (
        f"{args.automata} automata of length 120 × {args.repeats} repeats a row. Error falls as 1/tokens for both plans, so tokens at "
        "equal error are as tokens × error.\n\n"
        "| forks | tokens, 20 per cut | tokens, excursions | MSE, 20 per cut | MSE, excursions | tokens at equal MSE |\n"
        "|---|--:|--:|--:|--:|--:|"
    )
    for alpha in (1.0, 0.5, 0.3):
        for certain in (0.7, 0.8):
            rows = np.asarray(_together(pool, partial(_cost_task, alpha, certain, args.repeats, args.fraction, args.seed), args.automata))
            plain, plain_error, used, error = rows.mean(axis=0)
            ratio = plain * plain_error / (used * error)
            name = f"Dirichlet({alpha}), {certain:.0%} certain"
            yield f"| {name} | {plain:,.0f} | {used:,.0f} | {plain_error:.5f} | {error:.5f} | {ratio:.1f}× fewer |"


TABLES = {"coverage": coverage, "stopping": stopping, "changes": changes, "band": band, "tokens": tokens, "cost": cost}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", choices=TABLES, default=list(TABLES))
    parser.add_argument("--traces", type=int, default=6, help="base traces a shape")
    parser.add_argument("--streams", type=int, default=200)
    parser.add_argument("--automata", type=int, default=6)
    parser.add_argument("--repeats", type=int, default=6)
    parser.add_argument("--fraction", type=int, default=16, help="excursions get this fraction of the plain plan's tokens")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    with ProcessPoolExecutor(args.processes) as pool:
        for name in args.only:
            print(f"\n### {name}\n", flush=True)
            for line in TABLES[name](args, pool.map):
                print(line, flush=True)


if __name__ == "__main__":
    main()
