"""Runs that a budget ended: what of the last batch may be used, and how a result names its end."""

from __future__ import annotations

from tokenworth.core.request.experiment import BudgetSpent
from tokenworth.core.request.kind import Response

BUDGET_SPENT = "budget spent"
"""The method's own limit of rollouts or tokens was reached."""
MONEY_SPENT = "money spent"
"""The backend's limit was reached: nothing more may be drawn."""


def answered_first(spent: BudgetSpent) -> tuple[Response, ...]:
    """The answers up to the first request that has none; they run parallel to the batch's beginning.

    Requests are issued in order and all that were issued are waited for, so up to there nothing is chosen by what it came to. Behind
    the gap stands only what an earlier run had stored; if that run was killed, these are the replies that were short enough to
    arrive before, and they would bias the estimate.
    """
    gap = next((i for i, answer in enumerate(spent.answers) if answer is None), len(spent.answers))
    return tuple(answer for answer in spent.answers[:gap] if answer is not None)
