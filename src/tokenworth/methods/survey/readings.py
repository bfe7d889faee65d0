"""The curve of a trace as arrays, whichever document it comes from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from tokenworth.core.document import Number
from tokenworth.core.grade import RESERVED_OUTCOMES
from tokenworth.methods.curve.document import CurveDoc
from tokenworth.methods.forced.document import ExitDoc
from tokenworth.tasks.target import GOLD, LABEL

OTHER = "other"
"""What is not the target, where a curve says no more."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Readings:
    """Probabilities of options at cuts; NaN where one is not known. ``held``: readings that the source repeats; None: all are measured."""

    cuts: Int[np.ndarray, " cut"]
    options: tuple[str, ...]
    probability: Float[np.ndarray, "cut option"]
    mass: Float[np.ndarray, " cut"]
    held: Bool[np.ndarray, " cut"] | None = None

    @property
    def shares(self) -> Float[np.ndarray, "cut option"]:
        """Probability of each option given that it is one of them; NaN where that is not known."""
        mass = self.mass[:, None]
        return np.divide(self.probability, mass, out=np.full_like(self.probability, np.nan), where=mass > 0)

    def known(self) -> Readings:
        """The readings whose probabilities are all known, and not all 0."""
        keep = np.isfinite(self.probability).all(axis=1) & (self.mass > 0)
        return self if keep.all() else self.at(np.flatnonzero(keep))

    def at(self, index: Int[np.ndarray, " reading"]) -> Readings:
        """The readings of these numbers."""
        held = None if self.held is None else self.held[index]
        return Readings(cuts=self.cuts[index], options=self.options, probability=self.probability[index], mass=self.mass[index], held=held)


def _array(values: tuple[Number, ...]) -> Float[np.ndarray, " cut"]:
    return np.asarray([np.nan if value is None else value for value in values], dtype=np.float64)


def _columns(columns: list[Float[np.ndarray, " cut"]], n: int) -> Float[np.ndarray, "cut option"]:
    return np.stack(columns, axis=1) if columns else np.zeros((n, 0))


def of_exit(one: ExitDoc) -> Readings:
    """The readings after one exit text; an option that was not listed is not known, unless its bound is below a thousandth."""
    columns = [_array(column) for column in one.probability]
    if one.probability_high is not None:
        columns = [
            np.where(np.isnan(low) & (_array(high) < 1e-3), 0.0, low) for low, high in zip(columns, one.probability_high, strict=True)
        ]
    probability = _columns(columns, len(one.cuts))
    return Readings(
        cuts=np.asarray(one.cuts, dtype=np.int64),
        options=one.options,
        probability=probability,
        mass=probability.sum(axis=1),
        held=None if one.held is None or not any(one.held) else np.asarray(one.held, dtype=np.bool_),
    )


def of_curve(one: CurveDoc) -> Readings:
    """The outcomes of a value curve that name an answer; the target and the rest where it has none."""
    cuts = np.asarray(one.cuts, dtype=np.int64)
    named = [label for label in one.outcomes if label not in RESERVED_OUTCOMES]
    if named:
        probability = _columns([_array(one.outcomes[label]) for label in named], len(cuts))
        return Readings(cuts=cuts, options=tuple(named), probability=probability, mass=probability.sum(axis=1))
    value = _array(one.value)
    gold = None if one.problem is None else one.problem.gold
    target = gold or "gold" if one.target == GOLD else one.target.removeprefix(LABEL)
    return Readings(
        cuts=cuts, options=(target, OTHER), probability=np.stack([value, 1 - value], axis=1), mass=np.where(np.isnan(value), np.nan, 1.0)
    )
