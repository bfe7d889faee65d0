"""What an experiment would cost, found without calling a model: the dry run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from tokenworth.core.keys import Keyer
from tokenworth.core.ports import Backend, Store, Weighs
from tokenworth.core.request.experiment import Batch, DrawsAhead, Experiment, Foreseen
from tokenworth.core.request.kind import SUBJECT, Draw, Request
from tokenworth.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Money per million tokens: read, generated, and read from the server's cache (by default the price of uncached input)."""

    input_per_million: float
    output_per_million: float
    cached_input_per_million: float | None = None
    currency: str = "USD"

    def __post_init__(self) -> None:
        cached = self.cached_per_million
        for name, price in (("input", self.input_per_million), ("output", self.output_per_million), ("cached input", cached)):
            if not 0 <= price < float("inf"):
                raise InvalidInput(f"{name} price {price}: expected a number ≥ 0, money per million tokens")

    @property
    def cached_per_million(self) -> float:
        """Money per million tokens read from the server's cache."""
        return self.input_per_million if self.cached_input_per_million is None else self.cached_input_per_million

    def cost(self, *, read: int, cached: int, generated: int) -> float:
        """What tokens cost; ``cached`` of those ``read`` came from the server's cache."""
        fresh = (read - cached) * self.input_per_million + cached * self.cached_per_million
        return (fresh + generated * self.output_per_million) / 1e6

    def at_most(self, *, read: int, generated: int) -> float:
        """What tokens cost at most, whatever comes from the cache."""
        return max(self.cost(read=read, cached=cached, generated=generated) for cached in (0, read))


@dataclass(frozen=True, slots=True, kw_only=True)
class CostPlan:
    """The price of an experiment's first batch that is not wholly in the store.

    ``requests`` distinct requests, of which ``stored`` are there already; the rest is priced. ``max_output_tokens`` bounds
    what the missing requests can generate, for rollouts Σ (max_tokens − cut); ``input_tokens`` is what all missing requests
    read, prefixes counted once per rollout and once per table unless the backend says otherwise (`Weighs`). ``replayed`` batches
    before it cost nothing. ``finished``: the store holds everything, nothing is left to draw. Later batches depend on answers and are
    not in here; ``forecast`` says between what they lie, where the experiment can say so.
    """

    replayed: int
    requests: int
    stored: int
    rollouts: int
    tables: int
    input_tokens: int
    max_output_tokens: int
    finished: bool
    forecast: DrawsAhead | None = None

    def max_money(self, price: Price) -> float:
        """An upper bound on the money the missing requests cost, in the unit of ``price``."""
        return price.at_most(read=self.input_tokens, generated=self.max_output_tokens)


def plan_cost(experiment: Experiment[Any], *, models: Backend | Mapping[str, Backend], store: Store) -> CostPlan:
    """The exact price of the next batch a run would draw; the models (one, or one for each role) are not called.

    Batches that the store can answer in full are replayed, so that a partly done run prices its remaining part.
    The experiment is closed afterwards.
    """
    by_role = models if isinstance(models, Mapping) else {SUBJECT: models}
    keyer = Keyer({role: backend.fingerprint for role, backend in by_role.items()})
    replayed = 0
    with closing(experiment):
        try:
            batch = next(experiment)
            while True:
                keys = [keyer.key(request) for request in batch]
                wanted = dict(zip(keys, batch, strict=True))
                stored = store.get(list(wanted))
                if len(stored) < len(wanted):
                    missing = [request for key, request in wanted.items() if key not in stored]
                    return replace(_priced(missing, replayed, len(wanted), by_role), forecast=_forecast(batch))
                replayed += 1
                batch = experiment.send(tuple(stored[key] for key in keys))
        except StopIteration:
            return _priced([], replayed, 0, by_role, finished=True)


def _forecast(batch: Batch) -> DrawsAhead | None:
    return batch.forecast() if isinstance(batch, Foreseen) and batch.forecast is not None else None


def _priced(missing: list[Request], replayed: int, requests: int, models: Mapping[str, Backend], *, finished: bool = False) -> CostPlan:
    draws = sum(isinstance(request, Draw) for request in missing)
    each = [most_tokens((request,), models[request.role]) for request in missing]
    read, generated = sum(read for read, _ in each), sum(generated for _, generated in each)
    return CostPlan(
        replayed=replayed,
        requests=requests,
        stored=requests - len(missing),
        rollouts=draws,
        tables=len(missing) - draws,
        input_tokens=read,
        max_output_tokens=generated,
        finished=finished,
    )


def most_tokens(requests: Iterable[Request], backend: Backend) -> tuple[int, int]:
    """Tokens read and tokens generated for the requests, at most; the backend is asked, not called."""
    each = [backend.most_tokens(request) if isinstance(backend, Weighs) else request.most_tokens() for request in requests]
    return sum(read for read, _ in each), sum(generated for _, generated in each)
