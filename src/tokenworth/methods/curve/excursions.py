"""The excursion plan: sample only rollouts that leave the base trace; every V(c) follows by one backward pass."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float, Int

from tokenworth.core.grade import Verdict
from tokenworth.core.request.experiment import Answers, Batch, BudgetSpent, Experiment
from tokenworth.core.request.kind import Response
from tokenworth.core.request.next_token import NextTokenTable
from tokenworth.core.request.sample import Rollout, Sample
from tokenworth.core.sampling import Sampling
from tokenworth.methods.curve.labels import Reader, draw_indices, group_matrix, index_labels
from tokenworth.methods.curve.result import CurveResult, GradedRollout
from tokenworth.methods.curve.settings import Budget, CurveSettings
from tokenworth.methods.stopped import BUDGET_SPENT, MONEY_SPENT, answered_first
from tokenworth.stats.excursions import (
    CutEstimates,
    Excursions,
    Strata,
    allocate,
    estimate_values,
    fork_of_draw,
    label_variance,
    make_strata,
    slack_bound,
    stratum_reach,
    widen,
)
from tokenworth.tasks.target import GOLD

MIN_LEAVE = 0.02
"""Smallest leaving probability of a stratum. Smaller: more strata than a usual budget can visit; larger: less adaptivity."""
SMALL_BUDGET_SHARE = 0.5
"""With a rollout budget there are at most this many strata a rollout, so that each can be visited a few times."""
SLACK_SHARE = 0.5
"""At most this share of a target half-width is left to next-token probabilities known only within bounds; sampling goes no finer
than the rest, or a cut whose bounds are as wide as its target would be sampled for ever."""
FIRST_BATCH = 64
GROWTH = 0.5
"""A batch is this share of the rollouts so far: allocation learns about log(total) times instead of once a rollout."""


class _Ledger:
    """Draws of one run, with what allocation and estimation need of them. Private state of one generator.

    ``for_gold``: whether allocation and estimate are those of the target ``gold``, whatever the run's own target is.
    """

    def __init__(
        self, reader: Reader, strata: Strata, sampling: Sampling, settings: CurveSettings, bound: Float[np.ndarray, " cutx"]
    ) -> None:
        self.reader, self.trace, self.strata, self.sampling, self.settings, self.bound = (
            reader, reader.trace, strata, sampling, settings, bound
        )  # fmt: skip
        self.base = reader.base()
        self.for_gold = settings.target != GOLD
        self.draws: list[GradedRollout] = []
        n = len(strata.start)
        self.drawn: Int[np.ndarray, " stratum"] = np.zeros(n, dtype=np.int64)
        self.hits: Float[np.ndarray, " stratum"] = np.zeros(n)
        self.tokens: Float[np.ndarray, " stratum"] = np.zeros(n)
        self.next_index: dict[int, int] = {}
        self.offsets = np.random.default_rng([settings.seed, len(strata.p)]).random(n)

    def requests(self, chosen: Int[np.ndarray, " rollout"]) -> tuple[Sample, ...]:
        """The next draws, one from each chosen stratum in that order, at a fork by systematic sampling."""
        batch: list[Sample] = []
        settings, next_draw = self.settings, self.drawn.copy()
        for stratum in chosen.tolist():
            cut = fork_of_draw(self.strata, stratum, int(next_draw[stratum]), float(self.offsets[stratum]))
            next_draw[stratum] += 1
            index = self.next_index.get(cut, 0)
            self.next_index[cut] = index + 1
            batch.append(Sample(sequence=self.trace.sequence, cut=cut, params=self.sampling, seed=settings.seed, index=index, leave=True))
        return tuple(batch)

    def add(self, batch: Sequence[Sample], answers: Sequence[Response]) -> None:
        """Grades the rollouts and takes them in. Fewer answers than requests: the run ends here, their indices stay unused."""
        for request, rollout in zip(batch, answers, strict=False):
            assert isinstance(rollout, Rollout)
            draw = self.reader.draw(rollout, cut=request.cut, index=request.index, leaves=True)
            stratum = self.strata.of_cut[draw.cut]
            self.drawn[stratum] += 1
            self.hits[stratum] += self._counted(draw).hit
            self.tokens[stratum] += len(rollout.ids)
            self.draws.append(draw)

    def turn_to_target(self) -> None:
        """From here on allocation and estimate are those of the run's own target."""
        self.for_gold = False
        self.hits[:] = 0
        for draw in self.draws:
            self.hits[self.strata.of_cut[draw.cut]] += draw.hit

    def _counted(self, draw: GradedRollout) -> GradedRollout:
        return replace(draw, hit=draw.grade.verdict is Verdict.CORRECT) if self.for_gold else draw

    @property
    def generated(self) -> int:
        return int(self.tokens.sum())

    def estimate(self) -> tuple[tuple[str, ...], CutEstimates]:
        """Labels and estimates; column 0 is the value, the rest the outcome distribution."""
        base = (self.base[0], self.base[0].verdict is Verdict.CORRECT) if self.for_gold else self.base
        counted = [self._counted(draw) for draw in self.draws] if self.for_gold else self.draws
        labels, pairs = index_labels(base, counted)
        draws = Excursions(cut=np.asarray([d.cut for d in counted], dtype=np.int64), label=draw_indices(counted, pairs))
        estimate = estimate_values(
            self.strata,
            draws,
            groups=group_matrix(labels, pairs),
            base_label=pairs[base[0].outcome, base[1]],
            level=self.settings.level,
            interval=self.settings.interval,
        )
        return labels, estimate


