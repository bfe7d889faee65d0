"""What a page shows of the lens: the three clocks, and each layer's share of the target along the trace."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tokenworth.core.estimate import Estimate
from tokenworth.methods.lens.document import LensDoc, TraceClocks
from tokenworth.report.facts import FactView, model_fact, provenance_facts
from tokenworth.report.pieces.matrix import HeatMap
from tokenworth.report.sections.sheet import NONE, SheetCell, SheetColumn, SheetView, cell, number_cell, sheet_section

SHOWN = 5
"""Cuts of which a table shows the shares."""


def _sheets(doc: LensDoc) -> Iterator[SheetView]:
    clocks, at = doc.clocks, _shown(len(doc.cuts))
    target = doc.options[0] if clocks is None else clocks.target
    k = doc.options.index(target)
    columns = [SheetColumn(name="layer", kind="count", width=7), *(SheetColumn(name=f"cut {doc.cuts[i]}", kind="share") for i in at)]
    columns.append(SheetColumn(name="mass at end", kind="share"))
    if clocks is not None:
        columns += [SheetColumn(name="names it from", kind="text"), SheetColumn(name="more cuts than forced", kind="difference")]
    where = "after the exit text" if doc.place == "exit" else "at the last kept token"
    yield SheetView(
        title="Lens",
        lead=tuple(_lead(doc, clocks)),
        caption=f"share of {target} at each layer, {where}",
        columns=tuple(columns),
        rows=tuple(_row(doc, clocks, layer, k, at) for layer in range(len(doc.layers))),
        facts=tuple(_facts(doc)),
        notes=doc.notes,
        pieces=(_picture(doc, k, target),) if doc.cuts else (),
    )


def _picture(doc: LensDoc, k: int, target: str) -> HeatMap:
    """Layers up, cuts across."""
    values = [[np.nan if (share := row[k]) is None else share for row in layer] for layer in doc.share]
    return HeatMap(
        values=np.asarray(values, dtype=np.float64),
        scale="share",
        rows=tuple(map(str, doc.layers)),
        columns=tuple(_column(doc, cut) for cut in doc.cuts),
        row_axis="layer",
        column_axis="cut",
        what=f"share of {target}",
        top_down=False,
    )


def _column(doc: LensDoc, cut: int) -> str:
    """A cut, with the token that is the last one kept."""
    return f"{cut} {doc.trace.pieces[cut - 1]}" if cut else "0"


def _shown(n: int) -> list[int]:
    return sorted({round(i * (n - 1) / (SHOWN - 1)) for i in range(SHOWN)}) if n else []


def _row(doc: LensDoc, clocks: TraceClocks | None, layer: int, k: int, at: list[int]) -> tuple[SheetCell, ...]:
    cells = [cell(str(doc.layers[layer])), *(_number(doc.share[layer][i][k]) for i in at)]
    cells.append(_number(doc.mass[layer][-1] if doc.cuts else None))
    if clocks is not None:
        cells += [cell(_cut(clocks.inside[layer], doc)), _number(clocks.ahead[layer], "+.2f")]
    return tuple(cells)


def _number(value: float | None, form: str = ".2f") -> SheetCell:
    return cell(NONE) if value is None else number_cell(Estimate(value=value, low=None, high=None), form=form, limits="")


def _cut(cut: int, doc: LensDoc) -> str:
    return "never" if cut > len(doc.trace.pieces) else f"cut {cut:,}"


def _lead(doc: LensDoc, clocks: TraceClocks | None) -> Iterator[str]:
    if clocks is None:
        return
    never = len(doc.trace.pieces) + 1
    text = f"the text {'never names' if clocks.text == never else 'first names'} {clocks.target}"
    text += "" if clocks.text == never else f" at cut {clocks.text:,}"
    forced = "is not it at the end" if clocks.forced == never else f"is it from cut {clocks.forced:,} on"
    yield f"{text}; the forced answer {forced}"
    earliest = min(
        (clocks.inside[i] for i in range(1, len(doc.layers) - 1) if clocks.at_end[i] and clocks.inside[i] > doc.cuts[0]), default=None
    )
    if earliest is not None:
        layers = [doc.layers[i] for i in range(len(doc.layers)) if clocks.inside[i] == earliest and clocks.at_end[i]]
        yield f"the earliest layer below the last that comes to it does so at cut {earliest:,} (layer {layers[0]})"
    deep = [one for one in clocks.depth if one is not None]
    if deep:
        sure = f"{len(deep):,} of {len(doc.cuts):,} cuts"
        yield f"where the last layer is sure of it ({sure}), it wins from layer {np.median(deep):.0f} on (median)"


def _facts(doc: LensDoc) -> Iterator[FactView]:
    yield model_fact(doc.model)
    yield FactView(label="trace", value=f"{len(doc.trace.pieces):,} tokens", detail=f"own answer {doc.trace.outcome or 'none'}")
    yield FactView(label="read at", value=doc.place, detail=" ".join(repr(one) for one in doc.reads))
    yield FactView(label="exit text", value=repr(doc.exit_text), minor=True)
    yield from provenance_facts(doc.provenance)


SECTION = sheet_section(_sheets)
