"""What a page shows of edited traces: by edit, how the answer changed; by problem, each edit with what followed it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from tokenworth.core.estimate import Estimate
from tokenworth.methods.intervene.document import InterveneDoc
from tokenworth.methods.intervene.paired import RESAMPLE, InterventionRow, RateChange
from tokenworth.report.facts import FactView, model_fact, provenance_facts, sampler_text
from tokenworth.report.pieces.series import Lines, Series
from tokenworth.report.sections.intervene_problem import TITLE, problem_sheet
from tokenworth.report.sections.sheet import NONE, SheetCell, SheetColumn, SheetsView, SheetView, cell, number_cell, sheet_section

_FEW = 3
"""Problems that a terminal shows one by one."""
_SHOWN = 3
"""Columns of a change: before, after, difference."""
_EFFECT = (
    SheetColumn(name="edit", kind="text"),
    SheetColumn(name="read", kind="text"),
    SheetColumn(name="against", kind="text"),
    SheetColumn(name="problems", kind="count"),
    SheetColumn(name="P(same)", kind="text"),
    SheetColumn(name="difference", kind="difference"),
    SheetColumn(name="P(correct)", kind="text"),
    SheetColumn(name="difference", kind="difference"),
    SheetColumn(name="flips", kind="share"),
    SheetColumn(name="n", kind="count"),
    SheetColumn(name="unknown", kind="count"),
)
_TOWARD = (
    SheetColumn(name="edit", kind="text"),
    SheetColumn(name="read", kind="text"),
    SheetColumn(name="problems", kind="count"),
    SheetColumn(name="before", kind="share"),
    SheetColumn(name="after", kind="share"),
    SheetColumn(name="difference", kind="difference"),
    SheetColumn(name="restated", kind="share"),
)
_FOLLOWING = (
    SheetColumn(name="hint", kind="text"),
    SheetColumn(name="pairs", kind="count"),
    SheetColumn(name="without hint", kind="share"),
    SheetColumn(name="followed", kind="share"),
    SheetColumn(name="third option", kind="share"),
    SheetColumn(name="beyond chance", kind="difference"),
    SheetColumn(name="α", kind="count"),
    SheetColumn(name="says so", kind="share"),
    SheetColumn(name="false alarms", kind="share"),
)
_AREA = (
    SheetColumn(name="rule", kind="text"),
    SheetColumn(name="area", kind="share"),
    SheetColumn(name="beyond chance", kind="count"),
    SheetColumn(name="less noise", kind="count"),
)


def _sheets(doc: InterveneDoc) -> Iterator[SheetView]:
    facts = tuple(_facts(doc))
    yield SheetView(
        title=f"Edits of traces and prompts: {doc.task or 'automaton'}, {doc.model.name}",
        caption=f"same: the base's own answer; before → after; {doc.level:.0%} intervals of the differences"
        if doc.rows
        else "no edit could be made; see the notes",
        level=doc.level,
        columns=_EFFECT,
        rows=tuple(_row(row) for row in doc.rows),
        facts=facts,
        notes=doc.notes,
    )
    toward = [row for row in doc.rows if (row.toward or row.restated) is not None and row.against != RESAMPLE]
    if toward:
        yield SheetView(
            title="Answers that an edit argues for",
            caption="restated: rollouts that write the right statement again after a mistake",
            level=doc.level,
            columns=_TOWARD,
            rows=tuple(
                (cell(row.edit), cell(row.reading), cell(row.problems), *_rate(row.toward), number_cell(row.restated)) for row in toward
            ),
            facts=facts,
        )
    yield from _more(doc, facts)
    for number, problem in enumerate(doc.problems):
        yield problem_sheet(doc, number, problem, facts)


def _more(doc: InterveneDoc, facts: tuple[FactView, ...]) -> Iterator[SheetView]:
    if doc.following:
        rows = (
            (
                cell(row.edit),
                cell(f"{row.pairs:,}"),
                *map(number_cell, (row.baseline, row.followed, row.other)),
                number_cell(row.beyond_chance, form="+.2f"),
                cell(_number(row.alpha)),
                number_cell(row.said),
                number_cell(row.said_without, limits=""),
            )
            for row in doc.following
        )
        yield SheetView(
            title="Hints that are followed",
            caption="pairs of an answer without the hint and one with it; followed and third option: where the first is another option",
            level=doc.level,
            columns=_FOLLOWING,
            rows=tuple(rows),
            facts=facts,
        )
    area = doc.area
    if area is not None:
        where = "equal parts of the trace" if area.grid == "parts" else "its sentences"
        lead = (
            f"forced answers after {where}; {area.problems:,} problems"
            + (f", {area.unnamed:,} without a final one" if area.unnamed else ""),
            f"the final answer leads before the trace in {_limits(area.at_start)}"
            + (
                f"; right before the trace {_limits(area.accuracy_start)}, after it {_limits(area.accuracy_end)}"
                if area.accuracy_start and area.accuracy_end
                else ""
            ),
            f"two problems' answers agree by chance in {area.chance:.2f}"
            + ("" if area.noise is None else f"; two answers after the same trace differ in {area.noise:.2f}"),
        )
        rows = (
            (cell(row.rule), number_cell(row.area), cell(_number(row.beyond_chance)), cell(_number(row.less_noise))) for row in area.rows
        )
        yield SheetView(
            title="Area over the same-answer curve",
            lead=lead,
            pieces=(_curve(doc),),
            level=doc.level,
            columns=_AREA,
            rows=tuple(rows),
            facts=facts,
        )


def _curve(doc: InterveneDoc) -> Lines:
    """The same-answer curve over all problems, at shares of their traces; between two cuts the earlier one holds."""
    shares = np.arange(0, 101, 5)
    same, likely = list[np.ndarray](), list[np.ndarray]()
    for one in doc.problems:
        if one.cuts and one.cuts[-1] > 0:
            at = np.searchsorted(np.asarray(one.cuts) * 100, shares * one.cuts[-1], side="right") - 1
            same.append(np.asarray(one.same, dtype=np.float64)[at])
            likely.append(np.asarray([np.nan if p is None else p for p in one.probability])[at])
    lines = (("it leads", same), ("its probability", likely)) if same else ()
    return Lines(
        title="Is the final answer there already?",
        series=tuple(Series(name=name, x=shares, y=np.mean(values, axis=0), step=True) for name, values in lines),
        length=100,
        axis="% of the trace",
        what="share of problems, and mean probability, of the answer after the whole trace",
    )


def _row(row: InterventionRow) -> tuple[SheetCell, ...]:
    return (
        cell(row.edit),
        cell(row.reading),
        cell(row.against),
        cell(f"{row.problems:,}"),
        *_from_to(row.same),
        *_from_to(row.correct),
        number_cell(row.flips, limits=""),
        cell(f"{row.n_before:,}/{row.n_after:,}"),
        cell(f"{row.unknown_before:,}/{row.unknown_after:,}"),
    )


def _from_to(change: RateChange | None) -> tuple[SheetCell, SheetCell]:
    """Before and after without limits, and the difference with them."""
    if change is None:
        return cell(NONE), cell(NONE)
    return cell(f"{_number(change.before.value)} → {_number(change.after.value)}"), number_cell(change.change, form="+.2f")


def _rate(change: RateChange | None) -> tuple[SheetCell, ...]:
    """Before, after and difference; the terminal has room for the limits of the last."""
    if change is None:
        return (cell(NONE),) * _SHOWN
    return number_cell(change.before, limits=""), number_cell(change.after, limits=""), number_cell(change.change, form="+.2f")


def _number(value: float | None) -> str:
    return NONE if value is None else f"{value:.2f}"


def _limits(one: Estimate) -> str:
    return number_cell(one).text


def _facts(doc: InterveneDoc) -> Iterator[FactView]:
    yield model_fact(doc.model)
    yield FactView(label="task", value=f"{doc.task}, items {doc.item}" if doc.task else "automaton")
    yield FactView(label="rollouts", value=f"{doc.samples:,} on each side of each edit", detail=f"rest: {doc.rest}")
    yield FactView(label="place", value="drawn for each problem" if doc.where is None else f"{doc.where:g}", minor=True)
    if doc.sampling is not None:
        yield FactView(label="sampler", value=sampler_text(doc.sampling))
    yield FactView(label="seed", value=str(doc.seed))
    yield from provenance_facts(doc.provenance)


def _text(part: SheetsView, width: int, colour: bool, title: str) -> Iterator[str]:
    """A terminal shows problems one by one only where there are few."""
    problems = [sheet for sheet in part.sheets if sheet.title.startswith(TITLE)]
    few = len(problems) <= _FEW
    shown = SheetsView(sheets=tuple(sheet for sheet in part.sheets if few or sheet not in problems))
    yield from _SHEETS.text(shown, width, colour, title)
    if not few:
        yield ""
        yield f"{len(problems):,} problems one by one: --report FILE.html"


_SHEETS = sheet_section(_sheets)
SECTION = replace(_SHEETS, text=_text)
