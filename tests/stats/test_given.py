"""P(target | verdict): the share of rollouts without a verdict is known, and so is the conditional probability; twins that must fail."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t as student_t

from tests.helpers import PLAIN, answer_directly, settings, toy_trace
from tokenworth.backends.toy.automaton import Automaton
from tokenworth.backends.toy.backend import ToyBackend, parse_automaton, toy_judge
from tokenworth.backends.toy.values import exact_outcomes
from tokenworth.methods.curve.experiment import curve
from tokenworth.methods.curve.result import CurveResult
from tokenworth.stats.excursions import Excursions, estimate_values
from tokenworth.stats.given import Conditional, conditional_of_draws, conditional_of_excursions, effective_number, widen_conditional
from tokenworth.stats.strata import make_strata

ENDS = {"right": (0, 1, 3, 7), "wrong": (0, 1, 3, 8), "open": (0, 1, 3, 9)}
"""A base that ends right, one that ends wrong, and one that has no verdict."""


def automaton() -> Automaton:
    """Four forks; from c half of the rollouts have no verdict, from d a fifth."""
    ends = {"r": {"outcome": "yes"}, "w": {"outcome": "no"}, "u": {"outcome": "unparseable"}}
    states = {
        "s": {"edges": [[0, 1.0, "a"]]},
        "a": {"edges": [[1, 0.6, "b"], [2, 0.4, "c"]]},
        "b": {"edges": [[3, 0.8, "d"], [4, 0.2, "c"]]},
        "c": {"edges": [[7, 0.15, "r"], [8, 0.35, "w"], [9, 0.5, "u"]]},
        "d": {"edges": [[7, 0.5, "r"], [8, 0.3, "w"], [9, 0.2, "u"]]},
    }
    return parse_automaton({"vocab_size": 10, "start": "s", "correct": "yes", "states": states | ends})


def truth(ids: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Share without a verdict, P(correct), and P(correct | verdict) at each cut; NaN where there is no verdict."""
    toy = automaton()
    shares = exact_outcomes(toy, toy_trace(toy, ids=ids).sequence, PLAIN)
    known = shares["yes"] + shares["no"]
    with np.errstate(invalid="ignore"):
        return shares["unparseable"], shares["yes"], shares["yes"] / known


def measured(plan: str, ids: tuple[int, ...], seed: int, **choices: object) -> CurveResult:
    toy = automaton()
    experiment = curve(toy_trace(toy, ids=ids), judge=toy_judge(toy), sampling=PLAIN, settings=settings(plan, seed=seed, **choices))
    result = answer_directly(experiment, ToyBackend(toy))
    assert isinstance(result, CurveResult)
    return result


RUNS = 100
T_OF_RUNS = float(student_t.isf(1e-6 / (2 * 6), RUNS - 1))
"""Six streams of runs together exceed it with probability 1e-6."""


@lru_cache(maxsize=8)
def runs(plan: str, end: str) -> tuple[CurveResult, ...]:
    amount = {"samples": 24} if plan == "plain" else {"max_rollouts": 90}
    return tuple(measured(plan, ENDS[end], seed, **amount) for seed in range(RUNS))


def coverage(plan: str, end: str, scale: float) -> float:
    """The highest coverage of the limits, moved towards the value by ``scale``, that the runs allow for."""
    wanted = truth(ENDS[end])[2]
    shares: list[float] = []
    for result in runs(plan, end):
        assert result.verdicts is not None
        value, low, high = (x[:4] for x in (result.verdicts.given, result.verdicts.given_low, result.verdicts.given_high))
        inside = (value - scale * (value - low) - 1e-9 <= wanted[:4]) & (wanted[:4] <= value + scale * (high - value) + 1e-9)
        shares.append(float(inside.mean()))
    return float(np.mean(shares) + T_OF_RUNS * np.std(shares, ddof=1) / np.sqrt(RUNS))


@pytest.mark.slow
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("plan", ["excursions", "plain"])
def test_limits_of_the_conditional_probability_cover_and_those_of_a_third_of_the_width_do_not(plan: str, end: str) -> None:
    assert coverage(plan, end, 1.0) >= 0.95
    assert coverage(plan, end, 0.33) < 0.95


@pytest.mark.slow
@pytest.mark.parametrize("plan", ["excursions", "plain"])
def test_the_open_share_and_the_upper_limit_if_all_were_hits_are_those_of_the_rollouts(plan: str) -> None:
    missing, value, given_verdict = truth(ENDS["right"])
    found = [run.verdicts for run in runs(plan, "right")]
    for name, wanted, tolerance in (("missing", missing, 0.03), ("given", given_verdict, 0.05)):
        mean = np.mean([getattr(one, name) for one in found], axis=0)
        assert np.abs(mean - wanted)[:4].max() < tolerance, name
    above = np.mean([one.high_if_met[:4] >= (value + missing)[:4] for one in found])
    inside = np.mean([(one.missing_low <= missing + 1e-9)[:4] & (missing <= one.missing_high + 1e-9)[:4] for one in found])
    assert above >= 0.95 and inside >= 0.93, (above, inside)


