"""llama.cpp's own /completion: ids in, ids out, raw log-probabilities of any number of tokens.

Its OpenAI route gives no ids back, so it is not used. Samplers are sent by name: left alone, the server applies the temperature
last, which is another distribution. Facts measured against the server that comes with xllamacpp 2026.10; tests pin them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec

from tokenworth.backends.http.wire import (
    Ask,
    Choice,
    Listing,
    Malformed,
    Reply,
    ServerApi,
    TokenCount,
    check_ids,
    decode_json,
    in_order,
    make_listing,
)

SAMPLERS = ["temperature", "top_k", "top_p", "min_p"]
NEUTRAL = {
    "mirostat": 0,
    "dynatemp_range": 0.0,
    "min_keep": 0,
    "ignore_eos": False,
    "typical_p": 1.0,
    "xtc_probability": 0.0,
    "dry_multiplier": 0.0,
    "top_n_sigma": -1.0,
    "repeat_last_n": 0,
    "repeat_penalty": 1.0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
    "grammar": "",
}
"""Sent with every request: what is left out, the server fills in from its command line. Mirostat would replace all samplers."""
_SEEDS = 1 << 31
"""Seeds below this: the server's own run to 2³², and the last of them means a random one."""
_FINISH = {"eos": "stop", "word": "stop", "limit": "length"}


class _Top(msgspec.Struct):
    id: int
    logprob: float


class _Entry(msgspec.Struct):
    id: int
    logprob: float
    top_logprobs: list[_Top]


class _Timings(msgspec.Struct):
    cache_n: TokenCount | None = None


class _Sample(msgspec.Struct):
    content: str
    tokens: list[int]
    stop_type: str
    index: int = 0
    stop: bool = True
    truncated: bool = False
    tokens_evaluated: TokenCount | None = None
    tokens_predicted: TokenCount | None = None
    model: str | None = None
    timings: _Timings | None = None
    completion_probabilities: list[_Entry] | None = None
    generation_settings: dict[str, Any] | None = None


class LlamaApi:
    """Requests to and replies from llama.cpp's /completion."""

    name = "llama.cpp"
    path = "/completion"

    def __init__(self, vocab_size: int) -> None:
        self.vocab_size = vocab_size

    def body(self, ask: Ask) -> bytes:
        """The request's JSON."""
        params = ask.params
        fields: dict[str, Any] = {
            "prompt": ask.prompt.encode(),
            "n_predict": ask.max_tokens,
            "seed": ask.seed % _SEEDS,
            "temperature": params.temperature,
            "top_k": params.top_k,
            "top_p": params.top_p,
            "min_p": params.min_p,
            "samplers": SAMPLERS,
            "logit_bias": [[token, False if value == -math.inf else value] for token, value in ask.bias.items()],
            "cache_prompt": True,
            "return_tokens": True,
            "n_probs": ask.top,
            "post_sampling_probs": False,
            "stream": False,
        }
        if ask.n > 1:
            fields["n"] = ask.n
        return msgspec.json.encode(NEUTRAL | fields | dict(ask.extra))

    def most_counted(self, ask: Ask) -> tuple[int, int]:
        """Tokens read and generated that a reply can count at most: the prompt counts once, and exactly."""
        return ask.prompt.length, ask.n * ask.max_tokens

    def speaks_like(self, other: ServerApi) -> bool:
        """Whether requests of the one mean the same to a server of the other."""
        return isinstance(other, LlamaApi)

    def parse(self, body: bytes, ask: Ask) -> Reply:
        """The reply. Raises `Malformed`."""
        samples = decode_json(body, list[_Sample]) if body[:1] == b"[" else [decode_json(body, _Sample)]
        order = in_order([sample.index for sample in samples], ask.n)
        for sample in samples:
            _check_understood(sample, ask)
        first = samples[order[0]]
        return Reply(
            choices=tuple(self._choice(samples[i], ask) for i in order),
            prompt_tokens=first.tokens_evaluated,
            completion_tokens=sum(sample.tokens_predicted or len(sample.tokens) for sample in samples),
            cached_tokens=_cached(samples),
            model=first.model or "",
        )

    def _choice(self, sample: _Sample, ask: Ask) -> Choice:
        finish = _FINISH.get(sample.stop_type)
        if finish is None:
            raise Malformed(f"stop type {sample.stop_type!r} where eos, word or limit was expected")
        if sample.truncated:
            raise Malformed("the server ran out of context; lower --limit or start it with a larger context")
        ids = check_ids(sample.tokens, ask, self.vocab_size)
        if finish == "length" and len(ids) != ask.max_tokens:
            raise Malformed(f"stopped at its limit after {len(ids)} tokens where {ask.max_tokens} were allowed: is its context full?")
        return Choice(ids=ids, text=sample.content, finish=finish, listings=_listings(sample, ids, ask))


def _cached(samples: Sequence[_Sample]) -> int | None:
    # Children of one request share the prompt; the first evaluation is the one that counts.
    found = [sample.timings.cache_n for sample in samples if sample.timings is not None and sample.timings.cache_n is not None]
    return min(found) if found else None


def _listings(sample: _Sample, ids: tuple[int, ...], ask: Ask) -> tuple[Listing | None, ...] | None:
    """One listing a token; None where the server left entries out (tokens that end inside a character have none)."""
    if not ask.top:
        return None
    entries = sample.completion_probabilities or []
    if len(entries) != len(ids):
        return tuple(None for _ in ids)
    if any(entry.id != token for entry, token in zip(entries, ids, strict=True)):
        raise Malformed("log-probabilities are given for other tokens than those generated")
    return tuple(make_listing([(top.id, top.logprob) for top in entry.top_logprobs], {entry.id: entry.logprob}) for entry in entries)


def _check_understood(sample: _Sample, ask: Ask) -> None:
    """The server echoes what it understood; a sampler it dropped in silence would be another distribution.

    The seed tells a reply to this request from a repeated one: each request has its own, child k has seed + k.
    """
    if sample.tokens_evaluated is not None and sample.tokens_evaluated != ask.prompt.length:
        raise Malformed(f"the server read a prompt of {sample.tokens_evaluated} tokens where {ask.prompt.length} were sent")
    if (sample.tokens_predicted or 0) > ask.max_tokens:
        raise Malformed(f"{sample.tokens_predicted} tokens generated where at most {ask.max_tokens} were asked for")
    echoed = sample.generation_settings
    if echoed is None:
        return
    seed = ask.seed % _SEEDS + sample.index
    if echoed.get("seed", seed) != seed:
        raise Malformed(f"the reply is one to seed {echoed.get('seed')!r} where {seed} was sent: was it another request's?")
    if echoed.get("samplers") != SAMPLERS:
        raise Malformed(f"the server applies the samplers {echoed.get('samplers')} where {SAMPLERS} were asked for")
    for name in ("temperature", "top_p", "min_p", "top_k"):
        asked = getattr(ask.params, name)
        got = echoed.get(name)
        if not isinstance(got, int | float) or abs(got - asked) > 1e-5 * max(1.0, abs(asked)):
            raise Malformed(f"the server understood {name} {got!r} where {asked} was asked for")
    for name, neutral in NEUTRAL.items():
        if echoed.get(name, neutral) != neutral:
            raise Malformed(f"the server understood {name} {str(echoed[name])[:40]!r} where {neutral!r} was asked for")
    if len(echoed.get("logit_bias") or ()) != len(ask.bias):
        raise Malformed("the server did not take the logit bias it was sent")
