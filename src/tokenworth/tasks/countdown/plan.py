"""Whether a list of operations solves a puzzle, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations

from tokenworth.tasks.countdown.instance import Operation, Puzzle, WrittenNumber, left_over


def plan_faults(puzzle: Puzzle, plan: Sequence[Operation]) -> list[tuple[str, str, str]]:
    """What is wrong with a plan, as (code, expected, got); empty where it solves the puzzle.

    Each operation takes two numbers that are there, as a multiset, and puts its result in their place; every equation holds, all numbers
    are whole, and in the end one number is left, the target. Numbers below zero on the way are allowed.
    """
    hand: list[WrittenNumber] = list(puzzle.numbers)
    faults: list[tuple[str, str, str]] = []
    for step in plan:
        if not step.is_binary:
            faults.append(("PLAN_NOT_BINARY", "an operation on two numbers", step.text))
        stay, missing = left_over(hand, step.operands)
        if missing:
            faults.append(("PLAN_NOT_AVAILABLE", f"numbers of {hand}", step.text))
        if step.has_fraction:
            faults.append(("PLAN_FRACTION", "a whole number", step.text))
        if not step.holds():
            faults.append(("PLAN_WRONG_RESULT", "an equation that holds", step.text))
        hand = [*stay, step.result]
    if not hand or hand[-1] != puzzle.target:
        faults.append(("PLAN_NOT_TARGET", str(puzzle.target), str(hand[-1]) if hand else "nothing"))
    if len(hand) > 1:
        faults.append(("PLAN_UNUSED", "one number left", str(hand)))
    return faults


@lru_cache(maxsize=256)
def is_solvable(puzzle: Puzzle, limit: int = 20_000) -> bool | None:
    """Whether operations as `plan_faults` allows them lead to the target; None where ``limit`` states do not suffice to tell."""
    seen = {tuple(sorted(puzzle.numbers))}
    stack = list(seen)
    while stack and len(seen) <= limit:
        state = stack.pop()
        if state == (puzzle.target,):
            return True
        for i, j in combinations(range(len(state)), 2):
            a, b = state[i], state[j]
            results = [a + b, a * b, a - b, b - a, *(x // y for x, y in ((a, b), (b, a)) if y and x % y == 0)]
            made = {tuple(sorted((*state[:i], *state[i + 1 : j], *state[j + 1 :], result))) for result in results} - seen
            seen |= made
            stack += made
    return None if stack else False
