"""What a page shows of `inside`: of each trace one chart and what disagrees, then what all traces say together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from tokenworth.core.document import Number
from tokenworth.core.estimate import Estimate
from tokenworth.methods.inside.document import ChannelRow, ClockDoc, InsideDoc, InsideTrace, MoveRow, SeriesDoc
from tokenworth.report.facts import FactView, model_fact, provenance_facts
from tokenworth.report.pieces.series import Bracket, LineChart, Series
from tokenworth.report.sections.sheet import NONE, SheetCell, SheetColumn, SheetView, cell, number_cell, sheet_section

_CLOCKS = (
    SheetColumn(name="source", kind="text", width=34),
    SheetColumn(name="names the answer", kind="text", width=24),
    SheetColumn(name="limits", kind="text", width=16),
)
_MOVES = (
    SheetColumn(name="layer", kind="count", width=7),
    SheetColumn(name="moves at pivots", kind="share"),
    SheetColumn(name="at excluded tokens", kind="share"),
    SheetColumn(name="difference", kind="difference", width=24),
)
_CHANNELS = (
    SheetColumn(name="channel", kind="text", width=14),
    SheetColumn(name="traces", kind="count"),
    SheetColumn(name="with the value after", kind="difference"),
    SheetColumn(name="with the size of its change", kind="difference"),
    SheetColumn(name="above at pivots", kind="share"),
    SheetColumn(name="less the value", kind="difference"),
)


def _sheets(doc: InsideDoc) -> Iterator[SheetView]:
    facts = tuple(provenance_facts(doc.provenance))
    for number, one in enumerate(doc.traces):
        yield SheetView(
            title=f"Inside {one.problem.id}" if one.problem is not None else f"Inside trace {number}",
            lead=tuple(_lead(one)),
            pieces=tuple(_charts(one)),
            caption=f"from which cut on each names {one.answer}, the trace's own answer, to the end; of the text, where it first does"
            if one.clocks
            else "",
            columns=_CLOCKS if one.clocks else (),
            rows=tuple(_clock(clock, one) for clock in one.clocks),
            facts=(model_fact(one.model), FactView(label="trace", value=f"{len(one.trace.pieces):,} tokens"), *facts),
            notes=doc.notes if number + 1 == len(doc.traces) else (),
        )
    if doc.moves:
        yield SheetView(
            title="Do layers move at claimed pivots?",
            lead=(
                "mean size of the change of P(own answer) at a token; differences are paired by trace "
                f"(traces with a lens and pivots: {doc.move_traces:,})",
            ),
            caption="limits over questions hold for all layers together",
            level=doc.level,
            columns=_MOVES,
            rows=tuple(map(_move, doc.moves)),
            facts=facts,
        )
    if doc.channels:
        yield SheetView(
            title="Channels",
            lead=(
                "rank correlations over the tokens of a trace, P(number at a claimed pivot > at an excluded token), and the mean of number "
                "less value where all numbers are from 0 to 1; means over traces",
            ),
            caption="limits over questions",
            level=doc.level,
            columns=_CHANNELS,
            rows=tuple(map(_channel, doc.channels)),
            facts=facts,
        )


def _lead(one: InsideTrace) -> Iterator[str]:
    if one.answer is None:
        yield "the trace has no answer that any of these documents reads, so there are no clocks"
        return
    yield from one.disagreements
    if not one.disagreements:
        yield "no two clocks are apart by more than their limits"
    if one.undecided:
        yield f"pairs of clocks that limits do not tell apart: {one.undecided}"


def _charts(one: InsideTrace) -> Iterator[LineChart]:
    marks = tuple(Bracket(start=mark.start, stop=mark.end, label=mark.label) for mark in one.marks)
    shares = [line for line in one.series if line.is_share]
    if shares or marks:
        yield LineChart(
            series=tuple(map(_series, shares)),
            length=len(one.trace.pieces),
            what=f"share of {one.answer}" if one.answer is not None else "",
            band="pointwise limits of the value" if any(line.low is not None for line in shares) else "",
            brackets=marks,
            pieces=one.trace.pieces,
        )
    for line in one.series:
        if not line.is_share:
            yield LineChart(series=(_series(line),), length=len(one.trace.pieces), scale="free", what=line.name, pieces=one.trace.pieces)


def _series(line: SeriesDoc) -> Series:
    none = line.low is None
    return Series(
        name=line.name,
        x=np.asarray(line.cuts, dtype=np.int64),
        y=_array(line.values),
        low=None if none else _array(line.low or ()),
        high=None if none else _array(line.high or ()),
    )


def _array(values: Sequence[Number]) -> np.ndarray:
    return np.asarray([np.nan if one is None else one for one in values], dtype=np.float64)


def _clock(clock: ClockDoc, one: InsideTrace) -> tuple[SheetCell, ...]:
    never = len(one.trace.pieces) + 1
    limits = f"{_cut(clock.earliest, never)} to {_cut(clock.latest, never)}" if clock.name == "rollouts" else "read, not estimated"
    return cell(clock.what), cell(_cut(clock.cut, never)), cell(limits)


def _cut(cut: int, never: int) -> str:
    return "never" if cut >= never else f"cut {cut:,}"


def _move(row: MoveRow) -> tuple[SheetCell, ...]:
    return cell(str(row.layer)), _plain(row.at_pivots), _plain(row.elsewhere), number_cell(row.difference, form="+.3f")


def _channel(row: ChannelRow) -> tuple[SheetCell, ...]:
    numbers = [number_cell(one, form="+.2f") for one in (row.with_value, row.with_change)]
    return cell(row.name), cell(f"{row.traces:,}"), *numbers, number_cell(row.pivots), number_cell(row.bias, form="+.2f")


def _plain(value: Number) -> SheetCell:
    return cell(NONE) if value is None else number_cell(Estimate(value=value, low=None, high=None), limits="")


SECTION = sheet_section(_sheets)
