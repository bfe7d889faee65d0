"""Results as documents: numbers and text, ready for a file or a report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from tokenworth.core.documents import (
    BranchDoc,
    BudgetDoc,
    CurveDoc,
    ExitDoc,
    ForcedDoc,
    ModelDoc,
    Number,
    OptionDoc,
    PlanDoc,
    ProblemDoc,
    ProvenanceDoc,
    SampleDoc,
    SampleSetDoc,
    SamplingDoc,
    TraceDoc,
)
from tokenworth.core.grade import Grade
from tokenworth.core.problem import Problem
from tokenworth.core.request import NextTokenTable
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import Codec, TokenSequence, Trace, pieces_text
from tokenworth.methods.notes import ceiling_notes, forced_at_end, missed_notes, slack_notes
from tokenworth.methods.results import CurveResult, Draw, ForcedResult, SampleResult

MIN_BRANCH = 1e-3
"""A next token below this probability is listed only if a rollout began with it."""

ASSUMPTIONS = {
    "excursions": "excursions independent given their fork; base trace fixed; pointwise, not simultaneous",
    "plain": "rollouts independent once at the cut; base trace fixed; pointwise, not simultaneous",
    "stride": "rollouts independent once at the cut; base trace fixed; pointwise, not simultaneous; cuts between not measured",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a document says of a run beyond its numbers."""

    problem: Problem | None
    model: ModelDoc
    codec: Codec
    provenance: ProvenanceDoc


def numbers(values: Iterable[float]) -> tuple[Number, ...]:
    """Floats with None for NaN and infinities: a number that does not exist is not 0."""
    return tuple(float(v) if np.isfinite(v) else None for v in values)


def problem_doc(problem: Problem | None) -> ProblemDoc | None:
    """The document form of a problem."""
    if problem is None:
        return None
    return ProblemDoc(
        id=problem.id,
        question=problem.question,
        options=tuple(OptionDoc(label=o.label, text=o.text) for o in problem.options),
        gold=problem.gold,
        kind=str(problem.kind),
        task=problem.task,
    )


def sampling_doc(sampling: Sampling) -> SamplingDoc:
    """The document form of sampling parameters."""
    return SamplingDoc(
        temperature=sampling.temperature,
        top_k=sampling.top_k,
        top_p=sampling.top_p,
        min_p=sampling.min_p,
        max_tokens=sampling.max_tokens,
        stop=sampling.stop,
    )


def trace_doc(trace: Trace, grade: Grade, codec: Codec, table: NextTokenTable | None = None) -> TraceDoc:
    """A trace with its text pieces; probabilities when q_c is known."""
    completion = trace.sequence.completion
    pieces = pieces_text(codec.piece_bytes(completion))
    n = trace.n_trace
    return TraceDoc(
        unit="token",
        pieces=pieces[:n],
        answer_pieces=pieces[n:],
        ids=completion[:n],
        answer_ids=completion[n:],
        probabilities=None if table is None else numbers(table.p[:n]),
        logprobs=None if table is None else numbers(table.logprob[:n]),
        prompt=codec.decode(trace.sequence.prompt),
        prompt_ids=trace.sequence.prompt,
        outcome=grade.outcome,
        verdict=str(grade.verdict),
        stop=str(trace.stop),
    )


def _branches(result: CurveResult, codec: Codec) -> tuple[BranchDoc, ...]:
    table, completion = result.table, result.trace.sequence.completion
    tried: dict[tuple[int, int], Counter[str]] = {}
    for draw in result.draws:
        if draw.rollout.ids:
            tried.setdefault((draw.cut, draw.rollout.ids[0]), Counter())[draw.grade.outcome] += 1
    listed: dict[tuple[int, int], Number] = dict.fromkeys(tried)
    if table is not None:
        cuts = range(min(result.trace.n_trace + 1, len(table.p)))
        for cut in cuts:
            known = {int(t): float(q) for t, q in zip(table.top_ids[cut], table.top_p[cut], strict=True) if t >= 0 and q >= MIN_BRANCH}
            known[completion[cut]] = float(table.p[cut])
            if len(known) > 1 or any((cut, token) in tried for token in known):
                listed.update({(cut, token): q for token, q in known.items()})
    texts = {token: _token_text(codec, token) for _, token in listed}
    rows = [
        BranchDoc(
            cut=cut,
            token=token,
            text=texts[token],
            p=p,
            is_base=cut < len(completion) and completion[cut] == token,
            n=sum(tried.get((cut, token), Counter()).values()),
            outcomes=dict(sorted(tried.get((cut, token), Counter()).items())),
        )
        for (cut, token), p in listed.items()
    ]
    return tuple(sorted(rows, key=lambda row: (row.cut, -(row.p or 0.0), row.token)))


def _token_text(codec: Codec, token: int) -> str:
    return pieces_text(codec.piece_bytes((token,)))[0] if token >= 0 else ""


def _sample_doc(draw: Draw, codec: Codec) -> SampleDoc:
    ids = draw.rollout.ids
    return SampleDoc(
        cut=draw.cut,
        index=draw.index,
        text=codec.decode(ids),
        outcome=draw.grade.outcome,
        verdict=str(draw.grade.verdict),
        stop=str(draw.rollout.stop),
        n_tokens=len(ids),
        branch=ids[0] if ids else None,
        ids=ids,
    )


def _columns(labels: tuple[str, ...], array: Float[np.ndarray, "cut outcome"]) -> dict[str, tuple[Number, ...]]:
    return {label: numbers(array[:, i]) for i, label in enumerate(labels)}


