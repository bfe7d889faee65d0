"""A search for pivots as a document, made from its result and read back by the same class."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from typing import Literal

from tokenworth.core.document import (
    About,
    ModelDoc,
    Number,
    Provenance,
    TraceDoc,
    check_document_level,
    check_unit,
    numbers,
    stopped_notes,
    token_text,
    trace_doc,
)
from tokenworth.core.problem import Problem
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import Codec
from tokenworth.errors import InvalidInput
from tokenworth.methods.pivots.notes import pivot_notes
from tokenworth.methods.pivots.result import PivotResult
from tokenworth.methods.pivots.settings import PivotPlan, PivotSettings
from tokenworth.stats.selection import Dependence, most_steps

UNLIKELY = 0.1
"""A token of this probability or less is unlikely."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PivotDoc:
    """A token that could change the value by delta, and what fresh draws say of its change V(token + 1) − V(token).

    ``p``: its probability. ``before``: V(token); V(token + 1) is delta more. ``low`` and ``high`` hold at ``level``. ``p_value``: of a
    change of δ₀ or less, at the look that decided. ``at_least_delta``: both limits are delta or more from 0, on one side. ``n``: fresh
    draws that leave the trace here; ``needed``: about how many decide, where it is undecided. ``missing``: change of the share of rollouts
    without a verdict; None where all have one.
    """

    token: int
    text: str
    p: Number
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
    before: Number = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedDoc:
    """A token that a plan for comparison names: its difference of two raw shares is delta or more. Nothing is claimed of it."""

    token: int
    text: str
    p: Number
    delta: Number


@dataclass(frozen=True, slots=True, kw_only=True)
class PairDoc:
    """A claimed token beside its likeliest other one, on draws that chose neither: which way of going on is better.

    ``other``: id of the other token. ``delta``: value with the token less that with the other, with limits at ``level``. ``better``: None
    where they are not told apart at the plan's false-discovery rate over all pairs. ``n_``, ``k_`` and ``unknown_``: rollouts that go on
    so, those that met the target, and those without a verdict, which count as misses.
    """

    token: int
    text: str
    p: Number
    other: int
    other_text: str
    other_p: Number
    n_token: int
    k_token: int
    unknown_token: int
    n_other: int
    k_other: int
    unknown_other: int
    delta: Number
    low: Number
    high: Number
    level: float
    p_value: Number
    better: Literal["token", "other"] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PivotPlanDoc:
    """What was asked for. ``least`` is δ₀: a change of that size or less is no pivot."""

    name: PivotPlan
    delta: float
    least: float
    false_discovery: float
    futility: float
    dependence: Dependence
    samples: int | None = None
    screen: str | None = None
    pairs: int | None = None
    max_rollouts: int | None = None
    max_tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CriticalDoc:
    """Cuts from which on the value stays below ``bound``, or above 1 − ``bound``, read off a band that holds it everywhere at ``level``.

    None: there is none.
    """

    bound: float
    level: float
    below: int | None = None
    above: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PivotsDoc:
    """Tokens that change the value, claimed with a false-discovery rate, and those that do not, or may.

    ``family``: tokens that could change it by delta; all others were too certain. ``claims``, ``excluded`` and ``undecided`` are all of it.
    ``unlikely``: of the family, those of probability `UNLIKELY` or less, by size of their change. ``most``: how many tokens of a base that
    is drawn from the model change the value by delta or more in expectation, at most; None where the base was not drawn like that.
    ``named``: what a plan for comparison names. ``pairs``: of claims, where they were asked for.
    """

    schema: str = "tokenworth.pivots/1"
    problem: Problem | None = None
    model: ModelDoc
    sampling: Sampling
    plan: PivotPlanDoc
    seed: int
    trace: TraceDoc
    value_label: str = "P(correct)"
    target: str = "gold"
    claims: tuple[PivotDoc, ...]
    excluded: tuple[PivotDoc, ...]
    undecided: tuple[PivotDoc, ...]
    unlikely: tuple[PivotDoc, ...] = ()
    named: tuple[NamedDoc, ...] = ()
    pairs: tuple[PairDoc, ...] = ()
    family: int
    screened: int = 0
    looks: int
    start: Number
    start_low: Number
    start_high: Number
    most: Number = None
    critical: CriticalDoc
    rollouts: int
    generated_tokens: int
    stopped: str
    provenance: Provenance
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_unit((self.start, self.start_low, self.start_high), "start")
        decided = (*self.claims, *self.excluded, *self.undecided)
        if len(decided) != self.family:
            raise InvalidInput(f"{len(decided)} tokens are claimed, excluded or undecided; expected {self.family}, the family")
        for row in (*decided, *self.unlikely, *self.named):
            if not 0 <= row.token < len(self.trace.pieces):
                raise InvalidInput(f"a row is about token {row.token}, expected 0 to {len(self.trace.pieces) - 1}, the last of the trace")
            check_unit((row.delta,), "delta", least=-1)
            check_unit((row.p,), "p")
        for pair in self.pairs:
            if not 0 <= pair.token < len(self.trace.pieces) or pair.other < 0:
                raise InvalidInput(f"a pair is of tokens {pair.token} and {pair.other}; expected a place of the trace and a token id")
            if not (0 <= pair.k_token <= pair.n_token and 0 <= pair.k_other <= pair.n_other):
                raise InvalidInput(f"the pair at token {pair.token} has more hits than rollouts, or fewer than none")
            check_document_level(pair.level)
            check_unit((pair.delta, pair.low, pair.high), "pairs", least=-1)
        for row in decided:
            check_document_level(row.level)
            check_unit((row.low, row.high), "limits", least=-1)


