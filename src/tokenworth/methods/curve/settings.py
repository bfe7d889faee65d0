"""What a user decides about a measurement, as values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from tokenworth.core.sampling import Sampling
from tokenworth.errors import InvalidInput, unknown_name
from tokenworth.stats.proportion import IntervalKind

PlanName = Literal["excursions", "plain", "stride"]
PLANS: tuple[str, ...] = get_args(PlanName)


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Limits of a run; None means no limit. A run stops at whichever is reached first.

    ``max_rollouts`` is never exceeded. ``max_tokens`` limits generated tokens: the last batch is sized by the mean length so far, so
    a run may pass it by the spread of one small batch. ``half_width`` is the target for every cut's interval.
    """

    max_rollouts: int | None = None
    max_tokens: int | None = None
    half_width: float | None = None

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
    """How a value curve is measured.

    ``samples``: rollouts at each measured cut (plain, stride); the number of plain rollouts each cut's interval should be worth
    (excursions). ``stride``: distance of measured cuts (stride). ``refine``: a stride plan goes on halving intervals whose ends
    differ by at least this much. ``level``: of the intervals. ``top``: next tokens listed at a fork.
    """

    plan: PlanName
    sampling: Sampling
    seed: int
    samples: int | None
    stride: int | None
    refine: float | None
    budget: Budget
    level: float
    interval: IntervalKind
    top: int

    def __post_init__(self) -> None:
        if self.plan not in PLANS:
            raise unknown_name("plan", self.plan, PLANS)
        if self.samples is not None and self.samples < 1:
            raise InvalidInput(f"samples {self.samples}: expected at least 1")
        if self.plan != "excursions" and self.samples is None:
            raise InvalidInput(f"plan {self.plan!r} needs the number of samples a cut; give --samples")
        if (self.plan == "stride") != (self.stride is not None):
            raise InvalidInput("a stride and the plan 'stride' go together; give both or neither")
        if self.stride is not None and self.stride < 1:
            raise InvalidInput(f"stride {self.stride}: expected at least 1")
        if self.refine is not None and not (self.plan == "stride" and 0 < self.refine < 1):
            raise InvalidInput(f"refine {self.refine}: expected a difference between 0 and 1, with the plan 'stride'")
        check_level(self.level)
        if self.plan == "excursions" and self.samples is None and self.budget.is_open:
            raise InvalidInput("excursions need a target: samples, max rollouts, max tokens or a half-width")


def check_level(level: float) -> None:
    """Refuses a level that intervals cannot have."""
    if not (math.isfinite(level) and 0.5 <= level < 1):
        raise InvalidInput(f"level {level}: expected a number from 0.5 to below 1, such as 0.95")
