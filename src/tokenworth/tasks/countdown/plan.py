"""Whether a list of operations solves a puzzle, exactly."""

from __future__ import annotations

from collections.abc import Sequence

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
        if step.is_right is False:
            faults.append(("PLAN_WRONG_RESULT", "an equation that holds", step.text))
        hand = [*stay, step.result]
    if not hand or hand[-1] != puzzle.target:
        faults.append(("PLAN_NOT_TARGET", str(puzzle.target), str(hand[-1]) if hand else "nothing"))
    if len(hand) > 1:
        faults.append(("PLAN_UNUSED", "one number left", str(hand)))
    return faults
