"""Log-probabilities of continuations, at many cuts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float, Int

from tokenworth.core.request.kind import Digests, Request, Response, check_cuts, ids_digest
from tokenworth.errors import InvalidInput

_EXACT = {"token_forwards": "n", "logprob": "f2", "top_id": "i", "top_logprob": "f"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReadTable(Response):
    """Forced reads: ``logprob[i, k]`` of continuation k at cut i (nats), and the most likely token after the suffix.

    Where a server lists only the most likely tokens, a continuation that is not among them has ``logprob`` NaN and
    ``ceiling[i, k]``, the most its log-probability can be; ``ceiling`` None means that every reading is exact.
    ``token_forwards``: token positions that the readings take, counted as if nothing had been read before.
    """

    what: ClassVar[str] = "forced-read table"
    layouts: ClassVar[Mapping[int, Mapping[str, str]]] = {3: _EXACT, 5: {**_EXACT, "ceiling": "f2"}}

    logprob: Float[np.ndarray, "cut option"]
    top_id: Int[np.ndarray, " cut"]
    top_logprob: Float[np.ndarray, " cut"]
    token_forwards: int
    ceiling: Float[np.ndarray, "cut option"] | None = None

    def check(self) -> None:
        """Refuses a ceiling that is missing where nothing was listed."""
        if self.ceiling is not None and bool((np.isnan(self.logprob) & np.isnan(self.ceiling)).any()):
            raise InvalidInput(f"{self.what}: a reading has neither a log-probability nor a ceiling; expected one of them")


@dataclass(frozen=True, slots=True, kw_only=True)
class Read(Request):
    """Log-probability of each continuation after prefix + suffix, at many cuts, under the raw model (temperature 1)."""

    name: ClassVar[str] = "read"
    response: ClassVar[type[Response]] = ReadTable

    cuts: tuple[int, ...]
    suffix: tuple[int, ...]
    continuations: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        Request.__post_init__(self)
        check_cuts(self.sequence, self.cuts)
        if not self.continuations or any(not ids for ids in self.continuations):
            raise InvalidInput("a forced read needs at least one continuation, none of them empty")

    def key_fields(self, digests: Digests) -> list[object]:
        """The whole sequence, the cuts, and what is read after them."""
        whole = digests.prefix(self.sequence, len(self.sequence.completion))
        read = [list(self.suffix), [list(ids) for ids in self.continuations]]
        return [whole, len(self.sequence.prompt), ids_digest(self.cuts), *read]

    def most_tokens(self) -> tuple[int, int]:
        """The longest prefix once, and suffix and continuations at each cut; the last token of one is only predicted."""
        each = len(self.suffix) + sum(len(ids) - 1 for ids in self.continuations)
        return len(self.sequence.prompt) + max(self.cuts, default=0) + len(self.cuts) * each, 0

    def beyond_prompt(self) -> Mapping[str, int]:
        """The longest prefix, with suffix and longest continuation after it."""
        return {"cut": max(self.cuts, default=0), "suffix": len(self.suffix), "option": max(len(ids) for ids in self.continuations)}

    def other_ids(self) -> tuple[int, ...]:
        """Suffix and continuations."""
        return (*self.suffix, *(token for ids in self.continuations for token in ids))
