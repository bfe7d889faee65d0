"""The rules of a written search by code: what each is about, and which of them the literature reports."""

from __future__ import annotations

from collections.abc import Mapping

from tokenworth.core.verification import Strictness, Tier
from tokenworth.tasks.sentences import by_tier, sentences

CODES = by_tier(
    {
        Tier.SYNTAX: "PROBLEM_PARSE PARSE NOT_BINARY",
        Tier.ORDER: "ORDER",
        Tier.NUMBERS: "WRONG_TARGET WRONG_RESULT NOT_AVAILABLE WRONG_REMAINING NEGATIVE FRACTION",
        Tier.LISTS: "WRONG_STATE WRONG_HISTORY NO_PARENT WRONG_PARENT WRONG_INDEX NODE_AGAIN NO_NODE",
        Tier.COMPLETENESS: "EXPLORED_AGAIN",
        Tier.END: "FALSE_GOAL FALSE_FAIL NO_CONCLUSION AFTER_END",
        Tier.POLICY: "CHILD_ORDER MOVE_ORDER LIST_ORDER EARLY_END",
        Tier.ANSWER: "PLAN_NONE PLAN_NOT_BINARY PLAN_NOT_AVAILABLE PLAN_WRONG_RESULT PLAN_FRACTION PLAN_NOT_TARGET PLAN_UNUSED "
        "PLAN_TWICE UNSOLVABLE",
        Tier.LINK: "PLAN_NOT_FOUND",
    }
)
"""Every code with the kind of rule it is of."""
SENTENCES = sentences(
    CODES,
    {
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
        "FALSE_GOAL": "A goal is claimed although the target is not reached.",
        "FALSE_FAIL": "The target is reached, and not noticed.",
        "NO_CONCLUSION": "The trace ends with neither a goal nor the end of the search.",
        "AFTER_END": "The search continues after its conclusion.",
        "CHILD_ORDER": "No known solver explores this operation next.",
        "MOVE_ORDER": "No known solver moves to this node next.",
        "LIST_ORDER": "No known solver writes the numbers or operations in this order.",
        "EARLY_END": "A known solver would continue here.",
        "PLAN_NONE": "The goal is never claimed, so that there is no answer.",
        "PLAN_NOT_BINARY": "The answer has an operation that is not one on two numbers.",
        "PLAN_NOT_AVAILABLE": "The answer takes a number that is not left.",
        "PLAN_WRONG_RESULT": "The answer has an equation that does not hold.",
        "PLAN_FRACTION": "The answer has a result that is not a whole number.",
        "PLAN_NOT_TARGET": "The answer does not reach the target.",
        "PLAN_UNUSED": "The answer leaves numbers unused.",
        "PLAN_NOT_FOUND": "The answer is not a path that the search found.",
    },
)
"""What each code means, for a reader."""

DIALECTS: Mapping[str, tuple[Strictness, ...]] = {
    "stream-of-search": tuple(Strictness),
    "optimal-path": (Strictness.PAPER, Strictness.STRICT),
    "react": (Strictness.PAPER, Strictness.STRICT),
}
"""How strictly each dialect can be checked: only of the first are the solvers known."""

BUCKETS: Mapping[str, tuple[str, ...]] = {
    "arithmetic": ("WRONG_RESULT",),
    "exploration": ("NO_PARENT", "NODE_AGAIN", "NO_NODE"),
    "formatting": ("PARSE", "NOT_BINARY", "NEGATIVE", "FRACTION"),
    "other": ("NOT_AVAILABLE", "WRONG_REMAINING"),
}
"""The four published classes of errors. Source: Gandhi et al. 2024, arXiv 2404.03683, analysis of errors."""

PAPER = frozenset(code for codes in BUCKETS.values() for code in codes)
"""The codes of the published classes."""
