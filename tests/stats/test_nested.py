"""Probes whose truth is known: planted directions, coins, names of tasks, exact probabilities."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import norm

from tokenworth.errors import InvalidInput
from tokenworth.stats.auroc import auroc
from tokenworth.stats.folds import grouped_folds, random_by, shuffled_within
from tokenworth.stats.logistic import PENALTIES, fit_logistic
from tokenworth.stats.nested import Labelled, cross_fitted, final_model, nested_scores, reliability
from tokenworth.stats.paired_scores import PairedScores, noise_ceiling, r_squared

FALSE_ALARM = 1e-6
"""Two-sided, of every bound here that is statistical; all are at fixed seeds."""
Z = float(norm.isf(FALSE_ALARM / 2))


def labelled(y: np.ndarray, question: np.ndarray, stratum: np.ndarray | None = None) -> Labelled:
    kind = y.astype(np.int64) + 2 * (np.zeros(len(y), dtype=np.int64) if stratum is None else stratum)
    return Labelled(y=y[:, None].astype(np.float64), weight=np.ones(len(y)), question=question, kind=kind)


def area(score: np.ndarray, y: np.ndarray) -> float:
    return float(auroc(score.reshape(len(y), -1), y.reshape(len(y), -1).astype(np.float64), np.ones((1, len(y))))[0])


def bound(n: int) -> float:
    """How far an AUROC of n rows without any signal is from .5 (Hanley and McNeil 1982): √((n + 1) / 12 n₊ n₋) standard errors."""
    return Z * float(np.sqrt((n + 1) / (12 * (n / 2) ** 2)))


# -- AUROC ----------------------------------------------------------------------------------------------------------------------------


def test_the_area_is_the_share_of_pairs_in_order() -> None:
    rng = np.random.default_rng(1)
    score, y, weight = rng.integers(0, 6, 60).astype(float), rng.random(60) < 0.4, rng.integers(0, 4, (3, 60)).astype(float)
    found = auroc(score[:, None], y[:, None].astype(float), weight)
    for row, w in enumerate(weight):
        pairs = [(w[i] * w[j], (score[i] > score[j]) + 0.5 * (score[i] == score[j])) for i in np.flatnonzero(y) for j in np.flatnonzero(~y)]
        assert found[row] == pytest.approx(sum(a * b for a, b in pairs) / sum(a for a, _ in pairs), abs=1e-12)
    assert np.isnan(area(score, np.ones(60)))


def test_a_share_counts_as_its_draws() -> None:
    rng = np.random.default_rng(2)
    score, k = rng.normal(size=30), rng.integers(0, 5, 30)
    split = np.concatenate([[1.0] * a + [0.0] * (4 - a) for a in k])
    whole = auroc(score[:, None], (k / 4)[:, None], np.full((1, 30), 4.0))[0]
    assert whole == pytest.approx(area(np.repeat(score, 4), split), abs=1e-12)


# -- fits -----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rows", "width"), [(150, 12), (40, 90)])
def test_coefficients_are_those_of_scikit_learn(rows: int, width: int) -> None:
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(3)
    x = rng.normal(1, 2, (rows, width))
    x[:, 1] = 4.0
    y = (rng.random(rows) < expit(x[:, 0] - 1)).astype(float)
    z = (x - x.mean(axis=0)) / np.where(x.std(axis=0) > 0, x.std(axis=0), 1)
    for c, model in zip(PENALTIES, fit_logistic(x, y[:, None], np.ones(rows)), strict=True):
        theirs = LogisticRegression(C=c, tol=1e-10, max_iter=5000).fit(z, y)
        assert np.abs(model.weight[:, 0] - theirs.coef_[0]).max() < 2e-4
        assert model.intercept[0] == pytest.approx(theirs.intercept_[0], abs=2e-4)
        assert model.weight[1, 0] == 0


def test_a_share_of_draws_fits_as_the_draws_do() -> None:
    rng = np.random.default_rng(4)
    x, k = rng.normal(size=(40, 3)), rng.integers(0, 6, 40)
    (shares,) = fit_logistic(x, (k / 5)[:, None], np.full(40, 5.0), (0.5,))
    one_by_one = np.concatenate([[1.0] * a + [0.0] * (5 - a) for a in k])
    (draws,) = fit_logistic(np.repeat(x, 5, axis=0), one_by_one[:, None], np.ones(200), (0.5,))
    assert np.allclose(shares.weight, draws.weight, atol=1e-4)


def test_what_is_no_number_is_refused() -> None:
    with pytest.raises(InvalidInput, match="finite"):
        fit_logistic(np.full((3, 1), np.nan), np.ones((3, 1)), np.ones(3))


# -- folds ----------------------------------------------------------------------------------------------------------------------------


def test_folds_keep_questions_whole_and_kinds_even() -> None:
    rng = np.random.default_rng(5)
    question = np.repeat(np.arange(50), 3)
    kind = (question % 2) + 2 * (question >= 30)
    fold = grouped_folds(question, kind, 5, rng)
    assert all(len(set(fold[question == q])) == 1 for q in range(50))
    for one in range(4):
        counts = np.bincount(fold[kind == one][::3], minlength=5)
        assert np.ptp(counts) <= 1
    partner = shuffled_within(kind, rng)
    assert sorted(partner) == list(range(150)) and (kind[partner] == kind).all()
    coin = random_by(question, 2, rng)
    assert coin.sum() == 75 and all(len(set(coin[question == q])) == 1 for q in range(50))


# -- probes with a known truth --------------------------------------------------------------------------------------------------------


def test_a_planted_direction_is_found_at_its_layer() -> None:
    """d′ = 2 along one direction of 16: AUROC Φ(2/√2) = .921. Sampling error of an AUROC (Hanley and McNeil), and at most .02 lost in the
    fit."""
    rng = np.random.default_rng(6)
    n, truth = 600, float(norm.cdf(2 / np.sqrt(2)))
    y = np.arange(n) % 2
    noise, planted = rng.normal(size=(n, 16)), rng.normal(size=(n, 16))
    planted[:, 5] += 2 * y
    found = nested_scores([noise, planted], labelled(y, np.arange(n)), outer=4, inner=3, seed=0)
    q1, q2 = truth / (2 - truth), 2 * truth**2 / (1 + truth)
    error = np.sqrt((truth * (1 - truth) + (n / 2 - 1) * (q1 + q2 - 2 * truth**2)) / (n / 2) ** 2)
    assert truth - 0.02 - Z * error < area(found.score, y) < truth + Z * error
    assert (found.chosen == 1).all()
    assert abs(area(found.each[0], y) - 0.5) < bound(n) and np.array_equal(found.each[1], found.score)


def coins() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows that know their question and nothing else, with a coin for each question."""
    rng = np.random.default_rng(7)
    question = np.repeat(np.arange(80), 6)
    x = rng.normal(size=(80, 90))[question] + 0.3 * rng.normal(size=(480, 90))
    return x, random_by(question, 2, rng), question


