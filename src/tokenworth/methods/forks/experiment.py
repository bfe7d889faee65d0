"""The experiment of `forks`: the excursions of a curve, and draws of single branches on top."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import replace

import numpy as np
from scipy.special import ndtri  # pyright: ignore[reportMissingTypeStubs]

from tokenworth.core.grade import Judge
from tokenworth.core.measure import Most, Need, Subject
from tokenworth.core.request.experiment import Answers, Batch, BudgetSpent, Experiment
from tokenworth.core.request.next_token import NextToken, NextTokenTable
from tokenworth.core.request.sample import Rollout, Sample
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import Codec, TokenSequence, Trace
from tokenworth.errors import InvalidInput
from tokenworth.methods.curve.excursions import Ledger, draw_excursions
from tokenworth.methods.curve.experiment import as_far_as_it_fits, check_process
from tokenworth.methods.curve.labels import Reader, draw_indices, index_labels
from tokenworth.methods.curve.plain import curve_stream
from tokenworth.methods.curve.result import GradedRollout
from tokenworth.methods.forks.estimate import ForkEstimates
from tokenworth.methods.forks.result import ForkResult, Modelled, Ranges
from tokenworth.methods.forks.settings import ForkSettings
from tokenworth.methods.forks.topping import family, top_up
from tokenworth.methods.sample.experiment import draws_of
from tokenworth.methods.stopped import MONEY_SPENT, answered_first
from tokenworth.stats.smoothing import pelt, smooth
from tokenworth.tasks.target import target_of

GRID, PER_CUT = 4, 30
"""Cuts and rollouts of the model that smooths: 30 at every 4th token, as published."""


def forks(
    trace: Trace,
    *,
    judge: Judge,
    sampling: Sampling,
    settings: ForkSettings,
    codec: Codec | None = None,
    name_first: bool = True,
) -> Experiment[ForkResult]:
    """Measures the forks of ``trace``: what each branch of the floor's probability is worth, and where the value changes.

    ``name_first``: whether an excursion can be asked to begin with a token that the table lists, or with none of them.

    Raises MismatchError for a base of another process. Source: formulas in `docs/methods/forks.md`.
    """
    check_process(trace, sampling)
    base = judge(trace.sequence.completion, trace.stop)
    reader = Reader(trace=trace, judge=judge, target=target_of(settings.target, base), codec=codec)
    table, completion = None, trace.sequence.completion
    if completion:
        (answer,) = yield (NextToken(sequence=trace.sequence, cuts=tuple(range(len(completion))), params=sampling, top=settings.top),)
        assert isinstance(answer, NextTokenTable)
        table = answer
    ledger, _, stopped, _ = yield from draw_excursions(
        reader, sampling=sampling, settings=settings.excursions, table=table, name_first=name_first
    )
    found = family(table, completion, trace.n_trace, settings.floor)
    topped, ended, missing = list[GradedRollout](), "", 0
    if stopped != MONEY_SPENT:
        topped, ended, missing = yield from top_up(ledger, table, found, settings, name_first=name_first)
    estimates = ForkEstimates(ledger, topped, found, settings, None if table is None else table.slack)
    models: tuple[Modelled, ...] = ()
    if settings.curve_model and MONEY_SPENT not in (stopped, ended):
        models = yield from _models(ledger, estimates.curve()[0], len(ledger.draws) + len(topped), settings)
    unresolved = f"{missing:,} draws of single branches are missing" if missing else ""
    return _result(estimates, table, topped, stopped=ended or stopped, unresolved=unresolved, models=models)


def _result(
    estimates: ForkEstimates,
    table: NextTokenTable | None,
    topped: list[GradedRollout],
    *,
    stopped: str,
    unresolved: str,
    models: tuple[Modelled, ...],
) -> ForkResult:
    ledger = estimates.ledger
    value, outcomes = estimates.curve()
    branches = estimates.branches()
    draws = [*ledger.draws, *topped]
    more = sum(one.rollouts for one in models), sum(one.generated for one in models)
    return ForkResult(
        trace=ledger.trace,
        base=ledger.base[0],
        target=ledger.reader.target,
        sampling=ledger.sampling,
        settings=estimates.settings,
        labels=estimates.labels,
        family=estimates.family,
        branches=branches,
        forks=estimates.forks(),
        value=value,
        outcomes=outcomes,
        hazard=estimates.hazard(branches),
        changes=estimates.changes(),
        excursions=tuple(ledger.draws),
        topped=tuple(topped),
        rollouts=len(draws) + more[0],
        generated_tokens=sum(len(one.rollout.ids) for one in draws) + more[1],
        stopped=stopped,
        unresolved=unresolved,
        models=models,
        slack=estimates.slack,
        table=table,
        without=sum(one.hit is None for one in draws),
    )


def _models(ledger: Ledger, value: Ranges, drawn: int, settings: ForkSettings) -> Generator[Batch, Answers, tuple[Modelled, ...]]:
    """The models that were asked for; one whose draws do not fit into the budget is left out."""
    found: list[Modelled] = []
    if "pelt" in settings.curve_model:
        known = np.where(np.isnan(value.value), (value.low + value.high) / 2, value.value)
        spread = float(np.mean(value.high - value.low)) / (2 * float(ndtri(0.5 + settings.level / 2)))
        found.append(Modelled(name="pelt", begins=pelt(known, spread)))
    n_plain = PER_CUT * (1 + ledger.trace.n_trace // GRID)
    if "smoothing" in settings.curve_model and (settings.max_rollouts is None or drawn + n_plain <= settings.max_rollouts):
        found.append((yield from _smoothed(ledger, settings)))
    return tuple(found)


def _smoothed(ledger: Ledger, settings: ForkSettings) -> Generator[Batch, Answers, Modelled]:
    """Plain rollouts at every `GRID`-th cut, the same draws as those of a stride curve, and the curve that is smoothed from them."""
    trace, seed = ledger.trace, curve_stream(settings.seed)
    one = Sample(sequence=trace.sequence, cut=0, params=ledger.sampling, seed=seed, index=0)
    cuts = np.arange(0, trace.n_trace + 1, GRID)
    batch = tuple(replace(one, cut=cut, index=index) for cut in cuts.tolist() for index in range(PER_CUT))
    try:
        answers = yield batch
    except BudgetSpent as spent:
        answers = answered_first(spent)
    draws = [
        ledger.reader.draw(rollout, cut=request.cut, index=request.index, leaves=False)
        for request, rollout in zip(batch, answers, strict=False)
        if isinstance(rollout, Rollout)
    ]
    _, pairs = index_labels(ledger.base, draws)
    counts = np.zeros((len(cuts), len(pairs)), dtype=np.int64)
    at = np.asarray([draw.cut // GRID for draw in draws], dtype=np.int64)
    np.add.at(counts, (at, draw_indices(draws, pairs)), 1)
    found = smooth(cuts, counts, trace.n_trace, settings.seed)
    hits = [i for (_, hit), i in pairs.items() if hit is True]
    width = "all of a segment" if not np.isfinite(found.bandwidth) else f"{found.bandwidth:g} tokens"
    return Modelled(
        name="smoothing",
        begins=found.begins,
        value=found.share[:, hits].sum(axis=1),
        chosen=f"bandwidth {width}",
        rollouts=len(draws),
        generated=sum(len(one.rollout.ids) for one in draws),
    )


def forks_of(subject: Subject, settings: ForkSettings) -> Experiment[ForkResult]:
    """The forks of a subject's base trace, as far as it fits into the context."""
    assert subject.trace is not None
    trace, able = as_far_as_it_fits(subject.trace, subject), subject.able
    if subject.reachable(trace.sequence, trace.n_trace) is not None:
        raise InvalidInput(f"{subject.model} cannot be asked at every cut of this trace, which forks need; use curve --plan stride")
    result = yield from forks(
        trace, judge=subject.judge, sampling=subject.sampling, settings=settings, codec=subject.codec, name_first=able.avoid
    )
    return result if trace is subject.trace else replace(result, cut_off=trace.n_trace)


def needs(settings: ForkSettings) -> Iterator[Need]:
    """Rollouts, q_c, and a first token that leaves the trace."""
    del settings
    yield draws_of("forks")
    for able in ("next_token", "leave"):
        yield Need(able=able, what="forks", instead={"sample": "curve --plan stride or plain still works"})


def most(subject: Subject, settings: ForkSettings) -> list[Most] | None:
    """A table of q_c, and as many rollouts as the budget allows."""
    if settings.max_rollouts is None:
        return None
    limit = subject.sampling.max_tokens
    longest = TokenSequence(prompt=subject.prompt, completion=(0,) * limit)
    first = Sample(sequence=longest, cut=0, params=subject.sampling, seed=0, index=0, leave=True)
    table = NextToken(sequence=longest, cuts=tuple(range(limit)), params=subject.sampling, top=settings.top)
    draws = Most(n=settings.max_rollouts, reads=replace(first, cut=limit - 1), writes=first)
    return [draws, Most(n=1, reads=table, writes=table)]
