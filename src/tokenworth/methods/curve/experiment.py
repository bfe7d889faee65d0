"""The experiment of `curve`: the value of a trace at every cut, by excursions, at every cut plainly, or on a stride."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tokenworth.core.grade import Judge
from tokenworth.core.measure import Most, Need, Subject
from tokenworth.core.request.experiment import Experiment
from tokenworth.core.request.next_token import NextToken, NextTokenTable
from tokenworth.core.request.sample import Sample
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import Codec, StopReason, TokenSequence, Trace
from tokenworth.errors import InvalidInput, MismatchError
from tokenworth.methods.curve.excursions import excursions
from tokenworth.methods.curve.labels import Reader
from tokenworth.methods.curve.plain import plain
from tokenworth.methods.curve.result import CurveResult
from tokenworth.methods.curve.settings import CurveSettings
from tokenworth.methods.sample.experiment import draws_of
from tokenworth.tasks.target import target_of


def curve(
    trace: Trace,
    *,
    judge: Judge,
    sampling: Sampling,
    settings: CurveSettings,
    codec: Codec | None = None,
    with_probabilities: bool = True,
    cuts_allowed: tuple[int, ...] | None = None,
    snap: bool = False,
    reuse: bool = True,
    name_first: bool = True,
) -> Experiment[CurveResult]:
    """Measures V(c) and the outcome distribution at cuts 0…T of ``trace`` with the settings' plan.

    ``codec``: for targets that read text. ``with_probabilities``: ask for q_c of every base token. Excursions need it; the plain plans only
    show it. ``cuts_allowed``: the only cuts rollouts can start from (None: all), for the plain plans; a planned cut that is not among them
    is left out, or with ``snap`` moves to the nearest. ``reuse``: whether plain rollouts that follow the base count at the cuts they pass;
    off where the ids of rollouts are not the model's own. ``name_first``: whether excursions may name the token they begin with.

    Raises MismatchError where the base did not end as a rollout of this sampling would have, InvalidInput for excursions where some
    cuts cannot be reached.
    """
    if settings.plan == "excursions" and cuts_allowed is not None:
        raise InvalidInput("excursions start at any cut, and here some cannot be reached; use the plan stride or plain")
    check_process(trace, sampling)
    base = judge(trace.sequence.completion, trace.stop)
    reader = Reader(trace=trace, judge=judge, target=target_of(settings.target, base), codec=codec)
    table: NextTokenTable | None = None
    length = len(trace.sequence.completion)
    if length and (with_probabilities or settings.plan == "excursions"):
        request = NextToken(sequence=trace.sequence, cuts=tuple(range(length)), params=sampling, top=settings.top)
        (answer,) = yield (request,)
        assert isinstance(answer, NextTokenTable)
        table = answer
    if settings.plan == "excursions":
        return (yield from excursions(reader, sampling=sampling, settings=settings, table=table, name_first=name_first))
    experiment = plain(reader, sampling=sampling, settings=settings, table=table, cuts_allowed=cuts_allowed, snap=snap, reuse=reuse)
    return (yield from experiment)


def check_process(trace: Trace, sampling: Sampling) -> None:
    """Refuses a base that the sampling could not have ended with: V(n), known exactly, would be that of another process."""
    completion, limit = trace.sequence.completion, sampling.max_tokens
    if trace.stop in (StopReason.ERROR, StopReason.REFUSED):
        raise MismatchError(
            f"the base trace did not end by itself ({trace.stop}): the server broke it off, so what its end is worth is not known; "
            "choose another base"
        )
    if trace.stop is StopReason.LENGTH and len(completion) != limit:
        raise MismatchError(
            f"the base trace was cut off after {len(completion)} tokens, and this sampling allows {limit}; "
            "sample the base and measure it with the same limit"
        )
    if trace.stop is StopReason.STOP and len(completion) > limit:
        raise MismatchError(
            f"the base trace has {len(completion)} tokens and this sampling allows {limit}; measure it with at least that limit"
        )
    stop = set(sampling.stop)
    inner = next((i for i, token in enumerate(completion[:-1]) if token in stop), None)
    if inner is not None:
        raise MismatchError(f"the base trace continues after stop token {completion[inner]} at position {inner}; end it there")
    if trace.stop is StopReason.STOP and stop and (not completion or completion[-1] not in stop):
        raise MismatchError("the base trace does not end in one of this sampling's stop tokens; sample it with the same stop tokens")


def curve_of(subject: Subject, settings: CurveSettings) -> Experiment[CurveResult]:
    """The curve of a subject's base trace, as far as its model can start and give probabilities."""
    assert subject.trace is not None
    allowed, able = subject.reachable(subject.trace.sequence, subject.trace.n_trace), subject.able
    return curve(
        subject.trace,
        judge=subject.judge,
        sampling=subject.sampling,
        settings=settings,
        codec=subject.codec,
        with_probabilities=able.can("next_token") and allowed is None,
        cuts_allowed=allowed,
        snap=settings.snap,
        reuse=able.exact_ids,
        name_first=able.avoid,
    )


def needs(settings: CurveSettings) -> Iterator[Need]:
    """Rollouts, and for excursions q_c and a first token that leaves the trace."""
    yield draws_of("a curve")
    if settings.plan == "excursions":
        for able in ("next_token", "leave"):
            yield Need(able=able, what="excursions", instead={"sample": "use --plan stride or plain"})


def most(subject: Subject, settings: CurveSettings) -> list[Most] | None:
    """A table of q_c, and as many rollouts as the budget allows."""
    limit, rollouts = subject.sampling.max_tokens, settings.max_rollouts
    if settings.plan != "excursions" and settings.half_width is None:
        # At most one cut a token, whatever the stride refines to.
        length = subject.longest_trace
        cuts = length + 1 if settings.stride is None or settings.refine is not None else -(-length // settings.stride) + 1
        planned = cuts * (settings.per_cut or 1)
        rollouts = planned if rollouts is None else min(rollouts, planned)
    if rollouts is None:
        return None
    longest = TokenSequence(prompt=subject.prompt, completion=(0,) * limit)
    leave = settings.plan == "excursions"
    first = Sample(sequence=longest, cut=0, params=subject.sampling, seed=0, index=0, leave=leave)
    found = [Most(n=rollouts, reads=replace(first, cut=limit - leave), writes=first)]
    if subject.able.can("next_token"):
        table = NextToken(sequence=longest, cuts=tuple(range(limit)), params=subject.sampling, top=settings.top)
        found.append(Most(n=1, reads=table, writes=table))
    return found
