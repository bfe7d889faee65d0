"""Asking a server on trial: readings, draws, and what its lists of log-probabilities are.

A reply that cannot be used, or a status that refuses the field under trial, is an answer too: the server does not do it. Readings are
compared within the noise that was measured first, and a test is made three times before a server is refused on it.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tokenworth.backends.http import noise
from tokenworth.backends.http.client import Client
from tokenworth.backends.http.prompts import Prompts
from tokenworth.backends.http.tables import FORCE, GREEDY
from tokenworth.backends.http.transport import Refused
from tokenworth.backends.http.wire import Ask, Choice, Listing, Malformed, Prompt, Reply
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import Codec

NEUTRAL = replace(GREEDY, temperature=1.0)
NEUTRAL_LONG = replace(NEUTRAL, max_tokens=12)
COOL = replace(NEUTRAL, temperature=0.5)
TRIES = 3
TOP = 20
"""Log-probabilities listed in trials, where the server gives so many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where trials are made: a prompt, its ids, and what is listed after it."""

    prompt: Prompt
    ids: tuple[int, ...]
    listing: Listing | None

    @property
    def entropy(self) -> float:
        """Nats, of the listed tokens and the rest as one."""
        p = [math.exp(value) for value in (() if self.listing is None else self.listing.logprobs)]
        return -sum(one * math.log(one) for one in (*p, 1.0 - math.fsum(p)) if one > 0)

    @property
    def gap(self) -> float:
        """Nats between the two likeliest tokens."""
        return self.listing.logprobs[0] - self.listing.logprobs[1] if self.listing is not None and len(self.listing.ids) > 1 else 0.0


class Trials:
    """Asks one server. ``stop``: the model's stop tokens; ``noise``: nats by which readings move, None until that is measured;
    ``fault``: why a reply was unusable.
    """

    def __init__(self, client: Client, prompts: Prompts, stop: tuple[int, ...] = ()) -> None:
        self.client, self.prompts, self.stop = client, prompts, stop
        self.noise: float | None = None
        self.fault = ""

    @property
    def within(self) -> float:
        """Nats that two readings may differ by."""
        return noise.tolerance(self.noise)

    async def ask(self, prompt: Prompt, *, n: int = 1, max_tokens: int = 1, params: Sampling = GREEDY, **choices: Any) -> Reply | None:
        """The reply, or None where the server refuses the request or does not answer it.

        An unusable reply is asked for once more: what a server can do is a fact, and one bad reply must not change the record.
        """
        params = replace(params, stop=self.stop)
        ask = Ask(prompt=prompt, n=n, max_tokens=max_tokens, params=params, seed=choices.pop("seed", 7), **choices)
        for _ in range(2):
            try:
                return await self.client.ask(ask)
            except Malformed as error:
                self.fault = str(error)
            except Refused:
                break
        return None

    async def draws(
        self, prompt: Prompt, count: int, params: Sampling, *, n_most: int, max_tokens: int = 1, start: int = 0
    ) -> list[Choice]:
        """So many completions, in as few requests as the server takes; fewer where some could not be used. ``start``: the first seed."""
        sizes = [min(n_most, count - begun) for begun in range(0, count, n_most)]
        asked = [self.ask(prompt, n=size, max_tokens=max_tokens, params=params, seed=start + 100 * i) for i, size in enumerate(sizes)]
        return [choice for reply in await asyncio.gather(*asked) if reply is not None for choice in reply.choices]

    async def place(self, ids: tuple[int, ...], cap: int) -> Place:
        """A place with its listing."""
        prompt = self.prompts.of(ids)
        return Place(prompt=prompt, ids=ids, listing=await self.listing(prompt, min(cap, TOP)) if cap else None)

    def ids(self, choice: Choice) -> tuple[int, ...]:
        """The ids of a completion, our tokenizer's where the server gives text only."""
        return choice.ids if choice.ids is not None else self.prompts.codec.encode(choice.text)

    def first_id(self, choice: Choice) -> int | None:
        """The first token of a completion."""
        return (*self.ids(choice), None)[0]

    # -- ids and text ----------------------------------------------------------------------------------------------

    async def takes_ids(self, codec: Codec) -> bool:
        """Whether ids reach the model as they are: ids that text would merge must still be counted one by one."""
        split = unmerged(codec)
        reply = await self.ask(self.prompts.of(split))
        return reply is not None and (reply.prompt_tokens is None or reply.prompt_tokens == len(split))

    async def text_tokens(self, ids: tuple[int, ...], added: int = 0) -> int | None:
        """How many tokens the server makes of the text of ``ids``; None where it does not say or refuses. ``added``: as is known."""
        prompt = Prompt(length=len(ids) + added, encode=lambda: self.prompts.text(ids))
        reply = await self.ask(prompt)
        return None if reply is None else reply.prompt_tokens

    async def decodes(self, place: Place, special: frozenset[int]) -> bool | None:
        """Whether our tokenizer makes the server's text of the ids it returns; None where it returns none.

        Two tokenizers may make the same number of tokens of a text. Some servers leave special tokens out of the text, and most
        what is not yet a whole character: one of three completions will do.
        """
        params = replace(NEUTRAL, temperature=2.0, max_tokens=12)
        found: bool | None = None
        for seed in range(TRIES):
            reply = await self.ask(place.prompt, max_tokens=12, params=params, seed=7 + seed)
            if reply is None or reply.choices[0].ids is None:
                continue
            ids, text = reply.choices[0].ids, reply.choices[0].text.strip().rstrip("\ufffd")
            decode = self.prompts.codec.decode
            found = any(decode(kept).strip().startswith(text) for kept in (ids, tuple(one for one in ids if one not in special)))
            if found:
                break
        return found

    # -- log-probabilities -----------------------------------------------------------------------------------------

    async def listing(self, prompt: Prompt, top: int, params: Sampling = GREEDY, **choices: Any) -> Listing | None:
        """The listing after a prompt."""
        reply = await self.ask(prompt, top=top, params=params, **choices)
        if reply is None or not reply.choices[0].listings:
            return None
        found = reply.choices[0].listings[0]
        return found if found is not None and found.ids else None

    async def listing_cap(self, prompt: Prompt, tops: Sequence[int]) -> tuple[int, str]:
        """The most log-probabilities listed at a token: the first of ``tops`` (descending) that the server gives, else 0.

        And what is wrong with its lists: one that is short even of the number which the server gave before leaves tokens out.
        """
        for top in tops:
            found = await self.listing(prompt, top)
            if found is None:
                continue
            if found.n_listed >= top or found.lost > -math.inf:
                return (min(top, found.n_listed) if found.n_listed < top - 1 else top), ""
            cap = found.n_listed
            again = await self.listing(prompt, cap)
            if again is None or again.n_listed >= cap or cap < 2:
                return cap, ""
            return again.n_listed, (
                f"its lists of log-probabilities leave tokens out: {found.n_listed} entries where {top} were asked for, "
                f"{again.n_listed} where {cap} were"
            )
        return 0, ""

    async def moves(self, places: Sequence[Place]) -> tuple[list[Place], float | None]:
        """Measures the noise: the places with their typical listings, and the most that a likely token moves at any of them.

        Each is read again from the cache, after its first part (so that less of it comes from the cache), without the cache where the
        server can be told so, and all of them together.
        """
        fresh = self.client.api.fresh

        async def alone(place: Place) -> list[Listing | None]:
            found = [place.listing, await self._reading(place)]
            for part in (0.75, 0.4) if len(place.ids) > 3 else ():
                await self.ask(self.prompts.of(place.ids[: int(part * len(place.ids))]))
                found.append(await self._reading(place))
            return [*found, await self._reading(place, extra=fresh)] if fresh else found

        quiet = [await alone(place) for place in places]
        # Two tokens each: a server with slots takes more of such requests at once than of those that only read.
        crowd = await asyncio.gather(*(self._reading(place, max_tokens=2) for _ in range(2) for place in places))
        usable = [[one for one in (*found, *crowd[i :: len(places)]) if one is not None] for i, found in enumerate(quiet)]
        typical = [replace(place, listing=noise.typical(found)) if found else place for place, found in zip(places, usable, strict=True)]
        return typical, max((noise.spread(found) for found in usable if len(found) > 1), default=None)

    async def _reading(self, place: Place, **choices: Any) -> Listing | None:
        top = TOP if place.listing is None else min(TOP, place.listing.n_listed)
        return await self.listing(place.prompt, top, **choices)

    async def is_raw(self, place: Place) -> tuple[bool | None, str]:
        """Whether lists are the model's at every temperature and under top-k 1, and where not or not surely, what was seen.

        Processed log-probabilities are as far apart as their temperature says: twice as far at 1/2; at 0 and under top-k 1 one is left.
        """
        if place.listing is None:
            return None, ""
        base = await self._reading(place, params=NEUTRAL)
        cool = await self._reading(place, params=COOL)
        narrow = [await self._reading(place, params=replace(NEUTRAL, top_k=1)), await self._reading(place)]
        if base is None or cool is None:
            return None, "whether its log-probabilities are the model's cannot be told: it gives none at temperature 1 or 0.5"
        ratio = noise.gap_ratio(base, cool, self.within)
        others = [noise.gap_ratio(base, one, self.within) for one in narrow if one is not None]
        if ratio is None:
            if all(noise.agree(base, one, self.within, 1) for one in (cool, *narrow) if one is not None):
                return True, ""
            return None, "whether its log-probabilities are the model's cannot be told: they are too few or too close together"
        told = f"at temperature 0.5 they are {ratio:.2f} times as far apart as at 1"
        if noise.is_unchanged(ratio) and all(one is not None and noise.is_unchanged(one) for one in others):
            return True, ""
        gone = ratio == math.inf or any(one == math.inf for one in others)
        if noise.is_tempered(ratio, COOL.temperature) or (gone and (noise.is_unchanged(ratio) or ratio == math.inf)):
            return False, f"its log-probabilities are those after temperature and filters, not the model's ({told})"
        return None, f"whether its log-probabilities are the model's cannot be told: {told}, where 1 or 2 was expected"

    async def keeps_logprob_when_forced(self, place: Place) -> bool:
        """Whether a bias makes the second likeliest token come, reported with the log-probability it has without bias, not as sure."""
        if place.listing is None or len(place.listing.ids) < 2:
            return False
        token, expected = place.listing.ids[1], place.listing.logprobs[1]
        within = min(self.within, -expected / 2)

        async def kept() -> bool:
            found = await self.listing(place.prompt, 1, bias={token: FORCE})
            return found is not None and abs(found.named.get(token, math.inf) - expected) <= within

        return await mostly(kept)

    async def bans(self, place: Place) -> bool:
        """Whether a bias keeps the likeliest token away, at temperature 0 where it would be sure to come."""
        first = await self._greedy(place.prompt)
        if first is None:
            return False
        reply = await self.ask(place.prompt, bias={first: -math.inf})
        return reply is not None and self.first_id(reply.choices[0]) not in (None, first)

    async def restricts(self, place: Place) -> bool:
        """Whether allowed_token_ids is obeyed: with one unlikely token allowed, it must come."""
        first = await self._greedy(place.prompt)
        # One that text keeps: where no ids come back it is read off the text.
        other = next((token for token in self.prompts.codec.encode("Q Z") if token != first), 0)
        reply = await self.ask(place.prompt, extra={"allowed_token_ids": [other]})
        return reply is not None and self.first_id(reply.choices[0]) == other

    async def prompt_logprobs(self, place: Place) -> bool:
        """Whether prompt_logprobs are given and agree with a one-token reading at the same place."""
        if place.listing is None:
            return False
        token, expected = place.listing.ids[0], place.listing.logprobs[0]
        whole = self.prompts.of((*place.ids, token, place.listing.ids[-1]))

        async def given() -> bool:
            reply = await self.ask(whole, extra={"prompt_logprobs": 1})
            found = None if reply is None else reply.choices[0].prompt_logprobs
            return bool(found) and len(found) == whole.length and abs(found[len(place.ids)].get(token, math.inf) - expected) <= self.within

        return await mostly(given)

    async def echo(self, place: Place) -> str:
        """none, ok, or off: whether echoed log-probabilities agree with a one-token reading at the same place."""
        if place.listing is None:
            return "none"
        token, expected = place.listing.ids[0], place.listing.logprobs[0]
        whole = self.prompts.of((*place.ids, token))
        reply = await self.ask(whole, top=1, extra={"echo": True}, max_tokens=2)
        listings = None if reply is None else reply.choices[0].listings
        if not listings or len(listings) < whole.length:
            return "none"
        at = listings[len(place.ids)]
        return "ok" if at is not None and abs(at.named.get(token, math.inf) - expected) <= self.within else "off"

    # -- small things ----------------------------------------------------------------------------------------------

    async def greedy_texts(self, prompts: Sequence[Prompt], times: int = 2) -> tuple[str, ...]:
        """A hash of the greedy continuation of each; nothing if one fails or is not the same every time."""
        params = replace(GREEDY, max_tokens=24)
        replies = [await self.ask(prompt, max_tokens=24, params=params) for prompt in (*prompts,) * times]
        texts = [hashlib.sha256(reply.choices[0].text.encode()).hexdigest()[:16] for reply in replies if reply is not None]
        half = len(prompts)
        return tuple(texts[:half]) if len(texts) == times * half and texts == texts[:half] * times else ()

    async def _greedy(self, prompt: Prompt) -> int | None:
        reply = await self.ask(prompt)
        return None if reply is None else self.first_id(reply.choices[0])


async def mostly(test: Callable[[], Awaitable[bool]]) -> bool:
    """Whether a test passes: at once, or, where it first fails, most of three times."""
    return await test() or (await test() and await test())


def unmerged(codec: Codec) -> tuple[int, ...]:
    """Ids that encoding their text would merge into fewer: letters one by one."""
    for word in (" the", "ing", " and", "an", "er", "th"):
        ids = tuple(token for letter in word for token in codec.encode(letter))
        if codec.decode(ids) == word and len(codec.encode(word * 3)) < 3 * len(ids):
            return ids * 3
    return codec.encode("a b c d")
