"""What a server really does, as the probe found it: stored with the run, and part of the model's fingerprint.

Names and versions are what the server says; everything else was tried.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from tokenworth.backends.http.shaping import Order

RECORD_SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerRecord:
    """The capability record. None means that it could not be found out."""

    schema: int = RECORD_SCHEMA
    dialect: str
    """How it is spoken to: llama.cpp (/completion) or completions (/v1/completions)."""
    server: str
    """What the server calls itself."""
    model: str
    context_length: int | None
    ids_in: bool
    """Prompts may be token ids."""
    ids_out: bool
    """Completions come as token ids."""
    text_counts: bool | None
    """A prompt sent as text becomes as many tokens as our tokenizer makes of it."""
    tokenizer_agrees: bool | None
    """A plain text becomes as many tokens on the server as our tokenizer makes of it."""
    bos_added: bool
    """The server puts a beginning-of-sequence token before text."""
    n_most: int
    """Completions of one request, as far as tried."""
    n_honoured: bool
    temperature_honoured: bool
    top_k_honoured: bool
    top_p_honoured: bool
    min_p_honoured: bool
    order: Order
    not_sent: tuple[str, ...]
    """Sampling fields the server refuses even when they are neutral: its own default for them cannot be seen."""
    logprobs: str
    """none, ids (keyed by token id) or text (keyed by the token's text)."""
    logprobs_cap: int
    """Most log-probabilities listed at a token, as far as tried."""
    logprobs_raw: bool | None
    """They are the model's, before temperature and filters."""
    sampler_agrees: bool | None
    """What it draws at temperatures 1 and 0.5 is what its log-probabilities say; None where it gives none that are raw."""
    bias_honoured: bool
    """logit_bias bans and forces tokens."""
    bias_keeps_logprobs: bool
    """A forced token is reported with its unbiased log-probability: any token's can be read."""
    allowed_token_ids: bool
    """allowed_token_ids restricts what is generated."""
    prompt_logprobs: bool
    """prompt_logprobs gives those of every prompt token, and they agree with one-token readings."""
    echo: str
    """none, ok, or off (values that do not agree with one-token readings)."""
    stops_at: tuple[int, ...]
    """Which of the model's stop tokens end a completion."""
    stop_in_ids: bool
    """The stop token is the last of the completion's ids."""
    stop_text_trimmed: bool | None
    """A stop string is cut off the text."""
    continues_open_trace: bool
    """A prefix inside an open trace is continued; False: it came back as a new turn."""
    seeds: str
    """none, alone (the same seed repeats a sample), together (also under concurrency), or fixed (so does any other seed)."""
    counts_all_choices: bool | None
    """usage counts the tokens of every choice."""
    counts_cached: bool
    """The server says how much of a prompt its cache held."""
    reply_ids: str
    """none, unique or repeating."""
    identity: tuple[tuple[int, float], ...] = ()
    """Most likely tokens after a fixed prompt with their log-probabilities: tells models apart."""
    greedy: tuple[str, ...] = ()
    """Where there are no readings: hashes of the greedy continuations of two fixed texts; empty where they do not repeat."""
    calls: int = 0
    """Requests the probe made."""

    def fingerprint(self, tokenizer: str) -> str:
        """SHA-256 of what decides what a stored draw means (64 hex digits). ``tokenizer``: digest of the tokenizer's files.

        Left out: what only concerns speed (counts, caching, the most per request), seeds, the address, and the identity
        readings, which rounding moves; these are compared within a tolerance instead.
        """
        semantic = {name: value for name, value in asdict(self).items() if name in _SEMANTIC}
        text = json.dumps(["tokenworth server 1", tokenizer, semantic], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def differences(self, other: ServerRecord) -> tuple[str, ...]:
        """Names of the fields that differ and decide what a draw means, or how a reply is read."""
        return tuple(name for name in sorted(_SEMANTIC | {"stop_in_ids"}) if getattr(self, name) != getattr(other, name))


_SEMANTIC = frozenset(
    {
        "schema", "dialect", "model", "ids_in", "ids_out", "bos_added", "temperature_honoured", "top_k_honoured", "top_p_honoured",
        "min_p_honoured", "not_sent", "order", "logprobs", "logprobs_raw", "sampler_agrees", "stops_at", "continues_open_trace",
    }
)  # fmt: skip

IDENTITY_TOLERANCE = 0.15
"""Nats by which a likely token's log-probability may move between two probes of one model: half precision and batching."""


def is_same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two records, as JSON, can be of one model: by their readings, or by their greedy texts where one has no readings.

    One of the greedy texts may differ: where two tokens are as likely, rounding decides.
    """
    readings = read_identity(one), read_identity(other)
    if all(readings):
        return _same_identity(*readings)
    texts = read_greedy(one), read_greedy(other)
    return not all(texts) or any(a == b for a, b in zip(*texts, strict=False))


def _same_identity(one: tuple[tuple[int, float], ...], other: tuple[tuple[int, float], ...]) -> bool:
    """Whether two readings can be of one model: tokens likely in both have close log-probabilities."""
    first, second = dict(one), dict(other)
    likely = [token for token, value in (*one[:3], *other[:3]) if value > -3.0]
    return all(token in first and token in second and abs(first[token] - second[token]) <= IDENTITY_TOLERANCE for token in likely)


def pooled(records: Sequence[ServerRecord]) -> ServerRecord:
    """What all of them can do: a request may go to any."""
    lengths = [record.context_length for record in records if record.context_length is not None]
    able = {name: all(getattr(record, name) for record in records) for name in _ABLE}
    return replace(
        records[0],
        n_most=min(record.n_most for record in records),
        logprobs_cap=min(record.logprobs_cap for record in records),
        context_length=min(lengths, default=None),
        calls=max(record.calls for record in records),
        **able,
    )


_ABLE = ("n_honoured", "bias_honoured", "bias_keeps_logprobs", "allowed_token_ids", "prompt_logprobs", "counts_cached")


def record_json(record: ServerRecord) -> dict[str, Any]:
    """The record as JSON-shaped values."""
    return json.loads(json.dumps(asdict(record)))


def read_identity(record: Mapping[str, Any]) -> tuple[tuple[int, float], ...]:
    """The identity readings in a stored record; empty where there are none that can be read."""
    found = record.get("identity")
    if not isinstance(found, list):
        return ()
    pairs = [pair for pair in found if isinstance(pair, list) and len(pair) == 2 and all(isinstance(x, int | float) for x in pair)]
    return tuple((int(token), float(logprob)) for token, logprob in pairs if math.isfinite(token) and math.isfinite(logprob))


def read_greedy(record: Mapping[str, Any]) -> tuple[str, ...]:
    """The greedy texts' hashes in a stored record; empty where there are none that can be read."""
    found = record.get("greedy")
    return tuple(found) if isinstance(found, list) and all(isinstance(text, str) for text in found) else ()


def without_readings(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record's JSON without what differs between two probes of one server."""
    return {name: value for name, value in record.items() if name not in ("identity", "greedy", "calls")}
