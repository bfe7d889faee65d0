"""The search: fresh excursions in looks, each as fine as √2 times the one before, until every candidate is decided."""

from __future__ import annotations

from collections.abc import Generator
from functools import partial

import numpy as np
from jaxtyping import Bool, Float, Int

from tokenworth.core.request.experiment import Answers, Batch, BudgetSpent, DrawsAhead, Foreseen
from tokenworth.core.request.next_token import NextTokenTable
from tokenworth.core.sampling import Sampling
from tokenworth.methods.curve.excursions import Ledger, Named
from tokenworth.methods.curve.labels import Reader
from tokenworth.methods.curve.settings import CurveSettings
from tokenworth.methods.pivots.settings import PivotSettings
from tokenworth.methods.selecting import Selection
from tokenworth.methods.stopped import BUDGET_SPENT, MONEY_SPENT, answered_first
from tokenworth.stats.changes import Pairs, pairs_of
from tokenworth.stats.excursions import Weights, backward
from tokenworth.stats.search import coefficients, draws_for
from tokenworth.stats.selection import LOOKS
from tokenworth.stats.strata import make_pieces, make_strata

PIVOT_STREAM = 1 << 50
"""Distance from a run's seed to the stream of its fresh draws: no draw of `sample` or of a curve is among them."""
MIN_LEAVE = 0.4
"""Smallest leaving probability of a stratum, as a part of delta. Smaller: more strata to visit before anything can be given up."""
LARGEST_BATCH = 512
"""Rollouts that are asked for at once, so that a budget of tokens knows their length."""
STEP = 2**-0.5
"""Standard error at a look, as a part of that at the look before."""
BETWEEN = (2**0.25, 1.0)
"""On the way to a look, candidates are also given up at these parts of its precision."""
MOST_FORESEEN = 10**6
"""Rollouts that a forecast counts."""
DECIDED = "every candidate is decided"
ENOUGH = f"{LOOKS} looks, the finest that are planned"


