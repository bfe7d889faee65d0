"""The experiment of `edits`: the edits of one problem's traces, and what follows each."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tokenworth.core.measure import Most, Subject
from tokenworth.core.request.experiment import Experiment
from tokenworth.core.request.sample import Sample
from tokenworth.core.tokens import TokenSequence
from tokenworth.methods.edits.intervene import InterveneResult, intervene, places_of
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
                n=settings.samples,
                sampling=subject.sampling,
                seed=settings.seed,
                judge=subject.judge,
                check=trace_check(subject),
                level=settings.level,
            )
            measured.append((one, result))
    return EditsResult(planned=planned, measured=tuple(measured))


def most(subject: Subject, settings: EditsSettings) -> list[Most]:
    """The rollouts of all edits; with the model's own traces also the answers in which these are sought."""
    start = Sample(sequence=TokenSequence(prompt=subject.prompt, completion=()), cut=0, params=subject.sampling, seed=0, index=0)
    if settings.trace_of == "model":
        room = subject.sampling.max_tokens
        longest = replace(start, sequence=TokenSequence(prompt=subject.prompt, completion=(0,) * room), cut=room - 1)
        sides = 2 * settings.samples * len(settings.kinds)
        return [Most(n=settings.draws, reads=start, writes=start), Most(n=sides, reads=longest, writes=start)]
    try:
        next(plan_item(subject, settings))
    except StopIteration as done:
        planned: tuple[Planned, ...] = done.value
    else:
        raise AssertionError("the solver's traces are edited without asking a model")
    places = sorted((place for one in planned for place in places_of(one.base, one.variants)), key=lambda place: place[1])
    if not places:
        return []
    first, last = (replace(start, sequence=sequence, cut=cut) for sequence, cut in (places[0], places[-1]))
    return [Most(n=settings.samples * len(places), reads=last, writes=first)]
