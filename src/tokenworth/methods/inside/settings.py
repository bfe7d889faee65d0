"""What is brought onto one axis: what a user decides."""

from __future__ import annotations

from dataclasses import dataclass

from tokenworth.core.estimate import check_level
from tokenworth.core.measure import check_seed, option
from tokenworth.errors import InvalidInput

LOGPROB = "logprob"


@dataclass(frozen=True, slots=True, kw_only=True)
class InsideSettings:
    """Bring all that is known of a trace onto one axis.

    Reads the results of curve, forced, lens, patch, pivots and anchors, of one trace or many. Says where they disagree by more than their
    intervals, and whether claimed pivots are places where layers move.
    """

    channel: tuple[str, ...] = option((), metavar="FILE|NAME")
    """Numbers of your own for each token, scored against the value: a .json, .jsonl or .parquet file; logprob (of each token, where a curve
    has it); or module:callable of the list of tokens, which gives one number for each. May be repeated."""
    level: float = 0.95
    """Level of the intervals."""
    seed: int = 0
    """Names the stream of random draws."""

    def __post_init__(self) -> None:
        if len(set(self.channel)) < len(self.channel):
            raise InvalidInput("a channel is given twice; give each once")
        check_level(self.level)
        check_seed(self.seed)

    @property
    def files(self) -> tuple[str, ...]:
        """The channels that are files."""
        return tuple(one for one in self.channel if one.endswith((".json", ".jsonl", ".parquet")))
