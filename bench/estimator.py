"""Excursions against 20 rollouts per cut, on random automata whose every V(c) is known exactly.

Prints a Markdown table: generated tokens at equal mean squared error, and the coverage of the intervals.
Usage: ``python bench/estimator.py [--automata N] [--repeats R] [--interval wilson|beta] [--seed S]``.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Any

import numpy as np

from tokenworth.backends.toy.automaton import Automaton
from tokenworth.backends.toy.backend import ToyBackend, toy_judge
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
from tokenworth.store.memory import MemoryStore

PLAIN_SAMPLES = 20
SAMPLING = Sampling(temperature=1.0, top_k=0, top_p=1.0, min_p=0.0, max_tokens=100_000, stop=())


@dataclass(frozen=True)
class Score:
    squared_error: float
    tokens: int
    rollouts: int
    covered: np.ndarray
    half_width: float


def base_trace(backend: ToyBackend, seed: int) -> Trace:
    start = TokenSequence(prompt=(), completion=())
    request = Sample(sequence=start, cut=0, params=SAMPLING, seed=seed, index=0)
    key = Keyer(backend.fingerprint).key(request)
    ((_, rollout),) = backend.answer([KeyedRequest(key=key, request=request)])
    assert isinstance(rollout, Rollout)
    sequence = TokenSequence(prompt=(), completion=rollout.ids)
    return Trace(sequence=sequence, n_trace=len(rollout.ids), stop=rollout.stop)


def measure(automaton: Automaton, trace: Trace, truth: np.ndarray, *, seed: int, interval: str, **plan: Any) -> Score:
    backend = ToyBackend(automaton)
    settings = CurveSettings(seed=seed, interval=interval, **plan)  # type: ignore[arg-type]
    made = curve(trace, judge=toy_judge(automaton), sampling=SAMPLING, settings=settings)
    result: CurveResult = drive(made, backend=backend, store=MemoryStore())
    covered = (result.low - 1e-9 <= truth) & (truth <= result.high + 1e-9)
    error = float(np.mean((result.value - truth) ** 2))
    half = float(np.mean(result.high - result.low) / 2)
    return Score(error, result.generated_tokens, result.n_rollouts, covered, half)


@dataclass(frozen=True)
class Row:
    name: str
    plain_tokens: float
    tokens: float
    plain_error: float
    error: float
    coverage: float
    worst: float

    def __str__(self) -> str:
        # Error falls as 1/tokens for both plans, so tokens at equal error = tokens × error.
        ratio = self.plain_tokens * self.plain_error / (self.tokens * self.error)
        return (
            f"| {self.name} | {self.plain_tokens:,.0f} | {self.tokens:,.0f} | {self.plain_error:.5f} | {self.error:.5f} "
            f"| {ratio:.1f}× fewer | {self.coverage:.3f} | {self.worst:.2f} |"
        )


HEAD = (
    "| case | tokens, 20 a cut | tokens, excursions | MSE, 20 a cut | MSE, excursions | tokens at equal MSE "
    "| mean coverage | worst cut |\n|---|---|---|---|---|---|---|---|"
)


def on_automata(alpha: float, certain: float, args: argparse.Namespace) -> Row:
    """Mean over automata and repeats; the plain error is exact, V(1−V)/20: 20 rollouts of its own at each cut, none reused."""
    plain_tokens, plain_error, tokens, errors, coverage, worst = [], [], [], [], [], []
    for number in range(args.automata):
        rng = np.random.default_rng([args.seed, number, int(certain * 100)])
        automaton = random_automaton(rng, length=args.length, certain_share=certain, switch_share=args.switch, fork_alpha=alpha)
        trace = base_trace(ToyBackend(automaton), args.seed)
        truth = exact_values(automaton, trace.sequence, SAMPLING)
        plain = measure(automaton, trace, truth, seed=args.seed, interval="wilson", plan="plain", samples=PLAIN_SAMPLES)
        plain_tokens.append(plain.tokens)
        plain_error.append(float(np.mean(truth * (1 - truth)) / PLAIN_SAMPLES))
        budget = plain.tokens // args.fraction
        scores = [
            measure(automaton, trace, truth, seed=args.seed + 1 + r, interval=args.interval, max_tokens=budget) for r in range(args.repeats)
        ]
        tokens += [score.tokens for score in scores]
        errors += [score.squared_error for score in scores]
        covered = np.mean([score.covered for score in scores], axis=0)
        coverage.append(covered.mean())
        worst.append(covered.min())
    means = [float(np.mean(x)) for x in (plain_tokens, tokens, plain_error, errors, coverage)]
    return Row(f"forks Dirichlet({alpha}), {certain:.0%} certain", *means, float(min(worst)))


def on_bundled_model(family: str, args: argparse.Namespace) -> Row:
    """One trace of the bundled model at temperature 1; truth: ``--truth`` plain rollouts per cut, its own variance taken off the error."""
    from tokenworth.workbench.bench import Workbench

    with Workbench("tiny") as bench:
        case = bench.case(f"world:{family}", 1)
        trace = case.sample(4, seed=args.seed).trace("any")
        long = case.curve(trace, plan="plain", samples=args.truth, seed=10_000).result
        noise = float(np.mean(long.value * (1 - long.value) / long.n_effective))
        plain_tokens = long.generated_tokens * PLAIN_SAMPLES / args.truth
        tokens, errors, covered = [], [], []
        for repeat in range(args.repeats):
            budget = int(plain_tokens / args.fraction)
            got = case.curve(trace, max_tokens=budget, seed=args.seed + 1 + repeat, interval=args.interval).result
            tokens.append(got.generated_tokens)
            errors.append(float(np.mean((got.value - long.value) ** 2)) - noise)
            covered.append((got.low - 1e-9 <= long.value) & (long.value <= got.high + 1e-9))
    share = np.mean(covered, axis=0)
    plain_error = float(np.mean(long.value * (1 - long.value)) / PLAIN_SAMPLES)
    name = f"bundled model, {family}, T = {trace.n_trace}"
    return Row(name, plain_tokens, float(np.mean(tokens)), plain_error, float(np.mean(errors)), float(share.mean()), float(share.min()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--automata", type=int, default=12)
    parser.add_argument("--repeats", type=int, default=12)
    parser.add_argument("--interval", default="wilson", choices=["wilson", "beta"])
    parser.add_argument("--length", type=int, default=120)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--fraction", type=int, default=16, help="excursions get this fraction of the plain plan's tokens")
    parser.add_argument("--switch", type=float, default=0.1)
    parser.add_argument("--truth", type=int, default=400, help="plain rollouts per cut that stand for the truth; 0 leaves the model out")
    args = parser.parse_args()
    print(f"Interval {args.interval}, nominal 0.95; {args.automata} automata × {args.repeats} repeats a row, length {args.length}.\n")
    print(HEAD)
    for alpha in (1.0, 0.5, 0.3):
        for certain in (0.7, 0.75, 0.8):
            print(on_automata(alpha, certain, args), flush=True)
    for family in ("steps", "recall", "guess") if args.truth else ():
        print(on_bundled_model(family, args), flush=True)


if __name__ == "__main__":
    main()
