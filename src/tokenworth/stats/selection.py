"""Which of many differences may be named: false-discovery rate over repeated looks, and intervals of what was named."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, Float

from tokenworth.errors import InvalidInput

Dependence = Literal["positive", "any"]
DEPENDENCES: tuple[str, ...] = get_args(Dependence)
LOOKS = 6
"""A search looks at its draws so often at most."""


def discovered(p: Float[np.ndarray, " item"], q: float, dependence: Dependence = "positive") -> Bool[np.ndarray, " item"]:
    """Which hypotheses of p-values ``p`` are rejected: the r smallest, r the largest with p₍ᵣ₎ ≤ q r/m. Ties go together.

    The expected share of true hypotheses among those rejected is at most q, for independent or positively dependent p-values; with
    ``any`` dependence q is divided by Σ 1/i, i ≤ m, first.

    Source: Benjamini and Hochberg 1995; Benjamini and Yekutieli 2001, "The control of the false discovery rate in multiple testing under
    dependency".
    """
    if not 0 < q < 1:
        raise InvalidInput(f"false-discovery rate {q}: expected a number between 0 and 1")
    m = len(p)
    rank = np.arange(1, m + 1)
    if dependence == "any" and m:
        q /= float((1 / rank).sum())
    passed = np.flatnonzero(np.sort(p) <= q * rank / m) if m else rank[:0]
    return np.asarray(p) <= (q * (passed[-1] + 1) / m if len(passed) else -1.0)


def rate_of_look(q: float, look: int) -> float:
    """q/(k(k+1)) for look k = 1, 2, …: what is named at any of them is false at a rate of q at most, however the looks depend.

    The rate of the union is at most the sum of those of the looks, and these sum to less than q. So a search may end at any look.
    """
    return q / (look * (look + 1))


def level_of_selected(q: float, selected: int, m: int) -> float:
    """1 − q R/m: at this level the expected share of intervals of the R ``selected`` of m that miss is at most q.

    Source: Benjamini and Yekutieli 2005, "False discovery rate-adjusted multiple confidence intervals for selected parameters".
    """
    return 1.0 - q * max(1, selected) / max(1, m)


def most_steps(value: float, delta: float) -> float:
    """V(0)(1 − V(0))/δ²: the expected number of tokens of a base drawn from the model that change the value by ``delta`` or more, at most.

    The value along a drawn trace is a martingale within 0 and 1, so its squared steps sum to V(0)(1 − V(0)) at most in expectation.
    """
    return value * (1 - value) / delta**2
