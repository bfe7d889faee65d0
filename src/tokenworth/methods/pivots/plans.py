"""Plans for comparison, as published: they name tokens from raw differences, and control no error."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from tokenworth.core.request.experiment import BudgetSpent, Experiment
from tokenworth.core.request.next_token import NextTokenTable
from tokenworth.core.request.sample import Rollout, Sample
from tokenworth.core.sampling import Sampling
from tokenworth.methods.curve.labels import Reader
from tokenworth.methods.pivots.result import Critical, PivotResult, PivotRows, RawNames
from tokenworth.methods.pivots.search import PIVOT_STREAM
from tokenworth.methods.pivots.settings import PivotSettings
from tokenworth.methods.stopped import BUDGET_SPENT, MONEY_SPENT, answered_first
from tokenworth.stats.proportion import wilson

DONE = "every planned cut was asked"


class _Tally:
    """Hits at the cuts that were asked. Private state of one generator."""

    def __init__(self, reader: Reader, sampling: Sampling, settings: PivotSettings) -> None:
        self.reader, self.sampling, self.settings = reader, sampling, settings
        size = reader.trace.n_trace + 1
        self.hits, self.number = np.zeros(size), np.zeros(size)
        self.generated = self.no_verdict = 0
        self.stopped = DONE

    @property
    def value(self) -> Float[np.ndarray, " cut"]:
        """Share of hits; NaN where not all planned rollouts were drawn."""
        whole = self.number >= (self.settings.per_cut or 1)
        return np.divide(self.hits, self.number, out=np.full(len(self.hits), np.nan), where=whole)

    def ask(self, cuts: list[int]) -> Experiment[bool]:
        """All rollouts at each of the cuts; whether that was within the budget."""
        settings = self.settings
        one = {"sequence": self.reader.trace.sequence, "params": self.sampling, "seed": PIVOT_STREAM + settings.seed}
        batch = tuple(Sample(cut=cut, index=index, **one) for cut in cuts for index in range(settings.per_cut or 1))  # pyright: ignore[reportArgumentType]
        drawn, wanted = int(self.number.sum()), len(batch)
        if settings.max_rollouts is not None:
            batch = batch[: max(0, settings.max_rollouts - drawn)]
        if settings.max_tokens is not None:
            mean = self.generated / drawn if drawn else max(1.0, self.reader.trace.n_trace / 2)
            batch = batch[: max(0, int((settings.max_tokens - self.generated) / max(1.0, mean)))]
        try:
            answers = (yield batch) if batch else ()
        except BudgetSpent as spent:
            answers, self.stopped = answered_first(spent), MONEY_SPENT
            if not answers and not drawn:
                raise
        for request, rollout in zip(batch, answers, strict=False):
            assert isinstance(rollout, Rollout)
            draw = self.reader.draw(rollout, cut=request.cut, index=request.index, leaves=False)
            self.number[request.cut] += 1
            self.hits[request.cut] += draw.hit is True
            self.no_verdict += draw.hit is None
            self.generated += len(rollout.ids)
        if len(answers) < wanted and self.stopped == DONE:
            self.stopped = BUDGET_SPENT
        return len(answers) == wanted


def every(reader: Reader, *, sampling: Sampling, settings: PivotSettings, table: NextTokenTable | None) -> Experiment[PivotResult]:
    """N rollouts at every cut; named is each token with |Δ̂| ≥ δ.

    Source: raw differences as in Bogdan et al. 2025 and Bigelow et al. 2024, at token level.
    """
    tally = _Tally(reader, sampling, settings)
    yield from tally.ask(list(range(reader.trace.n_trace + 1)))
    step = np.diff(tally.value)
    return _result(tally, table, np.flatnonzero(np.abs(np.nan_to_num(step)) >= settings.delta))


def bisection(reader: Reader, *, sampling: Sampling, settings: PivotSettings, table: NextTokenTable | None) -> Experiment[PivotResult]:
    """Halves each stretch whose ends differ by δ or more, down to single tokens. A stretch whose changes cancel is never looked into.

    Source: pivotal token search, Abdin et al. 2024, "Phi-4 technical report", §4.3. Differs: the stretch is halved by tokens.
    """
    tally, found = _Tally(reader, sampling, settings), list[int]()
    stretches = [(0, reader.trace.n_trace)] if reader.trace.n_trace else []
    going = yield from tally.ask([0, reader.trace.n_trace] if stretches else [])
    while stretches and going:
        wide = [(a, b) for a, b in stretches if abs(tally.value[b] - tally.value[a]) >= settings.delta]
        found += [a for a, b in wide if b == a + 1]
        halves = [(a, (a + b) // 2, b) for a, b in wide if b > a + 1]
        going = yield from tally.ask([middle for _, middle, _ in halves])
        stretches = [pair for a, middle, b in halves for pair in ((a, middle), (middle, b))]
    return _result(tally, table, np.asarray(sorted(found), dtype=np.int64))


def _result(tally: _Tally, table: NextTokenTable | None, named: Int[np.ndarray, " row"]) -> PivotResult:
    trace, value, settings = tally.reader.trace, tally.value, tally.settings
    low, high = wilson(tally.hits[:1], tally.number[:1], settings.level)
    none, no_rows = np.zeros(0), np.zeros(0, dtype=np.int64)
    rows = PivotRows(
        token=no_rows, verdict=(), before=none, delta=none, low=none, high=none, level=none, p_value=none, look=no_rows, n=no_rows,
        needed=none, missing=none,
    )  # fmt: skip
    done = int((~np.isnan(value)).sum())
    return PivotResult(
        trace=trace,
        base=tally.reader.base()[0],
        target=tally.reader.target,
        sampling=tally.sampling,
        settings=settings,
        p=np.full(len(trace.sequence.completion), np.nan) if table is None else np.asarray(table.p),
        rows=rows,
        screened=0,
        looks=0,
        start=(float(value[0]), float(low[0]), float(high[0])),
        critical=Critical(below=None, above=None),
        no_verdict=tally.no_verdict,
        n_rollouts=int(tally.number.sum()),
        generated_tokens=tally.generated,
        stopped=tally.stopped,
        unresolved="" if tally.stopped == DONE else f"{done:,} cuts have all their rollouts",
        slack=None if table is None else table.slack,
        table=table,
        named=RawNames(token=named, delta=np.diff(value)[named], n=settings.per_cut or 1, cuts=done),
    )
