"""How traces are surveyed: what a user decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tokenworth.core.estimate import check_level
from tokenworth.core.measure import check_seed, option
from tokenworth.errors import InvalidInput, NoEffect, unknown_name
from tokenworth.methods.forced.settings import LEAST_MASS
from tokenworth.methods.survey.features import NAMES
from tokenworth.methods.survey.labels import Threshold

DRAWN = "Drawing, where a task is given"
MOST_POINTS = 2000
MOST_CLUSTERS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveySettings:
    """Label many traces by the shape of their curves.

    Reads the results of forced, curve and sample. Every trace gets one label, its features, and when it commits itself to its last answer.
    All together give shares, a start-to-end table, and how length goes with correctness.
    """

    gain: float = option(0.3, metavar="X")
    """A curve that ends this much higher than it begins is productive, and one that ends this much lower counterproductive."""
    range: float = option(0.2, metavar="X")
    """A curve whose highest and lowest values are less than this apart is flat."""
    least_mass: float = option(LEAST_MASS, rare=True)
    """Below this mass on the options no option is named as the leading one."""
    decided: float = option(0.8, rare=True)
    """Where forced answers and values are compared: share from which on an answer is decided, or said."""
    points: int = option(200, rare=True)
    """Positions at which each curve is kept."""
    cluster: Literal["none", "curve", "features"] = "none"
    """Cluster the traces: by curve (k-means on 50 positions) or features (HDBSCAN, which finds the number by itself); needs the extra
    [survey]."""
    clusters: int = option(6, rare=True)
    """Clusters of --cluster curve."""
    curves: Literal["forced", "value", "both"] = option("forced", heading=DRAWN)
    """Which curve of every trace to measure: forced answers, values by rollouts, or both."""
    samples: int = option(1, short="-n", heading=DRAWN)
    """Traces per problem."""
    max_cuts: int = option(32, heading=DRAWN, rare=True)
    """Measure at most about so many cuts: longer traces get a longer stride."""
    exit: tuple[str, ...] = option((), metavar="TEXT", heading=DRAWN)
    """Exit text, written at the cut; repeat to compare several; \\n is a newline. auto: the known one with the most mass."""
    rollouts: int = option(200, heading=DRAWN, rare=True)
    """At most so many rollouts for each curve of values."""
    then: Literal["none", "curve"] = option("none", heading=DRAWN)
    """Measure values on the traces that rank first (--top, --by)."""
    top: int = option(20, heading=DRAWN)
    """How many traces --then measures."""
    by: str = option("range", metavar="FEATURE", heading=DRAWN, rare=True)
    """Feature that ranks traces, the largest first."""
    level: float = 0.95
    """Level of the intervals."""
    seed: int = 0
    """Names the stream of random draws."""

    def __post_init__(self) -> None:
        for name, low in (("gain", 0.0), ("range", 0.0), ("least_mass", -1.0)):
            value: float = getattr(self, name)
            if not low < value <= 1:
                raise InvalidInput(f"{name.replace('_', ' ')} {value}: expected a number {'above 0' if low == 0 else 'from 0'} to 1")
        if self.least_mass < 0:
            raise InvalidInput(f"least mass {self.least_mass}: expected a probability, 0 to 1")
        if not 0.5 < self.decided <= 1:
            raise InvalidInput(f"decided {self.decided}: expected a share above 0.5, so that one answer has it, to 1")
        if not 2 <= self.points <= MOST_POINTS:
            raise InvalidInput(f"points {self.points}: expected 2 to {MOST_POINTS:,}")
        if not 2 <= self.clusters <= MOST_CLUSTERS:
            raise InvalidInput(f"clusters {self.clusters}: expected 2 to {MOST_CLUSTERS}")
        for name, least in (("samples", 1), ("max_cuts", 2), ("rollouts", 1), ("top", 1)):
            count: int = getattr(self, name)
            if count < least:
                raise InvalidInput(f"{name.replace('_', ' ')} {count}: expected at least {least}")
        if self.by not in NAMES:
            raise unknown_name("feature", self.by, NAMES)
        if self.then == "curve" and self.curves != "forced":
            raise NoEffect(f"--then curve refines forced answers; --curves {self.curves} measures all values already", "then")
        check_level(self.level)
        check_seed(self.seed)

    @property
    def thresholds(self) -> tuple[Threshold, ...]:
        """What the rules of labels compare with."""
        return (
            Threshold(name="gain", value=self.gain, low=0.05, high=0.95, step=0.05, text="gain from which a curve rises or falls"),
            Threshold(name="range", value=self.range, low=0.05, high=0.95, step=0.05, text="range below which a curve is flat"),
            Threshold(name="least_mass", value=self.least_mass, low=0.0, high=1.0, step=0.05, text="mass below which no option is named"),
        )
