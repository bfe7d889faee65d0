"""Forks on bases whose every branch is known: what each is worth, what is mixed, what survives, and bad input."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom
from scipy.stats import t as student_t

from tests.checkout import ROOT
from tests.helpers import PLAIN, answer_directly, toy_trace
from tokenworth.backends.toy.backend import ToyBackend, ToyCodec
from tokenworth.backends.toy.forks import FIRST, Forks
from tokenworth.backends.toy.values import exact_outcomes, random_automaton
from tokenworth.cli.main import run as cli
from tokenworth.core.document import About, ModelDoc, Provenance
from tokenworth.core.grade import Grade, Verdict
from tokenworth.core.request.experiment import BudgetSpent
from tokenworth.core.request.next_token import NextToken, NextTokenTable
from tokenworth.core.request.sample import Sample
from tokenworth.core.tokens import StopReason, TokenSequence, Trace
from tokenworth.errors import InvalidInput, UnknownName
from tokenworth.methods.curve.experiment import curve
from tokenworth.methods.forks.document import ForksDoc
from tokenworth.methods.forks.experiment import forks
from tokenworth.methods.forks.result import ForkResult
from tokenworth.methods.forks.rows import forks_document
from tokenworth.methods.forks.settings import ForkSettings
from tokenworth.report.html import render_html
from tokenworth.report.page import page_of
from tokenworth.report.text import render_text
from tokenworth.store.documents import document_json, parse_document

LENGTH = 40


def base(seed: int = 0, *, length: int = LENGTH, worth: np.ndarray | None = None) -> Forks:
    """Every third token could have been one of three others, of which one leads elsewhere at each sixth."""
    rng = np.random.default_rng([7, seed])
    leave = np.where(np.arange(length) % 3 == 0, 0.4, 0.01)
    share = np.tile([0.6, 0.37, 0.03], (length, 1))
    if worth is None:
        worth = rng.normal(0.6, 0.1, (length, 3)).clip(0.05, 0.95)
        worth[::6, 1] = 0.05
    return Forks(p=1 - leave, share=share, worth=worth, ends_right=True)


def run(of: Forks, seed: int = 0, *, judge: Any = None, n_trace: int | None = None, **choices: Any) -> ForkResult:
    trace = of.trace if n_trace is None else replace(of.trace, n_trace=n_trace)
    made = forks(trace, judge=judge or of.judge, sampling=PLAIN, settings=ForkSettings(seed=seed, **choices))
    return of.run(made, np.random.default_rng([4, seed]))


def document(result: ForkResult) -> ForksDoc:
    return forks_document(result, ToyCodec(vocab_size=16), About(model=ModelDoc(name="toy"), provenance=Provenance(version="0")))


# -- branches ------------------------------------------------------------------------------------------------------------------------


def test_each_branch_has_its_own_draws_and_the_rest_is_pooled() -> None:
    of = base()
    result = run(of, samples=25, far=0.15)
    family = result.family
    assert family.cut.tolist() == list(range(0, LENGTH, 3))
    assert family.token.tolist() == [FIRST, FIRST + 1] * len(family.cut)
    np.testing.assert_allclose(family.q, [0.24, 0.148] * len(family.cut))
    np.testing.assert_allclose(family.rest, 0.012)
    assert (result.branches.n >= 25).all() and result.forks.mixed.all()
    assert (result.forks.rest_n >= round(25 * 0.012 / 0.05)).all()
    doc = document(result)
    for fork in doc.forks:
        for branch in fork.branches:
            far = abs(of.worth[fork.token, branch.token - FIRST] - of.values[fork.token + 1]) >= 0.15
            assert sum(one.k or 0 for one in branch.outcomes.values()) == branch.n == branch.value.n
            assert branch.verdict == "open" or (branch.verdict == "far") == far
    named = [one for fork in doc.forks for one in fork.branches if one.token == FIRST + 1 and of.worth[fork.token, 1] == 0.05]
    assert sum(one.verdict == "far" for one in named) > len(named) / 2


def test_the_mixture_is_the_sum_over_branches_and_the_recursion_holds() -> None:
    """o(c) = p o(c+1) + Σ q ô(c, w), each branch with its probability whatever was drawn of it."""
    of = base()
    result = run(of, samples=40)
    share = result.outcomes.value
    for fork, cut in enumerate(result.family.cut.tolist()):
        mine = result.family.fork == fork
        q = np.append(result.family.q[mine], result.family.rest[fork])
        rest = result.forks.rest_counts[fork] / max(1, result.forks.rest_n[fork])
        mean = np.vstack([result.branches.shares.value[mine], rest])
        q, mean = (q, mean) if result.forks.rest_n[fork] else (q[:-1], mean[:-1])
        side = (1 - of.p[cut]) * (q / q.sum()) @ mean
        np.testing.assert_allclose(share[cut], of.p[cut] * share[cut + 1] + side, atol=1e-9)
    np.testing.assert_allclose(share.sum(axis=1), 1.0)


RUNS = 100
T_OF_RUNS = float(student_t.isf(1e-6 / 2, RUNS - 1))


@lru_cache(maxsize=1)
def _repeated() -> tuple[Forks, tuple[ForkResult, ...]]:
    """Runs on one short base with far more draws of the second branch than its probability asks for."""
    of = base(length=7)
    of = replace(of, p=np.where(of.p < 0.9, 0.4, of.p), share=np.tile([0.85, 0.12, 0.03], (7, 1)))
    return of, tuple(run(of, seed, samples=20, half_width=0.2) for seed in range(RUNS))


def _bias(found: np.ndarray) -> float:
    """|mean| in standard errors."""
    return float(abs(found.mean()) / (found.std(ddof=1) / np.sqrt(len(found))))


@pytest.mark.slow
def test_topping_up_moves_no_estimate_and_plain_pooling_would() -> None:
    """V(0) within Student's t of the truth at 1e-6; with every draw of a branch counted as a draw of the complement it is not."""
    of, results = _repeated()
    assert _bias(np.asarray([r.value.value[0] - of.values[0] for r in results])) < T_OF_RUNS
    pooled = []
    for r in results:
        hits, n = np.zeros(7), np.zeros(7)
        for draw in (*r.excursions, *r.topped):
            n[draw.cut] += 1
            hits[draw.cut] += draw.hit is True
        value = 1.0
        for cut in range(6, -1, -1):
            value = of.p[cut] * value + (1 - of.p[cut]) * (hits[cut] / n[cut] if n[cut] else value)
        pooled.append(value - of.values[0])
    assert _bias(np.asarray(pooled)) > T_OF_RUNS