class Search:
    """Fresh draws along one trace, and what they decide. Private state of one generator.

    ``first`` and ``second``: the cuts of each difference. ``out``: those that a screen left out. ``stream``: distance from a run's seed to
    the seed of the draws.
    """

    def __init__(
        self,
        reader: Reader,
        table: NextTokenTable | None,
        *,
        sampling: Sampling,
        settings: PivotSettings,
        first: Int[np.ndarray, " pair"],
        second: Int[np.ndarray, " pair"],
        out: Bool[np.ndarray, " pair"],
        name_first: bool = True,
        stream: int = PIVOT_STREAM,
    ) -> None:
        p = np.zeros(0) if table is None else np.asarray(table.p, dtype=np.float64)
        self.slack = None if table is None else table.slack
        ends = np.zeros(len(p) + 1, dtype=bool)
        ends[first] = ends[second] = True
        self.strata = make_strata(p, MIN_LEAVE * settings.delta, ends[:-1])
        named = Named(reader.trace, table if name_first and self.slack is None else None, len(p))
        pieces = make_pieces(self.strata, named.tokens, named.q)
        own = CurveSettings(seed=settings.seed, level=settings.level, top=settings.top)
        self.ledger = Ledger(reader, self.strata, pieces, named, sampling, own, stream)
        self.settings, self.first, self.second = settings, first, second
        self.parts = coefficients(self.strata, first, second)
        self.selection = Selection(
            out,
            delta=settings.delta,
            least=settings.least,
            q=settings.false_discovery,
            futility=settings.futility,
            dependence=settings.dependence,
        )

    def weights(self, hits: Float[np.ndarray, " cut"]) -> tuple[Weights, Float[np.ndarray, " cutx"]]:
        """The weights of the draws so far, and the mean of their ``hits``, at cuts 0…n."""
        weights, mean = backward(self.strata, self.ledger.number, hits[:, None])
        return weights, mean[:, 0]

    def pairs(self, hits: Float[np.ndarray, " cut"], base: bool) -> Pairs:
        """What the draws so far say of each difference in the probability of what ``hits`` count; ``base``: whether the base is one."""
        weights, mean = self.weights(hits)
        return pairs_of(
            self.strata,
            number=self.ledger.number,
            hits=hits,
            weights=weights,
            base=weights.known * base,
            later=mean,
            first=self.first,
            second=self.second,
            slack=self.slack,
        )

    def of_value(self) -> Pairs:
        """Of the value."""
        return self.pairs(self.ledger.hits, self.ledger.base[1] is True)

    def run(self) -> Generator[Batch, Answers, str]:
        """Draws and looks until nothing is open; returns why it ended."""
        if not len(self.first):
            return DECIDED
        for look in range(1, LOOKS + 1):
            target = self.settings.least * STEP ** (look - 1)
            ended = ""
            for part in BETWEEN:
                ended = yield from self._draw(target * part)
                self.selection.give_up(self.of_value())
                if ended or not self.selection.open.any():
                    break
            self.selection.look(self.of_value())
            if not self.selection.open.any():
                return DECIDED
            if ended:
                return ended
        return ENOUGH

    def forecast(self, target: float) -> DrawsAhead:
        """What is to be drawn until this standard error, before which nothing can end, and until the last look with all that is open now.

        It is known without an outcome, for draws follow the prior variance alone, up to what is decided on the way; a budget ends both.
        """
        least, most = (self._until(aim) for aim in (target, self.settings.least * STEP ** (LOOKS - 1)))
        return DrawsAhead(least_rollouts=least[0], least_tokens=least[1], most_rollouts=most[0], most_tokens=most[1])

    def _until(self, target: float) -> tuple[int, int]:
        """Rollouts, and about how many tokens, until each open difference has this standard error or the budget ends."""
        ledger, budget, cost = self.ledger, self.settings.budget, self._cost()
        drawn = len(ledger.draws)
        most = MOST_FORESEEN if budget.max_rollouts is None else min(MOST_FORESEEN, budget.max_rollouts - drawn)
        chosen = draws_for(self.parts, target=target, open_=self.selection.open, drawn=ledger.drawn, cost=cost, most=max(most, 0))
        tokens = np.cumsum(cost[chosen])
        if budget.max_tokens is not None:
            tokens = tokens[: int(np.searchsorted(tokens, budget.max_tokens - ledger.generated))]
        return len(tokens), round(float(tokens[-1])) if len(tokens) else 0

    def _cost(self) -> Float[np.ndarray, " stratum"]:
        """Expected tokens of one more draw of each stratum: their mean so far, with the base's remaining length as one draw."""
        ledger = self.ledger
        return (ledger.tokens + len(self.strata.p) - self.strata.start) / (ledger.drawn + 1)

    def _draw(self, target: float) -> Generator[Batch, Answers, str]:
        """Draws until each open difference has this standard error, as planned; names the budget that ended first, if one did."""
        ledger = self.ledger
        while True:
            cost = self._cost()
            room = self._room(float(cost.mean()))
            chosen = draws_for(
                self.parts, target=target, open_=self.selection.open, drawn=ledger.drawn, cost=cost, most=max(1, min(room, LARGEST_BATCH))
            )
            if not len(chosen):
                return ""
            if room < 1:
                return BUDGET_SPENT
            batch = ledger.requests(ledger.planned(chosen))
            try:
                ledger.add(batch, (yield Foreseen(batch, forecast=partial(self.forecast, target))))
            except BudgetSpent as spent:
                ledger.add(batch, answered_first(spent))
                if not ledger.draws:
                    raise
                return MONEY_SPENT

    def _room(self, cost: float) -> int:
        """How many rollouts the budget still allows."""
        budget, drawn, room = self.settings.budget, len(self.ledger.draws), LARGEST_BATCH
        if budget.max_rollouts is not None:
            room = min(room, budget.max_rollouts - drawn)
        if budget.max_tokens is not None:
            mean = self.ledger.generated / drawn if drawn else cost
            room = min(room, int((budget.max_tokens - self.ledger.generated) / max(mean, 1.0)))
        return room
