"""Edits of traces and what they did, as a document: a row for each edit over all problems, and what each problem gave."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tokenworth.core.document import About, ModelDoc, Number, Provenance, TraceDoc, check_document_level, check_unit, numbers, trace_doc
from tokenworth.core.estimate import Estimate
from tokenworth.core.measure import Done
from tokenworth.core.problem import Problem
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import Codec, pieces_text
from tokenworth.errors import InvalidInput
from tokenworth.methods.intervene.area import SATURATED, AreaDoc, area_document, areas_of, curve_of
from tokenworth.methods.intervene.entry import EditFamily
from tokenworth.methods.intervene.following import FollowingRow, following_of
from tokenworth.methods.intervene.paired import RESAMPLE, InterventionRow, n_restated, own_answer, rows_of
from tokenworth.methods.intervene.plan import CONTROL
from tokenworth.methods.intervene.result import Answered, Changed, InterventionResult
from tokenworth.methods.intervene.settings import InterveneSettings
from tokenworth.stats.proportion import share


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswersDoc:
    """What followed one place: rollouts by outcome, and the raw probability of each option after the exit text (None: not read)."""

    n: int
    unknown: int
    """Rollouts without a verdict."""
    correct: Estimate
    same: Estimate | None
    """The base's own answer; None where it has none."""
    toward: Estimate | None
    """The outcome that the edit argues for."""
    outcomes: Mapping[str, int]
    forced: Mapping[str, Number] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EditedDoc:
    """One edit of one problem, with what followed.

    The edited trace is the base's tokens before ``first``, then ``pieces``, then the base's from ``base_last`` on. ``cut``: how many of its
    tokens are kept; ``base_cut``: how many of the base's, where that is what it is compared with.
    """

    edit: str
    family: EditFamily
    against: str
    told: str
    first: int
    base_last: int
    pieces: tuple[str, ...]
    cut: int
    base_cut: int
    closed: bool
    """Whether the trace is ended there, so that only the answer is drawn."""
    toward: str | None
    restated: int | None
    """Rollouts that write the right statement again after a mistake."""
    before: AnswersDoc
    after: AnswersDoc


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervenedDoc:
    """One problem with its base trace and its edits."""

    item: str
    problem: Problem | None
    trace: TraceDoc
    changes: tuple[EditedDoc, ...]
    refused: Mapping[str, str]
    """Edits that were not made here, with the reason."""
    cuts: tuple[int, ...]
    """Where forced answers were read along the base trace; none where they were not, or no option leads at the end."""
    final: str | None
    """The option that leads after the whole trace."""
    same: tuple[bool, ...]
    """Whether it leads at each cut."""
    probability: tuple[Number, ...]
    """Its raw probability at each cut."""
    areas: Mapping[str, float] | None
    """Over its same-answer curve, by rule."""
    unresolved: str
    """What a budget left undone."""

    def __post_init__(self) -> None:
        for change in self.changes:
            if not 0 <= change.first <= change.base_last <= len(self.trace.pieces):
                last, n = change.base_last, len(self.trace.pieces)
                raise InvalidInput(f"edit {change.edit!r}: tokens {change.first} to {last}; expected them within the {n} of the trace")


@dataclass(frozen=True, slots=True, kw_only=True)
class InterveneDoc:
    """Edits of traces and prompts, and whether the answer changed."""

    schema: str = "tokenworth.intervene/1"
    model: ModelDoc
    task: str
    item: str
    sampling: Sampling | None
    samples: int
    """Rollouts on each side of each edit."""
    rest: str
    """What follows an edited part: regenerate or keep."""
    where: Number
    """Where in the trace a part is edited; None: drawn for each problem."""
    edits: tuple[str, ...]
    seed: int
    level: float
    rows: tuple[InterventionRow, ...]
    following: tuple[FollowingRow, ...]
    """Of hints."""
    area: AreaDoc | None
    problems: tuple[IntervenedDoc, ...]
    failed_items: int
    provenance: Provenance
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_document_level(self.level)
        check_unit((self.where,), "where")


def intervene_document(done: Sequence[Done], settings: InterveneSettings, about: About) -> InterveneDoc:
    """The document of edits over all problems of a run."""
    results: list[InterventionResult] = [one.result for one in done]
    rows = rows_of(results, settings.names, level=settings.level)
    following = (
        following_of(results, name, level=settings.level, seed=settings.seed) for name in settings.names if name.startswith("hint-")
    )
    area = area_document(results, grid=settings.grid, level=settings.level, seed=settings.seed)
    return InterveneDoc(
        model=about.model,
        task=about.task,
        item=",".join(about.items),
        sampling=done[0].subject.sampling if done else None,
        samples=settings.samples,
        rest=settings.rest,
        where=settings.where,
        edits=settings.names,
        seed=settings.seed,
        level=settings.level,
        rows=rows,
        following=tuple(one for one in following if one is not None),
        area=area,
        problems=tuple(_problem(one, settings.level) for one in done),
        failed_items=about.failed,
        provenance=about.provenance,
        notes=tuple(_notes(done, rows, area, settings, about)),
    )


