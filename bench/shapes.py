"""Base traces of which every V(c) is known, in the shapes that are hard for an interval."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tokenworth.backends.toy.forks import Forks

LENGTH = 120
Profile = Callable[[np.random.Generator, int], np.ndarray]


def some_open(rng: np.random.Generator, length: int) -> np.ndarray:
    """A fork at every fourth token, of any probability."""
    p = np.ones(length)
    forks = rng.random(length) < 0.25
    p[forks] = rng.beta(3, 2, int(forks.sum())).clip(0.05, 0.999)
    return p


def many_small(rng: np.random.Generator, length: int) -> np.ndarray:
    """A fork at every token, most of them small: a base drawn at temperature 1."""
    return 1 - np.exp(rng.normal(-5, 1.5, length)).clip(1e-5, 0.6)


def flat(rng: np.random.Generator, length: int) -> np.ndarray:
    """Forks of one size, as likely everywhere."""
    del rng
    return np.full(length, 0.998)


def tenth(rng: np.random.Generator, length: int) -> np.ndarray:
    """Each token is left with probability .1: as many strata as tokens."""
    del rng
    return np.full(length, 0.9)


def constant(value: float) -> Profile:
    """The same worth at every fork."""
    return lambda rng, length: np.full(length, value)


def walk(rng: np.random.Generator, length: int) -> np.ndarray:
    """A random walk within 0 and 1."""
    return np.clip(0.5 + np.cumsum(rng.normal(0, 0.06, length)), 0, 1)


def bump(rng: np.random.Generator, length: int) -> np.ndarray:
    """A sixth of the trace is worth .9, the rest .2."""
    start = int(rng.integers(length // 6, length // 2))
    return np.where((np.arange(length) >= start) & (np.arange(length) < start + length // 6), 0.9, 0.2)


def step(rng: np.random.Generator, length: int) -> np.ndarray:
    """From .3 to .95 at one token."""
    return np.where(np.arange(length) >= int(rng.integers(length // 3, 2 * length // 3)), 0.95, 0.3)


def wave(rng: np.random.Generator, length: int) -> np.ndarray:
    """Slowly up and down."""
    return 0.5 + 0.3 * np.sin(np.arange(length) / 60 + rng.uniform(0, 6))


SHAPES: dict[str, tuple[Profile, Profile, int, bool | None, float]] = {
    "V = .5": (some_open, constant(0.5), LENGTH, None, 0.0),
    "V = .98, right base": (some_open, constant(0.98), LENGTH, True, 0.0),
    "V = .98, wrong base": (some_open, constant(0.98), LENGTH, False, 0.0),
    "V = .02, right base": (some_open, constant(0.02), LENGTH, True, 0.0),
    "V = .02, wrong base": (some_open, constant(0.02), LENGTH, False, 0.0),
    "step": (some_open, step, LENGTH, None, 0.0),
    "bump": (some_open, bump, LENGTH, None, 0.0),
    "walk": (some_open, walk, LENGTH, None, 0.0),
    "branches differ": (some_open, constant(0.5), LENGTH, None, 0.6),
    "120 strata": (tenth, constant(0.5), LENGTH, None, 0.0),
    "flat forks": (flat, wave, 400, None, 0.0),
    "T = 600": (many_small, wave, 600, None, 0.0),
    "T = 600, V = .95": (many_small, constant(0.95), 600, None, 0.0),
}
"""Name → probabilities, worth of leaving, length, outcome of the base (None: either), spread of the worth among the branches of a fork."""


def forks(name: str, number: int, seed: int = 1) -> Forks:
    """One base trace of a shape."""
    chances, worths, length, ends_right, spread = SHAPES[name]
    rng = np.random.default_rng([seed, list(SHAPES).index(name), number])
    share = rng.dirichlet(np.ones(3), length)
    worth = np.clip(worths(rng, length)[:, None] + spread * rng.standard_normal((length, 3)), 0.0, 1.0)
    return Forks(p=chances(rng, length), share=share, worth=worth, ends_right=number % 2 == 0 if ends_right is None else ends_right)
