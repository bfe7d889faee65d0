"""Sampling parameters and the distribution q they make of a model's next-token probabilities.

Order of the filters: temperature, top-k, top-p, min-p, the order serving engines use. There are no defaults: a hidden
default is a wrong result.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from tokenworth.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """One sampling distribution. ``max_tokens`` limits the whole completion, counted from the prompt's end.

    Counting the limit from the prompt (not from a rollout's start) keeps the process the same at every cut, which the
    value recursion needs.
    """

    temperature: float
    top_k: int
    top_p: float
    min_p: float
    max_tokens: int
    stop: tuple[int, ...]

    def __post_init__(self) -> None:
        if not (math.isfinite(self.temperature) and self.temperature >= 0):
            raise InvalidInput(f"temperature {self.temperature}: expected a number ≥ 0 (0 means greedy)")
        if self.top_k < 0:
            raise InvalidInput(f"top-k {self.top_k}: expected 0 (off) or a positive whole number")
        if not 0 < self.top_p <= 1:
            raise InvalidInput(f"top-p {self.top_p}: expected a number in (0, 1], 1 means off")
        if not 0 <= self.min_p < 1:
            raise InvalidInput(f"min-p {self.min_p}: expected a number in [0, 1), 0 means off")
        if self.max_tokens < 1:
            raise InvalidInput(f"max tokens {self.max_tokens}: expected at least 1")

    def key_fields(self) -> list[object]:
        """All parameters, JSON-shaped: 1 and 1.0 are one temperature, and JSON would write them differently."""
        return [float(self.temperature), self.top_k, float(self.top_p), float(self.min_p), self.max_tokens, list(self.stop)]


def sampling_distribution(logits: Float[np.ndarray, " vocab"], sampling: Sampling) -> Float[np.ndarray, " vocab"]:
    """q: the distribution a sampler draws from, given one row of logits (or log-probabilities).

    Ties at the top-k and top-p edge are broken towards the lower id, so that the support has exactly the stated size.
    Top-p keeps the smallest set, in order of probability, whose mass reaches ``top_p``; min-p drops what is below
    ``min_p`` times the largest probability left. Temperature 0 is a point on the largest logit.
    """
    logits = np.asarray(logits, dtype=np.float64)
    if sampling.temperature == 0:
        point = np.zeros_like(logits)
        point[int(np.argmax(logits))] = 1.0
        return point
    # The largest logit is taken off first, so that no temperature above 0, however small, can overflow it.
    with np.errstate(over="ignore"):
        probability = np.exp((logits - logits.max()) / sampling.temperature)
    probability /= probability.sum()
    order = np.argsort(-probability, kind="stable")
    if sampling.top_k:
        probability[order[sampling.top_k :]] = 0.0
        probability /= probability.sum()
    if sampling.top_p < 1:
        before = np.cumsum(probability[order]) - probability[order]
        probability[order[before >= sampling.top_p]] = 0.0
        probability /= probability.sum()
    if sampling.min_p > 0:
        probability[probability < sampling.min_p * probability.max()] = 0.0
        probability /= probability.sum()
    return probability
