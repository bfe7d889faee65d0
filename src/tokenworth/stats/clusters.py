"""The mean of a quantity measured on several units, with an interval that takes the units, not their draws, as the sample."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.special import stdtrit  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]

from tokenworth.core.estimate import Estimate
from tokenworth.errors import InvalidInput


def cluster_mean(
    values: Float[np.ndarray, " unit"], noise: Float[np.ndarray, " unit"], *, level: float, least: float, most: float
) -> Estimate:
    """The mean of one value a unit, with Student's t limits at ``level`` over the units and two pseudo-units.

    The value is the plain mean of the n units. The limits are ȳ ± t(n + 1) · √max(s²/(n + 2), Σ vᵢ/n²), cut at ``least`` and ``most``, with
    ȳ and s² the mean and variance of the units and of one unit at each of the two ends. s² holds both how the units differ and the noise
    of each; vᵢ is the noise of xᵢ alone (see `noise_of_share`), the least that the width can be.

    Why the pseudo-units: of a population in which one unit in twenty is unlike all others, most samples of ten hold none of the unlike.
    Their own variance is then nearly 0, and plain Student's t covers in 4 of 10 samples. Assumption: the units are a random sample of
    those the claim is about; draws within a unit may depend on one another in any way. No limits for a single unit, no number at all for
    none.

    Source: Student 1908; analysis of cluster means: Bland and Kerry 1997, "Trials randomised in clusters", BMJ 315:600; one success and
    one failure added: Agresti and Caffo 2000, The American Statistician 54:280, which this is for units that are all 0 or 1.
    Differs: any values between two ends, with t for z.
    """
    values, noise = np.asarray(values, dtype=np.float64), np.asarray(noise, dtype=np.float64)
    if not (np.isfinite(values).all() and (noise >= 0).all()):
        raise InvalidInput("cluster means need one finite value and one variance of 0 or more for each unit")
    n = len(values)
    if n == 0:
        return Estimate(value=None, low=None, high=None, n=0)
    mean = float(values.mean())
    if n == 1:
        return Estimate(value=mean, low=None, high=None, n=1)
    padded = np.append(values, [least, most])
    error = float(np.sqrt(max(float(padded.var(ddof=1)) / (n + 2), float(noise.sum()) / n**2)))
    half, middle = float(stdtrit(n + 1, 0.5 + level / 2)) * error, float(padded.mean())  # pyright: ignore[reportUnknownArgumentType]
    return Estimate(value=mean, low=max(min(middle - half, mean), least), high=min(max(middle + half, mean), most), n=n)


def noise_of_share(k: Float[np.ndarray, " unit"], n: Float[np.ndarray, " unit"]) -> Float[np.ndarray, " unit"]:
    """An estimate of the variance of k/n that is never 0: p̃(1 − p̃)/(n + 2) with p̃ = (k + 1)/(n + 2).

    Source: Agresti and Caffo 2000, "Simple and effective confidence intervals for proportions and differences of proportions result from
    adding two successes and two failures", The American Statistician 54:280.
    """
    share = (np.asarray(k, dtype=np.float64) + 1) / (np.asarray(n, dtype=np.float64) + 2)
    return share * (1 - share) / (np.asarray(n, dtype=np.float64) + 2)
