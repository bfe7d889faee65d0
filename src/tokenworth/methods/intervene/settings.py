"""Which edits are made of a trace, and how their effect is read: what a user decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tokenworth.catalog import EDITS
from tokenworth.core.estimate import check_level
from tokenworth.core.measure import MANY, check_seed, option
from tokenworth.errors import InvalidInput, unknown_name

DEFAULT_EDITS = ("resample", "none", "filler", "random", "swap", "no-question", "truncate", "drop", "mistake-sum", "mistake-option")
"""What is done unless named: is the trace needed, is it enough, is a part of it needed, is a mistake in it followed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InterveneSettings:
    """Edit traces or prompts, and compare the answers.

    Each edit is compared with the same place of the unedited trace, or with its control, on the same problem.
    """

    edits: tuple[str, ...] = option(DEFAULT_EDITS, metavar="A,B,…", listed=True)
    """Edits to make; docs/methods/intervene.md lists them."""
    samples: int = option(10, short="-n", most=MANY)
    """Rollouts to draw: on each side of each edit, without it and with it."""
    where: float | None = None
    """Where in the trace a part is edited, from 0 (its beginning) to 1 (its end). [default: drawn for each problem]"""
    rest: Literal["regenerate", "keep"] = option("regenerate", rare=True)
    """What follows an edited part: the model writes the rest anew, or the rest of the trace is kept and only the answer is drawn."""
    insert: str = option("Wait, that is wrong.", rare=True, metavar="TEXT")
    """What the edit insert adds."""
    neutral: str = option("Now I will go on.", rare=True, metavar="TEXT")
    """What its control adds: repeated and cut to as many tokens."""
    strip: tuple[str, ...] = option(("hmm", "wait", "aha"), rare=True, metavar="A,B,…", listed=True)
    """Words that the edit strip takes out, in either case."""
    hint: str = option("wrong", rare=True, metavar="LABEL")
    """Option that hints name: wrong (one that is not the gold answer, drawn for each problem) or a label."""
    exit_text: str | None = option(None, rare=True, metavar="TEXT")
    """What ends a trace and begins the answer; \\n is a newline. [default: the model's own]"""
    options: tuple[str, ...] = option((), metavar="A,B,…", listed=True, rare=True)
    """Option labels, when the problem has none."""
    parts: int = option(16, rare=True, most=MANY)
    """Forced answers are read after each of so many equal parts of the trace, and before the first."""
    grid: Literal["parts", "sentences"] = option("parts", rare=True)
    """Where forced answers are read: after equal parts of the trace, or after its sentences."""
    fail_under: float | None = option(None, rare=True, metavar="X")
    """Exit with code 1 where the answer stays what it was without the trace too often: where the fall of P(same) after the edit none is
    below this."""
    level: float = 0.95
    """Level of the intervals."""
    seed: int = 0
    """Names the stream of random draws."""

    def __post_init__(self) -> None:
        for name in self.edits:
            if name not in EDITS:
                raise unknown_name("edit", name, EDITS)
        if not self.edits:
            raise InvalidInput("no edits are named; give some such as none,filler, or leave --edits out")
        for name in ("samples", "parts"):
            if getattr(self, name) < 1:
                raise InvalidInput(f"{name} {getattr(self, name)}: expected at least 1")
        if self.where is not None and not 0 <= self.where <= 1:
            raise InvalidInput(f"where {self.where}: expected a number from 0 to 1")
        if self.fail_under is not None and not 0 <= self.fail_under <= 1:
            raise InvalidInput(f"fail under {self.fail_under}: expected a number from 0 to 1")
        if self.fail_under is not None and "none" not in self.edits:
            raise InvalidInput("--fail-under looks at the edit none; add it to --edits")
        if "insert" in self.edits and not (self.insert.strip() and self.neutral.strip()):
            raise InvalidInput("the edit insert needs --insert and --neutral, both with some text")
        if "strip" in self.edits and not all(word.strip() for word in (*self.strip, *([""] * (not self.strip)))):
            raise InvalidInput("the edit strip needs --strip, words such as hmm,wait")
        check_level(self.level)
        check_seed(self.seed)

    @property
    def names(self) -> tuple[str, ...]:
        """The edits asked for, each once."""
        return tuple(dict.fromkeys(self.edits))
