"""Asks a pool of endpoints of one model: which endpoint, what it costs, what came back.

Requests of one sequence stay on one endpoint while it is healthy, so that its prefix cache serves them.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from tokenworth.backends.http.limits import Purse
from tokenworth.backends.http.options import Pricing
from tokenworth.backends.http.transport import Endpoint, Refused, Transport, Unreachable
from tokenworth.backends.http.wire import Ask, Malformed, Reply, ServerApi
from tokenworth.core.ports import Spent
from tokenworth.core.tokens import TokenSequence
from tokenworth.errors import ServerError

DOWN_S = 30.0
"""An endpoint that did not answer is left alone this long."""
_REMEMBERED_IDS = 20_000


class Client:
    """Sends asks over one API. Lives in one event loop; ``spent`` may be read from anywhere."""

    def __init__(
        self,
        transport: Transport,
        endpoints: Sequence[Endpoint],
        api: ServerApi,
        *,
        price: Pricing | None = None,
        max_usd: float | None = None,
        ids_repeat: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.transport, self.endpoints, self.api = transport, tuple(endpoints), api
        self.ids_repeat = ids_repeat
        self._price, self._clock = price, clock
        self._purse = Purse(max_usd)
        self._spent = Spent(money=None if price is None else 0.0)
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._models: dict[str, str] = {}

    def over(self, endpoints: Sequence[Endpoint], *, ids_repeat: bool) -> Client:
        """A client of more endpoints that shares this one's purse and price."""
        made = Client(self.transport, endpoints, self.api, price=self._price, ids_repeat=ids_repeat, clock=self._clock)
        made._purse, made._spent, made._models = self._purse, self._spent, self._models
        return made

    @property
    def is_limited(self) -> bool:
        """Whether the money is limited: then requests must go out in the order they were asked."""
        return self._purse.is_limited

    @property
    def spent(self) -> Spent:
        """The counts so far."""
        in_flight = sum(endpoint.limit.in_flight for endpoint in self.endpoints)
        return replace(self._spent, retried=self.transport.retried, in_flight=in_flight)

    def place(self, sequence: TokenSequence) -> bytes:
        """Names a sequence for the choice of endpoint: by its prompt, so that all traces of one question meet one cache."""
        if len(self.endpoints) == 1:
            return b""
        return hashlib.blake2b(np.asarray(sequence.prompt, dtype="<i8").tobytes(), digest_size=8).digest()

    async def ask(self, ask: Ask, place: bytes = b"") -> Reply:
        """The reply to an ask. ``place`` names the sequence it belongs to.

        Raises `Malformed` for a reply that is not an answer, `ServerError` when no endpoint answers or one refuses,
        `BudgetExceeded` when it could cost more than is left.
        """
        read, generated = self.api.most_counted(ask)
        most = 0.0 if self._price is None else self._price.at_most(read=read, generated=generated)
        await self._purse.reserve(most)
        # What a reply has cost that cannot be read, or is not waited for, is not known: the most it can be is counted.
        actual = most
        try:
            body, url = await self._send(ask, place, ask.prompt.length + ask.n * ask.max_tokens)
            reply = self.api.parse(body, ask)
            self._check_model(url, reply)
            self._check_id(reply)
            actual = self._count(ask, reply, most)
            return reply
        except Malformed as fault:
            self._spent = replace(self._spent, requests=self._spent.requests + 1, errors=self._spent.errors + 1)
            fault.args = (self.transport.clean(str(fault)),)  # It may quote the reply.
            raise
        except ServerError as fault:
            actual = 0.0
            self._spent = replace(self._spent, requests=self._spent.requests + isinstance(fault, Refused))
            raise
        finally:
            self._purse.settle(most, actual)
            if self._price is not None:
                self._spent = replace(self._spent, money=(self._spent.money or 0.0) + actual)

    async def _send(self, ask: Ask, place: bytes, tokens: int) -> tuple[bytes, str]:
        while True:
            endpoint = self._choose(place)
            try:
                url, weight = endpoint.root + self.api.path, endpoint.weight(ask.n, ask.max_tokens)
                return await self.transport.post(endpoint, url, lambda: self.api.body(ask), tokens, weight), endpoint.url
            except Unreachable as fault:
                endpoint.down_until = self._clock() + DOWN_S
                endpoint.failure = str(fault)

    def _choose(self, place: bytes) -> Endpoint:
        """The endpoint of a sequence: the healthy one with the highest hash (rendezvous hashing, Thaler and Ravishankar 1996)."""
        now = self._clock()
        healthy = [endpoint for endpoint in self.endpoints if endpoint.down_until <= now]
        if not healthy:
            told = "; ".join(endpoint.failure for endpoint in self.endpoints)
            raise ServerError(f"no answer from {told}; what was drawn is in the --store, if one was given; run again when the server is up")
        if len(healthy) == 1:
            return healthy[0]
        return max(healthy, key=lambda endpoint: hashlib.blake2b(place + endpoint.url.encode(), digest_size=8).digest())

    def _check_model(self, url: str, reply: Reply) -> None:
        """Gateways fall back on another model in silence: all replies of an endpoint name the one that its first named."""
        if reply.model and reply.model != self._models.setdefault(url, reply.model):
            raise Malformed(f"the reply is from model {reply.model[:80]!r} where {self._models[url][:80]!r} answered before")

    def _check_id(self, reply: Reply) -> None:
        """A reply that came before is not a new draw: something between the server and us repeats replies."""
        if self.ids_repeat or not reply.id:
            return
        if reply.id in self._seen:
            raise Malformed(f"reply id {reply.id[:40]!r} came before: does something between here and the server cache replies?")
        self._seen[reply.id] = None
        if len(self._seen) > _REMEMBERED_IDS:
            self._seen.popitem(last=False)

    def _count(self, ask: Ask, reply: Reply, most: float) -> float:
        """Counts a reply. What it has cost: ``most`` where neither the server nor we can say how much was generated."""
        generated = sum(len(choice.ids) for choice in reply.choices if choice.ids is not None)
        # Some servers count one choice only: what we can count ourselves is the least it can be.
        generated = max(generated, reply.completion_tokens or 0)
        read = reply.prompt_tokens if reply.prompt_tokens is not None else ask.prompt.length
        cached = min(read, reply.cached_tokens or 0)
        before = self._spent
        self._spent = replace(
            before,
            requests=before.requests + 1,
            tokens_read=before.tokens_read + read,
            tokens_cached=before.tokens_cached + cached,
            tokens_generated=before.tokens_generated + generated,
        )
        if self._price is None:
            return 0.0
        unsaid = reply.completion_tokens is None and any(choice.ids is None for choice in reply.choices)
        return most if unsaid else self._price.cost(read=read, cached=cached, generated=generated)
