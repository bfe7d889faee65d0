"""Scores of rows by models that never saw their question: nested folds, cross-fitted calibration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.special import expit  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]

from tokenworth.stats.folds import grouped_folds
from tokenworth.stats.logistic import PENALTIES, LinearModel, deviance, fit_logistic

UNPENALISED = 1e6
"""C of a calibration: two numbers a class need no penalty; this much of one keeps them finite where a score separates the classes."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Labelled:
    """What is to be predicted of each row."""

    y: Float[np.ndarray, "row class"]
    """0 or 1, or a share; one column where there are two classes."""
    weight: Float[np.ndarray, " row"]
    """How much a row counts in a fit; of a share: its draws."""
    question: Int[np.ndarray, " row"]
    """Whose row it is: rows of a question are never on both sides of a split."""
    kind: Int[np.ndarray, " row"]
    """Over what folds are kept even: label and stratum."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Nested:
    """Out-of-fold scores, and what each outer fold chose on the rows of the others.

    Scores are without the intercept: that follows the base rate of the training rows, which is high where the fold's own is low, so that
    rows without any signal would be ranked below chance.
    """

    score: Float[np.ndarray, "row class"]
    each: Float[np.ndarray, "set row class"]
    """The scores that each feature set alone would have given."""
    fold: Int[np.ndarray, " row"]
    chosen: Int[np.ndarray, " fold"]
    """Index of the feature set; the layer, where these are layers."""
    c: Float[np.ndarray, " fold"]


def nested_scores(x: Sequence[Float[np.ndarray, "row _"]], labelled: Labelled, *, outer: int, inner: int, seed: int) -> Nested:
    """The score of every row from a model whose feature set, penalty and weights were found without its question.

    Each outer fold's feature set (a layer) and C are those of the least `deviance` over grouped inner folds of the remaining rows. Choosing
    the best layer on the test rows themselves is the common leak. Source: Varma and Simon 2006, BMC Bioinformatics 7:91; Cawley and Talbot
    2010, JMLR 11:2079.
    """
    rng = np.random.default_rng(seed)
    fold = grouped_folds(labelled.question, labelled.kind, outer, rng)
    each = np.zeros((len(x), *labelled.y.shape))
    score, chosen, penalties = np.zeros_like(labelled.y), np.zeros(outer, dtype=np.int64), np.zeros(outer)
    for k in range(outer):
        train, test = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        losses = losses_of(x, labelled, train, inner=inner, rng=rng)
        best = [min(one, key=lambda c, one=one: one[c]) for one in losses]
        for at, c in enumerate(best):
            model = fit_logistic(x[at][train], labelled.y[train], labelled.weight[train], (c,))[0]
            each[at, test] = model.scores(x[at][test]) - model.intercept
        at = min(range(len(x)), key=lambda i: losses[i][best[i]])
        score[test], chosen[k], penalties[k] = each[at, test], at, best[at]
    return Nested(score=score, each=each, fold=fold, chosen=chosen, c=penalties)


def losses_of(
    x: Sequence[Float[np.ndarray, "row _"]],
    labelled: Labelled,
    rows: Int[np.ndarray, " chosen"],
    *,
    inner: int,
    rng: np.random.Generator,
) -> tuple[dict[float, float], ...]:
    """For each feature set: C → deviance of the out-of-fold scores over grouped folds of ``rows``, the same folds for all."""
    y, weight = labelled.y[rows], labelled.weight[rows]
    fold = grouped_folds(labelled.question[rows], labelled.kind[rows], inner, rng)
    found: list[dict[float, float]] = []
    for features in x:
        scores = {c: np.zeros_like(y) for c in PENALTIES}
        for k in range(inner):
            train, test = fold != k, fold == k
            for c, model in zip(PENALTIES, fit_logistic(features[rows][train], y[train], weight[train]), strict=True):
                scores[c][test] = model.scores(features[rows][test])
        found.append({c: deviance(score, y, weight) for c, score in scores.items()})
    return tuple(found)


# -- calibration ----------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Calibration:
    """From scores to probabilities: expit(slope · score + intercept) of each class, made to sum to 1 over several."""

    slope: Float[np.ndarray, " class"]
    intercept: Float[np.ndarray, " class"]

    def probability(self, score: Float[np.ndarray, "row class"]) -> Float[np.ndarray, "row class"]:
        """The probabilities."""
        p = np.asarray(expit(score * self.slope + self.intercept))
        return p if p.shape[1] == 1 else p / np.maximum(p.sum(axis=1, keepdims=True), 1e-300)


def calibrated_on(
    score: Float[np.ndarray, "row class"], y: Float[np.ndarray, "row class"], weight: Float[np.ndarray, " row"]
) -> Calibration:
    """The calibration that fits these scores, which must be out of fold. Source: Platt 1999, without his targets away from 0 and 1."""
    models = [fit_logistic(score[:, [k]], y[:, [k]], weight, (UNPENALISED,))[0] for k in range(score.shape[1])]
    slope = [float(one.weight[0, 0] / one.scale[0]) for one in models]
    return Calibration(
        slope=np.asarray(slope),
        intercept=np.asarray([float(one.intercept[0]) - k * float(one.mean[0]) for k, one in zip(slope, models, strict=True)]),
    )


def cross_fitted(nested: Nested, labelled: Labelled) -> Float[np.ndarray, "row class"]:
    """The probability of each row, by the calibration of the out-of-fold scores of the other folds: no question calibrates itself."""
    found = np.zeros_like(nested.score)
    for k in np.unique(nested.fold).tolist():
        rest, own = nested.fold != k, nested.fold == k
        made = calibrated_on(nested.score[rest], labelled.y[rest], labelled.weight[rest])
        found[own] = made.probability(nested.score[own])
    return found


def final_model(
    x: Sequence[Float[np.ndarray, "row _"]], labelled: Labelled, *, inner: int, seed: int
) -> tuple[int, float, LinearModel, Calibration]:
    """The model for other questions: layer and C by grouped folds of all rows, the calibration by the out-of-fold scores of that choice."""
    rng = np.random.default_rng(seed)
    losses = losses_of(x, labelled, np.arange(len(labelled.y)), inner=inner, rng=rng)
    at, c = min(((at, c) for at, one in enumerate(losses) for c in one), key=lambda pair: losses[pair[0]][pair[1]])
    fold = grouped_folds(labelled.question, labelled.kind, inner, rng)
    score = np.zeros_like(labelled.y)
    for k in range(inner):
        train = fold != k
        score[~train] = fit_logistic(x[at][train], labelled.y[train], labelled.weight[train], (c,))[0].scores(x[at][~train])
    model = fit_logistic(x[at], labelled.y, labelled.weight, (c,))[0]
    return at, c, model, calibrated_on(score, labelled.y, labelled.weight)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Rows of neighbouring predictions."""

    predicted: float
    observed: float
    n: int


def reliability(p: Float[np.ndarray, " row"], y: Float[np.ndarray, " row"], *, bins: int = 10) -> tuple[tuple[Bin, ...], float]:
    """Equal-count bins by prediction, and the calibration error: the mean of |predicted − observed| over rows.

    Source: Naeini, Cooper and Hauskrecht 2015, AAAI; equal counts: Nguyen and O'Connor 2015, EMNLP. The error is biased upwards by the
    noise of the bins: it is above 0 for a perfect model.
    """
    if not len(p):
        return (), float("nan")
    parts = [part for part in np.array_split(np.argsort(p, kind="stable"), min(bins, len(p))) if len(part)]
    made = tuple(Bin(predicted=float(p[part].mean()), observed=float(y[part].mean()), n=len(part)) for part in parts)
    return made, float(sum(one.n * abs(one.predicted - one.observed) for one in made) / len(p))
