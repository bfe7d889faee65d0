"""What every kind of request, and every response, is: all that keys, prices, stores and backends need to know of one.

A kind is one class that extends `Request`, one that extends `Response` (unless it is answered by a known one), and one line of
`tokenworth.catalog.REQUESTS`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np

from tokenworth.core.tokens import TokenSequence
from tokenworth.errors import InvalidInput, MismatchError

SUBJECT = "subject"
"""The role of the model that is studied."""


@runtime_checkable
class Digests(Protocol):
    """What a `tokenworth.core.keys.Keyer` gives a request that makes its key fields."""

    def prefix(self, sequence: TokenSequence, cut: int) -> str:
        """The digest of the prompt and the first ``cut`` completion tokens."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What answers a request.

    ``what`` names it in messages. ``layouts`` are how it is stored: tag → field → form, in the order of the bytes. Forms: ``f`` an
    array of floats and ``i`` one of whole numbers (``f2``, ``i2``: of two axes; the first axis is as long in all arrays, and so is the
    second), ``n`` a whole number from 0 up, ``ids`` token ids, ``stop`` a `StopReason`. Of several layouts the one with the most fields
    that are not None is written. Tags are stored: they are never used again for something else.
    """

    what: ClassVar[str]
    layouts: ClassVar[Mapping[int, Mapping[str, str]]]

    def check(self) -> None:
        """Raises ``InvalidInput`` for values that say nothing; types and shapes are the store's to check."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a model is asked about a sequence."""

    name: ClassVar[str]
    """The kind's name in the catalogue, and in a backend's `Capabilities`."""
    response: ClassVar[type[Response]]
    """What answers it."""
    without: ClassVar[str] = ""
    """Why a model may not answer it, where the kind alone says so."""

    sequence: TokenSequence
    """The prompt and completion it is about."""
    role: str = SUBJECT
    """Which of a run's models answers. No part of the content key: the fingerprint of that model is."""

    def __post_init__(self) -> None:
        if self.role != SUBJECT and not re.fullmatch(r"[a-z]+", self.role):
            raise InvalidInput(f"role {self.role[:40]!r}: expected one lower-case word, such as subject, reader, helper or judge")

    def key_fields(self, digests: Digests) -> list[object]:
        """Everything that decides the distribution of the response, the model and the kind's name apart; JSON-shaped."""
        raise NotImplementedError

    def most_tokens(self) -> tuple[int, int]:
        """Tokens read and tokens generated, at most, by a model that reads a prefix once for each request."""
        raise NotImplementedError

    def beyond_prompt(self) -> Mapping[str, int]:
        """What must fit into the model's context after the prompt: name → number of tokens."""
        raise NotImplementedError

    def other_ids(self) -> tuple[int, ...]:
        """Token ids that are named and are not the sequence's."""
        return ()

    def check_answer(self, response: Response, source: str) -> None:
        """Raises ``MismatchError`` unless the response is of the kind the request asks for."""
        if not isinstance(response, self.response):
            raise MismatchError(
                f"{source} answered a {type(self).__name__} request with a {type(response).__name__}; expected a {self.response.__name__}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw(Request):
    """A request whose response is random: one of many draws of the same distribution."""

    cut: int
    """Number of completion tokens that are kept."""
    index: int
    """Counts the draws."""


def check_cuts(sequence: TokenSequence, cuts: Sequence[int]) -> None:
    """Raises ``InvalidInput`` for a cut that is not within the completion."""
    length = len(sequence.completion)
    for cut in cuts:
        if not 0 <= cut <= length:
            raise InvalidInput(f"cut {cut}: expected 0 to {length}, the length of the completion")


def ids_digest(ids: Sequence[int]) -> str:
    """Hex digest of whole numbers."""
    return hashlib.sha256(np.asarray(ids, dtype="<i8").tobytes()).hexdigest()
