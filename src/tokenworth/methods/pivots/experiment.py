"""The experiment of `pivots`: which tokens of a trace change the value, claimed on fresh draws."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float, Int

from tokenworth.core.grade import Judge
from tokenworth.core.measure import Most, Need, Subject
from tokenworth.core.request.experiment import Experiment
from tokenworth.core.request.next_token import NextToken, NextTokenTable
from tokenworth.core.request.sample import Sample
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import Codec, TokenSequence, Trace
from tokenworth.errors import InvalidInput, MismatchError
from tokenworth.methods.curve.document import CurveDoc
from tokenworth.methods.curve.experiment import as_far_as_it_fits, check_process
from tokenworth.methods.curve.labels import Reader
from tokenworth.methods.pivots.pairs import draw_pairs
from tokenworth.methods.pivots.plans import bisection, every
from tokenworth.methods.pivots.result import Critical, PivotResult, PivotRows, PivotVerdict
from tokenworth.methods.pivots.screen import screened
from tokenworth.methods.pivots.search import Search
from tokenworth.methods.pivots.settings import PivotSettings
from tokenworth.methods.sample.experiment import draws_of
from tokenworth.methods.selecting import INTERVAL, ROUNDING
from tokenworth.stats.band import excursion_band, forks_before, level_of_each
from tokenworth.stats.excursions import slack_bound
from tokenworth.tasks.target import target_of


def pivots(
    trace: Trace,
    *,
    judge: Judge,
    sampling: Sampling,
    settings: PivotSettings,
    codec: Codec | None = None,
    with_probabilities: bool = True,
    screen: CurveDoc | None = None,
    name_first: bool = True,
    chosen: str = "given",
) -> Experiment[PivotResult]:
    """Searches ``trace`` for tokens that change the value by ``settings.delta``.

    ``screen``: a curve of the trace, which leaves candidates out and is used for nothing else. ``chosen``: how the base was chosen.

    Raises MismatchError for a base or a screen of another process. Source: formulas in `docs/methods/pivots.md`.
    """
    check_process(trace, sampling)
    reader = Reader(trace=trace, judge=judge, target=target_of(settings.target, judge(trace.sequence.completion, trace.stop)), codec=codec)
    table, length = None, len(trace.sequence.completion)
    if length and with_probabilities:
        (answer,) = yield (NextToken(sequence=trace.sequence, cuts=tuple(range(length)), params=sampling, top=settings.top),)
        assert isinstance(answer, NextTokenTable)
        table = answer
    if settings.plan != "search":
        plan = every if settings.plan == "every" else bisection
        return replace((yield from plan(reader, sampling=sampling, settings=settings, table=table)), chosen=chosen)
    first = family(table, trace.n_trace, settings.delta)
    out = np.zeros(len(first), dtype=bool) if screen is None else screened(screen, reader, sampling, first, settings)
    search = Search(reader, table, sampling=sampling, settings=settings, first=first, second=first + 1, out=out, name_first=name_first)
    stopped = yield from search.run()
    result = replace(_result(search, table, stopped, screened=int(out.sum())), chosen=chosen)
    if settings.pairs is None or table is None:
        return result
    claims = first[search.selection.claimed]
    found = yield from draw_pairs(reader, table, claims, sampling=sampling, n=settings.pairs, seed=settings.seed)
    n = result.n_rollouts + int(found.number.sum())
    return replace(result, pairs=found, n_rollouts=n, generated_tokens=result.generated_tokens + found.generated)


def family(table: NextTokenTable | None, n_trace: int, delta: float) -> Int[np.ndarray, " candidate"]:
    """The trace tokens that can change the value by ``delta``: |Δ| ≤ 1 − p, and 1 − p + s where p is known to within s."""
    if table is None:
        return np.zeros(0, dtype=np.int64)
    slack = 0.0 if table.slack is None else np.nan_to_num(table.slack[:n_trace], nan=1.0)
    return np.flatnonzero(1.0 - np.asarray(table.p[:n_trace]) + slack >= delta - ROUNDING)


def _result(search: Search, table: NextTokenTable | None, stopped: str, *, screened: int) -> PivotResult:
    ledger, settings = search.ledger, search.settings
    n_open = int(search.selection.open.sum())
    low, high = _limits(search, settings.level)
    weights, mean = search.weights(ledger.hits)
    start = weights.known[0] * (ledger.base[1] is True) + (weights.leave[0] * mean[0] if weights.leave[0] > 0 else 0.0)
    return PivotResult(
        trace=ledger.trace,
        base=ledger.base[0],
        target=ledger.reader.target,
        sampling=ledger.sampling,
        settings=settings,
        p=search.strata.p,
        rows=rows_of(search),
        screened=screened,
        looks=search.selection.looks,
        start=(float(start), float(low[0]), float(high[0])),
        critical=_critical(search),
        no_verdict=sum(draw.hit is None for draw in ledger.draws),
        n_rollouts=len(ledger.draws),
        generated_tokens=ledger.generated,
        stopped=stopped,
        unresolved=f"{n_open:,} of {len(search.first):,} candidates are undecided" if n_open else "",
        slack=search.slack,
        table=table,
    )


def rows_of(search: Search) -> PivotRows:
    """What a search found of each of its differences; ``token`` is the first cut of each."""
    selection, ledger = search.selection, search.ledger
    pairs, levels = search.of_value(), selection.levels()
    low, high = pairs.limits(levels, INTERVAL)
    words: dict[tuple[bool, bool], PivotVerdict] = {(True, False): "claim", (True, True): "claim", (False, True): "excluded"}
    unknown, before = np.zeros(search.strata.n_cuts), np.append(0.0, np.cumsum(ledger.number))
    np.add.at(unknown, [draw.cut for draw in ledger.draws if draw.hit is None], 1.0)
    weights, mean = search.weights(ledger.hits)
    value = weights.known * (ledger.base[1] is True) + np.where(weights.leave > 0, weights.leave * mean, 0.0)
    return PivotRows(
        token=search.first,
        verdict=tuple(words.get(key, "undecided") for key in zip(selection.claimed.tolist(), selection.out.tolist(), strict=True)),
        before=value[search.first],
        delta=pairs.value,
        low=low,
        high=high,
        level=levels,
        p_value=selection.p_value,
        look=selection.decided,
        n=(before[search.second] - before[search.first]).astype(np.int64),
        needed=np.where(selection.open, selection.needed(pairs), np.nan),
        missing=search.pairs(unknown, ledger.base[1] is None).value,
    )


def _limits(search: Search, level: float) -> tuple[Float[np.ndarray, " cut"], Float[np.ndarray, " cut"]]:
    """Beta limits of the value at each of the cuts 0…T."""
    ledger, size = search.ledger, search.ledger.trace.n_trace + 1
    weights, mean = search.weights(ledger.hits)
    low, high = excursion_band(weights, base=weights.known * (ledger.base[1] is True), mean=mean, level=level)
    bound = slack_bound(search.strata.p, search.slack)
    return np.maximum(low - bound, 0.0)[:size], np.minimum(high + bound, 1.0)[:size]


def _critical(search: Search) -> Critical:
    n_forks = forks_before(search.strata.p, search.ledger.trace.n_trace)
    low, high = _limits(search, level_of_each(search.settings.level, n_forks))
    bound = search.settings.bound
    return Critical(below=_from(high < bound), above=_from(low > 1 - bound))


def _from(holds: Bool[np.ndarray, " cut"]) -> int | None:
    """The first cut from which on it holds up to the last."""
    fails = np.flatnonzero(~holds)
    first = int(fails[-1]) + 1 if len(fails) else 0
    return first if first < len(holds) else None


def pivots_of(subject: Subject, settings: PivotSettings) -> Experiment[PivotResult]:
    """The pivots of a subject's base trace, as far as it fits into the context and its model gives probabilities."""
    assert subject.trace is not None
    trace, able = as_far_as_it_fits(subject.trace, subject), subject.able
    if subject.reachable(trace.sequence, trace.n_trace) is not None:
        raise InvalidInput(f"{subject.model} cannot be asked at every cut of this trace, which pivots need; use curve --plan stride")
    screen = subject.documents.get("screen")
    if screen is not None and not isinstance(screen, CurveDoc):
        raise InvalidInput(f"--screen {settings.screen}: expected the result of curve, got {type(screen).__name__}")
    if screen is not None and screen.model.fingerprint and subject.fingerprint and screen.model.fingerprint != subject.fingerprint:
        raise MismatchError(
            f"--screen {settings.screen} is a curve of another model ({screen.model.name}); measure both on {subject.model}"
        )
    result = yield from pivots(
        trace,
        judge=subject.judge,
        sampling=subject.sampling,
        settings=settings,
        codec=subject.codec,
        with_probabilities=able.can("next_token"),
        screen=screen,
        name_first=able.avoid,
        chosen=subject.chosen,
    )
    return result if trace is subject.trace else replace(result, cut_off=trace.n_trace)


