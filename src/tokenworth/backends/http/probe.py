"""First contact: what a server really does, found out by asking. A reply with status 200 proves nothing.

Some 100 requests of a few tokens each (some 40 more where readings move), or up to 400 where each gives one completion. How far readings
move by themselves is measured first. What is found decides how the server is spoken to and what it may be used for.
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
from tokenworth.backends.http.drawing import DrawTrials, close_comes_back, continues, ends, lost_text, most_at_once, trims_stop_text
from tokenworth.backends.http.llama_api import LlamaApi
from tokenworth.backends.http.noise import CEILING, UNSTEADY
from tokenworth.backends.http.openai_api import Fields, OpenAIApi
from tokenworth.backends.http.prompts import Prompts
from tokenworth.backends.http.record import ServerRecord
from tokenworth.backends.http.shaping import Order
from tokenworth.backends.http.tables import FORCE, GREEDY, LARGEST_TOP
from tokenworth.backends.http.transport import Refused
from tokenworth.backends.http.trials import NEUTRAL, TRIES, Place, Trials
from tokenworth.backends.http.wire import Ask, Malformed, Prompt, Reply, ServerApi
from tokenworth.backends.tokenizer.codec import TokenizerCodec
from tokenworth.errors import ServerError

IDENTITY_TEXT = "The quick brown fox, 12,345 caf\u00e9s \u2014 na\u00efve?\n\n\tdef f(x): return x ** 2  # done"
"""Letters, numbers, white space and accents: another tokenizer makes another number of tokens of it."""
_OTHER_TEXT = "Once upon a time there was a"
_IDENTITY = 5
"""Tokens whose log-probabilities tell models apart."""
_TOPS = (1000, 100, 20, 10, 5, 1)
_OPTIONAL = ("top_k", "min_p", "repetition_penalty", "stop_token_ids", "add_special_tokens", "skip_special_tokens", "seed")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbedModel:
    """What the probe needs to know of the model: its text, its size, and prompts to try it on.

    ``prompt``: a chat prompt up to the model's turn. ``opened``: the same with an open trace and some tokens of it. ``close``: the
    close marker of its traces.
    """

    codec: TokenizerCodec
    vocab_size: int
    stop: tuple[int, ...]
    prompt: tuple[int, ...]
    opened: tuple[int, ...]
    close: tuple[int, ...]
    special: frozenset[int]
    token_of: Callable[[str], int | None]


async def probe(client: Client, who: Contact, subject: ProbedModel) -> ServerRecord:
    """The record of a server, after some 100 requests, or up to 400 where each gives one completion.

    Leaves ``client`` speaking its API.

    Raises `ServerError` when it does not complete even the plainest request.
    """
    if who.is_llama:
        client.api = LlamaApi(subject.vocab_size)
        as_text, ids_out = False, True
    else:
        as_text, ids_out = await _find_api(client, who, subject)
    prompts = Prompts(subject.codec, as_text=as_text)
    trials = Trials(client, prompts, subject.stop)
    ids_in = not as_text and await trials.takes_ids(subject.codec)
    prompts.as_text = not ids_in
    failed: dict[str, str] = {}
    text = await _text(trials, subject, failed)
    cap, short = await trials.listing_cap(prompts.of(subject.prompt), _tops(subject.vocab_size))
    failed |= {"listing": short} if short else {}
    places = await _places(trials, subject, cap, failed)
    n_most = await most_at_once(trials, places, who.n_to_try)
    if text["tokenizer_agrees"] is not False and await trials.decodes(places[0], subject.special) is False:
        text["tokenizer_agrees"] = False
    added = text["prompt_added"] if not ids_in else 0
    found = await _more(trials, places, subject, n_most, failed) | text
    if not ids_out:
        found["close_in_text"] = await _whole_text(trials, places, subject, failed)
    _without_ids(found, ids_in, ids_out, failed)
    counts, cached = await _usage(trials, places[0], n_most)
    opened = prompts.of(subject.opened)
    found["continues_open_trace"] = await _continues(trials, places, len(subject.opened) + added, failed)
    found["reply_ids"] = await _reply_ids(trials, places[0], opened)
    if isinstance(client.api, OpenAIApi):
        exact = await _exact_counts(trials, prompts, subject, n_most, bool(added))
        client.api = client.api.with_fields(adds_bos=bool(added), **exact)
    return ServerRecord(
        dialect=client.api.name,
        **_said(who),
        ids_in=ids_in,
        ids_out=ids_out,
        n_most=n_most,
        n_honoured=n_most > 1,
        not_sent=_not_sent(client.api),
        logprobs="none" if places[0].listing is None else "ids" if ids_out else "text",
        logprobs_cap=cap,
        noise=None if trials.noise is None else float(f"{trials.noise:.4g}"),
        counts_all_choices=counts,
        counts_cached=cached,
        **await identity(trials, subject.codec, places[2] if found["logprobs_raw"] else None),
        failed=failed,
        calls=client.spent.requests,
        **found,
    )


def _said(who: Contact) -> dict[str, Any]:
    """What is taken from what the server says of itself."""
    return {"server": who.server, "model": who.model, "context_length": who.context_length, "order": _order(who)}


async def _text(trials: Trials, subject: ProbedModel, failed: dict[str, str]) -> dict[str, Any]:
    """How many tokens the server makes of texts. A number that it adds to all of them is not of the tokenizer."""
    plain, letter = subject.codec.encode(IDENTITY_TEXT), subject.codec.encode("a")
    texts = (letter, plain, subject.prompt)
    counts = [await trials.text_tokens(ids) for ids in texts]
    added = max(0, (counts[0] or len(letter)) - len(letter))
    agree = [None if count is None else count - added == len(ids) for count, ids in zip(counts, texts, strict=True)]
    if added > 1 and agree[1] and trials.prompts.as_text:
        failed["prompt"] = f"it counts {added} tokens more than any prompt has: it puts something around it, such as a chat template"
    return {"text_counts": agree[2], "tokenizer_agrees": agree[1], "bos_added": added == 1, "prompt_added": added}


async def _places(trials: Trials, subject: ProbedModel, cap: int, failed: dict[str, str]) -> list[Place]:
    """Where trials are made: a chat prompt, an open trace, and two texts. Measures on the way how far readings move by themselves."""
    texts = (subject.prompt, subject.opened, subject.codec.encode(IDENTITY_TEXT), subject.codec.encode("The"))
    places = [await trials.place(ids, cap) for ids in texts]
    if places[0].listing is not None:
        places, trials.noise = await trials.moves(places)
        if trials.noise is not None and trials.noise > UNSTEADY:
            # Where weights are rounded coarsely, readings move far more at some places than at others: four are too few to meet those.
            more = [await trials.place(part, cap) for part in _openings(*texts[1:3])]
            moved = (await trials.moves([place for place in more if place.listing is not None]))[1]
            trials.noise = max(trials.noise, moved or 0.0)
        if trials.noise is not None and trials.noise > CEILING:
            failed["noise"] = f"its log-probabilities move by {trials.noise:.2g} nats from one reading to the next"
    return places


def _openings(*texts: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The first parts of texts, to other places in them."""
    return [ids[: max(1, round(part * len(ids)))] for ids in texts for part in (0.35, 0.7)]