def test_a_coin_for_each_question_is_not_told() -> None:
    """The bound is that of the 80 questions: their rows are copies."""
    x, y, question = coins()
    found = nested_scores([x], labelled(y, question), outer=4, inner=3, seed=0)
    assert abs(area(found.score, y) - 0.5) < bound(80)


def test_a_split_over_rows_tells_it() -> None:
    """The negative twin: the same rows, split at random."""
    x, y, _ = coins()
    found = nested_scores([x], labelled(y, np.arange(len(y))), outer=4, inner=3, seed=0)
    assert area(found.score, y) > 0.5 + bound(80)


def test_a_label_that_is_the_stratum_survives_a_shuffle_within_strata() -> None:
    """What is the same in a whole stratum cannot be shuffled away within it: the control then equals the probe, and the null is not .5."""
    rng = np.random.default_rng(8)
    stratum = np.repeat([0, 1], 100)
    x = rng.normal(size=(200, 6)) + stratum[:, None]
    partner = shuffled_within(stratum, rng)
    assert np.array_equal(stratum[partner], stratum)
    found = nested_scores([x], labelled(stratum, np.arange(200), stratum), outer=4, inner=3, seed=0)
    assert area(found.score, stratum) > 0.9


def test_the_layer_is_not_chosen_on_the_rows_that_score_it() -> None:
    """20 layers of noise: the best of them by its own score is above .5, the nested one is not."""
    rng = np.random.default_rng(9)
    y = np.arange(160) % 2
    found = nested_scores([rng.normal(size=(160, 4)) for _ in range(20)], labelled(y, np.arange(160)), outer=4, inner=3, seed=0)
    best = max(area(one, y) for one in found.each)
    assert abs(area(found.score, y) - 0.5) < bound(160)
    assert best > 0.55


