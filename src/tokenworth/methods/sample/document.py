"""N answers as a document, made from their result and read back by the same class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tokenworth.core.document import About, ModelDoc, Number, Provenance, TraceDoc, check_unit, numbers, stopped_notes, trace_doc
from tokenworth.core.problem import Problem
from tokenworth.core.sampling import Sampling
from tokenworth.core.table import ROLLOUT_COLUMNS, Table, TableRow, trace_id
from tokenworth.core.tokens import Codec, StopReason, TokenSequence, Trace
from tokenworth.errors import InvalidInput
from tokenworth.methods.sample.choice import choose_trace
from tokenworth.methods.sample.result import SampleResult


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSetDoc:
    """N answers to one problem: accuracy with interval, outcome counts, lengths and their correlation with correctness.

    ``sampling`` and ``seed``: None where a source does not have them.
    """

    schema: str = "tokenworth.sample/1"
    problem: Problem | None = None
    model: ModelDoc
    sampling: Sampling | None = None
    seed: int | None = None
    accuracy: Number
    low: Number
    high: Number
    level: float
    n: int
    outcomes: Mapping[str, int]
    length_correlation: Number
    length_correlation_low: Number
    length_correlation_high: Number
    chosen: int | None
    traces: tuple[TraceDoc, ...]
    rollouts: int
    generated_tokens: int
    provenance: Provenance
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.chosen is not None and not 0 <= self.chosen < len(self.traces):
            raise InvalidInput(f"chosen is {self.chosen}, expected 0 to {len(self.traces) - 1} or null")
        check_unit((self.accuracy, self.low, self.high), "accuracy")


def rollout_table(doc: SampleSetDoc) -> Table:
    """The answers, trace and all, one row each; their position is cut 0."""

    def rows() -> Iterator[TableRow]:
        for draw, trace in enumerate(doc.traces):
            pieces = (*trace.pieces, *trace.answer_pieces)
            ids = None if trace.ids is None else (*trace.ids, *(trace.answer_ids or ()))
            name = trace_id(doc.model.name, trace)
            yield name, 0, draw, ids, "".join(pieces), trace.stop, trace.outcome, trace.verdict, len(pieces)

    return Table(columns=ROLLOUT_COLUMNS, rows=rows())


def sample_document(result: SampleResult, base: str | None, codec: Codec, about: About) -> SampleSetDoc:
    """The document of N answers. ``base`` names the base trace that it marks."""
    traces = tuple(
        trace_doc(
            Trace(sequence=TokenSequence(prompt=result.prompt, completion=rollout.ids), n_trace=int(n), stop=rollout.stop),
            grade,
            codec,
        )
        for rollout, n, grade in zip(result.rollouts, result.n_trace, result.grades, strict=True)
    )
    correlation = result.length_correlation
    r, low, high = numbers((correlation.r, correlation.low, correlation.high))
    return SampleSetDoc(
        problem=about.problem,
        model=about.model,
        sampling=result.sampling,
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
        chosen=None if base is None else choose_trace(result, base)[0],
        traces=traces,
        rollouts=len(result.rollouts),
        generated_tokens=result.generated_tokens,
        provenance=about.provenance,
        notes=(
            *_no_verdict(result),
            f"length correlation over {correlation.n} answers with a verdict",
            *stopped_notes(result.unresolved),
        ),
    )


def _no_verdict(result: SampleResult) -> Iterator[str]:
    grades, limit = result.grades, result.sampling.max_tokens
    unknown = sum(grade.verdict == "unknown" for grade in grades)
    if unknown and unknown == len(grades):
        yield "no answer has a verdict: the accuracy says nothing; see the outcomes"
    elif unknown:
        yield (
            f"{unknown:,} of {len(grades):,} answers have no verdict; the accuracy is that of all answers: they are in the denominator, "
            "and none counts as correct"
        )
    long = sum(one.stop is StopReason.LENGTH and g.verdict == "unknown" for one, g in zip(result.rollouts, grades, strict=True))
    if long:
        yield f"{long:,} of {len(grades):,} answers have no verdict because they reached the limit of {limit:,} tokens: raise --limit"
