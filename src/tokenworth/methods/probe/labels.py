"""What is to be told of a row, as far as draws and the forced answer tell it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from tokenworth.core.grade import Grade, Verdict
from tokenworth.methods.forced.settings import LEAST_MASS
from tokenworth.methods.survey.two_curves import cut_states
from tokenworth.stats.proportion import wilson


def needed_label(k: int, n: int, forced: float, *, margin: float, level: float, keep: bool) -> float:
    """1 where V(0) − the forced share of gold exceeds the margin, 0 where it does not, NaN where the draws do not tell.

    V(0) is k of n, with Wilson's limits; the forced share is read exactly, so the limits of the difference are those of V(0) less it.
    With ``keep`` the point estimate decides.
    """
    if n == 0 or np.isnan(forced):
        return float("nan")
    if keep:
        return float(k / n - forced > margin)
    low, high = wilson(np.asarray([k], dtype=np.float64), np.asarray([n], dtype=np.float64), level)
    if float(low[0]) - forced > margin:
        return 1.0
    return 0.0 if float(high[0]) - forced <= margin else float("nan")


def ending_label(asked: str, grade: Grade, labels: tuple[str, ...]) -> float:
    """The class of a trace by how it ended: its option, or 1 where it is right; NaN where it has none."""
    if asked == "option":
        return float(labels.index(grade.outcome)) if grade.outcome in labels else float("nan")
    return float("nan") if grade.verdict is Verdict.UNKNOWN else float(grade.verdict is Verdict.CORRECT)


def value_labels(by_cut: Sequence[Sequence[Grade]]) -> Float[np.ndarray, " cut"]:
    """V at each cut: the share of its rollouts that end in the right answer."""
    return np.asarray([np.mean([one.verdict is Verdict.CORRECT for one in grades]) for grades in by_cut], dtype=np.float64)


def state_labels(
    by_cut: Sequence[Sequence[Grade]],
    labels: tuple[str, ...],
    shares: Float[np.ndarray, "cut option"],
    mass: Float[np.ndarray, " cut"],
    decided: float,
) -> Float[np.ndarray, " cut"]:
    """The number of each cut's state, as `survey` defines them."""
    ends = [Counter(one.outcome for one in grades) for grades in by_cut]
    drawn = np.asarray([len(grades) for grades in by_cut], dtype=np.float64)
    said_end = np.asarray([one[labels[at]] for one, at in zip(ends, shares.argmax(axis=1).tolist(), strict=True)]) / drawn
    most = np.asarray([max(one[name] for name in labels) for one in ends]) / drawn
    return cut_states(shares, mass, said_end, most, least_mass=LEAST_MASS, decided=decided).astype(np.float64)


def forced_features(
    logprob: Float[np.ndarray, "cut option"],
) -> tuple[Float[np.ndarray, "cut feature"], Float[np.ndarray, "cut option"], Float[np.ndarray, " cut"]]:
    """What a forced answer tells without its key, the shares of the options, and their mass."""
    whole = np.logaddexp.reduce(logprob, axis=1)
    log_share = logprob - whole[:, None]
    share, mass = np.exp(log_share), np.exp(whole)
    entropy = -(share * log_share).sum(axis=1)
    return np.column_stack([log_share, share.max(axis=1), entropy, mass]), share, mass
