"""The derivation of `align`: places of a kind in many traces, and places that are like them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Bool, Float, Int

from tokenworth.core.document import About, Document, numbers
from tokenworth.core.estimate import Estimate
from tokenworth.errors import InvalidInput
from tokenworth.methods.align.back import gone_back
from tokenworth.methods.align.document import AlignDoc, EffectRow, PatternRow
from tokenworth.methods.align.patterns import finder
from tokenworth.methods.align.settings import TAG, TAGS, AlignSettings
from tokenworth.methods.align.traces import AlignedTrace, Span, traces_of
from tokenworth.stats.by_cluster import matched_difference, mean_of, share_of
from tokenworth.stats.matching import balance, nearest_controls

QUANTITIES = ("value", "forced gold", "forced own")
COVARIATES = ("position", "log probability", "log sentence length", "begins a sentence")
MOST_CANDIDATES = 50_000
"""Places among which controls are sought, drawn from all units of all traces that are in no place."""
STEPS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Places:
    """Places, by trace."""

    trace: Int[np.ndarray, " place"]
    first: Int[np.ndarray, " place"]
    end: Int[np.ndarray, " place"]

    def __len__(self) -> int:
        return len(self.trace)

    def spans(self) -> Iterator[tuple[int, Span]]:
        return ((t, (a, b)) for t, a, b in zip(self.trace.tolist(), self.first.tolist(), self.end.tolist(), strict=True))


def align_document(documents: Iterable[Document], settings: AlignSettings, about: About) -> AlignDoc:
    """What happens at each kind of place. Raises InvalidInput without any curve or forced answers."""
    traces = [one for one in traces_of(documents) if one.n and one.along]
    if not traces:
        raise InvalidInput("no curves among the documents; give results of curve or forced")
    rng = np.random.default_rng(settings.seed)
    names = {name: number for number, name in enumerate(dict.fromkeys(one.question for one in traces))}
    question = np.asarray([names[one.question] for one in traces], dtype=np.int64)
    rows = tuple(_pattern(pattern, traces, question, settings, rng) for pattern in _expanded(settings.pattern, traces))
    alone = sum(np.bincount(question) == 1)
    return AlignDoc(
        traces=len(traces),
        level=settings.level,
        patterns=rows,
        gone_back=gone_back(traces, settings.level, rng),
        provenance=about.provenance,
        notes=(f"{len(names):,} questions, {alone:,} of them with one trace; limits are over questions",),
    )


def _expanded(patterns: Sequence[str], traces: Sequence[AlignedTrace]) -> Iterator[str]:
    """``tags`` is every tag there is, none where no source has any."""
    for one in patterns:
        if one == TAGS:
            yield from (f"{TAG}{tag}" for tag in sorted({tag for trace in traces for _, tag in trace.tags}))
        else:
            yield one


def _pattern(
    pattern: str, traces: Sequence[AlignedTrace], question: Int[np.ndarray, " trace"], settings: AlignSettings, rng: np.random.Generator
) -> PatternRow:
    find = finder(pattern)
    found = [(t, *span) for t, trace in enumerate(traces) for span in find(trace)]
    table = np.asarray(found, dtype=np.int64).reshape(len(found), 3)
    places = _Places(trace=table[:, 0], first=table[:, 1], end=table[:, 2])
    has_it = np.isin(np.arange(len(traces)), places.trace)
    controls, gaps = _controls(places, traces, settings, rng)
    p = np.asarray([traces[t].p[span[0]] for t, span in places.spans()], dtype=np.float64)
    known = np.isfinite(p)
    note = "nothing is left to compare it with" if controls is None else ""
    note = note if found else f"it matches nothing in {len(traces):,} traces"
    return PatternRow(
        pattern=pattern,
        places=len(found),
        has_it=share_of(has_it, question, settings.level),
        p=mean_of(p[known], question[places.trace[known]], level=settings.level, rng=rng),
        effects=tuple(_effects(places, controls, traces, question, settings, rng)),
        balance=dict(zip(COVARIATES, numbers(gaps), strict=True)) if controls is not None else {},
        note=note,
    )


# -- controls -------------------------------------------------------------------------------------------------------------------------


def _controls(
    places: _Places, traces: Sequence[AlignedTrace], settings: AlignSettings, rng: np.random.Generator
) -> tuple[_Places | None, Float[np.ndarray, " covariate"]]:
    """``settings.controls`` places for each place, one after another, and how alike they are; None where there is nothing else."""
    taken = [np.zeros(one.n, dtype=np.bool_) for one in traces]
    for t, (a, b) in places.spans():
        taken[t][a:b] = True
    free = [np.flatnonzero(~one) for one in taken]
    trace = np.repeat(np.arange(len(traces)), [len(one) for one in free])
    unit = np.concatenate(free) if free else np.zeros(0, dtype=np.int64)
    if not len(unit) or not len(places):
        return None, np.full(len(COVARIATES), np.nan)
    if len(unit) > MOST_CANDIDATES:
        chosen = np.sort(rng.choice(len(unit), MOST_CANDIDATES, replace=False))
        trace, unit = trace[chosen], unit[chosen]
    wanted, offered = _covariates(traces, places.trace, places.first), _covariates(traces, trace, unit)
    nearest = nearest_controls(wanted, offered, settings.controls, rng)
    k = nearest.shape[1]
    flat = nearest.ravel()
    length = np.repeat(places.end - places.first, k)
    last = np.asarray([traces[t].n for t in map(int, trace[flat])], dtype=np.int64)
    found = _Places(trace=trace[flat], first=unit[flat], end=np.minimum(unit[flat] + length, last))
    return found, balance(np.repeat(wanted, k, axis=0), offered[flat])


def _covariates(
    traces: Sequence[AlignedTrace], trace: Int[np.ndarray, " place"], unit: Int[np.ndarray, " place"]
) -> Float[np.ndarray, "place covariate"]:
    """What places are matched by: position in the trace, log probability (0 where none is known), log length of the sentence, whether it
    begins one."""
    rows: list[tuple[float, ...]] = []
    for t, i in zip(map(int, trace), map(int, unit), strict=True):
        one = traces[t]
        p = float(one.p[i])
        rows.append((i / one.n, 0.0 if np.isnan(p) else np.log(max(p, 1e-6)), np.log1p(float(one.sentence[i])), float(one.begins[i])))
    return np.asarray(rows, dtype=np.float64).reshape(len(rows), len(COVARIATES))


# -- effects --------------------------------------------------------------------------------------------------------------------------


def _effects(
    places: _Places,
    controls: _Places | None,
    traces: Sequence[AlignedTrace],
    question: Int[np.ndarray, " trace"],
    settings: AlignSettings,
    rng: np.random.Generator,
) -> Iterator[EffectRow]:
    for quantity in QUANTITIES:
        before, change, span = _changes(places, traces, quantity)
        known = np.isfinite(change)
        if not known.any():
            continue
        cluster = question[places.trace]
        other, of_control = np.full((len(places), 1), np.nan), cluster[:, None]
        if controls is not None:
            other = _changes(controls, traces, quantity)[1].reshape(len(places), -1)
            of_control = question[controls.trace].reshape(len(places), -1)
        base = _row_means(other)
        matched = known & np.isfinite(base)

        beside = partial(matched_difference, of_place=cluster, of_control=of_control, level=settings.level, rng=rng)
        mean = partial(_mean, cluster, settings.level, rng)
        offsets = tuple(sorted({s * sign for s in STEPS for sign in (-1, 1) if s <= settings.window} | {0}))
        yield EffectRow(
            quantity=quantity,
            n=int(known.sum()),
            traces=len(np.unique(places.trace[known])),
            before=mean(before, known),
            change=mean(change, known),
            control=mean(base, matched),
            difference=beside(change, other),
            size=mean(np.abs(change), known),
            size_difference=beside(np.abs(change), np.abs(other)),
            span=float(np.median(span[known])),
            offsets=offsets,
            profile=_profile(places, traces, quantity, offsets),
        )


def _mean(
    cluster: Int[np.ndarray, " place"],
    level: float,
    rng: np.random.Generator,
    values: Float[np.ndarray, " place"],
    which: Bool[np.ndarray, " place"],
) -> Estimate:
    return mean_of(values[which], cluster[which], level=level, rng=rng)


def _changes(places: _Places, traces: Sequence[AlignedTrace], quantity: str) -> tuple[Float[np.ndarray, " place"], ...]:
    """The quantity before each place, its change over it, and the units between the two readings; NaN where one of them is missing."""
    table = np.full((len(places), 3), np.nan)
    for row, (t, span) in enumerate(places.spans()):
        along = traces[t].along.get(quantity)
        found = None if along is None else along.around(span)
        if along is not None and found is not None:
            a, b = found
            table[row] = along.values[a], along.values[b] - along.values[a], along.cuts[b] - along.cuts[a]
    return table[:, 0], table[:, 1], table[:, 2]


def _row_means(values: Float[np.ndarray, "place k"]) -> Float[np.ndarray, " place"]:
    known = np.isfinite(values)
    count = known.sum(axis=1)
    return np.divide(np.where(known, values, 0.0).sum(axis=1), count, out=np.full(len(values), np.nan), where=count > 0)


def _profile(places: _Places, traces: Sequence[AlignedTrace], quantity: str, offsets: tuple[int, ...]) -> tuple[float | None, ...]:
    """The mean curve around the places, each less its own reading just before."""
    total, count = np.zeros(len(offsets)), np.zeros(len(offsets))
    for t, (a, b) in places.spans():
        along = traces[t].along.get(quantity)
        if along is None:
            continue
        base = along.at(a)
        for k, offset in enumerate(offsets):
            cut = a + offset if offset < 0 else b + offset
            value = along.at(cut) - base if 0 <= cut <= traces[t].n else float("nan")
            if np.isfinite(value):
                total[k] += value
                count[k] += 1
    return numbers(np.divide(total, count, out=np.full(len(offsets), np.nan), where=count > 0))
