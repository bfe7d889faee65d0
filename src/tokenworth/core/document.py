"""What result documents are made of: the model, the trace, where the numbers come from, and the checks they share.

A document is JSON-shaped (strings, numbers, tuples, mappings) so that it survives a file unchanged; each measure defines its own beside
its method. Numbers that do not exist are ``None``, never 0. Cut ``c`` keeps ``c`` trace tokens (0 to T); per-cut lists run parallel to
``cuts``, per-token lists to ``trace.pieces``. The colour of token ``i`` is the value at cut ``i + 1``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Sized
from dataclasses import dataclass, field
from math import isfinite
from typing import Literal, Protocol, runtime_checkable

from tokenworth.core.grade import Grade
from tokenworth.core.problem import Problem
from tokenworth.core.request.next_token import NextTokenTable
from tokenworth.core.tokens import Codec, Trace, pieces_text
from tokenworth.errors import InvalidInput

Number = float | None
"""A measured number, or None where nothing was measured."""
VERDICTS = ("correct", "incorrect", "unknown")
_ROUNDING = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDoc:
    """Which model made the tokens; ``fingerprint`` is a hash of weights, config and tokenizer (empty if unknown)."""

    name: str
    fingerprint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceDoc:
    """A base trace and the answer that followed it.

    ``pieces`` are the T trace units as text (a token that holds part of a character only is shown as its bytes,
    ``⟨E2 80⟩``); ``answer_pieces`` is everything from the close marker on, a hard wall that no curve crosses.
    ``probabilities`` are q_c of each trace token under the run's sampling; ``logprobs`` are raw (nats).
    """

    unit: Literal["token", "sentence"]
    pieces: tuple[str, ...]
    answer_pieces: tuple[str, ...] = ()
    ids: tuple[int, ...] | None = None
    answer_ids: tuple[int, ...] | None = None
    probabilities: tuple[Number, ...] | None = None
    logprobs: tuple[Number, ...] | None = None
    prompt: str = ""
    prompt_ids: tuple[int, ...] | None = None
    outcome: str | None = None
    verdict: str = "unknown"
    stop: str = ""

    def __post_init__(self) -> None:
        count = len(self.pieces)
        check_length(self.ids, count, "trace.ids", "trace.pieces")
        check_length(self.answer_ids, len(self.answer_pieces), "trace.answer_ids", "trace.answer_pieces")
        check_length(self.probabilities, count, "trace.probabilities", "trace.pieces")
        check_length(self.logprobs, count, "trace.logprobs", "trace.pieces")
        check_unit(self.probabilities, "trace.probabilities")
        if self.verdict not in VERDICTS:
            raise InvalidInput(f"trace.verdict is {self.verdict!r}, expected {', '.join(VERDICTS)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where the numbers come from; counts are of the run that made the document."""

    version: str
    """Of the package."""
    created: str = ""
    """UTC, ISO 8601."""
    command: str = ""
    source: str = ""
    """Files that were read."""
    store: str = ""
    """File name of the store."""
    drawn: int = 0
    """Requests that a model answered."""
    reused: int = 0
    """Requests that the store answered."""
    tokens_drawn: int = 0
    """Tokens generated in the drawn rollouts."""
    retried: int = 0
    """Requests sent again after a transport failure; this and what follows is of servers only."""
    errors: int = 0
    """Replies that could not be used."""
    tokens_cached: int = 0
    """Prompt tokens from the server's cache."""
    cost: Number = None
    """Money, in the unit of the price table."""
    server: str = ""
    reader: str = ""
    """The model that read on where the trace of the document's model is kept; empty where that model did so itself."""
    second_look: str = ""
    """How many answers the model itself read, and how; empty where rules read them all."""
    control_tokens: int = 0
    """Control tokens that the text of the problem spells, such as the end of a trace; they were read as text."""

    def __post_init__(self) -> None:
        for name in ("drawn", "reused", "tokens_drawn", "retried", "errors", "tokens_cached", "cost", "control_tokens"):
            count: float | None = getattr(self, name)
            if count is not None and count < 0:
                raise InvalidInput(f"provenance.{name} is {count}, expected a number ≥ 0")


