"""The rules a plan can break: a code each, what kind of rule it is, and the dialects of plans."""

from __future__ import annotations

from collections.abc import Mapping

from tokenworth.core.verification import Strictness, Tier
from tokenworth.tasks.blocksworld.grammar import PDDL, TEXT
from tokenworth.tasks.sentences import sentences

CODES: Mapping[str, Tier] = {
    "PROBLEM_PARSE": Tier.SYNTAX,
    "PLAN_PARSE": Tier.ANSWER,
    "PLAN_ACTION": Tier.ANSWER,
    "PLAN_PRECONDITION": Tier.ANSWER,
    "PLAN_GOAL": Tier.ANSWER,
    "PLAN_TWICE": Tier.ANSWER,
    "PLAN_VALIDATOR": Tier.ANSWER,
}
"""Every code with its tier."""
SENTENCES = sentences(
    CODES,
    {
        "PROBLEM_PARSE": "The problem cannot be read.",
        "PLAN_PARSE": "This line of the plan is not an action.",
        "PLAN_ACTION": "The problem has no such action or object.",
        "PLAN_PRECONDITION": "The action is not possible in the state it meets.",
        "PLAN_GOAL": "At the end of the plan a goal is not reached.",
        "PLAN_VALIDATOR": "The two replays of the plan disagree.",
    },
)
"""What each code means, for a reader."""

DIALECTS: Mapping[str, tuple[Strictness, ...]] = dict.fromkeys((PDDL, TEXT), (Strictness.PAPER, Strictness.STRICT))
"""PDDL actions, or PlanBench's sentences; ties between equal choices mean nothing for a plan, so that strictness is not offered."""