async def _more(trials: Trials, places: Sequence[Place], subject: ProbedModel, n_most: int, failed: dict[str, str]) -> dict[str, Any]:
    """The trials that do not depend on each other, a few at a time."""
    first, flat, clear = places[0], max(places, key=lambda place: place.entropy), max(places, key=lambda place: place.gap)
    drawing = DrawTrials(trials=trials, places=places, n_most=n_most)
    ended = await ends(trials, places)
    against, varied = await drawing.temperature()
    raw = await _raw(trials, flat, failed)
    top_k, top_p, min_p = [await drawing.honours(varied, **keeps) for keeps in ({"top_k": 1}, {"top_p": 1e-4}, {"min_p": 0.9999})]
    kept, bans, restricts = await asyncio.gather(trials.keeps_logprob_when_forced(flat), trials.bans(clear), trials.restricts(clear))
    prompt_logprobs, echo, seeds, trimmed = await asyncio.gather(
        trials.prompt_logprobs(first), trials.echo(first), drawing.seeds(varied), trims_stop_text(trials, first)
    )
    told = {
        "finish": f"a completion that a stop token ends cannot be read: {ended.fault}" if ended.fault else "",
        "temperature": against,
        "seeds": "it repeats its samples whatever the seed is" if seeds == "fixed" else "",
    }
    failed |= {test: sentence for test, sentence in told.items() if sentence}
    temperature = not against
    return {
        "temperature_honoured": temperature,
        # A server that is always greedy passes for one that obeys every filter.
        "top_k_honoured": top_k and temperature,
        "top_p_honoured": top_p and temperature,
        "min_p_honoured": min_p and temperature,
        "logprobs_raw": raw,
        "sampler_agrees": await _sampler_agrees(trials, places, subject, n_most, failed) if raw and temperature else None,
        "bias_honoured": bans,
        "bias_keeps_logprobs": kept,
        "allowed_token_ids": restricts,
        "prompt_logprobs": prompt_logprobs,
        "echo": echo,
        "seeds": seeds,
        "stop_text_trimmed": trimmed,
        "stops_at": ended.at,
        "stop_in_ids": ended.in_ids,
        "limit_told": ended.limit_told,
        "close_in_text": None,
    }


async def _raw(trials: Trials, place: Place, failed: dict[str, str]) -> bool | None:
    """Whether listings are raw; what two of three tests say where the first does not say so."""
    seen = [await trials.is_raw(place)]
    if seen[0][0] is not True and place.listing is not None:
        seen += [await trials.is_raw(place) for _ in range(TRIES - 1)]
    verdict = max((one for one, _ in seen), key=[one for one, _ in seen].count)
    told = next(sentence for one, sentence in seen if one is verdict)
    failed |= {"logprobs": told} if told else {}
    return verdict


