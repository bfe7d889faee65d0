"""What a page shows of places of a pattern: what changes there, beside the same at matched controls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tokenworth.core.estimate import Estimate
from tokenworth.core.no_verdict import percent
from tokenworth.methods.align.document import AlignDoc, BackRow, EffectRow, PatternRow
from tokenworth.report.facts import FactView, provenance_facts
from tokenworth.report.sections.sheet import SheetCell, SheetColumn, SheetView, cell, number_cell, sheet_section

ALIKE = 0.1
"""A standardised difference of more than this says that places and controls are not alike."""
_EFFECTS = (
    SheetColumn(name="pattern", kind="text"),
    SheetColumn(name="quantity", kind="text"),
    SheetColumn(name="places", kind="count", right=True),
    SheetColumn(name="traces", kind="count", right=True),
    SheetColumn(name="before", kind="share", right=True),
    SheetColumn(name="change", kind="difference", right=True),
    SheetColumn(name="at controls", kind="difference", right=True),
    SheetColumn(name="difference", kind="difference", right=True),
    SheetColumn(name="size", kind="share", right=True),
    SheetColumn(name="size, difference", kind="difference", right=True),
    SheetColumn(name="units apart", kind="count", right=True),
)
_PLACES = (
    SheetColumn(name="pattern", kind="text"),
    SheetColumn(name="places", kind="count"),
    SheetColumn(name="traces with it", kind="share"),
    SheetColumn(name="p of its first token", kind="share"),
    SheetColumn(name="balance", kind="text"),
    SheetColumn(name="note", kind="text"),
)
_BACK: tuple[tuple[str, str], ...] = (
    ("back", "state another option later"),
    ("other_at_end", "end with another answer"),
    ("back_and_forth", "state another one and end with the first all the same"),
)


def _sheets(doc: AlignDoc) -> Iterator[SheetView]:
    facts = (FactView(label="traces", value=f"{doc.traces:,}"), *provenance_facts(doc.provenance))
    level = percent(doc.level)
    rows = tuple(_effect(one, effect) for one in doc.patterns for effect in one.effects)
    held = f"means over places with {level} limits over questions; size is up or down, and holds the noise of both readings"
    yield SheetView(
        title="Before and after the places of a pattern",
        lead=("a change is after less before; difference: the change at the places less that at matched controls",),
        caption=held if rows else "no place has a reading on both sides of it",
        level=doc.level,
        columns=_EFFECTS,
        rows=rows,
        facts=facts,
    )
    yield SheetView(
        title="Places",
        caption=f"balance: standardised difference between places and controls; beyond ±{ALIKE:g} they are not alike in it",
        level=doc.level,
        columns=_PLACES,
        rows=tuple(map(_place, doc.patterns)),
        facts=facts,
        notes=() if doc.gone_back else doc.notes,
    )
    if doc.gone_back is not None:
        yield _back(doc, doc.gone_back, facts)


def _effect(one: PatternRow, effect: EffectRow) -> tuple[SheetCell, ...]:
    signed = (effect.change, effect.control, effect.difference)
    return (
        cell(one.pattern),
        cell(effect.quantity),
        cell(f"{effect.n:,}"),
        cell(f"{effect.traces:,}"),
        number_cell(effect.before, limits=""),
        *(number_cell(x, form="+.3f") for x in signed),
        number_cell(effect.size, form=".3f", limits=""),
        number_cell(effect.size_difference, form="+.3f"),
        cell(f"{effect.span:g}"),
    )


def _place(one: PatternRow) -> tuple[SheetCell, ...]:
    return (
        cell(one.pattern),
        cell(f"{one.places:,}"),
        number_cell(one.has_it),
        number_cell(one.p, form=".3f"),
        cell(_balance(one.balance)),
        cell(one.note),
    )


def _balance(balance: Mapping[str, float | None]) -> str:
    """What places and controls are not alike in, else that they are."""
    known = {name: x for name, x in balance.items() if x is not None}
    unlike = ", ".join(f"{name} {x:+.2f}" for name, x in known.items() if abs(x) > ALIKE)
    return unlike or ("alike" if known else "not known")


def _back(doc: AlignDoc, row: BackRow, facts: tuple[FactView, ...]) -> SheetView:
    shares: list[tuple[str, Estimate]] = [(name, getattr(row, field)) for field, name in _BACK]
    return SheetView(
        title="Answers that are gone back on",
        lead=(
            f"{row.stating:,} of {row.traces:,} traces state an option before their end",
            f"{row.rescued:,} go from a wrong first answer to the right one, {row.lost:,} the other way round",
        ),
        level=doc.level,
        columns=(SheetColumn(name="of those", kind="text"), SheetColumn(name="share", kind="share", right=True)),
        rows=(
            *((cell(name), number_cell(share)) for name, share in shares),
            (cell("where the first is stated, as a share of the trace (median)"), number_cell(row.at)),
        ),
        facts=facts,
        notes=doc.notes,
    )


SECTION = sheet_section(_sheets)