def needs(settings: PivotSettings) -> Iterator[Need]:
    """Rollouts, and for a search q_c and a first token that leaves the trace."""
    yield draws_of("pivots")
    if settings.plan == "search":
        for able in ("next_token", "leave"):
            yield Need(able=able, what="pivots", instead={"sample": "curve --plan stride or plain still works"})


def most(subject: Subject, settings: PivotSettings) -> list[Most] | None:
    """A table of q_c, and as many rollouts as the budget or the plan allows."""
    limit, rollouts = subject.sampling.max_tokens, settings.budget.max_rollouts
    if settings.plan != "search":
        planned = (subject.longest_trace + 1) * (settings.per_cut or 1)
        rollouts = planned if rollouts is None else min(rollouts, planned)
    if rollouts is None:
        return None
    longest, leave = TokenSequence(prompt=subject.prompt, completion=(0,) * limit), settings.plan == "search"
    first = Sample(sequence=longest, cut=0, params=subject.sampling, seed=0, index=0, leave=leave)
    table = NextToken(sequence=longest, cuts=tuple(range(limit)), params=subject.sampling, top=settings.top)
    if settings.pairs is not None:
        rollouts += 2 * settings.pairs * subject.longest_trace
    draws = Most(n=rollouts, reads=replace(first, cut=limit - leave), writes=first)
    return [draws, Most(n=1, reads=table, writes=table)] if subject.able.can("next_token") else [draws]