def _strata(p: Float[np.ndarray, " cut"], budget: Budget) -> Strata:
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


def _misses(estimate: CutEstimates, bound: Float[np.ndarray, " cutx"], half_width: float) -> Bool[np.ndarray, " cutx"]:
    """Cuts whose interval, widened by ``bound``, is wider than ± ``half_width``."""
    low, high = widen(estimate.low, estimate.high, bound)
    return (high - low)[:, 0] / 2 > half_width


def _open_cuts(
    estimate: CutEstimates, bound: Float[np.ndarray, " cutx"], settings: CurveSettings, n_trace: int
) -> Bool[np.ndarray, " cutx"]:
    """Cuts 0…T whose target is not reached yet and can be neared by sampling; all of them when only a budget is set."""
    is_open = np.zeros(len(estimate.known), dtype=bool)
    cuts = slice(0, n_trace + 1)
    leave = estimate.sampled + estimate.unsampled
    targets = False
    if settings.budget.half_width is not None:
        targets = True
        target = settings.budget.half_width
        sampled_half = (estimate.high[:, 0] - estimate.low[:, 0]) / 2
        is_open[cuts] |= (_misses(estimate, bound, target) & (sampled_half > (1 - SLACK_SHARE) * target))[cuts]
    if (wanted := settings.budget.effective_samples) is not None:
        targets = True
        short = (plain_worth(estimate) < wanted) | (estimate.unsampled > 0.5 / wanted)
        is_open[cuts] |= (short & (leave > 0))[cuts]
    if not targets:
        is_open[cuts] = (leave > 0)[cuts]
    return is_open


def plain_worth(estimate: CutEstimates) -> Float[np.ndarray, " cutx"]:
    """How many plain rollouts would give each cut's value the same variance: V(1−V) n_eff / (leave² x(1−x)); ∞ where it is known.

    x, the mean of the excursions, is taken as its posterior mean under a uniform prior, and V with it: an early run of equal
    outcomes must not pass for certainty.
    """
    leave, n = estimate.sampled + estimate.unsampled, estimate.n_effective
    base = estimate.known * estimate.base_share
    x = (_mean(estimate) * n + 1) / (n + 2)
    value = np.clip(base + leave * x, 0.0, 1.0)
    variance = leave**2 * x * (1 - x)
    return np.divide(value * (1 - value) * n, variance, out=np.full(len(n), np.inf), where=leave > 0)


def _mean(estimate: CutEstimates) -> Float[np.ndarray, " cutx"]:
    """Mean of the excursions at each cut; 0 where none can leave."""
    leave = estimate.sampled + estimate.unsampled
    known = estimate.known * estimate.base_share
    return np.divide(estimate.share[:, 0] - known, leave, out=np.zeros(len(leave)), where=leave > 0)


def _room(budget: Budget, *, rollouts: int, tokens: int, mean_cost: float, strata: int) -> int:
    """Size of the next batch within the budget; 0 means it is spent."""
    size = max(FIRST_BATCH, min(strata, 4 * FIRST_BATCH), int(GROWTH * rollouts))
    if budget.max_rollouts is not None:
        size = min(size, budget.max_rollouts - rollouts)
    if budget.max_tokens is not None:
        left = budget.max_tokens - tokens
        size = min(size, int(left / max(mean_cost, 1.0)))
    return max(0, size)


def _why_done(ledger: _Ledger, estimate: CutEstimates) -> str:
    """Why nothing more is sampled though the budget is not spent."""
    target, size = ledger.settings.budget.half_width, ledger.trace.n_trace + 1
    missed = 0 if target is None else int(np.count_nonzero(_misses(estimate, ledger.bound, target)[:size]))
    if missed:
        return f"{missed:,} of {size:,} cuts cannot reach their target: next-token probabilities are not known well enough"
    return "every cut reached its target" if ledger.strata.leave.any() else "nothing to sample: every token is certain"


