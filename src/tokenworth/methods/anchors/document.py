"""Sentences and what they are worth, as a document, made from a result and read back by the same class."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite

from tokenworth.core.document import (
    About,
    ModelDoc,
    Number,
    Provenance,
    TraceDoc,
    check_document_level,
    check_length,
    check_unit,
    numbers,
    stopped_notes,
    trace_doc,
)
from tokenworth.core.estimate import Estimate
from tokenworth.core.problem import Problem
from tokenworth.core.sampling import Sampling
from tokenworth.core.table import ColumnKind, Table, TableRow, trace_id
from tokenworth.core.tokens import Codec
from tokenworth.errors import InvalidInput
from tokenworth.methods.anchors.importances import against_away
from tokenworth.methods.anchors.notes import anchor_notes
from tokenworth.methods.anchors.result import AnchorResult, OtherSentence
from tokenworth.methods.anchors.settings import AnchorSettings
from tokenworth.methods.curve.settings import Budget
from tokenworth.stats.importance import Divergence, Mean
from tokenworth.stats.selection import Dependence


@dataclass(frozen=True, slots=True, kw_only=True)
class DivergenceDoc:
    """KL(without ‖ with the sentence) in nats. ``null``: its mean where labels are in random order; ``null_high``: their 95 % quantile."""

    value: float
    null: float
    null_high: float
    p: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SentenceDoc:
    """A sentence, from cut ``start`` to cut ``end``, and what the draws at hand say of it. Importances are the value with it less that
    without it.

    ``kept``: probability that a rollout from its start follows the trace to its end. ``unlike``: probability that another sentence stands
    in its place. ``n``: draws that leave within it; ``n_unlike``: of these, those with another sentence, and ``counterfactual.n`` their
    effective number, rounded. ``p``: of the counterfactual difference, by permutation. ``control``: mean size of the resampling importance
    of the sentences nearest in length. ``others``: the most frequent other sentences. None where there is no number.
    """

    start: int
    end: int
    text: str
    value: Estimate
    resampling: Estimate
    counterfactual: Estimate
    forced: Number = None
    kept: Number
    unlike: Number
    n: int
    n_unlike: int
    p: Number = None
    resampling_kl: DivergenceDoc | None = None
    counterfactual_kl: DivergenceDoc | None = None
    control: Number = None
    others: tuple[OtherSentence, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorDoc:
    """A sentence that could change the value by delta, and what fresh draws say of its change V(end) − V(start).

    ``leave``: probability of leaving within it. ``low`` and ``high`` hold at ``level``. ``p_value``: of a change of δ₀ or less, at the look
    that decided. ``n``: fresh draws that leave within it; ``needed``: about how many decide, where it is undecided. ``missing``: change of
    the share of rollouts without a verdict; None where all have one.
    """

    sentence: int
    text: str
    leave: Number
    delta: Number
    low: Number
    high: Number
    level: float
    p_value: Number
    at_least_delta: bool
    look: int
    n: int
    needed: int | None = None
    missing: Number = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceDoc:
    """What a sentence does to each later one: the probability that one like it follows, less that where another sentence stands here.

    ``effect[k]``, with limits, is that on sentence ``sentence`` + 1 + k; None where nothing is known.
    """

    sentence: int
    effect: tuple[Number, ...]
    low: tuple[Number, ...]
    high: tuple[Number, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResilienceDoc:
    """A sentence that was taken away in ``runs`` runs: in each from its start, and again wherever one like it came back.

    ``away``: runs that end without it; ``back``: with it in spite of all; ``stuck``: no other sentence could be had; ``unfinished``: a
    budget ended them. ``rounds``: how often it was taken away in the mean. ``counterfactual``: V(end) less P(target) of the runs away.
    """

    sentence: int
    runs: int
    away: int
    back: int
    stuck: int
    unfinished: int
    rounds: Number
    counterfactual: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineDoc:
    """Spearman's correlation of the size of resampling importance with what is no meaning, with a permutation p."""

    position: Number
    position_p: Number
    length: Number
    length_p: Number


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorPlanDoc:
    """What was asked for. ``least`` is δ₀; ``alpha`` is added to the count of each outcome in KL forms."""

    segment: str
    similarity: str
    threshold: float
    alpha: float
    claims: bool
    delta: float
    least: float
    false_discovery: float
    futility: float
    dependence: Dependence
    half_width: Number = None
    max_rollouts: int | None = None
    max_tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorsDoc:
    """The sentences of a trace: importances from the draws at hand, and claims on fresh draws.

    ``claims``, ``excluded`` and ``undecided`` are the family: sentences that could change the value by delta. ``rollouts`` and
    ``generated_tokens`` are all draws; ``claim_rollouts`` and ``claim_tokens`` of these the fresh ones.
    """

    schema: str = "tokenworth.anchors/1"
    problem: Problem | None = None
    model: ModelDoc
    sampling: Sampling
    plan: AnchorPlanDoc
    seed: int
    level: float
    trace: TraceDoc
    value_label: str = "P(correct)"
    target: str = "gold"
    sentences: tuple[SentenceDoc, ...]
    effects: tuple[SourceDoc, ...] = ()
    resilience: tuple[ResilienceDoc, ...] = ()
    baselines: BaselineDoc
    claims: tuple[AnchorDoc, ...] = ()
    excluded: tuple[AnchorDoc, ...] = ()
    undecided: tuple[AnchorDoc, ...] = ()
    family: int = 0
    looks: int = 0
    rollouts: int
    generated_tokens: int
    claim_rollouts: int = 0
    claim_tokens: int = 0
    stopped: str
    provenance: Provenance
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_document_level(self.level)
        n_trace, at = len(self.trace.pieces), 0
        for row in self.sentences:
            if not (row.start == at and row.start < row.end <= n_trace):
                raise InvalidInput(
                    f"a sentence from cut {row.start} to {row.end} after cut {at}; expected sentences end to end up to {n_trace}"
                )
            at = row.end
            check_unit((row.value.value, row.kept, row.unlike, row.control), "a sentence")
            check_unit((*row.resampling, *row.counterfactual, row.forced), "an importance", least=-1)
        if at != n_trace:
            raise InvalidInput(f"the sentences end at cut {at}; expected {n_trace}, the end of the trace")
        decided = (*self.claims, *self.excluded, *self.undecided)
        if len(decided) != self.family:
            raise InvalidInput(f"{len(decided)} sentences are claimed, excluded or undecided; expected {self.family}, the family")
        for row in decided:
            if not 0 <= row.sentence < len(self.sentences):
                raise InvalidInput(f"a row is about sentence {row.sentence}; expected 0 to {len(self.sentences) - 1}")
            check_unit((row.delta, row.low, row.high), "delta", least=-1)
            check_document_level(row.level)
        for row in self.resilience:
            if not 0 <= row.sentence < len(self.sentences) or row.away + row.back + row.stuck + row.unfinished != row.runs:
                raise InvalidInput(f"resilience of sentence {row.sentence}: its {row.runs} runs do not come to what is said of them")
            check_unit(tuple(row.counterfactual), "an importance", least=-1)
        for row in self.effects:
            count = len(self.sentences) - 1 - row.sentence
            for values in (row.effect, row.low, row.high):
                check_length(values, max(0, count), f"effects of sentence {row.sentence}", "the later sentences")
                check_unit(values, "effects", least=-1)