def falls_short(doc: InterveneDoc, settings: InterveneSettings) -> str:
    """Why the trace matters less than ``settings.fail_under`` asks for; empty where it does, or nothing was asked for."""
    if settings.fail_under is None:
        return ""
    row = next((one for one in doc.rows if one.edit == "none" and one.reading == "free" and one.against == "base"), None)
    if row is None or row.same is None or row.same.change.value is None:
        return "--fail-under: no problem says how P(same) changes without the trace"
    fall = -row.same.change.value
    return f"--fail-under: P(same) falls by {fall:.2f} without the trace; expected {settings.fail_under:g} or more" * (
        fall < settings.fail_under - 1e-9
    )


def _problem(done: Done, level: float) -> IntervenedDoc:
    result: InterventionResult = done.result
    codec, curve, areas = done.subject.codec, curve_of(result), areas_of(result)
    return IntervenedDoc(
        item=done.item,
        problem=done.subject.problem,
        trace=trace_doc(result.trace, result.own, codec),
        changes=tuple(_change(result, one, codec, level) for one in result.changed),
        refused=dict(result.refused),
        cuts=() if curve is None or result.grid is None else tuple(int(cut) for cut in result.grid.cuts),
        final=None if curve is None else result.labels[curve[0]],
        same=() if curve is None else tuple(bool(one) for one in curve[1]),
        probability=() if curve is None else numbers(curve[2]),
        areas=None if areas is None else {rule: float(value) for rule, value in areas.items()},
        unresolved=result.unresolved,
    )


def _change(result: InterventionResult, one: Changed, codec: Codec, level: float) -> EditedDoc:
    plan, change, own = one.plan, one.plan.change, own_answer(result)
    return EditedDoc(
        edit=plan.name,
        family=plan.family,
        against=plan.control or "base",
        told=change.told,
        first=change.first,
        base_last=change.base_last,
        pieces=pieces_text(codec.piece_bytes(change.ids[change.first : change.last])),
        cut=change.cut,
        base_cut=change.base_cut,
        closed=change.closed,
        toward=change.toward,
        restated=n_restated(one) if change.restated else None,
        before=_answers(one.before, result.labels, own, change.toward, level),
        after=_answers(one.after, result.labels, own, change.toward, level),
    )


def _answers(side: Answered, labels: tuple[str, ...], own: str | None, toward: str | None, level: float) -> AnswersDoc:
    return AnswersDoc(
        n=side.n,
        unknown=side.n_unknown,
        correct=share(side.n_correct, side.n, level),
        same=None if own is None else share(side.n_of(own), side.n, level),
        toward=None if toward is None else share(side.n_of(toward), side.n, level),
        outcomes=dict(side.outcomes),
        forced=None if side.forced is None else dict(zip(labels, numbers(side.forced), strict=True)),
    )


def _notes(
    done: Sequence[Done], rows: Sequence[InterventionRow], area: AreaDoc | None, settings: InterveneSettings, about: About
) -> Iterator[str]:
    results: list[InterventionResult] = [one.result for one in done]
    if any(row.unit == "rollouts" for row in rows):
        yield "for a single problem the intervals are over its rollouts (Wilson, Newcombe) and say nothing about other problems"
    if any(row.unit == "problems" for row in rows):
        yield "intervals take the problems as the sample (Student's t over problems), not their rollouts"
    if any(row.unknown_before or row.unknown_after for row in rows if row.reading == "free"):
        yield "rollouts without a verdict count in n, and not as correct, the same or argued for"
    without = sum(own_answer(result) is None for result in results)
    if without:
        yield f"{without} of {len(results)} bases have no answer of their own; they say nothing about the same answer"
    together: dict[tuple[str, int], list[str]] = {}
    for (edit, why), count in Counter(pair for result in results for pair in result.refused.items()).items():
        together.setdefault((why, count), []).append(edit)
    for (why, count), edits in together.items():
        yield f"{', '.join(edits)} not made in {count} of {len(results)} problems: {why}"
    unread = Counter(result.unread for result in results if result.unread)
    for why, count in unread.items():
        yield f"no forced answers in {count} of {len(results)} problems: {why}"
    if area is not None and area.at_start.value is not None and area.at_start.value >= SATURATED:
        yield f"the final answer leads before the trace in {area.at_start.value:.0%} of problems: the areas can hardly differ from 0"
    for one in done:
        if one.result.unresolved:
            yield f"item {one.item}: stopped by the budget: {one.result.unresolved}"
    if about.failed:
        yield f"{about.failed} of {len(about.items)} items failed"
    if any(row.against == RESAMPLE for row in rows):
        yield "rows against resample compare with another trace that the model writes itself: what that changes is not the edit's doing"
    if any(row.edit.endswith(CONTROL) for row in rows):
        yield "a row (control) compares the control with the base; the row after it compares the edit with its control"
