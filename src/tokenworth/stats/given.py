"""The probability of one event given another, at every cut, from the draws that give the value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from tokenworth.stats.excursions import CutEstimates, mean_limits, passed_back
from tokenworth.stats.proportion import IntervalKind, proportion_limits
from tokenworth.stats.strata import Strata


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Conditional:
    """P(event | condition) with limits; NaN, 0 and 1 where nothing meets the condition."""

    value: Float[np.ndarray, " cutx"]
    low: Float[np.ndarray, " cutx"]
    high: Float[np.ndarray, " cutx"]


def effective_number(strata: Strata, number: Float[np.ndarray, " cut"], chosen: Float[np.ndarray, " cut"]) -> Float[np.ndarray, " cutx"]:
    """(Σw)²/Σw² over the ``chosen`` of the ``number`` of draws at each cut, w the weight of a draw at cuts 0…n; 0 where none is chosen.

    A draw of stratum G weighs w(c,G)/m_G. Source: Kish 1965, Survey Sampling, §11.7, for a part of the sample.
    """
    own = strata.stop[strata.of_cut]
    before, chosen_before = (np.append(0.0, np.cumsum(x)) for x in (number, chosen))
    each = np.divide(strata.leave, m := before[own] - before[:-1], out=np.zeros(strata.n_cuts), where=m > 0)
    k = chosen_before[own] - chosen_before[:-1]
    kept = np.vstack([strata.follow, strata.follow**2])
    total, squares = passed_back(strata, np.vstack([each * k, each**2 * k]), kept, np.zeros(2))
    return np.divide(total**2, squares, out=np.zeros(len(total)), where=squares > 0)


def conditional_of_excursions(
    estimate: CutEstimates, n: Float[np.ndarray, " cutx"], *, event: int, condition: int, level: float, interval: IntervalKind
) -> Conditional:
    """P(event | condition) at every cut; ``event`` and ``condition`` are groups of the estimate, the first within the second.

    ``n``: effective number of draws that meet the condition (`effective_number`). Let K be the probability of following the base, S that of
    leaving it where there are draws, U where there are none, x the share of excursions that meet the condition, and q the share of these
    that are unlike the base. Given the condition, a rollout is unlike the base with probability S x q / (K' + S x): K' = K if the base
    meets the condition and 0 otherwise. This rises in x and in q, so its limits are its values at their limits: those of x at n_eff, those
    of q at ``n``. What has no draw may be anything.

    Each of the two holds at ``level``; their most extreme combination holds at ``level`` or above.
    Source: method page `docs/methods/curve.md`, eq. 13–15, with what was measured.
    """
    weights, known = estimate.weights, estimate.base[:, condition]
    sampled, unsampled = weights.sampled, weights.unsampled
    x, hit = (np.nan_to_num(estimate.mean[:, g]) for g in (condition, event))
    like = (known > 0) & (estimate.base[:, event] > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        r = np.where(x > 0, np.clip(hit / x, 0.0, 1.0), 0.0)
        value = estimate.share[:, event] / estimate.share[:, condition]
    unlike = np.where(like, 1.0 - r, r)
    q_low, q_high = (side[:, 0] for side in mean_limits(unlike[:, None], n, level, interval))
    x_low, x_high = (side[:, 0] for side in mean_limits(x[:, None], weights.n_effective, level, interval))

    def part(
        x: Float[np.ndarray, " cutx"], q: Float[np.ndarray, " cutx"], open_: Float[np.ndarray, " cutx"], none: float
    ) -> Float[np.ndarray, " cutx"]:
        whole = known + sampled * x + unsampled
        return np.divide(sampled * x * q + open_, whole, out=np.full(len(x), none), where=whole > 0)

    # Where only excursions meet the condition, and all forks have draws, the share is q whatever x is.
    only = (known == 0) & (unsampled == 0)
    low = np.where(only, q_low, part(x_low, q_low, np.zeros(len(x)), 0.0))
    high = np.where(only, q_high, np.maximum(part(x_low, q_high, unsampled, 1.0), part(x_high, q_high, unsampled, 1.0)))
    return Conditional(
        value=np.where(estimate.share[:, condition] > 0, np.clip(value, 0.0, 1.0), np.nan),
        low=np.where(like, 1.0 - high, low),
        high=np.where(like, 1.0 - low, high),
    )


def conditional_of_draws(
    k: Float[np.ndarray, " cut"], n: Float[np.ndarray, " cut"], *, level: float, interval: IntervalKind
) -> Conditional:
    """k of the n draws that meet the condition: given n these are draws of the conditional probability, so its limits are plain."""
    low, high = proportion_limits(interval, k, n, level)
    return Conditional(value=np.divide(k, n, out=np.full(len(n), np.nan), where=n > 0), low=low, high=high)


def widen_conditional(found: Conditional, bound: Float[np.ndarray, " cutx"], condition: Float[np.ndarray, " cutx"]) -> Conditional:
    """Limits moved apart by ``bound`` / ``condition``, the least that the condition's probability can be; within [0, 1].

    If the probabilities of the event and of the rest of the condition are each off by at most d, their ratio V / (V + M) is between
    (V − d) / (V + M) and (V + d) / (V + M).
    """
    by = np.divide(bound, condition, out=np.where(bound > 0, 1.0, 0.0), where=condition > 0)
    return Conditional(value=found.value, low=np.maximum(found.low - by, 0.0), high=np.minimum(found.high + by, 1.0))
