"""Recorded loops, judged again, as a document."""

from __future__ import annotations

from dataclasses import dataclass

from tokenworth.core.document import Provenance
from tokenworth.methods.replay.loops import ReplayedStep, ReplaySummary
from tokenworth.tasks.critics.critic import Acceptance


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedLoopDoc:
    """One recorded loop."""

    id: str
    accepted_at: int | None
    """Index of the first step that the verifier accepts."""
    disagreements: tuple[int, ...]
    """Steps whose verdict differs from the recorded one."""
    steps: tuple[ReplayedStep, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayDoc:
    """Recorded loops and what a verifier says of every step."""

    schema: str = "tokenworth.replay/1"
    verifier: Acceptance
    summary: ReplaySummary
    loops: tuple[RecordedLoopDoc, ...]
    provenance: Provenance
