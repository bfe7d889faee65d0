"""The page of a measure without a section: the fields of its documents, as tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, cast

from tokenworth.core.document import Document, ModelDoc
from tokenworth.core.estimate import Estimate
from tokenworth.report.facts import FactView, model_fact, provenance_facts
from tokenworth.report.sections.sheet import NONE, SheetCell, SheetColumn, SheetView, cell, number_cell, sheet_section

_LONGEST = 200
"""Characters of a text that a cell shows."""


def _sheets(doc: Document) -> Iterator[SheetView]:
    """A table of the single fields, and one for each field that holds records."""
    named = {one.name: getattr(doc, one.name) for one in fields(doc)}  # pyright: ignore[reportArgumentType]
    name = doc.schema.removeprefix("tokenworth.").split("/")[0]
    about = (x for value in named.values() if isinstance(value, ModelDoc) for x in (model_fact(value),))
    facts = (*about, FactView(label="schema", value=doc.schema), *provenance_facts(doc.provenance))
    notes = tuple(str(note) for note in named.pop("notes", ()) or ())
    single = {k: v for k, v in named.items() if k not in {"schema", "provenance"} and _is_flat(v)}
    columns = (SheetColumn(name="field", kind="text"), SheetColumn(name="value", kind=_kind(list(single.values()))))
    rows = tuple((cell(_words(k)), _cell(v)) for k, v in single.items())
    yield SheetView(title=name, columns=columns, rows=rows, facts=facts, notes=notes)
    for key, value in named.items():
        records = cast("tuple[Any, ...]", value) if isinstance(value, tuple) else ()
        if records and all(is_dataclass(one) and not _is_flat(one) for one in records):
            yield _records(f"{name}: {_words(key)}", records, facts)


def _records(title: str, records: Sequence[Any], facts: tuple[FactView, ...]) -> SheetView:
    """The flat fields of records of one class."""
    names = [one.name for one in fields(records[0])]
    found = {name: [getattr(one, name, None) for one in records] for name in names}
    flat = {name: column for name, column in found.items() if all(map(_is_flat, column))}
    columns = tuple(SheetColumn(name=_words(name), kind=_kind(column)) for name, column in flat.items())
    return SheetView(
        title=title, columns=columns, rows=tuple(tuple(map(_cell, row)) for row in zip(*flat.values(), strict=True)), facts=facts
    )


def _is_flat(value: object) -> bool:
    if isinstance(value, tuple):
        return all(one is None or isinstance(one, str | int | float) for one in cast("tuple[object, ...]", value))
    return value is None or isinstance(value, str | int | float | Estimate)


def _kind(values: Sequence[object]) -> Any:
    """What a column can draw: numbers that are all within 0 to 1, or all within −1 to 1, as shares or differences."""
    known = [x for one in values if isinstance(one, Estimate) for x in one if x is not None]
    return "text" if not known or max(map(abs, known)) > 1 else "difference" if min(known) < 0 else "share"


def _cell(value: Any) -> SheetCell:
    if value is None or isinstance(value, Estimate):
        return number_cell(value, form=".4g")
    if isinstance(value, tuple):
        value = ", ".join(_cell(one).text for one in cast("tuple[object, ...]", value)) or NONE
    text = f"{value:.6g}" if isinstance(value, float) else f"{value:,}" if type(value) is int else str(value)
    return cell(text if len(text) <= _LONGEST else text[:_LONGEST] + "…")


def _words(name: str) -> str:
    return name.replace("_", " ")


SECTION = sheet_section(_sheets)
