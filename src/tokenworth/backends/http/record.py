"""What a server really does, as the probe found it, and what it is known by.

Names and versions are what the server says; everything else was tried.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import msgspec

from tokenworth.backends.http.shaping import Order

RECORD_SCHEMA = 2


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
    prompt_added: int
    """Tokens that it counts beyond every text; more than that one are a chat template."""
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
    """They are the model's, before temperature and filters; None where that cannot be told."""
    noise: float | None
    """Nats by which one log-probability moves between readings: with and without the cache, alone and among others."""
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
    limit_told: bool | None
    """It says so where the limit ended a completion."""
    close_in_text: bool | None
    """The close marker comes back as text; None where ids come back, and where that could not be tried."""
    continues_open_trace: bool | None
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
    failed: Mapping[str, str] = field(default_factory=dict[str, str])
    """What speaks against it: the test, and in a sentence what was seen."""
    calls: int = 0
    """Requests the probe made."""

    def differences(self, other: ServerRecord) -> tuple[str, ...]:
        """Names of the fields that differ and decide what a draw means, or how a reply is read."""
        return tuple(name for name in sorted(_SEMANTIC) if getattr(self, name) != getattr(other, name))


_SEMANTIC = frozenset(
    {
        "schema", "dialect", "model", "ids_in", "ids_out", "bos_added", "temperature_honoured", "top_k_honoured", "top_p_honoured",
        "min_p_honoured", "not_sent", "order", "logprobs", "logprobs_raw", "sampler_agrees", "stops_at", "stop_in_ids",
        "continues_open_trace",
    }
)  # fmt: skip
_READINGS = frozenset({"identity", "greedy", "noise", "seeds", "failed", "calls"})
"""What may differ between two probes of one server: figures, and whether rounding let a seed repeat its sample."""


def fingerprint(*, tokenizer: str, model: str, dialect: str) -> str:
    """SHA-256 of what a served model is known by (64 hex digits). ``tokenizer``: digest of the tokenizer's files.

    Nothing that the probe finds out is in it: the store compares readings within their noise, and keeps the record of each server.
    """
    text = json.dumps(["tokenworth server 2", tokenizer, model, dialect], separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def pooled(records: Sequence[ServerRecord]) -> ServerRecord:
    """What all of them can do: a request may go to any."""
    lengths = [record.context_length for record in records if record.context_length is not None]
    able = {name: all(getattr(record, name) for record in records) for name in _ABLE}
    return replace(
        records[0],
        n_most=min(record.n_most for record in records),
        logprobs_cap=min(record.logprobs_cap for record in records),
        context_length=min(lengths, default=None),
        noise=max((record.noise for record in records if record.noise is not None), default=None),
        calls=max(record.calls for record in records),
        failed={test: told for record in records for test, told in record.failed.items()},
        **able,
    )


_ABLE = ("n_honoured", "bias_honoured", "bias_keeps_logprobs", "allowed_token_ids", "prompt_logprobs", "counts_cached")


def record_json(record: ServerRecord) -> dict[str, Any]:
    """The record as JSON-shaped values."""
    return json.loads(json.dumps(asdict(record)))


def read_record(value: object) -> ServerRecord | None:
    """The record in its JSON-shaped values; None for one of another version."""
    try:
        record = msgspec.convert(value, ServerRecord)
    except msgspec.ValidationError:
        return None
    return record if record.schema == RECORD_SCHEMA else None


def findings(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record's JSON without what differs between two probes of one server."""
    return {name: value for name, value in record.items() if name not in _READINGS}
