"""The document of forks, made from their result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from jaxtyping import Int

from tokenworth.core.document import About, numbers, stopped_notes, token_text, trace_doc
from tokenworth.core.estimate import Estimate
from tokenworth.core.tokens import Codec
from tokenworth.methods.forks.document import (
    ChangeIntervalDoc,
    ContinuationDoc,
    Far,
    ForkBranchDoc,
    ForkDoc,
    ForkPlanDoc,
    ForksDoc,
    ModelCurveDoc,
)
from tokenworth.methods.forks.notes import fork_notes
from tokenworth.methods.forks.result import ForkResult, Ranges
from tokenworth.stats.mixture import survival

SHOWN = 3
"""Continuations kept of each branch, the first that were drawn."""
SHOWN_TOKENS = 40
"""Tokens kept of each."""


def forks_document(result: ForkResult, codec: Codec, about: About) -> ForksDoc:
    """The document of the forks of a trace."""
    settings, hazard, changes = result.settings, result.hazard, result.changes
    budget = settings.excursions.budget
    start = float(result.value.value[0])
    known = result.forks.variance[~np.isnan(result.forks.variance)]
    return ForksDoc(
        problem=about.problem,
        model=about.model,
        sampling=result.sampling,
        plan=ForkPlanDoc(
            floor=settings.floor,
            samples=settings.samples,
            distance=settings.distance,
            far=settings.far,
            least=settings.least,
            max_rollouts=budget.max_rollouts,
            max_tokens=budget.max_tokens,
            half_width=budget.half_width,
            effective_samples=budget.effective_samples,
        ),
        seed=settings.seed,
        trace=trace_doc(result.trace, result.base, codec, result.table),
        value_label=result.target.label,
        target=result.target.name,
        level=settings.level,
        labels=result.labels,
        forks=tuple(_forks(result, codec)),
        changes=tuple(_changes(result)),
        changes_level=changes.each,
        change_pairs=changes.pairs,
        value=numbers(result.value.value),
        low=numbers(result.value.low),
        high=numbers(result.value.high),
        survival_low=numbers(survival(hazard.high)),
        survival_high=numbers(survival(hazard.low)),
        survival_kept=numbers(survival(hazard.kept)),
        below_floor=float(np.maximum(hazard.high - hazard.kept, 0.0).sum()),
        variance=float(known.sum()) if len(known) else None,
        variance_bound=numbers((start * (1 - start),))[0],
        models=tuple(_models(result)),
        excursions=len(result.excursions),
        topped=len(result.topped),
        rollouts=result.rollouts,
        generated_tokens=result.generated_tokens,
        stopped=result.stopped,
        provenance=about.provenance,
        notes=(*fork_notes(result), *stopped_notes(result.unresolved)),
    )


def _forks(result: ForkResult, codec: Codec) -> Iterator[ForkDoc]:
    family, rows = result.family, result.forks
    pieces: tuple[str, ...] = trace_doc(result.trace, result.base, codec).pieces
    continuations = _continuations(result, codec)
    for fork, cut in enumerate(map(int, family.cut)):
        mine = np.flatnonzero(family.fork == fork).tolist()
        p, rest, variance, low, high = numbers(
            float(x) for x in (family.p[fork], family.rest[fork], rows.variance[fork], result.hazard.low[cut], result.hazard.high[cut])
        )
        yield ForkDoc(
            token=cut,
            text=pieces[cut],
            p=p,
            outcomes=_estimates(result.labels, result.outcomes, cut),
            base=_estimates(result.labels, result.outcomes, cut + 1),
            branches=tuple(_branch(result, one, codec, continuations) for one in mine),
            rest=rest,
            rest_n=int(rows.rest_n[fork]),
            rest_outcomes=_counts(result.labels, rows.rest_counts[fork]),
            mixed=bool(rows.mixed[fork]),
            delta=_estimate(rows.delta, fork),
            variance=variance,
            hazard_low=low,
            hazard_high=high,
        )


def _branch(result: ForkResult, one: int, codec: Codec, continuations: Mapping[tuple[int, int], list[ContinuationDoc]]) -> ForkBranchDoc:
    family, rows = result.family, result.branches
    n, token = int(rows.n[one]), int(family.token[one])
    p, l2, tv, tv_chance, tv_p, kl = numbers(
        float(x) for x in (family.q[one], rows.l2[one], rows.tv[one], rows.tv_chance[one], rows.tv_p[one], rows.kl[one])
    )
    far: Far = "far" if rows.far[one] else "near" if rows.near[one] else "open"
    return ForkBranchDoc(
        token=token,
        text=token_text(codec, token),
        p=p,
        n=n,
        topped=int(rows.topped[one]),
        outcomes=_estimates(result.labels, rows.shares, one, rows.counts[one]),
        value=_estimate(rows.value, one, n=n),
        l2=l2,
        tv=tv,
        tv_chance=tv_chance,
        tv_p=tv_p,
        kl=kl,
        distance=_estimate(rows.distance, one),
        verdict=far,
        continuations=tuple(continuations.get((int(family.cut[family.fork[one]]), token), ())),
    )


def _continuations(result: ForkResult, codec: Codec) -> dict[tuple[int, int], list[ContinuationDoc]]:
    """By cut and first token, what the first few rollouts that began with it went on with."""
    found: dict[tuple[int, int], list[ContinuationDoc]] = {}
    for draw in (*result.excursions, *result.topped):
        ids = draw.rollout.ids
        if ids and len(kept := found.setdefault((draw.cut, ids[0]), [])) < SHOWN:
            kept.append(ContinuationDoc(text=codec.decode(ids[:SHOWN_TOKENS]), outcome=draw.grade.outcome, cut_off=len(ids) > SHOWN_TOKENS))
    return found


def _estimate(limits: Ranges, at: int, *, n: int | None = None) -> Estimate:
    return Estimate.of(float(limits.value[at]), float(limits.low[at]), float(limits.high[at]), n=n)


def _estimates(labels: tuple[str, ...], limits: Ranges, at: int, counts: Int[np.ndarray, " label"] | None = None) -> dict[str, Estimate]:
    """By label; of counts those that were seen."""
    n = None if counts is None else int(counts.sum())
    return {
        label: Estimate.of(
            float(limits.value[at, i]),
            float(limits.low[at, i]),
            float(limits.high[at, i]),
            n=n,
            k=None if counts is None else int(counts[i]),
        )
        for i, label in enumerate(labels)
    }


def _counts(labels: tuple[str, ...], counts: Int[np.ndarray, " label"]) -> dict[str, int]:
    return {label: int(count) for label, count in zip(labels, counts, strict=True) if count}


def _changes(result: ForkResult) -> Iterator[ChangeIntervalDoc]:
    rows = result.changes
    for i, (first, second) in enumerate(zip(rows.first.tolist(), rows.second.tolist(), strict=True)):
        change = Estimate.of(float(rows.change.value[i]), float(rows.change.low[i]), float(rows.change.high[i]))
        yield ChangeIntervalDoc(first=first, last=second - 1, change=change)


def _models(result: ForkResult) -> Iterator[ModelCurveDoc]:
    for model in result.models:
        yield ModelCurveDoc(
            name=model.name,
            begins=model.begins,
            value=None if model.value is None else numbers(model.value),
            chosen=model.chosen,
            rollouts=model.rollouts,
            generated_tokens=model.generated,
        )