@pytest.mark.slow
def test_the_squared_distance_is_without_bias_and_the_plug_ins_are_not() -> None:
    of, results = _repeated()
    truth = np.asarray([2 * (of.worth[0, 0] - of.values[1]) ** 2, abs(of.worth[0, 0] - of.values[1])])
    l2 = np.asarray([r.branches.l2[0] for r in results])
    tv = np.asarray([r.branches.tv[0] for r in results])
    plug_in = np.asarray([((r.branches.shares.value[0] - r.outcomes.value[1]) ** 2).sum() for r in results])
    assert _bias(l2 - truth[0]) < T_OF_RUNS
    assert _bias(plug_in - truth[0]) > T_OF_RUNS and _bias(tv - truth[1]) > T_OF_RUNS


@pytest.mark.slow
def test_hazard_and_survival_hold_between_their_bounds_and_the_plug_in_does_not() -> None:
    """Of the runs at most as many break a bound as a rate of .05 breaks with a chance of 1e-6."""
    of, results = _repeated()
    far = np.abs(of.worth - of.values[1:, None]) >= 0.3
    hazard = ((1 - of.p)[:, None] * of.share * far).sum(axis=1)
    wrong = [((r.hazard.low > hazard + 1e-9) | (r.hazard.high < hazard - 1e-9)).any() for r in results]
    most = binom.ppf(1 - 1e-6, RUNS, 0.05)
    assert sum(wrong) <= most
    just_below = abs(of.worth[0, 0] - of.values[1]) + 0.03
    assert sum(r.branches.distance.low[0] >= just_below for r in results) <= most
    assert sum(r.branches.tv[0] >= just_below for r in results) > most, "a plug-in distance takes noise for distance"
    document_ = document(results[0])
    assert all(low <= high for low, high in zip(document_.survival_low, document_.survival_high, strict=True))  # type: ignore[operator]
    assert all(kept >= low for kept, low in zip(document_.survival_kept, document_.survival_low, strict=True))  # type: ignore[operator]


