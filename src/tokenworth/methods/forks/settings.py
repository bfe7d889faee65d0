"""How forks are measured: what a user decides."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

from tokenworth.core.estimate import check_level
from tokenworth.core.measure import MANY, check_seed, option
from tokenworth.errors import InvalidInput, unknown_name
from tokenworth.methods.curve.settings import DEFAULT_HALF_WIDTH, Budget, CurveSettings
from tokenworth.tasks.target import check_target

Distance = Literal["tv", "l2", "value"]
DISTANCES: tuple[str, ...] = get_args(Distance)
MODELS = ("pelt", "smoothing")
"""Models of the curve that can stand beside the measured one."""
LEAST_FLOOR = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class ForkSettings:
    """Measure the branches at forks, and where the value changes."""

    floor: float = 0.05
    """Branches of this probability or more are measured one by one; the others at a fork are pooled."""
    samples: int = option(30, short="-n", most=MANY)
    """Rollouts that each such branch has at least; 0: those of the curve alone."""
    distance: Distance = "tv"
    """How far a branch is from the base: tv (total variation of outcomes), l2 (Euclidean), or value."""
    far: float = 0.3
    """Distance from which on a branch leads elsewhere: hazard and survival count these."""
    least: float = option(0.0, rare=True, metavar="D")
    """Change points: intervals over which the value is shown to change by more than this."""
    curve_model: tuple[str, ...] = option((), rare=True, metavar="MODEL")
    """Also show a model of the curve: pelt (change points) or smoothing (of 30 rollouts at every 4th cut); repeatable."""
    target: str = "gold"
    """What the value is the probability of: gold, own (the base's own answer), label:X, or module:callable on a completion's text."""
    level: float = 0.95
    """Level of the intervals."""
    top: int = option(20, rare=True, most=MANY)
    """Next tokens listed at a fork."""
    seed: int = 0
    """Names the stream of random draws."""
    half_width: float | None = option(None, heading="Budget")
    """Stop when every cut's interval is ± this. [default: 0.1 for excursions without any other limit]"""
    effective_samples: int | None = option(None, rare=True, heading="Budget")
    """Excursions: stop when every cut is as precise as N plain rollouts would make it."""
    max_rollouts: int | None = option(None, heading="Budget")
    """Stop after this many rollouts."""
    max_tokens: int | None = option(None, heading="Budget")
    """Stop after this many generated tokens."""

    def __post_init__(self) -> None:
        if not LEAST_FLOOR <= self.floor < 1:
            raise InvalidInput(f"floor {self.floor}: expected a probability from {LEAST_FLOOR} to below 1")
        if self.samples < 0:
            raise InvalidInput(f"samples {self.samples}: expected 0 or more")
        if self.distance not in DISTANCES:
            raise unknown_name("distance", self.distance, DISTANCES)
        for name in self.curve_model:
            if name not in MODELS:
                raise unknown_name("model of the curve", name, MODELS)
        most = 2**0.5 if self.distance == "l2" else 1.0
        if not 0 < self.far < most:
            raise InvalidInput(f"far {self.far}: expected a distance above 0 and below {most:.3g}, the largest there is")
        if not 0 <= self.least < 1:
            raise InvalidInput(f"least {self.least}: expected a number from 0 to below 1")
        check_level(self.level)
        check_seed(self.seed)
        check_target(self.target)
        _ = self.excursions

    @property
    def budget(self) -> Budget:
        """The limits of the whole run."""
        return Budget(max_rollouts=self.max_rollouts, max_tokens=self.max_tokens)

    @property
    def excursions(self) -> CurveSettings:
        """The curve whose draws come first: that of `curve` with the same options, so that a stored one costs nothing.

        Where branches are drawn as well, a budget alone would leave nothing for them: then the curve has its usual precision as a goal.
        """
        half_width = self.half_width
        if half_width is None and self.effective_samples is None and self.samples:
            half_width = DEFAULT_HALF_WIDTH
        names = ("target", "level", "top", "seed", "effective_samples", "max_rollouts", "max_tokens")
        return replace(CurveSettings(half_width=half_width), **{name: getattr(self, name) for name in names})
