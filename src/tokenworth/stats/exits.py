"""Rules that stop a trace early: the first reading at which one fires. A rule looks at no reading after the one it stops at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from tokenworth.stats.shapes import entropy


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitRule:
    """Stops where the likeliest option has at least ``share``, or the entropy (of the most there can be) is at most ``entropy``, at
    ``hold`` readings in a row with the same option. Below ``least_mass`` a reading says nothing."""

    share: float | None = None
    entropy: float | None = None
    hold: int = 1

    def __str__(self) -> str:
        what = f"share ≥ {self.share:g}" if self.share is not None else f"entropy ≤ {self.entropy:g}"
        return what if self.hold == 1 else f"{what}, {self.hold} in a row"


RULES = (
    ExitRule(share=0.8),
    ExitRule(share=0.95),
    ExitRule(share=0.95, hold=3),
    ExitRule(share=0.99),
    ExitRule(share=0.99, hold=8),
    ExitRule(entropy=0.1),
    ExitRule(entropy=0.1, hold=3),
)
"""Threshold and hold as in DEER (Yang et al. 2025, arXiv 2504.15895) and Dynasor (Fu et al. 2024, arXiv 2412.20993), entropy as in EAT
(arXiv 2509.26522)."""


def stops_at(rule: ExitRule, shares: Float[np.ndarray, "reading option"], says: Bool[np.ndarray, " reading"]) -> int:
    """The reading at which a rule stops, -1 where it never does. ``says``: readings with enough mass."""
    if rule.share is not None:
        fires = shares.max(axis=1) >= rule.share
    else:
        fires = entropy(shares) <= (rule.entropy or 0.0)
    fires = fires & says
    leader = np.argmax(shares, axis=1)
    run = 0
    for at, fired in enumerate(fires.tolist()):
        run = 0 if not fired else run + 1 if run and leader[at] == leader[at - 1] else 1
        if run == rule.hold:
            return at
    return -1