def test_outcomes_of_an_automaton_are_within_their_limits() -> None:
    """Against exact o(c, w), by dynamic programming: at most as many of the limits miss as a rate of .05 misses with a chance of 1e-6."""
    missed = total = 0
    for seed in range(3):
        automaton = random_automaton(np.random.default_rng([3, seed]), length=30, certain_share=0.6, switch_share=0.3)
        trace, backend = toy_trace(automaton, seed=seed), ToyBackend(automaton)
        judging = _judge(automaton)
        made = forks(trace, judge=judging, sampling=PLAIN, settings=ForkSettings(seed=seed, half_width=0.2))
        result: ForkResult = answer_directly(made, backend)
        for i, fork in enumerate(result.family.fork.tolist()):
            cut, token = int(result.family.cut[fork]), int(result.family.token[i])
            after = TokenSequence(prompt=(), completion=(*trace.sequence.completion[:cut], token))
            exact = exact_outcomes(automaton, after, PLAIN)
            for j, label in enumerate(result.labels):
                truth = float(exact[label][-1]) if label in exact else 0.0
                total += 1
                missed += not result.branches.shares.low[i, j] - 1e-9 <= truth <= result.branches.shares.high[i, j] + 1e-9
    assert total > 40 and missed <= binom.ppf(1 - 1e-6, total, 0.05)


def _judge(automaton: Any) -> Any:
    from tokenworth.backends.toy.automaton import states_along

    def judge(ids: tuple[int, ...], stop: StopReason) -> Grade:
        del stop
        label = automaton.outcomes[states_along(automaton, ids)[-1]]
        return Grade(outcome=label, verdict=Verdict.CORRECT if label == automaton.correct else Verdict.INCORRECT)

    return judge


# -- draws ---------------------------------------------------------------------------------------------------------------------------


def requests(of: Forks, made: Generator[Any, Any, Any]) -> list[Sample]:
    """All rollouts that an experiment asks for."""
    rng, found = np.random.default_rng(1), list[Sample]()
    batch = next(made)
    try:
        while True:
            found += [one for one in batch if isinstance(one, Sample)]
            batch = made.send(of.answer(batch, rng))
    except StopIteration:
        return found


@pytest.mark.parametrize("choices", [{}, {"max_rollouts": 150}, {"half_width": 0.2}])
def test_the_curve_s_draws_come_first_and_no_draw_is_asked_for_twice(choices: dict[str, Any]) -> None:
    from tokenworth.methods.curve.settings import CurveSettings

    of = base()
    curves = requests(of, curve(of.trace, judge=of.judge, sampling=PLAIN, settings=CurveSettings(**choices)))
    bare = requests(of, forks(of.trace, judge=of.judge, sampling=PLAIN, settings=ForkSettings(samples=0, **choices)))
    assert bare == curves
    more = requests(of, forks(of.trace, judge=of.judge, sampling=PLAIN, settings=ForkSettings(samples=20, half_width=0.2)))
    keys = [(one.cut, one.branch, one.avoid, one.index, one.seed) for one in more]
    assert len(set(keys)) == len(keys)


def test_after_a_stored_curve_nothing_is_drawn_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    toy = ["--model", f"toy:{ROOT / 'examples' / 'toy.json'}", "--seed", "8", "--store", "s.db"]
    assert cli(["curve", *toy]) == 0
    assert cli(["forks", *toy, "--samples", "0", "--json", "forks.json"]) == 0
    doc = parse_document((tmp_path / "forks.json").read_bytes(), "x")
    assert isinstance(doc, ForksDoc) and doc.provenance.drawn == 0 and doc.excursions == doc.rollouts > 0
    assert cli(["forks", *toy, "--samples", "12", "--json", "more.json"]) == 0
    more = parse_document((tmp_path / "more.json").read_bytes(), "x")
    assert isinstance(more, ForksDoc) and more.provenance.drawn == more.topped > 0
    capsys.readouterr()


def test_a_budget_that_ends_leaves_branches_out_and_says_so() -> None:
    doc = document(run(base(), samples=40, half_width=0.2, max_rollouts=300))
    assert doc.rollouts == 300 and doc.stopped == "budget spent"
    assert any(note.startswith("stopped by the budget: ") and "single branches are missing" in note for note in doc.notes)
    few = document(run(base(), samples=40, max_tokens=40))
    assert few.rollouts <= 2


def test_money_that_ends_amid_branches_keeps_what_was_drawn() -> None:
    of, rng, spent = base(), np.random.default_rng(1), False

    def broke(made: Generator[Any, Any, Any]) -> ForkResult:
        nonlocal spent
        batch = next(made)
        try:
            while True:
                answers = of.answer(batch, rng)
                if getattr(batch, "ahead", 0) > 200 and not spent and batch[0].branch == FIRST:
                    spent = True
                    made.throw(BudgetSpent("no money", (*answers[:5], *(None for _ in answers[5:]))))
                batch = made.send(answers)
        except StopIteration as done:
            return done.value

    result = broke(forks(of.trace, judge=of.judge, sampling=PLAIN, settings=ForkSettings(half_width=0.2, samples=100)))
    assert result.stopped == "money spent" and len(result.topped) == 5 and "missing" in result.unresolved


