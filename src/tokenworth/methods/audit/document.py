"""What audits found, as a document."""

from __future__ import annotations

from dataclasses import dataclass

from tokenworth.core.document import Provenance
from tokenworth.tasks.audit.card import Card


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditDoc:
    """A card of each checker that was attacked."""

    schema: str = "tokenworth.audit/2"
    cards: tuple[Card, ...]
    provenance: Provenance
