"""Trials of how a server draws: temperature, filters, seeds, several completions of one request.

Each says in a sentence what it saw where the server failed it three times, and nothing where it did not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tokenworth.backends.http import noise
from tokenworth.backends.http.tables import FORCE, GREEDY
from tokenworth.backends.http.trials import NEUTRAL, NEUTRAL_LONG, TRIES, Place, Trials
from tokenworth.backends.http.wire import Choice
from tokenworth.core.sampling import Sampling

MANY = 12
"""Draws that show whether a parameter is honoured."""
HOT, VARIED = 10.0, 4
"""A temperature at which hardly any two draws agree, and how many of `MANY` differ there at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawTrials:
    """Draws at several places, the one that trials begin at first. ``n_most``: completions of one request."""

    trials: Trials
    places: Sequence[Place]
    n_most: int

    async def temperature(self) -> tuple[str, Sampling | None]:
        """What speaks against its temperatures, and neutral sampling whose draws differ, to try filters under (None: not found).

        Draws differ at temperature 1, hardly ever agree at 10, and all agree at 0. Many tokens of several completions at temperature 1:
        a model would have to be sure of every one of them to give the same. The other two find servers that sample at another
        temperature: where that one looks like 10, the model is so unsure that draws would differ at 0. A temperature a server
        refuses says nothing.
        """
        hot = [await self._distinct(place, replace(NEUTRAL, temperature=HOT)) for place in self._tries()[:1]]
        if 0 <= hot[0] < VARIED:
            hot += [await self._distinct(place, replace(NEUTRAL, temperature=HOT), start=50_000 * i) for i, place in self._more()]
        varied = await self._varied(max(hot))
        told = await self._usual()
        if not told and max(hot) >= 0 and sum(count >= VARIED for count in hot) <= len(hot) // 2:
            told = f"draws at temperature 10 hardly differ ({max(hot)} of {MANY} tokens at most): it keeps to a temperature of its own"
        return told or await self._greedy(), varied

    def _tries(self) -> Sequence[Place]:
        return (*self.places, *self.places, *self.places)[:TRIES]

    def _more(self) -> Sequence[tuple[int, Place]]:
        return list(enumerate(self._tries()))[1:]

    async def _usual(self) -> str:
        """Draws at temperature 1 at three places, until some differ."""
        self.trials.fault, counts = "", list[int]()
        for place in self._tries():
            counts.append(await self._distinct(place, NEUTRAL_LONG, 8))
            if counts[-1] > 1:
                return ""
        if max(counts) < 0:
            return f"completions at temperature 1 cannot be had: {self.trials.fault or 'it refuses them'}"
        return "completions at temperature 1 are all the same: the server ignores the temperature"

    async def _greedy(self) -> str:
        """Completions at temperature 0: the same, but for tokens that are as likely as readings can tell."""
        failed = 0
        for place in self._tries():
            # vLLM gives only one greedy completion a request.
            params = replace(GREEDY, max_tokens=NEUTRAL_LONG.max_tokens)
            choices = await self.trials.draws(place.prompt, 4, params, n_most=1, max_tokens=params.max_tokens)
            if len(choices) < 4 or await self._is_likeliest(place, choices):
                return ""
            failed += 1
        return f"completions at temperature 0 differ, by more than rounding explains ({failed} tries): the server draws at random there"

    async def _is_likeliest(self, place: Place, choices: Sequence[Choice]) -> bool:
        """Whether completions are the same, or part only at tokens as likely as the likeliest, as far as readings can tell."""
        if _distinct(choices) == 1:
            return True
        if place.listing is None:
            return False
        waiting = [((), [self.trials.ids(choice) for choice in choices])]
        while waiting:
            before, paths = waiting.pop()
            branches: dict[int, list[tuple[int, ...]]] = {}
            for path in paths:
                if path:
                    branches.setdefault(path[0], []).append(path[1:])
            waiting += [((*before, token), rest) for token, rest in branches.items() if len(rest) > 1]
            if len(branches) < 2:
                continue
            listing = await self.trials.listing(self.trials.prompts.of((*place.ids, *before)), len(place.listing.ids))
            if listing is None:
                return False
            values = [listing.of(token) for token in branches]
            if any(value is None or value < listing.logprobs[0] - self.trials.within for value in values):
                return False
        return True

    async def _varied(self, hot: int) -> Sampling | None:
        """One hot token is enough. Some servers refuse temperatures above 2 (vLLM), where a model may be sure of one, hardly of a dozen."""
        if hot >= VARIED:
            return replace(NEUTRAL, temperature=HOT)
        for params in (replace(NEUTRAL, temperature=2.0), replace(NEUTRAL_LONG, temperature=2.0)):
            if hot == -1 and await self._distinct(self.places[0], params) >= VARIED:
                return params
        return None

    async def _distinct(self, place: Place, params: Sampling, count: int = MANY, start: int = 0) -> int:
        """How many of so many completions differ; -1 where not all of them could be had."""
        choices = await self.trials.draws(place.prompt, count, params, n_most=self.n_most, max_tokens=params.max_tokens, start=start)
        return _distinct(choices) if len(choices) == count else -1

    async def honours(self, varied: Sampling | None, **keeps_one: float) -> bool:
        """Whether a filter that leaves one token leaves one where draws differ without it."""
        if varied is None:
            return False
        params, place = replace(varied, **keeps_one), self.places[0]
        for turn in range(TRIES):
            choices = await self.trials.draws(
                place.prompt, MANY, params, n_most=self.n_most, max_tokens=params.max_tokens, start=50_000 * turn
            )
            # Where nothing is listed, rounding may part a few long completions.
            few = place.listing is None and params.max_tokens > 1 and _distinct(choices) <= MANY // 6
            if len(choices) == MANY and (few or await self._is_likeliest(place, choices)):
                return True
            if not choices:
                return False
        return False

    async def seeds(self, varied: Sampling | None) -> str:
        """none, alone or together: whether one seed repeats a sample, alone and among other requests; fixed: every seed does.

        ``varied``: parameters under which the draws of one request differ; a sure model repeats itself under others.
        """

        async def once(seed: int, params: Sampling = NEUTRAL_LONG) -> object:
            reply = await self.trials.ask(self.places[0].prompt, max_tokens=12, params=replace(params, max_tokens=12), seed=seed)
            return None if reply is None else (reply.choices[0].ids or reply.choices[0].text)

        if varied is not None:
            hot = [await asyncio.gather(*(once(seed, varied) for seed in (21, 22, 23, 24)))]
            if None not in hot[0] and len(set(hot[0])) == 1:
                hot += [[await once(seed, varied) for seed in (31 + turn, 41 + turn)] for turn in (1, 2)]
                if len({one for row in hot for one in row}) == 1:
                    return "fixed"
        if (self.trials.noise or 0.0) > noise.UNSTEADY:
            return "none"  # Rounding decides some draws, on some tries.
        first, again, other = await once(11), await once(11), await once(12)
        if first is None or first != again or first == other:
            return "none"
        crowd = await asyncio.gather(*(once(11 if i % 2 else 30 + i) for i in range(8)))
        return "together" if all(one == first for one in crowd[1::2]) else "alone"


