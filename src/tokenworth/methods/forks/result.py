"""What was found at the forks of a trace, as arrays."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, Int

from tokenworth.core.grade import Grade
from tokenworth.core.request.next_token import NextTokenTable
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import Trace
from tokenworth.methods.curve.result import GradedRollout
from tokenworth.methods.forks.settings import ForkSettings
from tokenworth.stats.changes import Changes
from tokenworth.tasks.target import Target


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ranges:
    """Estimates with limits at one level; they run parallel."""

    value: Float[np.ndarray, "*item"]
    low: Float[np.ndarray, "*item"]
    high: Float[np.ndarray, "*item"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ForkFamily:
    """Forks of the trace that are left with the floor's probability or more, and their branches but for the base's, by fork.

    Found from probabilities alone, without a draw.
    """

    cut: Int[np.ndarray, " fork"]
    p: Float[np.ndarray, " fork"]
    rest: Float[np.ndarray, " fork"]
    """Probability of all branches below the floor together."""
    slack: Float[np.ndarray, " fork"]
    """How far probabilities may be off."""
    fork: Int[np.ndarray, " branch"]
    """Which fork a branch is of."""
    token: Int[np.ndarray, " branch"]
    q: Float[np.ndarray, " branch"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BranchRows:
    """What the draws of each branch say. Without a draw there are limits and no value."""

    n: Int[np.ndarray, " branch"]
    topped: Int[np.ndarray, " branch"]
    """Of these, draws of the branch alone, beyond those of the curve."""
    counts: Int[np.ndarray, "branch label"]
    shares: Ranges
    value: Ranges
    l2: Float[np.ndarray, " branch"]
    """Squared, without bias: below 0 at times."""
    tv: Float[np.ndarray, " branch"]
    tv_chance: Float[np.ndarray, " branch"]
    """What total variation is in the mean where branch and base are the same."""
    tv_p: Float[np.ndarray, " branch"]
    kl: Float[np.ndarray, " branch"]
    distance: Ranges
    """The one that was asked for; pointwise limits."""
    far: Bool[np.ndarray, " branch"]
    """Shown to be as far as asked for, or farther; all verdicts hold together."""
    near: Bool[np.ndarray, " branch"]
    """Shown to be nearer."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ForkRows:
    """What is known at each fork."""

    mixed: Bool[np.ndarray, " fork"]
    """Whether it is mixed from its branches; otherwise the draws that leave there are pooled."""
    rest_n: Int[np.ndarray, " fork"]
    rest_counts: Int[np.ndarray, "fork label"]
    delta: Ranges
    """V(c + 1) − V(c)."""
    variance: Float[np.ndarray, " fork"]
    """p (1 − p) (V(c + 1) − W(c))², without bias; NaN without a draw."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Hazard:
    """Bounds on the probability that a step leads far away, from pointwise limits.

    ``kept``: the upper bound without branches below the floor.
    """

    low: Float[np.ndarray, " step"]
    high: Float[np.ndarray, " step"]
    kept: Float[np.ndarray, " step"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChangeRows:
    """Intervals of tokens that hold a change of the value, all together at the run's level."""

    first: Int[np.ndarray, " interval"]
    second: Int[np.ndarray, " interval"]
    change: Changes
    pairs: int
    """Of boundaries that were compared."""
    each: float
    """Level of the limits of one interval by itself."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Modelled:
    """A model of the curve: cuts where it changes, and the curve itself where the model has one."""

    name: str
    begins: tuple[int, ...]
    value: Float[np.ndarray, " cut"] | None = None
    chosen: str = ""
    rollouts: int = 0
    generated: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ForkResult:
    """What was found along one trace. ``value`` and ``outcomes`` are at cuts 0…T."""

    trace: Trace
    base: Grade
    target: Target
    sampling: Sampling
    settings: ForkSettings
    labels: tuple[str, ...]
    family: ForkFamily
    branches: BranchRows
    forks: ForkRows
    value: Ranges
    outcomes: Ranges
    hazard: Hazard
    changes: ChangeRows
    excursions: tuple[GradedRollout, ...]
    topped: tuple[GradedRollout, ...]
    rollouts: int
    generated_tokens: int
    stopped: str
    unresolved: str = ""
    models: tuple[Modelled, ...] = ()
    slack: Float[np.ndarray, " cut"] | None = None
    table: NextTokenTable | None = None
    cut_off: int | None = None
    """Where the context ended the trace, if it did."""
    without: int = field(default=0)
    """Rollouts without a verdict."""
