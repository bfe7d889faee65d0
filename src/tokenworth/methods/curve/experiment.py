"""`curve`: the value of a trace at every cut, by excursions, at every cut plainly, or on a stride."""

from __future__ import annotations

from tokenworth.core.grade import Judge
from tokenworth.core.request.experiment import Experiment
from tokenworth.core.request.next_token import NextToken, NextTokenTable
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import StopReason, Trace
from tokenworth.errors import InvalidInput, MismatchError
from tokenworth.methods.curve.excursions import excursions
from tokenworth.methods.curve.plain import plain
from tokenworth.methods.curve.result import CurveResult
from tokenworth.methods.curve.settings import CurveSettings


def curve(
    trace: Trace,
    *,
    judge: Judge,
    settings: CurveSettings,
    with_probabilities: bool = True,
    cuts_allowed: tuple[int, ...] | None = None,
    snap: bool = False,
    reuse: bool = True,
) -> Experiment[CurveResult]:
    """Measures V(c) and the outcome distribution at cuts 0…T of ``trace`` with the settings' plan.

    ``with_probabilities``: ask for q_c of every base token. Excursions need it; the plain plans only show it. ``cuts_allowed``: the
    only cuts rollouts can start from (None: all), for the plain plans; a planned cut that is not among them is left out, or with
    ``snap`` moves to the nearest. ``reuse``: whether plain rollouts that follow the base count at the cuts they pass; off where the ids
    of rollouts are not the model's own.

    Raises MismatchError where the base did not end as a rollout of this sampling would have, InvalidInput for excursions where some
    cuts cannot be reached.
    """
    if settings.plan == "excursions" and cuts_allowed is not None:
        raise InvalidInput("excursions start at any cut, and here some cannot be reached; use the plan stride or plain")
    check_process(trace, settings.sampling)
    table: NextTokenTable | None = None
    length = len(trace.sequence.completion)
    if length and (with_probabilities or settings.plan == "excursions"):
        request = NextToken(sequence=trace.sequence, cuts=tuple(range(length)), params=settings.sampling, top=settings.top)
        (answer,) = yield (request,)
        assert isinstance(answer, NextTokenTable)
        table = answer
    base = judge(trace.sequence.completion, trace.stop)
    if settings.plan == "excursions":
        return (yield from excursions(trace, judge=judge, settings=settings, base=base, table=table))
    experiment = plain(trace, judge=judge, settings=settings, base=base, table=table, cuts_allowed=cuts_allowed, snap=snap, reuse=reuse)
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
        raise MismatchError(f"the base trace goes on after stop token {completion[inner]} at position {inner}; end it there")
    if trace.stop is StopReason.STOP and stop and (not completion or completion[-1] not in stop):
        raise MismatchError("the base trace does not end in one of this sampling's stop tokens; sample it with the same stop tokens")
