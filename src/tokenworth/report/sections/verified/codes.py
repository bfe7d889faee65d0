"""What an error code means, in a sentence for a reader."""

from __future__ import annotations

from collections.abc import Mapping

from tokenworth.core.verification import Tier

_CODES = {
    "PARSE": "This clause does not follow the grammar of the dialect.",
    "OOB": "The cell lies outside the grid.",
    "WALL": "The cell is a wall of the problem.",
    "NOT_ADJ": "The created cell is no neighbour of the cell that was closed last.",
    "NO_EXPANSION": "A cell is created before any cell was closed, so nothing is being expanded.",
    "WRONG_H": "The second cost is not the distance to the goal.",
    "WRONG_G": "The first cost is not one more than that of the cell being expanded.",
    "G_MISMATCH": "The cell is closed with another cost from the start than it was opened with.",
    "NOT_OPEN": "The cell is closed although it is not open: it was never created.",
    "CLOSED_AGAIN": "The cell was closed before, and is closed a second time.",
    "DUP_CREATE": "The cell is open already, at a cost that is no higher.",
    "REOPEN": "The cell was closed before, and is created again.",
    "NOT_MIN_F": "Another open cell has a smaller sum of costs and should be closed first.",
    "TIE_ORDER": "Several open cells share the smallest sum of costs; the solver of this dialect takes another one first.",
    "CHILD_ORDER": "The solver of this dialect creates the neighbours of a cell in another order.",
    "MISSING_CHILD": "A neighbour that can be reached was not created before the next cell was closed.",
    "AFTER_GOAL": "The search goes on after the goal was closed.",
    "GOAL_NOT_CLOSED": "The trace ends without closing the goal.",
    "PLAN_NOT_PARENTS": "The plan is not the path that the trace itself found.",
    "PLAN_PARSE": "The plan does not follow the grammar of the dialect.",
    "PLAN_START": "The plan does not begin at the start.",
    "PLAN_STEP": "Two neighbouring places of the plan are not one step apart.",
    "PLAN_WALL": "The plan goes through a wall.",
    "PLAN_GOAL": "The plan does not end at the goal.",
    "PLAN_SUBOPT": "A shorter plan exists.",
}
_OF_DOMAIN: Mapping[str, Mapping[str, str]] = {
    "sokoban": {
        "NOT_ADJ": "No single move from the state that was closed last leads to this one.",
        "BAD_PUSH": "The boxes are not where a push, or a move without one, leaves them.",
        "BOX_COUNT": "A box is missing, written twice, or written where none can stand.",
        "NOT_OPEN": "The state is closed although it is not open: it was never created.",
        "GOAL_NOT_CLOSED": "The trace ends without closing a state with every box on a dock.",
        "PLAN_PUSH": "The plan pushes a box into a wall or another box.",
        "PLAN_GOAL": "At the end of the plan a box is on no dock.",
    },
    "countdown": {
        "PROBLEM_PARSE": "The prompt states no puzzle that can be read.",
        "PARSE": "This line does not follow the grammar of the dialect.",
        "NOT_BINARY": "The operation is not one on two numbers.",
        "ORDER": "A line of this kind cannot follow the one before it.",
        "WRONG_TARGET": "The target is not that of the problem.",
        "WRONG_RESULT": "The equation does not hold.",
        "NOT_AVAILABLE": "The operation takes a number that is not left.",
        "WRONG_REMAINING": "The numbers left are not those that the operation leaves.",
        "NEGATIVE": "The result is below 0.",
        "FRACTION": "The result is not a whole number.",
        "WRONG_STATE": "The numbers of the node are not those of the place in the search.",
        "WRONG_HISTORY": "The operations of the node are not those that led to it.",
        "NO_PARENT": "The node is a child of one that was never generated.",
        "WRONG_PARENT": "The node is generated under another one than is being explored.",
        "WRONG_INDEX": "The node does not have the next index of its parent.",
        "NODE_AGAIN": "The index was given to a node before.",
        "NO_NODE": "The search moves to a node that was never generated.",
        "EXPLORED_AGAIN": "The operation was explored at this node before.",
        "FALSE_GOAL": "A goal is claimed where the target is not reached.",
        "FALSE_FAIL": "The target is reached, and not noticed.",
        "NO_CONCLUSION": "The trace ends with neither a goal nor the end of the search.",
        "AFTER_END": "The search goes on after its conclusion.",
        "CHILD_ORDER": "No known solver explores this operation next.",
        "MOVE_ORDER": "No known solver moves to this node next.",
        "LIST_ORDER": "No known solver writes the numbers or operations in this order.",
        "EARLY_END": "A known solver would go on here.",
        "PLAN_NOT_BINARY": "The answer has an operation that is not one on two numbers.",
        "PLAN_NOT_AVAILABLE": "The answer takes a number that is not left.",
        "PLAN_WRONG_RESULT": "The answer has an equation that does not hold.",
        "PLAN_FRACTION": "The answer has a result that is not a whole number.",
        "PLAN_NOT_TARGET": "The answer does not reach the target.",
        "PLAN_UNUSED": "The answer leaves numbers unused.",
        "PLAN_NOT_FOUND": "The answer is no path that the search found.",
    },
    "blocksworld": {
        "PROBLEM_PARSE": "The problem cannot be read.",
        "PLAN_PARSE": "This line of the plan is no action.",
        "PLAN_ACTION": "The problem has no such action or object.",
        "PLAN_PRECONDITION": "The action is not possible in the state it meets.",
        "PLAN_GOAL": "At the end of the plan a goal is not reached.",
        "PLAN_VALIDATOR": "The two replays of the plan disagree.",
    },
}
_TIERS = {
    Tier.SYNTAX: "The text does not follow the grammar of the dialect.",
    Tier.GEOMETRY: "The event is impossible in the problem as given.",
    Tier.ORDER: "The event comes where none of its kind can.",
    Tier.NUMBERS: "A number is not what the rules give.",
    Tier.LISTS: "The event contradicts what the trace itself holds open or closed.",
    Tier.POLICY: "The solver would take another one first.",
    Tier.COMPLETENESS: "Something that the solver writes is missing.",
    Tier.END: "The trace ends too early or too late.",
    Tier.LINK: "The plan is not the one that the trace found.",
    Tier.ANSWER: "The plan does not solve the problem as well as it should.",
}


def explained(code: str, tier: Tier, domain: str = "") -> str:
    """The meaning of a code in a domain; of its tier where the code has no sentence of its own."""
    return _OF_DOMAIN.get(domain, {}).get(code) or _CODES.get(code) or _TIERS[tier]
