"""Next-token tables and forced reads over one-token requests on a cached prefix.

`echo` and prompt log-probabilities would give a whole trace at once, but servers leave their prefix cache for them, some report other
tokens' values, and few give them at all; they are tried by the probe and not used.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tokenworth.backends.http.client import Client
from tokenworth.backends.http.loop import gather
from tokenworth.backends.http.prompts import Prompts
from tokenworth.backends.http.record import ServerRecord
from tokenworth.backends.http.shaping import ROUNDING, Shaped, is_neutral, shape, with_known
from tokenworth.backends.http.wire import Ask, Listing, Malformed, Prompt
from tokenworth.core.request.next_token import NextToken, NextTokenTable
from tokenworth.core.request.read import Read, ReadTable
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import TokenSequence
from tokenworth.errors import ServerError

GREEDY = Sampling(temperature=0.0, top_k=0, top_p=1.0, min_p=0.0, max_tokens=1, stop=())
FIRST_TOP = 20
"""Log-probabilities asked for at first; more only where they do not settle q."""
LARGEST_TOP = 4096
_GROWTH = 8
_TRIES = 3
"""A reading is a fact, not a draw: asking again biases nothing."""
_NO_TOKEN = -1
_KEPT_ENTRIES = 400_000
"""Listed tokens that are kept: 20,000 cuts of the usual length, or a hundred very long lists; some 80 MB."""
FORCE = 100.0
"""Added to a token's logit to make it the one that is generated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CutReading:
    """What one cut's requests said: the listing, and for the base's next token a log-probability or None."""

    listing: Listing
    base: float | None


