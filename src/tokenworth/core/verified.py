"""Verified traces as a document: the verdict of every trace, and the tables that follow from them.

What `confusion --json` writes and the report reads. Counts are counts of traces; a share that has no
denominator is None, never 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tokenworth.core.documents import Number, ProvenanceDoc
from tokenworth.core.verification import Drawing, Verification

VERIFIED_SCHEMA = "tokenworth.verified/1"

TRACE_STATES = ("valid", "invalid", "unparsed", "none")
"""Of a trace: valid; parsed and invalid; not parsed; there is no trace to judge."""
LINK_STATES = ("follows", "differs", "unknown")
"""Of a plan: the one the trace found; another one; not to be told, for want of a trace or a plan."""
ANSWER_STATES = ("correct", "incorrect", "unknown")
"""Of an answer; unknown is shown and never counted as incorrect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareDoc:
    """k of n with a score interval: the share of traces in state ``of`` among those in state ``given`` (empty: among all)."""

    of: str
    given: str
    k: int
    n: int
    value: Number
    low: Number
    high: Number


@dataclass(frozen=True, slots=True, kw_only=True)
class CellDoc:
    """One cell of the three-way table: how many traces are in these states, and their share of all with its interval."""

    trace: str
    link: str
    answer: str
    n: int
    share: Number
    low: Number
    high: Number


@dataclass(frozen=True, slots=True, kw_only=True)
class OddsDoc:
    """The odds ratio of two two-valued facts: the conditional estimate with exact limits, and Fisher's exact two-sided p."""

    rows: str
    columns: str
    counts: tuple[tuple[int, int], tuple[int, int]]
    value: Number
    low: Number
    high: Number
    p: Number


@dataclass(frozen=True, slots=True, kw_only=True)
class TableDoc:
    """The table of one group of traces. ``cells``: every combination of states that occurs, and all eight with known states.

    ``n`` = every trace of the group: valid + invalid + unparsed + none.
    """

    group: str
    n: int
    n_unparsed: int
    n_unknown: int
    cells: tuple[CellDoc, ...]
    shares: tuple[ShareDoc, ...]
    odds: tuple[OddsDoc, ...]
    first_errors: Mapping[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedTraceDoc:
    """One trace with its verdict. ``text`` is what violations and drawing point into by character. ``answer``: one of `ANSWER_STATES`."""

    id: str
    group: str
    prompt: str
    text: str
    answer: str
    verification: Verification
    drawing: Drawing | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedDoc:
    """Traces of one domain, dialect and level. ``level``: confidence of the intervals. ``traces`` may be fewer than the tables count."""

    schema: str = VERIFIED_SCHEMA
    domain: str
    dialect: str
    strictness: str
    version: str
    level: float
    tables: tuple[TableDoc, ...]
    traces: tuple[VerifiedTraceDoc, ...]
    provenance: ProvenanceDoc
    notes: tuple[str, ...] = ()
