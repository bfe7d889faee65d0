"""Small things several tests use: answering an experiment directly, and automata to measure."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np

from tokenworth.backends.toy.automaton import Automaton
from tokenworth.backends.toy.backend import ToyBackend, parse_automaton
from tokenworth.core.keys import Keyer
from tokenworth.core.ports import Backend, KeyedRequest
from tokenworth.core.request.sample import Rollout, Sample
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import TokenSequence, Trace
from tokenworth.methods.curve.settings import CurveSettings
from tokenworth.run.drive import drive
from tokenworth.store.memory import MemoryStore

T = TypeVar("T")

PLAIN = Sampling(temperature=1.0, top_k=0, top_p=1.0, min_p=0.0, max_tokens=100_000, stop=())

LADDER = {
    "vocab_size": 8,
    "start": "s",
    "states": {
        "s": {"edges": [[0, 1.0, "a"]]},
        "a": {"edges": [[1, 0.7, "b"], [2, 0.3, "c"]]},
        "b": {"edges": [[3, 0.9, "d"], [4, 0.1, "c"]]},
        "c": {"edges": [[5, 0.5, "r"], [6, 0.5, "w"]]},
        "d": {"edges": [[6, 0.8, "r"], [7, 0.2, "w"]]},
        "r": {"outcome": "yes"},
        "w": {"outcome": "no"},
    },
    "correct": "yes",
}
"""Four forks; with the base s-a-b-d-r every value is a one-line sum."""


def ladder() -> Automaton:
    return parse_automaton(LADDER)


def answer_directly(experiment: Generator[Any, Any, Any], backend: Backend) -> Any:
    """The experiment's result, nothing kept on disk."""
    return drive(experiment, backend=backend, store=MemoryStore())


def toy_trace(automaton: Automaton, *, ids: tuple[int, ...] | None = None, seed: int = 0) -> Trace:
    """A base trace of an automaton: the ids given, or a sampled path."""
    backend = ToyBackend(automaton)
    if ids is None:
        request = Sample(sequence=TokenSequence(prompt=(), completion=()), cut=0, params=PLAIN, seed=seed, index=0)
        ((_, rollout),) = backend.answer([KeyedRequest(key=Keyer(backend.fingerprint).key(request), request=request)])
        assert isinstance(rollout, Rollout)
        ids = rollout.ids
    from tokenworth.core.tokens import StopReason

    return Trace(sequence=TokenSequence(prompt=(), completion=ids), n_trace=len(ids), stop=StopReason.STOP)


def settings(plan: str = "excursions", **choices: Any) -> CurveSettings:
    """Curve settings with what a test does not care about filled in."""
    return CurveSettings(plan=plan, **({"top": 8} | choices))  # type: ignore[arg-type]


def binomial_bounds(n: int, p: float, false_alarm: float) -> tuple[float, float]:
    """Shares that a binomial count leaves with at most this probability, both sides together."""
    from scipy.stats import binom

    return float(binom.ppf(false_alarm / 2, n, p)) / n, float(binom.isf(false_alarm / 2, n, p)) / n


def chi_square_p(counts: np.ndarray, expected: np.ndarray) -> float:
    """P-value of Pearson's test; cells expecting fewer than 8 are pooled."""
    from scipy.stats import chi2

    order = np.argsort(expected)
    big = expected[order] >= 8
    got = np.append(counts[order][big], counts[order][~big].sum())
    want = np.append(expected[order][big], expected[order][~big].sum())
    got, want = got[want > 0], want[want > 0]
    return float(chi2.sf(((got - want) ** 2 / want).sum(), len(want) - 1))


def run_alone(coroutine: Coroutine[Any, Any, T]) -> T:
    """The coroutine's result, run in a thread of its own: the browser tests keep an event loop running in the main one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


__all__ = ["LADDER", "PLAIN", "answer_directly", "binomial_bounds", "chi_square_p", "ladder", "np", "run_alone", "settings", "toy_trace"]
