"""First contact: what a server really does, found out by asking. A reply with status 200 proves nothing.

Some 75 requests of a few tokens each, or up to 300 where each gives one completion. What is found decides how the server is
spoken to and what it may be used for.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tokenworth.backends.http.agreement import agrees
from tokenworth.backends.http.client import Client
from tokenworth.backends.http.contact import Contact
from tokenworth.backends.http.llama_api import LlamaApi
from tokenworth.backends.http.openai_api import Fields, OpenAIApi
from tokenworth.backends.http.prompts import Prompts
from tokenworth.backends.http.record import ServerRecord
from tokenworth.backends.http.shaping import Order
from tokenworth.backends.http.tables import FORCE, GREEDY, LARGEST_TOP
from tokenworth.backends.http.transport import Refused
from tokenworth.backends.http.trials import NEUTRAL, Place, Trials
from tokenworth.backends.http.wire import Ask, Malformed, Prompt, Reply, ServerApi
from tokenworth.core.tokens import Codec
from tokenworth.errors import ServerError

_TEXT = "The quick brown fox, 12,345 caf\u00e9s \u2014 na\u00efve?\n\n\tdef f(x): return x ** 2  # done"
"""Letters, numbers, white space and accents: another tokenizer makes another number of tokens of it."""
_OTHER_TEXT = "Once upon a time there was a"
_TOPS = (1000, 100, 20, 10, 5, 1)
_COUNTS = (16, 8, 4, 2)
_OPTIONAL = ("top_k", "min_p", "repetition_penalty", "stop_token_ids", "add_special_tokens", "skip_special_tokens", "seed")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbedModel:
    """What the probe needs to know of the model: its text, its size, and prompts to try it on.

    ``prompt``: a chat prompt up to the model's turn. ``opened``: the same with an open trace and some tokens of it.
    """

    codec: Codec
    vocab_size: int
    stop: tuple[int, ...]
    prompt: tuple[int, ...]
    opened: tuple[int, ...]
    special: frozenset[int]
    token_of: Callable[[str], int | None]


async def probe(client: Client, who: Contact, subject: ProbedModel) -> ServerRecord:
    """The record of a server, after some 75 requests, or up to 300 where each gives one completion.

    Leaves ``client`` speaking its API.

    Raises `ServerError` when it does not complete even the plainest request.
    """
    if who.is_llama:
        client.api = LlamaApi(subject.vocab_size)
        as_text, ids_out = False, True
    else:
        as_text, ids_out = await _find_api(client, who, subject)
    prompts = Prompts(subject.codec, as_text=as_text)
    trials = Trials(client, prompts)
    ids_in = not as_text and await trials.takes_ids(subject.codec)
    prompts.as_text = not ids_in
    text = await _text(trials, subject)
    n_most, n_honoured = await _most(trials, prompts, who, subject)
    plain = prompts.of(subject.prompt)
    cap = await trials.listing_cap(plain, _tops(subject.vocab_size))
    place = await _place(trials, subject.prompt, cap)
    if text["tokenizer_agrees"] is not False and await trials.decodes(place, subject.special) is False:
        text["tokenizer_agrees"] = False
    found = await _more(trials, place, subject, n_most, cap) | text
    found["sampler_agrees"] = await _sampler_agrees(trials, place, subject, n_most, found)
    counts, cached = await _usage(trials, place, n_most)
    opened = await trials.ask(prompts.of(subject.opened))
    as_sent = (None, len(subject.opened) + (text["bos_added"] and not ids_in))
    found["reply_ids"] = await _reply_ids(trials, place, prompts.of(subject.opened))
    if isinstance(client.api, OpenAIApi):
        adds_bos = text["bos_added"] and not ids_in
        exact = await _exact_counts(trials, prompts, subject, n_most, adds_bos)
        client.api = client.api.with_fields(adds_bos=adds_bos, **exact)
    return ServerRecord(
        dialect=client.api.name,
        **_said(who),
        ids_in=ids_in,
        ids_out=ids_out,
        n_most=n_most,
        n_honoured=n_honoured,
        not_sent=_not_sent(client.api),
        logprobs="none" if place.listing is None else "ids" if ids_out else "text",
        logprobs_cap=cap,
        continues_open_trace=opened is not None and opened.prompt_tokens in as_sent,
        counts_all_choices=counts,
        counts_cached=cached,
        **await _identity(trials, subject, cap, found),
        calls=client.spent.requests,
        **found,
    )


def _said(who: Contact) -> dict[str, Any]:
    """What is taken from what the server says of itself."""
    return {"server": who.server, "model": who.model, "context_length": who.context_length, "order": _order(who)}


async def _text(trials: Trials, subject: ProbedModel) -> dict[str, Any]:
    """How many tokens the server makes of texts."""
    plain, letter = subject.codec.encode(_TEXT), subject.codec.encode("a")
    plain_count, text_count = await trials.text_tokens(plain), await trials.text_tokens(subject.prompt)
    bos = await trials.text_tokens(letter) == len(letter) + 1
    return {
        "text_counts": None if text_count is None else text_count - bos == len(subject.prompt),
        "tokenizer_agrees": None if plain_count is None else plain_count - bos == len(plain),
        "bos_added": bos,
    }


async def _place(trials: Trials, ids: tuple[int, ...], cap: int) -> Place:
    """A place with its listing."""
    prompt = trials.prompts.of(ids)
    return Place(prompt=prompt, ids=ids, listing=await trials.listing(prompt, min(cap, 20)) if cap else None)


async def _sampler_agrees(trials: Trials, place: Place, subject: ProbedModel, n_most: int, found: Mapping[str, Any]) -> bool | None:
    """Whether draws are those of q, at the flattest of four places; None where temperatures are ignored or lists are not raw."""
    if place.listing is None or found["logprobs_raw"] is False or not found["temperature_honoured"]:
        return None
    more = (subject.opened, subject.codec.encode(_TEXT), subject.codec.encode("The"))
    places = [place, *[await _place(trials, ids, len(place.listing.ids)) for ids in more]]
    return await agrees(trials, places, vocab_size=subject.vocab_size, stop=frozenset(subject.stop), n_most=n_most)


async def _more(trials: Trials, place: Place, subject: ProbedModel, n_most: int, cap: int) -> dict[str, Any]:
    """The trials that do not depend on each other, a few at a time."""
    top = min(cap, 20)
    stops, stop_in_ids = await trials.stops(place, subject.stop)
    hot = await trials.hot(place, n_most)
    varied = await trials.varied(place, n_most, hot)
    temperature = await trials.honours_temperature(place, n_most, hot)
    (top_k, top_p, min_p), (raw, kept, bans, restricts), (prompt_logprobs, echo, seeds, trimmed) = (
        await asyncio.gather(
            trials.honours(place, varied, n_most, top_k=1),
            trials.honours(place, varied, n_most, top_p=1e-4),
            trials.honours(place, varied, n_most, min_p=0.9999),
        ),
        await asyncio.gather(
            trials.is_raw(place, top), trials.keeps_logprob_when_forced(place), trials.bans(place), trials.restricts(place)
        ),
        await asyncio.gather(trials.prompt_logprobs(place), trials.echo(place), trials.seeds(place, varied), trials.trims_stop_text(place)),
    )
    return {
        "temperature_honoured": temperature,
        # A server that is always greedy passes for one that obeys every filter.
        "top_k_honoured": top_k and temperature,
        "top_p_honoured": top_p and temperature,
        "min_p_honoured": min_p and temperature,
        "logprobs_raw": raw,
        "bias_honoured": bans,
        "bias_keeps_logprobs": kept,
        "allowed_token_ids": restricts,
        "prompt_logprobs": prompt_logprobs,
        "echo": echo,
        "seeds": seeds,
        "stop_text_trimmed": trimmed,
        "stops_at": stops,
        "stop_in_ids": stop_in_ids,
    }


def _not_sent(api: ServerApi) -> tuple[str, ...]:
    """The sampling fields left out because the server refuses them."""
    fields = api.fields if isinstance(api, OpenAIApi) else Fields()
    return tuple(name for name in ("top_k", "min_p", "repetition_penalty") if not getattr(fields, name))


async def _identity(trials: Trials, subject: ProbedModel, cap: int, found: Mapping[str, Any]) -> dict[str, Any]:
    """Readings after a fixed text, not a chat prompt: some templates write today's date into that. Without any: greedy texts."""
    texts = [trials.prompts.of(subject.codec.encode(text)) for text in (_TEXT, _OTHER_TEXT)]
    listing = await trials.listing(texts[0], min(cap, 5)) if cap and found["logprobs_raw"] is not False else None
    if listing is None:
        return {"greedy": await trials.greedy_texts(texts)}
    pairs = zip(listing.ids, listing.logprobs, strict=True)
    return {"identity": tuple((token, value) for token, value in pairs if math.isfinite(value))}


