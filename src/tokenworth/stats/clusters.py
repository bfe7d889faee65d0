"""The mean of a quantity measured on several units, with an interval that takes the units, not their draws, as the sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.special import stdtrit  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]

from tokenworth.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterMean:
    """A mean over ``n`` units with its limits; NaN limits where there are fewer than two units."""

    value: float
    low: float
    high: float
    n: int


def cluster_mean(
    values: Float[np.ndarray, " unit"], noise: Float[np.ndarray, " unit"], *, level: float, least: float, most: float
) -> ClusterMean:
    """The mean of one value a unit, with Student's t limits at ``level`` over the units.

    m = Σ xᵢ/n ± t(n − 1) · √max(s²/n, Σ vᵢ/n²), cut at ``least`` and ``most``. s² is the variance between the units, which holds both how
    they differ and the noise of each; vᵢ is the noise of xᵢ alone (see `noise_of_share`). Where all units happen to agree, s² is 0 and
    would give a width of 0: the noise of the draws is the least that can be. Assumption: the units are a random sample of those the
    claim is about; draws within a unit may depend on one another in any way. NaN limits for a single unit, NaN throughout for none.

    Source: Student 1908; analysis of cluster means: Bland and Kerry 1997, "Trials randomised in clusters", BMJ 315:600.
    Differs: the floor, which makes the interval conservative where units hardly differ.
    """
    values, noise = np.asarray(values, dtype=np.float64), np.asarray(noise, dtype=np.float64)
    if not (np.isfinite(values).all() and (noise >= 0).all()):
        raise InvalidInput("cluster means need one finite value and one variance of 0 or more for each unit")
    n = len(values)
    if n == 0:
        return ClusterMean(value=float("nan"), low=float("nan"), high=float("nan"), n=0)
    mean = float(values.mean())
    if n == 1:
        return ClusterMean(value=mean, low=float("nan"), high=float("nan"), n=1)
    error = float(np.sqrt(max(float(values.var(ddof=1)) / n, float(noise.sum()) / n**2)))
    half = float(stdtrit(n - 1, 0.5 + level / 2)) * error  # pyright: ignore[reportUnknownArgumentType]
    return ClusterMean(value=mean, low=max(mean - half, least), high=min(mean + half, most), n=n)


def noise_of_share(k: Float[np.ndarray, " unit"], n: Float[np.ndarray, " unit"]) -> Float[np.ndarray, " unit"]:
    """An estimate of the variance of k/n that is never 0: p̃(1 − p̃)/(n + 2) with p̃ = (k + 1)/(n + 2).

    Source: Agresti and Caffo 2000, "Simple and effective confidence intervals for proportions and differences of proportions result from
    adding two successes and two failures", The American Statistician 54:280.
    """
    share = (np.asarray(k, dtype=np.float64) + 1) / (np.asarray(n, dtype=np.float64) + 2)
    return share * (1 - share) / (np.asarray(n, dtype=np.float64) + 2)
