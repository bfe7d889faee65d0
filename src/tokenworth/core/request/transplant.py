"""Forced readings of a model into which a state of another trace is put."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from tokenworth.core.request.inside import PLACES, Inside, StatePlace
from tokenworth.core.request.kind import Digests, Response, check_cuts
from tokenworth.core.request.read import ReadTable
from tokenworth.core.tokens import TokenSequence
from tokenworth.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Transplant(Inside):
    """Log-probability of each continuation after prefix + suffix at one cut, once for each layer: a row of the table each.

    At that layer the state at ``place`` is the donor's at the same place, stopped at its own cut. What the layers above make of it follows,
    and what later tokens read of it.
    """

    name: ClassVar[str] = "transplant"
    response: ClassVar[type[Response]] = ReadTable

    cut: int
    donor: TokenSequence
    donor_cut: int
    place: StatePlace
    suffix: tuple[int, ...]
    continuations: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        Inside.__post_init__(self)
        check_cuts(self.sequence, (self.cut,))
        check_cuts(self.donor, (self.donor_cut,))
        if self.place not in PLACES:
            raise InvalidInput(f"place {str(self.place)[:40]!r}: expected {' or '.join(PLACES)}")
        if not self.suffix or not self.continuations or any(not ids for ids in self.continuations):
            raise InvalidInput("a transplant needs an exit text and at least one continuation, none of them empty")
        if not self.donor.prompt:
            raise InvalidInput("a donor without a prompt: expected a sequence of the same model")

    def key_fields(self, digests: Digests) -> list[object]:
        """Both prefixes, the place and the layers, and what is read."""
        both = [digests.prefix(self.sequence, self.cut), digests.prefix(self.donor, self.donor_cut)]
        lengths = [len(self.sequence.prompt), self.cut, len(self.donor.prompt), self.donor_cut]
        layers = None if self.layers is None else list(self.layers)
        return [*both, *lengths, self.place, layers, list(self.suffix), [list(ids) for ids in self.continuations]]

    def most_tokens(self) -> tuple[int, int]:
        """Both prefixes, and the exit text with its options for each layer; of all layers, what 100 of them take."""
        each = 1 + len(self.suffix) + sum(len(ids) - 1 for ids in self.continuations)
        rows = 1 + (100 if self.layers is None else len(self.layers))
        return len(self.sequence.prompt) + self.cut + len(self.donor.prompt) + self.donor_cut + rows * each, 0

    def beyond_prompt(self) -> Mapping[str, int]:
        """The longer of the two prefixes, with suffix and longest continuation after it."""
        longest = max(self.cut, len(self.donor.prompt) + self.donor_cut - len(self.sequence.prompt))
        return {"cut": longest, "suffix": len(self.suffix), "option": max(len(ids) for ids in self.continuations)}

    def other_ids(self) -> tuple[int, ...]:
        """Donor, suffix and continuations."""
        return (*self.donor.prefix(self.donor_cut), *self.suffix, *(token for ids in self.continuations for token in ids))
