"""Excursions against 20 rollouts a cut, on random automata whose every V(c) is known exactly.

Prints a Markdown table: generated tokens at equal mean squared error, and the coverage of the intervals.
Usage: ``python bench/estimator.py [--automata N] [--repeats R] [--interval wilson|beta] [--seed S]``.
"""

from __future__ import annotations

import argparse
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tokenworth.backends.toy import ToyBackend, toy_judge
from tokenworth.backends.toy_automaton import Automaton
from tokenworth.backends.toy_values import exact_values, random_automaton
from tokenworth.core.keys import Keyer
from tokenworth.core.ports import KeyedRequest
from tokenworth.core.request import Rollout, Sample
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import TokenSequence, Trace
from tokenworth.methods.curve import curve
from tokenworth.methods.results import CurveResult
from tokenworth.methods.settings import Budget, CurveSettings

PLAIN_SAMPLES = 20
SAMPLING = Sampling(temperature=1.0, top_k=0, top_p=1.0, min_p=0.0, max_tokens=100_000, stop=())


def run(experiment: Generator[Any, Any, Any], backend: ToyBackend) -> Any:
    """Answers an experiment without a store."""
    keyer = Keyer(backend.fingerprint)
    try:
        batch = next(experiment)
        while True:
            keyed = [KeyedRequest(key=keyer.key(request), request=request) for request in batch]
            answers = dict(backend.answer(keyed))
            batch = experiment.send(tuple(answers[item.key] for item in keyed))
    except StopIteration as done:
        return done.value


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
    settings = CurveSettings(
        plan=plan.get("plan", "excursions"),
        sampling=SAMPLING,
        seed=seed,
        samples=plan.get("samples"),
        stride=None,
        refine=None,
        budget=plan.get("budget", Budget()),
        level=0.95,
        interval=interval,  # type: ignore[arg-type]
        top=8,
    )
    result: CurveResult = run(curve(trace, judge=toy_judge(automaton), settings=settings), backend)
    covered = (result.low - 1e-9 <= truth) & (truth <= result.high + 1e-9)
    error = float(np.mean((result.value - truth) ** 2))
    half = float(np.mean(result.high - result.low) / 2)
    return Score(error, result.generated_tokens, result.n_rollouts, covered, half)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--automata", type=int, default=12)
    parser.add_argument("--repeats", type=int, default=12)
    parser.add_argument("--interval", default="wilson", choices=["wilson", "beta"])
    parser.add_argument("--length", type=int, default=120)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--fraction", type=int, default=16)
    parser.add_argument("--switch", type=float, default=0.1)
    args = parser.parse_args()
    rows = []
    for alpha, certain in [(alpha, certain) for alpha in (1.0, 0.5, 0.3) for certain in (0.7, 0.75, 0.8)]:
        plain_tokens, plain_error, small_tokens, small_error, coverage = [], [], [], [], []
        worst = []
        for number in range(args.automata):
            rng = np.random.default_rng([args.seed, number, int(certain * 100)])
            automaton = random_automaton(rng, length=args.length, certain_share=certain, switch_share=args.switch, fork_alpha=alpha)
            trace = base_trace(ToyBackend(automaton), args.seed)
            truth = exact_values(automaton, trace.sequence, SAMPLING)
            by_cut = []
            plain = measure(automaton, trace, truth, seed=args.seed, interval="wilson", plan="plain", samples=PLAIN_SAMPLES)
            plain_tokens.append(plain.tokens)
            plain_error.append(float(np.mean(truth * (1 - truth)) / PLAIN_SAMPLES))
            for repeat in range(args.repeats):
                budget = Budget(max_tokens=plain.tokens // args.fraction)
                score = measure(automaton, trace, truth, seed=args.seed + 1 + repeat, interval=args.interval, budget=budget)
                small_tokens.append(score.tokens)
                small_error.append(score.squared_error)
                by_cut.append(score.covered)
            covered = np.mean(by_cut, axis=0)
            coverage.append(covered.mean())
            worst.append(covered.min())
        # Error falls as 1/tokens for both plans, so tokens at equal error = tokens × error ratio.
        ratio = (np.mean(plain_tokens) * np.mean(plain_error)) / (np.mean(small_tokens) * np.mean(small_error))
        rows.append(
            (
                certain,
                np.mean(plain_tokens),
                np.mean(small_tokens),
                np.mean(plain_error),
                np.mean(small_error),
                ratio,
                np.mean(coverage),
                np.min(worst),
            )
        )
    print(f"Interval {args.interval}, nominal 0.95; {args.automata} automata × {args.repeats} repeats a row, length {args.length}.\n")
    print(
        "| certain share | tokens, 20 a cut | tokens, excursions | MSE, 20 a cut (exact) | MSE, excursions | tokens at equal MSE | mean coverage | worst cut |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for alpha, certain, a, b, c, d, ratio, cover, low in rows:
        print(f"| α = {alpha} | {certain:.2f} | {a:,.0f} | {b:,.0f} | {c:.5f} | {d:.5f} | {ratio:.1f}× fewer | {cover:.3f} | {low:.2f} |")


if __name__ == "__main__":
    main()
