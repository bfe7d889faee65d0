"""The experiment of `intervene`: what follows each edit of a trace, beside what follows the same place without it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from tokenworth.core.measure import Most, Need, Subject, check_batch
from tokenworth.core.request.experiment import Experiment
from tokenworth.core.request.kind import Response
from tokenworth.core.request.read import Read, ReadTable
from tokenworth.core.request.sample import Rollout, Sample
from tokenworth.core.tokens import StopReason, TokenSequence, Trace
from tokenworth.errors import InvalidInput
from tokenworth.methods.curve.experiment import as_far_as_it_fits, check_process
from tokenworth.methods.edits.intervene import INTERVENE_STREAM, answers_in_order
from tokenworth.methods.forced.experiment import ExitText
from tokenworth.methods.intervene.plan import Setting, edit_named, plan_changes, sampling_after, setting_of
from tokenworth.methods.intervene.result import Answered, Changed, ChangePlan, ForcedGrid, InterventionResult
from tokenworth.methods.intervene.settings import InterveneSettings
from tokenworth.methods.intervene.text import TokenText
from tokenworth.methods.sample.experiment import draws_of

OTHERS = 4
"""Answered to another problem that are drawn for a trace of it: the first that closed its trace is taken."""
AnsweredAt = tuple[tuple[int, ...] | None, tuple[int, ...], bool]
"""(prompt, None for the problem's own; tokens kept; whether the trace is ended there): where answers are read."""


def intervene_of(subject: Subject, settings: InterveneSettings) -> Experiment[InterventionResult]:
    """What the edits of a subject's base trace do to its answer, by rollouts and, where they can be read, by forced answers.

    Places that several edits share are asked once: differences of two edits are then not independent. Where the budget ends, each place
    has the rollouts drawn until then.
    """
    assert subject.trace is not None
    trace = as_far_as_it_fits(subject.trace, subject)
    check_process(trace, subject.sampling)
    setting = setting_of(subject, settings, trace)
    other = yield from _other(subject, settings)
    plans, refused = plan_changes(setting, other)
    changed, grid, unread, unresolved = yield from _asked(setting, plans)
    return InterventionResult(
        trace=trace,
        own=subject.judge(trace.sequence.completion, trace.stop),
        gold=None if subject.problem is None else subject.problem.gold,
        labels=settings.options or (() if subject.problem is None else subject.problem.labels),
        changed=changed,
        refused=refused,
        grid=grid,
        unread=unread,
        n_rollouts=sum({id(side): side.n for one in changed for side in (one.before, one.after)}.values()),
        unresolved=unresolved,
    )


def _other(subject: Subject, settings: InterveneSettings) -> Experiment[tuple[int, ...] | None]:
    """A trace of another problem of the task, where an edit needs one: of the first of a few answers that ended its trace."""
    if not any(edit_named(name).needs_other for name in settings.names) or subject.put is None or subject.other is None:
        return None
    problem = subject.other()
    if problem is None:
        return None
    try:
        start = TokenSequence(prompt=subject.put(problem), completion=())
    except InvalidInput:
        return None
    params, stream = sampling_after(subject, start.prompt), INTERVENE_STREAM + settings.seed
    answers = yield tuple(Sample(sequence=start, cut=0, params=params, seed=stream, index=i) for i in range(OTHERS))
    for rollout in answers:
        assert isinstance(rollout, Rollout)
        n = subject.find_wall(rollout.ids)
        if n and rollout.stop is StopReason.STOP:
            return rollout.ids[:n]
    return None


# -- asking ---------------------------------------------------------------------------------------------------------------------------


def _spots(setting: Setting, plan: ChangePlan) -> tuple[AnsweredAt, AnsweredAt]:
    """Where a change is read, and the same place of the base."""
    change = plan.change
    return (change.prompt, change.ids[: change.cut], change.closed), (None, setting.trace.ids[: change.base_cut], change.ends_base)


def _asked(setting: Setting, plans: Sequence[ChangePlan]) -> Experiment[tuple[tuple[Changed, ...], ForcedGrid | None, str, str]]:
    settings = setting.settings
    spots = list(dict.fromkeys(spot for plan in plans for spot in reversed(_spots(setting, plan))))
    check_batch(len(spots) * settings.samples)
    reads, cuts = _reads(setting, spots)
    samples = [
        Sample(
            sequence=place,
            cut=len(place.completion),
            params=setting.sampling(place.prompt),
            seed=INTERVENE_STREAM + settings.seed,
            index=index,
        )
        for prompt, ids, closed in spots
        for place in (setting.place(prompt, ids, closed=closed),)
        for index in range(settings.samples)
    ]
    requests = [*reads, *samples]
    answers, _ = yield from answers_in_order(requests)
    read, drawn = answers[: len(reads)], answers[len(reads) :]
    forced, grid = _forced(setting, spots, reads, read, cuts)
    sides = {
        spot: _side(setting, spot, drawn[at * settings.samples : (at + 1) * settings.samples], forced.get(spot))
        for at, spot in enumerate(spots)
    }
    changed = tuple(_changed(setting, plan, plans, sides) for plan in plans)
    done = "" if len(answers) == len(requests) else f"{len(answers):,} of {len(requests):,} requests were answered"
    return changed, grid, setting.unread, done


def _changed(setting: Setting, plan: ChangePlan, plans: Sequence[ChangePlan], sides: dict[AnsweredAt, Answered]) -> Changed:
    after, before = _spots(setting, plan)
    if plan.control is not None:
        before = _spots(setting, next(one for one in plans if one.name == plan.control))[0]
    return Changed(plan=plan, before=sides[before], after=sides[after])


def _side(setting: Setting, spot: AnsweredAt, answers: Sequence[Response], forced: np.ndarray | None) -> Answered:
    kept = setting.place(*spot[:2], closed=spot[2]).completion
    rollouts = tuple(one for one in answers if isinstance(one, Rollout))
    return Answered(
        rollouts=rollouts,
        grades=tuple(setting.subject.judge(kept + one.ids, one.stop) for one in rollouts),
        texts=tuple(setting.subject.codec.decode(one.ids) for one in rollouts),
        forced=forced,
    )


def grid_cuts(setting: Setting) -> tuple[int, ...]:
    """The cuts at which forced answers are read along the base trace, 0 and T among them."""
    n = setting.trace.n_trace
    if setting.settings.grid == "sentences":
        return tuple(sorted({0, n, *(end for _, end in TokenText(setting.trace.ids, setting.subject.codec).sentences())}))
    parts = setting.settings.parts
    return tuple(sorted({round(k * n / parts) for k in range(parts + 1)}))


def _reads(setting: Setting, spots: Sequence[AnsweredAt]) -> tuple[list[Read], tuple[int, ...]]:
    """A reading at many cuts of the base, and one of each edited trace; with the cuts of the grid that can be read."""
    subject, exit_text, trace = setting.subject, setting.exit, setting.trace
    if exit_text is None:
        return [], ()
    beside = {len(ids) for prompt, ids, _ in spots if prompt is None and trace.ids[: len(ids)] == ids}
    base = TokenSequence(prompt=subject.prompt, completion=trace.ids)
    grid = tuple(cut for cut in grid_cuts(setting) if _is_read(setting, base, cut, exit_text))
    cuts = tuple(sorted({*grid, *(cut for cut in beside if _is_read(setting, base, cut, exit_text))}))
    reads = [Read(sequence=base, cuts=cuts, suffix=exit_text.suffix, continuations=exit_text.options)] if cuts else []
    for prompt, ids, _ in dict.fromkeys((prompt, ids, False) for prompt, ids, _ in spots):
        place = setting.place(prompt, ids, closed=False)
        if not (prompt is None and trace.ids[: len(ids)] == ids) and _is_read(setting, place, len(ids), exit_text):
            reads.append(Read(sequence=place, cuts=(len(ids),), suffix=exit_text.suffix, continuations=exit_text.options))
    return reads, grid


def _is_read(setting: Setting, sequence: TokenSequence, cut: int, exit_text: ExitText) -> bool:
    """Whether the model can be asked there, and its context leaves room for the exit text and an option."""
    subject = setting.subject
    room = subject.context_length
    longest = len(sequence.prompt) + cut + len(exit_text.suffix) + max(map(len, exit_text.options))
    if room is not None and longest > room:
        return False
    return subject.able.any_cut or subject.reach is None or subject.reach(sequence, (cut,), exit_text.suffix)[0]


def _forced(
    setting: Setting, spots: Sequence[AnsweredAt], reads: Sequence[Read], answers: Sequence[Response], cuts: tuple[int, ...]
) -> tuple[dict[AnsweredAt, np.ndarray], ForcedGrid | None]:
    """Option probabilities of each place that was read, and along the base."""
    found = dict[tuple[tuple[int, ...], tuple[int, ...]], np.ndarray]()
    for request, table in zip(reads, answers, strict=False):
        assert isinstance(table, ReadTable)
        # An option that a server did not list counts as 0: the sum of all is then the least that it can be.
        for cut, row in zip(request.cuts, np.nan_to_num(np.exp(table.logprob), nan=0.0), strict=True):
            found[request.sequence.prompt, request.sequence.completion[:cut]] = row
    by_spot = dict[AnsweredAt, np.ndarray]()
    for spot in spots:
        row = found.get((setting.subject.prompt if spot[0] is None else spot[0], spot[1]))
        if row is not None:
            by_spot[spot] = row
    along = [(cut, found.get((setting.subject.prompt, setting.trace.ids[:cut]))) for cut in cuts]
    known = [(cut, row) for cut, row in along if row is not None]
    if not known:
        return by_spot, None
    return by_spot, ForcedGrid(cuts=np.asarray([cut for cut, _ in known]), probability=np.stack([row for _, row in known]))


# -- the measure ----------------------------------------------------------------------------------------------------------------------


def needs(settings: InterveneSettings) -> Iterator[Need]:
    """Rollouts."""
    yield draws_of("intervene")


def most(subject: Subject, settings: InterveneSettings) -> list[Most]:
    """The rollouts of both sides of every edit and control, and a reading of each and of the base."""
    longest = TokenSequence(prompt=subject.prompt, completion=(0,) * max(0, subject.sampling.max_tokens - 1))
    start = Sample(sequence=TokenSequence(prompt=subject.prompt, completion=()), cut=0, params=subject.sampling, seed=0, index=0)
    late = replace(start, sequence=longest, cut=len(longest.completion))
    edits = [edit_named(name) for name in settings.names]
    sides = 2 * len(edits) + sum(edit.control is not None for edit in edits)
    bounds = [Most(n=sides * settings.samples + OTHERS, reads=late, writes=start)]
    nothing = Trace(sequence=start.sequence, n_trace=0, stop=StopReason.STOP)
    setting = setting_of(subject, settings, nothing)
    if setting.exit is not None:
        cuts = tuple(range(0, len(longest.completion) + 1, max(1, len(longest.completion) // (settings.parts + sides))))
        read = Read(sequence=longest, cuts=cuts, suffix=setting.exit.suffix, continuations=setting.exit.options)
        bounds.append(Most(n=1 + sides, reads=read, writes=read))
    return bounds
