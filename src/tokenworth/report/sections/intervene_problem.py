"""What a page shows of one problem whose trace was edited: each edit beside the base, and what followed both."""

from __future__ import annotations

from collections.abc import Mapping

from tokenworth.core.estimate import Estimate
from tokenworth.methods.intervene.document import AnswersDoc, EditedDoc, IntervenedDoc, InterveneDoc
from tokenworth.report.facts import FactView
from tokenworth.report.pieces.bars import Bar
from tokenworth.report.pieces.beside import Beside, Change, Side
from tokenworth.report.sections.sheet import NONE, SheetCell, SheetColumn, SheetView, bar_cell, cell, number_cell

TITLE = "Problem "
"""Begins the title of a table of one problem."""
_CHANGES = (
    SheetColumn(name="edit", kind="text"),
    SheetColumn(name="what", kind="text"),
    SheetColumn(name="before", kind="text"),
    SheetColumn(name="after", kind="text"),
    SheetColumn(name="P(correct)", kind="text"),
    SheetColumn(name="P(same)", kind="text"),
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


def _change(one: EditedDoc, labels: tuple[str, ...]) -> tuple[SheetCell, ...]:
    before, after = one.before, one.after
    return (
        cell(one.edit),
        cell(one.told),
        bar_cell(_bar(before, labels), text=_outcomes(before.outcomes)),
        bar_cell(_bar(after, labels), text=_outcomes(after.outcomes)),
        cell(_from_to(before.correct, after.correct)),
        cell(_from_to(before.same, after.same)),
    )


def _from_to(before: Estimate | None, after: Estimate | None) -> str:
    return " → ".join(NONE if one is None or one.value is None else f"{one.value:.2f}" for one in (before, after))


def _bar(side: AnswersDoc, labels: tuple[str, ...]) -> Bar:
    return Bar(shares=tuple(side.outcomes.get(label, 0) / side.n if side.n else None for label in labels), n=side.n)


def _outcomes(outcomes: Mapping[str, int]) -> str:
    return ", ".join(f"{label} {count}" for label, count in sorted(outcomes.items(), key=lambda pair: -pair[1]))


def _beside(problem: IntervenedDoc, one: EditedDoc, labels: tuple[str, ...]) -> Beside:
    """The base, or the control, up to where answers were read, beside the edited trace up to there."""
    ended = "; the trace is ended there" if one.closed else "; the model goes on"
    control = next((other for other in problem.changes if other.edit == one.against), None)
    left = (
        _parts(problem.trace.pieces[: one.base_cut], one.first, one.base_last, "removed")
        if control is None
        else _edited(problem, control, "removed")
    )
    return Beside(
        title=one.told,
        left=Side(name=one.against, parts=left, bar=_bar(one.before, labels), lines=_lines(one.before, ended)),
        right=Side(name=one.edit, parts=_edited(problem, one, "added"), bar=_bar(one.after, labels), lines=_lines(one.after, ended)),
        labels=labels,
        gold="" if problem.problem is None else problem.problem.gold or "",
    )


def _edited(problem: IntervenedDoc, one: EditedDoc, change: Change) -> tuple[tuple[str, Change], ...]:
    base = problem.trace.pieces
    whole = (*base[: one.first], *one.pieces, *base[one.base_last :])
    return _parts(whole[: one.cut], one.first, one.first + len(one.pieces), change)


def _parts(pieces: tuple[str, ...], first: int, last: int, change: Change) -> tuple[tuple[str, Change], ...]:
    """Stretches that are kept or changed."""
    stretches: tuple[tuple[str, Change], ...] = (
        ("".join(pieces[:first]), "kept"),
        ("".join(pieces[first:last]), change),
        ("".join(pieces[max(first, last) :]), "kept"),
    )
    return tuple(one for one in stretches if one[0])


def _lines(side: AnswersDoc, told: str) -> tuple[str, ...]:
    found = [f"P(correct) {number_cell(side.correct).text}, n {side.n:,}{told}"]
    if side.same is not None:
        found.append(f"P(own answer) {number_cell(side.same).text}")
    if side.toward is not None:
        found.append(f"P(argued for) {number_cell(side.toward).text}")
    if side.forced is not None:
        found.append("forced: " + ", ".join(f"{label} {0.0 if p is None else p:.2f}" for label, p in side.forced.items()))
    return tuple(found)
