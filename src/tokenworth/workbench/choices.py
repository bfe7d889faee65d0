"""What every measure that draws is told beside its own settings: how completions are sampled, and which trace is the base."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import ClassVar

from tokenworth.core.files import read_input
from tokenworth.core.measure import option
from tokenworth.errors import InvalidInput, MissingFile

DRAWS_TO_CHOOSE = 16
"""Answers among which a correct or an incorrect base is sought."""
_MOST_IDS = 32 << 20


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
    draws: int | None = option(None, rare=True)
    """Answers drawn to choose the base from. [default: 1; 16 for correct and incorrect]"""
    trace_ids: str | None = option(None, metavar="FILE")
    """Token ids of the base instead, as a JSON list or numbers separated by spaces."""

    def __post_init__(self) -> None:
        if self.draws is not None and self.draws < 1:
            raise InvalidInput(f"draws {self.draws}: expected at least 1")

    @property
    def n_draws(self) -> int:
        """How many answers are drawn to choose from."""
        default = DRAWS_TO_CHOOSE if self.base in ("correct", "incorrect") else int(self.base) + 1 if self.base.isdecimal() else 1
        return self.draws or default


def read_ids(path: str) -> tuple[int, ...]:
    """Token ids from a file: a JSON list, an object with a list under ``ids``, or whole numbers separated by white space."""
    try:
        text = read_input(path, _MOST_IDS).decode()
    except FileNotFoundError:
        raise MissingFile(f"no file {path}; expected token ids") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from error
    stripped = text.strip()
    try:
        value: object = json.loads(stripped) if stripped[:1] in ("[", "{") else [int(word) for word in stripped.split()]
    except (ValueError, RecursionError) as error:
        raise InvalidInput(
            f"{path}: expected token ids, a JSON list or whole numbers apart by spaces ({' '.join(str(error).split())})"
        ) from error
    if isinstance(value, dict):
        value = value.get("ids")
    if not isinstance(value, list) or not all(isinstance(i, int) and not isinstance(i, bool) for i in value):
        raise InvalidInput(f"{path}: expected a list of whole numbers, the token ids of the base completion")
    if not value:
        raise InvalidInput(f"{path}: the trace is empty; expected at least one token id")
    return tuple(value)
