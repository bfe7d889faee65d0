"""The value curve against exact automata: expectation, coverage, budgets, and twins that must fail."""

from __future__ import annotations

import numpy as np
import pytest

from helpers import PLAIN, answer_directly, ladder, settings, toy_trace
from tokenworth.backends.toy import ToyBackend, parse_automaton, toy_judge
from tokenworth.backends.toy_automaton import Automaton
from tokenworth.backends.toy_values import exact_outcomes, exact_values, random_automaton
from tokenworth.core.request import NextToken, Sample
from tokenworth.core.tokens import Trace
from tokenworth.errors import InvalidInput, TokenworthError
from tokenworth.methods.curve import curve
from tokenworth.methods.plain import coarse_first
from tokenworth.methods.results import CurveResult

LADDER_IDS = (0, 1, 3, 6)
LADDER_VALUES = (0.7 * (0.9 * 0.8 + 0.1 * 0.5) + 0.3 * 0.5,) * 2 + (0.9 * 0.8 + 0.1 * 0.5, 0.8, 1.0)


def measure(automaton: Automaton, trace: Trace, plan: str = "excursions", **choices: object) -> CurveResult:
    experiment = curve(trace, judge=toy_judge(automaton), settings=settings(plan, **choices))
    result = answer_directly(experiment, ToyBackend(automaton))
    assert isinstance(result, CurveResult)
    return result


def test_the_oracle_itself_gives_the_sums_done_by_hand() -> None:
    automaton = ladder()
    np.testing.assert_allclose(exact_values(automaton, toy_trace(automaton, ids=LADDER_IDS).sequence, PLAIN), LADDER_VALUES)


@pytest.mark.parametrize("plan", ["excursions", "plain"])
def test_mean_over_streams_is_the_exact_value(plan: str) -> None:
    """Unbiasedness: mean of 120 independent runs within 5.5 standard errors at each of 5 cuts (false alarm < 4e-7)."""
    automaton = ladder()
    trace = toy_trace(automaton, ids=LADDER_IDS)
    runs = np.stack(
        [
            measure(
                automaton, trace, plan, seed=s, samples=12 if plan == "plain" else None, max_rollouts=None if plan == "plain" else 48
            ).value
            for s in range(120)
        ]
    )
    error = np.abs(runs.mean(axis=0) - LADDER_VALUES)
    bound = 5.5 * runs.std(axis=0, ddof=1) / np.sqrt(len(runs)) + 1e-9
    assert (error <= bound).all(), (error, bound)
    wrong = np.asarray(LADDER_VALUES) + np.asarray([0.05, 0.05, 0.05, 0.05, 0.0])
    assert not (np.abs(runs.mean(axis=0) - wrong) <= bound).all(), "the test cannot tell a bias of 0.05"


def test_outcome_distribution_is_exact_in_the_limit_and_sums_to_one() -> None:
    rng = np.random.default_rng(3)
    automaton = random_automaton(rng, length=40)
    trace = toy_trace(automaton, seed=4)
    result = measure(automaton, trace, max_rollouts=6000, seed=9)
    np.testing.assert_allclose(result.outcomes.sum(axis=1), 1.0, atol=1e-9)
    truth = exact_outcomes(automaton, trace.sequence, PLAIN)
    for column, label in enumerate(result.labels):
        assert np.abs(result.outcomes[:, column] - truth[label]).max() < 0.08
    column = result.labels.index(automaton.correct)
    np.testing.assert_allclose(result.value, result.outcomes[:, column], atol=1e-12)


def _coverage(kind: str, scale: float) -> float:
    covered: list[float] = []
    for number in range(10):
        rng = np.random.default_rng([11, number])
        automaton = random_automaton(rng, length=60, certain_share=0.75)
        trace = toy_trace(automaton, seed=number)
        truth = exact_values(automaton, trace.sequence, PLAIN)
        for seed in range(8):
            result = measure(automaton, trace, max_rollouts=150, seed=100 + seed, interval=kind)
            low = result.value - scale * (result.value - result.low)
            high = result.value + scale * (result.high - result.value)
            covered.append(float(np.mean((low - 1e-9 <= truth) & (truth <= high + 1e-9))))
    return float(np.mean(covered))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["wilson", "beta"])
def test_intervals_cover(kind: str) -> None:
    """Mean coverage over 80 runs; one run's share has a standard deviation near 0.06, so 0.92 is over 4.5 standard errors below 0.955."""
    assert 0.92 <= _coverage(kind, 1.0) <= 0.995


@pytest.mark.slow
def test_intervals_of_half_the_width_do_not_cover() -> None:
    assert _coverage("wilson", 0.5) < 0.90


def test_a_certain_trace_costs_nothing() -> None:
    automaton = parse_automaton(
        {
            "vocab_size": 2,
            "start": "a",
            "states": {"a": {"edges": [[0, 1.0, "b"]]}, "b": {"edges": [[1, 1.0, "r"]]}, "r": {"outcome": "yes"}},
            "correct": "yes",
        }
    )
    result = measure(automaton, toy_trace(automaton), half_width=0.05)
    assert result.n_rollouts == 0 and result.generated_tokens == 0
    np.testing.assert_array_equal(result.value, 1.0)
    np.testing.assert_array_equal(result.low, 1.0)


def test_an_unsampled_fork_widens_the_interval_by_its_whole_probability() -> None:
    automaton = ladder()
    result = measure(automaton, toy_trace(automaton, ids=LADDER_IDS), max_rollouts=1, seed=1)
    assert result.n_rollouts == 1
    known = 0.7 * 0.9 * 0.8
    np.testing.assert_allclose(result.leave[0], 1 - known)
    assert result.high[0] - result.low[0] >= result.unsampled[0] - 1e-12
    assert (result.low <= np.asarray(LADDER_VALUES) + 1e-9).all() and (np.asarray(LADDER_VALUES) <= result.high + 1e-9).all()


