"""What is hidden or put in, and what it is compared with: what a user decides."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tokenworth.core.estimate import check_level
from tokenworth.core.measure import MANY, check_seed, option
from tokenworth.errors import InvalidInput, unknown_name
from tokenworth.tasks.target import GOLD, LABEL, OWN

DIRECT, TOTAL, REGENERATE, TRANSPLANT = WAYS = ("direct", "total", "regenerate", "transplant")
NEEDED = {DIRECT: "hide", TOTAL: "hide", REGENERATE: "regenerate", TRANSPLANT: "transplant"}
"""The kind of request that each takes."""
_SPAN = re.compile(r"([0-9]{1,9})-([0-9]{1,9})")


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchSettings:
    """Hide parts of a trace from the model, or move a state.

    Every sentence is hidden by itself: from the exit text (direct), from all that follows (total), or from rollouts that go on after it
    (regenerate). transplant moves the state that answers from another trace of the same problem. Windows of the same length are hidden as
    well, for comparison.
    """

    ways: tuple[str, ...] = option((DIRECT, TOTAL), metavar="WAY,…", listed=True)
    """What to do: direct, total, regenerate, transplant."""
    span: tuple[str, ...] = option((), metavar="A-B")
    """Hide trace tokens A to B, counted from 0, instead of every sentence; may be repeated."""
    windows: int = 20
    """Windows of the same length that each span is compared with, at most; regenerate takes one."""
    gap: int = 4
    """Windows are at least so many tokens away from the span."""
    samples: int = option(32, short="-n", most=MANY)
    """Rollouts to draw: at each end of each span, and with it hidden (regenerate)."""
    donors: int = option(16, rare=True)
    """Answers among which transplant looks for one that differs."""
    exit_text: str = option("", metavar="TEXT")
    """Exit text that is written before options are read; \\n is a newline. Without it: the model's own."""
    options: tuple[str, ...] = option((), metavar="A,B,…", listed=True)
    """Option labels, when the problem has none."""
    target: str = OWN
    """The option that effects are of: own (the base's own answer), gold (own where there is no gold) or label:X."""
    level: float = 0.95
    """Level of the intervals."""
    seed: int = 0
    """Names the stream of random draws."""

    def __post_init__(self) -> None:
        check_seed(self.seed)
        check_level(self.level)
        for way in self.ways:
            if way not in WAYS:
                raise unknown_name("way", way, WAYS)
        if not self.ways or len(set(self.ways)) < len(self.ways):
            raise InvalidInput(f"ways {', '.join(self.ways) or 'none'}: expected at least one of {', '.join(WAYS)}, each once")
        for name, least in (("windows", 0), ("gap", 0), ("samples", 1), ("donors", 1)):
            if getattr(self, name) < least:
                raise InvalidInput(f"{name} {getattr(self, name)}: expected at least {least}")
        self.spans()
        if self.target not in (GOLD, OWN) and not self.target.removeprefix(LABEL) != self.target:
            raise InvalidInput(f"target {self.target!r}: expected gold, own or label:X; a patch reads options")

    def spans(self) -> tuple[tuple[int, int], ...]:
        """The spans that are named, each from its first token to before its end. Raises InvalidInput for what is no span."""
        found: list[tuple[int, int]] = []
        for text in self.span:
            match = _SPAN.fullmatch(text)
            if match is None or int(match[1]) > int(match[2]):
                raise InvalidInput(f"span {text[:40]!r}: expected A-B, two trace tokens counted from 0, such as 3-9")
            found.append((int(match[1]), int(match[2]) + 1))
        if len(set(found)) < len(found):
            raise InvalidInput("a span is given twice; give each once")
        return tuple(found)
