"""What each layer would answer: the unembedding of its states, for a few tokens, at many cuts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Float

from tokenworth.core.request.inside import AtPlaces
from tokenworth.core.request.kind import Digests, Response, ids_digest
from tokenworth.errors import InvalidInput

Mass = Literal["last", "some", "all"]
"""At which layers the whole vocabulary is read: the last; so many that it costs a quarter of the forced pass at most; all."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LensTable(Response):
    """Logits of a few tokens by cut and layer: a row for each cut and layer, all layers of a cut together.

    ``total``: log of the sum over the whole vocabulary of e^logit, NaN at layers where it was not read.
    """

    what: ClassVar[str] = "lens table"
    layouts: ClassVar[Mapping[int, Mapping[str, str]]] = {7: {"layers": "n", "logit": "f2", "total": "f"}}

    layers: int
    """How many layers there are at each cut."""
    logit: Float[np.ndarray, "row token"]
    total: Float[np.ndarray, " row"]

    def check(self) -> None:
        """Refuses logits that are no whole number of cuts, or no numbers."""
        if not self.layers or len(self.logit) % self.layers or not np.isfinite(self.logit).all():
            raise InvalidInput(
                f"{self.what}: shape {self.logit.shape}, {self.layers} layers; expected finite logits, all layers of each cut"
            )

    @property
    def share(self) -> Float[np.ndarray, "layer cut token"]:
        """Probability of each token given that it is one of them."""
        cube = self.logit.reshape(-1, self.layers, self.logit.shape[1]).transpose(1, 0, 2)
        shifted = np.exp(cube - cube.max(axis=2, keepdims=True))
        return shifted / shifted.sum(axis=2, keepdims=True)

    @property
    def mass(self) -> Float[np.ndarray, "layer cut"]:
        """Probability of all of them together; NaN where it was not read."""
        high = self.logit.max(axis=1)
        log = high + np.log(np.exp(self.logit - high[:, None]).sum(axis=1)) - self.total
        return np.exp(log).reshape(-1, self.layers).T


@dataclass(frozen=True, slots=True, kw_only=True)
class Lens(AtPlaces):
    """Logits of ``tokens`` at every cut and layer, as if that layer were the last: after the final norm."""

    name: ClassVar[str] = "lens"
    response: ClassVar[type[Response]] = LensTable

    tokens: tuple[int, ...]
    mass: Mass = "last"

    def __post_init__(self) -> None:
        AtPlaces.__post_init__(self)
        if len(set(self.tokens)) != len(self.tokens) or not self.tokens:
            raise InvalidInput(f"tokens {self.tokens}: expected at least one, each once")

    def key_fields(self, digests: Digests) -> list[object]:
        """The sequence up to the last cut, the cuts, and what is read there."""
        whole = digests.prefix(self.sequence, self.reach)
        layers = None if self.layers is None else list(self.layers)
        where = [ids_digest(self.cuts), self.place, list(self.suffix), layers]
        return [whole, len(self.sequence.prompt), *where, list(self.tokens), self.mass]

    def most_tokens(self) -> tuple[int, int]:
        """The longest prefix once, and the exit text at each cut."""
        return len(self.sequence.prompt) + self.reach + len(self.cuts) * len(self.suffix), 0

    def beyond_prompt(self) -> Mapping[str, int]:
        """The longest prefix, with the exit text and a token after it."""
        return {"cut": self.reach, "suffix": len(self.suffix), "option": 1}

    def other_ids(self) -> tuple[int, ...]:
        """The exit text and the tokens."""
        return (*self.suffix, *self.tokens)
