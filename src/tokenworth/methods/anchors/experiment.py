"""The experiment of `anchors`: what each sentence of a trace is worth, and which sentences change the value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from jaxtyping import Float, Int

from tokenworth.core.grade import Judge
from tokenworth.core.measure import FindWall, Most, Need, Subject
from tokenworth.core.request.experiment import Experiment
from tokenworth.core.request.next_token import NextToken, NextTokenTable
from tokenworth.core.request.sample import Sample
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import Codec, TokenSequence, Trace
from tokenworth.errors import InvalidInput
from tokenworth.methods.anchors.importances import baseline, evidence, measured
from tokenworth.methods.anchors.resilience import Fight, Fought, resilience
from tokenworth.methods.anchors.result import AnchorClaims, AnchorResult
from tokenworth.methods.anchors.settings import AnchorSettings
from tokenworth.methods.anchors.similarity import similarity_of
from tokenworth.methods.anchors.texts import Alike
from tokenworth.methods.curve.excursions import excursions, strata_within
from tokenworth.methods.curve.experiment import as_far_as_it_fits, check_process
from tokenworth.methods.curve.labels import Reader
from tokenworth.methods.curve.result import CurveResult
from tokenworth.methods.curve.settings import Budget
from tokenworth.methods.forced.experiment import ExitText, exits_of, forced, labels_of
from tokenworth.methods.forced.settings import ForcedSettings
from tokenworth.methods.pivots.experiment import ROUNDING, rows_of
from tokenworth.methods.pivots.search import Search
from tokenworth.methods.sample.experiment import draws_of
from tokenworth.methods.segments import token_cuts
from tokenworth.stats.changes import slack_between
from tokenworth.stats.strata import Strata
from tokenworth.tasks.target import LABEL, OWN, target_of

ANCHOR_STREAM = 1 << 51
"""Distance from a run's seed to the stream of the draws behind claims: no draw of `sample`, of a curve or of `pivots` is among them."""
Starts = Int[np.ndarray, " sentence"]


def anchors(
    trace: Trace,
    *,
    judge: Judge,
    sampling: Sampling,
    settings: AnchorSettings,
    codec: Codec,
    find_wall: FindWall = len,
    name_first: bool = True,
    chosen: str = "given",
    exits: tuple[tuple[str, ...], tuple[ExitText, ...]] | None = None,
    gold: str | None = None,
) -> Experiment[AnchorResult]:
    """What each sentence of ``trace`` is worth.

    ``find_wall``: where the trace of a completion ends. ``exits``: options and exit text of forced answers (None: none are read); ``gold``:
    the right one. ``chosen``: how the base was chosen.

    Raises MismatchError for a base of another process, and in one line what a user's similarity does wrong. Source: formulas in
    `docs/methods/anchors.md`.
    """
    check_process(trace, sampling)
    similarity_of(settings.similarity)  # refused before anything is drawn
    reader = Reader(trace=trace, judge=judge, target=target_of(settings.target, judge(trace.sequence.completion, trace.stop)), codec=codec)
    start = token_cuts(codec.piece_bytes(trace.ids), settings.segment)
    table = yield from _table(trace, sampling, settings.top)
    own = settings.curve
    wanted = np.append(start, trace.n_trace)
    drawn = yield from excursions(reader, sampling=sampling, settings=own, table=table, name_first=name_first, wanted=wanted)
    alike = _alike(trace, start, drawn, settings, codec, find_wall)
    claims = None
    if settings.claims:
        claims = yield from _claims(reader, table, start, sampling=sampling, settings=settings, drawn=drawn, name_first=name_first)
    fought, rollouts, tokens = (), 0, 0
    if settings.resilience:
        fought, rollouts, tokens = yield from _fought(reader, sampling, start, claims, settings, drawn, codec, find_wall)
    stops = None
    if exits is not None and len(start):
        stops = yield from _forced(trace, start, *exits, judge=judge, name=settings.target, gold=gold)
    strata = strata_within(np.zeros(0) if table is None else np.asarray(table.p, dtype=np.float64), own.budget)
    return replace(
        _result(reader, strata, start, drawn, alike, settings),
        claims=claims,
        forced=stops,
        chosen=chosen,
        fought=fought,
        fought_rollouts=rollouts,
        fought_tokens=tokens,
    )


