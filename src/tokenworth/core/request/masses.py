"""Attention between segments of a sequence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from tokenworth.core.request.inside import Inside
from tokenworth.core.request.kind import Digests, Response
from tokenworth.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MassTable(Response):
    """Attention masses, float32: a row for each layer, head and segment that looks; a column for each part that is looked at.

    The parts are the sink (the first token of all), the rest of what stands before the first segment, and the segments. A row sums to 1.
    """

    what: ClassVar[str] = "table of attention masses"
    layouts: ClassVar[Mapping[int, Mapping[str, str]]] = {12: {"heads": "n", "mass": "f2"}}

    heads: int
    """Heads of a layer."""
    mass: Float[np.ndarray, "row part"]

    def check(self) -> None:
        """Refuses masses that are not those of whole layers."""
        rows, segments = len(self.mass), self.mass.shape[1] - 2
        if not self.heads or segments < 1 or rows % (self.heads * segments) or not np.isfinite(self.mass).all():
            raise InvalidInput(f"{self.what}: {self.mass.shape} numbers of {self.heads} heads; expected finite masses of whole layers")

    @property
    def cube(self) -> Float[np.ndarray, "layer head segment part"]:
        """The masses by layer and head."""
        return self.mass.reshape(-1, self.heads, self.mass.shape[1] - 2, self.mass.shape[1])


def check_bounds(bounds: Sequence[int], length: int) -> None:
    """Raises ``InvalidInput`` unless the numbers bound segments of a completion of this length."""
    if len(bounds) < 2 or bounds[0] < 0 or bounds[-1] > length or any(a >= b for a, b in pairwise(bounds)):
        shown = ", ".join(map(str, bounds[:10]))
        raise InvalidInput(f"bounds {shown}: expected two or more rising cuts from 0 to {length}, the ends of the segments")


@dataclass(frozen=True, slots=True, kw_only=True)
class Masses(Inside):
    """For every head, how much of the attention of each segment's tokens goes to each part: the mean over the tokens of the segment.

    Segment i is the completion's tokens from ``bounds[i]`` to before ``bounds[i + 1]``. ``layers`` counts blocks, from 1 up.
    """

    name: ClassVar[str] = "masses"
    response: ClassVar[type[Response]] = MassTable

    bounds: tuple[int, ...]

    def __post_init__(self) -> None:
        Inside.__post_init__(self)
        check_bounds(self.bounds, len(self.sequence.completion))
        if not self.sequence.prompt:
            raise InvalidInput("attention masses need a prompt: its first token is the sink")
        if self.layers is not None and self.layers[0] == 0:
            raise InvalidInput("layer 0 is the embedding, which attends to nothing; expected layers from 1 up")

    def key_fields(self, digests: Digests) -> list[object]:
        """The sequence up to the last bound, the bounds, the layers."""
        layers = None if self.layers is None else list(self.layers)
        return [digests.prefix(self.sequence, self.bounds[-1]), len(self.sequence.prompt), list(self.bounds), layers]

    def most_tokens(self) -> tuple[int, int]:
        """The sequence, once."""
        return len(self.sequence.prompt) + self.bounds[-1], 0

    def beyond_prompt(self) -> Mapping[str, int]:
        """The sequence up to the last bound."""
        return {"cut": self.bounds[-1]}
