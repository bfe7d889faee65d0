"""Curves from branches: sources that force each likely token at a place and draw so many rollouts of each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from tokenworth.core.document import Number, numbers
from tokenworth.core.estimate import Estimate
from tokenworth.methods.curve.document import BranchDoc, VerdictsDoc
from tokenworth.stats.proportion import wilson
from tokenworth.stats.stratified import stratified_share

ASSUMPTION = "rollouts independent given place and token; tokens below the source's floor left out, the others weighted by q"


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """A token at a place. ``shares``: of outcomes, where the source does not say how many draws there are."""

    cut: int
    text: str
    p: float
    is_base: bool
    token: int = -1
    counts: Mapping[str, int] = field(default_factory=dict[str, int])
    shares: Mapping[str, float] | None = None

    @property
    def n(self) -> int:
        """Draws."""
        return sum(self.counts.values())

    def share(self, labels: Iterable[str]) -> float:
        """Of these outcomes."""
        if self.shares is not None:
            return sum(self.shares.get(label, 0.0) for label in labels)
        return sum(self.counts.get(label, 0) for label in labels) / self.n

    def document(self) -> BranchDoc:
        """As a curve has it."""
        kept = dict(sorted(self.counts.items()))
        return BranchDoc(cut=self.cut, token=self.token, text=self.text, p=self.p, is_base=self.is_base, n=self.n, outcomes=kept)


@dataclass(slots=True)
class Column:
    """Shares at the cuts of a curve, with limits; None where a source does not say how many draws there are."""

    value: list[Number] = field(default_factory=list[Number])
    low: list[Number] = field(default_factory=list[Number])
    high: list[Number] = field(default_factory=list[Number])
    n: list[Number] = field(default_factory=list[Number])

    def add(self, found: Estimate, n: Number) -> None:
        """One more cut."""
        self.value.append(found.value)
        self.low.append(found.low)
        self.high.append(found.high)
        self.n.append(n)


def share_at(branches: Sequence[Branch], labels: Iterable[str], level: float) -> tuple[Estimate, Number]:
    """The share of these outcomes at a place, tokens weighted by their probability; and its effective number of draws."""
    wanted = tuple(labels)
    weight = np.asarray([one.p for one in branches])
    if not branches or weight.sum() <= 0:
        return Estimate(value=None, low=None, high=None), None
    if any(one.shares is not None for one in branches):
        share = float(np.average([one.share(wanted) for one in branches], weights=weight))
        return Estimate(value=min(1.0, share), low=None, high=None), None
    n = np.asarray([float(one.n) for one in branches])
    hits = np.asarray([float(sum(one.counts.get(label, 0) for label in wanted)) for one in branches])
    found, n_eff = stratified_share(weight, hits, n, level)
    return found, n_eff


def by_cut(branches: Iterable[Branch]) -> dict[int, list[Branch]]:
    """The branches of each place."""
    found: defaultdict[int, list[Branch]] = defaultdict(list)
    for one in branches:
        found[one.cut].append(one)
    return dict(found)


def verdicts_of(places: Sequence[Sequence[Branch]], gold: str, unknown: str, level: float) -> VerdictsDoc | None:
    """What rollouts of the outcome ``unknown`` leave open; None where there are none, and where their numbers are not known."""
    counted = [all(one.shares is None for one in branches) and any(one.n for one in branches) for branches in places]
    if not all(counted) or not any(one.counts.get(unknown) for branches in places for one in branches):
        return None
    missing, met, hit = Column(), Column(), Column()
    for branches in places:
        missing.add(*share_at(branches, (unknown,), level))
        met.add(*share_at(branches, (gold, unknown), level))
        hit.add(*share_at(branches, (gold,), level))
    m, v, n = (np.asarray(part, dtype=np.float64) for part in (missing.value, hit.value, hit.n))
    known = np.maximum(1 - m, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        given = np.where(known > 0, np.minimum(v / np.where(known > 0, known, 1), 1.0), np.nan)
    low, high = wilson(np.nan_to_num(given) * n * known, n * known, level)
    return VerdictsDoc(
        missing=tuple(missing.value),
        missing_low=tuple(missing.low),
        missing_high=tuple(missing.high),
        high_if_met=tuple(met.high),
        given=numbers(given),
        given_low=numbers(np.where(known > 0, low, np.nan)),
        given_high=numbers(np.where(known > 0, high, np.nan)),
    )
