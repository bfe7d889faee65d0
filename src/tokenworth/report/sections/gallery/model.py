"""What the gallery shows, as frozen columns: one row per trace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from tokenworth.errors import InvalidInput
from tokenworth.report.facts import FactView
from tokenworth.report.sections.sheet import SheetView

STEPS = 120
"""A number of a curve is shown in steps of 1/120."""
OPEN = 128
"""Added to a step where the options hold too little of the probability, or too few rollouts have a verdict: drawn hatched."""
ABSENT = 255
"""No number."""
POINTS = 4_800_000
"""The most points of all curves on a page; longer curves are thinned evenly (every point kept is one that was measured)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureView:
    """A number of each trace, to sort and to plot by."""

    name: str
    note: str
    """What it is, in a few words."""
    values: Float[np.ndarray, " trace"]
    """NaN: the trace has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdView:
    """A number that labels depend on, which the reader may move."""

    name: str
    value: float
    low: float
    high: float
    step: float
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionView:
    """Holds of a trace whose feature compares with the threshold times ``scale`` (with ``scale`` itself where the threshold is −1);
    never of a feature without a number."""

    feature: int
    """Index into the features."""
    op: Literal[">=", "<=", ">", "<"]
    threshold: int
    """Index into the thresholds, or −1."""
    scale: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleView:
    """A label, and the conditions of which all must hold. The first rule that holds labels a trace; the last one has none."""

    label: str
    note: str
    conditions: tuple[ConditionView, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GalleryView:
    """All traces of one survey."""

    title: str
    lead: tuple[str, ...]
    """Sentences above it."""
    what: str
    """What a curve is: "P(gold) by forced answer"."""
    ids: tuple[str, ...]
    texts: tuple[str, ...]
    """The question of each trace, or the start of it."""
    answers: tuple[str, ...]
    """Own and correct answer in a few words."""
    subjects: tuple[str, ...]
    subject: Int[np.ndarray, " trace"]
    """Index into the subjects."""
    correct: UInt8[np.ndarray, " trace"]
    """0: wrong, 1: correct, 2: not known."""
    tokens: Int[np.ndarray, " trace"]
    cluster: Int[np.ndarray, " trace"]
    """−1: none."""
    features: tuple[FeatureView, ...]
    thresholds: tuple[ThresholdView, ...]
    rules: tuple[RuleView, ...]
    label: UInt8[np.ndarray, " trace"]
    """The rule that labels each trace at these thresholds. The page works labels out itself once a threshold is moved; its numbers have
    seven figures, so a trace that lies on a threshold may be labelled otherwise then."""
    points: UInt8[np.ndarray, " point"]
    """The curves, one after another: steps, `OPEN` added, or `ABSENT`."""
    offsets: Int[np.ndarray, " trace+1"]
    medoids: tuple[int, ...]
    """By cluster, the row of the trace that is nearest to the others of it."""
    held: UInt8[np.ndarray, " trace"]
    """1 where a reading is repeated until the next one, not measured at each point."""
    sheets: tuple[SheetView, ...] = ()
    """Tables over all traces."""
    facts: tuple[FactView, ...]
    notes: tuple[str, ...] = ()
    trace: tuple[int, ...] = ()
    """The index of each trace among those that the page holds whole, −1 where it does not; empty: it holds none."""

    def __post_init__(self) -> None:
        n = len(self.ids)
        columns = (self.texts, self.answers, self.subject, self.correct, self.tokens, self.cluster, self.held, self.label, self.offsets[1:])
        if any(len(one) != n for one in (*columns, *(feature.values for feature in self.features))):
            raise InvalidInput(f"a gallery of {n} traces needs {n} entries in each column")
        if not self.rules or self.rules[-1].conditions:
            raise InvalidInput("the labels of a gallery need a last rule that always holds")

    @property
    def titles(self) -> tuple[str, ...]:
        """One, that of the survey."""
        return (self.title,)


def curve_points(values: Float[np.ndarray, " point"], is_open: Bool[np.ndarray, " point"], most: int) -> UInt8[np.ndarray, " kept"]:
    """A curve as the page carries it: at most ``most`` of its points, the first and the last among them; NaN is absent."""
    if len(values) > most:
        keep = np.round(np.linspace(0, len(values) - 1, most)).astype(int)
        values, is_open = values[keep], is_open[keep]
    steps = np.clip(np.rint(np.nan_to_num(values) * STEPS), 0, STEPS).astype(np.uint8) + np.where(is_open, OPEN, 0).astype(np.uint8)
    return np.where(np.isnan(values), ABSENT, steps).astype(np.uint8)
