"""Forced readings of a model that does not see a span of the trace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from tokenworth.core.request.inside import NEEDS_WEIGHTS
from tokenworth.core.request.kind import Digests, Request, Response, check_cuts
from tokenworth.core.request.read import ReadTable
from tokenworth.errors import InvalidInput

Way = Literal["direct", "total"]
"""From whom a span is hidden. ``direct``: from the exit text and the options alone. ``total``: from every token behind it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hide(Request):
    """Log-probability of each continuation after prefix + suffix at one cut, once for each span that is hidden: a row of the table each.

    A span is the trace tokens from the first to before the second number; an empty one hides nothing. What is hidden is left out of the
    keys and values of every layer and head, and all other tokens stay at their positions.
    """

    name: ClassVar[str] = "hide"
    response: ClassVar[type[Response]] = ReadTable
    without: ClassVar[str] = NEEDS_WEIGHTS

    cut: int
    spans: tuple[tuple[int, int], ...]
    way: Way
    suffix: tuple[int, ...]
    continuations: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        Request.__post_init__(self)
        check_cuts(self.sequence, (self.cut,))
        for first, end in self.spans:
            if not 0 <= first <= end <= self.cut:
                raise InvalidInput(f"hidden span {first} to {end}: expected trace tokens from 0 to the cut, {self.cut}")
        if not self.suffix or not self.continuations or any(not ids for ids in self.continuations):
            raise InvalidInput("a reading with hidden tokens needs an exit text and at least one continuation, none of them empty")

    def key_fields(self, digests: Digests) -> list[object]:
        """The prefix, the spans, and what is read after it."""
        read = [list(self.suffix), [list(ids) for ids in self.continuations]]
        return [digests.prefix(self.sequence, self.cut), len(self.sequence.prompt), self.way, [list(one) for one in self.spans], *read]

    def most_tokens(self) -> tuple[int, int]:
        """The prefix, and for each span suffix and continuations, with what is computed anew behind it."""
        each = len(self.suffix) + sum(len(ids) - 1 for ids in self.continuations)
        anew = sum(self.cut - end for _, end in self.spans) if self.way == "total" else 0
        return len(self.sequence.prompt) + self.cut + len(self.spans) * each + anew, 0

    def beyond_prompt(self) -> Mapping[str, int]:
        """The prefix, with suffix and longest continuation after it."""
        return {"cut": self.cut, "suffix": len(self.suffix), "option": max(len(ids) for ids in self.continuations)}

    def other_ids(self) -> tuple[int, ...]:
        """Suffix and continuations."""
        return (*self.suffix, *(token for ids in self.continuations for token in ids))
