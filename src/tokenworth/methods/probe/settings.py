"""What a probe is asked and how it is fitted: what a user decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tokenworth.core.estimate import check_level
from tokenworth.core.measure import MANY, check_seed, option
from tokenworth.core.request.inside import StatePlace
from tokenworth.errors import InvalidInput, NoEffect

ProbeAsk = Literal["needed", "right", "option", "settled", "value"]
DEFAULT_ASKED: ProbeAsk = "needed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeSettings:
    """Find out what a probe of hidden states can tell.

    Fits linear probes on some questions of a task and scores the others; compares with what words, length and the forced answer tell.
    """

    ask: ProbeAsk | None = None
    """needed: does the trace help, from the end of the prompt; right: will the trace end in the right answer; option: in which option;
    settled: is the answer settled at this cut, and does the forced answer say so; value: V at this cut. [default: needed]"""
    place: StatePlace = "trace"
    """Whose state is read at a cut: trace, the last token kept; exit, the last token of the exit text."""
    layers: tuple[str, ...] = option((), metavar="L,L,…", listed=True)
    """Layers to read: 0 is the embedding. [default: all]"""
    exit_text: str = option("", metavar="TEXT")
    """The exit text; \\n is a newline. Without it: the model's own."""
    samples: int = option(32, short="-n", most=MANY)
    """Rollouts to draw: from the prompt, and for settled and value at every cut."""
    per_question: int = option(1, most=MANY)
    """Traces of each question, the first that ended by themselves; needed uses none."""
    cuts: int = option(5, most=MANY)
    """Cuts of each trace, evenly spread from 0 to its end; needed uses cut 0 alone."""
    margin: float = 0.2
    """needed: a trace is needed where V(0) exceeds the forced share of the gold answer by more than this."""
    unclear: bool = False
    """needed: keep questions whose interval contains the margin, by their point estimate."""
    decided: float = option(0.8, rare=True)
    """Where forced answers and values are compared: share from which on an answer is decided, or said."""
    folds: int = option(5, rare=True, most=100)
    """Outer folds, by question."""
    states: bool = option(False, rare=True)
    """Keep the hidden states in the result, for export to .safetensors."""
    apply: str | None = option(None, metavar="RESULT.json")
    """Fit nothing: apply the probe in this result."""
    level: float = 0.95
    """Level of the intervals."""
    seed: int = 0
    """Names the stream of random draws."""

    def __post_init__(self) -> None:
        check_level(self.level)
        check_seed(self.seed)
        for name, least in (("samples", 1), ("per_question", 1), ("cuts", 1), ("folds", 2)):
            count: int = getattr(self, name)
            if count < least:
                raise InvalidInput(f"{name.replace('_', ' ')} {count}: expected at least {least}")
        if not 0 <= self.margin < 1:
            raise InvalidInput(f"margin {self.margin}: expected a share from 0 to below 1")
        if not 0.5 < self.decided <= 1:
            raise InvalidInput(f"decided {self.decided}: expected a share above 0.5, at most 1")
        if any(not (one.isascii() and one.isdecimal() and len(one) < 6) for one in self.layers):
            raise InvalidInput(f"layers {','.join(self.layers)[:60]}: expected whole numbers from 0 up, such as 0,4,8")
        if self.unclear and self.ask not in (None, "needed"):
            raise NoEffect(f"--unclear is for --ask needed; {self.ask} leaves no question out", "unclear")

    @property
    def asked(self) -> ProbeAsk:
        """What is asked."""
        return self.ask or DEFAULT_ASKED

    @property
    def chosen_layers(self) -> tuple[int, ...] | None:
        """The layers, rising; None for all."""
        return tuple(sorted({int(one) for one in self.layers})) or None
