"""`curve`: the value of a trace at every cut, by excursions, at every cut plainly, or on a stride."""

from __future__ import annotations

from tokenworth.core.grade import Judge
from tokenworth.core.request import Experiment, NextToken, NextTokenTable
from tokenworth.core.tokens import Trace
from tokenworth.methods.excursions import excursions
from tokenworth.methods.plain import plain
from tokenworth.methods.results import CurveResult
from tokenworth.methods.settings import CurveSettings


def curve(trace: Trace, *, judge: Judge, settings: CurveSettings, with_probabilities: bool = True) -> Experiment[CurveResult]:
    """Measures V(c) and the outcome distribution at cuts 0…T of ``trace`` with the settings' plan.

    ``with_probabilities``: ask for q_c of every base token. Excursions need it; the plain plans only show it.
    """
    table: NextTokenTable | None = None
    length = len(trace.sequence.completion)
    if length and (with_probabilities or settings.plan == "excursions"):
        request = NextToken(sequence=trace.sequence, cuts=tuple(range(length)), params=settings.sampling, top=settings.top)
        (answer,) = yield (request,)
        assert isinstance(answer, NextTokenTable)
        table = answer
    base = judge(trace.sequence.completion, trace.stop)
    plan = excursions if settings.plan == "excursions" else plain
    return (yield from plan(trace, judge=judge, settings=settings, base=base, table=table))
