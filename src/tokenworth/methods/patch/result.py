"""The result of patching, as arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from tokenworth.core.grade import Grade
from tokenworth.core.tokens import Trace
from tokenworth.methods.patch.spans import TokenSpan


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TargetCount:
    """Which of some rollouts, in the order of their index, end in the target."""

    hits: Bool[np.ndarray, " rollout"]

    @property
    def k(self) -> int:
        """How many do."""
        return int(np.count_nonzero(self.hits))

    @property
    def n(self) -> int:
        """How many there are."""
        return len(self.hits)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Moved:
    """Readings with the states of a donor."""

    answer: str
    """What the donor answers."""
    ids: tuple[int, ...]
    """Its trace."""
    logprob: Float[np.ndarray, "layer option"]
    control: Float[np.ndarray, "layer option"]
    """With the state of the donor stopped before its first token."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PatchResult:
    """Readings and rollouts with spans hidden.

    ``plain``: log-probabilities of the options with nothing hidden, by cut. ``hidden``: by way, those at the trace's end with each span and
    each window hidden. ``values``: rollouts by cut; ``regenerated``: those after each span with what is hidden.
    """

    trace: Trace
    exit_text: str
    options: tuple[str, ...]
    target: str | None
    own: Grade
    spans: tuple[TokenSpan, ...]
    windows: tuple[tuple[TokenSpan, ...], ...]
    """Of each span."""
    plain: Mapping[int, Float[np.ndarray, " option"]]
    hidden: Mapping[str, Mapping[TokenSpan, Float[np.ndarray, " option"]]]
    values: Mapping[int, TargetCount]
    regenerated: Mapping[TokenSpan, TargetCount]
    """By span: it is hidden but for its last token, from which the rollouts go on."""
    other: Mapping[TokenSpan, tuple[TokenSpan, TargetCount]]
    """By span: an earlier window of the same length that is hidden instead."""
    moved: Moved | None
    looked: int
    """Answers among which a donor was looked for."""
