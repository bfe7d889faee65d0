"""What an experiment would cost, found without calling a model: the dry run."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from tokenworth.core.keys import Keyer
from tokenworth.core.ports import Backend, Store
from tokenworth.core.request import Experiment, Read, Request, Sample
from tokenworth.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Money per million tokens, read and generated."""

    input_per_million: float
    output_per_million: float

    def __post_init__(self) -> None:
        for name, price in (("input", self.input_per_million), ("output", self.output_per_million)):
            if not 0 <= price < float("inf"):
                raise InvalidInput(f"{name} price {price}: expected a number ≥ 0, money per million tokens")


@dataclass(frozen=True, slots=True, kw_only=True)
class CostPlan:
    """The price of an experiment's first batch that is not wholly in the store.

    ``requests`` distinct requests, of which ``stored`` are there already; the rest is priced. ``max_output_tokens`` bounds
    what the missing rollouts can generate, Σ (max_tokens − cut); ``input_tokens`` is what all missing requests read,
    prefixes counted once per rollout and once per table. ``replayed`` batches before it cost nothing. ``finished``: the
    store holds everything, nothing is left to draw. Later batches depend on answers and are not in here.
    """

    replayed: int
    requests: int
    stored: int
    rollouts: int
    tables: int
    input_tokens: int
    max_output_tokens: int
    finished: bool

    @property
    def missing(self) -> int:
        """Requests that would go to the model."""
        return self.requests - self.stored

    def max_money(self, price: Price) -> float:
        """An upper bound on the money the missing requests cost, in the unit of ``price``."""
        return (self.input_tokens * price.input_per_million + self.max_output_tokens * price.output_per_million) / 1e6


def plan_cost(experiment: Experiment[Any], *, backend: Backend, store: Store) -> CostPlan:
    """The exact price of the next batch a run would draw; the backend gives its fingerprint and is not called.

    Batches that the store can answer in full are replayed, so that a partly done run prices what it would go on with.
    The experiment is closed afterwards.
    """
    keyer = Keyer(backend.fingerprint)
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
                    return _priced(missing, replayed, len(wanted))
                replayed += 1
                batch = experiment.send(tuple(stored[key] for key in keys))
        except StopIteration:
            return _priced([], replayed, 0, finished=True)


def _priced(missing: list[Request], replayed: int, requests: int, *, finished: bool = False) -> CostPlan:
    samples = [request for request in missing if isinstance(request, Sample)]
    return CostPlan(
        replayed=replayed,
        requests=requests,
        stored=requests - len(missing),
        rollouts=len(samples),
        tables=len(missing) - len(samples),
        input_tokens=_tokens_read(missing),
        max_output_tokens=sum(max(0, sample.params.max_tokens - sample.cut) for sample in samples),
        finished=finished,
    )


def _tokens_read(requests: Iterable[Request]) -> int:
    return sum(_tokens_read_by(request) for request in requests)


def _tokens_read_by(request: Request) -> int:
    prompt = len(request.sequence.prompt)
    if isinstance(request, Sample):
        return prompt + request.cut
    read = prompt + max(request.cuts, default=0)
    if isinstance(request, Read):
        read += len(request.cuts) * (len(request.suffix) + sum(len(ids) - 1 for ids in request.continuations))
    return read
