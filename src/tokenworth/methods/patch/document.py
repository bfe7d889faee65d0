"""Patches as a document, made from their result and read back by the same class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from tokenworth.core.document import About, ModelDoc, Number, Provenance, TraceDoc, check_document_level, check_length, trace_doc
from tokenworth.core.estimate import Estimate
from tokenworth.core.problem import Problem
from tokenworth.core.table import ColumnKind, Table, TableRow, trace_id
from tokenworth.core.tokens import Codec
from tokenworth.errors import InvalidInput
from tokenworth.methods.patch.result import PatchResult, TargetCount
from tokenworth.methods.patch.settings import TRANSPLANT, PatchSettings
from tokenworth.methods.patch.spans import TokenSpan
from tokenworth.stats.difference import newcombe

Logprobs = Float[np.ndarray, " option"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadEffect:
    """What hiding a span does to the forced answer at the end; positive: the span speaks for the target."""

    change: Number
    """Share of the target with nothing hidden, less that with the span hidden."""
    log_odds: Number
    """The same for log(target / best other option)."""
    percentile: Number
    """Share of the windows whose change is smaller; equal ones count half."""
    windows: int
    """How many windows of the same length there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanRow:
    """One span: trace tokens ``first`` to before ``end``."""

    first: int
    end: int
    text: str
    forced_change: Number
    """Share of the target in the forced answer after the span, less that before it."""
    direct: ReadEffect | None
    """Hidden from the exit text alone; None: not asked."""
    total: ReadEffect | None
    """Hidden from every token behind it."""
    jump: Estimate | None
    """Value after the span, less that before it."""
    regenerated: Estimate | None
    """Value after the span, less that with the span hidden from it."""
    window: Estimate | None
    """The same with an earlier window of the same length hidden."""
    window_first: int | None
    """Where that window begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransplantDoc:
    """The state that answers, moved from another trace of the same problem; lists are by layer, 0 the embedding."""

    answer: str
    """What the donor answers."""
    text: str
    """Its trace."""
    donor: tuple[Number, ...]
    """Share of the donor's answer."""
    target: tuple[Number, ...]
    """Share of the target."""
    control: tuple[Number, ...]
    """Share of the donor's answer with the state of the donor stopped before its first token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchDoc:
    """What becomes of a trace's answer when parts of it are hidden, or a state is moved."""

    schema: str = "tokenworth.patch/1"
    problem: Problem | None = None
    model: ModelDoc
    trace: TraceDoc
    exit_text: str
    options: tuple[str, ...]
    target: str | None
    """The option that the effects are of; None: the base names none, so there are no effects."""
    share: Number
    """Share of the target in the forced answer at the end, nothing hidden."""
    rows: tuple[SpanRow, ...]
    transplant: TransplantDoc | None
    samples: int | None
    """Rollouts at each end of a span, hidden or not; None: none were drawn."""
    level: float
    provenance: Provenance
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_document_level(self.level)
        for row in self.rows:
            if not 0 <= row.first < row.end <= len(self.trace.pieces):
                raise InvalidInput(f"row of tokens {row.first} to {row.end}: expected a span of the {len(self.trace.pieces)} trace tokens")
        if self.transplant is not None:
            for name in ("target", "control"):
                check_length(getattr(self.transplant, name), len(self.transplant.donor), f"transplant.{name}", "transplant.donor")


def patch_document(result: PatchResult, settings: PatchSettings, codec: Codec, about: About) -> PatchDoc:
    """The document of one trace."""
    trace = trace_doc(result.trace, result.own, codec)
    k = None if result.target is None else result.options.index(result.target)
    end = _shares(result.plain[result.trace.n_trace])
    rows = () if k is None else tuple(_row(result, span, i, k, trace, settings.level) for i, span in enumerate(result.spans))
    return PatchDoc(
        problem=about.problem,
        model=about.model,
        trace=trace,
        exit_text=result.exit_text,
        options=result.options,
        target=result.target,
        share=None if k is None else float(end[k]),
        rows=rows,
        transplant=None if k is None else _moved(result, k, codec),
        samples=settings.samples if result.values else None,
        level=settings.level,
        provenance=about.provenance,
        notes=tuple(_notes(result, settings)),
    )


