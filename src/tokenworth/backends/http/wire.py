"""What is asked of a server and what comes back, whatever API the server has.

An API turns an `Ask` into a request body and a reply's bytes into a `Reply`. Everything a server sends is hostile: a reply that
is not exactly what was asked for raises `Malformed`, and no part of it is used.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Protocol, TypeVar

import msgspec

from tokenworth.core.sampling import Sampling

FormT = TypeVar("FormT")
TokenCount = Annotated[int, msgspec.Meta(ge=0, le=1 << 48)]
"""A number of tokens as a server states it."""

LEAST_LOGPROB = -9000.0
"""Servers write minus infinity as a large negative number (vLLM: −9999)."""
_SUM_TOLERANCE = 2e-3
"""Listed probabilities may sum to this much more than 1: half-precision servers round each of them."""


class Malformed(Exception):
    """A reply with status 200 that is not an answer to what was asked. It is an outcome, not something to ask again in silence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """The prefix of a completion. ``length`` in tokens; ``encode`` gives the JSON, a list of ids or a string.

    The JSON is made when it is sent: ten thousand waiting requests of one trace need not each hold a copy of it.
    """

    length: int
    encode: Callable[[], msgspec.Raw]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One completion request.

    ``top``: log-probabilities to list at every generated token, 0 for none. ``bias``: added to logits, −inf bans a token.
    ``extra``: fields as they are.
    """

    prompt: Prompt
    n: int
    max_tokens: int
    params: Sampling
    seed: int
    top: int = 0
    bias: Mapping[int, float] = field(default_factory=dict[int, float])
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Raw log-probabilities at one generated token: the most likely ids, descending, and what was sampled.

    ``named`` holds the sampled id and others read by forcing them; they need not be among the most likely. ``lost``: the most that a
    listed token can have whose id is not known (−inf: none such); ``ids`` ends before it, what was listed after it is in ``named``.
    ``n_listed``: entries the server gave.
    """

    ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    named: Mapping[int, float]
    lost: float = -math.inf
    n_listed: int = 0

    def of(self, token: int) -> float | None:
        """The token's log-probability, None where it is not known."""
        if token in self.named:
            return self.named[token]
        return self.logprobs[self.ids.index(token)] if token in self.ids else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One completion. ``ids`` None: the server gives text only. ``finish``: stop, length or refused. ``listings``: None if not given."""

    ids: tuple[int, ...] | None
    text: str
    finish: str
    stop_id: int | None = None
    listings: tuple[Listing | None, ...] | None = None
    prompt_logprobs: tuple[Mapping[int, float], ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """All completions of one request, in order, with the server's own counts (None where it gives none)."""

    choices: tuple[Choice, ...]
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    id: str = ""
    model: str = ""
    """The model that answered, as the server names it."""


class ServerApi(Protocol):
    """How one family of servers is asked and answers."""

    name: str
    path: str

    def body(self, ask: Ask) -> bytes:
        """The request's JSON."""
        ...

    def parse(self, body: bytes, ask: Ask) -> Reply:
        """The reply. Raises `Malformed`."""
        ...

    def most_counted(self, ask: Ask) -> tuple[int, int]:
        """Tokens read and generated that a reply can count at most; one that counts more is `Malformed`."""
        ...

    def speaks_like(self, other: ServerApi) -> bool:
        """Whether requests of the one mean the same to a server of the other."""
        ...


def decode_json(body: bytes, form: type[FormT]) -> FormT:
    """The reply as ``form``; what is not JSON or of another shape raises `Malformed` with the place and the first characters."""
    try:
        return msgspec.json.decode(body, type=form)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        start = body[:40].decode("utf-8", "replace").strip()
        raise Malformed(f"{' '.join(str(error).split())[:160]}; the reply begins {start!r}") from None


def checked_logprob(value: float | None) -> float:
    """A log-probability in nats; None, NaN and values above 0 raise `Malformed`."""
    if value is None or math.isnan(value):
        raise Malformed("a log-probability is missing")
    if value > 1e-4:
        raise Malformed(f"a log-probability of {value:.4g} is above 0")
    return -math.inf if value < LEAST_LOGPROB else min(0.0, value)


def make_listing(
    pairs: Sequence[tuple[int, float | None]], named: Mapping[int, float | None], lost: Sequence[float | None] = (), *, merged: bool = False
) -> Listing:
    """A listing from (id, log-probability) pairs in any order. Raises `Malformed` for doubled ids and impossible values.

    ``lost``: values listed for tokens whose ids are not known. ``merged``: some entries may have fallen into one, so that all that
    the others leave can be one token's, and a value below that can be another token's.
    """
    ranked = sorted(((token, checked_logprob(value)) for token, value in pairs), key=lambda pair: (-pair[1], pair[0]))
    ids = tuple(token for token, _ in ranked)
    if len(set(ids)) != len(ids):
        raise Malformed("one token is listed twice among the log-probabilities")
    unknown = [checked_logprob(value) for value in lost]
    total = math.fsum(math.exp(value) for value in (*(value for _, value in ranked), *unknown))
    if total > 1 + _SUM_TOLERANCE:
        raise Malformed(f"listed probabilities sum to {total:.4g}, above 1")
    most = max((*unknown, math.log(max(1.0 - total, total - 1.0, 1e-6))) if merged else unknown, default=None)
    kept = len(ranked) if most is None else sum(value > most for _, value in ranked)
    return Listing(
        ids=ids[:kept],
        logprobs=tuple(value for _, value in ranked[:kept]),
        named=({} if merged else dict(ranked[kept:])) | {token: checked_logprob(value) for token, value in named.items()},
        lost=-math.inf if most is None else most,
        n_listed=len(ranked) + len(unknown),
    )


def in_order(indices: Sequence[int], n: int) -> tuple[int, ...]:
    """Positions that put choices in order of their index. Raises `Malformed` unless the indices are 0 … n−1, each once."""
    if len(indices) != n:
        raise Malformed(f"{len(indices)} choices where {n} were asked for")
    if sorted(indices) != list(range(n)):
        raise Malformed(f"choice indices {sorted(indices)[:8]} where 0 to {n - 1} were expected, each once")
    return tuple(sorted(range(n), key=lambda i: indices[i]))


def check_ids(ids: Sequence[int], ask: Ask, vocab_size: int) -> tuple[int, ...]:
    """The ids of a completion. Raises `Malformed` for ids outside the vocabulary and more tokens than allowed."""
    if len(ids) > ask.max_tokens:
        raise Malformed(f"{len(ids)} tokens where at most {ask.max_tokens} were asked for")
    if ids and not (min(ids) >= 0 and max(ids) < vocab_size):
        raise Malformed(f"token id {next(i for i in ids if not 0 <= i < vocab_size)} is outside the vocabulary of {vocab_size}")
    return tuple(ids)


TokenOfText = Callable[[str], int | None]
"""The one token with this text (ordinary before byte tokens), None where there is none or more than one."""
