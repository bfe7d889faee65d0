"""What happens at a kind of place, as a document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tokenworth.core.document import Number, Provenance, check_document_level, check_length
from tokenworth.core.estimate import Estimate
from tokenworth.core.table import ColumnKind, Table, TableRow


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectRow:
    """A quantity before and after the places of a pattern; means over places, limits over questions."""

    quantity: str
    """value: P(target) by rollouts; forced gold, forced own: share of an option when the trace is stopped."""
    n: int
    """Places at which it is known."""
    traces: int
    before: Estimate
    change: Estimate
    """After less before."""
    control: Estimate
    """The same at the controls."""
    difference: Estimate
    """Change at the places less that at their controls."""
    size: Estimate
    """Mean size of the change, up or down; noise of rollouts is in it."""
    size_difference: Estimate
    """Size at the places less that at their controls, which have the same noise."""
    span: float
    """Median units between the two readings: a coarse grid does not read just before and just after."""
    offsets: tuple[int, ...]
    """Units from the end of a place, negative: from its beginning."""
    profile: tuple[Number, ...]
    """Mean of the quantity there, less that just before the place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternRow:
    """One pattern."""

    pattern: str
    places: int
    has_it: Estimate
    """Share of the traces that have at least one."""
    p: Estimate
    """Mean probability of the first token of a place, where it is known."""
    effects: tuple[EffectRow, ...]
    balance: Mapping[str, Number]
    """Standardised difference between places and controls of what they are matched by; beyond ± .1 they are not alike."""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackRow:
    """How often an answer that a trace has once stated is gone back on; over the traces that state one before their end."""

    traces: int
    stating: int
    back: Estimate
    """Another option is stated after it."""
    other_at_end: Estimate
    """The answer at the end is another one."""
    back_and_forth: Estimate
    """Another one is stated, and the answer at the end is the first one all the same."""
    rescued: int
    """The first is wrong and the last is right."""
    lost: int
    """The first is right and the last is wrong."""
    at: Estimate
    """Where the first is stated, as a share of the trace: median."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignDoc:
    """Value, forced answer and probability at places of several kinds, pooled over traces, beside matched controls."""

    schema: str = "tokenworth.align/1"
    traces: int
    level: float
    patterns: tuple[PatternRow, ...]
    gone_back: BackRow | None
    """None where no trace has options."""
    provenance: Provenance
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_document_level(self.level)
        for one in self.patterns:
            for effect in one.effects:
                check_length(effect.profile, len(effect.offsets), f"pattern {one.pattern!r}: profile", "offsets")


_COLUMNS: Mapping[str, ColumnKind] = {
    "pattern": "text", "quantity": "text", "places": "int", "traces": "int",
    **{f"{name}{end}": "float" for name in ("change", "control", "difference", "size", "size_difference") for end in ("", "_low", "_high")},
}  # fmt: skip


def effect_table(doc: AlignDoc) -> Table:
    """A row for each pattern and quantity."""

    def rows() -> Iterator[TableRow]:
        for one in doc.patterns:
            for effect in one.effects:
                parts = (effect.change, effect.control, effect.difference, effect.size, effect.size_difference)
                yield one.pattern, effect.quantity, effect.n, effect.traces, *(x for part in parts for x in part)

    return Table(columns=_COLUMNS, rows=rows())
