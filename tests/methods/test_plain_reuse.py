"""Plain rollouts that follow the base trace count at the cuts they pass: expectation, coverage, and twins that must fail."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t as student_t

from tests.helpers import PLAIN, answer_directly, settings, toy_trace
from tokenworth.backends.toy.automaton import Automaton
from tokenworth.backends.toy.backend import ToyBackend, parse_automaton, toy_judge
from tokenworth.backends.toy.values import exact_values, random_automaton
from tokenworth.core.tokens import Trace
from tokenworth.methods.curve.experiment import curve
from tokenworth.methods.curve.passing import count_passing, followed
from tokenworth.methods.curve.result import CurveResult
from tokenworth.workbench.bench import Workbench


def measure(automaton: Automaton, trace: Trace, plan: str = "plain", **choices: object) -> CurveResult:
    return answer_directly(
        curve(trace, judge=toy_judge(automaton), sampling=PLAIN, settings=settings(plan, **choices)), ToyBackend(automaton)
    )


@given(st.lists(st.integers(0, 2), max_size=8), st.integers(0, 8), st.lists(st.integers(0, 2), max_size=8))
def test_a_rollout_reaches_the_cuts_whose_tokens_it_wrote(base: list[int], cut: int, ids: list[int]) -> None:
    cut = min(cut, len(base))
    last = followed(tuple(base), cut, tuple(ids))
    for later in range(cut, len(base) + 1):
        assert (base[cut:later] == ids[: later - cut]) == (later <= last)


def test_draws_of_another_step_and_cuts_out_of_the_plan_do_not_count() -> None:
    first, last = np.asarray([0, 0, 2, 1]), np.asarray([4, 1, 9, 3])
    counts = count_passing(first=first, last=last, column=np.asarray([0, 1, 0, 0]), step=np.asarray([0, 1, 0, 1, 0]), n_columns=2)
    np.testing.assert_array_equal(counts, [[1, 1], [1, 0], [2, 0], [1, 0], [2, 0]])


def test_counts_are_those_of_the_draws_one_by_one() -> None:
    automaton = random_automaton(np.random.default_rng(7), length=50)
    trace = toy_trace(automaton, seed=7)
    result = measure(automaton, trace, samples=6)
    base = trace.sequence.completion
    assert (result.n_started == 6).all() and result.n_rollouts == 6 * len(result.cuts)
    for cut in range(trace.n_trace + 1):
        here = [d for d in result.draws if d.cut <= cut and base[d.cut : cut] == d.rollout.ids[: cut - d.cut]]
        assert result.n_effective[cut] == len(here) >= 6
        np.testing.assert_allclose(result.value[cut], np.mean([d.grade.verdict == "correct" for d in here]))
    assert result.n_effective.mean() > 12


RUNS = 60
T_OF_MEANS = float(student_t.isf(1e-6 / (2 * 8), RUNS - 1))
"""Both sides and 8 cuts together exceed it with probability 1e-6 (union bound): about 6."""


def _means_agree(automaton: Automaton, trace: Trace, truth: np.ndarray) -> bool:
    runs = np.stack([measure(automaton, trace, "stride", stride=1, samples=20, seed=s).value for s in range(RUNS)])
    error = np.abs(runs.mean(axis=0) - truth)
    return bool((error <= T_OF_MEANS * runs.std(axis=0, ddof=1) / np.sqrt(RUNS) + 1e-9).all())


def _line() -> tuple[Automaton, Trace, np.ndarray]:
    """Seven forks of .8 on, .2 to a coin: neighbouring cuts share most of their rollouts."""
    states: dict[str, object] = {f"{i}": {"edges": [[0, 0.8, f"{i + 1}"], [1, 0.2, "coin"]]} for i in range(7)}
    states |= {"coin": {"edges": [[0, 0.5, "7"], [1, 0.5, "no"]]}, "7": {"outcome": "yes"}, "no": {"outcome": "no"}}
    automaton = parse_automaton({"vocab_size": 2, "start": "0", "states": states, "correct": "yes"})
    trace = toy_trace(automaton, ids=(0,) * 7)
    return automaton, trace, exact_values(automaton, trace.sequence, PLAIN)


@pytest.mark.slow
def test_values_are_unbiased_and_would_not_be_if_others_than_followers_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mean over 60 streams at 8 cuts; false alarm ≤ 1e-6. The twin counts every rollout that is long enough."""
    automaton, trace, truth = _line()
    assert _means_agree(automaton, trace, truth)
    monkeypatch.setattr("tokenworth.methods.curve.plain.followed", lambda _base, cut, ids: cut + len(ids))
    assert not _means_agree(automaton, trace, truth)