def test_where_no_token_can_be_kept_out_the_model_draws_the_first_one_and_branches_are_still_asked_for() -> None:
    of = base()
    made = forks(of.trace, judge=of.judge, sampling=PLAIN, settings=ForkSettings(half_width=0.2, samples=10), name_first=False)
    asked = requests(of, made)
    assert not any(one.avoid for one in asked) and {one.branch for one in asked} == {None, FIRST, FIRST + 1}
    result = of.run(
        forks(of.trace, judge=of.judge, sampling=PLAIN, settings=ForkSettings(half_width=0.2, samples=10), name_first=False),
        np.random.default_rng(1),
    )
    assert result.forks.mixed.all() and (result.branches.n >= 10).all()
    widths = result.value.high - result.value.low
    assert ((result.value.low - 0.1 <= of.values) & (of.values <= result.value.high + 0.1)).all() and widths.max() < 0.5


# -- probabilities within bounds -----------------------------------------------------------------------------------------------------


def test_bounds_on_probabilities_widen_limits_and_hazards_and_nothing_is_mixed() -> None:
    of = base()

    class Bounded(Forks):
        def _table(self, request: Any) -> NextTokenTable:
            return replace(Forks._table(self, request), slack=np.full(len(request.cuts), 0.02))

    exact = run(of, max_rollouts=600, half_width=0.2)
    wide = run(Bounded(p=of.p, share=of.share, worth=of.worth, ends_right=True), max_rollouts=600, half_width=0.2)
    assert not wide.forks.mixed.any() and exact.forks.mixed.any()
    assert ((wide.value.high - wide.value.low)[:-1] > 0.02).all()
    assert (wide.hazard.high >= wide.hazard.low).all() and wide.hazard.high[1] >= 0.03 - 1e-9
    assert any("± 0.02" in note for note in document(wide).notes)


# -- bad input -----------------------------------------------------------------------------------------------------------------------


def test_zero_rollouts_leave_limits_and_no_value() -> None:
    doc = document(run(base(), samples=0, max_tokens=1))
    assert doc.rollouts == 0 and not doc.changes
    for fork in doc.forks:
        assert fork.hazard_low == 0 and fork.hazard_high == pytest.approx(0.4)
        for branch in fork.branches:
            assert branch.n == 0 and branch.verdict == "open" and branch.tv is None and branch.tv_p is None and branch.kl is None
            assert (branch.value.value, branch.value.low, branch.value.high) == (None, 0.0, 1.0)
    assert "–" in render_text(page_of([doc]), width=200) and any("fewer than 2 rollouts" in note for note in doc.notes)


def test_one_outcome_only_is_no_distance_and_no_change() -> None:
    of = replace(base(), worth=np.ones((LENGTH, 3)))
    doc = document(run(of))
    assert doc.labels == ("right",) and not doc.changes and any("'right'" in note for note in doc.notes)
    branches = [one for fork in doc.forks for one in fork.branches]
    assert max(abs(one.tv or 0) + abs(one.l2 or 0) for one in branches) < 1e-9
    assert all(one.tv_p == 1 and one.verdict != "far" for one in branches)
    assert doc.survival_high == (1.0,) * (LENGTH + 1)


def test_rollouts_without_a_verdict_are_outcomes_and_no_value() -> None:
    def judge(ids: tuple[int, ...], stop: StopReason) -> Grade:
        del ids, stop
        return Grade(outcome="truncated", verdict=Verdict.UNKNOWN)

    doc = document(run(base(), judge=judge, samples=4, half_width=0.2))
    assert "no rollout has a verdict: nothing can be said of the value; outcomes without a verdict are outcomes of their own" in doc.notes
    assert not doc.changes and all(value == 0 for value in doc.value)


def test_branches_that_are_alike_are_told_from_those_that_differ_in_truncation_alone() -> None:
    of = base()

    def judge(ids: tuple[int, ...], stop: StopReason) -> Grade:
        if of.judge(ids, stop).verdict is Verdict.CORRECT:
            return of.judge(ids, stop)
        return Grade(outcome="truncated", verdict=Verdict.UNKNOWN)

    doc = document(run(of, judge=judge))
    assert set(doc.labels) == {"right", "truncated"} and any(one.verdict == "far" for fork in doc.forks for one in fork.branches)
    assert any("outcomes of their own" in note for note in doc.notes)


