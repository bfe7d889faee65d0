"""What every measure that draws is told beside its own settings: how completions are sampled, and which trace is the base."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tokenworth.core.measure import MANY, option
from tokenworth.errors import InvalidInput

DRAWS_TO_CHOOSE = 16
"""Answers among which a correct or an incorrect base is sought."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplerSettings:
    """The sampling distribution; the defaults are neutral: the model's own."""

    HEADING: ClassVar[str] = "Sampling"
    temperature: float = 1.0
    """0 is greedy."""
    top_p: float = 1.0
    """1 is off."""
    top_k: int = option(0, rare=True)
    """0 is off."""
    min_p: float = option(0.0, rare=True)
    """0 is off."""
    limit: int | None = option(None, metavar="TOKENS")
    """Longest completion, trace and answer together. [default: what the context leaves, at most 4096]"""

    def __post_init__(self) -> None:
        if self.limit is not None and self.limit < 1:
            raise InvalidInput(f"limit {self.limit}: expected at least 1 token")


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseSettings:
    """Which completion is the base trace."""

    HEADING: ClassVar[str] = "Base trace"
    base: str = "any"
    """Which sampled answer is the base: any, correct, incorrect or an index."""
    draws: int | None = option(None, rare=True, most=MANY)
    """Answers drawn to choose the base from. [default: 1; 16 for correct and incorrect]"""
    trace_ids: str | None = option(None, metavar="FILE")
    """Token ids of the base instead, as a JSON list or numbers separated by spaces."""
    trace: str | None = option(None, metavar="FILE.txt", rare=True)
    """Text of the base instead; it is tokenised once, and must come back from its tokens unchanged."""
    trace_from: str | None = option(None, metavar="FILE[#N]", rare=True)
    """Base from a result of ours, lm-eval's samples_*.jsonl or an Inspect log as JSON; N: which of its traces."""

    def __post_init__(self) -> None:
        if self.draws is not None and self.draws < 1:
            raise InvalidInput(f"draws {self.draws}: expected at least 1")
        if self.base.isdecimal() and (len(self.base) > 12 or int(self.base) >= MANY):
            raise InvalidInput(f"base {self.base[:40]}: expected an index below {MANY:,}, so many answers are drawn before it")
        given = [name for name in ("trace-ids", "trace", "trace-from") if getattr(self, name.replace("-", "_")) is not None]
        if len(given) > 1:
            raise InvalidInput(f"--{given[0]} and --{given[1]} both give the base trace; leave one out")

    @property
    def is_given(self) -> bool:
        """Whether the base is given, not drawn."""
        return any(one is not None for one in (self.trace_ids, self.trace, self.trace_from))

    @property
    def n_draws(self) -> int:
        """How many answers are drawn to choose from."""
        default = DRAWS_TO_CHOOSE if self.base in ("correct", "incorrect") else int(self.base) + 1 if self.base.isdecimal() else 1
        return self.draws or default