def test_budgets_hold() -> None:
    automaton = random_automaton(np.random.default_rng(5), length=60)
    trace = toy_trace(automaton, seed=5)
    for most in (1, 7, 100):
        assert measure(automaton, trace, max_rollouts=most).n_rollouts == most
        assert measure(automaton, trace, "plain", samples=20, max_rollouts=most).n_rollouts == most
    tokens = measure(automaton, trace, max_tokens=2000)
    assert 1000 <= tokens.generated_tokens <= 2000 + 64 * 60
    assert tokens.stopped == "budget spent"


def test_targets_are_reached_at_every_cut() -> None:
    automaton = random_automaton(np.random.default_rng(6), length=50)
    trace = toy_trace(automaton, seed=6)
    narrow = measure(automaton, trace, half_width=0.08)
    assert ((narrow.high - narrow.low) / 2 <= 0.08).all()
    worth = measure(automaton, trace, samples=30)
    leaving = worth.leave > 0
    assert (worth.n_effective[leaving] / worth.leave[leaving] ** 2 >= 30).all()


def test_stride_measures_its_grid_and_says_nothing_of_the_rest() -> None:
    automaton = random_automaton(np.random.default_rng(7), length=50)
    trace = toy_trace(automaton, seed=7)
    result = measure(automaton, trace, "stride", stride=8, samples=10)
    grid = sorted({*range(0, trace.n_trace + 1, 8), trace.n_trace})
    assert np.flatnonzero(result.n_started).tolist() == grid
    assert np.isnan(np.delete(result.value, grid)).all() and np.isnan(np.delete(result.low, grid)).all()
    assert (result.n_effective[grid] == 10).all()


def test_refinement_closes_in_on_a_jump() -> None:
    """Base 0 … 9 with one deciding fork at 6: before it V = .5, after it 1. Only cuts beside the jump get refined down to neighbours."""
    states: dict[str, object] = {f"{i}": {"edges": [[i % 4, 1.0, f"{i + 1}"]]} for i in range(40) if i != 25}
    states |= {"25": {"edges": [[0, 0.5, "26"], [1, 0.5, "w"]]}, "40": {"outcome": "yes"}, "w": {"outcome": "no"}}
    automaton = parse_automaton({"vocab_size": 4, "start": "0", "states": states, "correct": "yes"})
    trace = toy_trace(automaton, ids=tuple(0 if i == 25 else i % 4 for i in range(40)))
    result = measure(automaton, trace, "stride", stride=10, samples=60, refine=0.3)
    assert result.n_started[25] and result.n_started[26]
    assert result.value[26] == 1.0 and result.value[25] < 0.8
    assert np.count_nonzero(result.n_started) <= 5 + 4


def test_more_samples_keep_the_earlier_draws() -> None:
    automaton = ladder()
    trace = toy_trace(automaton, ids=LADDER_IDS)
    few, many = (measure(automaton, trace, "plain", samples=n) for n in (5, 9))
    first = {(d.cut, d.index): d.rollout for d in few.draws}
    second = {(d.cut, d.index): d.rollout for d in many.draws}
    assert all(second[key] == rollout for key, rollout in first.items()) and len(second) == 9 * 5


def test_requests_name_the_shared_sequence() -> None:
    automaton = ladder()
    trace = toy_trace(automaton, ids=LADDER_IDS)
    experiment = curve(trace, judge=toy_judge(automaton), settings=settings(max_rollouts=5))
    (table,) = next(experiment)
    assert isinstance(table, NextToken) and table.sequence is trace.sequence
    answers = dict(_answer(ToyBackend(automaton), (table,)))
    batch = experiment.send(tuple(answers.values()))
    assert all(isinstance(r, Sample) and r.sequence is trace.sequence and r.leave for r in batch)


def _answer(backend: ToyBackend, requests: tuple[NextToken, ...]) -> list[tuple[str, object]]:
    from tokenworth.core.ports import KeyedRequest

    return list(backend.answer([KeyedRequest(key=str(i), request=r) for i, r in enumerate(requests)]))


def test_coarse_first_is_a_permutation_that_spreads() -> None:
    cuts = tuple(range(100))
    ordered = coarse_first(cuts)
    assert sorted(ordered) == list(cuts)
    assert np.diff(np.sort(ordered[:15])).max() <= 16


@pytest.mark.parametrize(
    "choices",
    [
        {"plan": "plain", "samples": 0},
        {"plan": "plain"},
        {"plan": "stride", "samples": 3},
        {"plan": "stride", "samples": 3, "stride": 0},
        {"plan": "excursions"},
        {"plan": "excursions", "half_width": 0.7},
        {"plan": "excursions", "max_rollouts": 0},
        {"plan": "plain", "samples": 3, "level": 1.0},
        {"plan": "plain", "samples": 3, "refine": 0.2},
    ],
)
def test_settings_that_mean_nothing_are_refused_in_one_line(choices: dict[str, object]) -> None:
    with pytest.raises(TokenworthError) as caught:
        settings(**choices)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_sampling_below_zero_is_refused() -> None:
    from dataclasses import replace

    for field, value in (
        ("temperature", -0.1),
        ("temperature", float("nan")),
        ("top_p", 0.0),
        ("top_k", -1),
        ("min_p", 1.0),
        ("max_tokens", 0),
    ):
        with pytest.raises(InvalidInput, match=r"expected"):
            replace(PLAIN, **{field: value})