def _notes(result: CurveResult) -> tuple[str, ...]:
    notes: list[str] = []
    unsampled = float(np.nanmax(result.unsampled)) if np.isfinite(result.unsampled).any() else 0.0
    if unsampled > 0:
        notes.append(f"up to {unsampled:.3g} of the probability of leaving the trace has no rollout; the intervals are widened by it")
    unknown = sum(draw.grade.verdict == "unknown" for draw in result.draws)
    if unknown:
        notes.append(
            f"{unknown} of {len(result.draws)} rollouts have no verdict; "
            "the value is the probability of a correct answer, so they are not in it; see the outcomes"
        )
    if result.base.verdict == "unknown":
        notes.append(f"the base answer itself has no verdict ({result.base.outcome})")
    return (*notes, *slack_notes(result), *missed_notes(result.missed), *_unresolved(result.unresolved))


def _unresolved(what: str) -> tuple[str, ...]:
    return (f"stopped by the budget: {what}",) if what else ()


def curve_document(result: CurveResult, about: About) -> CurveDoc:
    """The document of a value curve."""
    settings, budget = result.settings, result.settings.budget
    has_leave = bool(np.isfinite(result.leave).any())
    return CurveDoc(
        problem=problem_doc(about.problem),
        model=about.model,
        sampling=sampling_doc(settings.sampling),
        plan=PlanDoc(
            name=settings.plan,
            samples=settings.samples,
            stride=settings.stride,
            refine=settings.refine,
            interval=settings.interval,
            assumption=ASSUMPTIONS[settings.plan],
        ),
        seed=settings.seed,
        trace=trace_doc(result.trace, result.base, about.codec, result.table),
        cuts=tuple(int(c) for c in result.cuts),
        value=numbers(result.value),
        low=numbers(result.low),
        high=numbers(result.high),
        level=settings.level,
        n_effective=numbers(result.n_effective),
        n_started=tuple(int(n) for n in result.n_started),
        leave=numbers(result.leave) if has_leave else None,
        unsampled=numbers(result.unsampled) if has_leave else None,
        widened=None if result.widened is None else numbers(result.widened),
        outcomes=_columns(result.labels, result.outcomes),
        outcomes_low=_columns(result.labels, result.outcomes_low),
        outcomes_high=_columns(result.labels, result.outcomes_high),
        branches=_branches(result, about.codec),
        samples=tuple(_sample_doc(draw, about.codec) for draw in result.draws),
        rollouts=result.n_rollouts,
        generated_tokens=result.generated_tokens,
        budget=BudgetDoc(
            max_rollouts=budget.max_rollouts, max_tokens=budget.max_tokens, half_width=budget.half_width, stopped=result.stopped
        ),
        provenance=about.provenance,
        notes=_notes(result),
    )


def forced_document(result: ForcedResult, about: About) -> ForcedDoc:
    """The document of forced answers."""
    exits = tuple(
        ExitDoc(
            name=reading.name,
            text=reading.text,
            cuts=tuple(int(c) for c in result.cuts),
            options=result.options,
            probability=tuple(numbers(column) for column in reading.probability.T),
            mass=numbers(reading.mass),
            probability_high=None if reading.is_exact.all() else tuple(numbers(column) for column in reading.probability_high.T),
            mass_high=None if reading.is_exact.all() else numbers(reading.mass_high),
            top_token=tuple(_token_text(about.codec, int(token)) for token in reading.top_id),
            top_probability=numbers(np.exp(reading.top_logprob)),
        )
        for reading in result.readings
    )
    own = result.own.outcome if result.own.outcome in result.options else None
    notes: list[str] = []
    if own is None:
        notes.append(f"the model's own answer is not one of the options (outcome: {result.own.outcome})")
    return ForcedDoc(
        problem=problem_doc(about.problem),
        model=about.model,
        trace=trace_doc(result.trace, result.own, about.codec),
        exits=exits,
        own_answer=own,
        forced_at_end=forced_at_end(result),
        token_forwards=result.token_forwards,
        provenance=about.provenance,
        notes=(*notes, *ceiling_notes(result), *missed_notes(result.missed), *_unresolved(result.unresolved)),
    )


def _no_verdict(grades: tuple[Grade, ...]) -> tuple[str, ...]:
    unknown = sum(grade.verdict == "unknown" for grade in grades)
    if unknown == 0:
        return ()
    if unknown == len(grades):
        return ("no answer has a verdict: the accuracy says nothing; see the outcomes",)
    return (
        f"{unknown} of {len(grades)} answers have no verdict; "
        "the accuracy is the share of correct answers, so they are not counted as correct; see the outcomes",
    )


def sample_document(result: SampleResult, chosen: int | None, about: About) -> SampleSetDoc:
    """The document of N answers."""
    traces = tuple(
        trace_doc(
            Trace(sequence=TokenSequence(prompt=result.prompt, completion=rollout.ids), n_trace=int(n), stop=rollout.stop),
            grade,
            about.codec,
        )
        for rollout, n, grade in zip(result.rollouts, result.n_trace, result.grades, strict=True)
    )
    correlation = result.length_correlation
    r, low, high = numbers((correlation.r, correlation.low, correlation.high))
    return SampleSetDoc(
        problem=problem_doc(about.problem),
        model=about.model,
        sampling=sampling_doc(result.sampling),
        seed=result.seed,
        accuracy=result.accuracy,
        low=result.low,
        high=result.high,
        level=result.level,
        n=len(result.rollouts),
        outcomes=result.outcomes,
        length_correlation=r,
        length_correlation_low=low,
        length_correlation_high=high,
        chosen=chosen,
        traces=traces,
        rollouts=len(result.rollouts),
        generated_tokens=result.generated_tokens,
        provenance=about.provenance,
        notes=(
            *_no_verdict(result.grades),
            f"length correlation over {correlation.n} answers with a verdict",
            *_unresolved(result.unresolved),
        ),
    )
