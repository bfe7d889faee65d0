"""The result of the lens, as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from tokenworth.core.grade import Grade
from tokenworth.core.request.inside import StatePlace
from tokenworth.core.tokens import Trace
from tokenworth.methods.cuts import Missed


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LensResult:
    """Shares of the options at every layer and cut.

    ``forced``: shares of the forced answer, the last layer at the exit. ``tokens``: what is read for each option. ``missed``: planned cuts
    that the context has no room for.
    """

    trace: Trace
    place: StatePlace
    exit_text: str
    cuts: Int[np.ndarray, " cut"]
    options: tuple[str, ...]
    tokens: tuple[int, ...]
    share: Float[np.ndarray, "layer cut option"]
    mass: Float[np.ndarray, "layer cut"]
    """NaN where it was not read."""
    forced: Float[np.ndarray, "cut option"]
    forced_mass: Float[np.ndarray, " cut"]
    own: Grade
    missed: Missed | None = None
