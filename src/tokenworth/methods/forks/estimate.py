"""From draws to what is known at forks: estimates in which each branch has its own weight, however often it was drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from tokenworth.methods.curve.excursions import Ledger
from tokenworth.methods.curve.labels import FIRST_LABEL, VALUE, draw_indices, group_matrix, index_labels
from tokenworth.methods.curve.result import GradedRollout
from tokenworth.methods.forks.result import BranchRows, ChangeRows, ForkFamily, ForkRows, Hazard, Ranges
from tokenworth.methods.forks.settings import ForkSettings
from tokenworth.stats.band import level_of_each
from tokenworth.stats.changes import Changes, distances, pairs_of
from tokenworth.stats.distances import (
    chance,
    events,
    l2_limits,
    plain_number,
    share_variance,
    smoothed_kl,
    squared_l2,
    total_variation,
    tv_limits,
    whole_counts,
)
from tokenworth.stats.excursions import estimate_counts, slack_bound
from tokenworth.stats.mixture import mixture, split, variances
from tokenworth.stats.narrowest import all_pairs, narrowest
from tokenworth.stats.proportion import beta_limits

LITTLE = 0.05
"""Probability of leaving without a draw that is passed over in a distance; its limits never do."""


class ForkEstimates:
    """All draws of a run, and the estimates that follow from them. Groups are those of `group_matrix`: the value, then the labels.

    Draws of the curve count where they left. A fork whose named branches all have draws is mixed from these, each with its probability:
    Σ q(w) ô(c, w)/(1 − p); else the curve's draws there are pooled, and what was drawn of single branches stays out.
    """

    def __init__(
        self,
        ledger: Ledger,
        topped: Sequence[GradedRollout],
        family: ForkFamily,
        settings: ForkSettings,
        slack: Float[np.ndarray, " cut"] | None,
    ) -> None:
        self.ledger, self.family, self.settings, self.slack = ledger, family, settings, slack
        self.n_trace = ledger.trace.n_trace
        draws = [*ledger.draws, *topped]
        self.labels, pairs = index_labels(ledger.base, draws)
        self.groups = group_matrix(self.labels, pairs)
        self.base = self.groups[pairs[ledger.base[0].outcome, ledger.base[1]]]
        of_draw = self.groups[draw_indices(draws, pairs)] if draws else np.zeros((0, self.groups.shape[1]))
        cuts = np.asarray([draw.cut for draw in draws], dtype=np.int64)
        first = np.asarray([draw.rollout.ids[0] if draw.rollout.ids else -1 for draw in draws], dtype=np.int64)
        self._count(cuts, first, of_draw, len(ledger.draws))
        self._mix(cuts[: len(ledger.draws)], of_draw[: len(ledger.draws)])
        self.estimate = estimate_counts(self.strata, self.number, self.hits, base=self.base, level=settings.level, interval="beta")
        self.variance = variances(self.strata, self.number, self.hits, self.estimate.mean, self.known)
        self.share = self._filled()

    def _filled(self) -> Float[np.ndarray, "cutx group"]:
        """Shares at cuts 0…n; where no later draw tells what is left, and it is `LITTLE`, labels have equal parts of it."""
        estimate, labels = self.estimate, len(self.labels)
        leave = estimate.weights.leave[:, None]
        part = np.full(len(self.base), 0.5)
        part[FIRST_LABEL:] = 1.0 / labels
        return np.where(np.isnan(estimate.share) & (leave <= LITTLE), estimate.base + leave * part, estimate.share)

    def _count(
        self, cuts: Int[np.ndarray, " draw"], first: Int[np.ndarray, " draw"], of_draw: Float[np.ndarray, "draw group"], n: int
    ) -> None:
        """Draws of each branch, and of what is below the floor, at the forks of the family."""
        family, n_groups = self.family, of_draw.shape[1]
        at = {(int(family.cut[fork]), int(token)): i for i, (fork, token) in enumerate(zip(family.fork, family.token, strict=True))}
        fork_at = {int(cut): i for i, cut in enumerate(family.cut)}
        branch = np.asarray([at.get(pair, -1) for pair in zip(cuts.tolist(), first.tolist(), strict=True)], dtype=np.int64)
        fork = np.asarray([fork_at.get(cut, -1) for cut in cuts.tolist()], dtype=np.int64)
        self.n, self.topped = (np.zeros(len(family.token), dtype=np.int64) for _ in range(2))
        self.branch_hits = np.zeros((len(family.token), n_groups))
        self.rest_n, self.rest_hits = np.zeros(len(family.cut), dtype=np.int64), np.zeros((len(family.cut), n_groups))
        named, rest = branch >= 0, (branch < 0) & (fork >= 0)
        np.add.at(self.n, branch[named], 1)
        np.add.at(self.branch_hits, branch[named], of_draw[named])
        np.add.at(self.topped, branch[named & (np.arange(len(cuts)) >= n)], 1)
        np.add.at(self.rest_n, fork[rest], 1)
        np.add.at(self.rest_hits, fork[rest], of_draw[rest])

    def _mix(self, cuts: Int[np.ndarray, " draw"], of_draw: Float[np.ndarray, "draw group"]) -> None:
        """Effective draws at each cut, with their hits; forks that are mixed are strata of their own."""
        family, strata = self.family, self.ledger.strata
        self.number, self.hits = np.zeros(strata.n_cuts), np.zeros((strata.n_cuts, of_draw.shape[1]))
        np.add.at(self.number, cuts, 1.0)
        np.add.at(self.hits, cuts, of_draw)
        self.known: dict[int, Float[np.ndarray, " group"]] = {}
        self.mixed, missing = np.zeros(len(family.cut), dtype=bool), np.zeros(strata.n_cuts)
        for fork, cut in enumerate(family.cut.tolist()) if self.slack is None else ():
            mine = np.flatnonzero(family.fork == fork)
            found = mixture(
                np.append(family.q[mine], family.rest[fork]),
                np.append(self.n[mine], self.rest_n[fork]),
                np.append(self.branch_hits[mine], self.rest_hits[fork][None, :], axis=0),
            )
            if len(mine) and found is not None:
                self.mixed[fork], self.known[cut], missing[cut] = True, found.variance, found.missing
                self.number[cut], self.hits[cut] = found.n_effective, found.n_effective * found.mean
        alone = np.zeros(strata.n_cuts, dtype=bool)
        alone[family.cut[self.mixed]] = True
        self.strata = split(strata, alone, self.n_trace)
        self.bound = slack_bound(strata.p, self.slack) + (slack_bound(strata.p, missing) if missing.any() else 0.0)

    # -- the curve ----------------------------------------------------------------------------------------------------------------------

    def _limits(self, level: float) -> tuple[Float[np.ndarray, "cutx group"], Float[np.ndarray, "cutx group"]]:
        """Limits of the probability of each group at cuts 0…n."""
        return self._limits_of(np.arange(len(self.share)), slice(None), np.eye(len(self.base)), level)

    def _limits_of(
        self, cuts: Int[np.ndarray, " item"], columns: slice, sets: Float[np.ndarray, "event group"], level: float
    ) -> tuple[Float[np.ndarray, "item event"], Float[np.ndarray, "item event"]]:
        """Limits of the probability of each of some sets of groups at cuts."""
        estimate, weights = self.estimate, self.estimate.weights
        mean, base = np.nan_to_num(estimate.mean[cuts][:, columns]) @ sets.T, estimate.base[cuts][:, columns] @ sets.T
        n = np.broadcast_to(weights.n_effective[cuts][:, None], mean.shape)
        low, high = beta_limits(np.clip(mean, 0.0, 1.0) * n, n, level)
        sampled, more, bound = (x[cuts][:, None] for x in (weights.sampled, weights.unsampled, self.bound))
        return np.maximum(base + sampled * low - bound, 0.0), np.minimum(base + sampled * high + more + bound, 1.0)

    def curve(self) -> tuple[Ranges, Ranges]:
        """The value, and the outcome distribution, at cuts 0…T with pointwise limits."""
        cuts = np.arange(self.n_trace + 1)
        low, high = (side[cuts] for side in self._limits(self.settings.level))
        share = self.estimate.share[cuts]
        value = Ranges(value=share[:, VALUE], low=low[:, VALUE], high=high[:, VALUE])
        return value, Ranges(value=share[:, FIRST_LABEL:], low=low[:, FIRST_LABEL:], high=high[:, FIRST_LABEL:])

    def changes(self) -> ChangeRows:
        """Where the value changes."""
        found = all_pairs(
            self.strata,
            number=self.number,
            hits=self.hits[:, VALUE],
            weights=self.estimate.weights,
            base=self.estimate.base[:, VALUE],
            later=self.estimate.mean[:, VALUE],
            end=self.n_trace,
            level=self.settings.level,
            seed=self.settings.seed,
            slack=self.slack,
        )
        every = found.changes()
        kept = narrowest(found, every, self.settings.least)
        change = Changes(value=every.value[kept], low=every.low[kept], high=every.high[kept])
        return ChangeRows(first=found.first[kept], second=found.second[kept], change=change, pairs=len(found.first), each=found.each)

    # -- forks and branches -------------------------------------------------------------------------------------------------------------

    def forks(self) -> ForkRows:
        """What is known at each fork of the family."""
        cut = self.family.cut
        pairs = pairs_of(
            self.strata,
            number=self.number,
            hits=self.hits[:, VALUE],
            weights=self.estimate.weights,
            base=self.estimate.base[:, VALUE],
            later=self.estimate.mean[:, VALUE],
            first=cut,
            second=cut + 1,
            slack=self.slack,
        )
        found = pairs.changes(self.settings.level, "beta")
        own = share_variance(np.nan_to_num(pairs.mean)[:, None], pairs.n)[:, 0]
        for fork, at in enumerate(cut.tolist()):
            own[fork] = self.known[at][VALUE] if at in self.known else own[fork]
        gap = (self.share[cut + 1, VALUE] - pairs.mean) ** 2 - own - self.variance[cut + 1, VALUE]
        return ForkRows(
            mixed=self.mixed,
            rest_n=self.rest_n,
            rest_counts=self.rest_hits[:, FIRST_LABEL:].astype(np.int64),
            delta=Ranges(value=found.value, low=found.low, high=found.high),
            variance=self.family.p * (1 - self.family.p) * gap,
        )

    def branches(self) -> BranchRows:
        """What the draws of each branch say of it, beside the base's own next cut."""
        family, settings = self.family, self.settings
        n, base_cut = self.n.astype(np.float64), family.cut[family.fork] + 1
        share = np.divide(self.branch_hits, n[:, None], out=np.full(self.branch_hits.shape, np.nan), where=n[:, None] > 0)
        base, base_variance = self.share[base_cut], self.variance[base_cut]
        low, high = beta_limits(self.branch_hits, np.broadcast_to(n[:, None], share.shape), settings.level)
        label, counts = share[:, FIRST_LABEL:], self.branch_hits[:, FIRST_LABEL:]
        tv = total_variation(label, base[:, FIRST_LABEL:])
        variance = share_variance(np.nan_to_num(label), n)
        l2 = squared_l2(label, variance, base[:, FIRST_LABEL:], base_variance[:, FIRST_LABEL:])
        apart = self._apart(settings.level)
        together = self._apart(level_of_each(settings.level, len(n)))
        chosen = {"tv": tv, "l2": np.sqrt(np.maximum(l2, 0.0)), "value": np.abs(share[:, VALUE] - base[:, VALUE])}[settings.distance]
        tests = [self._test(i, int(at)) for i, at in enumerate(base_cut)]
        return BranchRows(
            n=self.n,
            topped=self.topped,
            counts=counts.astype(np.int64),
            shares=Ranges(value=label, low=low[:, FIRST_LABEL:], high=high[:, FIRST_LABEL:]),
            value=Ranges(value=share[:, VALUE], low=low[:, VALUE], high=high[:, VALUE]),
            l2=np.where(n > 1, l2, np.nan),
            tv=tv,
            tv_chance=np.asarray([test[0] for test in tests]),
            tv_p=np.asarray([test[1] for test in tests]),
            kl=np.asarray([test[2] for test in tests]),
            distance=Ranges(value=chosen, low=apart[0], high=apart[1]),
            far=together[0] >= settings.far,
            near=together[1] < settings.far,
        )

    def _apart(self, level: float) -> tuple[Float[np.ndarray, " branch"], Float[np.ndarray, " branch"]]:
        """Limits of the distance of each branch from the base, at a level for each branch.

        Limits of the difference in the probability of every set of labels hold together (Bonferroni), and so does their distance.
        """
        distance, base_cut, n_labels = self.settings.distance, self.family.cut[self.family.fork] + 1, len(self.labels)
        sets = np.ones((1, 1)) if distance == "value" else events(n_labels) if distance == "tv" else np.eye(n_labels)
        columns = slice(VALUE, VALUE + 1) if distance == "value" else slice(FIRST_LABEL, None)
        hits = self.branch_hits[:, columns] @ sets.T
        n = np.broadcast_to(self.n[:, None].astype(np.float64), hits.shape)
        # Of two labels one says all.
        each = level_of_each(level, 1 if n_labels <= 2 else len(sets))
        low, high = beta_limits(hits, n, each)
        value = np.divide(hits, n, out=np.full(hits.shape, 0.5), where=n > 0)
        base_low, base_high = self._limits_of(base_cut, columns, sets, each)
        base = self.share[base_cut][:, columns] @ sets.T
        base = np.where(np.isnan(base), (base_low + base_high) / 2, base)
        down, up = distances((value, low, high), (base, base_low, base_high))
        below, above = np.where(n > 0, value - base - down, -1.0), np.where(n > 0, value - base + up, 1.0)
        return l2_limits(below, above) if distance == "l2" else tv_limits(below, above, 2 if distance == "value" else n_labels)

    def _test(self, branch: int, base_cut: int) -> tuple[float, float, float]:
        """The mean total variation by chance, p of no difference, and KL with α; NaN without draws."""
        base, counts = self.share[base_cut, FIRST_LABEL:], self.branch_hits[branch, FIRST_LABEL:]
        if not self.n[branch] or np.isnan(base).any():
            return np.nan, np.nan, np.nan
        m = plain_number(base, self.variance[base_cut, FIRST_LABEL:])
        rng = np.random.default_rng([self.settings.seed, base_cut, int(self.family.token[branch])])
        expected, p = chance(counts.astype(np.int64), whole_counts(base, m), rng)
        return expected, p, smoothed_kl(counts, base * m)

    def hazard(self, rows: BranchRows) -> Hazard:
        """Bounds on the probability that step c takes a branch that is far, by the pointwise limits of distances.

        What is not shown to be near is in the upper one: branches without a draw, and all that are below the floor.
        """
        far, near = rows.distance.low >= self.settings.far, rows.distance.high < self.settings.far
        family, p = self.family, self.strata.p[: self.n_trace]
        slack = np.zeros(self.n_trace) if self.slack is None else np.nan_to_num(self.slack[: self.n_trace], nan=1.0)
        # A normaliser that is off moves a branch of several times the base's probability by as many times as much.
        off = family.slack[family.fork] * np.maximum(1.0, family.q / np.maximum(family.p[family.fork], 1e-9))
        cut = family.cut[family.fork]
        low, kept = np.zeros(self.n_trace), np.zeros(self.n_trace)
        np.add.at(low, cut, np.where(far, np.maximum(family.q - off, 0.0), 0.0))
        np.add.at(kept, cut, np.where(near, 0.0, np.minimum(family.q + off, 1.0)))
        below_floor = 1.0 - p
        np.add.at(below_floor, cut, -family.q)
        most = np.minimum(1.0 - p + slack, 1.0)
        kept = np.minimum(kept, most)
        return Hazard(low=low, high=np.minimum(kept + np.maximum(below_floor, 0.0) + slack, most), kept=kept)
