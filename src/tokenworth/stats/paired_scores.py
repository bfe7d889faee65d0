"""How well several scores predict the same rows, and by how much one is better: limits from resampled questions."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from jaxtyping import Float, Int

from tokenworth.core.estimate import Estimate
from tokenworth.stats.by_cluster import RESAMPLES, percentile_limits, resample_counts

Quality = Callable[
    [Float[np.ndarray, "row class"], Float[np.ndarray, "row class"], Float[np.ndarray, "resample row"]], Float[np.ndarray, " resample"]
]
"""(scores, labels, weights of the rows in each resample) -> how well the scores predict, in each."""


def r_squared(
    p: Float[np.ndarray, "row class"], y: Float[np.ndarray, "row class"], weight: Float[np.ndarray, "resample row"]
) -> Float[np.ndarray, " resample"]:
    """1 − Σw(y − p)² / Σw(y − ȳ)² under each row of weights: the share of the variance that the predictions explain; NaN without any."""
    total = weight.sum(axis=1)
    y, p = y[:, 0], p[:, 0]
    mean = np.divide(weight @ y, total, out=np.zeros(len(weight)), where=total > 0)
    spread = weight @ y**2 - total * mean**2
    miss = weight @ (y - p) ** 2
    return 1 - np.divide(miss, spread, out=np.full(len(weight), np.nan), where=spread > 1e-12 * np.maximum(total, 1.0))


def noise_ceiling(y: Float[np.ndarray, " row"], draws: Float[np.ndarray, " row"]) -> float:
    """The R² of the true shares for shares measured by ``draws`` draws each: 1 − mean of y(1 − y)/(draws − 1) over the variance of y.

    NaN where nothing varies, or a share has one draw.
    """
    spread = float(y.var())
    if spread == 0 or (draws < 2).any():
        return float("nan")
    return max(0.0, 1 - float((y * (1 - y) / (draws - 1)).mean()) / spread)


class PairedScores:
    """The quality of scores of the same rows, each with limits over the same resamples of the questions.

    The limits say what other questions would give for these scores; how the scores would differ had other questions trained them
    is not in them. Source: Efron and Tibshirani 1993, chapter 8 (clusters resampled whole); limits: `percentile_limits`.
    """

    def __init__(
        self, y: Float[np.ndarray, "row class"], question: Int[np.ndarray, " row"], quality: Quality, *, level: float, seed: int
    ) -> None:
        self._y, self._quality, self._level = y, quality, level
        _, index = np.unique(question, return_inverse=True)
        self._n = int(index.max()) + 1 if len(index) else 0
        drawn = resample_counts(self._n, np.random.default_rng(seed), RESAMPLES) if self._n else np.zeros((RESAMPLES, 0))
        self._weight = np.vstack([np.ones(len(y)), drawn[:, index]])
        self._known: dict[str, Float[np.ndarray, " resample"]] = {}

    def add(self, scores: Mapping[str, Float[np.ndarray, "row class"]]) -> None:
        """Takes scores under their names."""
        for name, score in scores.items():
            self._known[name] = self._quality(score, self._y, self._weight)

    def of(self, name: str) -> Estimate:
        """The quality of a score."""
        return self._estimate(self._known[name])

    def difference(self, first: str, second: str) -> Estimate:
        """How much better the first score is."""
        return self._estimate(self._known[first] - self._known[second])

    def _estimate(self, values: Float[np.ndarray, " resample"]) -> Estimate:
        low, high = percentile_limits(values[1:], self._n, self._level) if self._n > 1 else (np.nan, np.nan)
        return Estimate.of(float(values[0]), low, high, n=self._n)