async def _sampler_agrees(
    trials: Trials, places: Sequence[Place], subject: ProbedModel, n_most: int, failed: dict[str, str]
) -> bool | None:
    """Whether draws are those of q, at the flattest place; none but two of three tests say that they are not."""
    if "listing" in failed:
        return None
    against: list[str] = []
    for turn in range(TRIES):
        told = await agrees(trials, places, vocab_size=subject.vocab_size, stop=frozenset(subject.stop), n_most=n_most, turn=turn)
        if not told:
            return None if told is None else True
        against.append(told)
        if len(against) > TRIES // 2:
            break
    failed["listing" if against[-1].startswith("its list") else "draws"] = against[-1]
    return False


async def _whole_text(trials: Trials, places: Sequence[Place], subject: ProbedModel, failed: dict[str, str]) -> bool | None:
    """Whether the close marker comes back where completions are text only, and nothing else is left out of it."""
    comes = await close_comes_back(trials, places[0], subject.close)
    if comes is False:
        mark = subject.codec.decode(subject.close).strip()
        failed["close"] = f"its text leaves out the close marker {mark!r}, and it gives no token ids: where a trace ends cannot be told"
    lost = await lost_text(trials, (places[1], places[0]))
    if lost:
        failed["close"] = lost
    return comes


def _without_ids(found: Mapping[str, Any], ids_in: bool, ids_out: bool, failed: dict[str, str]) -> None:
    """Names what does no harm where tokens are sent or come back as ids, and makes text unusable."""
    if not ids_out and found["limit_told"] is False:
        failed["limit"] = "it says 'stop' where the limit ended a completion, and gives no token ids: cut answers would look whole"
    if not ids_in and found["text_counts"] is False:
        failed["markers"] = "it takes text only, and reads the chat template's markers as other tokens than the model's"


async def _continues(trials: Trials, places: Sequence[Place], length: int, failed: dict[str, str]) -> bool | None:
    """Whether a prompt that ends inside an open trace is gone on with."""
    opened = await trials.ask(places[1].prompt)
    counted = None if opened is None else opened.prompt_tokens
    if opened is None or counted not in (None, length):
        failed["trace"] = "a prompt that ends inside an open trace comes back as a new turn"
        return False
    going = await continues(trials, (places[1], places[0]))
    if not all(going.values()):
        failed["trace"] = (
            "a prompt with the beginning of its own completion after it is not gone on with as there: "
            "it puts something around prompts, such as a chat template"
        )
        return False
    if going or counted is not None:
        return True
    failed["trace"] = "whether it goes on with a prompt as it is cannot be found out: it counts no prompt tokens"
    return None


async def identity(trials: Trials, codec: TokenizerCodec, read: Place | None, times: int = 2) -> dict[str, Any]:
    """Readings after a fixed text, not a chat prompt: some templates write today's date into that. Without any: greedy texts."""
    if read is None or read.listing is None:
        texts = [trials.prompts.of(codec.encode(text)) for text in (IDENTITY_TEXT, _OTHER_TEXT)]
        return {"greedy": await trials.greedy_texts(texts, times)}
    pairs = list(zip(read.listing.ids, read.listing.logprobs, strict=True))[:_IDENTITY]
    return {"identity": tuple((token, value) for token, value in pairs if math.isfinite(value))}


def _not_sent(api: ServerApi) -> tuple[str, ...]:
    """The sampling fields left out because the server refuses them."""
    fields = api.fields if isinstance(api, OpenAIApi) else Fields()
    return tuple(name for name in ("top_k", "min_p", "repetition_penalty") if not getattr(fields, name))


def _order(who: Contact) -> Order:
    if who.is_llama:
        return "min-p last"
    return "min-p first" if "vllm" in who.server else "unknown"


def _tops(vocab_size: int) -> Sequence[int]:
    return (min(vocab_size, LARGEST_TOP), *(top for top in _TOPS if top < min(vocab_size, LARGEST_TOP)))


def openai_api(client: Client, who: Contact, subject: ProbedModel, fields: Fields) -> OpenAIApi:
    """The API of a server that takes these fields."""
    path = client.endpoints[0].url.removeprefix(client.endpoints[0].root) + "/completions"
    return OpenAIApi(who.model, subject.vocab_size, fields, subject.token_of, path)


async def _find_api(client: Client, who: Contact, subject: ProbedModel) -> tuple[bool, bool]:
    """Finds request fields the server takes; (prompts must be text, ids come back)."""
    fault: Exception | None = None
    for as_text in (False, True):
        prompt = Prompts(subject.codec, as_text=as_text).of(subject.prompt)
        fields = Fields(token_ids=True)
        unusable = 0
        for _ in range(2 * len(_OPTIONAL)):
            client.api = openai_api(client, who, subject, fields)
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
            params = replace(NEUTRAL, max_tokens=3)
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
