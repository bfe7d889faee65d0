"""The plain plans: n rollouts at every cut, or on a stride with optional refinement where the value still moves."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
from jaxtyping import Float, Int

from tokenworth.core.measure import check_batch
from tokenworth.core.request.experiment import BudgetSpent, Experiment
from tokenworth.core.request.next_token import NextTokenTable
from tokenworth.core.request.sample import Rollout, Sample
from tokenworth.core.sampling import Sampling
from tokenworth.methods.curve.labels import DECIDED, FIRST_LABEL, MET_OR_OPEN, VALUE, Reader, draw_indices, group_matrix, index_labels
from tokenworth.methods.curve.passing import count_passing, followed
from tokenworth.methods.curve.result import CurveResult, GradedRollout, Verdicts
from tokenworth.methods.curve.settings import Budget, CurveSettings
from tokenworth.methods.cuts import Missed, middle, reachable, restrict
from tokenworth.methods.forced.experiment import cut_grid
from tokenworth.methods.stopped import BUDGET_SPENT, MONEY_SPENT, answered_first
from tokenworth.stats.changes import changes_of_cuts
from tokenworth.stats.given import conditional_of_draws
from tokenworth.stats.proportion import proportion_limits
from tokenworth.stats.stopping import LEAST, draws_needed

LARGEST_BATCH = 4096
SMALLEST_BATCH = 4
"""Rollouts that a cut which is short of its half-width gets next, at least."""
GROWTH = 0.5
"""And at most this share of those it has."""
CURVE_STREAM = 1 << 48
"""Distance from a run's seed to the stream of its plain rollouts; no seed that a person gives comes near it."""


def curve_stream(seed: int) -> int:
    """The stream that plain rollouts of a run with this seed are drawn from; never the seed's own.

    The base was chosen among the draws of the seed's own stream (`sample`), or ended by one of them (`complete_trace`). As a draw of
    the curve it would follow itself to the end, and count, with the outcome it was chosen for, at every cut.
    """
    return CURVE_STREAM + seed


def coarse_first(cuts: tuple[int, ...]) -> tuple[int, ...]:
    """The cuts in an order that halves the gaps: a run that stops early has measured the whole trace, coarsely."""
    ordered: list[int] = []
    ranges = [(0, len(cuts))]
    while ranges:
        following: list[tuple[int, int]] = []
        for a, b in ranges:
            if a < b:
                middle = (a + b) // 2
                ordered.append(cuts[middle])
                following += [(a, middle), (middle + 1, b)]
        ranges = following
    return tuple(ordered)


class _DrawsByCut:
    """Draws of one run by cut. Private state of one generator."""

    def __init__(self, reader: Reader, sampling: Sampling, settings: CurveSettings, reuse: bool) -> None:
        self.reader, self.trace, self.sampling, self.settings, self.reuse = reader, reader.trace, sampling, settings, reuse
        self.base = reader.base()
        self.draws: list[GradedRollout] = []
        self.drawn: Counter[int] = Counter()
        self.asked: set[int] = set()
        self.step: Int[np.ndarray, " cut"] = np.full(self.trace.n_trace + 1, -1, dtype=np.int64)
        self.last: list[int] = []
        self.generated = 0

    def plan(self, cuts: tuple[int, ...]) -> None:
        """Takes cuts into the plan, as one step of it."""
        self.asked.update(cuts)
        self.step[list(cuts)] = self.step.max() + 1

    def request(self, cut: int, index: int) -> Sample:
        return Sample(sequence=self.trace.sequence, cut=cut, params=self.sampling, seed=curve_stream(self.settings.seed), index=index)

    def add(self, batch: tuple[Sample, ...], answers: tuple[object, ...]) -> None:
        """Grades the rollouts and takes them in; fewer answers than requests where the run ends here."""
        for request, rollout in zip(batch, answers, strict=False):
            assert isinstance(rollout, Rollout)
            self.draws.append(self.reader.draw(rollout, cut=request.cut, index=request.index, leaves=False))
            self.drawn[request.cut] += 1
            last = followed(self.trace.sequence.completion, request.cut, rollout.ids) if self.reuse else request.cut
            self.last.append(last)
            self.generated += len(rollout.ids)

    def counts(self, columns: Int[np.ndarray, " draw"], n_columns: int) -> Float[np.ndarray, "cut column"]:
        """How many draws of each column every measured cut has: those that began there and those that passed it."""
        first = np.asarray([draw.cut for draw in self.draws], dtype=np.int64)
        last = np.asarray(self.last, dtype=np.int64)
        counts = count_passing(first=first, last=last, column=columns, step=self.step, n_columns=n_columns)
        begun = np.bincount(first, minlength=len(counts)) > 0
        return np.where(begun[:, None], counts, 0.0)

    def measured(self) -> tuple[list[int], Float[np.ndarray, " cut"], Float[np.ndarray, " cut"]]:
        """The cuts measured so far, rising, with the number of draws and of those that meet the target at each."""
        hits = np.asarray([draw.hit is True for draw in self.draws], dtype=np.int64)
        cuts, counts = sorted(self.drawn), self.counts(hits, 2)
        return cuts, counts.sum(axis=1)[cuts], counts[cuts, 1]

    def values(self) -> dict[int, float]:
        """The value at each cut measured so far."""
        cuts, n, k = self.measured()
        return dict(zip(cuts, (k / n).tolist(), strict=True))

    def more_for(self, half_width: float) -> dict[int, int]:
        """How many more draws it seems to take until each cut measured so far has that half-width; 0 where it has."""
        cuts, n, k = self.measured()
        needed = draws_needed(k / n, n, half_width, self.settings.level, self.settings.interval)
        return dict(zip(cuts, (needed - n).astype(np.int64).tolist(), strict=True))

    def unresolved(self) -> str:
        """What was asked for and not reached, in words."""
        target, samples = self.settings.budget.half_width, self.settings.per_cut or 1
        more = {} if target is None else self.more_for(target)
        counts = {
            "were not measured": sum(not self.drawn[cut] for cut in self.asked),
            "have fewer rollouts than asked for": sum(0 < self.drawn[cut] < samples for cut in self.asked),
            "have wider intervals than asked for": sum(n > 0 for n in more.values()),
        }
        found = [f"{count:,} of {len(self.asked):,} cuts {fault}" for fault, count in counts.items() if count]
        return ", ".join(found)


