"""What a driver tells while it works: counts and events, as frozen values. Printing them is the caller's business."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic

from tokenworth.core.ports import Spent
from tokenworth.core.request.experiment import ResultT
from tokenworth.errors import TokenworthError


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCounts:
    """What one drive asked for and where the answers came from.

    ``requests`` = ``drawn`` + ``reused`` + ``repeated``, where ``repeated`` were asked for again within a batch (less where the
    budget ended before all were drawn).
    ``failed`` of the drawn are rollouts whose reply was unusable (`StopReason.ERROR`); they are outcomes, stored like the
    others. The ``rollouts`` and ``tokens`` counts are of sampled continuations only; forced reads and next-token tables
    generate none.
    """

    batches: int = 0
    requests: int = 0
    drawn: int = 0
    reused: int = 0
    repeated: int = 0
    failed: int = 0
    rollouts_drawn: int = 0
    rollouts_reused: int = 0
    tokens_drawn: int = 0
    tokens_reused: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchStarted:
    """A batch was looked up: ``missing`` of its ``requests`` distinct requests go to the backend."""

    batch: int
    requests: int
    missing: int
    ahead: int | None = None
    """How many requests the experiment makes after this batch; None where it cannot say."""
    at_most: bool = False
    """Whether ``ahead`` is only a bound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """How long the whole run still takes, all experiments and all their batches."""

    seconds: float
    at_most: bool
    """Whether a part of it is only a bound, because the measure stops when it is precise enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchProgress:
    """``done`` of the ``total`` missing requests of a batch are answered; tokens and seconds count from its start.

    ``spent``: what a metered backend has used since it was made.
    """

    batch: int
    done: int
    total: int
    tokens: int
    seconds: float
    spent: Spent | None = None
    left: Left | None = None

    @property
    def tokens_per_second(self) -> float | None:
        """Tokens generated per second in this batch, or None before any time has passed."""
        return self.tokens / self.seconds if self.seconds > 0 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchFinished:
    """A batch is answered and stored."""

    batch: int
    counts: RunCounts
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopping:
    """The run was interrupted: nothing more is begun, and what is under way is waited for."""

    batch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The experiment returned its result. ``spent``: what a metered backend has used since it was made."""

    counts: RunCounts
    seconds: float
    spent: Spent | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended(Generic[ResultT]):
    """How one of many experiments ended."""

    name: str
    """The name it was given."""
    counts: RunCounts
    """What it asked for and where the answers came from; what another experiment drew at the same time is reused."""
    result: ResultT | None = None
    """What it returned, where it was not ended by an error."""
    error: TokenworthError | None = None
    """What ended it early."""

    def value(self) -> ResultT:
        """The result. Raises the error that ended the experiment."""
        if self.error is not None:
            raise self.error
        return self.result  # pyright: ignore[reportReturnType]


@dataclass(frozen=True, slots=True, kw_only=True)
class ManyProgress:
    """How far a run of many experiments is."""

    ended: int
    total: int | None
    """How many there are; None where that is not known."""
    tokens: int
    """Generated so far, in those under way too."""
    seconds: float
    spent: Spent | None = None
    left: Left | None = None


RunEvent = BatchStarted | BatchProgress | BatchFinished | Stopping | Finished | ManyProgress
OnEvent = Callable[[RunEvent], None]
OnNamedEvent = Callable[[str, RunEvent], None]
"""Is told the name of the experiment and what happened."""
Clock = Callable[[], float]
"""Seconds from any fixed moment, never going back."""


def added(one: RunCounts, other: RunCounts) -> RunCounts:
    """The counts of two runs together."""
    return RunCounts(**{name: getattr(one, name) + getattr(other, name) for name in RunCounts.__dataclass_fields__})