@pytest.mark.slow
def test_values_would_be_biased_if_a_rollout_counted_by_what_it_came_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other twin: followers to the very end, whose outcome is the base's, are the only ones to count."""
    automaton, trace, truth = _line()

    def whole(base: tuple[int, ...], cut: int, ids: tuple[int, ...]) -> int:
        return len(base) if base[cut:] == ids else cut

    monkeypatch.setattr("tokenworth.methods.curve.plain.followed", whole)
    assert not _means_agree(automaton, trace, truth)


AUTOMATA = 60
T_OF_AUTOMATA = float(student_t.isf(1e-6, AUTOMATA - 1))


@lru_cache(maxsize=1)
def _runs() -> tuple[tuple[np.ndarray, CurveResult], ...]:
    runs: list[tuple[np.ndarray, CurveResult]] = []
    for number in range(AUTOMATA):
        automaton = random_automaton(np.random.default_rng([13, number]), length=40, certain_share=0.6)
        trace = toy_trace(automaton, seed=number)
        truth = exact_values(automaton, trace.sequence, PLAIN)
        runs.append((truth, measure(automaton, trace, "stride", stride=2, samples=15, seed=number)))
    return tuple(runs)


def _highest_coverage(scale: float) -> float:
    shares: list[float] = []
    for truth, result in _runs():
        has = ~np.isnan(result.value)
        low = result.value - scale * (result.value - result.low)
        high = result.value + scale * (result.high - result.value)
        shares.append(float(np.mean((low <= truth + 1e-9)[has] & (truth <= high + 1e-9)[has])))
    return float(np.mean(shares) + T_OF_AUTOMATA * np.std(shares, ddof=1) / np.sqrt(AUTOMATA))


@pytest.mark.slow
def test_intervals_cover_and_those_of_half_the_width_do_not() -> None:
    """One mean share an automaton, Student's t over 60 of them: a true coverage of 0.95 passes with probability 1 − 1e-6."""
    assert _highest_coverage(1.0) >= 0.95
    assert _highest_coverage(0.5) < 0.95


def test_a_cut_where_nothing_began_is_not_measured_though_rollouts_pass_it() -> None:
    automaton, trace, _ = _line()
    result = measure(automaton, trace, samples=4, max_rollouts=8)
    begun = result.n_started > 0
    assert np.count_nonzero(begun) == 2
    assert np.isnan(result.value[~begun]).all() and (result.n_effective[~begun] == 0).all()


def test_refined_cuts_use_only_rollouts_drawn_after_they_were_chosen() -> None:
    """All rollouts follow the base up to 25; those that chose 25 do not count there."""
    states: dict[str, object] = {f"{i}": {"edges": [[i % 4, 1.0, f"{i + 1}"]]} for i in range(40) if i != 25}
    states |= {"25": {"edges": [[0, 0.5, "26"], [1, 0.5, "w"]]}, "40": {"outcome": "yes"}, "w": {"outcome": "no"}}
    automaton = parse_automaton({"vocab_size": 4, "start": "0", "states": states, "correct": "yes"})
    trace = toy_trace(automaton, ids=tuple(0 if i == 25 else i % 4 for i in range(40)))
    result = measure(automaton, trace, "stride", stride=10, samples=60, refine=0.3)
    assert result.n_effective[[0, 10, 20]].tolist() == [60, 120, 180]
    assert result.n_effective[25] == 60


def test_fewer_rollouts_are_drawn_for_a_half_width() -> None:
    automaton, trace, _ = _line()
    result = measure(automaton, trace, samples=10, half_width=0.12)
    assert ((result.high - result.low)[:-1] / 2 <= 0.12).all()
    assert (result.n_effective[1:] > result.n_started[1:]).all()


@pytest.mark.parametrize("choices", [{}, {"half_width": 0.2}, {"stride": 2, "refine": 0.1}])
def test_without_reuse_a_rollout_counts_where_it_began_alone(choices: dict[str, object]) -> None:
    automaton, trace, _ = _line()
    chosen = settings("stride" if "stride" in choices else "plain", samples=10, **choices)
    result = answer_directly(curve(trace, judge=toy_judge(automaton), sampling=PLAIN, settings=chosen, reuse=False), ToyBackend(automaton))
    np.testing.assert_array_equal(result.n_effective, result.n_started)
    begun = result.n_started > 0
    right = np.bincount([d.cut for d in result.draws if d.grade.verdict == "correct"], minlength=len(begun))
    np.testing.assert_allclose(result.value[begun], (right / np.maximum(result.n_started, 1))[begun])


