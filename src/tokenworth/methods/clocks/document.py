"""The clocks of many traces as a document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tokenworth.core.document import Provenance, check_document_level
from tokenworth.core.estimate import Estimate
from tokenworth.core.table import ColumnKind, Table, TableRow


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerRow:
    """One layer over the traces of a group; limits are over questions."""

    layer: int
    at_end: Estimate
    """Share of the traces at whose last cut it names the answer."""
    null: float | None
    """The same with the layer read on the traces of other questions: what a layer that reads nothing of the question has."""
    gold: Estimate
    """Share of the traces with a gold answer at whose last cut it names that one."""
    eligible: bool
    """Whether it names the answer at the end nearly as often as the last layer: no other layer has a lead."""
    lead: Estimate
    """(cut of the forced answer − cut of the layer) / T: mean over all traces, never counting as T + 1; no number unless eligible."""
    ahead: Estimate
    """Share of the cuts at which it names the answer, less that of the forced answer; mean over the traces."""
    mass: float | None
    """Mean probability of all options together at the last cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockGroup:
    """The traces of one task that were read at one place."""

    model: str
    task: str
    place: str
    traces: int
    questions: int
    length: float
    """Median T."""
    text: float
    """Median of the first cut whose text names the answer; T + 1 for never."""
    forced: float
    """Median of the cut from which the forced answer names it to the end; T + 1 for never."""
    text_lead: Estimate
    """(cut of the forced answer − cut of the text) / T, mean over the traces."""
    depth: float | None
    """Median first layer from which the answer wins, at cuts where the last one is sure of it."""
    layers: tuple[LayerRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClocksDoc:
    """When text, forced answer and layers come to an answer."""

    schema: str = "tokenworth.clocks/1"
    traces: int
    level: float
    agree: float
    groups: tuple[ClockGroup, ...]
    provenance: Provenance
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_document_level(self.level)


_COLUMNS: Mapping[str, ColumnKind] = {
    "model": "text", "task": "text", "place": "text", "traces": "int", "questions": "int", "layer": "int", "eligible": "bool",
    **{f"{name}{end}": "float" for name in ("at_end", "gold", "lead", "ahead") for end in ("", "_low", "_high")}, "null": "float",
}  # fmt: skip


def clock_table(doc: ClocksDoc) -> Table:
    """A row for each group and layer."""

    def rows() -> Iterator[TableRow]:
        for group in doc.groups:
            for row in group.layers:
                parts = (row.at_end, row.gold, row.lead, row.ahead)
                head = (group.model, group.task, group.place, group.traces, group.questions, row.layer, row.eligible)
                yield *head, *(x for part in parts for x in part), row.null

    return Table(columns=_COLUMNS, rows=rows())
