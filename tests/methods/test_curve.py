"""The value curve against exact automata: expectation, coverage, budgets, and twins that must fail."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
from scipy.stats import chi2
from scipy.stats import t as student_t

from tests.helpers import PLAIN, answer_directly, ladder, settings, toy_trace
from tokenworth.backends.toy.automaton import Automaton
from tokenworth.backends.toy.backend import ToyBackend, parse_automaton, toy_judge
from tokenworth.backends.toy.values import exact_outcomes, exact_values, random_automaton
from tokenworth.core.request.next_token import NextToken
from tokenworth.core.request.sample import Sample
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import Trace
from tokenworth.errors import InvalidInput, TokenworthError
from tokenworth.methods.curve.experiment import curve
from tokenworth.methods.curve.plain import coarse_first
from tokenworth.methods.curve.result import CurveResult
from tokenworth.methods.curve.settings import DEFAULT_HALF_WIDTH

LADDER_IDS = (0, 1, 3, 6)
LADDER_VALUES = (0.7 * (0.9 * 0.8 + 0.1 * 0.5) + 0.3 * 0.5,) * 2 + (0.9 * 0.8 + 0.1 * 0.5, 0.8, 1.0)


def measure(automaton: Automaton, trace: Trace, plan: str = "excursions", *, sampling: Sampling = PLAIN, **choices: object) -> CurveResult:
    experiment = curve(trace, judge=toy_judge(automaton), sampling=sampling, settings=settings(plan, **choices))
    result = answer_directly(experiment, ToyBackend(automaton))
    assert isinstance(result, CurveResult)
    return result


def test_the_oracle_itself_gives_the_sums_done_by_hand() -> None:
    automaton = ladder()
    np.testing.assert_allclose(exact_values(automaton, toy_trace(automaton, ids=LADDER_IDS).sequence, PLAIN), LADDER_VALUES)


RUNS = 120
T_OF_MEANS = float(student_t.isf(1e-6 / (2 * 5 * 2), RUNS - 1))
"""Both sides, 5 cuts and 2 plans together exceed it with probability 1e-6 (union bound): about 5.6."""


@pytest.mark.slow
@pytest.mark.parametrize("plan", ["excursions", "plain"])
def test_mean_over_streams_is_the_exact_value(plan: str) -> None:
    """Unbiasedness at 5 cuts: the mean of 120 independent runs against Student's t with 119 degrees of freedom.

    False alarm ≤ 1e-6 in all cuts of both plans, taking a run's value (an average of 30 draws or more) as normal.
    """
    automaton = ladder()
    trace = toy_trace(automaton, ids=LADDER_IDS)
    amount = {"samples": 30} if plan == "plain" else {"max_rollouts": 48}
    runs = np.stack([measure(automaton, trace, plan, seed=s, **amount).value for s in range(RUNS)])
    error = np.abs(runs.mean(axis=0) - LADDER_VALUES)
    bound = T_OF_MEANS * runs.std(axis=0, ddof=1) / np.sqrt(RUNS) + 1e-9
    assert (error <= bound).all(), (error, bound)
    wrong = np.asarray(LADDER_VALUES) + np.asarray([0.05, 0.05, 0.05, 0.05, 0.0])
    assert not (np.abs(runs.mean(axis=0) - wrong) <= bound).all(), "the test cannot tell a bias of 0.05"


@pytest.mark.slow
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


AUTOMATA = 80
T_OF_AUTOMATA = float(student_t.isf(1e-6 / 4, AUTOMATA - 1))
"""One side; two kinds of interval with two checks each exceed it together with probability 1e-6 (union bound): about 5.5."""


@lru_cache(maxsize=2)
def _runs(kind: str) -> tuple[tuple[np.ndarray, CurveResult], ...]:
    """Exact values and one run on each of 80 independent automata."""
    runs: list[tuple[np.ndarray, CurveResult]] = []
    for number in range(AUTOMATA):
        automaton = random_automaton(np.random.default_rng([11, number]), length=60, certain_share=0.75)
        trace = toy_trace(automaton, seed=number)
        truth = exact_values(automaton, trace.sequence, PLAIN)
        runs.append((truth, measure(automaton, trace, max_rollouts=150, seed=1000 + number, interval=kind)))
    return tuple(runs)


def _highest_coverage(kind: str, scale: float) -> float:
    """Upper limit of the mean coverage over automata, of intervals ``scale`` times as wide."""
    shares: list[float] = []
    for truth, result in _runs(kind):
        low = result.value - scale * (result.value - result.low)
        high = result.value + scale * (result.high - result.value)
        shares.append(float(np.mean((low - 1e-9 <= truth) & (truth <= high + 1e-9))))
    return float(np.mean(shares) + T_OF_AUTOMATA * np.std(shares, ddof=1) / np.sqrt(AUTOMATA))


def _lowest_width(kind: str, scale: float) -> float:
    """Lower limit of the mean width over automata, of intervals ``scale`` times as wide."""
    widths = [scale * float(np.mean(result.high - result.low)) for _, result in _runs(kind)]
    return float(np.mean(widths) - T_OF_AUTOMATA * np.std(widths, ddof=1) / np.sqrt(AUTOMATA))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["wilson", "beta"])
def test_intervals_cover(kind: str) -> None:
    """A true mean coverage ≥ 0.95 and a true mean width ≤ 0.25 pass with probability ≥ 1 − 1e-6, both kinds together.

    The independent unit is the automaton: cuts of a run share draws, so a run gives one share. Assumed: the mean of 80 such
    shares follows Student's t. They are skewed to the left, which makes t's lower tail lighter than that, not heavier.
    """
    assert _highest_coverage(kind, 1.0) >= 0.95
    assert _lowest_width(kind, 1.0) <= 0.25


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["wilson", "beta"])
def test_intervals_of_half_the_width_do_not_cover_and_of_twice_the_width_are_too_wide(kind: str) -> None:
    assert _highest_coverage(kind, 0.5) < 0.95
    assert _lowest_width(kind, 2.0) > 0.25


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


@pytest.mark.slow
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


@pytest.mark.slow
def test_effective_samples_are_worth_plain_rollouts() -> None:
    """Two forks of .05 in a wrong base, W = .5: the variance of V̂(0) over 60 streams is at most that of 5,000 plain rollouts.

    The bound leaves a false alarm below 1e-6 if the variances are equal; streams of one first batch must break it.
    """
    states = {
        "a": {"edges": [[0, 0.95, "b"], [1, 0.05, "c"]]},
        "b": {"edges": [[0, 0.95, "w"], [1, 0.05, "c"]]},
        "c": {"edges": [[0, 0.5, "r"], [1, 0.5, "w"]]},
        "r": {"outcome": "yes"},
        "w": {"outcome": "no"},
    }
    automaton = parse_automaton({"vocab_size": 2, "start": "a", "states": states, "correct": "yes"})
    trace = toy_trace(automaton, ids=(0, 0))
    value = 0.05 * 0.5 + 0.95 * 0.05 * 0.5
    runs = [measure(automaton, trace, effective_samples=5000, seed=s) for s in range(60)]
    allowed = value * (1 - value) / 5000 * float(chi2.isf(1e-6, 59)) / 59
    assert np.var([run.value[0] for run in runs], ddof=1) <= allowed
    assert max(run.n_rollouts for run in runs) < 1000, "excursions are worth more than their number"
    few = [measure(automaton, trace, max_rollouts=64, seed=s).value[0] for s in range(60)]
    assert np.var(few, ddof=1) > allowed


@pytest.mark.parametrize(
    ("choices", "says"),
    [
        ({"samples": 20}, "--samples N needs --plan plain or stride; for excursions give --effective-samples N"),
        ({"plan": "plain", "effective_samples": 20}, "needs --plan excursions; for --plan plain give --samples N"),
        ({"plan": "stride", "stride": 4, "effective_samples": 20}, "needs --plan excursions; for --plan stride give --samples N"),
        ({"effective_samples": 0}, "effective samples 0: expected at least 1"),
    ],
)
def test_each_plan_has_its_own_measure_of_effort(choices: dict[str, object], says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        settings(**choices)


def test_excursions_without_any_limit_stop_at_a_half_width() -> None:
    assert settings().budget.half_width == DEFAULT_HALF_WIDTH
    assert settings(effective_samples=20).budget.half_width is None
    assert settings(max_rollouts=20).budget.half_width is None
    assert (settings("plain").per_cut, settings("plain", samples=3).per_cut, settings().per_cut) == (20, 3, None)


def test_stride_measures_its_grid_and_says_nothing_of_the_rest() -> None:
    automaton = random_automaton(np.random.default_rng(7), length=50)
    trace = toy_trace(automaton, seed=7)
    result = measure(automaton, trace, "stride", stride=8, samples=10)
    grid = sorted({*range(0, trace.n_trace + 1, 8), trace.n_trace})
    assert np.flatnonzero(result.n_started).tolist() == grid
    assert np.isnan(np.delete(result.value, grid)).all() and np.isnan(np.delete(result.low, grid)).all()
    assert (result.n_started[grid] == 10).all() and (result.n_effective[grid] >= 10).all()


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
    experiment = curve(trace, judge=toy_judge(automaton), sampling=PLAIN, settings=settings(max_rollouts=5))
    (table,) = next(experiment)
    assert isinstance(table, NextToken) and table.sequence is trace.sequence
    answers = dict(_answer(ToyBackend(automaton), (table,)))
    batch = experiment.send(tuple(answers.values()))
    for request in batch:
        assert isinstance(request, Sample) and request.sequence is trace.sequence
        assert request.leave or request.branch not in (None, LADDER_IDS[request.cut]), "an excursion begins with another token"


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
        {"plan": "stride", "samples": 3},
        {"plan": "stride", "samples": 3, "stride": 0},
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


def test_settings_that_name_no_number_have_one() -> None:
    assert settings("plain").per_cut == 20 and settings("plain").budget.is_open
    assert settings("excursions").budget.half_width == 0.1 and settings("excursions").per_cut is None
    assert settings("excursions", max_rollouts=9).budget.half_width is None


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


def test_a_base_that_the_sampling_could_not_have_ended_with_is_refused() -> None:
    """V(n) is known exactly only for the process that is measured: another limit or another stop token makes it another's."""
    from dataclasses import replace

    from tokenworth.core.tokens import StopReason, TokenSequence
    from tokenworth.errors import MismatchError

    automaton = ladder()
    whole = toy_trace(automaton, ids=LADDER_IDS)
    cut_off = Trace(sequence=TokenSequence(prompt=(), completion=LADDER_IDS[:2]), n_trace=2, stop=StopReason.LENGTH)
    for trace, sampling in (
        (cut_off, PLAIN),
        (whole, replace(PLAIN, max_tokens=3)),
        (whole, replace(PLAIN, stop=(5,))),
        (whole, replace(PLAIN, stop=(1,))),
    ):
        with pytest.raises(MismatchError, match="base trace"):
            next(curve(trace, judge=toy_judge(automaton), sampling=sampling, settings=settings(max_rollouts=5)))
    at_its_limit = measure(automaton, cut_off, max_rollouts=50, sampling=replace(PLAIN, max_tokens=2))
    assert at_its_limit.value[2] == 0.0 and at_its_limit.outcomes[2][at_its_limit.labels.index("truncated")] == 1.0
