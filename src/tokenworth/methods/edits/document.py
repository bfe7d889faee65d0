"""Edits of traces with known truth as a document: one table over all mazes, and what each base gave."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tokenworth.core.document import About, ModelDoc, Provenance, check_document_level
from tokenworth.core.estimate import Estimate
from tokenworth.core.measure import Done
from tokenworth.core.sampling import Sampling
from tokenworth.methods.edits.experiment import EditsResult
from tokenworth.methods.edits.groups import GroupEffect, by_group
from tokenworth.methods.edits.intervene import Effect, InterveneResult, Side
from tokenworth.methods.edits.plan import Planned
from tokenworth.methods.edits.settings import EditsSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class SideDoc:
    """Rollouts from one place."""

    cut: int
    n: int
    correct: int
    unknown: int
    p: Estimate
    """P(correct)."""
    trace_valid: Estimate | None
    trace_checked: int
    """Rollouts whose trace has a verdict."""
    outcomes: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class EditDoc:
    """One edit of one base, with what followed."""

    edit: str
    code: str | None
    """The rule that it breaks first."""
    kind: str
    event: int | None
    along: tuple[str, ...]
    """Other rules broken with it."""
    words: tuple[int, ...]
    """The words of the trace that differ: first, and one past the last."""
    words_changed: int
    trace: str
    before: SideDoc
    after: SideDoc
    difference: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseDoc:
    """One base trace with its edits."""

    item: str
    base_trace: str
    base_valid: bool
    base_code: str | None
    """The first rule that an invalid base breaks."""
    edits: tuple[EditDoc, ...]
    skipped: Mapping[str, str]
    """Kinds without an edit here, with the reason."""
    unresolved: str
    """What a budget left undone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EditsDoc:
    """Edits of traces with known truth and what they did."""

    schema: str = "tokenworth.edits/2"
    model: ModelDoc
    task: str
    item: str
    sampling: Sampling | None
    samples: int
    """Rollouts on each side of each edit."""
    place: str
    """Where rollouts begin."""
    trace_of: str
    """Whose traces are edited: the solver's or the model's."""
    seed: int
    level: float
    alone: bool
    codes: tuple[str, ...]
    groups: tuple[GroupEffect, ...]
    instances: tuple[BaseDoc, ...]
    failed_items: int
    provenance: Provenance
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_document_level(self.level)


def edits_document(done: Sequence[Done], settings: EditsSettings, about: About) -> EditsDoc:
    """The document of edits over all problems of a run."""
    results: list[EditsResult] = [one.result for one in done]
    measured = [pair for result in results for pair in result.measured]
    groups = by_group([result for _, result in measured], level=settings.level)
    return EditsDoc(
        model=about.model,
        task=about.task,
        item=",".join(about.items),
        sampling=done[0].subject.sampling if done else None,
        samples=settings.samples,
        place=settings.at,
        trace_of=settings.trace_of,
        seed=settings.seed,
        level=settings.level,
        alone=settings.alone,
        codes=settings.kinds,
        groups=groups,
        instances=tuple(_base(planned, result) for planned, result in measured),
        failed_items=about.failed,
        provenance=about.provenance,
        notes=tuple(_notes(groups, results, measured, about)),
    )


def _base(planned: Planned, result: InterveneResult) -> BaseDoc:
    return BaseDoc(
        item=planned.item,
        base_trace=planned.text.trace,
        base_valid=planned.code is None,
        base_code=planned.code,
        edits=tuple(_edit(planned, effect) for effect in result.effects),
        skipped=dict(planned.skipped),
        unresolved=result.unresolved,
    )


def _edit(planned: Planned, effect: Effect) -> EditDoc:
    made = planned.edits[effect.variant.name]
    return EditDoc(
        edit=effect.variant.name,
        code=made.code,
        kind=made.kind,
        event=made.event,
        along=tuple(made.along),
        words=tuple(made.words),
        words_changed=made.n_changed,
        trace=made.after.trace,
        before=_side(effect.before),
        after=_side(effect.after),
        difference=effect.change,
    )


def _side(side: Side) -> SideDoc:
    return SideDoc(
        cut=side.cut,
        n=side.n,
        correct=side.n_correct,
        unknown=side.n_unknown,
        p=side.correct,
        trace_valid=side.trace_valid if side.n_checked else None,
        trace_checked=side.n_checked,
        outcomes=dict(side.outcomes),
    )


def _notes(
    groups: Sequence[GroupEffect],
    results: Sequence[EditsResult],
    measured: Sequence[tuple[Planned, InterveneResult]],
    about: About,
) -> Iterator[str]:
    if any(group.unit == "rollouts" for group in groups):
        yield "for a single maze the intervals are over its rollouts (Wilson, Newcombe) and say nothing about other mazes"
    if any(group.unit == "instances" for group in groups):
        yield "intervals take the mazes as the sample (Student's t over mazes), not their rollouts"
    if any(group.unknown_before or group.unknown_after for group in groups):
        yield "rollouts of unknown outcome (no plan that can be read, or cut by the limit) count in n and not as correct"
    broken = Counter(planned.code for planned, _ in measured if planned.code is not None)
    if broken:
        first = ", ".join(f"{code} {count}" for code, count in broken.most_common())
        yield f"repair goes from an invalid trace to a valid one; the rules its bases break first: {first}"
    skipped = Counter(pair for result in results for planned in result.planned for pair in planned.skipped.items())
    together: dict[tuple[str, int], list[str]] = {}
    for (kind, why), count in skipped.items():
        together.setdefault((why, count), []).append(kind)
    for (why, count), kinds in together.items():
        yield f"{', '.join(kinds)} skipped in {count} of {len(about.items)} mazes: {why}"
    for planned, result in measured:
        if result.unresolved:
            yield f"item {planned.item}: {result.unresolved}"
    if about.failed:
        yield f"{about.failed} of {len(about.items)} items failed"
