"""The result of a search for pivots, as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from tokenworth.core.grade import Grade
from tokenworth.core.request.next_token import NextTokenTable
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import Trace
from tokenworth.methods.pivots.pairs import PairRows
from tokenworth.methods.pivots.settings import PivotSettings
from tokenworth.tasks.target import Target

PivotVerdict = Literal["claim", "excluded", "undecided"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PivotRows:
    """Tokens with what is known of their change Δ = V(token + 1) − V(token). Tuples and arrays run parallel."""

    token: Int[np.ndarray, " row"]
    verdict: tuple[PivotVerdict, ...]
    before: Float[np.ndarray, " row"]
    """V(token), the value before it; NaN without a draw."""
    delta: Float[np.ndarray, " row"]
    """NaN without a draw."""
    low: Float[np.ndarray, " row"]
    high: Float[np.ndarray, " row"]
    level: Float[np.ndarray, " row"]
    """Of the limits: that of the selection for claims, 1 − futility for the others."""
    p_value: Float[np.ndarray, " row"]
    """Of a change of δ₀ or less, at the look that decided; 1 for what was given up before it."""
    look: Int[np.ndarray, " row"]
    """That decided; 0: by the screen, or by none."""
    n: Int[np.ndarray, " row"]
    """Fresh draws that leave at the token."""
    needed: Float[np.ndarray, " row"]
    """About how many it takes to decide, where a row is undecided."""
    missing: Float[np.ndarray, " row"]
    """Change of the share of rollouts without a verdict; NaN without a draw."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Critical:
    """Cuts read off the band of the search's own draws; None: there is none."""

    below: int | None
    """First cut from which on the value stays below the bound."""
    above: int | None
    """First cut from which on it stays above 1 − the bound."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RawNames:
    """What a plan for comparison would call pivots: |Δ̂| ≥ δ, without any control of error."""

    token: Int[np.ndarray, " row"]
    delta: Float[np.ndarray, " row"]
    n: int
    """Rollouts at each of its two cuts."""
    cuts: int
    """That were asked."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PivotResult:
    """What a search found along one trace."""

    trace: Trace
    base: Grade
    target: Target
    sampling: Sampling
    settings: PivotSettings
    p: Float[np.ndarray, " cut"]
    """Probability of each token of trace and answer; NaN where it is not known."""
    rows: PivotRows
    """The family: every token that could change the value by δ."""
    screened: int
    """Of the family, those that the screen left out."""
    looks: int
    start: tuple[float, float, float]
    """V(0) with limits."""
    critical: Critical
    no_verdict: int
    """Rollouts without a verdict."""
    n_rollouts: int
    generated_tokens: int
    stopped: str
    unresolved: str = ""
    chosen: str = "given"
    """How the base was chosen: ``any`` where the first sampled answer was taken."""
    slack: Float[np.ndarray, " cut"] | None = None
    named: RawNames | None = None
    pairs: PairRows | None = None
    table: NextTokenTable | None = None
    cut_off: int | None = None
    """Where the context ended the trace, if it did."""
