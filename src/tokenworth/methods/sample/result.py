"""The result of N answers, as arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from tokenworth.core.grade import Grade
from tokenworth.core.request.sample import Rollout
from tokenworth.core.sampling import Sampling
from tokenworth.stats.correlation import Correlation


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SampleResult:
    """N answers to one problem. ``accuracy`` counts correct over all N; unknown outcomes are listed, never dropped in silence.

    ``unresolved``: what a budget that ended the run left undone, empty where nothing is.
    """

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
    unresolved: str = ""
