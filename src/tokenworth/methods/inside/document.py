"""All that is known of traces, on one axis each, as a document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tokenworth.core.document import ModelDoc, Number, Provenance, TraceDoc, check_cuts, check_document_level, check_length
from tokenworth.core.estimate import Estimate
from tokenworth.core.problem import Problem
from tokenworth.core.table import ColumnKind, Table, TableRow, trace_id


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesDoc:
    """Numbers at cuts. ``low`` and ``high``: limits, None as a whole where the numbers are exact."""

    name: str
    cuts: tuple[int, ...]
    values: tuple[Number, ...]
    low: tuple[Number, ...] | None = None
    high: tuple[Number, ...] | None = None
    is_share: bool = True
    """Whether the numbers are shares, 0 to 1; others are drawn apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockDoc:
    """The first cut from which something names the answer to the end, or, of the text, at which it first does; T + 1 stands for never."""

    name: str
    what: str
    """In words, as the subject of a sentence: "the text", "layers 3–5"."""
    cut: int
    earliest: int
    latest: int
    """Limits; equal to ``cut`` where it is read and not estimated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanMark:
    """A claim or an effect about trace tokens ``start`` to before ``end``."""

    kind: str
    """pivot, anchor or patch."""
    start: int
    end: int
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InsideTrace:
    """One trace with all that is known of it."""

    problem: Problem | None = None
    model: ModelDoc
    trace: TraceDoc
    answer: str | None
    """The answer that series and clocks are about: the trace's own; None where it has none."""
    series: tuple[SeriesDoc, ...]
    clocks: tuple[ClockDoc, ...]
    disagreements: tuple[str, ...]
    """A sentence for each two clocks whose limits do not meet."""
    marks: tuple[SpanMark, ...]
    undecided: int = 0
    """Pairs of clocks that limits do not tell apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveRow:
    """Whether a layer moves more at claimed pivots than at excluded tokens of the same trace."""

    layer: int
    at_pivots: Number
    """Mean size of the change of the answer's share, tokens of a trace first."""
    elsewhere: Number
    difference: Estimate
    """Paired by trace; limits over questions, for all layers together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelRow:
    """A channel against the value; every number is a mean over traces, with limits over questions."""

    name: str
    traces: int
    with_value: Estimate
    """Spearman's rank correlation of the number of token i with the value after it, V(i + 1)."""
    with_change: Estimate
    """The same with |V(i + 1) − V(i)|."""
    pivots: Estimate
    """P(the number of a claimed pivot > that of an excluded token), ties half; .5: says nothing."""
    bias: Estimate
    """Mean of the number less the value, where all numbers are from 0 to 1; no number otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InsideDoc:
    """Traces, each on one axis, and what they say together."""

    schema: str = "tokenworth.inside/1"
    level: float
    traces: tuple[InsideTrace, ...]
    moves: tuple[MoveRow, ...]
    move_traces: int
    """Traces with a lens, a claimed pivot and an excluded token."""
    channels: tuple[ChannelRow, ...]
    provenance: Provenance
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_document_level(self.level)
        for one in self.traces:
            for line in one.series:
                check_cuts(line.cuts, len(one.trace.pieces), f"series {line.name!r}")
                for name in ("values", "low", "high"):
                    check_length(getattr(line, name), len(line.cuts), f"series {line.name!r}: {name}", "cuts")


_COLUMNS: Mapping[str, ColumnKind] = {
    "trace_id": "text",
    "series": "text",
    "position": "int",
    "value": "float",
    "low": "float",
    "high": "float",
}


def series_table(doc: InsideDoc) -> Table:
    """One row for each trace, series and cut; ``position`` is the cut."""

    def rows() -> Iterator[TableRow]:
        for one in doc.traces:
            name = trace_id(one.model.name, one.trace)
            for line in one.series:
                none = (None,) * len(line.cuts)
                for row in zip(line.cuts, line.values, line.low or none, line.high or none, strict=True):
                    yield name, line.name, *row

    return Table(columns=_COLUMNS, rows=rows())
