"""What later tokens lose when a span is hidden from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from tokenworth.core.request.inside import NEEDS_WEIGHTS
from tokenworth.core.request.kind import Digests, Request, Response
from tokenworth.core.request.masses import check_bounds
from tokenworth.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SuppressTable(Response):
    """What each later segment loses by each span: KL of the next-token distributions, nats, at temperature 1.

    NaN where a segment is not later. ``mean``: over the segment's tokens. ``far``: share of them above `FAR`.
    """

    what: ClassVar[str] = "table of suppressed spans"
    layouts: ClassVar[Mapping[int, Mapping[str, str]]] = {13: {"mean": "f2", "far": "f2"}}

    mean: Float[np.ndarray, "span segment"]
    far: Float[np.ndarray, "span segment"]


FAR = 0.01
"""Nats from which on a token counts as moved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppress(Request):
    """The exact KL(base ‖ hidden) after every token of later segments, for each span that is hidden from all that follows it.

    What is hidden is left out of the keys and values of every layer and head; all other tokens stay at their positions. Segments are those
    of `Masses`; the distribution after each token of a segment counts, over the whole vocabulary.
    """

    name: ClassVar[str] = "suppress"
    response: ClassVar[type[Response]] = SuppressTable
    without: ClassVar[str] = NEEDS_WEIGHTS

    bounds: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        Request.__post_init__(self)
        check_bounds(self.bounds, len(self.sequence.completion))
        for first, end in self.spans:
            if not 0 <= first < end <= self.bounds[-1]:
                raise InvalidInput(f"hidden span {first} to {end}: expected trace tokens from 0 to the last bound, {self.bounds[-1]}")

    def key_fields(self, digests: Digests) -> list[object]:
        """The sequence up to the last bound, the bounds and the spans."""
        whole = digests.prefix(self.sequence, self.bounds[-1])
        return [whole, len(self.sequence.prompt), list(self.bounds), [list(one) for one in self.spans]]

    def most_tokens(self) -> tuple[int, int]:
        """The sequence once, and for each span what stands behind it."""
        return len(self.sequence.prompt) + self.bounds[-1] + sum(self.bounds[-1] - end for _, end in self.spans), 0

    def beyond_prompt(self) -> Mapping[str, int]:
        """The sequence up to the last bound."""
        return {"cut": self.bounds[-1]}