def _order(who: Contact) -> Order:
    if who.is_llama:
        return "min-p last"
    return "min-p first" if "vllm" in who.server else "unknown"


def _tops(vocab_size: int) -> Sequence[int]:
    return (min(vocab_size, LARGEST_TOP), *(top for top in _TOPS if top < min(vocab_size, LARGEST_TOP)))


async def _find_api(client: Client, who: Contact, subject: ProbedModel) -> tuple[bool, bool]:
    """Finds request fields the server takes; (prompts must be text, ids come back)."""
    path = client.endpoints[0].url.removeprefix(client.endpoints[0].root) + "/completions"

    def api(fields: Fields) -> ServerApi:
        return OpenAIApi(who.model, subject.vocab_size, fields, subject.token_of, path)

    fault: Exception | None = None
    for as_text in (False, True):
        prompt = Prompts(subject.codec, as_text=as_text).of(subject.prompt)
        fields = Fields(token_ids=True)
        unusable = 0
        for _ in range(2 * len(_OPTIONAL)):
            client.api = api(fields)
            try:
                await client.ask(Ask(prompt=prompt, n=1, max_tokens=1, params=GREEDY, seed=1))
                return as_text, fields.token_ids
            except Malformed as error:
                unusable += 1
                if unusable % 2:
                    continue  # Once more: one bad reply must not decide how the server is spoken to.
                if not fields.token_ids:
                    raise ServerError(f"{client.endpoints[0].url} does not complete a prompt: {error}") from None
                fault, fields = error, replace(fields, token_ids=False)
            except Refused as error:
                if error.status in (401, 403, 404) or 300 <= error.status < 400:
                    raise
                fault = error
                refused = _named(str(error), fields)
                if refused is None:
                    break
                fields = replace(fields, **{refused: False})
    raise ServerError(f"{client.endpoints[0].url} does not complete a prompt, as ids or as text: {fault}")


