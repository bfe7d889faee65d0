"""What the excursions of a curve say of each sentence: importances, their null distributions, and effects on later sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Bool, Float, Int

from tokenworth.methods.anchors.resilience import Fought
from tokenworth.methods.anchors.result import Baseline, OtherSentence, SentenceEffects, SentenceRows
from tokenworth.methods.anchors.texts import Alike
from tokenworth.methods.curve.result import GradedRollout
from tokenworth.methods.selecting import INTERVAL
from tokenworth.stats.by_cluster import ranks
from tokenworth.stats.changes import pairs_of, slack_between
from tokenworth.stats.excursions import backward, slack_bound
from tokenworth.stats.importance import (
    PERMUTATIONS,
    Divergence,
    Leaving,
    Mean,
    difference,
    divergence,
    leaving,
    permutation_p,
    weighted_mean,
)
from tokenworth.stats.strata import Strata

LISTED = 5
"""Other sentences that are listed for each."""
CONTROLS = 3
"""Sentences that each is compared with: those nearest in length."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """The draws at hand along one base.

    ``hit``: whether a draw meets the target; ``label``: the index of its outcome, the base's own after the last.
    """

    strata: Strata
    start: Int[np.ndarray, " sentence"]
    n_trace: int
    cut: Int[np.ndarray, " draw"]
    hit: Bool[np.ndarray, " draw"]
    base_hit: bool
    label: Int[np.ndarray, " drawx"]
    n_labels: int
    alike: Alike
    slack: Float[np.ndarray, " cut"] | None

    @property
    def bounds(self) -> Int[np.ndarray, " bound"]:
        """The cuts between sentences, the first and the last among them."""
        return np.append(self.start, self.n_trace) if len(self.start) else self.start

    @property
    def number(self) -> Float[np.ndarray, " cut"]:
        """Draws at each cut."""
        return np.bincount(self.cut, minlength=self.strata.n_cuts).astype(np.float64)


def evidence(
    strata: Strata,
    start: Int[np.ndarray, " sentence"],
    n_trace: int,
    draws: Sequence[GradedRollout],
    base: tuple[str, bool | None],
    alike: Alike,
    slack: Float[np.ndarray, " cut"] | None,
) -> tuple[Evidence, tuple[str, ...]]:
    """The draws as arrays, and all outcomes. ``base``: that of the base, and whether it meets the target."""
    outcomes = tuple(sorted({base[0], *(draw.grade.outcome for draw in draws)}))
    labels = [*(outcomes.index(draw.grade.outcome) for draw in draws), outcomes.index(base[0])]
    found = Evidence(
        strata=strata,
        start=start,
        n_trace=n_trace,
        cut=np.asarray([draw.cut for draw in draws], dtype=np.int64),
        hit=np.asarray([draw.hit is True for draw in draws], dtype=bool),
        base_hit=base[1] is True,
        label=np.asarray(labels, dtype=np.int64),
        n_labels=len(outcomes),
        alike=alike,
        slack=slack,
    )
    return found, outcomes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _After:
    """Rollouts from a cut: the weight of each draw, and the probability of following the base to its end."""

    leaving: Leaving
    each: Float[np.ndarray, " draw"]
    known: float

    @property
    def with_base(self) -> Float[np.ndarray, " drawx"]:
        return np.append(self.each, self.known)


def _after(of: Evidence, number: Float[np.ndarray, " cut"], cut: int) -> _After:
    found = leaving(of.strata, number, cut, of.strata.n_cuts)
    return _After(leaving=found, each=found.each[of.cut], known=max(0.0, 1.0 - found.sampled - found.unsampled))


def _mean(
    of: Evidence, after: _After, hits: Float[np.ndarray, "draw item"], base: Float[np.ndarray, " item"] | float, level: float
) -> Mean:
    return weighted_mean(after.each, hits, known=after.known, base=base, open_=after.leaving.unsampled, level=level, interval=INTERVAL)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Sentence:
    """What is found of sentence i alone."""

    value: Mean
    after: Mean
    counterfactual: Mean
    kept: float
    unlike: float
    n_unlike: int
    p: float | None
    kl: tuple[Divergence | None, Divergence | None]
    effects: Mean
    """On each later sentence."""


def measured(of: Evidence, *, level: float, alpha: float, rng: np.random.Generator) -> tuple[SentenceRows, SentenceEffects]:
    """All of it, sentence by sentence. Source: method page `docs/methods/anchors.md`, eq. 1–5."""
    number, n = of.number, len(of.start)
    first, second = of.bounds[:-1], of.bounds[1:]
    found = [_sentence(of, i, number, level=level, alpha=alpha, rng=rng) for i in range(n)]
    effects = np.full((3, n, n), np.nan)
    for i, one in enumerate(found):
        effects[:, i, i + 1 :] = one.effects.value, one.effects.low, one.effects.high
    resampling = _resampling(of, first, second, number, level)
    rows = SentenceRows(
        value=_stacked([one.value for one in found]),
        after=_stacked([one.after for one in found]),
        resampling=resampling,
        counterfactual=_stacked([one.counterfactual for one in found]),
        kept=np.asarray([one.kept for one in found], dtype=np.float64),
        unlike=np.asarray([one.unlike for one in found], dtype=np.float64),
        n_left=np.asarray([int(number[a:b].sum()) for a, b in zip(first, second, strict=True)], dtype=np.int64),
        n_unlike=np.asarray([one.n_unlike for one in found], dtype=np.int64),
        p=tuple(one.p for one in found),
        resampling_kl=tuple(one.kl[0] for one in found),
        counterfactual_kl=tuple(one.kl[1] for one in found),
        others=tuple(_others(of, a, b) for a, b in zip(first.tolist(), second.tolist(), strict=True)),
        control=controls(np.abs(resampling.value), np.log(np.maximum(second - first, 1))),
    )
    return rows, SentenceEffects(value=effects[0], low=effects[1], high=effects[2])


def _sentence(
    of: Evidence, i: int, number: Float[np.ndarray, " cut"], *, level: float, alpha: float, rng: np.random.Generator
) -> _Sentence:
    a, b = int(of.bounds[i]), int(of.bounds[i + 1])
    hits, bound = of.hit.astype(np.float64)[:, None], slack_bound(of.strata.p, of.slack)
    here, before, after = leaving(of.strata, number, a, b), _after(of, number, a), _after(of, number, b)
    each = here.each[of.cut] * of.alike.unlike
    moved = 0.0
    if of.slack is not None:
        within = float(slack_between(of.strata.p, of.slack, of.bounds[i : i + 1], of.bounds[i + 1 : i + 2])[0])
        moved = float(bound[b]) + min(1.0, 2 * within / each.sum() if each.sum() > 0 else 1.0)
    instead = partial(weighted_mean, each, open_=here.unsampled, level=level, interval=INTERVAL)
    then = _mean(of, after, hits, float(of.base_hit), level)
    without, later = np.append(each, 0.0), (of.alike.last[:, i + 1 :] > i).astype(np.float64)
    divergences = (
        divergence(of.label, side, after.with_base, n_labels=of.n_labels, alpha=alpha, rng=rng) for side in (before.with_base, without)
    )
    return _Sentence(
        value=_widened(_mean(of, before, hits, float(of.base_hit), level), float(bound[a])),
        after=_widened(then, float(bound[b])),
        counterfactual=difference(then, instead(hits), moved),
        kept=min(max(1.0 - here.sampled - here.unsampled, 0.0), 1.0),
        # With nothing sampled, what leaves is not known to be unlike.
        unlike=float(each.sum()) if here.sampled > 0 or here.unsampled == 0 else float("nan"),
        n_unlike=int(np.count_nonzero(each)),
        p=permutation_p(np.append(of.hit, of.base_hit), without, after.with_base, rng),
        kl=(next(divergences), next(divergences)),
        effects=difference(_mean(of, after, later, 1.0, level), instead(later), moved),
    )


def _others(of: Evidence, a: int, b: int) -> tuple[OtherSentence, ...]:
    """The `LISTED` most frequent sentences that stand in the place of the one from a to b."""
    at = np.flatnonzero((of.cut >= a) & (of.cut < b) & of.alike.unlike).tolist()
    n, hits = Counter(of.alike.first[k] for k in at), Counter(of.alike.first[k] for k in at if of.hit[k])
    ordered = sorted(n, key=lambda text: (-n[text], text))[:LISTED]
    return tuple(OtherSentence(text=text, n=n[text], n_hit=hits[text]) for text in ordered)


def _resampling(
    of: Evidence, first: Int[np.ndarray, " pair"], second: Int[np.ndarray, " pair"], number: Float[np.ndarray, " cut"], level: float
) -> Mean:
    """D(s(i), s(i+1)): a difference of independent parts (`stats.changes`), n the effective number of the draws that leave between."""
    hits = np.bincount(of.cut, of.hit, minlength=of.strata.n_cuts).astype(np.float64)
    weights, mean = backward(of.strata, number, hits[:, None])
    pairs = pairs_of(
        of.strata,
        number=number,
        hits=hits,
        weights=weights,
        base=weights.known * of.base_hit,
        later=mean[:, 0],
        first=first,
        second=second,
        slack=of.slack,
    )
    found = pairs.changes(level, INTERVAL)
    return Mean(value=found.value, low=found.low, high=found.high, n=pairs.n)


def _widened(mean: Mean, bound: float) -> Mean:
    return Mean(value=mean.value, low=np.maximum(mean.low - bound, 0.0), high=np.minimum(mean.high + bound, 1.0), n=mean.n)


def _stacked(means: Sequence[Mean]) -> Mean:
    """Means of one item each as one."""
    columns = [np.asarray([getattr(one, name)[0] for one in means], dtype=np.float64) for name in ("value", "low", "high", "n")]
    return Mean(value=columns[0], low=columns[1], high=columns[2], n=columns[3])


def against_away(after: Mean, fought: Fought, level: float) -> Mean:
    """Counterfactual++: V(s(i+1)) less the share of the runs in which the sentence stays away that meet the target.

    Source: Macar et al. 2025, "Thought Branches". NaN where none stays away, or a budget ended some.
    """
    n = 0.0 if fought.unfinished else float(fought.away)
    share = weighted_mean(np.ones(int(n)), (np.arange(int(n)) < fought.hits).astype(np.float64)[:, None], level=level, interval=INTERVAL)
    i = slice(fought.sentence, fought.sentence + 1)
    return difference(Mean(value=after.value[i], low=after.low[i], high=after.high[i], n=after.n[i]), share)


# -- baselines ------------------------------------------------------------------------------------------------------------------------


def controls(size: Float[np.ndarray, " sentence"], by: Float[np.ndarray, " sentence"]) -> Float[np.ndarray, " sentence"]:
    """The mean ``size`` of the `CONTROLS` other sentences nearest in ``by``; NaN where no other is known."""
    found = np.full(len(size), np.nan)
    for i in range(len(size)):
        other = np.flatnonzero(np.isfinite(size) & (np.arange(len(size)) != i))
        nearest = other[np.argsort(np.abs(by[other] - by[i]), kind="stable")[:CONTROLS]]
        if len(nearest):
            found[i] = float(size[nearest].mean())
    return found


def baseline(size: Float[np.ndarray, " sentence"], by: Float[np.ndarray, " sentence"], rng: np.random.Generator) -> Baseline:
    """Spearman's correlation of two properties of sentences, with a permutation p; no numbers where one of them does not vary."""
    known = np.isfinite(size)
    x, y = size[known], by[known]
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return Baseline(value=None, p=None)
    a, b = ranks(x), ranks(y)
    a, b = (a - a.mean()) / a.std(), (b - b.mean()) / b.std()
    found = float((a * b).mean())
    null: Float[np.ndarray, " order"] = np.abs((rng.permuted(np.tile(a, (PERMUTATIONS, 1)), axis=1) @ b) / len(b))
    at_least = int(np.count_nonzero(np.round(null, 12) >= round(abs(found), 12)))
    return Baseline(value=found, p=(1 + at_least) / (1 + PERMUTATIONS))
