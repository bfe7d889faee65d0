"""The result of the spread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SpreadResult:
    """How often each answer was given."""

    answers: tuple[str, ...]
    counts: Int[np.ndarray, " answer"]
    """Parallel to ``answers``, the most frequent first."""
