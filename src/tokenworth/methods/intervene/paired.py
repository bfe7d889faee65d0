"""The effect of an edit over several problems: each problem is compared with itself, and the problems are the sample."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from tokenworth.core.estimate import Estimate
from tokenworth.core.grade import RESERVED_OUTCOMES
from tokenworth.methods.edits.intervene import difference
from tokenworth.methods.forced.settings import LEAST_MASS
from tokenworth.methods.intervene.entry import EditFamily
from tokenworth.methods.intervene.plan import CONTROL
from tokenworth.methods.intervene.result import Answered, Changed, InterventionResult
from tokenworth.stats.clusters import cluster_mean, noise_of_share
from tokenworth.stats.proportion import share

Reading = Literal["free", "forced"]
"""How answers are read: ``free``, by rollouts; ``forced``, by the probabilities of the options after the exit text."""


RESAMPLE = "resample"
"""The edit that has the model write another trace: what this changes is not the edit's doing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateChange:
    """How often something is so without the edit and with it, and the difference (after less before), as means over problems."""

    problems: int
    before: Estimate
    after: Estimate
    change: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class InterventionRow:
    """One edit over all problems, by one reading of the answer."""

    edit: str
    family: EditFamily
    reading: Reading
    against: str
    """What it is compared with: ``base``, the same place without the edit; its control; or ``resample``, another trace of the model."""
    unit: Literal["problems", "rollouts"]
    """What the limits take as the sample; ``rollouts`` where there is one problem only."""
    problems: int
    n_before: int
    """Rollouts, or readings."""
    n_after: int
    unknown_before: int
    """Of these, rollouts without a verdict, or readings with less than half of the mass on the options."""
    unknown_after: int
    correct: RateChange | None
    """P(correct); None where no problem has a gold answer."""
    same: RateChange | None
    """P(the base's own answer), over the problems whose base has one."""
    toward: RateChange | None
    """P(the outcome that the edit argues for); None for edits that argue for none."""
    flips: Estimate | None
    """Share of problems whose likeliest option is another one with the edit; None with rollouts."""
    restated: Estimate | None
    """Share of rollouts that write the right statement again after a mistake; None for other edits."""


@dataclass(frozen=True, slots=True)
class BeforeAfter:
    """One problem: how often something is so before and after, and of how many draws; no number of draws for probabilities."""

    before: float
    after: float
    n_before: int | None = None
    n_after: int | None = None


def rows_of(results: Sequence[InterventionResult], names: Sequence[str], *, level: float) -> tuple[InterventionRow, ...]:
    """A row for each edit, its control before it, and each reading that there is; with `RESAMPLE` also one beside that.

    Over m ≥ 2 problems a change is the mean of each problem's own, with the limits of `stats.clusters.cluster_mean`; for one problem they
    are Newcombe's over its rollouts, and there are none for its forced answer, which is no draw.
    """
    made = list[InterventionRow]()
    for name in (part for one in names for part in (one + CONTROL, one)):
        found = [(result, one) for result in results for one in result.changed if one.plan.name == name]
        # Before it is written, another trace has no forced answer of its own.
        for reading in ("free",) if name == RESAMPLE else ("free", "forced"):
            have = [pair for pair in found if _has(pair[1], reading)]
            if have:
                made.append(_row(name, reading, have, level))
        drawn = [(result, one) for result in results for one in _beside_resample(result, name)]
        if drawn:
            made.append(replace(_row(name, "free", drawn, level), against=RESAMPLE))
    return tuple(made)


def _beside_resample(result: InterventionResult, name: str) -> Iterator[Changed]:
    """An edit that asks whether the trace is needed, compared with a trace of the model's own that is drawn anew."""
    again = next((one for one in result.changed if one.plan.name == RESAMPLE), None)
    for one in result.changed:
        if again is not None and one.plan.name == name != RESAMPLE and one.plan.family == "necessity":
            beside = replace(one, before=again.after)
            if _has(beside, "free"):
                yield beside


def _has(changed: Changed, reading: Reading) -> bool:
    sides = (changed.before, changed.after)
    return all(side.n for side in sides) if reading == "free" else all(side.forced is not None for side in sides)


def _row(name: str, reading: Reading, found: list[tuple[InterventionResult, Changed]], level: float) -> InterventionRow:
    free, plan = reading == "free", found[0][1].plan
    restating = [one for _, one in found if free and one.plan.change.restated]
    again = sum(n_restated(one) for one in restating)
    flips = None if free else [flipped(one) for _, one in found]
    known = None if flips is None else [one for one in flips if one is not None]

    def rate(pair_of: Callable[[InterventionResult, Changed], BeforeAfter | None]) -> RateChange | None:
        return _rate([pair for result, one in found if (pair := pair_of(result, one)) is not None], level)

    return InterventionRow(
        edit=name,
        family=plan.family,
        reading=reading,
        against=plan.control or "base",
        unit="problems" if len(found) > 1 else "rollouts",
        problems=len(found),
        n_before=_total({id(one.before): one.before for _, one in found}.values(), free),
        n_after=_total((one.after for _, one in found), free),
        unknown_before=sum(_unknown(side, free) for side in {id(one.before): one.before for _, one in found}.values()),
        unknown_after=sum(_unknown(one.after, free) for _, one in found),
        correct=rate(lambda result, one: correct_pair(result, one, free)),
        same=rate(lambda result, one: pair_of_outcome(result, one, own_answer(result), free)),
        toward=rate(lambda result, one: pair_of_outcome(result, one, one.plan.change.toward, free)),
        flips=None if known is None else share(sum(known), len(known), level),
        restated=share(again, sum(one.after.n for one in restating), level) if restating else None,
    )


