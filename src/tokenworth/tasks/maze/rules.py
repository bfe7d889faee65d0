"""The rules a maze trace can break: a code each, what kind of rule it is, and at which levels it counts."""

from __future__ import annotations

from collections.abc import Mapping

from tokenworth.core.verification import Level, Tier
from tokenworth.tasks.sentences import sentences

CODES: Mapping[str, Tier] = {
    "PARSE": Tier.SYNTAX,
    "OOB": Tier.GEOMETRY,
    "WALL": Tier.GEOMETRY,
    "NOT_ADJ": Tier.GEOMETRY,
    "NO_EXPANSION": Tier.ORDER,
    "WRONG_H": Tier.NUMBERS,
    "WRONG_G": Tier.NUMBERS,
    "G_MISMATCH": Tier.NUMBERS,
    "NOT_OPEN": Tier.LISTS,
    "CLOSED_AGAIN": Tier.LISTS,
    "DUP_CREATE": Tier.LISTS,
    "REOPEN": Tier.LISTS,
    "NOT_MIN_F": Tier.POLICY,
    "TIE_ORDER": Tier.POLICY,
    "CHILD_ORDER": Tier.POLICY,
    "MISSING_CHILD": Tier.COMPLETENESS,
    "AFTER_GOAL": Tier.END,
    "GOAL_NOT_CLOSED": Tier.END,
    "PLAN_NOT_PARENTS": Tier.LINK,
    "PLAN_PARSE": Tier.ANSWER,
    "PLAN_START": Tier.ANSWER,
    "PLAN_STEP": Tier.ANSWER,
    "PLAN_WALL": Tier.ANSWER,
    "PLAN_GOAL": Tier.ANSWER,
    "PLAN_SUBOPT": Tier.ANSWER,
}
"""Every code with its tier."""
SENTENCES = sentences(CODES, {})
"""What each code means, for a reader."""

_TIES = frozenset({"TIE_ORDER", "CHILD_ORDER"})
_PLAN = frozenset(code for code, tier in CODES.items() if not tier.is_of_trace)
_PAPER = _PLAN | {"PARSE", "OOB", "WALL", "NOT_ADJ", "NO_EXPANSION", "CLOSED_AGAIN", "NOT_OPEN", "NOT_MIN_F", "GOAL_NOT_CLOSED"}

ACTIVE: Mapping[Level, frozenset[str]] = {
    Level.PAPER: frozenset(_PAPER),
    Level.STRICT: frozenset(CODES) - _TIES,
    Level.TIES: frozenset(CODES),
}
"""The codes that count at a level. ``paper``: parsing error, invalid neighbour (OOB, WALL, NOT_ADJ, NO_EXPANSION), already closed, not
in the open list, not lowest f, goal not reached.

Source: Stechly et al. 2025, arXiv 2505.13775, the validator's error classes.
"""