def _affordable(batch: tuple[Sample, ...], tally: _DrawsByCut, budget: Budget) -> tuple[Sample, ...]:
    room = LARGEST_BATCH
    if budget.max_rollouts is not None:
        room = min(room, budget.max_rollouts - len(tally.draws))
    if budget.max_tokens is not None:
        length = len(tally.trace.sequence.completion)
        mean = tally.generated / len(tally.draws) if tally.draws else max(1.0, length / 2)
        room = min(room, int((budget.max_tokens - tally.generated) / max(mean, 1.0)), 64 if not tally.draws else LARGEST_BATCH)
    return batch[: max(0, room)]


def _measure(tally: _DrawsByCut, cuts: tuple[int, ...]) -> Experiment[str]:
    """Brings the ``cuts`` to the settings' samples, then to the target half-width; names the budget that ended first, if one did."""
    settings, samples = tally.settings, tally.settings.per_cut or 1
    target = settings.budget.half_width
    tally.plan(cuts)
    while True:
        missing = tuple(cut for cut in cuts if tally.drawn[cut] < samples)
        if missing:
            check_batch(sum(samples - tally.drawn[cut] for cut in missing))
            batch = tuple(tally.request(cut, index) for cut in missing for index in range(tally.drawn[cut], samples))
        elif target is not None:
            batch = tuple(tally.request(cut, tally.drawn[cut] + i) for cut, n in _next(tally, cuts, target) for i in range(n))
        else:
            return ""
        if not batch:
            return ""
        batch = _affordable(batch, tally, settings.budget)
        if not batch:
            return BUDGET_SPENT
        try:
            tally.add(batch, (yield batch))
        except BudgetSpent as spent:
            tally.add(batch, answered_first(spent))
            if not tally.draws:
                raise
            return MONEY_SPENT


def _next(tally: _DrawsByCut, cuts: tuple[int, ...], half_width: float) -> list[tuple[int, int]]:
    """The cuts that are short of a half-width, with the rollouts to begin there next: as many as seem needed, at most half of those so far.

    No fewer than `SMALLEST_BATCH`, and at once as many as have to be there before outcomes may decide.
    """
    more, (measured, n, _) = tally.more_for(half_width), tally.measured()
    so_far = dict(zip(measured, n.tolist(), strict=True))
    most = {cut: max(LEAST - so_far[cut], so_far[cut] * GROWTH, SMALLEST_BATCH) for cut in cuts}
    return [(cut, int(min(max(more[cut], SMALLEST_BATCH), most[cut]))) for cut in cuts if more[cut] > 0]


def _to_refine(tally: _DrawsByCut, refine: float, allowed: tuple[int, ...] | None) -> tuple[int, ...]:
    """Middles of the intervals between measured cuts whose values differ by ``refine`` or more."""
    values = tally.values()
    cuts = sorted(values)
    found = (middle(a, b, allowed) for a, b in zip(cuts, cuts[1:], strict=False) if abs(values[b] - values[a]) >= refine)
    return tuple(cut for cut in found if cut is not None)


