"""/v1/completions as vLLM, SGLang and hosted endpoints speak it: optional ids in and out, capped log-probabilities.

Every sampling parameter is sent, neutral ones included: servers fill in what is left out (vLLM from the model's generation_config).
Which of the optional fields a server understands is what the probe finds out; those it does not know are not sent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
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
    TokenOfText,
    check_ids,
    decode_json,
    in_order,
    make_listing,
)

_FINISH = {"stop": "stop", "eos": "stop", "length": "length", "content_filter": "refused"}
_TOKEN_ID = "token_id:"
_SAME = 1e-3
"""Nats by which one token's log-probability may differ between the two places of a reply that give it."""
_TEMPLATE = 16
"""Tokens that a server may count besides the prompt it was sent."""


class _Details(msgspec.Struct):
    cached_tokens: TokenCount | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: TokenCount | None = None
    completion_tokens: TokenCount | None = None
    prompt_tokens_details: _Details | None = None


class _Content(msgspec.Struct):
    token: str
    logprob: float
    id: int | None = None
    top_logprobs: list[_Content] | None = None


class _Logprobs(msgspec.Struct):
    tokens: list[str] | None = None
    token_logprobs: list[float | None] | None = None
    top_logprobs: list[dict[str, float] | None] | None = None
    token_ids: list[int] | None = None
    content: list[_Content] | None = None


class _PromptLogprob(msgspec.Struct):
    logprob: float
    rank: int | None = None


class _Choice(msgspec.Struct):
    text: str
    index: int
    finish_reason: str | None = None
    stop_reason: int | str | None = None
    logprobs: _Logprobs | None = None
    token_ids: list[int] | None = None
    prompt_logprobs: list[dict[str, _PromptLogprob] | None] | None = None


class _Reply(msgspec.Struct):
    choices: list[_Choice]
    id: str | None = None
    model: str | None = None
    usage: _Usage | None = None
    error: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """Optional request fields a server is known to understand. The probe fills this in."""

    token_ids: bool = False
    """return_token_ids, and log-probabilities keyed by id."""
    top_k: bool = True
    min_p: bool = True
    repetition_penalty: bool = True
    seed: bool = True
    stop_token_ids: bool = True
    add_special_tokens: bool = True
    skip_special_tokens: bool = True
    prompt_counts: bool | None = None
    """Not a field of requests: usage counts exactly the prompt's tokens, once. A reply that counts others is one to another prompt.
    None: not found out yet."""
    adds_bos: bool = False
    """Not a field of requests: a token is put before prompts (sent as text) that do not begin with it."""
    completion_counts: bool = False
    """Not a field of requests: usage counts exactly the ids that came back. Of a reply that counts others, some are lost."""
    length_counts: bool = False
    """Not a field of requests: usage counts all that was allowed of completions that end at their limit."""


