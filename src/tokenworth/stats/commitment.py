"""When a trace commits itself to its last answer: six definitions, each the index of a reading, or -1 where it never does.

``own``: the share of the answer that leads at the end. ``leader``: the leading option at each reading, -1 where none is named.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

DEFINITIONS = ("last flip", "hold", "largest jump", "mid-gate", "sustained .9", "cusum")
HOLD = 0.05
"""Share of the readings for which a leader has to be held."""
GATE = 0.9


def last_flip(leader: Int[np.ndarray, " cut"]) -> int:
    """The first reading from which the leader is always the last one. Readings that name none decide nothing.

    Source: last change of the argmax, as tau in cot-dynamics (Lewis-Lim et al. 2025, arXiv 2508.19827).
    """
    named = np.flatnonzero(leader >= 0)
    if not len(named):
        return -1
    other = named[leader[named] != leader[named[-1]]]
    return int(named[0]) if not len(other) else int(named[np.searchsorted(named, other[-1]) + 1])


def hold(leader: Int[np.ndarray, " cut"], share: float = HOLD) -> int:
    """The first reading of the first run in which one leader is named at k readings in a row, k = ``share`` of them, at least 2.

    It looks at no later reading than it needs, so that an exit can use it; it may therefore name an answer that is not the last.
    Source: hold for k, arXiv 2604.22266. Differs: k is a share of the trace.
    """
    k, since = max(2, round(share * len(leader))), 0
    for at, now in enumerate(leader.tolist()):
        if now < 0 or leader[since] != now:
            since = at
        if now >= 0 and at - since + 1 >= k:
            return since
    return -1


def largest_jump(own: Float[np.ndarray, " cut"]) -> int:
    """The reading that the largest rise from the one before it leads to. Source: the boundary of arXiv 2606.13603."""
    moves = np.diff(own)
    return int(np.argmax(moves)) + 1 if len(moves) and moves.max() > 0 else -1


def mid_gate(own: Float[np.ndarray, " cut"]) -> int:
    """The first reading from which the share never falls below half way between its first and its last value; the first reading where it
    ends no higher than it begins. Source: tau of arXiv 2606.13603."""
    return sustained(own, float(own[0] + own[-1]) / 2) if own[-1] > own[0] else 0


def sustained(own: Float[np.ndarray, " cut"], gate: float = GATE) -> int:
    """The first reading from which the share never falls below ``gate``."""
    below = np.flatnonzero(~(own >= gate))
    first = int(below[-1]) + 1 if len(below) else 0
    return first if first < len(own) else -1


def cusum(own: Float[np.ndarray, " cut"]) -> int:
    """The reading after which the share is most unlike before: the maximum of |sum of the deviations from the mean so far|.

    Source: Page 1954, Biometrika 41:100; the change point of one shift in mean, Hinkley 1971, Biometrika 58:509.
    """
    if len(own) < 2 or np.ptp(own) == 0:
        return -1
    return int(np.argmax(np.abs(np.cumsum(own - own.mean())[:-1]))) + 1


def commitments(own: Float[np.ndarray, " cut"], leader: Int[np.ndarray, " cut"]) -> Int[np.ndarray, " definition"]:
    """The readings by all `DEFINITIONS`, in their order."""
    return np.asarray([last_flip(leader), hold(leader), largest_jump(own), mid_gate(own), sustained(own), cusum(own)], dtype=np.int64)


def relapses(own: Float[np.ndarray, " cut"], at: int) -> bool:
    """Whether the share of the last answer is below .5 again after it was .5 or above, at the commitment or later."""
    later = own[at:]
    above = np.flatnonzero(later >= 0.5)
    return bool(len(above) and (later[above[0] :] < 0.5).any())