EVEN = {f"{i}": {"edges": [[token, 0.25, f"{i + 1}"] for token in range(4)]} for i in range(16)} | {
    "16": {"edges": [[0, 0.5, "yes"], [1, 0.5, "no"]]},
    "yes": {"outcome": "yes"},
    "no": {"outcome": "no"},
}
"""Sixteen tokens that decide nothing, then a coin: V is 0.5 up to there, and of all rollouts only the base passes many cuts."""
BASES = 100
T_OF_BASES = float(student_t.isf(1e-6 / 2, BASES - 1))


@pytest.fixture
def even(tmp_path: Path) -> str:
    (tmp_path / "even.json").write_text(json.dumps({"vocab_size": 4, "start": "0", "states": EVEN, "correct": "yes"}))
    return f"toy:{tmp_path / 'even.json'}"


def _t_of_chosen(model: str, plan: str) -> float:
    """Student's t of the mean error over curves of correct bases, each with the seed its base was sampled with."""
    case, errors = Workbench(model).case(), []
    for seed in range(BASES):
        trace = case.sample(16, seed=seed).trace("correct")
        result = case.curve(trace, plan=plan, samples=2, seed=seed, stride=2 if plan == "stride" else None).result
        errors.append(float(np.nanmean(result.value[:16])) - 0.5)
    return float(np.mean(errors) / (np.std(errors, ddof=1) / np.sqrt(BASES)))


@pytest.mark.slow
@pytest.mark.parametrize("plan", ["plain", "stride"])
def test_a_base_chosen_for_its_outcome_is_no_draw_of_its_curve(even: str, plan: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """100 independent bases, exact values: false alarm ≤ 1e-6. The twin draws the curve from the stream the base was chosen from."""
    assert abs(_t_of_chosen(even, plan)) <= T_OF_BASES
    monkeypatch.setattr("tokenworth.methods.curve.plain.curve_stream", lambda seed: seed)
    assert _t_of_chosen(even, plan) > T_OF_BASES


def _reused(model: str, plan: str, given: bool) -> int:
    """How many responses of a curve had been drawn for its base."""
    case = Workbench(model).case()
    trace = case.given_trace((0, 1, 2), seed=3) if given else case.sample(4, seed=3).trace("any")
    choices = {"excursions": {"max_rollouts": 300}, "plain": {"samples": 4}, "stride": {"samples": 4, "stride": 1}}[plan]
    document = case.curve(trace, plan=plan, seed=3, **choices).document
    assert document.seed == 3, "the seed shown is the user's"
    return document.provenance.reused


@pytest.mark.slow
@pytest.mark.parametrize("given", [False, True], ids=["chosen", "given"])
@pytest.mark.parametrize("plan", ["plain", "stride", "excursions"])
def test_no_rollout_of_a_curve_is_one_that_made_its_base(even: str, plan: str, given: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither an answer among which the base was chosen nor the continuation that ended a given one."""
    assert _reused(even, plan, given) == 0
    monkeypatch.setattr("tokenworth.methods.curve.plain.curve_stream", lambda seed: seed)
    assert (_reused(even, plan, given) > 0) == (plan != "excursions")


def test_rollouts_that_came_as_text_count_where_they_began_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the backend has no exact ids, a case measures without passing rollouts; with them some pass."""
    states = {str(i): {"edges": [[0, 0.8, str(i + 1)], [1, 0.2, "no"]]} for i in range(7)} | {
        "7": {"outcome": "yes"},
        "no": {"outcome": "no"},
    }
    (tmp_path / "line.json").write_text(json.dumps({"vocab_size": 2, "start": "0", "states": states, "correct": "yes"}))
    case = Workbench(f"toy:{tmp_path / 'line.json'}").case()
    trace, backend = case.given_trace((0,) * 7), case.model.backend
    able = backend.capabilities
    for exact in (True, False):
        monkeypatch.setattr(backend, "capabilities", replace(able, exact_ids=exact))
        result = case.curve(trace, plan="plain", samples=5).result
        assert bool((result.n_effective > result.n_started).any()) == exact