def _table(trace: Trace, sampling: Sampling, top: int) -> Experiment[NextTokenTable | None]:
    """q_c along the base; None for an empty one."""
    length = len(trace.sequence.completion)
    if not length:
        return None
    (answer,) = yield (NextToken(sequence=trace.sequence, cuts=tuple(range(length)), params=sampling, top=top),)
    assert isinstance(answer, NextTokenTable)
    return answer


def _alike(trace: Trace, start: Starts, drawn: CurveResult, settings: AnchorSettings, codec: Codec, find_wall: FindWall) -> Alike:
    return Alike(
        trace,
        start,
        drawn.draws,
        codec=codec,
        find_wall=find_wall,
        segment=settings.segment,
        similarity=similarity_of(settings.similarity),
        threshold=settings.threshold,
    )


def _result(reader: Reader, strata: Strata, start: Starts, drawn: CurveResult, alike: Alike, settings: AnchorSettings) -> AnchorResult:
    grade, hit = reader.base()
    table = drawn.table
    slack = None if table is None else table.slack
    of, outcomes = evidence(strata, start, reader.trace.n_trace, drawn.draws, (grade.outcome, hit), alike, slack)
    rng = np.random.default_rng([settings.seed, len(drawn.draws)])
    rows, effects = measured(of, level=settings.level, alpha=settings.alpha, rng=rng)
    size, lengths = np.abs(rows.resampling.value), np.diff(of.bounds).astype(np.float64)
    return AnchorResult(
        trace=reader.trace,
        base=grade,
        target=reader.target,
        sampling=drawn.sampling,
        settings=settings,
        start=start,
        sentences=rows,
        effects=effects,
        claims=None,
        by_position=baseline(size, np.arange(len(size), dtype=np.float64), rng),
        by_length=baseline(size, lengths, rng),
        forced=None,
        fought=(),
        fought_rollouts=0,
        fought_tokens=0,
        outcomes=outcomes,
        no_verdict=sum(draw.hit is None for draw in drawn.draws),
        n_rollouts=drawn.n_rollouts,
        generated_tokens=drawn.generated_tokens,
        stopped=drawn.stopped,
        unresolved=drawn.unresolved,
        slack=slack,
        table=table,
    )


# -- claims ---------------------------------------------------------------------------------------------------------------------------


def sentence_family(
    p: Float[np.ndarray, " cut"], slack: Float[np.ndarray, " cut"] | None, bounds: Int[np.ndarray, " bound"], delta: float
) -> Int[np.ndarray, " row"]:
    """The sentences that can change the value by ``delta``: |D| ≤ 1 − K, and 1 − K + s where probabilities are known to within bounds."""
    first, second = bounds[:-1], bounds[1:]
    leave = np.asarray([1.0 - np.prod(p[a:b]) for a, b in zip(first.tolist(), second.tolist(), strict=True)], dtype=np.float64)
    if slack is not None:
        leave = leave + slack_between(p, slack, first, second)
    return np.flatnonzero(leave >= delta - ROUNDING)


def _claims(
    reader: Reader,
    table: NextTokenTable | None,
    start: Starts,
    *,
    sampling: Sampling,
    settings: AnchorSettings,
    drawn: CurveResult,
    name_first: bool,
) -> Experiment[AnchorClaims]:
    bounds = np.append(start, reader.trace.n_trace) if len(start) else np.zeros(1, dtype=np.int64)
    p = np.zeros(0) if table is None else np.asarray(table.p, dtype=np.float64)
    family = sentence_family(p, None if table is None else table.slack, bounds, settings.delta)
    search = Search(
        reader,
        table,
        sampling=sampling,
        settings=settings.search(Budget(max_rollouts=drawn.n_rollouts or None, max_tokens=drawn.generated_tokens or None)),
        first=bounds[:-1][family],
        second=bounds[1:][family],
        out=np.zeros(len(family), dtype=bool),
        name_first=name_first,
        stream=ANCHOR_STREAM,
    )
    stopped = yield from search.run()
    n_open = int(search.selection.open.sum())
    return AnchorClaims(
        sentence=family,
        rows=rows_of(search),
        looks=search.selection.looks,
        n_rollouts=len(search.ledger.draws),
        generated_tokens=search.ledger.generated,
        stopped=stopped,
        unresolved=f"{n_open:,} of {len(family):,} candidates are undecided" if n_open else "",
    )


