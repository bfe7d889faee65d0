"""Verified traces as a document: the verdict of every trace, and the tables that follow from them.

What `confusion --json` writes and the report reads. Counts are counts of traces; a share that has no
denominator is None, never 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tokenworth.core.document import Number, Provenance, check_document_level, check_not_below, check_unit
from tokenworth.core.verification import Drawing, Verification
from tokenworth.errors import InvalidInput

VERIFIED_SCHEMA = "tokenworth.verified/1"

TRACE_STATES = ("valid", "invalid", "unparsed", "none")
"""Of a trace: valid; parsed and invalid; not parsed; there is no trace to judge."""
LINK_STATES = ("follows", "differs", "unknown")
"""Of a plan: the one the trace found; another one; not known, because there is no trace or no plan."""
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

    def __post_init__(self) -> None:
        name = f"share of {self.of!r} among {self.given!r}"
        check_unit((self.value, self.low, self.high), name)
        if not 0 <= self.k <= self.n:
            raise InvalidInput(f"{name} is {self.k} of {self.n}, expected 0 to all of them")
        if (self.value is None) != (self.n == 0):
            raise InvalidInput(f"{name} has the value {self.value} of {self.n} texts; expected null for none, a number for some")


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

    def __post_init__(self) -> None:
        name = f"odds ratio of {self.rows!r} and {self.columns!r}"
        check_unit((self.p,), f"{name}: p")
        if min(count for row in self.counts for count in row) < 0:
            raise InvalidInput(f"{name}: a count below 0")
        if any(x is not None and x < 0 for x in (self.value, self.low, self.high)):
            raise InvalidInput(f"{name} is negative")
        check_not_below((self.low,), (self.value,), name)
        check_not_below((self.value,), (self.high,), name)


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

    def __post_init__(self) -> None:
        where, seen = f"table {self.group!r}", set[tuple[str, str, str]]()
        for cell in self.cells:
            state = (cell.trace, cell.link, cell.answer)
            if cell.trace not in TRACE_STATES or cell.link not in LINK_STATES or cell.answer not in ANSWER_STATES or state in seen:
                raise InvalidInput(f"{where}: cell {', '.join(state)} has a state that does not exist, or comes twice")
            seen.add(state)
            check_unit((cell.share, cell.low, cell.high), f"{where}: cell {', '.join(state)}")
        for name, count, expected in (
            ("n", self.n, sum(cell.n for cell in self.cells)),
            ("n_unparsed", self.n_unparsed, sum(cell.n for cell in self.cells if cell.trace == "unparsed")),
            ("n_unknown", self.n_unknown, sum(cell.n for cell in self.cells if cell.answer == "unknown")),
        ):
            if count != expected:
                raise InvalidInput(f"{where}: {name} is {count}, expected {expected}, the sum of its cells")
        if min([cell.n for cell in self.cells] + list(self.first_errors.values()), default=0) < 0:
            raise InvalidInput(f"{where}: a count below 0")


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

    def __post_init__(self) -> None:
        if self.answer not in ANSWER_STATES:
            raise InvalidInput(f"trace {self.id!r}: answer is {self.answer!r}, expected {', '.join(ANSWER_STATES)}")
        steps = () if self.drawing is None else self.drawing.steps
        for name, things in (("violation", self.verification.violations), ("step", steps)):
            for first, end in (thing.chars for thing in things):
                # Verdicts that were read without their texts keep the places.
                if not 0 <= first <= end or (self.text and end > len(self.text)):
                    raise InvalidInput(f"trace {self.id!r}: a {name} is at characters {first} to {end} of a text of {len(self.text)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedDoc:
    """Traces of one domain, dialect and strictness. ``level``: of the intervals. ``traces`` may be fewer than the tables count."""

    schema: str = VERIFIED_SCHEMA
    domain: str
    dialect: str
    strictness: str
    version: str
    level: float
    tables: tuple[TableDoc, ...]
    traces: tuple[VerifiedTraceDoc, ...]
    provenance: Provenance
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_document_level(self.level)
        wanted = (self.domain, self.dialect, self.strictness)
        for trace in self.traces:
            found = (trace.verification.domain, trace.verification.dialect, str(trace.verification.strictness))
            if found != wanted:
                raise InvalidInput(f"trace {trace.id!r}: verified as {', '.join(found)}, expected {', '.join(wanted)} as the document says")
