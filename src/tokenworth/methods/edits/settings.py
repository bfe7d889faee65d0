"""Which edits are made of which traces, and how their effect is measured: what a user decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tokenworth.core.estimate import check_level
from tokenworth.core.measure import MANY, check_seed, option
from tokenworth.errors import InvalidInput, unknown_name
from tokenworth.tasks.maze.edits import EDIT_CODES, TIE_CODES

PARAPHRASE, SWAP, REPAIR = "paraphrase", "swap", "repair"
KINDS: tuple[str, ...] = (*EDIT_CODES, PARAPHRASE, SWAP, REPAIR)
"""What can be asked for: a code to be broken first, another valid order, the trace of another maze, or an invalid trace made valid."""
COMMON_CODES: tuple[str, ...] = tuple(code for code in EDIT_CODES if code not in (*TIE_CODES, "WRONG_H", "OOB"))
"""The codes that a solver's trace may break before it is repaired."""
DEFAULT_KINDS: tuple[str, ...] = (*COMMON_CODES, PARAPHRASE, SWAP, REPAIR)
"""What is done unless named: all that the dialect of the bundled models can write in their vocabulary."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EditsSettings:
    """Break or repair maze traces; measure the effect on the plan.

    Each edit of a valid trace breaks one rule; invalid traces are repaired. P(plan correct) is measured before and after.
    """

    codes: tuple[str, ...] | None = option(None, metavar="A,B,…", listed=True)
    """Codes to break, paraphrase, swap and repair. [default: all that the dialect can write]"""
    samples: int = option(20, short="-n", most=MANY)
    """Rollouts to draw: on each side of each edit, without it and with it."""
    at: Literal["edit", "plan"] = "edit"
    """Where rollouts begin: after the edit, or where the plan begins, with the whole trace kept."""
    trace_of: Literal["solver", "model"] = "solver"
    """Whose trace is edited."""
    draws: int = option(16, rare=True, most=MANY)
    """Answers sampled to find a trace to edit (--trace-of model: a valid one, and an invalid one to repair)."""
    alone: bool = option(False, rare=True)
    """Prefer edits that break no other rule at their event over those of the fewest words."""
    level: float = 0.95
    """Level of the intervals."""
    seed: int = 0
    """Names the stream of random draws."""

    def __post_init__(self) -> None:
        for kind in self.codes or ():
            if kind not in KINDS:
                raise unknown_name("edit", kind, KINDS)
        if self.codes is not None and not self.codes:
            raise InvalidInput("no edits are named; give codes such as WALL,NOT_OPEN, or leave --codes out")
        for name in ("samples", "draws"):
            if getattr(self, name) < 1:
                raise InvalidInput(f"{name} {getattr(self, name)}: expected at least 1")
        check_level(self.level)
        check_seed(self.seed)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of edits asked for, each once."""
        return tuple(dict.fromkeys(DEFAULT_KINDS if self.codes is None else self.codes))