class OpenAIApi:
    """Requests to and replies from /v1/completions.

    ``token_of``: the one token with a given text, for servers that key log-probabilities by text.
    """

    name = "completions"
    path = "/v1/completions"

    def __init__(self, model: str, vocab_size: int, fields: Fields, token_of: TokenOfText, path: str = "/v1/completions") -> None:
        self.model, self.vocab_size, self.fields, self._token_of, self.path = model, vocab_size, fields, token_of, path

    def with_fields(self, **fields: bool) -> OpenAIApi:
        """The same API with some fields changed."""
        return OpenAIApi(self.model, self.vocab_size, replace(self.fields, **fields), self._token_of, self.path)

    def most_counted(self, ask: Ask) -> tuple[int, int]:
        """Tokens read and generated that a reply can count at most: some servers count the prompt once a choice."""
        length, fields = ask.prompt.length, self.fields
        echoed = length if "echo" in ask.extra else 0
        if fields.prompt_counts:
            read = length + fields.adds_bos
        else:
            # Before it is known whether the tokenizer is the server's, text may be many more tokens there.
            read = length * (_TEMPLATE if fields.prompt_counts is None and ask.n == 1 else ask.n) + _TEMPLATE
        return read, ask.n * (ask.max_tokens + echoed)

    def speaks_like(self, other: ServerApi) -> bool:
        """Whether requests of the one mean the same to a server of the other."""
        return isinstance(other, OpenAIApi) and self.fields == other.fields

    def body(self, ask: Ask) -> bytes:
        """The request's JSON."""
        params, fields = ask.params, self.fields
        made: dict[str, Any] = {
            "model": self.model,
            "prompt": ask.prompt.encode(),
            "n": ask.n,
            "max_tokens": ask.max_tokens,
            "temperature": params.temperature,
            "top_p": params.top_p,
            "presence_penalty": 0.0,
            "frequency_penalty": 0.0,
            "stream": False,
        }
        optional: dict[str, Any] = {
            "top_k": params.top_k or -1,
            "min_p": params.min_p,
            "repetition_penalty": 1.0,
            "seed": ask.seed % (1 << 31),
            "stop_token_ids": list(params.stop),
            "add_special_tokens": False,
            "skip_special_tokens": False,
        }
        made |= {name: value for name, value in optional.items() if getattr(fields, name)}
        if fields.token_ids:
            made |= {"return_token_ids": True, "return_tokens_as_token_ids": True}
        if ask.top:
            made["logprobs"] = ask.top
        if ask.bias:
            made["logit_bias"] = {str(token): max(-100.0, min(100.0, value)) for token, value in ask.bias.items()}
        return msgspec.json.encode(made | dict(ask.extra))

    def parse(self, body: bytes, ask: Ask) -> Reply:
        """The reply. Raises `Malformed`."""
        reply = decode_json(body, _Reply)
        if reply.error is not None:
            raise Malformed(f"status 200 with an error: {str(reply.error)[:160]!r}")
        order = in_order([choice.index for choice in reply.choices], ask.n)
        usage = reply.usage or _Usage()
        self._check_usage(usage, ask)
        choices = tuple(self._choice(reply.choices[i], ask) for i in order)
        made = sum(len(choice.ids or ()) for choice in choices)
        full = ask.max_tokens * sum(choice.finish == "length" for choice in choices)
        if self.fields.length_counts and (usage.completion_tokens or 0) < full:
            raise Malformed(f"completions clipped: {usage.completion_tokens} tokens generated where those ended by their limit have {full}")
        if self.fields.completion_counts and usage.completion_tokens != made:
            raise Malformed(f"{made} tokens came back where the server says it generated {usage.completion_tokens}")
        return Reply(
            choices=choices,
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            cached_tokens=None if usage.prompt_tokens_details is None else usage.prompt_tokens_details.cached_tokens,
            id=reply.id or "",
            model=reply.model or "",
        )

    def _check_usage(self, usage: _Usage, ask: Ask) -> None:
        length, (read, generated) = ask.prompt.length, self.most_counted(ask)
        if self.fields.prompt_counts and usage.prompt_tokens not in (length, read):
            clipped = ": was the prompt clipped?" if (usage.prompt_tokens or 0) < length else ""
            raise Malformed(f"the server read {usage.prompt_tokens} prompt tokens where {length} were sent{clipped}")
        if (usage.prompt_tokens or 0) > read:
            raise Malformed(f"{usage.prompt_tokens} prompt tokens read where {length} were sent, for {ask.n} completions")
        if (usage.completion_tokens or 0) > generated:
            raise Malformed(f"{usage.completion_tokens} tokens generated where at most {generated} were asked for")

    def _choice(self, choice: _Choice, ask: Ask) -> Choice:
        finish = _FINISH.get(choice.finish_reason or "")
        if finish is None:
            raise Malformed(f"finish reason {choice.finish_reason!r} where stop, length or content_filter was expected")
        ids = None
        if self.fields.token_ids:
            if choice.token_ids is None:
                raise Malformed("the reply has no token ids, which this server gave before")
            ids = check_ids(choice.token_ids, ask, self.vocab_size)
            if finish == "length" and len(ids) != ask.max_tokens:
                raise Malformed(f"stopped at its limit after {len(ids)} tokens where {ask.max_tokens} were allowed: is its context full?")
        prompt = choice.prompt_logprobs
        return Choice(
            ids=ids,
            text=choice.text,
            finish=finish,
            stop_id=choice.stop_reason if isinstance(choice.stop_reason, int) else None,
            listings=None if not ask.top else self._listings(choice.logprobs, self._n_listed(ids, ask), ask.top),
            prompt_logprobs=None if prompt is None else tuple(_prompt_logprobs(place) for place in prompt),
        )

    @staticmethod
    def _n_listed(ids: tuple[int, ...] | None, ask: Ask) -> int | None:
        """Tokens with log-probabilities, None where that is not known: an echoed prompt has some as well."""
        return None if ids is None or "echo" in ask.extra else len(ids)

    def _listings(self, logprobs: _Logprobs | None, n_tokens: int | None, asked: int) -> tuple[Listing | None, ...] | None:
        if logprobs is None:
            raise Malformed("the reply has no log-probabilities, which were asked for")
        if logprobs.content is not None:
            return tuple(self._of_content(entry) for entry in logprobs.content)
        tokens, values = logprobs.tokens or [], logprobs.token_logprobs or []
        tops = logprobs.top_logprobs or []
        if not len(tokens) == len(values) == len(tops) or (n_tokens is not None and len(tokens) != n_tokens):
            raise Malformed(f"log-probabilities for {len(tokens)}, {len(values)} and {len(tops)} tokens; expected one of each per token")
        return tuple(self._of_place(*place, asked) for place in zip(tokens, values, tops, strict=True))

    def _of_place(self, token: str, value: float | None, top: Mapping[str, float] | None, asked: int) -> Listing | None:
        if top is None:
            return None
        sampled = self._token(token)
        if token in top and (value is None or abs(top[token] - value) > _SAME):
            raise Malformed(f"the generated token has two log-probabilities, {value} and {top[token]}")
        by_text = not token.startswith(_TOKEN_ID)
        # The sampled token comes on top of the most likely ones. Where it is the least of them it may not be one of them, and
        # what is not listed could be likelier: it is read, not ranked.
        beside = value is not None and value == min(top.values(), default=None) and token in top and (len(top) > asked or by_text)
        pairs, lost = self._known({text: one for text, one in top.items() if not (beside and text == token)})
        # Tokens of one text are one entry of an object; which of their values it has is not known.
        merged = by_text and len(top) - beside < asked
        return make_listing(pairs, {} if sampled is None else {sampled: value}, lost, merged=merged)

    def _of_content(self, entry: _Content) -> Listing:
        found = [(one.id if one.id is not None else self._token(one.token), one.logprob) for one in entry.top_logprobs or ()]
        times = Counter(token for token, _ in found)
        sampled = entry.id if entry.id is not None else self._token(entry.token)
        return make_listing(
            [(token, value) for token, value in found if token is not None and times[token] == 1],
            {} if sampled is None or times[sampled] > 1 else {sampled: entry.logprob},
            [value for token, value in found if token is None or times[token] > 1],
        )

    def _known(self, top: Mapping[str, float]) -> tuple[list[tuple[int, float | None]], list[float]]:
        """The entries whose token is known, and the values of the others."""
        pairs = [(self._token(text), value) for text, value in top.items()]
        return [(token, value) for token, value in pairs if token is not None], [value for token, value in pairs if token is None]

    def _token(self, text: str) -> int | None:
        if text.startswith(_TOKEN_ID):
            number = text.removeprefix(_TOKEN_ID)
            if not number.isdecimal() or not 0 <= int(number[:12]) < self.vocab_size:
                raise Malformed(f"{text[:40]!r} names no token of the vocabulary of {self.vocab_size}")
            return int(number)
        return self._token_of(text)


def _prompt_logprobs(place: Mapping[str, _PromptLogprob] | None) -> Mapping[int, float]:
    """Log-probabilities given at a prompt token, by id."""
    pairs = {int(token): entry.logprob for token, entry in (place or {}).items() if token.isdecimal() and len(token) < 12}
    return make_listing([], pairs).named
