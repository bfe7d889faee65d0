"""The result of a value curve, as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from tokenworth.core.grade import Grade
from tokenworth.core.request.next_token import NextTokenTable
from tokenworth.core.request.sample import Rollout
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import Trace
from tokenworth.methods.curve.settings import CurveSettings
from tokenworth.methods.cuts import Missed
from tokenworth.tasks.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class GradedRollout:
    """One rollout with its grade."""

    cut: int
    index: int
    """Counts the draws of its cut."""
    leaves: bool
    """It was forced off the base at its first token."""
    rollout: Rollout
    grade: Grade
    hit: bool | None
    """Whether it meets the target of the run; None: no verdict."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Verdicts:
    """What rollouts without a verdict leave open, at the cuts of a curve."""

    missing: Float[np.ndarray, " cut"]
    """Probability that a rollout has no verdict."""
    missing_low: Float[np.ndarray, " cut"]
    missing_high: Float[np.ndarray, " cut"]
    high_if_met: Float[np.ndarray, " cut"]
    """Upper limit of the value if every rollout without a verdict met the target. If none did, its limits are those of the curve."""
    given: Float[np.ndarray, " cut"]
    """P(target | verdict); NaN where no rollout has a verdict."""
    given_low: Float[np.ndarray, " cut"]
    given_high: Float[np.ndarray, " cut"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Band:
    """Limits between which the whole curve lies at the run's level. ``each``: the level of the limits of one cut by itself."""

    low: Float[np.ndarray, " cut"]
    high: Float[np.ndarray, " cut"]
    each: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CurveResult:
    """Value and outcome distribution along one trace.

    ``cuts`` are the cuts reported (0…T at most); ``value``/``low``/``high`` are NaN where nothing was measured. ``value`` alone is NaN
    where a rollout can leave the base and none was drawn that tells what it is worth. ``change``: V(c) less the value at the reported cut
    before that was measured, with limits of its own; without a draw between the two limits alone. ``n_effective``: number of rollouts
    (plain) or Kish's effective number of excursions (excursions). ``n_started``: rollouts that began at the cut.
    ``leave``/``unsampled``: probability of leaving the base, and of leaving it at forks without draws (NaN for plain plans).
    ``table``: q_c at every base token, answer included (None where the backend cannot give it).
    ``widened``: by how much the limits are moved apart on each side because q_c is known only within bounds (None: it is known
    exactly, or not used). ``missed``: planned cuts that cannot be reached (None: every cut can).
    ``stopped``: why the run ended; ``unresolved``: what a budget that ended it left undone, empty where nothing is.
    """

    trace: Trace
    base: Grade
    target: Target
    sampling: Sampling
    settings: CurveSettings
    cuts: Int[np.ndarray, " cut"]
    value: Float[np.ndarray, " cut"]
    low: Float[np.ndarray, " cut"]
    high: Float[np.ndarray, " cut"]
    change: Float[np.ndarray, " cut"]
    change_low: Float[np.ndarray, " cut"]
    change_high: Float[np.ndarray, " cut"]
    n_effective: Float[np.ndarray, " cut"]
    n_started: Int[np.ndarray, " cut"]
    leave: Float[np.ndarray, " cut"]
    unsampled: Float[np.ndarray, " cut"]
    labels: tuple[str, ...]
    outcomes: Float[np.ndarray, "cut outcome"]
    outcomes_low: Float[np.ndarray, "cut outcome"]
    outcomes_high: Float[np.ndarray, "cut outcome"]
    table: NextTokenTable | None
    draws: tuple[GradedRollout, ...]
    n_rollouts: int
    generated_tokens: int
    stopped: str
    unresolved: str = ""
    widened: Float[np.ndarray, " cut"] | None = None
    missed: Missed | None = None
    band: Band | None = None
    """None where nothing was measured."""
    verdicts: Verdicts | None = None
    """None where every rollout has a verdict."""
