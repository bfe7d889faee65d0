"""What is aligned, and what it is compared with: what a user decides."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tokenworth.core.estimate import check_level
from tokenworth.core.measure import check_seed, option
from tokenworth.errors import InvalidInput

FINAL, OPTION, TAGS, TAG = "final", "option", "tags", "tag="
CODE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")
"""What names a function and is no pattern of words."""
_LONGEST = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignSettings:
    """Compare value and answer around every place of a kind.

    Places are words that match a pattern. Each is compared with places of other words at the same position, of the same probability, in
    sentences of the same length. Reads the results of curve and forced.
    """

    pattern: tuple[str, ...] = option((r"\bWait\b", r"\b[Aa]ha\b", OPTION, FINAL, TAGS), metavar="PATTERN")
    """Where: a regular expression; option (an option is named, as in Option B); final (the first mention of the final answer); tags (every
    tag of sentences that a source has), tag=NAME; or module:callable of a text, which gives (first, end) of characters. May be repeated."""
    controls: int = 5
    """Places that each is compared with."""
    window: int = 32
    """Units of the trace before and after a place for which its mean curve is given."""
    level: float = 0.95
    """Level of the intervals."""
    seed: int = 0
    """Names the stream of random draws."""

    def __post_init__(self) -> None:
        if not self.pattern:
            raise InvalidInput("no pattern; give --pattern PATTERN")
        for one in self.pattern:
            if not one or len(one) > _LONGEST:
                raise InvalidInput(f"pattern {one[:40]!r}: expected 1 to {_LONGEST} characters")
            if not CODE.fullmatch(one):
                _check_expression(one)
        if len(set(self.pattern)) < len(self.pattern):
            raise InvalidInput("a pattern is given twice; give each once")
        if not 1 <= self.controls <= 100:
            raise InvalidInput(f"controls {self.controls}: expected 1 to 100")
        if not 0 <= self.window <= 1000:
            raise InvalidInput(f"window {self.window}: expected 0 to 1,000")
        check_level(self.level)
        check_seed(self.seed)


def _check_expression(text: str) -> None:
    if text in (FINAL, OPTION, TAGS) or text.startswith(TAG):
        return
    try:
        re.compile(text)
    except re.error as error:
        raise InvalidInput(f"pattern {text!r} is not a regular expression: {error}") from error
