"""Base traces with tokens that change the value by a known amount: where a search for pivots is right or wrong is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from tokenworth.backends.toy.forks import Forks
from tokenworth.core.tokens import Trace

LENGTH = 256
DELTA = 0.2
ANSWER = 0.3
"""Probability of the one answer token after the trace."""
ROOM = 0.04
"""Values stay this far from 0 and 1."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PivotTrace(Forks):
    """Forks of which the last is the answer's, so that it is no token of the trace."""

    length: int = LENGTH

    @property
    def trace(self) -> Trace:
        """The base with its answer of one token."""
        return replace(Forks.trace.fget(self), n_trace=self.length)  # type: ignore[attr-defined]

    @property
    def steps(self) -> np.ndarray:
        """Δ of each token of the trace."""
        return np.diff(self.values)[: self.length]

    @property
    def plain_tokens(self) -> int:
        """Tokens of one rollout at each cut of the trace."""
        return int((len(self.p) - np.arange(self.length + 1)).sum())


def leaving(rng: np.random.Generator, length: int = LENGTH) -> np.ndarray:
    """1 − p of each token, .14 in the mean: a quarter of the tokens could well have been others."""
    open_ = rng.random(length) < 0.25
    return np.where(open_, rng.uniform(0.2, 0.8, length), rng.exponential(0.02, length).clip(1e-4, 0.15))


Plan = Callable[[np.random.Generator, np.ndarray], np.ndarray]
"""(rng, 1 − p of each token) -> the Δ that are asked for, 0 for no change; a sign may be turned to stay within 0 and 1."""


def _at(rng: np.random.Generator, leave: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Steps of these sizes and alternating signs at random tokens that could have been others."""
    found = np.zeros(len(leave))
    where = np.sort(rng.choice(np.flatnonzero(leave >= DELTA), len(sizes), replace=False))
    found[where] = sizes * np.where(np.arange(len(sizes)) % 2, -1, 1)
    return found


def null(rng: np.random.Generator, leave: np.ndarray) -> np.ndarray:
    """No token changes anything."""
    del rng
    return np.zeros(len(leave))


def ramp(rng: np.random.Generator, leave: np.ndarray) -> np.ndarray:
    """Slowly upwards."""
    del rng
    return 0.6 * leave / leave.sum()


def noise(rng: np.random.Generator, leave: np.ndarray) -> np.ndarray:
    """Many small changes, up to .1 where a token could have been another."""
    return rng.uniform(-0.5, 0.5, len(leave)) * np.minimum(leave, 0.19)


def step(rng: np.random.Generator, leave: np.ndarray) -> np.ndarray:
    """One change of .25 to .6."""
    return _at(rng, leave, rng.uniform(0.25, 0.6, 1))


def bump(rng: np.random.Generator, leave: np.ndarray) -> np.ndarray:
    """Up and down again."""
    return _at(rng, leave, np.full(2, rng.uniform(0.3, 0.5)))


def mixed(rng: np.random.Generator, leave: np.ndarray) -> np.ndarray:
    """Three of .2 to .45, five of .1 to .2, and noise."""
    small = 0.3 * noise(rng, leave)
    large = _at(rng, leave, rng.permutation(np.append(rng.uniform(0.2, 0.45, 3), rng.uniform(0.1, 0.2, 5))))
    return np.where(large != 0, large, small)


def border(rng: np.random.Generator, leave: np.ndarray) -> np.ndarray:
    """Eight of .12 to .3: there a verdict takes most draws."""
    return _at(rng, leave, rng.uniform(0.12, 0.3, 8))


def edge(rng: np.random.Generator, leave: np.ndarray) -> np.ndarray:
    """Fourteen that are just too small to be named, and two of .25 to .4."""
    return _at(rng, leave, rng.permutation(np.append(np.full(14, 0.4999 * DELTA), rng.uniform(0.25, 0.4, 2))))


KINDS: dict[str, Plan] = {one.__name__: one for one in (null, ramp, noise, step, bump, mixed, border, edge)}


def pivot_trace(kind: str, number: int, seed: int = 1) -> PivotTrace:
    """One base trace of a kind: from its end, each step turned where the value would leave its room, and W(c) what makes it so."""
    rng = np.random.default_rng([seed, list(KINDS).index(kind), number])
    leave = leaving(rng)
    asked = KINDS[kind](rng, leave)
    worth = np.empty(LENGTH + 1)
    end = float(number % 2 == 0)
    value = float(rng.uniform(0.75, 0.9) if kind == "ramp" else rng.uniform(0.3, 0.7))
    if abs(value - ANSWER * end) > 1 - ANSWER or value < ANSWER * end:
        value = ANSWER * end + (1 - ANSWER) * float(rng.uniform(0.1, 0.9))
    worth[LENGTH] = (value - ANSWER * end) / (1 - ANSWER)
    for cut in range(LENGTH - 1, -1, -1):
        change = float(asked[cut])
        if not ROOM <= value - change <= 1 - ROOM:
            change = -change
        need = abs(change) / (value if change > 0 else 1 - value)
        if not ROOM <= value - change <= 1 - ROOM or need > 0.97:
            change = need = 0.0
        leave[cut] = max(leave[cut], min(0.98, 1.01 * need))
        worth[cut] = min(1.0, max(0.0, value - change / leave[cut]))
        value -= change
    share = rng.dirichlet(np.ones(3), LENGTH + 1)
    p = np.append(1 - leave, ANSWER)
    return PivotTrace(p=p, share=share, worth=np.repeat(worth[:, None], 3, axis=1), ends_right=end == 1.0)
