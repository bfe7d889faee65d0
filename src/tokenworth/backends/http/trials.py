"""Small experiments on a server: one question each, asked in a way that has one right answer if the server does it.

A reply that cannot be used, or a status that refuses the field under trial, is an answer too: the server does not do it.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tokenworth.backends.http.client import Client
from tokenworth.backends.http.prompts import Prompts
from tokenworth.backends.http.tables import FORCE, GREEDY
from tokenworth.backends.http.transport import Refused
from tokenworth.backends.http.wire import Ask, Choice, Listing, Malformed, Prompt, Reply
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import Codec

NEUTRAL = replace(GREEDY, temperature=1.0)
MANY = 12
"""Draws that show whether a parameter is honoured."""
HOT, VARIED = 10.0, 4
"""A temperature at which hardly any two draws agree, and how many of `MANY` differ there at least."""
AGREE = 0.05
"""Nats within which two readings of one log-probability are the same: half precision and batching move them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where trials are made: a prompt, what is listed after it, and how likely the first token is there."""

    prompt: Prompt
    ids: tuple[int, ...]
    listing: Listing | None


class Trials:
    """Asks one server."""

    def __init__(self, client: Client, prompts: Prompts) -> None:
        self.client, self.prompts = client, prompts

    async def ask(self, prompt: Prompt, *, n: int = 1, max_tokens: int = 1, params: Sampling = GREEDY, **choices: Any) -> Reply | None:
        """The reply, or None where the server refuses the request or does not answer it.

        An unusable reply is asked for once more: what a server can do is a fact, and one bad reply must not change the record.
        """
        ask = Ask(prompt=prompt, n=n, max_tokens=max_tokens, params=params, seed=choices.pop("seed", 7), **choices)
        for _ in range(2):
            try:
                return await self.client.ask(ask)
            except Malformed:
                continue
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

    # -- ids and text ----------------------------------------------------------------------------------------------

    async def takes_ids(self, codec: Codec) -> bool:
        """Whether ids reach the model as they are: ids that text would merge must still be counted one by one."""
        split = unmerged(codec)
        reply = await self.ask(self.prompts.of(split))
        return reply is not None and (reply.prompt_tokens is None or reply.prompt_tokens == len(split))

    async def text_tokens(self, ids: tuple[int, ...]) -> int | None:
        """How many tokens the server makes of the text of ``ids``; None where it does not say or refuses."""
        prompt = Prompt(length=len(ids), encode=lambda: self.prompts.text(ids))
        reply = await self.ask(prompt)
        return None if reply is None else reply.prompt_tokens

    # -- log-probabilities -----------------------------------------------------------------------------------------

    async def listing(self, prompt: Prompt, top: int, params: Sampling = GREEDY, **choices: Any) -> Listing | None:
        """The listing after a prompt."""
        reply = await self.ask(prompt, top=top, params=params, **choices)
        if reply is None or not reply.choices[0].listings:
            return None
        found = reply.choices[0].listings[0]
        return found if found is not None and found.ids else None

    async def listing_cap(self, prompt: Prompt, tops: Sequence[int]) -> int:
        """The most log-probabilities listed at a token: the first of ``tops`` (descending) that the server gives, else 0."""
        for top in tops:
            found = await self.listing(prompt, top)
            if found is not None:
                return min(top, found.n_listed) if found.n_listed < top - 1 else top
        return 0

    async def is_raw(self, place: Place, top: int) -> bool | None:
        """Whether listings are the same at another temperature and under top-k 1; None where neither can be had."""
        if place.listing is None:
            return None
        others = [
            await self.listing(place.prompt, top, params) for params in (replace(NEUTRAL, temperature=0.5), replace(NEUTRAL, top_k=1))
        ]
        agree = [_agree(place.listing, other, 3) for other in others if other is not None]
        return all(agree) if agree else None

    async def keeps_logprob_when_forced(self, place: Place) -> bool:
        """Whether a bias makes the second likeliest token come, reported with the log-probability it has without bias."""
        if place.listing is None or len(place.listing.ids) < 2:
            return False
        token, expected = place.listing.ids[1], place.listing.logprobs[1]
        found = await self.listing(place.prompt, 1, bias={token: FORCE})
        return found is not None and abs(found.named.get(token, math.inf) - expected) <= AGREE

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
        whole = self.prompts.of((*place.ids, place.listing.ids[0], place.listing.ids[-1]))
        reply = await self.ask(whole, extra={"prompt_logprobs": 1})
        given = None if reply is None else reply.choices[0].prompt_logprobs
        if not given or len(given) != whole.length:
            return False
        return abs(given[len(place.ids)].get(place.listing.ids[0], math.inf) - place.listing.logprobs[0]) <= AGREE

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
        return "ok" if at is not None and abs(at.named.get(token, math.inf) - expected) <= AGREE else "off"

    # -- sampling --------------------------------------------------------------------------------------------------

    async def hot(self, place: Place, n_most: int) -> int:
        """How many of `MANY` tokens drawn at temperature 10 differ; -1 where the server refuses that."""
        return await self._distinct(place, MANY, replace(NEUTRAL, temperature=HOT), n_most)

    async def honours_temperature(self, place: Place, n_most: int, hot: int) -> bool:
        """Whether draws differ at temperature 1, hardly ever agree at 10, and all agree at 0.

        Many tokens of several completions at temperature 1: a model would have to be sure of every one of them to give the same. The
        other two find servers that sample at another temperature: where that one looks like 10, the model is so unsure
        that draws would differ at 0. A temperature a server refuses says nothing.
        """
        length = NEUTRAL_LONG.max_tokens

        async def distinct(temperature: float, count: int, max_tokens: int) -> int:
            params = replace(NEUTRAL, temperature=temperature, max_tokens=max_tokens)
            # vLLM gives only one greedy completion a request.
            return await self._distinct(place, count, params, n_most if temperature > 0 else 1)

        usual, greedy = await distinct(1.0, 8, length), await distinct(0.0, 4, length)
        return usual > 1 and (hot == -1 or hot >= VARIED) and greedy in (-1, 1)

    async def independent(self, prompt: Prompt, n: int) -> bool | None:
        """Whether completions of one request differ, as those of several would; None where it gives none so many."""
        reply = await self.ask(prompt, n=n, max_tokens=NEUTRAL_LONG.max_tokens, params=NEUTRAL_LONG)
        return None if reply is None else len({choice.ids or choice.text for choice in reply.choices}) > 1

    async def decodes(self, place: Place, special: frozenset[int]) -> bool | None:
        """Whether our tokenizer makes the server's text of the ids it returns; None where it returns none.

        Two tokenizers may make the same number of tokens of a text. Some servers leave special tokens out of the text, and most
        what is not yet a whole character.
        """
        params = replace(NEUTRAL, temperature=2.0, max_tokens=12)
        reply = await self.ask(place.prompt, max_tokens=12, params=params)
        if reply is None or reply.choices[0].ids is None:
            return None
        ids, text = reply.choices[0].ids, reply.choices[0].text.strip().rstrip("\ufffd")
        decode = self.prompts.codec.decode
        return any(decode(kept).strip().startswith(text) for kept in (ids, tuple(one for one in ids if one not in special)))

    async def varied(self, place: Place, n_most: int, hot: int) -> Sampling | None:
        """Neutral sampling whose draws differ, to try filters under; None where none was found.

        One hot token is enough. Some servers refuse temperatures above 2 (vLLM), where a model may be sure of one, hardly of a dozen.
        """
        if hot >= VARIED:
            return replace(NEUTRAL, temperature=HOT)
        for params in (replace(NEUTRAL, temperature=2.0), replace(NEUTRAL_LONG, temperature=2.0)):
            if hot == -1 and await self._distinct(place, MANY, params, n_most) >= VARIED:
                return params
        return None

    async def honours(self, place: Place, varied: Sampling | None, n_most: int, **keeps_one: float) -> bool:
        """Whether a filter that leaves one token leaves one where draws differ without it. Rounding may part long completions."""
        if varied is None:
            return False
        kept = await self._distinct(place, MANY, replace(varied, **keeps_one), n_most)
        return 1 <= kept <= (1 if varied.max_tokens == 1 else MANY // 6)

    async def _distinct(self, place: Place, count: int, params: Sampling, n_most: int) -> int:
        """How many of so many completions differ; -1 where not all of them could be had."""
        choices = await self.draws(place.prompt, count, params, n_most=n_most, max_tokens=params.max_tokens)
        return len({choice.ids or choice.text for choice in choices}) if len(choices) == count else -1

    async def seeds(self, place: Place, varied: Sampling | None) -> str:
        """none, alone or together: whether one seed repeats a sample, alone and among other requests; fixed: every seed does.

        ``varied``: parameters under which the draws of one request differ; a sure model repeats itself under others.
        """

        async def once(seed: int, params: Sampling = NEUTRAL_LONG) -> object:
            reply = await self.ask(place.prompt, max_tokens=12, params=replace(params, max_tokens=12), seed=seed)
            return None if reply is None else (reply.choices[0].ids or reply.choices[0].text)

        if varied is not None:
            hot = await asyncio.gather(*(once(seed, varied) for seed in (21, 22, 23, 24)))
            if hot[0] is not None and len(set(hot)) == 1:
                return "fixed"
        first, again, other = await once(11), await once(11), await once(12)
        if first is None or first != again or first == other:
            return "none"
        crowd = await asyncio.gather(*(once(11 if i % 2 else 30 + i) for i in range(8)))
        return "together" if all(one == first for one in crowd[1::2]) else "alone"

    async def stops(self, place: Place, stop: Sequence[int]) -> tuple[tuple[int, ...], bool]:
        """Which of the stop tokens end a completion when a bias makes them come, and whether they stand in its ids."""
        ends: list[int] = []
        inside = True
        for token in stop:
            reply = await self.ask(place.prompt, max_tokens=4, params=replace(GREEDY, max_tokens=4, stop=tuple(stop)), bias={token: FORCE})
            if reply is None or reply.choices[0].finish != "stop":
                continue
            ends.append(token)
            ids = reply.choices[0].ids
            inside = inside and ids is not None and ids[-1:] == (token,)
        return tuple(ends), inside and bool(ends)

    async def trims_stop_text(self, place: Place) -> bool | None:
        """Whether a stop string is cut off the text; None where none could be tried."""
        params = replace(GREEDY, max_tokens=8)
        whole = await self.ask(place.prompt, max_tokens=8, params=params)
        text = "" if whole is None else whole.choices[0].text
        word = next((word for word in text.split() if len(word) > 1 and word.isascii()), None)
        if word is None:
            return None
        reply = await self.ask(place.prompt, max_tokens=8, params=params, extra={"stop": [word]})
        return None if reply is None else word not in reply.choices[0].text

    # -- small things ----------------------------------------------------------------------------------------------

    def first_id(self, choice: Choice) -> int | None:
        """The first token of a completion."""
        ids = choice.ids if choice.ids is not None else self.prompts.codec.encode(choice.text)
        return ids[0] if ids else None

    async def greedy_texts(self, prompts: Sequence[Prompt]) -> tuple[str, ...]:
        """A hash of the greedy continuation of each; nothing if one fails or is not the same twice."""
        params = replace(GREEDY, max_tokens=24)
        replies = [await self.ask(prompt, max_tokens=24, params=params) for prompt in (*prompts, *prompts)]
        texts = [hashlib.sha256(reply.choices[0].text.encode()).hexdigest()[:16] for reply in replies if reply is not None]
        half = len(prompts)
        return tuple(texts[:half]) if len(texts) == 2 * half and texts[:half] == texts[half:] else ()

    async def _greedy(self, prompt: Prompt) -> int | None:
        reply = await self.ask(prompt)
        return None if reply is None else self.first_id(reply.choices[0])


NEUTRAL_LONG = replace(NEUTRAL, max_tokens=12)


def unmerged(codec: Codec) -> tuple[int, ...]:
    """Ids that encoding their text would merge into fewer: letters one by one."""
    for word in (" the", "ing", " and", "an", "er", "th"):
        ids = tuple(token for letter in word for token in codec.encode(letter))
        if codec.decode(ids) == word and len(codec.encode(word * 3)) < 3 * len(ids):
            return ids * 3
    return codec.encode("a b c d")


def _agree(one: Listing, other: Listing, count: int) -> bool:
    """Whether the likeliest tokens have the same log-probabilities in both."""
    known: Mapping[int, float] = dict(zip(other.ids, other.logprobs, strict=True)) | dict(other.named)
    likely = list(zip(one.ids, one.logprobs, strict=True))[:count]
    return all(token in known and abs(known[token] - value) <= AGREE for token, value in likely)
