"""The plain plans: n rollouts at every cut, or on a stride with optional refinement where the value still moves."""

from __future__ import annotations

from collections import Counter

import numpy as np
from jaxtyping import Float

from tokenworth.core.grade import Grade, Judge
from tokenworth.core.request import Experiment, NextTokenTable, Rollout, Sample
from tokenworth.core.tokens import Trace
from tokenworth.methods.forced import cut_grid
from tokenworth.methods.labels import draw_indices, grade_draw, group_matrix, index_labels
from tokenworth.methods.results import CurveResult, Draw
from tokenworth.methods.settings import Budget, CurveSettings
from tokenworth.stats.proportion import proportion_limits

LARGEST_BATCH = 4096


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


class _Tally:
    """Draws of one run by cut. Private state of one generator."""

    def __init__(self, trace: Trace, base: Grade, settings: CurveSettings) -> None:
        self.trace, self.base, self.settings = trace, base, settings
        self.draws: list[Draw] = []
        self.drawn: Counter[int] = Counter()
        self.generated = 0

    def requests(self, cuts: tuple[int, ...], each: int) -> tuple[Sample, ...]:
        settings = self.settings
        return tuple(
            Sample(sequence=self.trace.sequence, cut=cut, params=settings.sampling, seed=settings.seed, index=self.drawn[cut] + i)
            for cut in cuts
            for i in range(each)
        )

    def add(self, batch: tuple[Sample, ...], answers: tuple[object, ...], judge: Judge) -> None:
        for request, rollout in zip(batch, answers, strict=True):
            assert isinstance(rollout, Rollout)
            self.draws.append(grade_draw(self.trace, judge, cut=request.cut, index=request.index, leaves=False, rollout=rollout))
            self.drawn[request.cut] += 1
            self.generated += len(rollout.ids)

    def values(self) -> dict[int, float]:
        """The value at each cut measured so far."""
        correct: Counter[int] = Counter()
        for draw in self.draws:
            correct[draw.cut] += draw.grade.verdict == "correct"
        return {cut: correct[cut] / n for cut, n in self.drawn.items()}

    def half_widths(self) -> dict[int, float]:
        values = self.values()
        cuts = sorted(values)
        n = np.asarray([self.drawn[cut] for cut in cuts], dtype=np.float64)
        k = np.asarray([values[cut] for cut in cuts]) * n
        low, high = proportion_limits(self.settings.interval, k, n, self.settings.level)
        return dict(zip(cuts, ((high - low) / 2).tolist(), strict=True))


def _affordable(batch: tuple[Sample, ...], tally: _Tally, budget: Budget) -> tuple[Sample, ...]:
    room = LARGEST_BATCH
    if budget.max_rollouts is not None:
        room = min(room, budget.max_rollouts - len(tally.draws))
    if budget.max_tokens is not None:
        length = len(tally.trace.sequence.completion)
        mean = tally.generated / len(tally.draws) if tally.draws else max(1.0, length / 2)
        room = min(room, int((budget.max_tokens - tally.generated) / max(mean, 1.0)), 64 if not tally.draws else LARGEST_BATCH)
    return batch[: max(0, room)]


def _measure(tally: _Tally, cuts: tuple[int, ...], judge: Judge) -> Experiment[bool]:
    """Brings every cut in ``cuts`` to the settings' samples, then to the target half-width; False when the budget ended first."""
    settings, samples = tally.settings, tally.settings.samples or 1
    target = settings.budget.half_width
    while True:
        missing = tuple(cut for cut in cuts if tally.drawn[cut] < samples)
        if missing:
            batch = tuple(
                Sample(sequence=tally.trace.sequence, cut=cut, params=settings.sampling, seed=settings.seed, index=index)
                for cut in missing
                for index in range(tally.drawn[cut], samples)
            )
        elif target is not None:
            half = tally.half_widths()
            wide = tuple(cut for cut in cuts if half[cut] > target)
            batch = tally.requests(wide, max(4, samples // 2))
        else:
            return True
        if not batch:
            return True
        batch = _affordable(batch, tally, settings.budget)
        if not batch:
            return False
        tally.add(batch, (yield batch), judge)


def _to_refine(tally: _Tally, refine: float) -> tuple[int, ...]:
    """Middles of the intervals between measured cuts whose values differ by ``refine`` or more."""
    values = tally.values()
    cuts = sorted(values)
    return tuple((a + b) // 2 for a, b in zip(cuts, cuts[1:], strict=False) if b - a > 1 and abs(values[b] - values[a]) >= refine)


def plain(trace: Trace, *, judge: Judge, settings: CurveSettings, base: Grade, table: NextTokenTable | None) -> Experiment[CurveResult]:
    """n rollouts at every cut (plain) or every K-th and T (stride), each cut on its own; nothing is interpolated.

    With ``refine`` the intervals whose ends differ by that much are halved until none is left. Cuts chosen that way were chosen
    because they looked different: their intervals are pointwise and know nothing of the choice.
    Source: the seed method of Thought Anchors (Bogdan et al. 2025) at token level.
    """
    tally = _Tally(trace, base, settings)
    cuts = coarse_first(cut_grid(trace.n_trace, settings.stride or 1))
    whole = yield from _measure(tally, cuts, judge)
    while whole and settings.refine is not None:
        middles = _to_refine(tally, settings.refine)
        if not middles:
            break
        whole = yield from _measure(tally, middles, judge)
    return _result(tally, table, "every cut measured" if whole else "budget spent")


def _result(tally: _Tally, table: NextTokenTable | None, stopped: str) -> CurveResult:
    trace, settings = tally.trace, tally.settings
    size = trace.n_trace + 1
    labels, pairs = index_labels(tally.base, tally.draws)
    counts = np.zeros((size, len(pairs)))
    np.add.at(counts, (np.asarray([d.cut for d in tally.draws], dtype=np.int64), draw_indices(tally.draws, pairs)), 1.0)
    hits = counts @ group_matrix(labels, pairs)
    n = counts.sum(axis=1)
    with np.errstate(invalid="ignore"):
        share = hits / n[:, None]
    low, high = proportion_limits(settings.interval, hits, np.broadcast_to(n[:, None], hits.shape), settings.level)
    low, high = _blank(low, n), _blank(high, n)
    leave = np.full(size, np.nan)
    return CurveResult(
        trace=trace,
        base=tally.base,
        settings=settings,
        cuts=np.arange(size),
        value=share[:, 0],
        low=low[:, 0],
        high=high[:, 0],
        n_effective=n,
        n_started=n.astype(np.int64),
        leave=leave,
        unsampled=leave,
        labels=labels,
        outcomes=share[:, 1:],
        outcomes_low=low[:, 1:],
        outcomes_high=high[:, 1:],
        table=table,
        draws=tuple(tally.draws),
        n_rollouts=len(tally.draws),
        generated_tokens=tally.generated,
        stopped=stopped,
    )


def _blank(limits: Float[np.ndarray, "cut group"], n: Float[np.ndarray, " cut"]) -> Float[np.ndarray, "cut group"]:
    return np.where(n[:, None] > 0, limits, np.nan)
