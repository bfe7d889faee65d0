"""q from the most likely tokens alone: what a server that lists k log-probabilities says of the sampling distribution.

A server gives raw probabilities p₁ ≥ … ≥ p_k of N tokens. With weights t_i = (p_i/p₁)^{1/T} and the unseen mass m = 1 − Σ p_i, the weight
U of the unseen tokens (each at most p_k) is bounded: U = m/p₁ at T = 1; for T < 1 the power is convex, so U is largest when the mass
sits in tokens of p_k and smallest when it is spread evenly; for T > 1 the other way round. Top-k, top-p and min-p then
keep part of it. Where the filters provably keep listed tokens only, q is exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from tokenworth.core.sampling import Sampling

ROUNDING = 5e-7
"""Mass that a list which sums to 1 may leave out: what float32 does not resolve. Where it sums to more than 1, by as much again."""

Order = Literal["min-p last", "min-p first", "unknown"]
"""Temperature first; then top-k, top-p, min-p ("min-p last": llama.cpp as asked) or min-p, top-k, top-p ("min-p first": vLLM).

Where it is unknown, the temperature may come last, and top-p may count what top-k has dropped (SGLang without its kernels does): q is the
same in every order only for top-k alone, and at temperature 1 for min-p with top-k or without, and for top-p alone.
"""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shaped:
    """q of the listed tokens, within [low, high]; ``rest``: the most that q can put on all the others together."""

    low: Float[np.ndarray, " listed"]
    high: Float[np.ndarray, " listed"]
    rest: float

    @property
    def is_exact(self) -> bool:
        """Whether q is known: nothing on unlisted tokens and no room between the bounds."""
        return self.rest == 0.0 and bool(np.array_equal(self.low, self.high))

    @property
    def middle(self) -> Float[np.ndarray, " listed"]:
        """The middle of the bounds."""
        return (self.low + self.high) / 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Weights:
    """Unnormalised q: listed weights with what is kept for sure and perhaps, and the range of the unseen tokens' total."""

    t: Float[np.ndarray, " listed"]
    sure: Bool[np.ndarray, " listed"]
    perhaps: Bool[np.ndarray, " listed"]
    unseen: tuple[float, float]
    n_unseen: int


def is_neutral(sampling: Sampling) -> bool:
    """Whether no filter is on: q is the model's distribution at a temperature."""
    return sampling.temperature > 0 and sampling.top_k == 0 and sampling.top_p == 1 and sampling.min_p == 0


def depends_on_order(sampling: Sampling) -> bool:
    """Whether q differs with the order of temperature and filters: see `Order`."""
    top_k, top_p, min_p = sampling.top_k > 0, sampling.top_p < 1, sampling.min_p > 0
    if sampling.temperature == 0:
        return False
    return (top_p and (min_p or top_k)) or ((top_p or min_p) and sampling.temperature != 1)


def shape(logprobs: Float[np.ndarray, " listed"], sampling: Sampling, *, vocab_size: int, order: Order) -> Shaped:
    """Bounds on q from raw log-probabilities of the most likely tokens, descending (nats)."""
    p = np.exp(np.asarray(logprobs, dtype=np.float64))
    if sampling.temperature == 0:
        point = np.zeros(len(p))
        point[0] = 1.0
        return Shaped(low=point, high=point.copy(), rest=0.0)
    weights = _tempered(p, sampling.temperature, vocab_size)
    filters = [_top_k, _top_p, _min_p] if order == "min-p last" else [_min_p, _top_k, _top_p]
    for keep in filters:
        weights = keep(weights, sampling)
    sure = float(weights.t[weights.sure].sum())
    perhaps = float(weights.t[weights.perhaps].sum())
    least, most = sure + weights.unseen[0], perhaps + weights.unseen[1]
    low = np.where(weights.sure, weights.t / most, 0.0)
    high = np.where(weights.perhaps, weights.t / np.where(weights.sure, least, least + weights.t), 0.0)
    rest = weights.unseen[1] / (sure + weights.unseen[1]) if weights.unseen[1] > 0 else 0.0
    return Shaped(low=low, high=high, rest=rest)


