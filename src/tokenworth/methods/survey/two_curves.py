"""Two curves of one trace at the same cuts: what the model would say if it were stopped, and where it would end if it went on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from tokenworth.core.document import Number
from tokenworth.methods.curve.document import CurveDoc
from tokenworth.methods.survey.document import StateShare, TwoCurves
from tokenworth.methods.survey.readings import Readings, of_curve
from tokenworth.stats.by_cluster import mean_of
from tokenworth.stats.sign_flip import sign_flip_p

STATES = ("decided and said", "decided unsaid", "open", "reverting")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PairEnds:
    """Where rollouts from the cuts of a trace end: shares of answers, with limits."""

    readings: Readings
    low: Float[np.ndarray, "cut answer"]
    high: Float[np.ndarray, "cut answer"]

    @classmethod
    def of(cls, curve: CurveDoc) -> PairEnds:
        """The ends of a value curve."""
        readings = of_curve(curve)

        def side(named: Mapping[str, Sequence[Number]], missing: float) -> Float[np.ndarray, "cut answer"]:
            table = [
                [missing if x is None else x for x in named[a]] if a in named else [missing] * len(curve.cuts) for a in readings.options
            ]
            return np.asarray(table, dtype=np.float64).reshape(len(readings.options), len(curve.cuts)).T

        return cls(readings=readings, low=side(curve.outcomes_low, 0.0), high=side(curve.outcomes_high, 1.0))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pair:
    """The two curves of one trace at the cuts that both have. ``own``: share of the answer that is forced at the end."""

    cuts: Int[np.ndarray, " cut"]
    forced: Float[np.ndarray, " cut"]
    value: Float[np.ndarray, " cut"]
    is_outside: Bool[np.ndarray, " cut"]
    state: Int[np.ndarray, " cut"]


def cut_states(
    shares: Float[np.ndarray, "cut option"],
    mass: Float[np.ndarray, " cut"],
    said_end: Float[np.ndarray, " cut"],
    most: Float[np.ndarray, " cut"],
    *,
    least_mass: float,
    decided: float,
) -> Int[np.ndarray, " cut"]:
    """The number in `STATES` of each cut, as `pair_of` defines them.

    ``said_end``: share of the rollouts that end in the option of the largest forced share; ``most``: the largest share of any answer.
    """
    says = (shares.max(axis=1) >= decided) & (mass >= least_mass)
    same = says & (said_end >= decided)
    state = np.where(says & (said_end < 0.5), 3, np.where(most >= decided, np.where(same, 0, 1), 2))
    return state.astype(np.int64)


def pair_of(forced: Readings, ends: PairEnds, *, least_mass: float, decided: float) -> Pair | None:
    """The pair at the common cuts, None where there is none. The end of the trace is not one of interest: both curves agree by what is
    written there.

    A model *says* an option where its share is ``decided`` or more, and it is *decided* on an answer where that share of the rollouts end
    in it. Reverting: it says an option in which fewer than half of the rollouts end. Otherwise, where it is decided: said if it says that
    answer, unsaid if not. Open: the rest.
    """
    cuts, at, there = np.intersect1d(forced.cuts, ends.readings.cuts, return_indices=True)
    known = np.isfinite(ends.readings.probability[there]).all(axis=1)
    cuts, at, there = cuts[known], at[known], there[known]
    if not len(cuts):
        return None
    shares, o = forced.shares[at], ends.readings.probability[there]
    names = {name: index for index, name in enumerate(ends.readings.options)}
    column = np.asarray([names.get(option, -1) for option in forced.options], dtype=np.int64)

    def end(option: Int[np.ndarray, " cut"], table: Float[np.ndarray, "cut answer"], none: float) -> Float[np.ndarray, " cut"]:
        which = column[option]
        return np.where(which >= 0, table[np.arange(len(cuts)), np.maximum(which, 0)], none)

    own = np.full(len(cuts), int(np.argmax(forced.shares[-1])), dtype=np.int64)
    said = np.argmax(shares, axis=1)
    state = cut_states(shares, forced.mass[at], end(said, o, 0.0), o.max(axis=1), least_mass=least_mass, decided=decided)
    f, v = shares[np.arange(len(cuts)), own], end(own, o, 0.0)
    outside = (f < end(own, ends.low[there], 0.0)) | (f > end(own, ends.high[there], 1.0))
    return Pair(cuts=cuts, forced=f, value=v, is_outside=outside, state=state)


def two_curves(
    pairs: Sequence[Pair], question: Int[np.ndarray, " trace"], *, level: float, decided: float, rng: np.random.Generator
) -> TwoCurves | None:
    """What the pairs of all traces say; every trace counts once, whatever its cuts."""
    if not pairs:
        return None

    def mean(values: Sequence[float]) -> Float[np.ndarray, " trace"]:
        return np.asarray(values, dtype=np.float64)

    differences = mean([float((one.forced - one.value).mean()) for one in pairs])
    by_state = [mean([float((one.state == number).mean()) for one in pairs]) for number in range(len(STATES))]
    distances = mean([float(np.abs(one.forced - one.value).mean()) for one in pairs])
    outside = mean([float(one.is_outside.mean()) for one in pairs])
    return TwoCurves(
        n=len(pairs),
        cuts=sum(len(one.cuts) for one in pairs),
        decided=decided,
        difference=mean_of(differences, question, level=level, rng=rng),
        p=sign_flip_p(differences, question, rng),
        distance=mean_of(distances, question, level=level, rng=rng),
        outside=mean_of(outside, question, level=level, rng=rng),
        states=tuple(
            StateShare(state=name, share=mean_of(values, question, level=level, rng=rng))
            for name, values in zip(STATES, by_state, strict=True)
        ),
    )
