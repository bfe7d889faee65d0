"""Forks as a document; `rows` makes it from a result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tokenworth.core.document import (
    ModelDoc,
    Number,
    Provenance,
    TraceDoc,
    check_document_level,
    check_length,
    check_unit,
)
from tokenworth.core.estimate import Estimate
from tokenworth.core.problem import Problem
from tokenworth.core.sampling import Sampling
from tokenworth.errors import InvalidInput
from tokenworth.methods.forks.settings import Distance
from tokenworth.stats.distances import ALPHA

Far = Literal["far", "near", "open"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContinuationDoc:
    """How a rollout goes on after a branch, up to its first 40 tokens, and what it came to."""

    text: str
    outcome: str
    cut_off: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ForkBranchDoc:
    """A branch that is not the base's, with the outcomes of rollouts that began with it, beside o(token + 1), the base's own.

    ``p``: its probability. ``topped``: of the ``n`` rollouts those drawn for it alone. ``l2``: squared Euclidean distance, without the
    bias of few draws, so below 0 at times. ``tv``: total variation as counted, ``tv_chance`` what it is in the mean if both are the
    same, and ``tv_p`` the p-value of that by permutation. ``kl``: KL(branch ‖ base) in nats with ``plan.alpha`` added to each count.
    ``distance``: the one of the plan, with pointwise limits. ``verdict``: whether it is shown to be ``plan.far`` or more from the base,
    or less; all verdicts hold together.
    """

    token: int
    text: str
    p: Number
    n: int
    topped: int = 0
    outcomes: Mapping[str, Estimate] = field(default_factory=dict[str, Estimate])
    value: Estimate
    l2: Number = None
    tv: Number = None
    tv_chance: Number = None
    tv_p: Number = None
    kl: Number = None
    distance: Estimate
    verdict: Far
    continuations: tuple[ContinuationDoc, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ForkDoc:
    """A token of the trace that could well have been another.

    ``outcomes``: o(token) before it, ``base``: o(token + 1) after it. ``rest``: probability of all branches below the floor, of which
    ``rest_n`` rollouts tell ``rest_outcomes``. ``mixed``: o(token) is Σ q ô over the branches; else the rollouts that leave are pooled.
    ``delta``: V(token + 1) − V(token). ``variance``: p/(1 − p) Δ², what the token adds to the variance along the trace, without bias.
    ``hazard_low`` and ``hazard_high``: bounds on the probability that this step leads far away, from pointwise limits of distances.
    """

    token: int
    text: str
    p: Number
    outcomes: Mapping[str, Estimate]
    base: Mapping[str, Estimate]
    branches: tuple[ForkBranchDoc, ...]
    rest: Number
    rest_n: int
    rest_outcomes: Mapping[str, int]
    mixed: bool
    delta: Estimate
    variance: Number
    hazard_low: Number
    hazard_high: Number


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeIntervalDoc:
    """Tokens ``first`` to ``last``, among which the value changes; by ``change`` from before the first to after the last."""

    first: int
    last: int
    change: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class ForkPlanDoc:
    """What was asked for. ``alpha``: added to each count for KL."""

    floor: float
    samples: int
    distance: Distance
    far: float
    least: float = 0.0
    alpha: float = ALPHA
    max_rollouts: int | None = None
    max_tokens: int | None = None
    half_width: float | None = None
    effective_samples: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCurveDoc:
    """A model of the curve, for comparison: it assumes a shape, and nothing bounds its error.

    ``begins``: cuts at which it changes. ``value``: the modelled value at cuts 0…T, where it has one. ``rollouts`` and
    ``generated_tokens``: what it drew beyond the others.
    """

    name: str
    begins: tuple[int, ...]
    value: tuple[Number, ...] | None = None
    chosen: str = ""
    rollouts: int = 0
    generated_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ForksDoc:
    """Forks of a trace, where its value changes, and what survives to each cut.

    ``value``, ``low``, ``high``, ``survival_low``, ``survival_high`` and ``survival_kept`` are at cuts 0…T. Survival is the probability
    that no step up to there, each drawn anew, takes a branch that is far: Π (1 − hazard), with the bounds of the hazards;
    ``survival_kept`` is the lower bound if no branch below the floor leads far. ``changes_level``: of the limits of one interval by
    itself; all ``changes`` hold together at ``level``. ``below_floor``: expected number of steps that take a branch below the floor.
    ``variance``: sum over ``forks``; the mean of all tokens over bases drawn from the model is at most ``variance_bound``, V(0)(1 − V(0)).
    """

    schema: str = "tokenworth.forks/1"
    problem: Problem | None = None
    model: ModelDoc
    sampling: Sampling
    plan: ForkPlanDoc
    seed: int
    trace: TraceDoc
    value_label: str = "P(correct)"
    target: str = "gold"
    level: float
    labels: tuple[str, ...]
    forks: tuple[ForkDoc, ...]
    changes: tuple[ChangeIntervalDoc, ...]
    changes_level: float
    change_pairs: int
    value: tuple[Number, ...]
    low: tuple[Number, ...]
    high: tuple[Number, ...]
    survival_low: tuple[Number, ...]
    survival_high: tuple[Number, ...]
    survival_kept: tuple[Number, ...]
    below_floor: Number
    variance: Number
    variance_bound: Number
    models: tuple[ModelCurveDoc, ...] = ()
    excursions: int
    topped: int
    rollouts: int
    generated_tokens: int
    stopped: str
    provenance: Provenance
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        n_trace = len(self.trace.pieces)
        check_document_level(self.level)
        check_document_level(self.changes_level)
        for name in ("value", "low", "high", "survival_low", "survival_high", "survival_kept"):
            check_length(getattr(self, name), n_trace + 1, name, "cuts")
            check_unit(getattr(self, name), name)
        for model in self.models:
            check_length(model.value, n_trace + 1, f"models[{model.name!r}].value", "cuts")
            check_unit(model.value, f"models[{model.name!r}].value")
        for fork in self.forks:
            if not 0 <= fork.token < n_trace:
                raise InvalidInput(f"a fork is at token {fork.token}, expected 0 to {n_trace - 1}, the last of the trace")
            check_unit((fork.p, fork.rest, fork.hazard_low, fork.hazard_high, *(one.p for one in fork.branches)), "probabilities of a fork")
            check_unit(tuple(fork.delta), "delta", least=-1)
        for change in self.changes:
            if not 0 <= change.first <= change.last < n_trace:
                raise InvalidInput(f"a change lies between tokens {change.first} and {change.last}, expected 0 to {n_trace - 1}, in order")
            check_unit(tuple(change.change), "change", least=-1)
