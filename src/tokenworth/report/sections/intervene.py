"""What a page shows of edited traces: by edit, how the answer changed; by problem, each edit with what followed it."""

from __future__ import annotations

from collections.abc import Iterator

from tokenworth.core.estimate import Estimate
from tokenworth.methods.intervene.document import ChangeDoc, IntervenedDoc, InterveneDoc
from tokenworth.methods.intervene.paired import InterventionRow, RateChange
from tokenworth.report.facts import FactView, model_fact, provenance_facts, sampler_text
from tokenworth.report.sections.sheet import NONE, SheetCell, SheetColumn, SheetView, cell, number_cell, sheet_section

_SHOWN = 3
"""Columns of a change: before, after, difference."""
_EFFECT = (
    SheetColumn(name="edit", kind="text"),
    SheetColumn(name="read", kind="text"),
    SheetColumn(name="problems", kind="count"),
    SheetColumn(name="n", kind="count"),
    SheetColumn(name="same before", kind="share"),
    SheetColumn(name="after", kind="share"),
    SheetColumn(name="difference", kind="difference"),
    SheetColumn(name="correct before", kind="share"),
    SheetColumn(name="after", kind="share"),
    SheetColumn(name="difference", kind="difference"),
    SheetColumn(name="flips", kind="share"),
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
_CHANGES = (
    SheetColumn(name="edit", kind="text"),
    SheetColumn(name="what", kind="text"),
    SheetColumn(name="correct before", kind="share"),
    SheetColumn(name="after", kind="share"),
    SheetColumn(name="same before", kind="share"),
    SheetColumn(name="after", kind="share"),
    SheetColumn(name="outcomes before", kind="text"),
    SheetColumn(name="outcomes after", kind="text"),
)


def _sheets(doc: InterveneDoc) -> Iterator[SheetView]:
    facts = tuple(_facts(doc))
    yield SheetView(
        title=f"Edits of traces and prompts: {doc.task or 'automaton'}, {doc.model.name}",
        caption=f"same: the base's own answer; {doc.level:.0%} intervals" if doc.rows else "no edit could be made; see the notes",
        level=doc.level,
        columns=_EFFECT,
        rows=tuple(_row(row) for row in doc.rows),
        facts=facts,
        notes=doc.notes,
    )
    toward = [row for row in doc.rows if row.toward is not None or row.restated is not None]
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
    for problem in doc.problems:
        yield _problem(doc, problem, facts)


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
            level=doc.level,
            columns=_AREA,
            rows=tuple(rows),
            facts=facts,
        )


def _problem(doc: InterveneDoc, problem: IntervenedDoc, facts: tuple[FactView, ...]) -> SheetView:
    own = problem.trace.outcome or "none"
    question = "" if problem.problem is None else problem.problem.question
    return SheetView(
        title=f"Problem {problem.item or '–'}: {problem.problem.id if problem.problem else doc.model.name}",
        lead=tuple(text for text in (question, "".join(problem.trace.pieces).strip()) if text),
        caption=f"own answer {own} ({problem.trace.verdict})",
        level=doc.level,
        columns=_CHANGES,
        rows=tuple(_change(one) for one in problem.changes),
        facts=facts,
        notes=tuple(f"{edit}: {why}" for edit, why in problem.refused.items()),
    )


def _change(one: ChangeDoc) -> tuple[SheetCell, ...]:
    before, after = one.before, one.after
    return (
        cell(one.edit),
        cell(one.told),
        number_cell(before.correct, limits=""),
        number_cell(after.correct, limits=""),
        number_cell(before.same, limits=""),
        number_cell(after.same, limits=""),
        cell(_outcomes(before.outcomes)),
        cell(_outcomes(after.outcomes)),
    )


def _outcomes(outcomes: object) -> str:
    return ", ".join(f"{label} {count}" for label, count in sorted(dict(outcomes).items(), key=lambda pair: -pair[1])) or NONE  # type: ignore[call-overload]


def _row(row: InterventionRow) -> tuple[SheetCell, ...]:
    return (
        cell(row.edit),
        cell(row.reading),
        cell(f"{row.problems:,}"),
        cell(f"{row.n_before:,}/{row.n_after:,}"),
        *_rate(row.same),
        *_rate(row.correct),
        number_cell(row.flips, limits=""),
        cell(f"{row.unknown_before:,}/{row.unknown_after:,}"),
    )


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


SECTION = sheet_section(_sheets)
