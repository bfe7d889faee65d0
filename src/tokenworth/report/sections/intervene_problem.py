"""What a page shows of one problem whose trace was edited: each edit beside the base, and what followed both."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby

from tokenworth.methods.intervene.document import AnswersDoc, ChangeDoc, IntervenedDoc, InterveneDoc
from tokenworth.report.facts import FactView
from tokenworth.report.pieces.bars import Bar
from tokenworth.report.pieces.beside import Beside, Change, Side
from tokenworth.report.sections.sheet import SheetCell, SheetColumn, SheetView, bar_cell, cell, number_cell

TITLE = "Problem "
"""Begins the title of a table of one problem."""
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


def problem_sheet(doc: InterveneDoc, number: int, problem: IntervenedDoc, facts: tuple[FactView, ...]) -> SheetView:
    """The table of one problem; a row opens to both traces side by side."""
    asked = problem.problem
    labels = _labels(problem)
    return SheetView(
        title=f"{TITLE}{problem.item or '–'}: {asked.id if asked else doc.model.name}",
        lead=tuple(text for text in ("" if asked is None else asked.question, "".join(problem.trace.pieces).strip()) if text),
        caption=f"own answer {problem.trace.outcome or 'none'} ({problem.trace.verdict})",
        level=doc.level,
        columns=_CHANGES,
        rows=tuple(_change(one, labels) for one in problem.changes),
        facts=facts,
        notes=tuple(f"{edit}: {why}" for edit, why in problem.refused.items()),
        keys=tuple(f"p{number}-{at}" for at in range(len(problem.changes))),
        details=tuple((_beside(problem, one, labels),) for one in problem.changes),
        labels=labels,
        gold="" if asked is None else asked.gold or "",
    )


def _labels(problem: IntervenedDoc) -> tuple[str, ...]:
    """The outcomes of all rollouts, options first."""
    seen = {label for one in problem.changes for side in (one.before, one.after) for label in side.outcomes}
    options = () if problem.problem is None else problem.problem.labels
    return (*(label for label in options if label in seen), *sorted(seen - set(options)))


def _change(one: ChangeDoc, labels: tuple[str, ...]) -> tuple[SheetCell, ...]:
    before, after = one.before, one.after
    return (
        cell(one.edit),
        cell(one.told),
        number_cell(before.correct, limits=""),
        number_cell(after.correct, limits=""),
        number_cell(before.same, limits=""),
        number_cell(after.same, limits=""),
        bar_cell(_bar(before, labels), text=_outcomes(before.outcomes)),
        bar_cell(_bar(after, labels), text=_outcomes(after.outcomes)),
    )


def _bar(side: AnswersDoc, labels: tuple[str, ...]) -> Bar:
    return Bar(shares=tuple(side.outcomes.get(label, 0) / side.n if side.n else None for label in labels), n=side.n)


def _outcomes(outcomes: Mapping[str, int]) -> str:
    return ", ".join(f"{label} {count}" for label, count in sorted(outcomes.items(), key=lambda pair: -pair[1]))


def _beside(problem: IntervenedDoc, one: ChangeDoc, labels: tuple[str, ...]) -> Beside:
    """The base up to where answers were read, beside the edited trace up to there."""
    base = problem.trace.pieces
    edited = (*base[: one.first], *one.pieces, *base[one.base_last :])
    behind = one.first + len(one.pieces)
    left = _parts(base[: one.base_cut], one.first, one.base_last, "removed")
    right = _parts(edited[: one.cut], one.first, behind, "added")
    ended = "; the trace is ended there" if one.closed else "; the model goes on"
    control = f", compared with {one.against}" if one.against != "base" else ""
    return Beside(
        title=one.told,
        left=Side(name="base", parts=left, bar=_bar(one.before, labels), lines=_lines(one.before, control or ended)),
        right=Side(name=one.edit, parts=right, bar=_bar(one.after, labels), lines=_lines(one.after, ended)),
        labels=labels,
        gold="" if problem.problem is None else problem.problem.gold or "",
    )


def _parts(pieces: tuple[str, ...], first: int, last: int, change: Change) -> tuple[tuple[str, Change], ...]:
    """Stretches that are kept or changed."""
    marked: list[tuple[str, Change]] = [(piece, change if first <= at < last else "kept") for at, piece in enumerate(pieces)]
    return tuple(("".join(piece for piece, _ in run), kind) for kind, run in groupby(marked, key=lambda pair: pair[1]))


def _lines(side: AnswersDoc, told: str) -> tuple[str, ...]:
    found = [f"P(correct) {number_cell(side.correct).text}, n {side.n:,}{told}"]
    if side.same is not None:
        found.append(f"P(own answer) {number_cell(side.same).text}")
    if side.toward is not None:
        found.append(f"P(argued for) {number_cell(side.toward).text}")
    if side.forced is not None:
        found.append("forced: " + ", ".join(f"{label} {0.0 if p is None else p:.2f}" for label, p in side.forced.items()))
    return tuple(found)