class Tables:
    """Reads log-probabilities of one model. Listings are kept for a while: excursions ask for the same cuts again."""

    def __init__(self, client: Client, prompts: Prompts, record: ServerRecord, vocab_size: int) -> None:
        self.client, self.prompts, self.record, self.vocab_size = client, prompts, record, vocab_size
        self._safe = prompts.codec.encode("a")[0]
        self._listings: OrderedDict[tuple[TokenSequence, int], tuple[Listing, int]] = OrderedDict()
        self._n_entries = 0

    # -- one place -------------------------------------------------------------------------------------------------

    async def listing(self, prompt: Prompt, place: bytes, *, top: int = FIRST_TOP, named: Sequence[int] = ()) -> Listing:
        """Raw log-probabilities after a prompt: the ``top`` most likely tokens, and the named ones as far as the server can.

        With a server that lets a bias force a token and still reports the token's own log-probability, one request reads one
        named token exactly; the forced token is then also what is generated, so no reading depends on what was sampled.
        """
        top, forcing = min(top, self._largest), self.record.bias_keeps_logprobs
        # Where nothing is forced, the server may sample a token that ends inside a character, and llama.cpp lists nothing for those.
        found = await self._one(prompt, place, top, (named[0] if named else self._safe) if forcing else None)
        if found is None and forcing:
            found = await self._one(prompt, place, top, self._safe)
        listing = self._sure(found)
        known = dict(listing.named)
        for token in named[1:] if forcing else ():
            if listing.of(token) is None:
                more = await self._one(prompt, place, 1, token)
                known |= {} if more is None else more.named
        if top < self._largest and any(token not in known and listing.of(token) is None for token in named):
            return await self.listing(prompt, place, top=min(self._largest, top * _GROWTH), named=named)
        return replace(listing, named=known)

    @property
    def _largest(self) -> int:
        return min(self.record.logprobs_cap, LARGEST_TOP, self.vocab_size)

    @staticmethod
    def _sure(found: Listing | None) -> Listing:
        if found is None:
            raise ServerError("the server lists no log-probabilities where it listed them before; what was read before is stored")
        return found

    async def _one(self, prompt: Prompt, place: bytes, top: int, force: int | None) -> Listing | None:
        """One reading; None where the server left the list out."""
        bias = {} if force is None else {force: FORCE}
        ask = Ask(prompt=prompt, n=1, max_tokens=1, params=GREEDY, seed=0, top=top, bias=bias)
        fault = ""
        for _ in range(_TRIES):
            try:
                (choice,) = (await self.client.ask(ask, place)).choices
            except Malformed as error:
                fault = str(error)
                continue
            listing = choice.listings[0] if choice.listings else None
            return listing if listing is not None and (listing.ids or listing.lost > -math.inf) else None
        raise ServerError(f"a reading failed {_TRIES} times: {fault}; what was read before is stored")

    # -- next tokens -----------------------------------------------------------------------------------------------

    async def next_token(self, request: NextToken) -> NextTokenTable:
        """q_c at the request's cuts, with slack where the listed tokens do not settle it."""
        rows = await self._readings(request)
        n_cuts, top = len(request.cuts), request.top
        p, logprob, slack = np.zeros(n_cuts), np.full(n_cuts, np.nan), np.zeros(n_cuts)
        top_ids, top_p = np.full((n_cuts, top), _NO_TOKEN, dtype=np.int64), np.zeros((n_cuts, top))
        support = np.zeros(n_cuts, dtype=np.int64)
        for row, (cut, reading) in enumerate(zip(request.cuts, rows, strict=True)):
            listing, base = reading.listing, request.sequence.completion[cut]
            shaped = self.shaped(listing, request.params)
            low, high = _base_bounds(listing, shaped, base, request.params)
            p[row], slack[row] = (low + high) / 2, (high - low) / 2
            logprob[row] = np.nan if reading.base is None else reading.base
            kept = [(token, q) for token, q in zip(listing.ids, shaped.middle.tolist(), strict=True) if q > 0][:top]
            for column, (token, q) in enumerate(kept):
                top_ids[row, column], top_p[row, column] = token, q
            support[row] = self.vocab_size if is_neutral(request.params) else int((shaped.middle > 0).sum())
        slack[slack < ROUNDING] = 0.0
        return NextTokenTable(p=p, logprob=logprob, top_ids=top_ids, top_p=top_p, support=support, slack=slack if slack.any() else None)

    def shaped(self, listing: Listing, params: Sampling) -> Shaped:
        """Bounds on q from a listing."""
        if not listing.ids:
            return Shaped(low=np.zeros(0), high=np.zeros(0), rest=1.0)
        return shape(np.asarray(listing.logprobs), params, vocab_size=self.vocab_size, order=self.record.order)

    async def at(self, sequence: TokenSequence, cut: int, params: Sampling | None) -> Listing:
        """The listing at one cut, from memory where it was read before. Where the server lists enough, it settles ``params``' q."""

        def is_settled(found: Listing) -> bool:
            return params is None or self.shaped(found, params).is_exact

        known, asked = self._listings.get((sequence, cut), (None, 0))
        if known is not None and (asked >= self._largest or is_settled(known)):
            return known
        return await self._settle(sequence, cut, FIRST_TOP, is_settled)

    async def _settle(self, sequence: TokenSequence, cut: int, top: int, is_settled: Callable[[Listing], bool]) -> Listing:
        """The listing at one cut, asked for longer and longer until it settles what is wanted, or the server lists no more."""
        prompt, place, named = self.prompts.at(sequence, cut), self.client.place(sequence), sequence.completion[cut : cut + 1]
        while True:
            listing = await self.listing(prompt, place, top=top, named=named)
            # A long list may have been needed to find the named token.
            top = max(top, listing.n_listed)
            if top >= self._largest or is_settled(listing):
                break
            top = min(self._largest, top * _GROWTH)
        self._keep((sequence, cut), listing, top)
        return listing

    def _keep(self, at: tuple[TokenSequence, int], listing: Listing, top: int) -> None:
        before, _ = self._listings.pop(at, (None, 0))
        self._listings[at] = (listing, top)
        self._n_entries += len(listing.ids) - (0 if before is None else len(before.ids))
        while self._n_entries > _KEPT_ENTRIES and len(self._listings) > 1:
            _, (oldest, _) = self._listings.popitem(last=False)
            self._n_entries -= len(oldest.ids)

    async def _readings(self, request: NextToken) -> list[CutReading]:
        sequence, params = request.sequence, request.params
        top = max(FIRST_TOP, min(request.top, LARGEST_TOP))

        async def read(cut: int) -> CutReading:
            base = sequence.completion[cut]

            def is_settled(listing: Listing) -> bool:
                low, high = _base_bounds(listing, self.shaped(listing, params), base, params)
                return high - low <= 1e-6

            listing = await self._settle(sequence, cut, top, is_settled)
            return CutReading(listing=listing, base=listing.of(base))

        # Longest prefix first: the first request fills the server's cache for all the others.
        found = dict(await gather([(cut, lambda cut=cut: read(cut)) for cut in sorted(set(request.cuts), reverse=True)]))
        return [found[cut] for cut in request.cuts]

    # -- forced reads ----------------------------------------------------------------------------------------------

    async def read(self, request: Read) -> ReadTable:
        """Log-probability of each continuation, or the most it can be where the server does not list it."""
        before = self.client.spent
        cuts = sorted(set(request.cuts), reverse=True)
        found = dict(await gather([(cut, lambda cut=cut: self._read_at(request, cut)) for cut in cuts]))
        rows = [found[cut] for cut in request.cuts]
        logprob = np.asarray([row.logprob for row in rows], dtype=np.float64).reshape(len(rows), len(request.continuations))
        ceiling = np.asarray([row.ceiling for row in rows], dtype=np.float64).reshape(logprob.shape)
        after = self.client.spent
        computed = after.tokens_read - before.tokens_read - (after.tokens_cached - before.tokens_cached)
        return ReadTable(
            logprob=logprob,
            top_id=np.asarray([row.top_id for row in rows], dtype=np.int64),
            top_logprob=np.asarray([row.top_logprob for row in rows], dtype=np.float64),
            token_forwards=max(0, computed),
            ceiling=ceiling if np.isnan(logprob).any() else None,
        )

    async def _read_at(self, request: Read, cut: int) -> _ReadRow:
        place = self.client.place(request.sequence)
        listings: dict[tuple[int, ...], Listing] = {}
        for node, tokens in _trie(request.continuations).items():
            prompt = self.prompts.at(request.sequence, cut, (*request.suffix, *node))
            listings[node] = await self.listing(prompt, place, named=tokens)
        logprob: list[float] = []
        ceiling: list[float] = []
        for ids in request.continuations:
            exact, most = 0.0, 0.0
            for depth, token in enumerate(ids):
                listing = listings[ids[:depth]]
                value = listing.of(token)
                exact += math.nan if value is None else value
                most += unlisted_ceiling(listing, self.vocab_size) if value is None else value
            logprob.append(exact)
            ceiling.append(most)
        root = listings[()]
        return _ReadRow(logprob=logprob, ceiling=ceiling, top_id=(*root.ids, _NO_TOKEN)[0], top_logprob=(*root.logprobs, root.lost)[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class _ReadRow:
    logprob: list[float]
    ceiling: list[float]
    top_id: int
    top_logprob: float


def unlisted_ceiling(listing: Listing, vocab_size: int) -> float:
    """The most the log-probability of an unlisted token can be: that of the last listed one, or all that the list leaves.

    Where listed tokens are not known by id it may be the likeliest of those.
    """
    if len(listing.ids) >= vocab_size:
        return -math.inf
    named = math.fsum(math.exp(value) for token, value in listing.named.items() if token not in listing.ids)
    left = 1.0 - named - math.fsum(math.exp(value) for value in listing.logprobs)
    # The listed probabilities are rounded; what they leave is not known better than that.
    most = listing.lost if listing.lost > -math.inf else listing.logprobs[-1]
    return min(most, math.log(max(left, -left, 1e-6)))


def _base_bounds(listing: Listing, shaped: Shaped, base: int, params: Sampling) -> tuple[float, float]:
    if base in listing.ids:
        at = listing.ids.index(base)
        return float(shaped.low[at]), float(shaped.high[at])
    if not listing.ids:
        return 0.0, 1.0
    known = listing.named.get(base)
    if known is None:
        return 0.0, min(shaped.rest, float(shaped.high[-1]))
    return with_known(shaped, np.asarray(listing.logprobs), known, params)


def _trie(continuations: Sequence[tuple[int, ...]]) -> dict[tuple[int, ...], tuple[int, ...]]:
    """What has to be read after each beginning of a continuation: one request per beginning, however many options continue it."""
    nodes: dict[tuple[int, ...], dict[int, None]] = {}
    for ids in continuations:
        for depth, token in enumerate(ids):
            nodes.setdefault(ids[:depth], {})[token] = None
    return {node: tuple(tokens) for node, tokens in nodes.items()}