# -- calibration ----------------------------------------------------------------------------------------------------------------------


def test_probabilities_of_logistic_data_are_calibrated() -> None:
    rng = np.random.default_rng(10)
    n = 2000
    x = rng.normal(size=(n, 2))
    p = expit(1.5 * x[:, 0] - 0.5)
    y = (rng.random(n) < p).astype(float)
    found = nested_scores([x], labelled(y, np.arange(n)), outer=4, inner=3, seed=0)
    made = cross_fitted(found, labelled(y, np.arange(n)))
    bins, error = reliability(made[:, 0], y)
    assert len(bins) == 10 and sum(one.n for one in bins) == n
    for one in bins:
        assert abs(one.predicted - one.observed) < Z * np.sqrt(0.25 / one.n)
    assert error < 0.05
    assert reliability(np.clip(made[:, 0] + 0.3, 0, 1), y)[1] > 0.15
    at, _, model, calibration = final_model([x], labelled(y, np.arange(n)), inner=4, seed=0)
    assert at == 0 and np.abs(calibration.probability(model.scores(x))[:, 0] - p).max() < 0.12


def test_the_share_explained_has_the_ceiling_of_its_noise() -> None:
    rng = np.random.default_rng(11)
    truth = rng.random(4000)
    y = rng.binomial(20, truth) / 20
    exact = float(r_squared(truth[:, None], y[:, None], np.ones((1, 4000)))[0])
    assert exact == pytest.approx(noise_ceiling(y, np.full(4000, 20.0)), abs=0.01)
    assert float(r_squared(np.full((4000, 1), y.mean()), y[:, None], np.ones((1, 4000)))[0]) == pytest.approx(0, abs=1e-9)
    assert np.isnan(noise_ceiling(np.ones(3), np.full(3, 5.0)))


# -- pairs ----------------------------------------------------------------------------------------------------------------------------


def test_the_difference_of_scores_has_limits_over_questions() -> None:
    rng = np.random.default_rng(12)
    question = np.repeat(np.arange(100), 2)
    y = rng.integers(0, 2, 100)[question]
    good, poor = y + rng.normal(size=200), 0.3 * y + rng.normal(size=200)
    pairs = PairedScores(y[:, None].astype(float), question, auroc, level=0.95, seed=0)
    pairs.add({"good": good[:, None], "poor": poor[:, None], "again": good[:, None] * 3})
    gain = pairs.difference("good", "poor")
    assert gain.low is not None and gain.high is not None and gain.value is not None and gain.low < gain.value < gain.high
    assert tuple(pairs.difference("good", "again")) == (0.0, 0.0, 0.0)
    assert pairs.of("good").n == 100
    copies = PairedScores(np.repeat(y, 4)[:, None].astype(float), np.repeat(question, 4), auroc, level=0.95, seed=0)
    copies.add({"good": np.repeat(good, 4)[:, None]})
    assert tuple(copies.of("good")) == pytest.approx(tuple(pairs.of("good"))), "copies of rows are no evidence"
