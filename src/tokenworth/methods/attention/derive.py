"""Receiver heads over many traces: chosen on half of the questions, described on the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from tokenworth.core.document import About, numbers
from tokenworth.core.estimate import Estimate
from tokenworth.core.measure import Done
from tokenworth.errors import InvalidInput
from tokenworth.methods.attention.document import AgreementDoc, AttentionDoc, GapDoc, HeadDoc, LookedDoc
from tokenworth.methods.attention.experiment import TraceMasses
from tokenworth.methods.attention.settings import SWEEP, AttentionSettings
from tokenworth.stats.by_cluster import correlation_of, mean_of, ranks, within
from tokenworth.stats.heads import kurtosis, peak, recency, trace_shares, vertical

HeadScores = Float[np.ndarray, "layer head"]
_FAULTS = (
    "as published: mean weight for each token of a sentence favours short sentences; ours takes the mass",
    "as published: kurtosis is at most about the number of sentences less 2, so that long traces rank the heads; ours is a share of that",
    "as published: heads are chosen and described on the same traces; ours chooses on other questions",
    "as published: nothing is compared with random heads, random spans or position; the rows below do",
    "the published suppression is not repeated: its code does not run, its divergence is of the 100 likeliest tokens, and its logarithm "
    "makes positions without any effect the baseline; effects here are exact",
)


def attention_document(done: Sequence[Done], settings: AttentionSettings, about: About) -> AttentionDoc:
    """The heads, what they look at, and how that goes with what hiding it does."""
    if not done:
        raise InvalidInput("no trace could be measured; see what was reported of each")
    traces: list[TraceMasses] = [one.result for one in done]
    rng = np.random.default_rng(settings.seed)
    _, question = np.unique([one.question for one in traces], return_inverse=True)
    halves = rng.permutation(question.max() + 1) % 2 == 0
    chooses = halves[question] if question.max() > 0 else np.ones(len(traces), dtype=bool)
    published = settings.procedure == "thought-anchors"
    describes = np.ones(len(traces), dtype=bool) if published or chooses.all() else ~chooses
    by_gap = {gap: ranked_by(traces, gap, published) for gap in sorted({*SWEEP, settings.later})}
    rank = by_gap[settings.later]
    chosen_by = _mean(rank, np.ones(len(traces), dtype=bool) if published else chooses)
    receivers = top(chosen_by, settings.receivers)
    peaks = np.stack([peak(vertical(trace_shares(one.mass), settings.later)) for one in traces])
    draws = random_like(receivers, traces[0].mass.shape[1], settings.random_heads, rng)
    looked = [_looked(one, receivers, draws, settings.later, bool(c)) for one, c in zip(traces, chooses, strict=True)]
    described = [(one, q) for one, q, d in zip(looked, question.tolist(), describes, strict=True) if d]
    mean_peak = _mean(peaks, describes)
    own = float(np.mean([mean_peak[at] for at in receivers]))
    return AttentionDoc(
        model=about.model,
        task=about.task,
        procedure=settings.procedure,
        gap=settings.later,
        level=settings.level,
        seed=settings.seed,
        heads=tuple(_heads(traces, chosen_by, peaks, receivers, question, describes, settings, rng)),
        reliability=_reliability(rank, chooses),
        random_peak=numbers([float(np.mean([np.mean([mean_peak[at] for at in some]) < own for some in draws]))])[0],
        gaps=tuple(_gaps(by_gap, chooses | published, receivers, settings)),
        agreement=tuple(_agreement(described, settings, rng)),
        percentile=_percentile(described, settings, rng),
        traces=tuple(looked),
        left_out=about.failed,
        notes=tuple(_notes(traces, chooses, settings)),
        provenance=about.provenance,
    )


def ranked_by(traces: Sequence[TraceMasses], gap: int, published: bool) -> Float[np.ndarray, "trace layer head"]:
    """What heads are ranked by in each trace: their peak, or the excess kurtosis of mean weights, as published; NaN where none."""
    found: list[HeadScores] = []
    for one in traces:
        if published:
            lengths = np.diff(one.bounds)
            found.append(kurtosis(vertical(one.mass[..., 2:] / lengths, gap)) - 3)
        else:
            found.append(peak(vertical(trace_shares(one.mass), gap)))
    return np.stack(found)


def top(score: HeadScores, n: int) -> tuple[tuple[int, int], ...]:
    """The n heads of the largest scores, the first of equals; fewer where fewer have one."""
    order = np.argsort(-np.where(np.isfinite(score), score, -np.inf), axis=None, kind="stable")[:n]
    return tuple((int(i // score.shape[1]), int(i % score.shape[1])) for i in order if np.isfinite(score.flat[i]))


def random_like(receivers: Sequence[tuple[int, int]], heads: int, n: int, rng: np.random.Generator) -> list[tuple[tuple[int, int], ...]]:
    """Draws of as many heads from the same layers, without replacement within a layer; the receivers may be among them."""
    by_layer = Counter(layer for layer, _ in receivers)
    return [tuple((layer, int(head)) for layer, count in by_layer.items() for head in rng.permutation(heads)[:count]) for _ in range(n)]


def _mean(values: Float[np.ndarray, "trace layer head"], rows: Bool[np.ndarray, " trace"]) -> HeadScores:
    known = np.isfinite(values[rows])
    n = known.sum(axis=0)
    return np.divide(np.where(known, values[rows], 0.0).sum(axis=0), n, out=np.full(values.shape[1:], np.nan), where=n > 0)


def _reliability(rank: Float[np.ndarray, "trace layer head"], chooses: Bool[np.ndarray, " trace"]) -> float | None:
    if chooses.all():
        return None
    first, second = (_mean(rank, rows).ravel() for rows in (chooses, ~chooses))
    known = np.isfinite(first) & np.isfinite(second)
    if known.sum() < 3 or np.ptp(first[known]) == 0 or np.ptp(second[known]) == 0:
        return None
    return float(np.corrcoef(first[known], second[known])[0, 1])


def _heads(
    traces: Sequence[TraceMasses],
    chosen_by: HeadScores,
    peaks: Float[np.ndarray, "trace layer head"],
    receivers: Sequence[tuple[int, int]],
    question: Int[np.ndarray, " trace"],
    describes: Bool[np.ndarray, " trace"],
    settings: AttentionSettings,
    rng: np.random.Generator,
) -> Iterator[HeadDoc]:
    near = _mean(np.stack([recency(trace_shares(one.mass)) for one in traces]), describes)
    ranked = top(chosen_by, chosen_by.size)
    unranked = [at for at in np.ndindex(*chosen_by.shape) if at not in ranked]
    for layer, head in (*ranked, *unranked):
        use = describes & np.isfinite(peaks[:, layer, head])
        yield HeadDoc(
            layer=layer + 1,
            head=head,
            chosen_by=numbers([float(chosen_by[layer, head])])[0],
            peak=mean_of(peaks[use, layer, head], question[use], level=settings.level, rng=rng),
            recency=numbers([float(near[layer, head])])[0],
            receiver=(layer, head) in receivers,
        )


def _gaps(
    by_gap: dict[int, Float[np.ndarray, "trace layer head"]],
    rows: Bool[np.ndarray, " trace"],
    receivers: Sequence[tuple[int, int]],
    settings: AttentionSettings,
) -> Iterator[GapDoc]:
    for gap, rank in by_gap.items():
        found = top(_mean(rank, rows), settings.receivers)
        shared = len(set(found) & set(receivers))
        yield GapDoc(gap=gap, heads=tuple((layer + 1, head) for layer, head in found), shared=shared)


def _looked(
    one: TraceMasses, receivers: Sequence[tuple[int, int]], draws: Sequence[Sequence[tuple[int, int]]], gap: int, chooses: bool
) -> LookedDoc:
    v = vertical(trace_shares(one.mass), gap)
    n = len(one.texts)
    blank = np.full(n - v.shape[-1], np.nan)
    strength = np.mean([v[at] for at in receivers], axis=0)
    random = np.mean([v[at] for some in draws for at in some], axis=0)
    effect, percentile = np.full(n, np.nan), np.full(n, np.nan)
    for j in range(v.shape[-1]):
        own = one.effect[j, j + gap :]
        if not np.isfinite(own).all():
            continue
        effect[j] = own.mean()
        windows = one.control[one.of_window == j]
        compared = [
            float(own[there].mean() > window[j + gap :][there].mean())
            for window in windows
            if (there := np.isfinite(window[j + gap :])).any()
        ]
        if compared:
            percentile[j] = np.mean(compared)
    return LookedDoc(
        question=one.question,
        unit=one.unit,
        texts=one.texts,
        strength=numbers(np.append(strength, blank).tolist()),
        random=numbers(np.append(random, blank).tolist()),
        effect=numbers(effect.tolist()),
        percentile=numbers(percentile.tolist()),
        chooses=chooses,
    )


def _columns(described: Sequence[tuple[LookedDoc, int]], name: str) -> Float[np.ndarray, " segment"]:
    """A list of all traces, NaN for null, as ranks within each trace where its effect is known."""
    found: list[Float[np.ndarray, " segment"]] = []
    for one, _ in described:
        known = [x is not None for x in one.effect]
        values = list(range(len(known))) if name == "position" else getattr(one, name)
        found.append(ranks(np.asarray([x for x, k in zip(values, known, strict=True) if k], dtype=np.float64)))
    return np.concatenate(found) if found else np.zeros(0)


def _agreement(described: Sequence[tuple[LookedDoc, int]], settings: AttentionSettings, rng: np.random.Generator) -> Iterator[AgreementDoc]:
    counts = [sum(x is not None for x in one.effect) for one, _ in described]
    trace = np.repeat(np.arange(len(counts)), counts)
    question = np.repeat(np.asarray([q for _, q in described], dtype=np.int64), counts)
    effect = within(_columns(described, "effect"), trace)
    for name, told in (("strength", "receiver heads"), ("random", "random heads"), ("position", "position alone")):
        score = within(_columns(described, name), trace)
        yield AgreementDoc(score=told, correlation=correlation_of(score, effect, question, level=settings.level, rng=rng))


def _percentile(described: Sequence[tuple[LookedDoc, int]], settings: AttentionSettings, rng: np.random.Generator) -> Estimate:
    rows = [(x, q) for one, q in described for x in one.percentile if x is not None]
    values, question = np.asarray([x for x, _ in rows], dtype=np.float64), np.asarray([q for _, q in rows], dtype=np.int64)
    return mean_of(values, question, level=settings.level, rng=rng)


def _notes(traces: Sequence[TraceMasses], chooses: Bool[np.ndarray, " trace"], settings: AttentionSettings) -> Iterator[str]:
    if chooses.all():
        yield "one question: heads are chosen and described on the same traces, so that nothing here is a claim; give more with --item"
    units = Counter(one.unit for one in traces if one.unit != "sentence")
    if units and settings.procedure == "ours":
        told = ", ".join(f"{count:,} by {unit}" for unit, count in units.items())
        yield f"{sum(units.values()):,} of {len(traces):,} traces have too few sentences for a peak; their segments are tokens ({told})"
    if settings.procedure == "thought-anchors":
        yield from _FAULTS
    yield "attention is not importance: a head that looks somewhere need not use it; the rows of agreement say how far the two go together"
