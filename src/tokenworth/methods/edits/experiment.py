"""The experiment of `edits`: the edits of one problem's traces, and what follows each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tokenworth.core.measure import Need, Subject
from tokenworth.core.request.experiment import Experiment
from tokenworth.methods.edits.intervene import InterveneResult, intervene
from tokenworth.methods.edits.plan import Planned, plan_item, trace_check
from tokenworth.methods.edits.settings import EditsSettings


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EditsResult:
    """The edits of one problem."""

    planned: tuple[Planned, ...]
    """Its bases with their edits."""
    measured: tuple[tuple[Planned, InterveneResult], ...]
    """Those of them that have an edit, with what followed."""


def edits_of(subject: Subject, settings: EditsSettings) -> Experiment[EditsResult]:
    """What the edits of one problem do: rollouts from after each edit and from the same place without it."""
    planned = yield from plan_item(subject, settings)
    measured: list[tuple[Planned, InterveneResult]] = []
    for one in planned:
        if one.variants:
            result = yield from intervene(
                one.base,
                one.variants,
                n=settings.rollouts,
                sampling=subject.sampling,
                seed=settings.seed,
                judge=subject.judge,
                check=trace_check(subject),
                level=settings.level,
            )
            measured.append((one, result))
    return EditsResult(planned=planned, measured=tuple(measured))


def needs(settings: EditsSettings) -> Iterator[Need]:
    """Rollouts."""
    del settings
    yield Need(able="sample", what="edits")
