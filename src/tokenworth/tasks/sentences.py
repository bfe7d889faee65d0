"""What error codes mean, in sentences for a reader: those that several domains share; and codes listed by tier."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tokenworth.core.verification import Tier

COMMON: Mapping[str, str] = {
    "PARSE": "This clause does not follow the grammar of the dialect.",
    "OOB": "The cell lies outside the grid.",
    "WALL": "The cell is a wall of the problem.",
    "NOT_ADJ": "The created cell is not a neighbour of the cell that was closed last.",
    "NO_EXPANSION": "A cell is created before any cell was closed, so nothing is being expanded.",
    "WRONG_H": "The second cost is not the distance to the goal.",
    "WRONG_G": "The first cost is not one more than that of the cell being expanded.",
    "G_MISMATCH": "The cell is closed with another cost from the start than it was opened with.",
    "NOT_OPEN": "The cell is closed although it is not open: it was never created.",
    "CLOSED_AGAIN": "The cell was closed before, and is closed a second time.",
    "DUP_CREATE": "The cell is already open, at the same or a lower cost.",
    "REOPEN": "The cell was closed before, and is created again.",
    "NOT_MIN_F": "Another open cell has a smaller sum of costs and should be closed first.",
    "TIE_ORDER": "Several open cells share the smallest sum of costs; the solver of this dialect takes another one first.",
    "CHILD_ORDER": "The solver of this dialect creates the neighbours of a cell in another order.",
    "MISSING_CHILD": "A neighbour that can be reached was not created before the next cell was closed.",
    "AFTER_GOAL": "The search continues after the goal was closed.",
    "GOAL_NOT_CLOSED": "The trace ends without closing the goal.",
    "PLAN_NOT_PARENTS": "The plan is not the path that the trace itself found.",
    "PLAN_PARSE": "The plan does not follow the grammar of the dialect.",
    "PLAN_START": "The plan does not begin at the start.",
    "PLAN_STEP": "Two neighbouring places of the plan are not one step apart.",
    "PLAN_WALL": "The plan goes through a wall.",
    "PLAN_GOAL": "The plan does not end at the goal.",
    "PLAN_SUBOPT": "A shorter plan exists.",
    "PLAN_TWICE": "The text gives more than one answer, and not all of them solve the problem.",
    "UNSOLVABLE": "The problem has no solution: nothing leads from its start to its goal.",
}
"""Codes of a search that is written down, and of its plan."""
TIERS: Mapping[Tier, str] = {
    Tier.SYNTAX: "The text does not follow the grammar of the dialect.",
    Tier.GEOMETRY: "The event is impossible in the problem as given.",
    Tier.ORDER: "An event of this kind cannot come here.",
    Tier.NUMBERS: "A number is not what the rules give.",
    Tier.LISTS: "The event contradicts what the trace itself holds open or closed.",
    Tier.POLICY: "The solver would take another one first.",
    Tier.COMPLETENESS: "Something that the solver writes is missing.",
    Tier.END: "The trace ends too early or too late.",
    Tier.LINK: "The plan is not the one that the trace found.",
    Tier.ANSWER: "The plan does not solve the problem as well as it should.",
}
"""What all codes of a tier have in common."""


def sentences(codes: Iterable[str], own: Mapping[str, str]) -> Mapping[str, str]:
    """A sentence for each code: the domain's own, else the common one."""
    return {code: own.get(code) or COMMON[code] for code in codes}


def by_tier(codes: Mapping[Tier, str]) -> Mapping[str, Tier]:
    """The tier of each code; ``codes``: those of a tier, with spaces between."""
    return {code: tier for tier, names in codes.items() for code in names.split()}