def anchors_document(result: AnchorResult, codec: Codec, about: About) -> AnchorsDoc:
    """The document of the sentences of a trace."""
    settings, found = result.settings, result.claims
    trace = trace_doc(result.trace, result.base, codec, result.table)
    rows = tuple(_claim_rows(result, trace))
    words = () if found is None else found.rows.verdict
    by = {
        word: tuple(row for row, verdict in zip(rows, words, strict=True) if verdict == word) for word in ("claim", "excluded", "undecided")
    }
    fresh = (0, 0) if found is None else (found.n_rollouts, found.generated_tokens)
    unresolved = "; ".join(part for part in (result.unresolved, "" if found is None else found.unresolved) if part)
    return AnchorsDoc(
        problem=about.problem,
        model=about.model,
        sampling=result.sampling,
        plan=_plan(settings),
        seed=settings.seed,
        level=settings.level,
        trace=trace,
        value_label=result.target.label,
        target=result.target.name,
        sentences=tuple(_sentences(result, codec)),
        effects=tuple(_effects(result)),
        resilience=tuple(_resilience(result)),
        baselines=BaselineDoc(
            position=result.by_position.value,
            position_p=result.by_position.p,
            length=result.by_length.value,
            length_p=result.by_length.p,
        ),
        claims=by["claim"],
        excluded=by["excluded"],
        undecided=by["undecided"],
        family=len(rows),
        looks=0 if found is None else found.looks,
        rollouts=result.n_rollouts + result.fought_rollouts + fresh[0],
        generated_tokens=result.generated_tokens + result.fought_tokens + fresh[1],
        claim_rollouts=fresh[0],
        claim_tokens=fresh[1],
        stopped=result.stopped if found is None else f"importances: {result.stopped}; claims: {found.stopped}",
        provenance=about.provenance,
        notes=(*anchor_notes(result), *stopped_notes(unresolved)),
    )


def _plan(settings: AnchorSettings) -> AnchorPlanDoc:
    return AnchorPlanDoc(
        segment=settings.segment,
        similarity=settings.similarity,
        threshold=settings.threshold,
        alpha=settings.alpha,
        claims=settings.claims,
        delta=settings.delta,
        least=settings.search(Budget()).least,
        false_discovery=settings.false_discovery,
        futility=settings.futility,
        dependence=settings.dependence,
        half_width=settings.curve.half_width,
        max_rollouts=settings.max_rollouts,
        max_tokens=settings.max_tokens,
    )


