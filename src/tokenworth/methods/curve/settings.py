"""How a value curve is measured: what a user decides."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

from tokenworth.core.estimate import check_level
from tokenworth.core.measure import check_seed, option
from tokenworth.errors import InvalidInput, unknown_name
from tokenworth.stats.proportion import IntervalKind
from tokenworth.tasks.target import check_target

PlanName = Literal["excursions", "plain", "stride"]
PLANS: tuple[str, ...] = get_args(PlanName)
DEFAULT_SAMPLES = 20
"""Rollouts per cut of a plain or stride plan that names no number."""
DEFAULT_HALF_WIDTH = 0.1
"""Target of excursions for which no budget and no samples are given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Limits of a run; None means no limit. A run stops at whichever is reached first."""

    max_rollouts: int | None = None
    """Never exceeded."""
    max_tokens: int | None = None
    """Generated tokens; the last batch is sized by the mean length so far, so a run may pass it by the spread of one small batch."""
    half_width: float | None = None
    """Target for every cut's interval."""

    def __post_init__(self) -> None:
        for name, limit in (("max rollouts", self.max_rollouts), ("max tokens", self.max_tokens)):
            if limit is not None and limit < 1:
                raise InvalidInput(f"{name} {limit}: expected at least 1")
        if self.half_width is not None and not 0 < self.half_width < 0.5:
            raise InvalidInput(f"half-width {self.half_width}: expected a number between 0 and 0.5")

    @property
    def is_open(self) -> bool:
        """Whether no limit at all is set."""
        return self.max_rollouts is None and self.max_tokens is None and self.half_width is None


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveSettings:
    """Measure the value of a trace at every cut."""

    plan: PlanName = "excursions"
    """excursions: only rollouts that leave the trace; plain: rollouts at every cut; stride: at every K-th."""
    samples: int | None = None
    """Rollouts per cut (plain, stride) [20]; with excursions the precision target: as good as N plain rollouts per cut."""
    stride: int | None = None
    """Distance of measured cuts, for --plan stride."""
    refine: float | None = None
    """Stride plan: go on halving intervals whose ends differ by this much."""
    max_rollouts: int | None = None
    """Stop after this many rollouts."""
    max_tokens: int | None = None
    """Stop after this many generated tokens."""
    half_width: float | None = None
    """Stop when every cut's interval is this narrow [default: 0.1 when nothing else is set]."""
    snap: bool = False
    """Where text cannot reach a cut, measure the nearest one it reaches instead of none."""
    target: str = "gold"
    """What the value is the probability of: gold, own (the base's own answer), label:X, or module:callable on a completion's text."""
    level: float = 0.95
    """Level of the intervals."""
    interval: IntervalKind = "wilson"
    """Kind of the intervals."""
    top: int = option(20, hidden=True)
    """Next tokens listed at a fork."""
    seed: int = 0
    """Names the stream of draws."""

    def __post_init__(self) -> None:
        if self.plan not in PLANS:
            raise unknown_name("plan", self.plan, PLANS)
        if self.samples is not None and self.samples < 1:
            raise InvalidInput(f"samples {self.samples}: expected at least 1")
        if (self.plan == "stride") != (self.stride is not None):
            raise InvalidInput("--stride N needs --plan stride, and --plan stride needs --stride N")
        if self.stride is not None and self.stride < 1:
            raise InvalidInput(f"stride {self.stride}: expected at least 1")
        if self.refine is not None and not (self.plan == "stride" and 0 < self.refine < 1):
            raise InvalidInput(f"refine {self.refine}: expected a difference between 0 and 1, with the plan 'stride'")
        check_level(self.level)
        check_seed(self.seed)
        check_target(self.target)
        _ = self.budget

    @property
    def per_cut(self) -> int | None:
        """Rollouts at each measured cut; with excursions how many of them an interval should be worth, None without such a target."""
        return DEFAULT_SAMPLES if self.samples is None and self.plan != "excursions" else self.samples

    @property
    def budget(self) -> Budget:
        """The limits; excursions that were given none at all stop at a half-width of `DEFAULT_HALF_WIDTH`."""
        given = Budget(max_rollouts=self.max_rollouts, max_tokens=self.max_tokens, half_width=self.half_width)
        if self.plan == "excursions" and self.samples is None and given.is_open:
            return replace(given, half_width=DEFAULT_HALF_WIDTH)
        return given
