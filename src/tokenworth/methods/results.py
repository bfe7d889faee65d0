"""Frozen results of the methods, as arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from tokenworth.core.grade import Grade
from tokenworth.core.request import NextTokenTable, Rollout
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import Trace
from tokenworth.methods.settings import CurveSettings
from tokenworth.stats.correlation import Correlation


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """One rollout with its grade. ``cut``/``index`` name its request; ``leaves``: it was forced off the base at its first token."""

    cut: int
    index: int
    leaves: bool
    rollout: Rollout
    grade: Grade


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CurveResult:
    """Value and outcome distribution along one trace.

    ``cuts`` are the cuts reported (0…T at most); ``value``/``low``/``high`` are NaN where nothing was measured. ``n_effective``: number
    of rollouts (plain) or Kish's effective number of excursions (excursions). ``n_started``: rollouts that began at the cut.
    ``leave``/``unsampled``: probability of leaving the base, and of leaving it at forks without draws (NaN for plain plans).
    ``table``: q_c at every base token, answer included (None where the backend cannot give it).
    """

    trace: Trace
    base: Grade
    settings: CurveSettings
    cuts: Int[np.ndarray, " cut"]
    value: Float[np.ndarray, " cut"]
    low: Float[np.ndarray, " cut"]
    high: Float[np.ndarray, " cut"]
    n_effective: Float[np.ndarray, " cut"]
    n_started: Int[np.ndarray, " cut"]
    leave: Float[np.ndarray, " cut"]
    unsampled: Float[np.ndarray, " cut"]
    labels: tuple[str, ...]
    outcomes: Float[np.ndarray, "cut outcome"]
    outcomes_low: Float[np.ndarray, "cut outcome"]
    outcomes_high: Float[np.ndarray, "cut outcome"]
    table: NextTokenTable | None
    draws: tuple[Draw, ...]
    n_rollouts: int
    generated_tokens: int
    stopped: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ForcedReading:
    """Option log-probabilities (nats, raw) after one exit text at every cut; ``mass``: their summed probability."""

    name: str
    suffix: tuple[int, ...]
    logprob: Float[np.ndarray, "cut option"]
    top_id: Int[np.ndarray, " cut"]
    top_logprob: Float[np.ndarray, " cut"]

    @property
    def probability(self) -> Float[np.ndarray, "cut option"]:
        """Raw probability of each option."""
        return np.exp(self.logprob)

    @property
    def mass(self) -> Float[np.ndarray, " cut"]:
        """Probability on the options together."""
        return self.probability.sum(axis=1)

    @property
    def renormalised(self) -> Float[np.ndarray, "cut option"]:
        """Probability of each option given that one of them is written; NaN where the mass is 0."""
        with np.errstate(invalid="ignore"):
            return self.probability / self.mass[:, None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ForcedResult:
    """Forced answers along a trace. ``own``: grade of the model's own answer after its natural end."""

    trace: Trace
    cuts: Int[np.ndarray, " cut"]
    options: tuple[str, ...]
    readings: tuple[ForcedReading, ...]
    own: Grade
    token_forwards: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SampleResult:
    """N answers to one problem. ``accuracy`` counts correct over all N; unknown outcomes are listed, never dropped in silence."""

    prompt: tuple[int, ...]
    sampling: Sampling
    seed: int
    rollouts: tuple[Rollout, ...]
    grades: tuple[Grade, ...]
    n_trace: Int[np.ndarray, " sample"]
    accuracy: float
    low: float
    high: float
    level: float
    outcomes: Mapping[str, int]
    length_correlation: Correlation
    generated_tokens: int