def plain(
    reader: Reader,
    *,
    sampling: Sampling,
    settings: CurveSettings,
    table: NextTokenTable | None,
    cuts_allowed: tuple[int, ...] | None = None,
    snap: bool = False,
    reuse: bool = True,
) -> Experiment[CurveResult]:
    """n rollouts at every cut (plain) or every K-th and T (stride); nothing is interpolated.

    A rollout that follows the base trace is a draw at every cut of the plan it passes (see `methods.passing`); n of them begin at
    each cut all the same. ``cuts_allowed``: the only cuts a request can start from; ``snap``: planned cuts that are not among
    them move to the nearest instead of being left out. ``reuse``: off, a rollout is a draw at the cut where it began alone, as it must
    be where its ids are not the model's own but its text encoded: whether that text has a token boundary at a later cut depends on
    what comes after.

    With ``refine`` the intervals whose ends differ by that much are halved until none is left. Cuts chosen that way were chosen
    because they looked different: their intervals are pointwise and do not account for the choice.
    Source: the seed method of Thought Anchors (Bogdan et al. 2025) at token level.
    """
    tally, trace = _DrawsByCut(reader, sampling, settings, reuse), reader.trace
    allowed = reachable(trace.n_trace, cuts_allowed)
    cuts, missed = restrict(cut_grid(trace.n_trace, settings.stride or 1), allowed, snap=snap)
    ended = yield from _measure(tally, coarse_first(cuts))
    while not ended and settings.refine is not None:
        middles = _to_refine(tally, settings.refine, allowed)
        if not middles:
            break
        ended = yield from _measure(tally, middles)
    return _result(tally, table, ended, missed)


def _changes(
    value: Float[np.ndarray, " cut"], low: Float[np.ndarray, " cut"], high: Float[np.ndarray, " cut"], table: NextTokenTable | None
) -> Float[np.ndarray, "3 cut"]:
    """The change at each measured cut from the one before it, its lower and its upper limit."""
    at = np.flatnonzero(~np.isnan(value))
    found = np.full((3, len(value)), np.nan)
    most = np.ones(max(0, len(at) - 1))
    if table is not None and table.slack is None:
        # A token that the model was sure of cannot change the value by more.
        most = np.asarray([1.0 - np.prod(table.p[a:b]) for a, b in pairwise(at.tolist())])
    step = changes_of_cuts(value[at], low[at], high[at], most)
    found[:, at[1:]] = step.value, step.low, step.high
    return found


def _result(tally: _DrawsByCut, table: NextTokenTable | None, ended: str, missed: Missed | None) -> CurveResult:
    trace, settings = tally.trace, tally.settings
    size = trace.n_trace + 1
    labels, pairs = index_labels(tally.base, tally.draws)
    counts = tally.counts(draw_indices(tally.draws, pairs), len(pairs))
    hits = counts @ group_matrix(labels, pairs)
    n = counts.sum(axis=1)
    with np.errstate(invalid="ignore"):
        share = hits / n[:, None]
    limits = proportion_limits(settings.interval, hits, np.broadcast_to(n[:, None], hits.shape), settings.level)
    low, high = (np.where(n[:, None] > 0, side, np.nan) for side in limits)
    leave = np.full(size, np.nan)
    step = _changes(share[:, VALUE], low[:, VALUE], high[:, VALUE], table)
    return CurveResult(
        trace=trace,
        base=tally.base[0],
        target=tally.reader.target,
        sampling=tally.sampling,
        settings=settings,
        cuts=np.arange(size),
        value=share[:, VALUE],
        low=low[:, VALUE],
        high=high[:, VALUE],
        change=step[0],
        change_low=step[1],
        change_high=step[2],
        n_effective=n,
        n_started=np.asarray([tally.drawn[cut] for cut in range(size)], dtype=np.int64),
        leave=leave,
        unsampled=leave,
        labels=labels,
        outcomes=share[:, FIRST_LABEL:],
        outcomes_low=low[:, FIRST_LABEL:],
        outcomes_high=high[:, FIRST_LABEL:],
        table=table,
        draws=tuple(tally.draws),
        n_rollouts=len(tally.draws),
        generated_tokens=tally.generated,
        stopped=ended or "every cut measured",
        unresolved=tally.unresolved() if ended else "",
        missed=missed,
        verdicts=_verdicts(tally, hits, share, low, high),
    )


def _verdicts(
    tally: _DrawsByCut,
    hits: Float[np.ndarray, "cut group"],
    share: Float[np.ndarray, "cut group"],
    low: Float[np.ndarray, "cut group"],
    high: Float[np.ndarray, "cut group"],
) -> Verdicts | None:
    """What rollouts without a verdict leave open; None where there is none."""
    settings = tally.settings
    if all(draw.hit is not None for draw in tally.draws):
        return None
    given = conditional_of_draws(hits[:, VALUE], hits[:, DECIDED], level=settings.level, interval=settings.interval)
    measured = ~np.isnan(low[:, VALUE])
    return Verdicts(
        missing=1.0 - share[:, DECIDED],
        missing_low=1.0 - high[:, DECIDED],
        missing_high=1.0 - low[:, DECIDED],
        high_if_met=high[:, MET_OR_OPEN],
        given=given.value,
        given_low=np.where(measured, given.low, np.nan),
        given_high=np.where(measured, given.high, np.nan),
    )
