"""A family of differences between cuts, decided one by one over repeated looks at fresh draws: what is claimed, given up and open."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.special import ndtri  # pyright: ignore[reportMissingTypeStubs]

from tokenworth.stats.changes import Pairs
from tokenworth.stats.proportion import DifferenceKind
from tokenworth.stats.search import draws_to_decide
from tokenworth.stats.selection import Dependence, discovered, level_of_selected, rate_of_look

INTERVAL: DifferenceKind = "wilson"
"""Of tests and of reported limits: score limits, and Beta limits for few draws."""
ROUNDING = 1e-9
"""A pair that can differ by just delta is in the family, however 1 − p is rounded."""
GIVES_UP: DifferenceKind = "score"
"""Of the limits that give candidates up: they are narrower for few draws, and what they do wrong costs recall alone."""


class Selection:
    """Which of m differences D(a, b) are claimed (|D| ≤ ``least`` rejected at a false-discovery rate of ``q`` over all looks), and which
    are given up (limits at 1 − ``futility`` within ± ``delta``).

    What is given up keeps its place in the family with p = 1, so m is the same at every look and giving up costs recall alone. Claims stay.
    ``out``: given up before anything was drawn. Source: method page `docs/methods/pivots.md`.
    """

    def __init__(
        self, out: Bool[np.ndarray, " pair"], *, delta: float, least: float, q: float, futility: float, dependence: Dependence
    ) -> None:
        self.delta, self.least, self.q, self.futility = delta, least, q, futility
        self.dependence: Dependence = dependence
        self.out, self.claimed, self.looks = out.copy(), np.zeros(len(out), dtype=bool), 0
        self.p_value: Float[np.ndarray, " pair"] = np.ones(len(out))
        self.decided: Int[np.ndarray, " pair"] = np.zeros(len(out), dtype=np.int64)

    @property
    def open(self) -> Bool[np.ndarray, " pair"]:
        """Neither claimed nor given up."""
        return ~self.out & ~self.claimed

    def look(self, pairs: Pairs) -> None:
        """Tests what is not given up, and claims what passes; then `give_up`."""
        self.looks += 1
        p = np.where(self.out, 1.0, pairs.p_values(self.least, INTERVAL))
        new = discovered(p, rate_of_look(self.q, self.looks), self.dependence) & self.open
        self.claimed |= new
        self.p_value = np.where(new | self.open, p, self.p_value)
        self.decided[new] = self.looks
        self.give_up(pairs)

    def give_up(self, pairs: Pairs) -> None:
        """Gives up what is shown to be small. It may be asked between looks, at no price in false claims."""
        low, high = pairs.limits(1 - self.futility, GIVES_UP)
        delta = self.delta - ROUNDING
        small = (low > -delta) & (high < delta) | (pairs.possible(1 - self.futility, GIVES_UP) < delta)
        small &= self.open
        self.out |= small
        self.decided[small] = max(1, self.looks)

    def levels(self) -> Float[np.ndarray, " pair"]:
        """The level of the limits of each: that of the selection for claims, 1 − futility for the others."""
        selected = level_of_selected(self.q, int(self.claimed.sum()), len(self.out))
        return np.where(self.claimed, selected, 1 - self.futility)

    def needed(self, pairs: Pairs) -> Float[np.ndarray, " pair"]:
        """About how many draws between its cuts decide what is open, those so far among them."""
        z = float(-ndtri(rate_of_look(self.q, max(1, self.looks)) / max(1, len(self.out))))
        return draws_to_decide(pairs.scale, pairs.mean, z=z, gap=self.delta - self.least)
