"""How far two raters agree on yes or no: raw, and beyond chance by two measures that differ where nearly all answers are alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from tokenworth.errors import InvalidInput

SATURATED = 0.9
"""Mean share of the commoner answer from which on kappa says little."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RaterAgreement:
    """Agreement of two raters on n items; measures are None where they are not defined."""

    n: int
    raw: float
    """Share of items on which they agree."""
    kappa: float | None
    """(raw - e) / (1 - e), e = p1 p2 + (1 - p1)(1 - p2) from each rater's own share of yes."""
    ac2: float | None
    """(raw - e) / (1 - e), e = 2 p (1 - p) with p the mean share of yes; with two answers AC2 is AC1."""
    saturated: bool
    """Whether one answer is so common that kappa can be near 0 although they hardly differ."""


def rater_agreement(first: Bool[np.ndarray, " item"], second: Bool[np.ndarray, " item"]) -> RaterAgreement:
    """The agreement of two raters.

    Raises InvalidInput without an item. Source: Cohen 1960, Educational and Psychological Measurement 20:37; Gwet 2008, British Journal of
    Mathematical and Statistical Psychology 61:29; the paradox of kappa: Feinstein and Cicchetti 1990, J Clin Epidemiol 43:543.
    """
    if not len(first) or len(first) != len(second):
        raise InvalidInput(f"agreement of {len(first)} and {len(second)} ratings; expected as many of each, at least one")
    p1, p2, raw = float(first.mean()), float(second.mean()), float((first == second).mean())
    p = (p1 + p2) / 2

    def beyond(chance: float) -> float | None:
        return None if chance >= 1 else (raw - chance) / (1 - chance)

    return RaterAgreement(
        n=len(first),
        raw=raw,
        kappa=beyond(p1 * p2 + (1 - p1) * (1 - p2)),
        ac2=beyond(2 * p * (1 - p)),
        saturated=max(p, 1 - p) >= SATURATED,
    )
