"""Runs that a backend's money ends: what is returned, what it says of itself, and that the estimates stay right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import t as student_t

from tests.helpers import PLAIN, settings, toy_trace
from tokenworth.backends.model import Model
from tokenworth.backends.toy.backend import ToyBackend, ToyCodec, parse_automaton, toy_judge
from tokenworth.backends.toy.values import exact_values
from tokenworth.core.document import About, ModelDoc, Provenance
from tokenworth.core.grade import Grade, Verdict
from tokenworth.core.keys import Keyer
from tokenworth.core.ports import KeyedRequest, Spent
from tokenworth.core.request.experiment import BudgetSpent, Experiment
from tokenworth.core.request.kind import Response
from tokenworth.core.request.sample import Rollout, Sample
from tokenworth.errors import BudgetExceeded, InvalidInput
from tokenworth.methods.curve.document import curve_document
from tokenworth.methods.curve.experiment import curve
from tokenworth.methods.curve.result import CurveResult
from tokenworth.methods.forced.document import forced_document
from tokenworth.methods.forced.experiment import encode_exit, forced
from tokenworth.methods.forced.result import ForcedResult
from tokenworth.methods.sample.choice import choose_trace, complete_trace
from tokenworth.methods.sample.document import sample_document
from tokenworth.methods.sample.experiment import sample
from tokenworth.methods.sample.result import SampleResult
from tokenworth.report.facts import facts
from tokenworth.run.drive import drive
from tokenworth.store.documents import document_json, parse_document
from tokenworth.store.memory import MemoryStore
from tokenworth.workbench.bench import Workbench

CHAIN = {f"l{i}": {"edges": [[4, 1.0, f"l{i + 1}" if i < 11 else "w"]]} for i in range(12)}
COSTLY = parse_automaton(
    {
        "vocab_size": 5,
        "start": "s0",
        "states": {
            "s0": {"edges": [[0, 0.7, "s1"], [1, 0.3, "x"]]},
            "s1": {"edges": [[0, 0.7, "s2"], [1, 0.3, "x"]]},
            "s2": {"edges": [[0, 0.8, "r"], [1, 0.2, "x"]]},
            "x": {"edges": [[2, 0.5, "r"], [3, 0.5, "l0"]]},
            **CHAIN,
            "r": {"outcome": "yes"},
            "w": {"outcome": "no"},
        },
        "correct": "yes",
    }
)
"""Wrong answers take 14 tokens from x, right ones 2: what a rollout costs says what it came to."""
BASE = toy_trace(COSTLY, ids=(0, 0, 0))
VALUES = (0.7 * 0.78 + 0.3 * 0.5, 0.78, 0.9, 1.0)
JUDGE = toy_judge(COSTLY)
CODEC = ToyCodec(vocab_size=5)
ABOUT = About(problem=None, model=ModelDoc(name="toy"), provenance=Provenance(version="0"))


class Purse(ToyBackend):
    """An automaton that charges a coin a token, issues requests in order with ``in_flight`` at a time, and waits for all it issued."""

    def __init__(self, coins: float, in_flight: int = 4) -> None:
        super().__init__(COSTLY)
        self.coins, self.in_flight, self.calls = coins, in_flight, 0

    def answer(self, requests: Sequence[KeyedRequest]) -> Iterator[tuple[str, Response]]:
        self.calls += 1
        answers: list[tuple[str, Response]] = []
        while len(answers) < len(requests) and self._cost(answers[: max(0, len(answers) - self.in_flight)]) < self.coins:
            answers += super().answer([requests[len(answers)]])
        self.coins -= self._cost(answers)
        yield from sorted(answers, key=lambda pair: self._cost([pair]))
        if len(answers) < len(requests):
            raise BudgetExceeded(f"stopped: {self.coins:g} coins left")

    @staticmethod
    def _cost(answers: Sequence[tuple[str, Response]]) -> int:
        return sum(len(response.ids) if isinstance(response, Rollout) else 1 for _, response in answers)


def answers_to(n: int, seed: int = 0) -> Experiment[SampleResult]:
    return sample((), n=n, sampling=PLAIN, seed=seed, judge=JUDGE, find_wall=len, level=0.95)


def curve_of(plan: str = "excursions", **choices: Any) -> Experiment[CurveResult]:
    return curve(BASE, judge=JUDGE, sampling=PLAIN, settings=settings(plan, **choices))


def test_the_oracle_gives_the_sums_done_by_hand() -> None:
    np.testing.assert_allclose(exact_values(COSTLY, BASE.sequence, PLAIN), VALUES)


def test_answers_without_a_verdict_are_counted_in_a_note() -> None:
    def said(unknown: int) -> str:
        """The first note on 4 answers of which so many have no verdict."""
        result = drive(answers_to(4), backend=Purse(1e9), store=MemoryStore())
        grades = [Grade(outcome="unparseable", verdict=Verdict.UNKNOWN)] * unknown + [Grade(outcome="t1", verdict=Verdict.CORRECT)] * 4
        return sample_document(replace(result, grades=tuple(grades[:4])), None, CODEC, ABOUT).notes[0]

    assert said(0).startswith("length correlation")
    assert said(1).startswith("1 of 4 answers have no verdict; ") and "they are in the denominator, and none counts as correct" in said(1)
    assert said(4).startswith("no answer has a verdict: the accuracy says nothing")


def test_fewer_answers_than_asked_for_are_counted_as_they_are() -> None:
    backend = Purse(100)
    result = drive(answers_to(40), backend=backend, store=MemoryStore())
    n = len(result.rollouts)
    assert 10 <= n < 40 and backend.coins <= 0 and backend.calls == 1
    assert result.accuracy == pytest.approx(sum(grade.verdict == "correct" for grade in result.grades) / n)
    assert result.unresolved == f"{n} of 40 answers were drawn"
    document = sample_document(result, None, CODEC, ABOUT)
    assert document.n == n == sum(document.outcomes.values())
    assert f"stopped by the budget: {n} of 40 answers were drawn" in document.notes
    one = drive(answers_to(9), backend=Purse(1, in_flight=0), store=MemoryStore())
    other = "incorrect" if one.accuracy else "correct"
    with pytest.raises(InvalidInput, match="stopped by the budget: 1 of 9 answers were drawn"):
        choose_trace(one, other)


@pytest.mark.parametrize(
    "experiment",
    [
        answers_to(4),
        curve_of(max_rollouts=50),
        curve_of("plain", samples=3),
        complete_trace((), (0, 0), sampling=PLAIN, seed=0, is_ended=False, find_wall=len),
        forced(BASE, options=("t0", "t1"), exits=(encode_exit("e", "t4 ", ("t0", "t1"), CODEC),), stride=1, judge=JUDGE),
    ],
    ids=["sample", "excursions", "plain", "complete", "forced"],
)
def test_without_a_single_draw_the_error_goes_on(experiment: Experiment[Any]) -> None:
    with pytest.raises(BudgetSpent, match="stopped: 0 coins left"):
        drive(experiment, backend=Purse(0), store=MemoryStore())


@pytest.mark.parametrize("plan", ["excursions", "plain", "stride"])
def test_a_curve_that_the_money_ends_says_what_is_left_and_can_be_resumed(plan: str) -> None:
    choices: dict[str, Any] = {"excursions": {"half_width": 0.04}, "plain": {"samples": 40}, "stride": {"samples": 40, "stride": 2}}[plan]
    if plan != "excursions":
        choices["level"] = 1 - 1e-6  # each cut has few draws here: at 0.95 one of them misses once in ten streams
    store = MemoryStore()
    cut_off = drive(curve_of(plan, **choices), backend=Purse(300 if plan == "excursions" else 120), store=store)
    assert cut_off.stopped == "money spent" and 0 < cut_off.n_rollouts < 200
    assert curve_document(cut_off, CODEC, ABOUT).notes[-1].startswith("stopped by the budget: ")
    said = "4 cuts have wider intervals than asked for" if plan == "excursions" else "cuts were not measured"
    assert said in cut_off.unresolved
    low, high = np.nan_to_num(cut_off.low, nan=0.0), np.nan_to_num(cut_off.high, nan=1.0)
    assert (low <= VALUES).all() and (np.asarray(VALUES) <= high + 1e-9).all()

    rich, never = Purse(1e9), Purse(1e9)
    resumed = drive(curve_of(plan, **choices), backend=rich, store=store)
    whole = drive(curve_of(plan, **choices), backend=never, store=MemoryStore())
    assert resumed.draws == whole.draws and resumed.stopped == whole.stopped and not resumed.unresolved
    np.testing.assert_array_equal(resumed.value, whole.value)
    paid = sum(len(draw.rollout.ids) for draw in cut_off.draws)
    assert never.coins - rich.coins == pytest.approx(-paid - 1), "what was drawn is not paid for again (the table was one coin)"


def test_plain_cuts_carry_the_number_of_their_own_draws() -> None:
    result = drive(curve_of("plain", samples=30), backend=Purse(100), store=MemoryStore())
    begun = np.bincount([draw.cut for draw in result.draws], minlength=4)
    np.testing.assert_array_equal(result.n_started, begun)
    assert (begun == 0).any() and np.isnan(result.value[begun == 0]).all() and (result.n_effective[begun == 0] == 0).all()
    assert "were not measured" in result.unresolved


def test_rollouts_alone_as_a_target_are_counted_against_it() -> None:
    result = drive(curve_of(max_rollouts=500), backend=Purse(200), store=MemoryStore())
    assert result.unresolved == f"{result.n_rollouts} of 500 rollouts were drawn"
    assert not drive(curve_of(max_rollouts=50), backend=Purse(1e9), store=MemoryStore()).unresolved


def test_the_beginning_of_a_batch_is_spread_over_the_forks() -> None:
    """A first batch that breaks off has visited every fork of some weight, so that no probability is left unsampled."""
    result = drive(curve_of(max_rollouts=500), backend=Purse(120, in_flight=0), store=MemoryStore())
    assert result.n_rollouts < 30 and (result.n_started[:3] > 0).all() and (result.unsampled == 0).all()


def test_exit_texts_that_were_read_are_returned() -> None:
    exits = tuple(encode_exit(f"exit {i}", text, ("t0", "t1"), CODEC) for i, text in enumerate(("t4 ", "t3 ", "t2 ")))
    experiment = forced(BASE, options=("t0", "t1"), exits=exits, stride=1, judge=JUDGE)
    result: ForcedResult = drive(experiment, backend=Purse(2, in_flight=0), store=MemoryStore())
    assert [reading.name for reading in result.readings] == ["exit 0", "exit 1"]
    document = forced_document(result, "gold", CODEC, ABOUT)
    assert [entry.text for entry in document.exits] == ["t4 ", "t3 "]
    assert "stopped by the budget: 2 of 3 exit texts were read" in document.notes


class MeteredPurse(Purse):
    """A purse that keeps count, as a server's backend does."""

    description = "a purse, version 1; gives everything"

    def spent(self) -> Spent:
        paid = round(1_000 - self.coins)
        return Spent(requests=paid, retried=paid // 10, errors=paid // 100, tokens_read=paid, tokens_cached=paid // 2, money=paid / 1e3)


def test_documents_tell_what_their_own_run_cost() -> None:
    backend = MeteredPurse(1_000)
    model = Model(name="m", backend=backend, codec=CODEC, stop=(), render=None, context_length=None, format=None, instruction=None)
    with Workbench(model) as bench:
        case = bench.case()
        first, second = (case.sample(n).document.provenance for n in (20, 30))
        curve = case.curve(BASE, max_rollouts=5000).document
    for provenance in (first, second, curve.provenance):
        assert provenance.server == backend.description
        assert provenance.cost is not None and provenance.cost > 0
        assert provenance.tokens_cached == pytest.approx(provenance.cost * 500, abs=1)
    assert sum(p.cost or 0.0 for p in (first, second, curve.provenance)) == pytest.approx(backend.spent().money)
    assert sum(p.retried for p in (first, second, curve.provenance)) == backend.spent().retried
    assert curve.budget.stopped == "money spent" and curve.notes[-1].startswith("stopped by the budget: ")
    shown = {fact.label: fact for fact in facts(curve, None, None)}
    assert shown["server"].value == backend.description and shown["server"].minor
    assert shown["cost"].value == f"{curve.provenance.cost:.4g}" and "from the server's cache" in shown["cost"].detail
    assert shown["retried"].value == str(curve.provenance.retried) and shown["errors"].value == str(curve.provenance.errors)
    assert parse_document(document_json(curve), "curve") == curve
    with pytest.raises(InvalidInput, match=r"provenance\.cost is -1"):
        document_json(replace(curve, provenance=replace(curve.provenance, cost=-1.0)))


def test_a_local_run_has_no_cost() -> None:
    model = Model(
        name="m", backend=ToyBackend(COSTLY), codec=CODEC, stop=(), render=None, context_length=None, format=None, instruction=None
    )
    document = Workbench(model).case().sample(5).document
    provenance = document.provenance
    assert (provenance.cost, provenance.server, provenance.retried, provenance.errors, provenance.tokens_cached) == (None, "", 0, 0, 0)
    labels = {fact.label for fact in facts(None, None, document)}
    assert not labels & {"cost", "server", "retried", "errors"}


RUNS = 150
COINS = 420


def _far(estimates: np.ndarray, truth: np.ndarray | float, allowed: np.ndarray | float, cuts: int) -> np.ndarray:
    """Where the mean of independent runs is further from the truth than allowed: false alarm ≤ 5e-7 in all cuts together."""
    limit = float(student_t.isf(5e-7 / (2 * cuts), RUNS - 1))
    return np.abs(estimates.mean(axis=0) - truth) > allowed + limit * estimates.std(axis=0, ddof=1) / np.sqrt(RUNS) + 1e-9


@pytest.mark.slow
@pytest.mark.parametrize("plan", ["excursions", "plain"])
def test_the_curve_is_right_on_average_where_money_ends_it(plan: str) -> None:
    """Means of 150 runs, each ended by 420 coins, against the exact values by Student's t; false alarm ≤ 5e-7 a plan.

    A cost known only after the draw biases a mean of n draws by cov(X, cost) / (E cost · n) (docs/methods/curve.md). For excursions
    that is 0.375/n of the probability of leaving, here with n about 50. Of the plain cuts, those measured in full in every run
    are compared: the others are measured as far as their own cost let them. A value off by 0.05 must be found.
    """
    choices: dict[str, Any] = {"max_rollouts": 5000} if plan == "excursions" else {"samples": 40}
    runs = [drive(curve_of(plan, seed=s, **choices), backend=Purse(COINS), store=MemoryStore()) for s in range(RUNS)]
    assert np.mean([run.stopped == "money spent" for run in runs]) > 0.9
    cuts = np.flatnonzero([all(run.n_started[c] == 40 for run in runs) for c in range(4)]) if plan == "plain" else np.arange(4)
    assert cuts.tolist() == ([1, 2, 3] if plan == "plain" else [0, 1, 2, 3])
    values, truth = np.stack([run.value for run in runs])[:, cuts], np.asarray(VALUES)[cuts]
    leave = np.asarray([1 - 0.7 * 0.7 * 0.8, 1 - 0.7 * 0.8, 0.2, 0.0])[cuts]
    allowed = leave * 0.375 / np.mean([run.n_rollouts for run in runs])
    assert not _far(values, truth, allowed, len(cuts)).any(), values.mean(axis=0) - truth
    assert _far(values, truth - 0.05, allowed, len(cuts)).all()


@pytest.mark.slow
def test_accuracy_is_right_on_average_where_money_ends_it() -> None:
    """As above for `sample`: n is about 60 and the bias at most CV(cost) / 2n, below 0.5/n."""
    runs = [drive(answers_to(150, seed=s), backend=Purse(COINS), store=MemoryStore()) for s in range(RUNS)]
    accuracy = np.asarray([[run.accuracy] for run in runs])
    allowed = 0.5 / np.mean([len(run.rollouts) for run in runs])
    assert not _far(accuracy, VALUES[0], allowed, 1).any()
    assert _far(accuracy, VALUES[0] + 0.05, allowed, 1).all()


@pytest.mark.slow
def test_what_a_killed_run_left_behind_does_not_bias_a_run_that_money_ends() -> None:
    """A run is killed when only its short (right) answers have arrived; the next one can pay for some of the missing only.

    The accuracy of that one is right over 150 streams (false alarm ≤ 5e-7); over all that its store then holds it is not.
    """
    used, stored = [], []
    for seed in range(RUNS):
        store, keyer, toy = MemoryStore(), Keyer(ToyBackend(COSTLY).fingerprint), ToyBackend(COSTLY)
        (requests,) = (next(answers_to(60, seed=seed)),)
        for keyed in (KeyedRequest(key=keyer.key(request), request=request) for request in requests):
            assert isinstance(keyed.request, Sample)
            ((_, rollout),) = toy.answer([keyed])
            if isinstance(rollout, Rollout) and len(rollout.ids) < 10:
                store.put(keyed.key, keyed.request, rollout)
        used.append([drive(answers_to(60, seed=seed), backend=Purse(120), store=store).accuracy])
        kept = store.get([keyer.key(request) for request in requests]).values()
        stored.append([np.mean([len(rollout.ids) < 10 for rollout in kept if isinstance(rollout, Rollout)])])
    assert not _far(np.asarray(used), VALUES[0], 0.03, 1).any(), np.mean(used)
    assert _far(np.asarray(stored), VALUES[0], 0.03, 1).all(), np.mean(stored)
