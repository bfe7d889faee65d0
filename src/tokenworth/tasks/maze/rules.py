"""The rules a maze trace can break: a code each, what kind of rule it is, and at which strictness it counts."""

from __future__ import annotations

from collections.abc import Mapping

from tokenworth.core.verification import Strictness, Tier
from tokenworth.tasks.sentences import by_tier, sentences

CODES = by_tier(
    {
        Tier.SYNTAX: "PARSE",
        Tier.GEOMETRY: "OOB WALL NOT_ADJ",
        Tier.ORDER: "NO_EXPANSION",
        Tier.NUMBERS: "WRONG_H WRONG_G G_MISMATCH",
        Tier.LISTS: "NOT_OPEN CLOSED_AGAIN DUP_CREATE REOPEN",
        Tier.POLICY: "NOT_MIN_F TIE_ORDER CHILD_ORDER",
        Tier.COMPLETENESS: "MISSING_CHILD",
        Tier.END: "AFTER_GOAL GOAL_NOT_CLOSED",
        Tier.LINK: "PLAN_NOT_PARENTS",
        Tier.ANSWER: "PLAN_PARSE PLAN_START PLAN_STEP PLAN_WALL PLAN_GOAL PLAN_SUBOPT PLAN_TWICE UNSOLVABLE",
    }
)
"""Every code with its tier."""
SENTENCES = sentences(CODES, {})
"""What each code means, for a reader."""

_TIES = frozenset({"TIE_ORDER", "CHILD_ORDER"})
_PLAN = frozenset(code for code, tier in CODES.items() if not tier.is_of_trace)
_PAPER = _PLAN | {"PARSE", "OOB", "WALL", "NOT_ADJ", "NO_EXPANSION", "CLOSED_AGAIN", "NOT_OPEN", "NOT_MIN_F", "GOAL_NOT_CLOSED"}

ACTIVE: Mapping[Strictness, frozenset[str]] = {
    Strictness.PAPER: frozenset(_PAPER),
    Strictness.STRICT: frozenset(CODES) - _TIES,
    Strictness.TIES: frozenset(CODES),
}
"""The codes that count, by strictness. ``paper``: parsing error, invalid neighbour (OOB, WALL, NOT_ADJ, NO_EXPANSION), already closed, not
in the open list, not lowest f, goal not reached.

Source: Stechly et al. 2025, arXiv 2505.13775, the validator's error classes.
"""
