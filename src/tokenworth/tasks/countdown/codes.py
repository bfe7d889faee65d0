"""The rules of a written search by code: what each is about, and which of them the literature reports."""

from __future__ import annotations

from collections.abc import Mapping

from tokenworth.core.verification import Tier

CODES: Mapping[str, Tier] = {
    "PROBLEM_PARSE": Tier.SYNTAX,
    "PARSE": Tier.SYNTAX,
    "NOT_BINARY": Tier.SYNTAX,
    "ORDER": Tier.ORDER,
    "WRONG_TARGET": Tier.NUMBERS,
    "WRONG_RESULT": Tier.NUMBERS,
    "NOT_AVAILABLE": Tier.NUMBERS,
    "WRONG_REMAINING": Tier.NUMBERS,
    "NEGATIVE": Tier.NUMBERS,
    "FRACTION": Tier.NUMBERS,
    "WRONG_STATE": Tier.LISTS,
    "WRONG_HISTORY": Tier.LISTS,
    "NO_PARENT": Tier.LISTS,
    "WRONG_PARENT": Tier.LISTS,
    "WRONG_INDEX": Tier.LISTS,
    "NODE_AGAIN": Tier.LISTS,
    "NO_NODE": Tier.LISTS,
    "EXPLORED_AGAIN": Tier.COMPLETENESS,
    "FALSE_GOAL": Tier.END,
    "FALSE_FAIL": Tier.END,
    "NO_CONCLUSION": Tier.END,
    "AFTER_END": Tier.END,
    "CHILD_ORDER": Tier.POLICY,
    "MOVE_ORDER": Tier.POLICY,
    "LIST_ORDER": Tier.POLICY,
    "EARLY_END": Tier.POLICY,
    "PLAN_NOT_BINARY": Tier.ANSWER,
    "PLAN_NOT_AVAILABLE": Tier.ANSWER,
    "PLAN_WRONG_RESULT": Tier.ANSWER,
    "PLAN_FRACTION": Tier.ANSWER,
    "PLAN_NOT_TARGET": Tier.ANSWER,
    "PLAN_UNUSED": Tier.ANSWER,
    "PLAN_NOT_FOUND": Tier.LINK,
}
"""Every code with the kind of rule it is of."""

BUCKETS: Mapping[str, tuple[str, ...]] = {
    "arithmetic": ("WRONG_RESULT",),
    "exploration": ("NO_PARENT", "NODE_AGAIN", "NO_NODE"),
    "formatting": ("PARSE", "NOT_BINARY", "NEGATIVE", "FRACTION"),
    "other": ("NOT_AVAILABLE", "WRONG_REMAINING"),
}
"""The four published classes of errors. Source: Gandhi et al. 2024, arXiv 2404.03683, analysis of errors."""

PAPER = frozenset(code for codes in BUCKETS.values() for code in codes)
"""The codes of the published classes."""
