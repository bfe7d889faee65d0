"""How pivots are searched for: what a user decides."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

from tokenworth.core.estimate import check_level
from tokenworth.core.measure import check_seed, option
from tokenworth.errors import InvalidInput, NoEffect, unknown_name
from tokenworth.methods.curve.settings import Budget
from tokenworth.stats.selection import DEPENDENCES, Dependence
from tokenworth.tasks.target import check_target

Comparison = Literal["every", "bisection"]
COMPARISONS: tuple[str, ...] = get_args(Comparison)
PivotPlan = Literal["search", "every", "bisection"]
DEFAULT_SAMPLES = {"every": 20, "bisection": 64}
"""Rollouts per cut of the plans that are there for comparison, as published."""
DEFAULT_ROLLOUTS = 10_000
"""Most rollouts of a search that is given no limit."""
ZONE = 0.5
"""A token is named where its change is shown to exceed this part of delta: between the two either verdict is right, so sampling ends."""
LEAST_DELTA = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class PivotSettings:
    """Find the tokens that change the value, on fresh draws."""

    delta: float = 0.2
    """Change of the value that is looked for. What is named is shown to change it by more than half of that."""
    false_discovery: float = option(0.05, metavar="Q")
    """Expected share of what is named that changes the value by no more than delta / 2, at most."""
    screen: str | None = option(None, metavar="CURVE.json")
    """Curve of the same trace: tokens that it shows to change the value by less than delta are left out. {item} is the item's number."""
    futility: float = option(0.1, rare=True)
    """A candidate is given up where limits at 1 minus this lie within delta."""
    dependence: Dependence = option("positive", rare=True)
    """any: holds however the estimates depend on each other; it takes more draws."""
    compare: Comparison | None = option(None, rare=True, metavar="PLAN")
    """Instead of the search, a plan without control of error: every (N rollouts at each cut) or bisection (of the trace)."""
    samples: int | None = option(None, short="-n", rare=True)
    """Rollouts to draw: at each cut (--compare). [default: 20; 64 for bisection]"""
    pairs: int | None = option(None, metavar="N", most=10_000)
    """Preference pairs of claims: after the search, draw N rollouts that go on with each claimed token, and N with the likeliest other
    one, on top of the budget. export writes them (.dpo.jsonl)."""
    target: str = "gold"
    """What the value is the probability of: gold, own (the base's own answer), label:X, or module:callable on a completion's text."""
    bound: float = option(0.05, rare=True)
    """Critical tokens: from where on the value stays below this, or above 1 minus this."""
    level: float = option(0.95, rare=True)
    """Level of the intervals."""
    top: int = option(20, rare=True)
    """Next tokens listed at a fork."""
    seed: int = 0
    """Names the stream of random draws."""
    max_rollouts: int | None = option(None, heading="Budget")
    """Stop after this many rollouts. [default: 10,000 without any other limit]"""
    max_tokens: int | None = option(None, heading="Budget")
    """Stop after this many generated tokens."""

    def __post_init__(self) -> None:
        for name, known, choices in (("plan", self.compare, (None, *COMPARISONS)), ("dependence", self.dependence, DEPENDENCES)):
            if known not in choices:
                raise unknown_name(name, str(known), [one for one in choices if one])
        if not LEAST_DELTA <= self.delta < 1:
            raise InvalidInput(
                f"delta {self.delta}: expected a number from {LEAST_DELTA} to below 1; a smaller change takes more draws than can be had, "
                "and no token changes the value by 1 or more that the model could have replaced"
            )
        for name, share in (("false discovery", self.false_discovery), ("futility", self.futility), ("bound", self.bound)):
            if not 0 < share < 0.5:
                raise InvalidInput(f"{name} {share}: expected a number between 0 and 0.5")
        if self.samples is not None and self.compare is None:
            raise NoEffect("--samples N needs --compare every or bisection; a search draws where it has to", "samples")
        if self.samples is not None and self.samples < 1:
            raise InvalidInput(f"samples {self.samples}: expected at least 1")
        if self.screen is not None and self.compare is not None:
            raise NoEffect(f"--screen is for the search; --compare {self.compare} screens nothing", "screen")
        if self.pairs is not None and self.compare is not None:
            raise NoEffect(f"--pairs is for claims; --compare {self.compare} claims nothing", "pairs")
        if self.pairs is not None and self.pairs < 1:
            raise InvalidInput(f"pairs {self.pairs}: expected at least 1")
        check_level(self.level)
        check_seed(self.seed)
        check_target(self.target)
        _ = self.budget

    @property
    def plan(self) -> PivotPlan:
        """The search, or the plan that takes its place."""
        return self.compare or "search"

    @property
    def least(self) -> float:
        """δ₀: a change of this size or less is no pivot."""
        return ZONE * self.delta

    @property
    def per_cut(self) -> int | None:
        """Rollouts at each cut that is asked; None with a search."""
        return DEFAULT_SAMPLES.get(self.plan) if self.samples is None else self.samples

    @property
    def budget(self) -> Budget:
        """The limits; a search that was given none stops at `DEFAULT_ROLLOUTS`."""
        given = Budget(max_rollouts=self.max_rollouts, max_tokens=self.max_tokens)
        return replace(given, max_rollouts=DEFAULT_ROLLOUTS) if given.is_open and self.plan == "search" else given
