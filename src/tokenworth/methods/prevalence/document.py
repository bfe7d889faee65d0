"""Pivots of many traces as a document: one group for each model and question that was asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tokenworth.core.document import ModelDoc, Number, Provenance, check_document_level
from tokenworth.core.estimate import Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceRow:
    """One trace. ``most``: how many tokens of |Δ| ≥ delta a trace drawn from the model has in expectation at most; None for a base that was
    chosen or given.
    """

    id: str
    problem: str
    question: str
    """16 hex digits that name the question by its words: what clusters traces."""
    tokens: int
    candidates: int
    claims: int
    at_least_delta: int
    undecided: int
    most: Number = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TenthRow:
    """A tenth of the traces' lengths: claims there, and the share of the candidates there that are claimed."""

    tenth: int
    candidates: int
    claims: int
    share: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRow:
    """A text of tokens: claims with it, those that raise the value, in how many traces, and the share of its candidates that are claimed.

    ``size``: mean of |Δ| over its claims.
    """

    text: str
    candidates: int
    claims: int
    up: int
    traces: int
    size: Number
    share: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class PivotGroup:
    """All traces of one model with one target, δ, δ₀ and false-discovery rate. Limits are over ``clusters``: questions where there are
    several, else traces.

    ``share``: traces with a claim; ``share_delta``: with one of at least delta. ``number`` and ``number_delta``: of these per trace;
    ``number_open``: of claims and undecided tokens, what it is at most if all of these were pivots. ``position``: of claims, as a share of
    the trace: quartiles. ``bound``: mean of ``most`` over the ``n_bounded`` traces that have one, ``bounded`` the number of claims of at
    least delta of the same traces, and ``exceeded`` whether its mean is above the bound.
    """

    model: ModelDoc
    target: str
    value_label: str
    delta: float
    least: float
    false_discovery: float
    traces: int
    questions: int
    clusters: Literal["questions", "traces"]
    share: Estimate
    share_delta: Estimate
    number: Estimate
    number_delta: Estimate
    number_open: Estimate
    position: tuple[Estimate, ...]
    bound: Number
    n_bounded: int
    bounded: Estimate
    exceeded: bool
    tenths: tuple[TenthRow, ...]
    tokens: tuple[TokenRow, ...]
    n_texts: int
    """Different texts of claimed tokens, listed or not."""
    rows: tuple[TraceRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PrevalenceDoc:
    """How often traces have pivots, where they lie and which tokens they are."""

    schema: str = "tokenworth.prevalence/1"
    level: float
    groups: tuple[PivotGroup, ...]
    provenance: Provenance
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_document_level(self.level)