def _total(sides: object, free: bool) -> int:
    return sum(side.n if free else 1 for side in sides)  # type: ignore[attr-defined]


def _unknown(side: Answered, free: bool) -> int:
    return side.n_unknown if free else int(side.forced is None or float(side.forced.sum()) < LEAST_MASS)


def own_answer(result: InterventionResult) -> str | None:
    """The base's own answer; None where it has none."""
    return None if result.own.outcome in RESERVED_OUTCOMES else result.own.outcome


def correct_pair(result: InterventionResult, one: Changed, free: bool) -> BeforeAfter | None:
    """P(correct) before and after; None where nothing is known to be right."""
    if free:
        graded = [grade.verdict != "unknown" for side in (one.before, one.after) for grade in side.grades]
        if result.gold is None and not any(graded):
            return None
        return BeforeAfter(one.before.n_correct / one.before.n, one.after.n_correct / one.after.n, one.before.n, one.after.n)
    return pair_of_outcome(result, one, result.gold, free)


def pair_of_outcome(result: InterventionResult, one: Changed, outcome: str | None, free: bool) -> BeforeAfter | None:
    """How often the outcome is this one before and after; None where there is none, or it is no option that could be read."""
    if outcome is None:
        return None
    before, after = one.before, one.after
    if free:
        return BeforeAfter(before.n_of(outcome) / before.n, after.n_of(outcome) / after.n, before.n, after.n)
    if before.forced is None or after.forced is None or outcome not in result.labels:
        return None
    at = result.labels.index(outcome)
    return BeforeAfter(float(before.forced[at]), float(after.forced[at]))


def leading(forced: np.ndarray | None) -> int | None:
    """The likeliest option, by index; None where the options have less than half of the probability together."""
    return None if forced is None or float(forced.sum()) < LEAST_MASS else int(np.argmax(forced))


def flipped(one: Changed) -> bool | None:
    """Whether another option leads with the edit; None where no option leads on a side."""
    before, after = leading(one.before.forced), leading(one.after.forced)
    return None if before is None or after is None else before != after


def n_restated(one: Changed) -> int:
    """Rollouts after a mistake that write the right statement."""
    right = re.escape(" ".join(one.plan.change.restated.split()))
    # Not as a part of other numbers: "2 + 3 = 5" is not in "12 + 3 = 57".
    whole = re.compile(rf"(?<![\w.,]){right}(?!\w|[.,]\d)")
    return sum(whole.search(" ".join(text.split())) is not None for text in one.after.texts)


def _rate(pairs: Sequence[BeforeAfter], level: float) -> RateChange | None:
    if not pairs:
        return None
    if len(pairs) == 1:
        (one,) = pairs
        return RateChange(
            problems=1,
            before=_single(one.before, one.n_before, level),
            after=_single(one.after, one.n_after, level),
            change=_of_one(one, level),
        )
    before, after = (np.asarray(values) for values in zip(*((one.before, one.after) for one in pairs), strict=True))
    noise = [_noise([getattr(one, which) for one in pairs], values) for which, values in (("n_before", before), ("n_after", after))]
    return RateChange(
        problems=len(pairs),
        before=cluster_mean(before, noise[0], level=level, least=0.0, most=1.0),
        after=cluster_mean(after, noise[1], level=level, least=0.0, most=1.0),
        change=cluster_mean(after - before, noise[0] + noise[1], level=level, least=-1.0, most=1.0),
    )


def _noise(n: Sequence[int | None], values: np.ndarray) -> np.ndarray:
    """The noise of each value from its draws; none of a probability that was read."""
    counts = np.asarray([0 if one is None else one for one in n], dtype=np.float64)
    return np.where(counts > 0, noise_of_share(values * counts, counts), 0.0)


def _single(value: float, n: int | None, level: float) -> Estimate:
    return Estimate(value=value, low=None, high=None, n=1) if n is None else share(round(value * n), n, level)


def _of_one(one: BeforeAfter, level: float) -> Estimate:
    if one.n_before is None or one.n_after is None:
        return Estimate(value=one.after - one.before, low=None, high=None, n=1)
    return difference((round(one.before * one.n_before), one.n_before), (round(one.after * one.n_after), one.n_after), level)
