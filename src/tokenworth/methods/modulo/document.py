"""Generate-and-test loops as a document: arms over all problems, and the loop on each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from tokenworth.core.document import ModelDoc
from tokenworth.core.sampling import Sampling

MODULO_SCHEMA = "tokenworth.modulo/1"

Scalar: TypeAlias = str | int | float | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CountDoc:
    """k of n with its limits."""

    k: int
    n: int
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedDoc:
    """An arm against the loop over the same problems: how many both, either and neither solved, and the difference of the shares."""

    both: int
    first_only: int
    second_only: int
    neither: int
    difference: float
    low: float
    high: float
    p: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmDoc:
    """One way to pick answers from the shared draws. ``versus``: against the loop, None for the loop itself."""

    name: str
    solved: CountDoc
    answered: CountDoc
    right_of_answered: CountDoc
    n_unknown: int
    n_wrong: int
    tokens: int
    draws: int
    versus: PairedDoc | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierDoc:
    """Who accepted an answer."""

    critic: str
    version: str
    level: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptDoc:
    """One answer of the loop and what the verifier said of it; ``outcome`` and ``verdict`` are the grader's."""

    outcome: str
    verdict: str
    accepted: bool
    accepted_by: tuple[VerifierDoc, ...]
    messages: tuple[str, ...]
    prompt_tokens: int
    generated_tokens: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopDoc:
    """The loop on one problem. ``accepted``: index of the accepted attempt. ``correct``: None where no one knows or none was accepted.

    ``draws``: the stream that the arms share, as the method judged it.
    """

    id: str
    stopped: str
    accepted: int | None
    correct: bool | None
    generated_tokens: int
    read_tokens: int
    unresolved: str
    attempts: tuple[AttemptDoc, ...]
    draws: tuple[Mapping[str, Scalar], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeDoc:
    """Which version made a document, when (UTC, ISO 8601) and by which command."""

    version: str
    created: str
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuloDoc:
    """Generate-and-test loops and the arms they are compared with. ``plan``: the settings by name.

    ``short``: problems whose shared draws end before the budget; ``failed``: problems that could not be run.
    """

    schema: str = MODULO_SCHEMA
    model: ModelDoc
    task: str
    verifiers: tuple[VerifierDoc, ...]
    is_sound: bool
    plan: Mapping[str, Scalar]
    sampling: Sampling
    arms: tuple[ArmDoc, ...]
    items: tuple[LoopDoc, ...]
    failed: int
    short: int
    provenance: MadeDoc
