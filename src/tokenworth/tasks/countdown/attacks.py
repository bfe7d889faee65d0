"""The answer checks of Countdown as `audit` attacks them: the critic of expressions, and the verifier."""

from __future__ import annotations

import re

from tokenworth.core.problem import Problem
from tokenworth.tasks.audit.attack import Checker, as_prompted, verifying
from tokenworth.tasks.audit.hands import EXPRESSION
from tokenworth.tasks.audit.searches import COUNTDOWN
from tokenworth.tasks.countdown.domain import DOMAIN
from tokenworth.tasks.critics.expression import CountdownCritic


def _critic(problem: Problem) -> CountdownCritic:
    """The critic of the hand that a problem of the audit states; the target is its last number."""
    *numbers, target = (int(number) for number in re.findall(r"[0-9]+", problem.question))
    return CountdownCritic(numbers=tuple(numbers), target=target)


ATTACKS = (
    Checker(
        name="expression",
        version=f"countdown critic {CountdownCritic(numbers=(1,), target=1).version}",
        surface=EXPRESSION,
        check=lambda problem, text: _critic(problem).check(text).accepted,
    ),
    verifying(DOMAIN, COUNTDOWN, as_prompted),
)
"""The critic of expressions, and the verifier."""