def test_the_value_given_a_verdict_is_the_value_over_the_share_with_one() -> None:
    for plan, amount in (("excursions", {"max_rollouts": 60}), ("plain", {"samples": 30})):
        result = measured(plan, ENDS["wrong"], 3, **amount)
        found = result.verdicts
        assert found is not None
        np.testing.assert_allclose(found.given, result.value / (1 - found.missing), atol=1e-12)
        assert (found.given_low <= found.given + 1e-12).all() and (found.given <= found.given_high + 1e-12).all()
        assert (found.high_if_met >= result.high - 1e-12).all() and (found.given >= result.value - 1e-12).all()


def test_a_base_without_a_verdict_ends_in_no_conditional_probability() -> None:
    found = measured("excursions", ENDS["open"], 1, max_rollouts=60).verdicts
    assert found is not None and found.missing[-1] == 1 and np.isnan(found.given[-1])
    assert (found.given_low[-1], found.given_high[-1]) == (0, 1)


def test_where_every_rollout_has_a_verdict_nothing_is_left_open() -> None:
    from tests.helpers import ladder

    toy = ladder()
    for plan in ("excursions", "plain"):
        amount = {"samples": 5} if plan == "plain" else {"max_rollouts": 20}
        experiment = curve(toy_trace(toy, ids=(0, 1, 3, 6)), judge=toy_judge(toy), sampling=PLAIN, settings=settings(plan, **amount))
        assert answer_directly(experiment, ToyBackend(toy)).verdicts is None


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=12), st.integers(0, 25), st.sampled_from([0, 1, 2]), st.integers(0, 2**32 - 1))
def test_limits_hold_the_value_and_follow_the_formula(p: list[float], n: int, base: int, seed: int) -> None:
    """Any draws at any forks: labels 0 (miss), 1 (hit), 2 (no verdict)."""
    strata, rng = make_strata(np.asarray(p), 0.05), np.random.default_rng(seed)
    forks = np.flatnonzero(strata.p < 1)
    cut = rng.choice(forks, size=n) if len(forks) else np.zeros(0, dtype=np.int64)
    label = rng.integers(0, 3, size=len(cut))
    groups = np.asarray([[0.0, 1.0], [1.0, 1.0], [0.0, 0.0]])
    estimate = estimate_values(strata, Excursions(cut=cut, label=label), groups=groups, base_label=base, level=0.9, interval="beta")
    number = np.bincount(cut, minlength=strata.n_cuts).astype(float)
    chosen = np.bincount(cut[label < 2], minlength=strata.n_cuts).astype(float)
    effective = effective_number(strata, number, chosen)
    found = conditional_of_excursions(estimate, effective, event=0, condition=1, level=0.9, interval="beta")
    known = ~np.isnan(found.value)
    assert (found.low >= -1e-12).all() and (found.high <= 1 + 1e-12).all()
    assert (found.low[known] <= found.value[known] + 1e-9).all() and (found.value[known] <= found.high[known] + 1e-9).all()
    ratio = estimate.share[known, 0] / estimate.share[known, 1]
    np.testing.assert_allclose(found.value[known], np.clip(ratio, 0, 1), atol=1e-9)
    # All draws chosen: the effective number is Kish's of all of them.
    np.testing.assert_allclose(effective_number(strata, number, number), estimate.weights.n_effective, rtol=1e-9, atol=1e-12)
    assert (effective <= chosen.sum() + 1e-9).all()


def test_one_fork_without_a_base_is_a_plain_share() -> None:
    """A base that has no verdict and is left for certain: k of the m draws with a verdict."""
    strata = make_strata(np.asarray([0.0]), 0.05)
    label = np.repeat([0, 1, 2], [6, 3, 11])
    groups = np.asarray([[0.0, 1.0], [1.0, 1.0], [0.0, 0.0]])
    draws = Excursions(cut=np.zeros(20, dtype=np.int64), label=label)
    estimate = estimate_values(strata, draws, groups=groups, base_label=2, level=0.95, interval="wilson")
    n = effective_number(strata, np.asarray([20.0]), np.asarray([9.0]))
    found = conditional_of_excursions(estimate, n, event=0, condition=1, level=0.95, interval="wilson")
    plain = conditional_of_draws(np.asarray([3.0]), np.asarray([9.0]), level=0.95, interval="wilson")
    for name in ("value", "low", "high"):
        np.testing.assert_allclose(getattr(found, name)[0], getattr(plain, name)[0], atol=1e-9)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 0.3), st.floats(-1, 1), st.floats(-1, 1))
def test_a_ratio_is_no_farther_off_than_the_widening(v: float, m: float, d: float, up: float, across: float) -> None:
    whole = v + m
    if not 0.01 < whole <= 1:
        return
    v_true, m_true = max(0.0, v + up * d), max(0.0, m + across * d)
    if v_true + m_true <= 1e-9:
        return
    exact = np.asarray([v / whole])
    found = widen_conditional(Conditional(value=exact, low=exact, high=exact), np.asarray([d]), np.asarray([whole]))
    assert found.low[0] - 1e-9 <= v_true / (v_true + m_true) <= found.high[0] + 1e-9