def _named(message: str, fields: Fields) -> str | None:
    """The optional field to leave out: one the refusal names, else the next one still sent."""
    sent = [name for name in _OPTIONAL if getattr(fields, name)]
    if "return_token_ids" in message or "return_tokens_as_token_ids" in message:
        return "token_ids" if fields.token_ids else None
    named = next((name for name in sent if name in message), None)
    if named is not None or "prompt" in message.lower():
        return named
    return "token_ids" if fields.token_ids else next(iter(sent), None)


async def _most(trials: Trials, prompts: Prompts, who: Contact, subject: ProbedModel) -> tuple[int, bool]:
    """The most completions of one request, as far as tried, and whether more than one can be had."""
    prompt = prompts.of(subject.prompt)
    for count in (who.slots,) if who.slots else _COUNTS:
        if count == 1:
            break
        differ = await trials.independent(prompt, count)
        if differ is not None:
            # One completion many times over is no sample: each rollout is a request of its own then.
            return (count, True) if differ else (1, False)
    return 1, False


async def _usage(trials: Trials, place: Place, n_most: int) -> tuple[bool | None, bool]:
    """Whether usage counts every choice, and whether it says how much was cached."""
    reply = await trials.ask(place.prompt, n=min(2, n_most), max_tokens=3, params=replace(NEUTRAL, max_tokens=3))
    if reply is None or reply.completion_tokens is None:
        return None, False
    unsure = n_most < 2 or any(choice.ids is None for choice in reply.choices)
    return None if unsure else reply.completion_tokens == _made(reply), reply.cached_tokens is not None


async def _exact_counts(trials: Trials, prompts: Prompts, subject: ProbedModel, n_most: int, adds_bos: bool) -> dict[str, bool]:
    """Whether usage counts exactly the tokens of prompts, of completions, and of completions that end at their limit.

    Of one and of many, ended by a stop token and not.
    """
    replies: list[tuple[int, Reply | None]] = []
    for ids in (subject.prompt, subject.opened):
        for n, bias in ((1, {}), (1, {token: FORCE for token in subject.stop[:1]}), (n_most, {})):
            params = replace(NEUTRAL, max_tokens=3, stop=subject.stop)
            replies.append((len(ids), await trials.ask(prompts.of(ids), n=n, max_tokens=3, params=params, bias=bias)))
    full = [reply for _, reply in replies if reply is not None and all(one.finish == "length" for one in reply.choices)]
    return {
        "prompt_counts": all(reply is not None and reply.prompt_tokens == length + adds_bos for length, reply in replies),
        "completion_counts": all(
            reply is not None and None not in (one.ids for one in reply.choices) and reply.completion_tokens == _made(reply)
            for _, reply in replies
        ),
        "length_counts": bool(full) and all(reply.completion_tokens == 3 * len(reply.choices) for reply in full),
    }


def _made(reply: Reply) -> int:
    return sum(len(choice.ids) for choice in reply.choices if choice.ids is not None)


async def _reply_ids(trials: Trials, place: Place, other: Prompt) -> str:
    """none, unique or repeating. Two prompts and seeds: something that keeps replies would repeat one to the same request."""
    first, second = await trials.ask(place.prompt, params=NEUTRAL), await trials.ask(other, params=NEUTRAL, seed=8)
    if first is None or second is None or not first.id:
        return "none"
    return "repeating" if first.id == second.id else "unique"