def _fought(
    reader: Reader,
    sampling: Sampling,
    start: Starts,
    claims: AnchorClaims | None,
    settings: AnchorSettings,
    drawn: CurveResult,
    codec: Codec,
    find_wall: FindWall,
) -> Experiment[tuple[tuple[Fought, ...], int, int]]:
    """The claimed sentences, or without claims all, taken away with what the budget leaves."""
    which = list(range(len(start)))
    used = [drawn.n_rollouts, drawn.generated_tokens]
    if claims is not None:
        which = [int(k) for k, verdict in zip(claims.sentence, claims.rows.verdict, strict=True) if verdict == "claim"]
        used = [used[0] + claims.n_rollouts, used[1] + claims.generated_tokens]
    fight = Fight(
        reader=reader,
        sampling=sampling,
        codec=codec,
        find_wall=find_wall,
        segment=settings.segment,
        similarity=similarity_of(settings.similarity),
        threshold=settings.threshold,
        seed=settings.seed,
    )
    ends = np.append(start[1:], reader.trace.n_trace)
    left = [None if most is None else most - n for most, n in zip((settings.max_rollouts, settings.max_tokens), used, strict=True)]
    sentences = [(k, int(start[k]), int(ends[k])) for k in which]
    return (yield from resilience(fight, sentences, runs=settings.resilience, most_rollouts=left[0], most_tokens=left[1]))


# -- forced answers -------------------------------------------------------------------------------------------------------------------


def _forced(
    trace: Trace, start: Starts, labels: tuple[str, ...], exits: tuple[ExitText, ...], *, judge: Judge, name: str, gold: str | None
) -> Experiment[Float[np.ndarray, " sentence"]]:
    """P(target) of the forced answer after each sentence less that before it: no draw, so no interval."""
    cuts = (*start.tolist(), trace.n_trace)
    read = yield from forced(trace, options=labels, exits=exits, stride=1, judge=judge, cuts_allowed=cuts)
    wanted = read.own.outcome if name == OWN else name.removeprefix(LABEL) if name.startswith(LABEL) else gold
    found = np.full(len(start), np.nan)
    if wanted in labels and read.readings:
        share = read.readings[0].renormalised[:, labels.index(wanted)]
        at = {int(cut): float(value) for cut, value in zip(read.cuts, share, strict=True)}
        found = np.asarray([at.get(b, np.nan) - at.get(a, np.nan) for a, b in zip(cuts[:-1], cuts[1:], strict=True)], dtype=np.float64)
    return found


# -- of a subject ---------------------------------------------------------------------------------------------------------------------


def anchors_of(subject: Subject, settings: AnchorSettings) -> Experiment[AnchorResult]:
    """The sentences of a subject's base trace, as far as it fits into the context and its model gives probabilities."""
    assert subject.trace is not None
    trace = as_far_as_it_fits(subject.trace, subject)
    if subject.reachable(trace.sequence, trace.n_trace) is not None:
        raise InvalidInput(f"{subject.model} cannot be asked at every cut of this trace, which anchors need; use curve --plan stride")
    reading = ForcedSettings(target=settings.target) if settings.forced else None
    result = yield from anchors(
        trace,
        judge=subject.judge,
        sampling=subject.sampling,
        settings=settings,
        codec=subject.codec,
        find_wall=subject.find_wall,
        name_first=subject.able.avoid,
        chosen=subject.chosen,
        exits=None if reading is None else (labels_of(subject, reading), exits_of(subject, reading)),
        gold=None if subject.problem is None else subject.problem.gold,
    )
    return result if trace is subject.trace else replace(result, cut_off=trace.n_trace)


def needs(settings: AnchorSettings) -> Iterator[Need]:
    """Rollouts that leave the trace, q_c, and readings for forced answers."""
    yield draws_of("anchors")
    for able in ("next_token", "leave", *(("read",) if settings.forced else ())):
        yield Need(able=able, what="anchors", instead={"sample": "curve --plan stride or plain still works"})


def most(subject: Subject, settings: AnchorSettings) -> list[Most] | None:
    """A table of q_c, and as many rollouts as the budget allows; None where precision alone ends the run."""
    if settings.max_rollouts is None:
        return None
    limit = subject.sampling.max_tokens
    longest = TokenSequence(prompt=subject.prompt, completion=(0,) * limit)
    first = Sample(sequence=longest, cut=0, params=subject.sampling, seed=0, index=0, leave=True)
    table = NextToken(sequence=longest, cuts=tuple(range(limit)), params=subject.sampling, top=settings.top)
    return [Most(n=settings.max_rollouts, reads=replace(first, cut=limit - 1), writes=first), Most(n=1, reads=table, writes=table)]
