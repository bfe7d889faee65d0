"""What the name of a maze task says: ``maze:FAMILY/SIDE[/SPLIT]``."""

from __future__ import annotations

from collections.abc import Mapping

from tokenworth.core.problem import Problem
from tokenworth.errors import InvalidInput, unknown_name

FAMILIES = ("wilson", "kruskal", "dfs", "drunkards-walk", "searchformer")
"""Names of the generators."""
SPLITS = ("train", "test")


def parse_spec(rest: str) -> tuple[str, int, str]:
    """(family, side, split) of what follows ``maze:`` in a task spec; the split is ``test`` unless named."""
    family, _, more = rest.partition("/")
    side, _, split = more.partition("/")
    if family not in FAMILIES:
        raise unknown_name("maze family", family, FAMILIES)
    if not (side.isascii() and side.isdecimal() and 3 <= int(side[:4]) <= 100):
        raise InvalidInput(f"maze task {rest!r}: expected FAMILY/SIDE with a side from 3 to 100, as in maze:{family}/7")
    if split and split not in SPLITS:
        raise unknown_name("split of a maze task", split, SPLITS)
    return family, int(side), split or "test"


def given(problem: Problem) -> Mapping[str, object]:
    """Rows and cols of the problems of a maze task; nothing for another task, where the size follows from the question."""
    if not problem.task.startswith("maze:"):
        return {}
    side = parse_spec(problem.task.removeprefix("maze:"))[1]
    return {"rows": side, "cols": side}
