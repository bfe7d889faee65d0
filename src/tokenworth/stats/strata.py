"""Strata of forks: where excursions of a base trace leave it, by which token, and how many each stratum gets.

Forks of small leaving probability are pooled into *strata*: ranges [a, b) of cuts. An excursion of a stratum leaves at k with
probability w(a,k)/Σ w(a,·); for an inner cut c the draws with k ≥ c have exactly the distribution of leaving in [c, b), so every
draw serves every cut at or before its fork. A stratum of one fork is the plain recursion V(c) = p_c V(c+1) + (1−p_c) W(c).
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

NEGLIGIBLE = 1e-9
"""A leaving probability below this is taken as 0: the bias per cut is below it too."""

GOLDEN = 0.6180339887498949
"""Step of the systematic draws inside a stratum: successive multiples fill [0, 1) evenly for any number of draws."""

OTHERS = -1
"""The first token of a draw that may be any but the base's and those with a piece of their own."""

FIRST_DRAW = 4.0
"""How much more the first draw of a stratum counts than its variance says: without one, its whole probability widens intervals."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Strata:
    """Ranges of cuts [start, stop) that partition 0…n, with what the recursion needs at each cut.

    ``follow[c]`` = Π_{c≤j<stop} p_j, the probability of reaching the end of the stratum along the base; ``leave`` = 1 − follow;
    ``reached[c]`` = Π_{start≤j<c} p_j, that of reaching c from its start.
    """

    p: Float[np.ndarray, " cut"]
    start: Int[np.ndarray, " stratum"]
    stop: Int[np.ndarray, " stratum"]
    of_cut: Int[np.ndarray, " cut"]
    follow: Float[np.ndarray, " cut"]
    leave: Float[np.ndarray, " cut"]
    reached: Float[np.ndarray, " cut"]

    @property
    def n_cuts(self) -> int:
        """Number of base tokens n; cuts run 0…n."""
        return len(self.p)


def make_strata(p: Float[np.ndarray, " cut"], min_leave: float, ends: Bool[np.ndarray, " cut"] | None = None) -> Strata:
    """Strata that end where their leaving probability reaches ``min_leave``, and before a fork that reaches it alone.

    ``ends``: cuts before which one ends in any case.
    """
    always = np.zeros(len(p), dtype=bool) if ends is None else ends
    p = np.where(1 - p < NEGLIGIBLE, 1.0, np.clip(p, 0.0, 1.0))
    bounds, follow = [0], 1.0
    for cut, probability in enumerate(p.tolist()):
        if follow < 1 and (1 - probability >= min_leave or always[cut]):
            bounds.append(cut)
            follow = 1.0
        follow *= probability
        if 1 - follow >= min_leave:
            bounds.append(cut + 1)
            follow = 1.0
    if bounds[-1] != len(p):
        bounds.append(len(p))
    start, stop = np.asarray(bounds[:-1], dtype=np.int64), np.asarray(bounds[1:], dtype=np.int64)
    of_cut = np.repeat(np.arange(len(start)), stop - start)
    follow_at, reached = np.empty(len(p)), np.empty(len(p))
    for a, b in zip(start, stop, strict=True):
        follow_at[a:b] = np.cumprod(p[a:b][::-1])[::-1]
        reached[a:b] = np.cumprod(np.append(1.0, p[a : b - 1]))
    return Strata(p=p, start=start, stop=stop, of_cut=of_cut, follow=follow_at, leave=1.0 - follow_at, reached=reached)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pieces:
    """The ways to leave each stratum, end to end: piece i leaves at ``cut[i]`` by the token ``first[i]`` (or `OTHERS`).

    ``edge[i]``: the share of the stratum's leaving probability up to and with piece i. The pieces of stratum G are ``begin[G]`` to
    ``begin[G + 1]``.
    """

    cut: Int[np.ndarray, " piece"]
    first: Int[np.ndarray, " piece"]
    edge: Float[np.ndarray, " piece"]
    begin: Int[np.ndarray, " bound"]

    def draw(self, stratum: int, number: int, offset: float) -> tuple[int, int]:
        """The cut and the first token of draw ``number`` of a stratum, by systematic sampling.

        ``offset`` in [0, 1) is the random start; marginally over it every draw has exactly the distribution of the pieces.
        """
        a, b = int(self.begin[stratum]), int(self.begin[stratum + 1])
        at = a + int(np.searchsorted(self.edge[a:b], (offset + number * GOLDEN) % 1.0, side="right"))
        at = min(at, b - 1)
        return int(self.cut[at]), int(self.first[at])


def make_pieces(strata: Strata, tokens: Int[np.ndarray, "cut top"], q: Float[np.ndarray, "cut top"]) -> Pieces:
    """Pieces by cut, at each cut those of its ``tokens`` and one for all others.

    ``q[c, j]`` is the probability of ``tokens[c, j]`` after cut c; 0 where there is no such token, and at the base's own. What they
    leave of 1 − p_c is the others'; less than a share `NEGLIGIBLE` of it is taken as 0.
    """
    leave = 1.0 - strata.p
    listed = np.where(leave[:, None] > 0, q, 0.0)
    rest = leave - listed.sum(axis=1)
    rest = np.where(rest > NEGLIGIBLE * leave, rest, 0.0)
    total = listed.sum(axis=1) + rest
    share = np.append(listed, rest[:, None], axis=1) * np.divide(leave, total, out=np.zeros_like(leave), where=total > 0)[:, None]
    names = np.append(tokens, np.full((len(leave), 1), OTHERS), axis=1)
    cut, column = np.nonzero(share > 0)
    weight = strata.reached[cut] * share[cut, column]
    begin = np.searchsorted(cut, np.append(strata.start, strata.n_cuts))
    edge = np.empty(len(cut))
    for a, b in zip(begin[:-1], begin[1:], strict=True):
        if a < b:
            edge[a:b] = np.cumsum(weight[a:b]) / weight[a:b].sum()
    return Pieces(cut=cut, first=names[cut, column], edge=edge, begin=begin)


def stratum_reach(strata: Strata, wanted: Bool[np.ndarray, " cutx"]) -> Float[np.ndarray, " stratum"]:
    """S_G = Σ over wanted cuts c of w(c,G)² over the share of G's draws that c can use: what a variance σ²/m in G adds, summed over cuts.

    All draws serve the cuts at or before the start a of G; an inner cut c has the share Π_{a≤j<c} p_j · w(c,G)/w(a,G), so its term is
    w(a,G) w(c,G) / Π_{a≤j<c} p_j. Cuts before G by the recursion A_k = 1 + p²_{k−1} A_{k−1}.
    """
    mask, first = wanted[:-1].astype(np.float64), np.zeros(strata.n_cuts, dtype=bool)
    first[strata.start] = True
    inner = np.where(first, 0.0, mask)
    usable = np.bincount(strata.of_cut, inner * strata.leave / strata.reached, minlength=len(strata.start))
    passed = np.bincount(strata.of_cut, inner * strata.follow**2, minlength=len(strata.start))
    leave, follow = strata.leave[strata.start], strata.follow[strata.start]
    reach, carried = np.zeros(len(strata.start)), float(wanted[0])
    for index, stop in enumerate(strata.stop.tolist()):
        reach[index] = carried * leave[index] ** 2 + leave[index] * usable[index]
        carried = carried * follow[index] ** 2 + passed[index] + float(wanted[stop])
    return reach


def allocate(
    *, reach: Float[np.ndarray, " stratum"], cost: Float[np.ndarray, " stratum"], drawn: Int[np.ndarray, " stratum"], size: int
) -> Int[np.ndarray, " rollout"]:
    """The stratum of each of the next ``size`` rollouts: greedily the largest drop in summed variance per expected token.

    Drop of one more rollout: S_G/((m+½)(m+3/2)), the m(m+1) rule shifted so that an unsampled stratum competes on the same scale;
    `FIRST_DRAW` times as much for the first. Outcomes do not enter: a variance learnt from one to four draws is mostly noise, and draws
    that follow it are no longer independent of what was drawn.
    The order is that of the choices: the first k are what ``size`` = k gives, so a batch that breaks off has spent what it drew well.
    Fewer (none) where no stratum has anything to gain.
    """
    chosen: list[int] = []
    added = np.zeros(len(reach), dtype=np.int64)
    weight = reach / np.maximum(cost, 1.0)

    def gain(stratum: int, m: int) -> float:
        return -float(weight[stratum]) / ((m + 0.5) * (m + 1.5)) * (1.0 if m else FIRST_DRAW)

    heap = [(gain(s, int(drawn[s])), s) for s in range(len(reach)) if weight[s] > 0]
    heapq.heapify(heap)
    for _ in range(size if heap else 0):
        _, stratum = heap[0]
        chosen.append(stratum)
        added[stratum] += 1
        heapq.heapreplace(heap, (gain(stratum, int(drawn[stratum] + added[stratum])), stratum))
    return np.asarray(chosen, dtype=np.int64)
