"""The rules a Sokoban trace can break: a code each, what kind of rule it is, and at which strictness it counts."""

from __future__ import annotations

from collections.abc import Mapping

from tokenworth.core.verification import Strictness, Tier
from tokenworth.tasks.sentences import by_tier, sentences

CODES = by_tier(
    {
        Tier.SYNTAX: "PARSE",
        Tier.GEOMETRY: "OOB WALL NOT_ADJ BAD_PUSH BOX_COUNT",
        Tier.ORDER: "NO_EXPANSION",
        Tier.NUMBERS: "WRONG_H WRONG_G G_MISMATCH",
        Tier.LISTS: "NOT_OPEN CLOSED_AGAIN DUP_CREATE REOPEN",
        Tier.POLICY: "NOT_MIN_F CHILD_ORDER",
        Tier.COMPLETENESS: "MISSING_CHILD",
        Tier.END: "AFTER_GOAL GOAL_NOT_CLOSED",
        Tier.LINK: "PLAN_NOT_PARENTS",
        Tier.ANSWER: "PLAN_PARSE PLAN_START PLAN_STEP PLAN_WALL PLAN_PUSH PLAN_GOAL PLAN_SUBOPT UNSOLVABLE",
    }
)
"""Every code with its tier."""
SENTENCES = sentences(
    CODES,
    {
        "NOT_ADJ": "No single move from the state that was closed last leads to this one.",
        "BAD_PUSH": "The boxes are not where a push, or a move without one, leaves them.",
        "BOX_COUNT": "A box is missing, written twice, or written where none can stand.",
        "NOT_OPEN": "The state is closed although it is not open: it was never created.",
        "GOAL_NOT_CLOSED": "The trace ends without closing a state with every box on a dock.",
        "PLAN_PUSH": "The plan pushes a box into a wall or another box.",
        "PLAN_GOAL": "At the end of the plan a box is on no dock.",
    },
)
"""What each code means, for a reader."""

_PLAN = {code for code, tier in CODES.items() if not tier.is_of_trace}
_PAPER = {"PARSE", "OOB", "WALL", "NOT_ADJ", "BAD_PUSH", "BOX_COUNT", "CLOSED_AGAIN", "NOT_OPEN", "NOT_MIN_F", "GOAL_NOT_CLOSED"}

ACTIVE: Mapping[Strictness, frozenset[str]] = {
    Strictness.PAPER: frozenset(_PAPER | _PLAN),
    Strictness.STRICT: frozenset(CODES) - {"CHILD_ORDER"},
    Strictness.TIES: frozenset(CODES),
}
"""The codes that count, by strictness. ``paper``: parsing error, invalid neighbour (OOB, WALL, NOT_ADJ, BAD_PUSH, BOX_COUNT), already
closed, not in the open list, not lowest f, goal not reached.

Source: Stechly et al. 2025, arXiv 2505.13775, the validator's error classes. Differs: they are of mazes; the two about boxes are ours.
"""

DIALECTS: Mapping[str, tuple[Strictness, ...]] = {
    "searchformer-nondeterministic": (Strictness.PAPER, Strictness.STRICT),
    "searchformer": tuple(Strictness),
}
"""One language; of the second the order of children is known, and checked at ``strict+ties``.

The order of open states of equal f is known of neither. In the deterministic search it is that of Python's hash of the drawn level, whose
key is drawn anew by each process. As long as no state is closed twice, some fixed order of states explains every choice.
"""
