"""The result of forced answers, as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from tokenworth.core.grade import Grade
from tokenworth.core.tokens import Trace
from tokenworth.methods.cuts import Missed


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ForcedReading:
    """Option log-probabilities (nats, raw) after one exit text at every cut.

    An option that was not among the listed tokens has ``logprob`` NaN and ``ceiling``, the most its log-probability can be
    (``ceiling`` None: everything was listed). What follows from it is known within bounds: the name alone is the lower one for
    ``mass``, and NaN for what has no single number.
    """

    name: str
    text: str
    suffix: tuple[int, ...]
    logprob: Float[np.ndarray, "cut option"]
    top_id: Int[np.ndarray, " cut"]
    top_logprob: Float[np.ndarray, " cut"]
    ceiling: Float[np.ndarray, "cut option"] | None = None

    @property
    def probability(self) -> Float[np.ndarray, "cut option"]:
        """Raw probability of each option; NaN where it was not listed."""
        return np.exp(self.logprob)

    @property
    def probability_low(self) -> Float[np.ndarray, "cut option"]:
        """The least each option's raw probability can be: itself, or 0 where it was not listed."""
        return np.nan_to_num(self.probability, nan=0.0)

    @property
    def probability_high(self) -> Float[np.ndarray, "cut option"]:
        """The most each option's raw probability can be: itself, or its ceiling where it was not listed."""
        ceiling = np.zeros_like(self.logprob) if self.ceiling is None else np.nan_to_num(self.ceiling, nan=0.0, neginf=-np.inf)
        return np.where(np.isnan(self.logprob), np.exp(np.minimum(ceiling, 0.0)), self.probability)

    @property
    def leader(self) -> Int[np.ndarray, " cut"]:
        """The likeliest option, by index, where the bounds prove it (the first of equals); -1 elsewhere, and where all have none."""
        unlisted = np.isnan(self.logprob)
        ceiling = np.zeros_like(self.logprob) if self.ceiling is None else np.nan_to_num(self.ceiling, nan=0.0, neginf=-np.inf)
        low, high = np.where(unlisted, -np.inf, self.logprob), np.where(unlisted, ceiling, self.logprob)
        first, rows = np.argmax(low, axis=1), np.arange(len(low))
        best = low[rows, first]
        high[rows, first] = -np.inf
        return np.where(np.isfinite(best) & (high.max(axis=1) <= best), first, -1)

    def named(self, least_mass: float) -> Int[np.ndarray, " cut"]:
        """The `leader` where the mass is ``least_mass`` or more, -1 elsewhere: little mass says that the model would write no option."""
        return np.where(self.mass >= least_mass, self.leader, -1)

    @property
    def is_exact(self) -> Bool[np.ndarray, " cut"]:
        """Whether every option was listed."""
        return np.count_nonzero(np.isnan(self.logprob), axis=1) == 0

    @property
    def mass(self) -> Float[np.ndarray, " cut"]:
        """Probability on the options together; the least it can be where one was not listed."""
        return self.probability_low.sum(axis=1)

    @property
    def mass_high(self) -> Float[np.ndarray, " cut"]:
        """The most the probability on the options together can be."""
        return np.where(self.is_exact, self.mass, np.minimum(self.probability_high.sum(axis=1), np.maximum(self.mass, 1.0)))

    @property
    def renormalised(self) -> Float[np.ndarray, "cut option"]:
        """Probability of each option given that one of them is written; NaN where the mass is 0 or an option was not listed."""
        with np.errstate(invalid="ignore"):
            return np.where(self.is_exact[:, None], self.probability, np.nan) / self.mass[:, None]


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedExit:
    """An exit text that was tried, with its mean mass over a few cuts; at least so much where an option was not listed."""

    text: str
    mass: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ForcedResult:
    """Forced answers along a trace. ``own``: grade of the model's own answer after its natural end.

    ``least_mass``: below it no option is named. ``tried``: the exit texts that were tried to choose one, the chosen one first.
    ``unresolved``: what a budget that ended the run left undone, empty where nothing is. ``missed``: planned cuts that cannot be reached
    (None: every cut can).
    """

    trace: Trace
    cuts: Int[np.ndarray, " cut"]
    options: tuple[str, ...]
    readings: tuple[ForcedReading, ...]
    own: Grade
    token_forwards: int
    least_mass: float = 0.0
    tried: tuple[TriedExit, ...] = ()
    unresolved: str = ""
    missed: Missed | None = None
