"""A world in which one rule is dropped: where the answers are found that only a checker without that rule accepts."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

S = TypeVar("S", bound=Hashable)
M = TypeVar("M")


def cheat(
    first: S,
    moves: Callable[[S], Iterable[tuple[M, S, bool]]],
    is_goal: Callable[[S], bool],
    *,
    limit: int = 20_000,
    any_length: bool = False,
) -> tuple[M, ...] | None:
    """Moves that lead to a goal and break the dropped rule at least once; None where ``limit`` states show none.

    ``moves``: what can be done in a state once the rule is dropped: the move, the state after it, and whether the rule forbids it. The list
    is a shortest one, or with ``any_length`` the first that a search in depth meets. As no other rule is broken, a checker that lacks this
    one alone accepts it, and a checker that has them all stops at the first forbidden move.
    """
    start: tuple[S, bool] = (first, False)
    before: dict[tuple[S, bool], tuple[tuple[S, bool], M] | None] = {start: None}
    waiting: deque[tuple[S, bool]] = deque([start])
    while waiting and len(before) < limit:
        at = waiting.pop() if any_length else waiting.popleft()
        if at[1] and is_goal(at[0]):
            found: list[M] = []
            while (came := before[at]) is not None:
                at, move = came
                found.append(move)
            return tuple(found[::-1])
        for move, state, is_forbidden in moves(at[0]):
            after = (state, at[1] or is_forbidden)
            if after not in before:
                before[after] = (at, move)
                waiting.append(after)
    return None
