"""The result of a measurement of sentences, as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from tokenworth.core.grade import Grade
from tokenworth.core.request.next_token import NextTokenTable
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import Trace
from tokenworth.methods.anchors.resilience import Fought
from tokenworth.methods.anchors.settings import AnchorSettings
from tokenworth.methods.pivots.result import PivotRows
from tokenworth.stats.importance import Divergence, Mean
from tokenworth.tasks.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherSentence:
    """A sentence that stood in the place of the base's: in ``n`` draws, of which ``n_hit`` met the target. Empty: the trace ended there."""

    text: str
    n: int
    n_hit: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SentenceRows:
    """What the excursions at hand say of each sentence i, from cut s(i) to s(i + 1). Tuples and arrays run parallel."""

    value: Mean
    """V(s(i))."""
    after: Mean
    """V(s(i+1))."""
    resampling: Mean
    """V(s(i+1)) − V(s(i))."""
    counterfactual: Mean
    """V(s(i+1)) less the value of rollouts from s(i) whose first sentence is unlike the base's; n is their effective number."""
    kept: Float[np.ndarray, " sentence"]
    """K: probability that a rollout from s(i) follows the base to s(i+1)."""
    unlike: Float[np.ndarray, " sentence"]
    """Probability that its first sentence is unlike the base's; NaN without a draw."""
    n_left: Int[np.ndarray, " sentence"]
    """Draws that leave within the sentence."""
    n_unlike: Int[np.ndarray, " sentence"]
    """Of these, those whose first sentence is unlike the base's."""
    p: tuple[float | None, ...]
    """Of the counterfactual difference, by permutation of the labels."""
    resampling_kl: tuple[Divergence | None, ...]
    counterfactual_kl: tuple[Divergence | None, ...]
    others: tuple[tuple[OtherSentence, ...], ...]
    """The most frequent other sentences in the place of each."""
    control: Float[np.ndarray, " sentence"]
    """Mean size of the resampling importance of the sentences nearest in length; NaN without one."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SentenceEffects:
    """Probability that a sentence like j follows sentence i, less that after another in its place. NaN: j ≤ i, or no draw."""

    value: Float[np.ndarray, "source sentence"]
    low: Float[np.ndarray, "source sentence"]
    high: Float[np.ndarray, "source sentence"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AnchorClaims:
    """What fresh draws decide."""

    sentence: Int[np.ndarray, " row"]
    """Of each row of ``rows``."""
    rows: PivotRows
    looks: int
    n_rollouts: int
    generated_tokens: int
    stopped: str
    unresolved: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """How the size of resampling importance goes with something that is no meaning: Spearman's correlation, with a permutation p."""

    value: float | None
    p: float | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AnchorResult:
    """What was found of the sentences of one trace."""

    trace: Trace
    base: Grade
    target: Target
    sampling: Sampling
    settings: AnchorSettings
    start: Int[np.ndarray, " sentence"]
    """The first cut of each sentence; empty for an empty trace."""
    sentences: SentenceRows
    effects: SentenceEffects
    claims: AnchorClaims | None
    """None where none were asked for."""
    by_position: Baseline
    by_length: Baseline
    forced: Float[np.ndarray, " sentence"] | None
    """P(target) of the forced answer after the sentence less that before it; None where it was not asked for."""
    fought: tuple[Fought, ...]
    """Sentences that were taken away in runs of their own."""
    fought_rollouts: int
    fought_tokens: int
    outcomes: tuple[str, ...]
    """All outcomes of the base and the draws."""
    no_verdict: int
    """Draws without a verdict."""
    n_rollouts: int
    """At hand: those behind importances."""
    generated_tokens: int
    stopped: str
    unresolved: str
    chosen: str = "given"
    slack: Float[np.ndarray, " cut"] | None = None
    table: NextTokenTable | None = None
    cut_off: int | None = None
    """Where the context ended the trace, if it did."""

    @property
    def end(self) -> Int[np.ndarray, " sentence"]:
        """The cut after each sentence."""
        return np.append(self.start[1:], self.trace.n_trace) if len(self.start) else self.start
