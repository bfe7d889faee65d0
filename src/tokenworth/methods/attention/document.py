"""Heads that look back, as a document."""

from __future__ import annotations

from dataclasses import dataclass

from tokenworth.core.document import ModelDoc, Number, Provenance, check_document_level, check_length
from tokenworth.core.estimate import Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadDoc:
    """One head. ``chosen_by`` is what it was ranked by, on the questions that choose; the rest is of the questions that describe."""

    layer: int
    head: int
    chosen_by: Number
    peak: Estimate
    """Kurtosis of its vertical profile as a share of the most that so many segments allow."""
    recency: Number
    """Share of its mass on segments that is on the looking one and the one before."""
    receiver: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GapDoc:
    """The choice under another gap."""

    gap: int
    heads: tuple[tuple[int, int], ...]
    """Layer and head."""
    shared: int
    """How many of them the chosen gap chooses, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementDoc:
    """How a score of segments goes with what hiding them does: rank correlation within traces, limits over questions."""

    score: str
    correlation: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedDoc:
    """The segments of one trace; lists run over segments, null where one is not scored."""

    question: str
    unit: str
    texts: tuple[str, ...]
    strength: tuple[Number, ...]
    """Mean vertical score of the receiver heads."""
    random: tuple[Number, ...]
    """The same of random heads of the same layers, mean over the draws."""
    effect: tuple[Number, ...]
    """Mean KL over the segments from the gap on, nats."""
    percentile: tuple[Number, ...]
    """Share of windows of the same length whose effect on the same later segments is smaller."""
    chooses: bool
    """Whether its question chose the heads."""

    def __post_init__(self) -> None:
        for name in ("strength", "random", "effect", "percentile"):
            check_length(getattr(self, name), len(self.texts), f"trace.{name}", "trace.texts")


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionDoc:
    """Where the heads of a model look, over the traces of a task."""

    schema: str = "tokenworth.attention/1"
    model: ModelDoc
    task: str
    procedure: str
    gap: int
    level: float
    seed: int
    heads: tuple[HeadDoc, ...]
    """Receiver heads first, then the others by what they were ranked by."""
    reliability: Number
    """Correlation over heads of what they are ranked by in the two halves of the questions."""
    random_peak: Number
    """The share of draws of random heads of the same layers whose mean peak is below that of the receiver heads."""
    gaps: tuple[GapDoc, ...]
    agreement: tuple[AgreementDoc, ...]
    percentile: Estimate
    """Mean percentile of a segment's effect among windows of the same length: .5 is chance."""
    traces: tuple[LookedDoc, ...]
    left_out: int
    notes: tuple[str, ...]
    provenance: Provenance

    def __post_init__(self) -> None:
        check_document_level(self.level)
