"""Rollouts that follow the base trace for a while: draws at every cut they pass.

A rollout from cut c whose first d − c tokens are the base's has got to cut d, and what it does from there is drawn from the law of
a rollout from d: the model sees the same prefix. So it is a draw at d too. Whether it got there says nothing about what comes after.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int


def followed(base: tuple[int, ...], cut: int, ids: tuple[int, ...]) -> int:
    """The last cut a rollout from ``cut`` reaches on the base completion: ``cut`` plus the number of tokens it shares with it."""
    for step, token in enumerate(ids):
        if cut + step >= len(base) or base[cut + step] != token:
            return cut + step
    return cut + len(ids)


def count_passing(
    *,
    first: Int[np.ndarray, " draw"],
    last: Int[np.ndarray, " draw"],
    column: Int[np.ndarray, " draw"],
    step: Int[np.ndarray, " cut"],
    n_columns: int,
) -> Float[np.ndarray, "cut column"]:
    """How many draws of each column every cut has: those with first ≤ cut ≤ last whose first cut was planned in the same step.

    A later step is planned by the outcomes of earlier draws; these would carry the luck that chose a cut into its estimate, so
    only draws made for the same step count. Cuts of step −1 were not planned and have none.
    """
    counts = np.zeros((len(step), n_columns))
    for number in range(int(step.max(initial=-1)) + 1):
        members, mine = step[first] == number, step == number
        change = np.zeros((len(step) + 1, n_columns))
        np.add.at(change, (first[members], column[members]), 1.0)
        np.add.at(change, (np.minimum(last[members], len(step) - 1) + 1, column[members]), -1.0)
        counts[mine] = np.cumsum(change, axis=0)[:-1][mine]
    return counts