async def most_at_once(trials: Trials, places: Sequence[Place], counts: Sequence[int]) -> int:
    """The most completions of one request, of ``counts`` in this order, that differ as those of several would; else 1."""
    for count in counts:
        for place in places[:TRIES] if count > 1 else ():
            reply = await trials.ask(place.prompt, n=count, max_tokens=NEUTRAL_LONG.max_tokens, params=NEUTRAL_LONG)
            if reply is None:
                break
            if _distinct(reply.choices) > 1:
                return count
        else:
            # One completion many times over is no sample: each rollout is a request of its own then.
            return 1
    return 1


def _distinct(choices: Sequence[Choice]) -> int:
    return len({choice.ids or choice.text for choice in choices})


# -- ends ------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """How completions end: ``at`` these stop tokens, which stand in the ids (``in_ids``); ``limit_told``: a limit is told from a stop;
    ``fault``: what makes them unreadable.
    """

    at: tuple[int, ...]
    in_ids: bool
    limit_told: bool | None
    fault: str


async def ends(trials: Trials, places: Sequence[Place]) -> Ends:
    """Which of the stop tokens end a completion when a bias makes them come, and whether the limit ends it under another name."""
    at: list[int] = []
    inside, fault = True, ""
    for token in trials.stop:
        trials.fault, params = "", replace(GREEDY, max_tokens=4)
        reply = await trials.ask(places[0].prompt, max_tokens=4, params=params, bias={token: FORCE})
        if reply is None:
            fault = fault or trials.fault
        elif reply.choices[0].finish == "length" and (reply.completion_tokens or 4) < 4:
            fault = "it says 'length' where a stop token ended a completion"
        elif reply.choices[0].finish == "stop":
            at.append(token)
            ids = reply.choices[0].ids
            inside = inside and ids is not None and ids[-1:] == (token,)
    return Ends(at=tuple(at), in_ids=inside and bool(at), limit_told=await _tells_limit(trials, places), fault=fault)


async def _tells_limit(trials: Trials, places: Sequence[Place]) -> bool | None:
    """Whether one token that is no stop token comes back as ended by the limit; None where there was none."""
    found: bool | None = None
    for place in places[:TRIES]:
        reply = await trials.ask(place.prompt)
        if reply is not None and trials.first_id(reply.choices[0]) not in (None, *trials.stop):
            found = reply.choices[0].said == "length"
            if found:
                break
    return found


async def trims_stop_text(trials: Trials, place: Place) -> bool | None:
    """Whether a stop string is cut off the text; None where none could be tried."""
    params = replace(GREEDY, max_tokens=8)
    whole = await trials.ask(place.prompt, max_tokens=8, params=params)
    text = "" if whole is None else whole.choices[0].text
    word = next((word for word in text.split() if len(word) > 1 and word.isascii()), None)
    if word is None:
        return None
    reply = await trials.ask(place.prompt, max_tokens=8, params=params, extra={"stop": [word]})
    return None if reply is None else word not in reply.choices[0].text


# -- what text leaves out --------------------------------------------------------------------------------------------------


async def close_comes_back(trials: Trials, place: Place, close: Sequence[int]) -> bool | None:
    """Whether each token of the close marker, forced by a bias, comes back as text; None where that could not be tried."""
    usual = await trials.ask(place.prompt)
    for token in close:
        reply = await trials.ask(place.prompt, bias={token: FORCE})
        if reply is None or usual is None:
            return None
        text = reply.choices[0].text
        if trials.prompts.codec.decode((token,)).strip() not in text:
            # A bias that is ignored leaves what came without it.
            return None if text == usual.choices[0].text else False
    return True


async def lost_text(trials: Trials, places: Sequence[Place]) -> str:
    """What of long completions does not come back as text: named by its field, or seen by the number of tokens counted."""
    params = replace(NEUTRAL, max_tokens=48)
    for turn in range(12):
        reply = await trials.ask(places[turn % len(places)].prompt, max_tokens=48, params=params, seed=60 + turn)
        if reply is None:
            continue
        (choice,), counted = reply.choices, reply.completion_tokens or 0
        made = len(trials.ids(choice))
        if choice.elsewhere:
            return f"it puts the trace in a field of its own ({choice.elsewhere}), not in the text, and gives no token ids"
        if counted - made >= max(8, counted // 4):
            return f"its text lacks most of what was generated ({counted} tokens counted, {made} in the text): is it in another field?"
    return ""


# -- going on --------------------------------------------------------------------------------------------------------------


async def continues(trials: Trials, places: Sequence[Place]) -> Mapping[int, bool]:
    """At which places (by their number) a prompt with more of its own completion after it is gone on with as in that completion.

    What a server puts around prompts (a chat template, a new turn) would stand between the prompt and what comes after it. Places where
    that cannot be tried are left out.
    """
    found: dict[int, bool] = {}
    for number, place in enumerate(places):
        goes_on = await _goes_on(trials, place)
        if goes_on is False:
            goes_on = await _goes_on(trials, place) or await _goes_on(trials, place)
        if goes_on is not None:
            found[number] = goes_on
    return found


async def _goes_on(trials: Trials, place: Place) -> bool | None:
    top, length = (0, 12) if place.listing is None else (min(5, len(place.listing.ids)), 4)
    whole = await trials.ask(place.prompt, max_tokens=length, params=replace(GREEDY, max_tokens=length), top=top)
    if whole is None:
        return None
    choice = whole.choices[0]
    made = trials.ids(choice)
    at = len(made) // 2
    path, codec = (*place.ids, *made[:at]), trials.prompts.codec
    if at < 1 or (trials.prompts.as_text and codec.encode_whole(codec.decode(path)) != path):
        return None
    if top:
        # Text leaves out the stop token, and what is listed at it.
        inside = choice.listings[at] if choice.listings and len(choice.listings) - len(made) in (0, 1) else None
        after = await trials.listing(trials.prompts.of(path), top)
        return None if inside is None or after is None else noise.agree(inside, after, trials.within, 2)
    rest = length - at
    reply = await trials.ask(trials.prompts.of(path), max_tokens=rest, params=replace(GREEDY, max_tokens=rest))
    return None if reply is None else trials.ids(reply.choices[0]) == made[at:]
