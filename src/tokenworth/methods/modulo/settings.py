"""How generate-and-test loops are run: what a user decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tokenworth import catalog
from tokenworth.core.estimate import check_level
from tokenworth.core.measure import MANY, check_seed, option
from tokenworth.core.verification import Strictness
from tokenworth.errors import InvalidInput, NoEffect, unknown_name
from tokenworth.tasks.critics.named import critics


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuloSettings:
    """Sample answers until a verifier accepts one.

    Compares with majority vote and best-of-n at equal token cost.
    """

    critic: str = "format"
    """Who accepts: format, reference, a formal domain, or module:callable."""
    dialect: str | None = None
    """Exact grammar of the texts. [default: the first of a formal critic]"""
    strictness: str | None = option(None, metavar="|".join(Strictness))
    """How strictly traces are checked: paper, the error classes of the literature; strict, every rule; strict+ties, also the order of equal
    choices. [default: strict, for a formal critic]"""
    feedback: Literal["none", "first", "all"] = "none"
    """What the model reads of a rejected answer: nothing, its first fault, or all faults."""
    unsound_share: float = option(0.5, rare=True)
    """Share of wrong answers that the UNSOUND arm's verifier accepts."""
    level: float = 0.95
    """Level of the intervals."""
    seed: int = 0
    """Names the stream of random draws."""
    max_attempts: int = option(8, heading="Budget", most=MANY)
    """Answers to a problem that each arm may read."""
    arm_tokens: int | None = option(None, heading="Budget")
    """Tokens that each arm may generate on each problem. [default: no limit]"""

    def __post_init__(self) -> None:
        if self.critic not in critics() and ":" not in self.critic:
            raise unknown_name("critic", self.critic, critics())
        for name in ("dialect", "strictness"):
            if getattr(self, name) is not None and self.critic not in catalog.DOMAINS:
                message = f"{name} {getattr(self, name)}: only a formal critic has one, and {self.critic} is none; leave it out"
                raise NoEffect(message, name)
        if not 0 < self.unsound_share <= 1:
            raise InvalidInput(
                f"unsound share {self.unsound_share}: expected a number above 0, at most 1: of the wrong answers, those that are accepted"
            )
        for name in ("max_attempts", "arm_tokens"):
            count: int | None = getattr(self, name)
            if count is not None and count < 1:
                raise InvalidInput(f"{name.replace('_', ' ')} {count}: expected at least 1")
        check_level(self.level)
        check_seed(self.seed)
