"""A probe as a document: how well it tells what it is asked, beside baselines and controls, and the probe itself."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Literal

from tokenworth.core.document import ModelDoc, Number, Provenance, check_document_level, check_length
from tokenworth.core.estimate import Estimate
from tokenworth.core.sampling import Sampling
from tokenworth.errors import InvalidInput
from tokenworth.stats.nested import Bin


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreDoc:
    """How well one set of features, or one control, tells the label of questions it was not fitted on."""

    name: str
    kind: Literal["probe", "baseline", "control"]
    features: str
    """What it reads."""
    metric: Literal["AUROC", "R2"]
    quality: Estimate
    gain: Estimate | None
    """By how much the probe is better, on the same questions; None for a control with labels of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StratumDoc:
    """The probe and the baseline within one task."""

    name: str
    questions: int
    rows: int
    base: Number
    """Mean label; of several classes the share of the commonest."""
    probe: Estimate
    baseline: Estimate
    gain: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerDoc:
    """A layer alone. ``chosen``: in how many outer folds it was the best of the inner ones."""

    layer: int
    quality: Estimate
    chosen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedProbe:
    """All that is needed to predict: score = ((state − mean) / scale) · weight + intercept; probability = expit(slope · score + offset),
    made to sum to 1 over several classes. Two classes, and shares, have one column: the probability of the second class, or the share."""

    layer: int
    c: float
    """Inverse of the L2 penalty."""
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    weight: tuple[tuple[float, ...], ...]
    """One list for each class."""
    intercept: tuple[float, ...]
    slope: tuple[float, ...]
    offset: tuple[float, ...]

    def __post_init__(self) -> None:
        width, n = len(self.mean), len(self.weight)
        check_length(self.scale, width, "probe.scale", "probe.mean")
        for name in ("intercept", "slope", "offset"):
            check_length(getattr(self, name), n, f"probe.{name}", "probe.weight")
        for one in self.weight:
            check_length(one, width, "probe.weight", "probe.mean")
        flat = (*self.mean, *self.scale, *self.intercept, *self.slope, *self.offset, *(x for one in self.weight for x in one))
        if not n or not width or not all(map(isfinite, flat)) or min(self.scale) <= 0:
            raise InvalidInput("probe: expected finite numbers, scales above 0, and weights of at least one class")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeRowsDoc:
    """One entry for each row: the question it is of (an index), which trace and cut, the label, and what was predicted out of fold."""

    question: tuple[int, ...]
    trace: tuple[int, ...]
    cut: tuple[int, ...]
    label: tuple[Number, ...]
    """A class, or a share."""
    probability: tuple[tuple[float, ...], ...]
    """Of each class, a list of the rows; empty where nothing was fitted."""
    baseline: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        n = len(self.question)
        for name in ("trace", "cut", "label"):
            check_length(getattr(self, name), n, f"rows.{name}", "rows.question")
        for one in (*self.probability, *self.baseline):
            check_length(one, n, "rows.probability", "rows.question")


@dataclass(frozen=True, slots=True, kw_only=True)
class StatesDoc:
    """The hidden states of the rows: float32, little-endian, row by row, layer by layer, in base64."""

    layers: tuple[int, ...]
    width: int
    data: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbePlan:
    """What was decided."""

    samples: int
    per_question: int
    cuts: int
    margin: float
    decided: float
    folds: int
    unclear: bool
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeDoc:
    """A probe of one model over the questions of a task."""

    schema: str = "tokenworth.probe/1"
    model: ModelDoc
    task: str
    ask: str
    place: str
    exit: str
    sampling: Sampling
    plan: ProbePlan
    level: float
    questions: tuple[str, ...]
    """Ids of those that have rows."""
    classes: tuple[str, ...]
    """None for a share."""
    counts: tuple[int, ...]
    """Rows of each class."""
    ceiling: Number
    """The R² that the true shares would have; None for classes."""
    scores: tuple[ScoreDoc, ...]
    """The probe first."""
    strata: tuple[StratumDoc, ...]
    layers: tuple[LayerDoc, ...]
    calibration: tuple[Bin, ...]
    """Of the out-of-fold probabilities, by tenths of the rows; over several classes those of the likeliest class."""
    calibration_error: Number
    brier: Number
    brier_base: Number
    """The Brier score of predicting the base rates."""
    probe: FittedProbe | None
    """For other questions of this model; None where none was fitted."""
    applied: str
    """The result whose probe was applied; empty where one was fitted here."""
    rows: ProbeRowsDoc
    states: StatesDoc | None
    left_out: int
    """Questions without rows, and those that failed."""
    notes: tuple[str, ...]
    provenance: Provenance

    def __post_init__(self) -> None:
        check_document_level(self.level)
        check_length(self.counts, len(self.classes), "counts", "classes")
        if any(not 0 <= one < len(self.questions) for one in self.rows.question):
            raise InvalidInput(f"rows.question: expected indices below {len(self.questions)}, the number of questions")