def test_ties_in_length_and_probability_have_an_order() -> None:
    of = replace(base(), share=np.tile([0.5, 0.5, 0.0], (LENGTH, 1)))
    first, second = document(run(of)), document(run(of))
    assert first == second and [one.token for one in first.forks[0].branches] == [FIRST, FIRST + 1]


@pytest.mark.parametrize("n_trace", [0, 1])
def test_traces_of_no_or_one_token(n_trace: int) -> None:
    of = base(length=4)
    doc = document(run(of, n_trace=n_trace))
    assert len(doc.forks) == n_trace and len(doc.value) == n_trace + 1 == len(doc.survival_low) and doc.change_pairs == n_trace
    assert render_text(page_of([doc])) and render_html(page_of([doc]))


def test_a_completion_of_no_token_has_no_fork() -> None:
    trace = Trace(sequence=TokenSequence(prompt=(1,), completion=()), n_trace=0, stop=StopReason.STOP)
    made = forks(trace, judge=lambda ids, stop: Grade(outcome="x", verdict=Verdict.CORRECT), sampling=PLAIN, settings=ForkSettings())
    with pytest.raises(StopIteration) as done:
        next(made)
    doc = document(done.value.value)
    assert doc.value == (1.0,) and not doc.forks and doc.rollouts == 0


def test_a_trace_that_is_certain_has_no_fork_and_costs_nothing() -> None:
    of = replace(base(), p=np.ones(LENGTH))
    doc = document(run(of))
    assert not doc.forks and doc.rollouts == 0 and "there is no fork to show" in doc.notes[0]
    assert doc.survival_low == (1.0,) * (LENGTH + 1) and "no interval of tokens" in render_text(page_of([doc]))


def test_a_fork_without_a_branch_of_the_floor_is_pooled() -> None:
    of = replace(base(), share=np.tile(np.full(10, 0.1), (LENGTH, 1)), worth=np.full((LENGTH, 10), 0.5))
    doc = document(run(of, samples=5))
    assert doc.forks and all(not fork.branches and not fork.mixed for fork in doc.forks)
    assert all(fork.rest == pytest.approx(0.4) and fork.hazard_high == pytest.approx(0.4) for fork in doc.forks)


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"floor": 0.0}, "floor 0.0: expected"),
        ({"floor": 1.0}, "floor 1.0: expected"),
        ({"samples": -1}, "samples -1: expected"),
        ({"far": 0.0}, "far 0.0: expected"),
        ({"far": 1.0}, "far 1.0: expected"),
        ({"far": 1.5, "distance": "l2"}, "far 1.5: expected"),
        ({"least": 1.0}, "least 1.0: expected"),
    ],
)
def test_settings_that_mean_nothing_are_refused(choices: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        ForkSettings(**choices)


def test_a_model_that_does_not_exist_is_refused() -> None:
    with pytest.raises(UnknownName):
        ForkSettings(curve_model=("beast",))


# -- document and page ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("distance", ["tv", pytest.param("l2", marks=pytest.mark.slow), pytest.param("value", marks=pytest.mark.slow)])
def test_it_survives_a_file_and_far_looks_like_no_other_branch(distance: str) -> None:
    doc = document(run(base(length=16), distance=distance, curve_model=("pelt",), half_width=0.2, samples=60))
    assert parse_document(document_json(doc), "x") == doc
    text = render_text(page_of([doc]), width=200)
    far = sum(one.verdict == "far" for fork in doc.forks for one in fork.branches)
    assert far > 0 and text.count("FAR ") == far
    assert "model pelt, without limits" in text and "⟦" in text and any("PELT is a model" in note for note in doc.notes)
    assert "FAR" in render_html(page_of([doc]))


def test_the_smoothing_model_draws_plain_rollouts_beside_the_others() -> None:
    class Plain(Forks):
        """Rollouts from any cut; those that need not leave are of one token."""

        def answer(self, requests: Any, rng: np.random.Generator) -> Any:
            from tokenworth.core.request.sample import Rollout

            plain = [not isinstance(one, NextToken) and not one.leave and one.branch is None for one in requests]
            if not any(plain):
                return super().answer(requests, rng)
            return tuple(Rollout(ids=(3, 1 if rng.random() < self.values[one.cut] else 2), stop=StopReason.STOP) for one in requests)

    of = base()
    made = run(Plain(p=of.p, share=of.share, worth=of.worth, ends_right=True), samples=0, curve_model=("smoothing",))
    (model,) = document(made).models
    assert model.name == "smoothing" and model.rollouts == 30 * (LENGTH // 4 + 1) and "bandwidth" in model.chosen
    assert model.value is not None and float(np.abs(np.asarray(model.value) - of.values).mean()) < 0.1
