"""What precision a run of excursions is to reach: at which cuts it is not reached yet, and how many of the next draws it takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from tokenworth.methods.curve.settings import CurveSettings
from tokenworth.stats.excursions import Weights, backward
from tokenworth.stats.stopping import LEAST, deciding_half_width, smoothed
from tokenworth.stats.strata import Strata

SLACK_SHARE = 0.5
"""At most this share of a target half-width is left to next-token probabilities known only within bounds; sampling goes no finer
than the rest, or a cut whose bounds are as wide as its target would be sampled for ever."""
NO_DRAW = 0.02
"""A cut from which a rollout leaves with at least this probability is not done without a draw, however narrow its limits are."""

Floats = Float[np.ndarray, " cutx"]
Cuts = Bool[np.ndarray, " cutx"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """One precision that ends a run where every cut has it."""

    name: str
    is_open: Callable[[Weights, Floats], Cuts]
    """Of the weights and the mean outcome of excursions at cuts 0…n: which cuts do not have it yet and can come nearer by sampling."""


def goals(settings: CurveSettings, *, bound: Floats, base: bool, inside: Cuts) -> tuple[Goal, ...]:
    """The goals of a run; the first that every cut ``inside`` has ends it.

    ``bound``: by how much limits are moved apart on each side. ``base``: whether the base meets the target.
    """
    budget, made = settings.budget, list[Goal]()
    if (half_width := budget.half_width) is not None:

        def too_wide(weights: Weights, mean: Floats) -> Cuts:
            wide = deciding_half_width(mean, weights.n_effective, settings.level, settings.interval)
            half = weights.sampled * wide + weights.unsampled / 2
            return inside & ((half + bound > half_width) & (half > (1 - SLACK_SHARE) * half_width) | _unseen(weights))

        made.append(Goal(name=f"half-width {half_width:g}", is_open=too_wide))
    if (samples := budget.effective_samples) is not None:

        def too_few(weights: Weights, mean: Floats) -> Cuts:
            some = weights.n_effective > 0
            few = (some & (plain_worth(weights, mean, base) < samples)) | (weights.unsampled > 0.5 / samples)
            return inside & (few | _unseen(weights))

        made.append(Goal(name=f"{samples:,} effective samples", is_open=too_few))
    return tuple(made)


def _unseen(weights: Weights) -> Cuts:
    """Cuts without a draw that need one: no value can be given there. Of a trace that is nearly certain, those most likely to be left."""
    leave = weights.leave
    return (weights.n_effective == 0) & (leave > 0) & (leave >= min(NO_DRAW, float(leave.max()) / 2))


def plain_worth(weights: Weights, mean: Floats, base: bool) -> Floats:
    """How many plain rollouts would give each cut's value the same variance: V(1−V) n_eff / (leave² x(1−x)); ∞ where it is known.

    x, the mean of the excursions, is smoothed, and V with it: an early run of equal outcomes must not pass for certainty. Below `LEAST`
    effective draws x is not looked at: n_eff / leave is the least that the worth can be, reached where all excursions end unlike the base.
    """
    leave, n = weights.leave, weights.n_effective
    x = smoothed(mean, n)
    value = np.clip(weights.known * base + leave * x, 0.0, 1.0)
    least = np.divide(n, leave, out=np.full(len(n), np.inf), where=leave > 0)
    variance = leave**2 * x * (1 - x)
    return np.where(n < LEAST, least, np.divide(value * (1 - value) * n, variance, out=np.full(len(n), np.inf), where=leave > 0))


def nearest(wanted: tuple[Goal, ...], weights: Weights, mean: Floats) -> tuple[Goal, Cuts] | None:
    """The goal that the fewest cuts are short of, with those cuts; None without a goal."""
    found = [(goal, goal.is_open(weights, mean)) for goal in wanted]
    return min(found, key=lambda pair: int(pair[1].sum()), default=None)


def needed(goal: Goal, strata: Strata, number: Float[np.ndarray, " cut"], mean: Floats, cuts: Int[np.ndarray, " draw"]) -> int:
    """How many of the next draws, which leave at ``cuts``, it takes until no cut is short of the goal if the mean stays what it is.

    Which forks they leave at is known before they are drawn, and so are the weights after any number of them; 1/2 stands for a mean that is
    not known yet. All of them where they do not suffice.
    """
    nothing = np.zeros((len(number), 1))
    mean = np.where(np.isnan(mean), 0.5, mean)
    low, high = 0, len(cuts)
    while low < high:
        middle = (low + high) // 2
        then, _ = backward(strata, number + np.bincount(cuts[:middle], minlength=len(number)), nothing)
        if goal.is_open(then, mean).any():
            low = middle + 1
        else:
            high = middle
    return low
