"""A kind of request that the package does not know: how far the model must go, at least, to an outcome. All that a kind needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Int

from tokenworth.core.request.kind import Digests, Request, Response, check_cuts, ids_digest
from tokenworth.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DistanceTable(Response):
    """Fewest tokens from each cut to an outcome; ``seen`` counts the states that were looked at."""

    what: ClassVar[str] = "distance table"
    layouts: ClassVar[Mapping[int, Mapping[str, str]]] = {100: {"seen": "n", "steps": "i"}}

    steps: Int[np.ndarray, " cut"]
    seen: int

    def check(self) -> None:
        """Refuses distances below 0."""
        if (self.steps < 0).any():
            raise InvalidInput(f"{self.what}: a distance is below 0; expected numbers from 0 up")


@dataclass(frozen=True, slots=True, kw_only=True)
class Distance(Request):
    """The fewest tokens that end a completion, from many cuts."""

    name: ClassVar[str] = "distance"
    response: ClassVar[type[Response]] = DistanceTable

    cuts: tuple[int, ...]

    def __post_init__(self) -> None:
        Request.__post_init__(self)
        check_cuts(self.sequence, self.cuts)

    def key_fields(self, digests: Digests) -> list[object]:
        """The whole sequence and the cuts."""
        return [digests.prefix(self.sequence, len(self.sequence.completion)), len(self.sequence.prompt), ids_digest(self.cuts)]

    def most_tokens(self) -> tuple[int, int]:
        """The longest prefix, once."""
        return len(self.sequence.prompt) + max(self.cuts, default=0), 0

    def beyond_prompt(self) -> Mapping[str, int]:
        """The longest prefix."""
        return {"cut": max(self.cuts, default=0)}
