"""What is known of one question: rows of states, and what is to be predicted of each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class QuestionRows:
    """The rows of one question; a row is a cut of one of its traces."""

    question: str
    """Its id."""
    stratum: str
    """The task that it is of."""
    prompt_tokens: int
    trace: Int[np.ndarray, " row"]
    """Which of its traces."""
    slot: Int[np.ndarray, " row"]
    """Which of a trace's cuts, counted."""
    cut: Int[np.ndarray, " row"]
    ids: tuple[tuple[int, ...], ...]
    """The token ids before each cut, the prompt's among them."""
    layers: tuple[int, ...]
    states: Float[np.ndarray, "row layer width"]
    label: Float[np.ndarray, " row"]
    """A class, or a share; NaN where there is none, or none that is clear."""
    draws: Float[np.ndarray, " row"]
    """How many draws a share rests on; 1 for a class."""
    classes: tuple[str, ...]
    """The names of the classes; none for a share."""
    forced: Float[np.ndarray, "row feature"]
    """Of the forced answer: log share of each option, largest share, entropy (nats), mass; no columns where there are no options."""
    forced_gold: Float[np.ndarray, " row"]
    """The forced share of the gold answer; NaN where it is not known."""
    told: str = ""
    """Why it has no rows."""
    unclear: int = 0
    """Rows that were left out because their interval contains the margin."""
