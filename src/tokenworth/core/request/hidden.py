"""States of the residual stream, at many cuts and layers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from tokenworth.core.request.inside import AtPlaces
from tokenworth.core.request.kind import Digests, Response, ids_digest
from tokenworth.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HiddenTable(Response):
    """States of the residual stream, float32: a row for each cut and layer, all layers of a cut together."""

    what: ClassVar[str] = "table of hidden states"
    layouts: ClassVar[Mapping[int, Mapping[str, str]]] = {6: {"layers": "n", "states": "f2"}}

    layers: int
    """How many layers there are at each cut."""
    states: Float[np.ndarray, "row width"]

    def check(self) -> None:
        """Refuses states that are no whole number of cuts, or no numbers."""
        if not self.layers or len(self.states) % self.layers or not np.isfinite(self.states).all():
            raise InvalidInput(
                f"{self.what}: shape {self.states.shape}, {self.layers} layers; expected finite states, all layers of each cut"
            )

    @property
    def cube(self) -> Float[np.ndarray, "cut layer width"]:
        """The states by cut and layer."""
        return self.states.reshape(-1, self.layers, self.states.shape[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Hidden(AtPlaces):
    """The residual stream at one place: after each block, before the final norm."""

    name: ClassVar[str] = "hidden"
    response: ClassVar[type[Response]] = HiddenTable

    def key_fields(self, digests: Digests) -> list[object]:
        """The sequence up to the last cut, the cuts, and what is looked at there."""
        whole = digests.prefix(self.sequence, self.reach)
        layers = None if self.layers is None else list(self.layers)
        return [whole, len(self.sequence.prompt), ids_digest(self.cuts), self.place, list(self.suffix), layers]

    def most_tokens(self) -> tuple[int, int]:
        """The longest prefix once, and the exit text at each cut."""
        return len(self.sequence.prompt) + self.reach + len(self.cuts) * len(self.suffix), 0

    def beyond_prompt(self) -> Mapping[str, int]:
        """The longest prefix, with the exit text after it."""
        return {"cut": self.reach, "suffix": len(self.suffix)}

    def other_ids(self) -> tuple[int, ...]:
        """The exit text."""
        return self.suffix
