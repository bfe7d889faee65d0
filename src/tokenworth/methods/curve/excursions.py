"""The excursion plan: sample only rollouts that leave the base trace; every V(c) follows by one backward pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float, Int

from tokenworth.core.request.experiment import Answers, Batch, BudgetSpent, Experiment, Foreseen
from tokenworth.core.request.kind import Response
from tokenworth.core.request.next_token import NextTokenTable
from tokenworth.core.request.sample import Rollout, Sample
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import Trace
from tokenworth.methods.curve.goals import Cuts, Floats, Goal, goals, nearest, needed
from tokenworth.methods.curve.labels import DECIDED, FIRST_LABEL, MET_OR_OPEN, VALUE, Reader, draw_indices, group_matrix, index_labels
from tokenworth.methods.curve.result import Band, CurveResult, GradedRollout, Verdicts
from tokenworth.methods.curve.settings import Budget, CurveSettings
from tokenworth.methods.stopped import BUDGET_SPENT, MONEY_SPENT, answered_first
from tokenworth.stats.band import excursion_band, forks_before, level_of_each
from tokenworth.stats.changes import changes
from tokenworth.stats.excursions import CutEstimates, Excursions, Weights, backward, estimate_values, slack_bound, widen
from tokenworth.stats.given import conditional_of_excursions, effective_number, widen_conditional
from tokenworth.stats.strata import OTHERS, Pieces, Strata, allocate, make_pieces, make_strata, stratum_reach

MIN_LEAVE = 0.02
"""Smallest leaving probability of a stratum. Smaller: more strata than a usual budget can visit; larger: less adaptivity."""
SMALL_BUDGET_SHARE = 0.5
"""With a rollout budget there are at most this many strata a rollout, so that each can be visited a few times."""
FIRST_BATCH = 64
GROWTH = 0.5
"""A batch is at most this share of the rollouts so far: what is left to do is learnt about log(total) times instead of once a rollout."""
SMALLEST_BATCH, SMALLEST_SHARE = 8, 16
"""A batch is no smaller than this, or than this part of the rollouts so far: near a goal ever fewer are needed, and each is a wait."""

LOOK_AHEAD = 4
"""Where the next batch does not reach the goal, so many times as many draws are planned to see how many it takes."""


class Ledger:
    """Draws of one run, with what allocation and estimation need of them. Private state of one generator.

    ``stream``: distance from the settings' seed to the seed of the draws.
    """

    def __init__(
        self, reader: Reader, strata: Strata, pieces: Pieces, named: Named, sampling: Sampling, settings: CurveSettings, stream: int = 0
    ) -> None:
        self.reader, self.trace, self.strata, self.pieces, self.named = reader, reader.trace, strata, pieces, named
        self.sampling, self.settings, self.base = sampling, settings, reader.base()
        self.draws: list[GradedRollout] = []
        n = len(strata.start)
        self.drawn: Int[np.ndarray, " stratum"] = np.zeros(n, dtype=np.int64)
        self.tokens: Float[np.ndarray, " stratum"] = np.zeros(n)
        self.number: Float[np.ndarray, " cut"] = np.zeros(strata.n_cuts)
        self.hits: Float[np.ndarray, " cut"] = np.zeros(strata.n_cuts)
        self.next_index: Counter[tuple[int, int]] = Counter()
        self.seed = stream + settings.seed
        self.offsets = np.random.default_rng([self.seed, len(strata.p)]).random(n)

    def planned(self, chosen: Int[np.ndarray, " rollout"]) -> list[tuple[int, int]]:
        """Where the next draws leave and by which token, one from each chosen stratum in that order."""
        number = self.drawn.copy()
        found: list[tuple[int, int]] = []
        for stratum in chosen.tolist():
            found.append(self.pieces.draw(stratum, int(number[stratum]), float(self.offsets[stratum])))
            number[stratum] += 1
        return found

    def requests(self, planned: Sequence[tuple[int, int]]) -> tuple[Sample, ...]:
        """The requests of planned draws. The index counts those of one cut and one first token."""
        batch: list[Sample] = []
        one = Sample(sequence=self.trace.sequence, cut=0, params=self.sampling, seed=self.seed, index=0)
        for cut, first in planned:
            index = self.next_index[cut, first]
            self.next_index[cut, first] += 1
            leave = first == OTHERS
            avoid = self.named.listed(cut) if leave else ()
            batch.append(replace(one, cut=cut, index=index, branch=None if leave else first, leave=leave, avoid=avoid))
        return tuple(batch)

    def add(self, batch: Sequence[Sample], answers: Sequence[Response]) -> None:
        """Grades the rollouts and takes them in. Fewer answers than requests: the run ends here, their indices stay unused."""
        for request, rollout in zip(batch, answers, strict=False):
            assert isinstance(rollout, Rollout)
            draw = self.reader.draw(rollout, cut=request.cut, index=int(self.number[request.cut]), leaves=True)
            stratum = self.strata.of_cut[draw.cut]
            self.drawn[stratum] += 1
            self.tokens[stratum] += len(rollout.ids)
            self.number[draw.cut] += 1
            self.hits[draw.cut] += draw.hit is True
            self.draws.append(draw)

    @property
    def generated(self) -> int:
        """Tokens of all draws."""
        return int(self.tokens.sum())

    def so_far(self) -> tuple[Weights, Float[np.ndarray, " cutx"]]:
        """The weights at cuts 0…n, and the mean of the excursions there."""
        weights, mean = backward(self.strata, self.number, self.hits[:, None])
        return weights, mean[:, 0]

    def estimate(self) -> tuple[tuple[str, ...], CutEstimates]:
        """Labels and estimates of the groups of `group_matrix`."""
        labels, pairs = index_labels(self.base, self.draws)
        draws = Excursions(cut=np.asarray([d.cut for d in self.draws], dtype=np.int64), label=draw_indices(self.draws, pairs))
        estimate = estimate_values(
            self.strata,
            draws,
            groups=group_matrix(labels, pairs),
            base_label=pairs[self.base[0].outcome, self.base[1]],
            level=self.settings.level,
            interval=self.settings.interval,
        )
        return labels, estimate


class Named:
    """The first tokens that excursions can be asked to begin with: those that the table lists at each cut, but for the base's own.

    ``None`` for the table: no token can be named, and what a rollout leaves by is drawn by the model.
    """

    def __init__(self, trace: Trace, table: NextTokenTable | None, n_cuts: int) -> None:
        self.tokens: Int[np.ndarray, "cut top"] = np.zeros((n_cuts, 0), dtype=np.int64)
        self.q: Float[np.ndarray, "cut top"] = np.zeros((n_cuts, 0))
        if table is not None and n_cuts:
            self.tokens = np.asarray(table.top_ids, dtype=np.int64)
            is_base = self.tokens == np.asarray(trace.sequence.completion, dtype=np.int64)[:, None]
            self.q = np.where((self.tokens >= 0) & ~is_base, table.top_p, 0.0)

    def listed(self, cut: int) -> tuple[int, ...]:
        """The tokens that have a piece of their own at a cut."""
        return tuple(self.tokens[cut, self.q[cut] > 0].tolist())


def strata_within(p: Float[np.ndarray, " cut"], budget: Budget) -> Strata:
    """The strata of a run: as fine as `MIN_LEAVE` says, or coarser where its budget could not visit all of them a few times."""
    min_leave = MIN_LEAVE
    strata = make_strata(p, min_leave)
    most = budget.max_rollouts
    if budget.max_tokens is not None:
        by_tokens = max(1, 2 * budget.max_tokens // max(1, len(p)))
        most = by_tokens if most is None else min(most, by_tokens)
    while most is not None and len(strata.start) > max(1, SMALL_BUDGET_SHARE * most) and min_leave < 0.95:
        min_leave = min(0.95, min_leave * 1.5)
        strata = make_strata(p, min_leave)
    return strata


def _room(budget: Budget, *, rollouts: int, tokens: int, mean_cost: float, strata: int) -> int:
    """Size of the next batch within the budget; 0 means it is spent."""
    size = max(FIRST_BATCH, min(strata, 4 * FIRST_BATCH), int(GROWTH * rollouts))
    if budget.max_rollouts is not None:
        size = min(size, budget.max_rollouts - rollouts)
    if budget.max_tokens is not None:
        left = budget.max_tokens - tokens
        size = min(size, int(left / max(mean_cost, 1.0)))
    return max(0, size)


def _draw_all(ledger: Ledger, bound: Float[np.ndarray, " cutx"], inside: Cuts) -> Generator[Batch, Answers, str]:
    settings, strata = ledger.settings, ledger.strata
    wanted = goals(settings, bound=bound, base=ledger.base[1] is True, inside=inside)
    while True:
        weights, mean = ledger.so_far()
        goal = nearest(wanted, weights, mean)
        cuts = (weights.leave > 0) & inside if goal is None else goal[1]
        if not cuts.any():
            return _why_done(ledger, bound, inside, "" if goal is None or len(wanted) == 1 else goal[0].name)
        # Expected tokens of one more draw: the stratum's mean so far, with the base's remaining length as one pseudo-draw.
        cost = (ledger.tokens + len(strata.p) - strata.start) / (ledger.drawn + 1)
        drawn = len(ledger.draws)
        mean_cost = ledger.generated / drawn if drawn else float(cost.mean())
        room = _room(settings.budget, rollouts=drawn, tokens=ledger.generated, mean_cost=mean_cost, strata=len(strata.start))
        if room == 0:
            return BUDGET_SPENT
        further = room if goal is None else LOOK_AHEAD * room
        planned = ledger.planned(allocate(reach=stratum_reach(strata, cuts), cost=cost, drawn=ledger.drawn, size=further))
        if not planned:
            return _why_done(ledger, bound, inside, "")
        ahead: int | None = None
        if goal is not None:
            enough = _enough(goal[0], ledger, mean, [cut for cut, _ in planned], room)
            most = max(enough, SMALLEST_BATCH, drawn // SMALLEST_SHARE)
            ahead = max(0, enough - min(room, most)) if enough < len(planned) else None
            planned = planned[: min(room, most)]
        batch = ledger.requests(planned)
        try:
            ledger.add(batch, (yield batch if ahead is None else Foreseen(batch, ahead=ahead)))
        except BudgetSpent as spent:
            ledger.add(batch, answered_first(spent))
            if not ledger.draws:
                raise
            return MONEY_SPENT


def _enough(goal: Goal, ledger: Ledger, mean: Floats, leaves: list[int], room: int) -> int:
    """How many of the next draws it takes, by the outcomes so far. Those after the next ``room`` are only for the time that is left."""
    for size in (room, len(leaves)):
        enough = needed(goal, ledger.strata, ledger.number, mean, np.asarray(leaves[:size]))
        if enough < min(size, len(leaves)):
            break
    return enough


def _why_done(ledger: Ledger, bound: Float[np.ndarray, " cutx"], inside: Cuts, goal: str) -> str:
    """Why nothing more is sampled though the budget is not spent."""
    target, size = ledger.settings.budget.half_width, int(inside.sum())
    if target is not None and not goal:
        _, estimate = ledger.estimate()
        low, high = widen(estimate.low, estimate.high, bound)
        missed = int(np.count_nonzero(((high - low)[inside, VALUE] / 2 > target) & (bound[inside] > 0)))
        if missed:
            return f"{missed:,} of {size:,} cuts cannot reach their target: next-token probabilities are not known well enough"
    done = "every cut reached its target" + (f", {goal}" if goal else "")
    return done if ledger.strata.leave.any() else "nothing to sample: every token is certain"


def _unresolved(ledger: Ledger, bound: Float[np.ndarray, " cutx"], inside: Cuts, stopped: str) -> str:
    """What was asked for and not reached, in words; empty where the run ended by itself."""
    budget, size = ledger.settings.budget, int(inside.sum())
    if stopped not in (BUDGET_SPENT, MONEY_SPENT):
        return ""
    goal = nearest(goals(ledger.settings, bound=bound, base=ledger.base[1] is True, inside=inside), *ledger.so_far())
    if goal is not None:
        wide = int(goal[1].sum())
        return f"{wide:,} of {size:,} cuts have wider intervals than asked for" if wide else ""
    if stopped == BUDGET_SPENT:
        return ""
    if budget.max_rollouts is not None:
        return f"{len(ledger.draws):,} of {budget.max_rollouts:,} rollouts were drawn"
    return f"{ledger.generated:,} of {budget.max_tokens or 0:,} tokens were generated"


def excursions(
    reader: Reader,
    *,
    sampling: Sampling,
    settings: CurveSettings,
    table: NextTokenTable | None,
    name_first: bool = True,
    wanted: Int[np.ndarray, " cut"] | None = None,
) -> Experiment[CurveResult]:
    """The curve at every cut 0…T from excursions alone. Cuts where q_c is a point cost nothing.

    ``wanted``: the cuts that the goals are about, and that draws are given to (None: all).

    ``name_first``: whether an excursion can be asked to begin with a token that the table lists, or with none of them. Where it cannot, or
    q_c is known only within bounds, the model draws the first token of each.
    The j-th draw of a stratum is the same request whatever is estimated, so runs with other targets share their rollouts.

    Source: the recursion V(c) = p_c V(c+1) + (1−p_c) W(c); formulas in `docs/methods/curve.md`.
    """
    ledger, bound, stopped, unresolved = yield from draw_excursions(
        reader, sampling=sampling, settings=settings, table=table, name_first=name_first, wanted=wanted
    )
    return _result(ledger, table, bound, stopped, unresolved)


def draw_excursions(
    reader: Reader,
    *,
    sampling: Sampling,
    settings: CurveSettings,
    table: NextTokenTable | None,
    name_first: bool = True,
    wanted: Int[np.ndarray, " cut"] | None = None,
) -> Experiment[tuple[Ledger, Float[np.ndarray, " cutx"], str, str]]:
    """The draws of a curve, by how much limits are moved apart because q_c is known only within bounds, why sampling ended, and what was
    asked for and not reached by then."""
    p = np.zeros(0) if table is None else np.asarray(table.p, dtype=np.float64)
    slack = None if table is None else table.slack
    strata, trace = strata_within(p, settings.budget), reader.trace
    named = Named(trace, table if name_first and slack is None else None, len(p))
    ledger = Ledger(reader, strata, make_pieces(strata, named.tokens, named.q), named, sampling, settings)
    bound = slack_bound(strata.p, slack)
    inside = np.arange(len(bound)) <= trace.n_trace
    if wanted is not None:
        inside &= np.isin(np.arange(len(bound)), wanted)
    stopped = yield from _draw_all(ledger, bound, inside)
    return ledger, bound, stopped, _unresolved(ledger, bound, inside, stopped)


def _result(ledger: Ledger, table: NextTokenTable | None, bound: Float[np.ndarray, " cutx"], stopped: str, unresolved: str) -> CurveResult:
    trace, settings, slack = ledger.trace, ledger.settings, None if table is None else table.slack
    labels, estimate = ledger.estimate()
    low, high = widen(estimate.low, estimate.high, bound)
    size = trace.n_trace + 1
    step = changes(
        ledger.strata,
        number=ledger.number,
        hits=ledger.hits,
        estimate=estimate,
        first=np.arange(size - 1),
        second=np.arange(1, size),
        level=settings.level,
        interval=settings.interval,
        slack=slack,
    )
    return CurveResult(
        trace=trace,
        base=ledger.base[0],
        target=ledger.reader.target,
        sampling=ledger.sampling,
        settings=settings,
        cuts=np.arange(size),
        value=estimate.share[:size, VALUE],
        low=low[:size, VALUE],
        high=high[:size, VALUE],
        change=np.append(np.nan, step.value),
        change_low=np.append(np.nan, step.low),
        change_high=np.append(np.nan, step.high),
        n_effective=estimate.weights.n_effective[:size],
        n_started=np.append(ledger.number, 0.0)[:size].astype(np.int64),
        leave=estimate.weights.leave[:size],
        unsampled=estimate.weights.unsampled[:size],
        labels=labels,
        outcomes=estimate.share[:size, FIRST_LABEL:],
        outcomes_low=low[:size, FIRST_LABEL:],
        outcomes_high=high[:size, FIRST_LABEL:],
        table=table,
        draws=tuple(ledger.draws),
        n_rollouts=len(ledger.draws),
        generated_tokens=ledger.generated,
        stopped=stopped,
        unresolved=unresolved,
        widened=None if slack is None else bound[:size],
        band=_band(ledger, estimate, bound),
        verdicts=_verdicts(ledger, estimate, bound),
    )


def _band(ledger: Ledger, estimate: CutEstimates, bound: Float[np.ndarray, " cutx"]) -> Band:
    size = ledger.trace.n_trace + 1
    each = level_of_each(ledger.settings.level, forks_before(ledger.strata.p, size - 1))
    low, high = excursion_band(estimate.weights, base=estimate.base[:, VALUE], mean=estimate.mean[:, VALUE], level=each)
    return Band(low=np.maximum(low - bound, 0.0)[:size], high=np.minimum(high + bound, 1.0)[:size], each=each)


def _verdicts(ledger: Ledger, estimate: CutEstimates, bound: Float[np.ndarray, " cutx"]) -> Verdicts | None:
    """What rollouts without a verdict leave open; None where there is none."""
    settings, size = ledger.settings, ledger.trace.n_trace + 1
    known = np.zeros(ledger.strata.n_cuts)
    np.add.at(known, [draw.cut for draw in ledger.draws if draw.hit is not None], 1.0)
    if known.sum() == len(ledger.draws) and ledger.base[1] is not None:
        return None
    n = effective_number(ledger.strata, ledger.number, known)
    given = conditional_of_excursions(estimate, n, event=VALUE, condition=DECIDED, level=settings.level, interval=settings.interval)
    given = widen_conditional(given, bound, estimate.low[:, DECIDED])
    low, high = widen(estimate.low, estimate.high, bound)
    return Verdicts(
        missing=1.0 - estimate.share[:size, DECIDED],
        missing_low=1.0 - high[:size, DECIDED],
        missing_high=1.0 - low[:size, DECIDED],
        high_if_met=high[:size, MET_OR_OPEN],
        given=given.value[:size],
        given_low=given.low[:size],
        given_high=given.high[:size],
    )
