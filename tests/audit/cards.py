"""Cards of toy checkers, for the tests of the audit."""

from __future__ import annotations

import numpy as np

from tests.audit.formal import SURFACES
from tokenworth.tasks.audit.attack import Check, Claim
from tokenworth.tasks.audit.card import Card, audit


def card_of(kind: str, check: Check, *, items: int = 6, seed: int = 0, limit_s: float = 20.0) -> Card:
    """The card of a checker on drawn items of a kind."""
    surface = SURFACES[kind]
    drawn = surface.make(items, np.random.default_rng(seed))
    return audit(check, surface, drawn, grader="toy", version="1", seed=seed, limit_s=limit_s)


def fooled(card: Card) -> dict[str, str]:
    """The attacks of wrong answers that got one accepted, with a witness each."""
    return {row.attack: row.witness.text for row in card.rows if row.claim is Claim.WRONG and row.accepted and row.witness}