def _sentences(result: AnchorResult, codec: Codec) -> Iterator[SentenceDoc]:
    rows, ids = result.sentences, result.trace.ids
    for i, (a, b) in enumerate(zip(result.start.tolist(), result.end.tolist(), strict=True)):
        kept, unlike, control = numbers((float(rows.kept[i]), float(rows.unlike[i]), float(rows.control[i])))
        yield SentenceDoc(
            start=a,
            end=b,
            text=codec.decode(ids[a:b]),
            value=_estimate(rows.value, i),
            resampling=_estimate(rows.resampling, i),
            counterfactual=_estimate(rows.counterfactual, i),
            forced=None if result.forced is None else numbers((float(result.forced[i]),))[0],
            kept=kept,
            unlike=unlike,
            n=int(rows.n_left[i]),
            n_unlike=int(rows.n_unlike[i]),
            p=rows.p[i],
            resampling_kl=_divergence(rows.resampling_kl[i]),
            counterfactual_kl=_divergence(rows.counterfactual_kl[i]),
            control=control,
            others=rows.others[i],
        )


def _estimate(of: Mean, i: int) -> Estimate:
    return Estimate.of(float(of.value[i]), float(of.low[i]), float(of.high[i]), n=round(float(of.n[i])))


def _divergence(found: Divergence | None) -> DivergenceDoc | None:
    return None if found is None else DivergenceDoc(value=found.value, null=found.null, null_high=found.null_high, p=found.p)


def _effects(result: AnchorResult) -> Iterator[SourceDoc]:
    of = result.effects
    for i in range(len(result.start) - 1):
        value, low, high = (numbers(side[i, i + 1 :].tolist()) for side in (of.value, of.low, of.high))
        if any(x is not None for x in value):
            yield SourceDoc(sentence=i, effect=value, low=low, high=high)


def _resilience(result: AnchorResult) -> Iterator[ResilienceDoc]:
    for of in result.fought:
        found = against_away(result.sentences.after, of, result.settings.level)
        yield ResilienceDoc(
            sentence=of.sentence,
            runs=result.settings.resilience,
            away=of.away,
            back=of.back,
            stuck=of.stuck,
            unfinished=of.unfinished,
            rounds=sum(of.rounds) / len(of.rounds) if of.rounds else None,
            counterfactual=_estimate(found, 0),
        )


def _claim_rows(result: AnchorResult, trace: TraceDoc) -> Iterator[AnchorDoc]:
    found = result.claims
    if found is None:
        return
    rows, delta, ends = found.rows, result.settings.delta, result.end
    none = result.no_verdict == 0 and result.base.verdict != "unknown"
    for i, sentence in enumerate(found.sentence.tolist()):
        low, high, needed = float(rows.low[i]), float(rows.high[i]), float(rows.needed[i])
        change, p_value, missing, kept = numbers(
            float(x) for x in (rows.delta[i], rows.p_value[i], rows.missing[i], result.sentences.kept[sentence])
        )
        yield AnchorDoc(
            sentence=sentence,
            text="".join(trace.pieces[int(result.start[sentence]) : int(ends[sentence])]),
            leave=None if kept is None else 1 - kept,
            delta=change,
            low=low,
            high=high,
            level=float(rows.level[i]),
            p_value=p_value,
            at_least_delta=low >= delta or high <= -delta,
            look=int(rows.look[i]),
            n=int(rows.n[i]),
            needed=int(needed) if isfinite(needed) else None,
            missing=None if none else missing,
        )


_COLUMNS: dict[str, ColumnKind] = {
    "trace": "text", "sentence": "int", "start": "int", "end": "int", "text": "text", "n": "int", "n_unlike": "int",
    **{f"{name}{end}": "float" for name in ("value", "resampling", "counterfactual") for end in ("", "_low", "_high")},
    **dict.fromkeys(("forced", "kept", "unlike", "p", "resampling_kl", "counterfactual_kl", "control"), "float"),
    "claim": "text",
}  # fmt: skip


def sentence_table(doc: AnchorsDoc) -> Table:
    """A row for each sentence; ``claim``: what fresh draws decide of it, empty where it is not of the family."""
    parts = (("claim", doc.claims), ("excluded", doc.excluded), ("undecided", doc.undecided))
    words = {row.sentence: word for word, rows in parts for row in rows}

    def rows() -> Iterator[TableRow]:
        name = trace_id(doc.model.name, doc.trace)
        for i, one in enumerate(doc.sentences):
            kl = [None if found is None else found.value for found in (one.resampling_kl, one.counterfactual_kl)]
            estimates = (x for part in (one.value, one.resampling, one.counterfactual) for x in part)
            head = (name, i, one.start, one.end, one.text, one.n, one.n_unlike)
            yield (*head, *estimates, one.forced, one.kept, one.unlike, one.p, *kl, one.control, words.get(i, ""))

    return Table(columns=_COLUMNS, rows=rows())