def with_known(shaped: Shaped, logprobs: Float[np.ndarray, " listed"], logprob: float, sampling: Sampling) -> tuple[float, float]:
    """Bounds on q of an unlisted token whose raw log-probability is known.

    Its weight relative to the first listed token is exact, so its q follows from the first token's; filters may have dropped it.
    """
    if sampling.temperature == 0:
        return 0.0, 0.0
    ratio = float(np.exp((logprob - float(logprobs[0])) / sampling.temperature))
    high = min(shaped.rest, ratio * float(shaped.high[0]))
    return (ratio * float(shaped.low[0]) if is_neutral(sampling) else 0.0), high


def _tempered(p: Float[np.ndarray, " listed"], temperature: float, vocab_size: int) -> _Weights:
    power = 1.0 / temperature
    n_unseen = max(0, vocab_size - len(p))
    with np.errstate(divide="ignore"):
        t = np.exp(power * (np.log(p) - np.log(p[0])))
    left, relative = 1.0 - float(p.sum()), float(p[-1] / p[0])
    rounding = min(max(ROUNDING, -left), n_unseen * float(p[-1]))
    unseen = (0.0, 0.0)
    if n_unseen:
        least, most = (_total(mass / float(p[0]), power, n_unseen, relative) for mass in (max(0.0, left), max(left, rounding)))
        unseen = (least[0], most[1])
    every = np.ones(len(p), dtype=bool)
    return _Weights(t=t, sure=every, perhaps=every, unseen=unseen, n_unseen=n_unseen)


def _total(mass: float, power: float, n_unseen: int, relative: float) -> tuple[float, float]:
    """The least and the most weight of so much unseen mass, in tokens of at most ``relative``."""
    if mass == 0.0 or power == 1.0:
        return mass, mass
    even = n_unseen ** (1.0 - power) * mass**power
    packed = mass * relative ** (power - 1.0) if relative > 0 else even
    return min(even, packed), max(even, packed)


def _top_k(weights: _Weights, sampling: Sampling) -> _Weights:
    k, n = sampling.top_k, len(weights.t)
    if k == 0 or (k >= n and weights.unseen[1] == 0.0):
        return weights
    if k <= n:
        kept = np.arange(n) < k
        return _Weights(t=weights.t, sure=weights.sure & kept, perhaps=weights.perhaps & kept, unseen=(0.0, 0.0), n_unseen=0)
    # The k − n likeliest unseen tokens hold at least their even share, and none of them more than the last listed one.
    room = min(k - n, weights.n_unseen)
    low, high = weights.unseen
    unseen = (low * room / weights.n_unseen, min(high, room * float(weights.t[-1])))
    return _Weights(t=weights.t, sure=weights.sure, perhaps=weights.perhaps, unseen=unseen, n_unseen=room)


def _top_p(weights: _Weights, sampling: Sampling) -> _Weights:
    if sampling.top_p >= 1:
        return weights
    t = np.where(weights.perhaps, weights.t, 0.0)
    before, listed = np.cumsum(t) - t, float(t.sum())
    low, high = (sampling.top_p * (listed + total) for total in weights.unseen)
    sure, perhaps = weights.sure & (before < low), weights.perhaps & (before < high)
    # The smallest set that reaches the threshold passes it by less than its last token.
    last = float(weights.t[-1])
    reached = (max(0.0, low - listed), max(0.0, min(weights.unseen[1], high + last - listed)) if listed < high else 0.0)
    return _Weights(t=weights.t, sure=sure, perhaps=perhaps, unseen=reached, n_unseen=weights.n_unseen)


def _min_p(weights: _Weights, sampling: Sampling) -> _Weights:
    if sampling.min_p == 0:
        return weights
    kept = weights.t >= sampling.min_p * weights.t[0]
    # Unseen tokens are no likelier than the last listed one: if that falls, all of them do.
    unseen = (0.0, weights.unseen[1]) if kept[-1] else (0.0, 0.0)
    return _Weights(t=weights.t, sure=weights.sure & kept, perhaps=weights.perhaps & kept, unseen=unseen, n_unseen=weights.n_unseen)
