"""Linear logistic models with an L2 penalty, fitted and applied in numpy: nothing else is needed to predict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from jaxtyping import Float
from scipy.optimize import minimize  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]
from scipy.special import expit  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]

from tokenworth.errors import InvalidInput

PENALTIES = (0.001, 0.01, 0.1, 1.0)
"""C, the inverse of the penalty, that are tried."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LinearModel:
    """Scores of rows: ((x − mean) / scale) · weight + intercept, one column for each class; one column where there are two classes."""

    mean: Float[np.ndarray, " feature"]
    scale: Float[np.ndarray, " feature"]
    weight: Float[np.ndarray, "feature class"]
    intercept: Float[np.ndarray, " class"]

    def scores(self, x: Float[np.ndarray, "row feature"]) -> Float[np.ndarray, "row class"]:
        """The scores, as log-odds."""
        return ((np.asarray(x, dtype=np.float64) - self.mean) / self.scale) @ self.weight + self.intercept


def fit_logistic(
    x: Float[np.ndarray, "row feature"],
    y: Float[np.ndarray, "row class"],
    weight: Float[np.ndarray, " row"],
    penalties: Sequence[float] = PENALTIES,
) -> tuple[LinearModel, ...]:
    """A model for each C: for every column of ``y`` the minimum of Σ wᵢ (log(1 + exp sᵢ) − yᵢ sᵢ) + ‖β‖² / 2C.

    ``y`` is 0 or 1, or a share of ``weight`` draws; features are standardised by these rows, and the intercept is not penalised. Several
    columns are one-against-the-rest. Source: as in scikit-learn's ``LogisticRegression``, whose coefficients it gives (see the tests);
    for shares the likelihood is binomial. Minimised by L-BFGS, within the span of the rows where there are more features than rows:
    the penalty makes the rest 0.
    """
    if not (np.isfinite(x).all() and np.isfinite(y).all() and (weight > 0).all()):
        raise InvalidInput("a probe needs finite features and labels, and weights above 0")
    x = np.asarray(x, dtype=np.float64)
    mean, spread = x.mean(axis=0), x.std(axis=0)
    varies = spread > 1e-12 * np.maximum(1.0, np.abs(mean))
    scale = np.where(varies, spread, 1.0)
    z, basis = (x - mean) / scale, None
    if z.shape[1] > z.shape[0]:
        basis = np.linalg.qr(z.T)[0]
        z = z @ basis
    found: list[LinearModel] = []
    beta = np.zeros((z.shape[1] + 1, y.shape[1]))
    for c in penalties:
        beta = np.stack([_minimum(z, y[:, k], weight, c, beta[:, k]) for k in range(y.shape[1])], axis=1)
        spanned = beta[:-1] if basis is None else basis @ beta[:-1]
        # What is constant here says nothing where it is not.
        found.append(LinearModel(mean=mean, scale=scale, weight=np.where(varies[:, None], spanned, 0.0), intercept=beta[-1].copy()))
    return tuple(found)


def _minimum(
    z: Float[np.ndarray, "row feature"],
    y: Float[np.ndarray, " row"],
    weight: Float[np.ndarray, " row"],
    c: float,
    start: Float[np.ndarray, " coefficient"],
) -> Float[np.ndarray, " coefficient"]:
    total = float(weight.sum())

    def loss(beta: Float[np.ndarray, " coefficient"]) -> tuple[float, Float[np.ndarray, " coefficient"]]:
        # Not by BLAS: its threads take longer than these small products on a busy machine, and their number would show in the last digits.
        score = np.einsum("ij,j->i", z, beta[:-1]) + beta[-1]
        rest = weight * (np.asarray(expit(score)) - y)
        value = float(weight @ (np.logaddexp(0.0, score) - y * score)) + float(beta[:-1] @ beta[:-1]) / (2 * c)
        return value / total, np.append(np.einsum("ij,i->j", z, rest) + beta[:-1] / c, rest.sum()) / total

    found = cast("Any", minimize)(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 500, "ftol": 1e-11, "gtol": 1e-6})
    return np.asarray(found.x, dtype=np.float64)


def deviance(score: Float[np.ndarray, "row class"], y: Float[np.ndarray, "row class"], weight: Float[np.ndarray, " row"]) -> float:
    """The mean of −log likelihood over rows and columns, nats a draw: the lower, the better."""
    return float((weight[:, None] * (np.logaddexp(0.0, score) - y * score)).sum() / (weight.sum() * y.shape[1]))
