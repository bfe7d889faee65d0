"""The dialects of a maze trace: same words, different languages. A trace is valid or not in one of them only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tokenworth.core.verification import Cell, Strictness

Ties = Literal["any", "list", "cell", "heap"]
"""How a solver picks among open cells of the least f = g + h.

``any``: at random. ``list``: the one that has been open longest. ``cell``: the least y, then the least x. ``heap``: the least g, and
among those the one that the binary heap of Rust's standard library gives.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """What decides which token strings are traces.

    ``marked``: the sections have marks (``query reasoning solution end``). ``creates_start``: the start is created before it is closed.
    ``compact``: one token per cell (``3,4``), no heuristic, walls and plan without a word for each. ``order``: the order in which
    neighbours are created, None for any.
    """

    name: str
    marked: bool
    creates_start: bool
    compact: bool
    ties: Ties
    order: tuple[Cell, ...] | None

    @property
    def strictness(self) -> tuple[Strictness, ...]:
        """How strictly its traces can be checked: where ties are broken at random there is no order to check."""
        return (Strictness.PAPER, Strictness.STRICT) if self.ties == "any" else tuple(Strictness)


_UP_RIGHT_DOWN_LEFT: tuple[Cell, ...] = ((0, -1), (1, 0), (0, 1), (-1, 0))
# In SearchFormer's coordinates y grows upwards.
_Y_PLUS_MINUS_LEFT_RIGHT: tuple[Cell, ...] = ((0, 1), (0, -1), (-1, 0), (1, 0))

DIALECTS: Mapping[str, Dialect] = {
    dialect.name: dialect
    for dialect in (
        Dialect(name="beyond-semantics", marked=True, creates_start=False, compact=False, ties="list", order=_UP_RIGHT_DOWN_LEFT),
        Dialect(name="beyond-semantics-rust", marked=True, creates_start=False, compact=False, ties="heap", order=_UP_RIGHT_DOWN_LEFT),
        Dialect(name="searchformer", marked=False, creates_start=True, compact=False, ties="cell", order=_Y_PLUS_MINUS_LEFT_RIGHT),
        Dialect(name="searchformer-nondeterministic", marked=False, creates_start=True, compact=False, ties="any", order=None),
        Dialect(name="compact", marked=True, creates_start=False, compact=True, ties="list", order=_UP_RIGHT_DOWN_LEFT),
    )
}
"""Every dialect by name. Sources: Lehnert et al. 2024, arXiv 2402.14083 (searchformer); Stechly et al. 2025, arXiv 2505.13775
(beyond-semantics, and its faster generator); ``compact`` is ours: beyond-semantics in fewer tokens, with nothing lost."""
