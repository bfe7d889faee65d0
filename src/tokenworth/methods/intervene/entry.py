"""What an edit of the catalogue is: a pure function of a trace and its problem that makes edited ids, or says why there are none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tokenworth.core.problem import Problem
from tokenworth.core.tokens import Codec
from tokenworth.methods.intervene.settings import InterveneSettings
from tokenworth.methods.intervene.text import TokenText

EditFamily = Literal["necessity", "sufficiency", "part", "insertion", "mistake", "prompt"]
"""What an edit asks. ``necessity``: is the trace needed; ``sufficiency``: is it enough; ``part``: is this part of it needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceChange:
    """What an edit makes of a trace.

    ``ids``: the edited trace. ``cut``: how many of its tokens are kept; ``base_cut``: the same place in the base. ``closed``: the trace is
    ended there, so that only the answer is drawn; otherwise the model goes on with the trace.
    ``first``, ``last``, ``base_last``: the tokens that changed, ``first`` to ``last`` in the edited and to ``base_last`` in the base trace.
    """

    ids: tuple[int, ...]
    cut: int
    base_cut: int
    closed: bool
    first: int
    last: int
    base_last: int
    told: str
    """What was done here, in words."""
    prompt: tuple[int, ...] | None = None
    """Another prompt; None: the problem's own."""
    toward: str | None = None
    """The outcome that the edit argues for."""
    restated: str = ""
    """What a continuation writes that goes back on an added mistake."""
    base_closed: bool | None = None
    """Whether the base is ended at ``base_cut``; None: as the edited trace is."""

    @property
    def ends_base(self) -> bool:
        """Whether the base that it is compared with is ended at its place."""
        return self.closed if self.base_closed is None else self.base_closed


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Material:
    """What an edit may see."""

    text: TokenText
    """The base trace."""
    other: TokenText | None
    """A trace of another problem of the task."""
    problem: Problem | None
    codec: Codec
    put: Callable[[Problem], tuple[int, ...]] | None
    """Prompt ids of the problem in other words."""
    settings: InterveneSettings
    rng: np.random.Generator
    """Its stream is of the seed, the problem and the edit."""
    banned: frozenset[int]
    """Tokens that are not drawn at random: those that end a trace or a completion."""

    @property
    def ids(self) -> tuple[int, ...]:
        """The base trace."""
        return self.text.ids

    def place(self, n: int) -> int:
        """Which of ``n`` places in order is edited: the one at ``settings.where`` of them, or one drawn."""
        share = self.settings.where
        return int(self.rng.integers(n)) if share is None else min(n - 1, int(share * n))

    def whole(self, ids: tuple[int, ...], told: str, *, prompt: tuple[int, ...] | None = None) -> TraceChange:
        """A change of the whole trace, after which it is ended."""
        n = len(self.ids)
        return TraceChange(ids=ids, cut=len(ids), base_cut=n, closed=True, first=0, last=len(ids), base_last=n, told=told, prompt=prompt)


Made = TraceChange | str
"""A change, or the reason why there is none, in one sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceEdit:
    """One entry of the catalogue's edits."""

    family: EditFamily
    told: str
    """What it does, in a few words."""
    make: Callable[[Material], Made]
    control: Callable[[Material, TraceChange], Made] | None = None
    """What it is compared with on the same problem; None: the base at the same place."""
    needs_other: bool = False
    """Whether it needs a trace of another problem."""