def pivots_document(result: PivotResult, codec: Codec, about: About) -> PivotsDoc:
    """The document of a search for pivots."""
    settings, rows = result.settings, tuple(_rows(result, codec))
    by = {word: tuple(row for row, verdict in zip(rows, result.rows.verdict, strict=True) if verdict == word) for word in _WORDS}
    unlikely = (row for row in rows if row.p is not None and row.p <= UNLIKELY)
    start = numbers(result.start)
    # Where V(1 − V) is largest within the limits.
    _, low, high = result.start
    nearest = min(max(0.5, low), high)
    return PivotsDoc(
        problem=about.problem,
        model=about.model,
        sampling=result.sampling,
        plan=_plan(settings),
        seed=settings.seed,
        trace=trace_doc(result.trace, result.base, codec, result.table),
        value_label=result.target.label,
        target=result.target.name,
        claims=by["claim"],
        excluded=by["excluded"],
        undecided=by["undecided"],
        unlikely=tuple(sorted(unlikely, key=lambda row: -abs(row.delta or 0.0))),
        named=tuple(_named(result, codec)),
        pairs=tuple(_pairs(result, codec)),
        family=len(rows),
        screened=result.screened,
        looks=result.looks,
        start=start[0],
        start_low=start[1],
        start_high=start[2],
        most=most_steps(nearest, settings.delta) if result.chosen == "any" else None,
        critical=CriticalDoc(bound=settings.bound, level=settings.level, below=result.critical.below, above=result.critical.above),
        rollouts=result.n_rollouts,
        generated_tokens=result.generated_tokens,
        stopped=result.stopped,
        provenance=about.provenance,
        notes=(*pivot_notes(result), *stopped_notes(result.unresolved)),
    )


def _plan(settings: PivotSettings) -> PivotPlanDoc:
    budget = settings.budget
    return PivotPlanDoc(
        name=settings.plan,
        delta=settings.delta,
        least=settings.least,
        false_discovery=settings.false_discovery,
        futility=settings.futility,
        dependence=settings.dependence,
        samples=settings.per_cut,
        screen=settings.screen,
        pairs=settings.pairs,
        max_rollouts=budget.max_rollouts,
        max_tokens=budget.max_tokens,
    )


_WORDS = ("claim", "excluded", "undecided")


def _rows(result: PivotResult, codec: Codec) -> Iterator[PivotDoc]:
    rows, delta = result.rows, result.settings.delta
    pieces = _pieces(result, codec)
    none = result.no_verdict == 0 and result.base.verdict != "unknown"
    for i, token in enumerate(map(int, rows.token)):
        low, high = float(rows.low[i]), float(rows.high[i])
        needed = float(rows.needed[i])
        found = (result.p[token], rows.delta[i], rows.p_value[i], rows.missing[i], rows.before[i])
        p, change, p_value, missing, before = numbers(map(float, found))
        yield PivotDoc(
            token=token,
            text=pieces[token],
            p=p,
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
            before=before,
        )


def _named(result: PivotResult, codec: Codec) -> Iterator[NamedDoc]:
    if result.named is not None:
        pieces = _pieces(result, codec)
        for token, delta in zip(map(int, result.named.token), map(float, result.named.delta), strict=True):
            (p,) = numbers((float(result.p[token]),))
            yield NamedDoc(token=token, text=pieces[token], p=p, delta=delta)


def _pairs(result: PivotResult, codec: Codec) -> Iterator[PairDoc]:
    found, q = result.pairs, result.settings.false_discovery
    if found is None or not len(found.token):
        return
    pieces, apart, (low, high, level), p_value = _pieces(result, codec), found.told_apart(q), found.limits(q), found.p_values()
    for i, token in enumerate(map(int, found.token)):
        p, other_p, delta = numbers((float(result.p[token]), float(found.other_p[i]), float(found.delta[i])))
        (n_token, n_other), (k_token, k_other), (unknown_token, unknown_other) = (
            map(int, part[i]) for part in (found.number, found.hits, found.unknown)
        )
        yield PairDoc(
            token=token,
            text=pieces[token],
            p=p,
            other=int(found.other[i]),
            other_text=token_text(codec, int(found.other[i])),
            other_p=other_p,
            n_token=n_token,
            k_token=k_token,
            unknown_token=unknown_token,
            n_other=n_other,
            k_other=k_other,
            unknown_other=unknown_other,
            delta=delta,
            low=float(low[i]),
            high=float(high[i]),
            level=level,
            p_value=float(p_value[i]),
            better=None if not apart[i] else "token" if (delta or 0) > 0 else "other",
        )


def _pieces(result: PivotResult, codec: Codec) -> tuple[str, ...]:
    return trace_doc(result.trace, result.base, codec).pieces