def _shares(logprob: Logprobs) -> Logprobs:
    raised = np.exp(logprob - logprob.max())
    return raised / raised.sum()


def _row(result: PatchResult, span: TokenSpan, i: int, k: int, trace: TraceDoc, level: float) -> SpanRow:
    first, end = span
    before, after = (float(_shares(result.plain[cut])[k]) for cut in span)
    value = result.values
    other = result.other.get(span)
    effects = {way: _effect(result, hidden, span, result.windows[i], k) for way, hidden in result.hidden.items()}
    return SpanRow(
        first=first,
        end=end,
        text="".join(trace.pieces[first:end]),
        forced_change=after - before,
        direct=effects.get("direct"),
        total=effects.get("total"),
        jump=_difference(value.get(end), value.get(first), level),
        regenerated=_difference(value.get(end), result.regenerated.get(span), level),
        window=None if other is None else _difference(value.get(end), other[1], level),
        window_first=None if other is None else other[0][0],
    )


def _effect(
    result: PatchResult, hidden: Mapping[TokenSpan, Logprobs], span: TokenSpan, windows: tuple[TokenSpan, ...], k: int
) -> ReadEffect:
    plain = result.plain[result.trace.n_trace]

    def change(one: TokenSpan) -> float:
        return float(_shares(plain)[k] - _shares(hidden[one])[k])

    def odds(logprob: Logprobs) -> float:
        return float(logprob[k] - np.delete(logprob, k).max())

    mine, others = change(span), np.asarray([change(one) for one in windows])
    rank = float(((others < mine) + 0.5 * (others == mine)).mean()) if len(others) else None
    return ReadEffect(change=mine, log_odds=odds(plain) - odds(hidden[span]), percentile=rank, windows=len(others))


def _difference(a: TargetCount | None, b: TargetCount | None, level: float) -> Estimate | None:
    """P(target) of the first less that of the second; None where one was not drawn."""
    if a is None or b is None:
        return None
    k, n, other, m = (np.asarray([x], dtype=np.float64) for x in (a.k, a.n, b.k, b.n))
    low, high = newcombe(k, n, other, m, level)
    return Estimate.of(a.k / a.n - b.k / b.n, float(low[0]), float(high[0]), n=a.n + b.n)


def _moved(result: PatchResult, k: int, codec: Codec) -> TransplantDoc | None:
    if result.moved is None:
        return None
    moved, d = result.moved, result.options.index(result.moved.answer)
    given, control = ([_shares(row) for row in table] for table in (moved.logprob, moved.control))
    return TransplantDoc(
        answer=moved.answer,
        text=codec.decode(moved.ids),
        donor=tuple(float(row[d]) for row in given),
        target=tuple(float(row[k]) for row in given),
        control=tuple(float(row[d]) for row in control),
    )


def _notes(result: PatchResult, settings: PatchSettings) -> Iterator[str]:
    if result.target is None:
        yield f"no option is the target (outcome: {result.own.outcome}), so there are no effects; give --target label:X"
    if TRANSPLANT in settings.ways and result.moved is None:
        yield f"none of {result.looked:,} answers is another option than the base's, so no state was moved; give more --donors"
    short = sum(end - first == 1 for first, end in result.spans)
    if result.values and short:
        yield f"{short:,} spans of one token are not hidden from rollouts, because it is read by the first token drawn"


_COLUMNS: Mapping[str, ColumnKind] = {
    "trace_id": "text", "first": "int", "end": "int", "text": "text", "forced_change": "float",
    "direct": "float", "direct_percentile": "float", "total": "float", "total_percentile": "float",
    **{f"{name}{end}": "float" for name in ("jump", "regenerated", "window") for end in ("", "_low", "_high")},
}  # fmt: skip


def patch_table(doc: PatchDoc) -> Table:
    """A row for each span."""

    def rows() -> Iterator[TableRow]:
        name = trace_id(doc.model.name, doc.trace)
        none = Estimate(value=None, low=None, high=None)
        for row in doc.rows:
            effects = [x for one in (row.direct, row.total) for x in ((None, None) if one is None else (one.change, one.percentile))]
            drawn = [x for one in (row.jump, row.regenerated, row.window) for x in (one or none)]
            yield name, row.first, row.end, row.text, row.forced_change, *effects, *drawn

    return Table(columns=_COLUMNS, rows=rows())
