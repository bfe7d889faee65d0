"""What the edits of one problem came to, as arrays and rollouts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from tokenworth.core.grade import Grade, Verdict
from tokenworth.core.request.sample import Rollout
from tokenworth.core.tokens import Trace
from tokenworth.methods.intervene.entry import EditFamily, TraceChange


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePlan:
    """A change that can be made of a trace. ``control``: the change that it is compared with; None: the base at the same place."""

    name: str
    family: EditFamily
    change: TraceChange
    control: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answered:
    """What followed one place. ``forced``: the raw probability of each option after the exit text; None where it was not read."""

    rollouts: tuple[Rollout, ...]
    grades: tuple[Grade, ...]
    texts: tuple[str, ...]
    """What was written from there on."""
    forced: Float[np.ndarray, " option"] | None

    @property
    def n(self) -> int:
        """Number of rollouts."""
        return len(self.rollouts)

    @property
    def n_correct(self) -> int:
        """Rollouts with a correct answer."""
        return sum(grade.verdict is Verdict.CORRECT for grade in self.grades)

    @property
    def n_unknown(self) -> int:
        """Rollouts without a verdict."""
        return sum(grade.verdict is Verdict.UNKNOWN for grade in self.grades)

    @property
    def outcomes(self) -> Mapping[str, int]:
        """How many rollouts ended in each outcome."""
        return dict(sorted(Counter(grade.outcome for grade in self.grades).items()))

    def n_of(self, outcome: str | None) -> int:
        """Rollouts with this outcome."""
        return sum(grade.outcome == outcome for grade in self.grades)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Changed:
    """A change with what followed it, and what followed the place that it is compared with."""

    plan: ChangePlan
    before: Answered
    after: Answered


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ForcedGrid:
    """Forced answers along the base trace: raw probabilities of the options at rising cuts."""

    cuts: Int[np.ndarray, " cut"]
    probability: Float[np.ndarray, "cut option"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class InterventionResult:
    """All edits of one problem."""

    trace: Trace
    own: Grade
    """Of the base's own answer."""
    gold: str | None
    """The gold answer; None where it is not known."""
    labels: tuple[str, ...]
    """The options, as forced answers name them."""
    changed: tuple[Changed, ...]
    refused: Mapping[str, str]
    """Edits that were not made here, with the reason."""
    grid: ForcedGrid | None
    unread: str
    """Why no forced answers were read; empty where they were."""
    n_rollouts: int
    unresolved: str = ""
    """What a budget left undone."""
