"""What the lens reads, and where: what a user decides."""

from __future__ import annotations

from dataclasses import dataclass

from tokenworth.core.measure import check_seed, option
from tokenworth.core.request.inside import StatePlace
from tokenworth.core.request.lens import Mass
from tokenworth.errors import InvalidInput
from tokenworth.tasks.target import GOLD, LABEL, OWN


@dataclass(frozen=True, slots=True, kw_only=True)
class LensSettings:
    """Read which option each layer would name at each cut.

    The state of a layer is read as if it were the last one: a lower bound of what it holds.
    """

    place: StatePlace = "exit"
    """exit: the options' labels after the exit text. trace: the first tokens of the options' own words, at the trace's last kept token."""
    exit_text: str = option("", metavar="TEXT")
    """Exit text that is written before options are read; \\n is a newline. Without it: the model's own."""
    options: tuple[str, ...] = option((), metavar="A,B,…", listed=True)
    """Option labels, when the problem has none."""
    target: str = OWN
    """The option whose depth and clocks are reported: own (the base's own answer), gold (own where there is no gold) or label:X."""
    mass: Mass = "last"
    """Layers at which the probability of all options together is read as well: last; some (a quarter of the forced pass at most); all."""
    sure: float = option(0.8, rare=True)
    """Depth is reported at cuts where the last layer gives the target this share."""
    stride: int = 1
    """Distance between measured cuts."""
    max_cuts: int | None = option(None, rare=True)
    """Measure at most about so many cuts: longer traces get a longer stride."""
    seed: int = 0
    """Names the stream of random draws."""

    def __post_init__(self) -> None:
        check_seed(self.seed)
        if self.place == "trace" and self.exit_text:
            raise InvalidInput("--place trace reads at the trace itself: no exit text; leave out --exit-text")
        if not 0.5 < self.sure <= 1:
            raise InvalidInput(f"sure {self.sure}: expected a share above 0.5, so that one option has it, to 1")
        if self.stride < 1:
            raise InvalidInput(f"stride {self.stride}: expected at least 1")
        if self.max_cuts is not None and self.max_cuts < 2:
            raise InvalidInput(f"max cuts {self.max_cuts}: expected at least 2")
        if self.target not in (GOLD, OWN) and not self.target.removeprefix(LABEL) != self.target:
            raise InvalidInput(f"target {self.target!r}: expected gold, own or label:X; the lens reads options")

    def step(self, n_trace: int) -> int:
        """The stride on a trace of so many tokens."""
        return self.stride if self.max_cuts is None else max(self.stride, -(-n_trace // (self.max_cuts - 1)))
