"""How a value curve is measured: what a user decides."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Literal, get_args

from tokenworth.core.estimate import check_level
from tokenworth.core.measure import MANY, check_seed, option
from tokenworth.errors import InvalidInput, NoEffect, unknown_name
from tokenworth.stats.proportion import INTERVALS, IntervalKind
from tokenworth.tasks.target import check_target

PlanName = Literal["excursions", "plain", "stride"]
PLANS: tuple[str, ...] = get_args(PlanName)
DEFAULT_SAMPLES = 20
"""Rollouts per cut of a plain or stride plan that names no number."""
DEFAULT_HALF_WIDTH = 0.1
"""Target of excursions that are given no limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Limits of a run; None means no limit. A run stops at whichever is reached first."""

    max_rollouts: int | None = None
    """Never exceeded."""
    max_tokens: int | None = None
    """Generated tokens; the last batch is sized by the mean length so far, so a run may pass it by the spread of one small batch."""
    half_width: float | None = None
    """Target for every cut's interval."""
    effective_samples: int | None = None
    """Target for every cut's precision, in plain rollouts that would give it; excursions only."""

    def __post_init__(self) -> None:
        for name, limit in (("max rollouts", self.max_rollouts), ("max tokens", self.max_tokens)):
            if limit is not None and limit < 1:
                raise InvalidInput(f"{name} {limit}: expected at least 1")
        if self.half_width is not None and not 0 < self.half_width < 0.5:
            raise InvalidInput(f"half-width {self.half_width}: expected a number between 0 and 0.5")

    @property
    def is_open(self) -> bool:
        """Whether no limit at all is set."""
        return all(getattr(self, one.name) is None for one in fields(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveSettings:
    """Measure the value of a trace at every cut."""

    plan: PlanName = option("excursions", metavar="PLAN")
    """excursions: rollouts that leave the trace; plain: rollouts at every cut; stride: at every K-th."""
    samples: int | None = option(None, short="-n", most=MANY)
    """Rollouts to draw: at each cut (--plan plain or stride). [default: 20]"""
    stride: int | None = None
    """Distance between measured cuts (--plan stride)."""
    refine: float | None = option(None, rare=True)
    """Stride plan: keep halving intervals whose ends differ by this much."""
    snap: bool = option(False, rare=True)
    """Where text cannot reach a cut, use the nearest one that it reaches."""
    target: str = "gold"
    """What the value is the probability of: gold, own (the base's own answer), label:X, or module:callable on a completion's text."""
    level: float = 0.95
    """Level of the intervals."""
    interval: IntervalKind = option("beta", rare=True)
    """Kind of the intervals; beta also covers with few rollouts and near 0 and 1."""
    top: int = option(20, rare=True, most=MANY)
    """Next tokens listed at a fork."""
    seed: int = 0
    """Names the stream of random draws."""
    half_width: float | None = option(None, heading="Budget")
    """Stop when every cut's interval is ± this. [default: 0.1 for excursions without any other limit]"""
    effective_samples: int | None = option(None, heading="Budget")
    """Excursions: stop when every cut is as precise as N plain rollouts would make it."""
    max_rollouts: int | None = option(None, heading="Budget")
    """Stop after this many rollouts."""
    max_tokens: int | None = option(None, heading="Budget")
    """Stop after this many generated tokens."""

    def __post_init__(self) -> None:
        if self.plan not in PLANS:
            raise unknown_name("plan", self.plan, PLANS)
        if self.interval not in INTERVALS:
            raise unknown_name("interval", self.interval, INTERVALS)
        for name, count in (("samples", self.samples), ("effective samples", self.effective_samples)):
            if count is not None and count < 1:
                raise InvalidInput(f"{name} {count}: expected at least 1")
        if self.samples is not None and self.plan == "excursions":
            raise NoEffect("--samples N needs --plan plain or stride; for excursions give --effective-samples N", "samples")
        if self.effective_samples is not None and self.plan != "excursions":
            raise NoEffect(f"--effective-samples N needs --plan excursions; for --plan {self.plan} give --samples N", "effective_samples")
        if (self.plan == "stride") != (self.stride is not None):
            raise NoEffect("--stride N needs --plan stride, and --plan stride needs --stride N", *(["stride"] if self.stride else []))
        if self.stride is not None and self.stride < 1:
            raise InvalidInput(f"stride {self.stride}: expected at least 1")
        if self.refine is not None and self.plan != "stride":
            raise NoEffect(f"refine {self.refine}: only the plan 'stride' refines; leave it out, or give --plan stride", "refine")
        if self.refine is not None and not 0 < self.refine < 1:
            raise InvalidInput(f"refine {self.refine}: expected a difference between 0 and 1")
        check_level(self.level)
        check_seed(self.seed)
        check_target(self.target)
        _ = self.budget

    @property
    def per_cut(self) -> int | None:
        """Rollouts at each measured cut; None with excursions."""
        return DEFAULT_SAMPLES if self.samples is None and self.plan != "excursions" else self.samples

    @property
    def budget(self) -> Budget:
        """The limits; excursions that were given none at all stop at a half-width of `DEFAULT_HALF_WIDTH`."""
        given = Budget(**{one.name: getattr(self, one.name) for one in fields(Budget)})
        if self.plan == "excursions" and given.is_open:
            return replace(given, half_width=DEFAULT_HALF_WIDTH)
        return given