@runtime_checkable
class Document(Protocol):
    """A result file as a value: what `--json` writes, importers produce and reports read."""

    @property
    def schema(self) -> str:
        """``tokenworth.NAME/VERSION``: names the class that reads it."""
        ...

    @property
    def provenance(self) -> Provenance:
        """Where its numbers come from."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a document says of a run beyond its numbers."""

    problem: Problem | None = None
    """Of a document of one problem."""
    model: ModelDoc = field(default_factory=lambda: ModelDoc(name=""))
    provenance: Provenance
    task: str = ""
    items: tuple[str, ...] = ()
    """All that were asked for."""
    failed: int = 0
    """Of these, those that could not be done."""


def numbers(values: Iterable[float]) -> tuple[Number, ...]:
    """Floats with None for NaN and infinities: a number that does not exist is not 0."""
    return tuple(float(v) if isfinite(v) else None for v in values)


def trace_doc(trace: Trace, grade: Grade, codec: Codec, table: NextTokenTable | None = None) -> TraceDoc:
    """A trace with its text pieces; probabilities when q_c is known."""
    completion = trace.sequence.completion
    pieces = pieces_text(codec.piece_bytes(completion))
    n = trace.n_trace
    return TraceDoc(
        unit="token",
        pieces=pieces[:n],
        answer_pieces=pieces[n:],
        ids=completion[:n],
        answer_ids=completion[n:],
        probabilities=None if table is None else numbers(table.p[:n]),
        logprobs=None if table is None else numbers(table.logprob[:n]),
        prompt=codec.decode(trace.sequence.prompt),
        prompt_ids=trace.sequence.prompt,
        outcome=grade.outcome,
        verdict=str(grade.verdict),
        stop=str(trace.stop),
    )


def token_text(codec: Codec, token: int) -> str:
    """A token as its piece; empty for none."""
    return pieces_text(codec.piece_bytes((token,)))[0] if token >= 0 else ""


def stopped_notes(what: str) -> tuple[str, ...]:
    """What is said of a run that a budget ended before all was done."""
    return (f"stopped by the budget: {what}",) if what else ()


# -- checks ---------------------------------------------------------------------------------------------------------------------------


def check_length(values: Sized | None, count: int, name: str, other: str) -> None:
    """Refuses a list that does not run parallel to another."""
    if values is not None and len(values) != count:
        raise InvalidInput(f"{name} has {len(values)} entries, expected {count}, one for each of {other}")


def check_unit(values: Sequence[Number] | None, name: str, *, least: int = 0) -> None:
    """Refuses numbers outside of 0, or ``least``, to 1."""
    for value in values or ():
        if value is not None and not least - _ROUNDING <= value <= 1 + _ROUNDING:
            raise InvalidInput(f"{name} holds {value}, expected numbers from {least} to 1 or null")


def check_not_below(low: Sequence[Number], high: Sequence[Number], name: str) -> None:
    """Refuses upper bounds that lie below the lower ones."""
    for least, most in zip(low, high, strict=False):
        if least is not None and most is not None and most < least - _ROUNDING:
            raise InvalidInput(f"{name} holds {most} where the lower bound is {least}, expected no less than that")


def check_document_level(level: float) -> None:
    """Refuses a level that no interval has."""
    if not (isfinite(level) and 0 < level < 1):
        raise InvalidInput(f"level is {level}, expected a number between 0 and 1")


def check_cuts(cuts: Sequence[int], n_trace: int, name: str) -> None:
    """Refuses cuts that do not rise within 0 to T."""
    before = -1
    for cut in cuts:
        if not before < cut <= n_trace:
            raise InvalidInput(f"{name}: cut {cut} after {before}; expected rising cuts from 0 to {n_trace}, the length of the trace")
        before = cut
