"""The excursion plan: sample only rollouts that leave the base trace; every V(c) follows by one backward pass."""

from __future__ import annotations

from collections.abc import Generator, Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from tokenworth.core.grade import Grade, Judge, Verdict
from tokenworth.core.request import Answers, Batch, Experiment, NextTokenTable, Rollout, Sample
from tokenworth.core.tokens import Trace
from tokenworth.methods.labels import draw_indices, grade_draw, group_matrix, index_labels
from tokenworth.methods.results import CurveResult, Draw
from tokenworth.methods.settings import Budget, CurveSettings
from tokenworth.stats.excursions import (
    Draws,
    Estimate,
    Strata,
    allocate,
    estimate_values,
    fork_of_draw,
    label_variance,
    make_strata,
    stratum_reach,
)

MIN_LEAVE = 0.02
"""Smallest leaving probability of a stratum. Smaller: more strata than a usual budget can visit; larger: less adaptivity."""
SMALL_BUDGET_SHARE = 0.5
"""With a rollout budget there are at most this many strata a rollout, so that each can be visited a few times."""
FIRST_BATCH = 64
GROWTH = 0.5
"""A batch is this share of the rollouts so far: allocation learns about log(total) times instead of once a rollout."""


class _Ledger:
    """Draws of one run, with what allocation and estimation need of them. Private state of one generator."""

    def __init__(self, trace: Trace, base: Grade, strata: Strata, settings: CurveSettings) -> None:
        self.trace, self.base, self.strata, self.settings = trace, base, strata, settings
        self.draws: list[Draw] = []
        n = len(strata.start)
        self.drawn: Int[np.ndarray, " stratum"] = np.zeros(n, dtype=np.int64)
        self.hits: Float[np.ndarray, " stratum"] = np.zeros(n)
        self.tokens: Float[np.ndarray, " stratum"] = np.zeros(n)
        self.next_index: dict[int, int] = {}
        self.offsets = np.random.default_rng([settings.seed, len(strata.p)]).random(n)

    def requests(self, added: Int[np.ndarray, " stratum"]) -> tuple[Sample, ...]:
        """The next draws: ``added[s]`` from stratum s, each at a fork by systematic sampling."""
        batch: list[Sample] = []
        for stratum in np.flatnonzero(added):
            for step in range(int(added[stratum])):
                draw = int(self.drawn[stratum]) + step
                cut = fork_of_draw(self.strata, int(stratum), draw, float(self.offsets[stratum]))
                index = self.next_index.get(cut, 0)
                self.next_index[cut] = index + 1
                settings = self.settings
                batch.append(
                    Sample(
                        sequence=self.trace.sequence,
                        cut=cut,
                        params=settings.sampling,
                        seed=settings.seed,
                        index=index,
                        leave=True,
                    )
                )
        return tuple(batch)

    def add(self, draws: Sequence[Draw]) -> None:
        """Takes graded draws in."""
        for draw in draws:
            stratum = self.strata.of_cut[draw.cut]
            self.drawn[stratum] += 1
            self.hits[stratum] += draw.grade.verdict is Verdict.CORRECT
            self.tokens[stratum] += len(draw.rollout.ids)
        self.draws.extend(draws)

    @property
    def generated(self) -> int:
        return int(self.tokens.sum())

    def expected_cost(self) -> Float[np.ndarray, " stratum"]:
        """Expected tokens of one more draw: the stratum's mean so far, with the base's remaining length as one pseudo-draw."""
        remaining = len(self.strata.p) - self.strata.start
        return (self.tokens + remaining) / (self.drawn + 1)

    def estimate(self) -> tuple[tuple[str, ...], Estimate]:
        """Labels and estimates; column 0 is the value, the rest the outcome distribution."""
        labels, pairs = index_labels(self.base, self.draws)
        draws = Draws(cut=np.asarray([d.cut for d in self.draws], dtype=np.int64), label=draw_indices(self.draws, pairs))
        estimate = estimate_values(
            self.strata,
            draws,
            groups=group_matrix(labels, pairs),
            base_label=pairs[self.base.outcome, self.base.verdict],
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


def _open_cuts(estimate: Estimate, settings: CurveSettings, n_trace: int) -> Bool[np.ndarray, " cutx"]:
    """Cuts 0…T whose target is not reached yet; all of them when only a budget is set."""
    is_open = np.zeros(len(estimate.known), dtype=bool)
    cuts = slice(0, n_trace + 1)
    leave = estimate.sampled + estimate.unsampled
    targets = False
    if settings.budget.half_width is not None:
        targets = True
        half = (estimate.high[:, 0] - estimate.low[:, 0]) / 2
        is_open[cuts] |= (half > settings.budget.half_width)[cuts]
    if settings.samples is not None:
        targets = True
        short = (plain_worth(estimate) < settings.samples) | (estimate.unsampled > 0.5 / settings.samples)
        is_open[cuts] |= (short & (leave > 0))[cuts]
    if not targets:
        is_open[cuts] = (leave > 0)[cuts]
    return is_open


def plain_worth(estimate: Estimate) -> Float[np.ndarray, " cutx"]:
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


def _mean(estimate: Estimate) -> Float[np.ndarray, " cutx"]:
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


def _draw_all(ledger: _Ledger, judge: Judge) -> Generator[Batch, Answers, str]:
    settings, strata = ledger.settings, ledger.strata
    while True:
        _, estimate = ledger.estimate()
        wanted = _open_cuts(estimate, settings, ledger.trace.n_trace)
        if not wanted.any():
            return "every cut reached its target" if strata.leave.any() else "nothing to sample: every token is certain"
        cost = ledger.expected_cost()
        mean_cost = ledger.generated / len(ledger.draws) if ledger.draws else float(cost.mean())
        size = _room(settings.budget, rollouts=len(ledger.draws), tokens=ledger.generated, mean_cost=mean_cost, strata=len(strata.start))
        if size == 0:
            return "budget spent"
        variance = label_variance(ledger.hits, ledger.drawn.astype(np.float64))
        reach = stratum_reach(strata, wanted)
        added = allocate(reach=reach, variance=variance, cost=cost, drawn=ledger.drawn, size=size)
        batch = ledger.requests(added)
        if not batch:
            return "every cut reached its target"
        answers = yield batch
        ledger.add(
            [
                grade_draw(ledger.trace, judge, cut=request.cut, index=request.index, leaves=True, rollout=rollout)
                for request, rollout in zip(batch, answers, strict=True)
                if isinstance(rollout, Rollout)
            ]
        )


def excursions(
    trace: Trace, *, judge: Judge, settings: CurveSettings, base: Grade, table: NextTokenTable | None
) -> Experiment[CurveResult]:
    """The curve at every cut 0…T from excursions alone. Cuts where q_c is a point cost nothing.

    Source: the recursion V(c) = p_c V(c+1) + (1−p_c) W(c); formulas in `docs/methods/curve.md`.
    """
    p = np.zeros(0) if table is None else np.asarray(table.p, dtype=np.float64)
    strata = _strata(p, settings.budget)
    ledger = _Ledger(trace, base, strata, settings)
    stopped = yield from _draw_all(ledger, judge)
    labels, estimate = ledger.estimate()
    keep = slice(0, trace.n_trace + 1)
    started = np.bincount([d.cut for d in ledger.draws], minlength=len(p) + 1).astype(np.int64)
    return CurveResult(
        trace=trace,
        base=base,
        settings=settings,
        cuts=np.arange(trace.n_trace + 1),
        value=estimate.share[keep, 0],
        low=estimate.low[keep, 0],
        high=estimate.high[keep, 0],
        n_effective=estimate.n_effective[keep],
        n_started=started[keep],
        leave=(estimate.sampled + estimate.unsampled)[keep],
        unsampled=estimate.unsampled[keep],
        labels=labels,
        outcomes=estimate.share[keep, 1:],
        outcomes_low=estimate.low[keep, 1:],
        outcomes_high=estimate.high[keep, 1:],
        table=table,
        draws=tuple(ledger.draws),
        n_rollouts=len(ledger.draws),
        generated_tokens=ledger.generated,
        stopped=stopped,
    )
