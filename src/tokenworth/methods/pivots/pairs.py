"""Preference pairs of claimed tokens: the token and its likeliest other one, told apart on draws that chose neither."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from tokenworth.core.request.experiment import BudgetSpent, Experiment
from tokenworth.core.request.next_token import NextTokenTable
from tokenworth.core.request.sample import Rollout, Sample
from tokenworth.core.sampling import Sampling
from tokenworth.methods.curve.labels import Reader
from tokenworth.methods.stopped import answered_first
from tokenworth.stats.difference import newcombe, newcombe_p
from tokenworth.stats.selection import discovered, level_of_selected

PAIR_STREAM = 3 << 50
"""Distance from a run's seed to the stream of these draws: neither the search nor a curve has any of them."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PairRows:
    """Both sides of each claim: rollouts that go on with its token, and with the likeliest other one. Columns: token, other."""

    token: Int[np.ndarray, " pair"]
    other: Int[np.ndarray, " pair"]
    """Id of the other token."""
    other_p: Float[np.ndarray, " pair"]
    number: Float[np.ndarray, "pair 2"]
    hits: Float[np.ndarray, "pair 2"]
    unknown: Float[np.ndarray, "pair 2"]
    """Without a verdict; they count as misses."""
    generated: int
    cut_off: bool
    """Whether the budget ended before all were drawn."""

    @property
    def delta(self) -> Float[np.ndarray, " pair"]:
        """Value of going on with the token less that with the other; NaN without draws."""
        with np.errstate(invalid="ignore"):
            share = self.hits / np.where(self.number > 0, self.number, np.nan)
        return share[:, 0] - share[:, 1]

    def p_values(self) -> Float[np.ndarray, " pair"]:
        """Of no difference."""
        return newcombe_p(self.hits[:, 0], self.number[:, 0], self.hits[:, 1], self.number[:, 1])

    def told_apart(self, q: float) -> Bool[np.ndarray, " pair"]:
        """Which pairs have a better side, at a false-discovery rate of ``q`` among them."""
        return discovered(self.p_values(), q) if len(self.token) else np.zeros(0, dtype=bool)

    def limits(self, q: float) -> tuple[Float[np.ndarray, " pair"], Float[np.ndarray, " pair"], float]:
        """Limits of the differences and their level, that of those told apart: among these at most a share ``q`` misses in the mean."""
        level = level_of_selected(q, int(self.told_apart(q).sum()), len(self.token))
        return *newcombe(self.hits[:, 0], self.number[:, 0], self.hits[:, 1], self.number[:, 1], level), level


def others(table: NextTokenTable, base: tuple[int, ...], cuts: Int[np.ndarray, " cut"]) -> list[tuple[int, int, float]]:
    """(cut, token, probability): the likeliest token other than the base's at each cut where the table lists one. No outcome enters."""
    found: list[tuple[int, int, float]] = []
    for cut in cuts.tolist():
        listed = zip(np.asarray(table.top_ids[cut]).tolist(), np.asarray(table.top_p[cut]).tolist(), strict=True)
        known = [(p, token) for token, p in listed if token >= 0 and token != base[cut] and p > 0]
        if known:
            p, token = max(known, key=lambda one: (one[0], -one[1]))
            found.append((cut, token, p))
    return found


def draw_pairs(
    reader: Reader, table: NextTokenTable, claims: Int[np.ndarray, " claim"], *, sampling: Sampling, n: int, seed: int
) -> Experiment[PairRows]:
    """``n`` rollouts that go on with each claimed token, and as many with its likeliest other one.

    Source: preference pairs of pivotal tokens, Abdin et al. 2024, "Phi-4 technical report", §4.3. Differs: what is better is decided on
    draws that chose neither the token nor the other one; there it is the best and the worst of several on the same draws.
    """
    sequence = reader.trace.sequence
    pairs = others(table, sequence.completion, np.sort(claims))
    sides = [(row, side, cut, (sequence.completion[cut], token)[side]) for row, (cut, token, _) in enumerate(pairs) for side in (0, 1)]
    # Side by side, so that a budget that ends leaves about as many of each.
    places = [(row, side) for _ in range(n) for row, side, _, _ in sides]
    batch = tuple(
        Sample(sequence=sequence, cut=cut, params=sampling, seed=PAIR_STREAM + seed, branch=token, index=index)
        for index in range(n)
        for _, _, cut, token in sides
    )
    answers, whole = (), True
    if batch:
        try:
            answers = yield batch
        except BudgetSpent as spent:
            answers, whole = answered_first(spent), False
    number, hits, unknown = (np.zeros((len(pairs), 2)) for _ in range(3))
    generated = 0
    for place, request, rollout in zip(places, batch, answers, strict=False):
        assert isinstance(rollout, Rollout)
        draw = reader.draw(rollout, cut=request.cut, index=request.index, leaves=False)
        number[place] += 1
        hits[place] += draw.hit is True
        unknown[place] += draw.hit is None
        generated += len(rollout.ids)
    return PairRows(
        token=np.asarray([cut for cut, _, _ in pairs], dtype=np.int64),
        other=np.asarray([token for _, token, _ in pairs], dtype=np.int64),
        other_p=np.asarray([p for _, _, p in pairs], dtype=np.float64),
        number=number,
        hits=hits,
        unknown=unknown,
        generated=generated,
        cut_off=not whole,
    )