def _draw_all(ledger: _Ledger) -> Generator[Batch, Answers, str]:
    settings, strata = ledger.settings, ledger.strata
    while True:
        _, estimate = ledger.estimate()
        wanted = _open_cuts(estimate, ledger.bound, settings, ledger.trace.n_trace)
        if not wanted.any():
            return _why_done(ledger, estimate)
        # Expected tokens of one more draw: the stratum's mean so far, with the base's remaining length as one pseudo-draw.
        cost = (ledger.tokens + len(strata.p) - strata.start) / (ledger.drawn + 1)
        mean_cost = ledger.generated / len(ledger.draws) if ledger.draws else float(cost.mean())
        size = _room(settings.budget, rollouts=len(ledger.draws), tokens=ledger.generated, mean_cost=mean_cost, strata=len(strata.start))
        if size == 0:
            return BUDGET_SPENT
        variance = label_variance(ledger.hits, ledger.drawn.astype(np.float64))
        reach = stratum_reach(strata, wanted)
        batch = ledger.requests(allocate(reach=reach, variance=variance, cost=cost, drawn=ledger.drawn, size=size))
        if not batch:
            return _why_done(ledger, estimate)
        try:
            ledger.add(batch, (yield batch))
        except BudgetSpent as spent:
            ledger.add(batch, answered_first(spent))
            if not ledger.draws:
                raise
            return MONEY_SPENT


def _unresolved(ledger: _Ledger, estimate: CutEstimates, stopped: str) -> str:
    """What was asked for and not reached, in words; empty where the run ended by itself."""
    settings, budget, size = ledger.settings, ledger.settings.budget, ledger.trace.n_trace + 1
    if stopped not in (BUDGET_SPENT, MONEY_SPENT):
        return ""
    if budget.effective_samples is not None or budget.half_width is not None:
        wide = int(_open_cuts(estimate, ledger.bound, settings, ledger.trace.n_trace).sum())
        return f"{wide:,} of {size:,} cuts have wider intervals than asked for" if wide else ""
    if stopped == BUDGET_SPENT:
        return ""
    if budget.max_rollouts is not None:
        return f"{len(ledger.draws):,} of {budget.max_rollouts:,} rollouts were drawn"
    return f"{ledger.generated:,} of {budget.max_tokens or 0:,} tokens were generated"


def excursions(reader: Reader, *, sampling: Sampling, settings: CurveSettings, table: NextTokenTable | None) -> Experiment[CurveResult]:
    """The curve at every cut 0…T from excursions alone. Cuts where q_c is a point cost nothing.

    Which excursions are worth drawing depends on what is estimated. A run with another target than ``gold`` first draws what the run
    with that target would have drawn, and continues only where its own target is not reached yet: runs share their rollouts.

    Source: the recursion V(c) = p_c V(c+1) + (1−p_c) W(c); formulas in `docs/methods/curve.md`.
    """
    p = np.zeros(0) if table is None else np.asarray(table.p, dtype=np.float64)
    strata, trace = _strata(p, settings.budget), reader.trace
    ledger = _Ledger(reader, strata, sampling, settings, slack_bound(strata.p, None if table is None else table.slack))
    stopped = yield from _draw_all(ledger)
    if ledger.for_gold:
        ledger.turn_to_target()
        stopped = stopped if stopped == MONEY_SPENT else (yield from _draw_all(ledger))
    labels, estimate = ledger.estimate()
    low, high = widen(estimate.low, estimate.high, ledger.bound)
    keep = slice(0, trace.n_trace + 1)
    started = np.bincount([d.cut for d in ledger.draws], minlength=len(p) + 1).astype(np.int64)
    return CurveResult(
        trace=trace,
        base=ledger.base[0],
        target=reader.target,
        sampling=sampling,
        settings=settings,
        cuts=np.arange(trace.n_trace + 1),
        value=estimate.share[keep, 0],
        low=low[keep, 0],
        high=high[keep, 0],
        n_effective=estimate.n_effective[keep],
        n_started=started[keep],
        leave=(estimate.sampled + estimate.unsampled)[keep],
        unsampled=estimate.unsampled[keep],
        labels=labels,
        outcomes=estimate.share[keep, 1:],
        outcomes_low=low[keep, 1:],
        outcomes_high=high[keep, 1:],
        table=table,
        draws=tuple(ledger.draws),
        n_rollouts=len(ledger.draws),
        generated_tokens=ledger.generated,
        stopped=stopped,
        unresolved=_unresolved(ledger, estimate, stopped),
        widened=None if table is None or table.slack is None else ledger.bound[keep],
    )
