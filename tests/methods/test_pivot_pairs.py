"""Preference pairs of claims: fresh draws, a side chosen without an outcome, and how often a pair without a difference is told apart."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from tests.helpers import PLAIN
from tests.methods.test_pivots import LENGTH, base, document, requests, short
from tokenworth.backends.toy.forks import BASE, FIRST, RIGHT, WRONG, Forks
from tokenworth.core.request.experiment import BudgetSpent
from tokenworth.core.request.next_token import NextToken
from tokenworth.core.request.sample import Rollout, Sample
from tokenworth.core.tokens import StopReason
from tokenworth.errors import InvalidInput, NoEffect
from tokenworth.methods.curve.labels import Reader
from tokenworth.methods.pivots.experiment import pivots
from tokenworth.methods.pivots.pairs import PAIR_STREAM, PairRows, draw_pairs, others
from tokenworth.methods.pivots.search import PIVOT_STREAM
from tokenworth.methods.pivots.settings import PivotSettings
from tokenworth.report.page import page_of
from tokenworth.report.text import render_text
from tokenworth.stats.difference import newcombe, newcombe_p
from tokenworth.store.documents import document_json, parse_document
from tokenworth.tasks.target import GOLD, target_of

AT = 12


class Both(Forks):
    """Rollouts that go on with the base's token, too."""

    def _rollout(self, request: Any, first: float, last: float) -> Rollout:
        if request.branch == BASE:
            return Rollout(ids=(BASE, RIGHT if last < self.values[request.cut + 1] else WRONG), stop=StopReason.STOP)
        return Forks._rollout(self, request, first, last)


def both(of: Forks) -> Both:
    return Both(p=of.p, share=of.share, worth=of.worth, ends_right=of.ends_right)


def pairs(of: Both, n: int, seed: int) -> PairRows:
    reader = Reader(trace=short(of), judge=of.judge, target=target_of(GOLD, of.judge(of.trace.sequence.completion, StopReason.STOP)))
    table = of.answer((NextToken(sequence=of.trace.sequence, cuts=tuple(range(LENGTH)), params=PLAIN, top=5),), np.random.default_rng(0))[0]
    made = draw_pairs(reader, table, np.asarray([AT]), sampling=PLAIN, n=n, seed=seed)  # type: ignore[arg-type]
    return of.run(made, np.random.default_rng([8, seed]))


def run(of: Both, **choices: Any) -> Any:
    made = pivots(short(of), judge=of.judge, sampling=PLAIN, settings=PivotSettings(**choices), chosen="any")
    return of.run(made, np.random.default_rng(4))


def test_a_claim_gets_a_pair_on_draws_of_its_own() -> None:
    of = both(base((AT, 0.35)))
    doc = document(run(of, pairs=60))
    (row,) = doc.pairs
    share = of.share[AT]
    assert (row.token, row.other) == (AT, FIRST + int(share.argmax()))
    assert row.other_p == pytest.approx(share.max() * (1 - of.p[AT]))
    assert (row.n_token, row.n_other, row.better) == (60, 60, "token")
    truth = of.values[AT + 1] - of.worth[AT, int(share.argmax())]
    assert row.low is not None and row.high is not None and row.low <= truth <= row.high
    assert row.delta == pytest.approx((row.k_token - row.k_other) / 60)
    made = pivots(short(of), judge=of.judge, sampling=PLAIN, settings=PivotSettings(pairs=60, seed=3))
    asked = requests(of, made)
    fresh = [one for one in asked if one.seed == PAIR_STREAM + 3]
    assert {one.seed for one in asked} == {PIVOT_STREAM + 3, PAIR_STREAM + 3}
    assert len(fresh) == 120 and {one.branch for one in fresh} == {BASE, row.other}
    plain = document(run(of))
    blank = {"pairs": (), "plan": plain.plan, "rollouts": 0, "generated_tokens": 0}
    assert replace(doc, **blank) == replace(plain, rollouts=0, generated_tokens=0), "the search is the same"
    assert doc.rollouts == plain.rollouts + 120
    assert parse_document(document_json(doc), "x") == doc and "Pairs of claims" in render_text(page_of([doc]))


RUNS, N = 150, 30


def null_at() -> Both:
    """Going on with the likeliest other token is worth as much as with the base's; the three others are worth so, too."""
    of = base((AT, 0.35))
    share = np.tile([0.28, 0.24, 0.24, 0.24], (LENGTH, 1))
    worth = np.repeat(of.worth[:, :1], 4, axis=1)
    made = Both(p=of.p, share=share, worth=worth, ends_right=True)
    worth[AT] = made.values[AT + 1]
    return Both(p=of.p, share=share, worth=worth, ends_right=True)


@lru_cache(maxsize=1)
def _told_apart() -> tuple[int, int]:
    """Runs in which a pair without a difference is told apart: ours, and the best and the worst of five tokens on the same draws."""
    of, rng = null_at(), np.random.default_rng(5)
    ours = sum(bool(pairs(of, N, seed).told_apart(0.05)[0]) for seed in range(RUNS))
    found, n = rng.binomial(N, of.values[AT + 1], (RUNS, 5)) * 1.0, np.full(RUNS, float(N))
    return ours, int((newcombe_p(found.max(axis=1), n, found.min(axis=1), n) <= 0.05).sum())


def test_a_pair_without_a_difference_is_seldom_told_apart_and_the_best_and_worst_of_five_often() -> None:
    """A rate of .05 (Newcombe's limits at n = 30 miss up to .06) is passed with a chance of 1e-6."""
    ours, worst = _told_apart()
    most = binom.ppf(1 - 1e-6, RUNS, 0.06)
    assert ours <= most < worst


def test_the_test_and_the_limits_agree() -> None:
    rng = np.random.default_rng(1)
    n = rng.integers(1, 60, (2, 300))
    n, k = n * 1.0, rng.binomial(n, rng.random((2, 300))) * 1.0
    p = newcombe_p(k[0], n[0], k[1], n[1])
    for level in (0.8, 0.95, 0.999):
        low, high = newcombe(k[0], n[0], k[1], n[1], level)
        apart, beyond = (low > 0) | (high < 0), np.abs(p - (1 - level)) > 1e-6
        assert ((p < 1 - level) == apart)[beyond].all() and apart.any() and not apart.all()


def test_a_fork_without_a_listed_token_has_no_pair_and_a_budget_leaves_both_sides() -> None:
    of = both(base((AT, 0.35)))
    sequence = of.trace.sequence
    table: Any = of.answer((NextToken(sequence=sequence, cuts=tuple(range(LENGTH)), params=PLAIN, top=1),), np.random.default_rng(0))[0]
    open_ = [cut for cut in range(LENGTH) if table.top_ids[cut][0] == BASE]
    assert open_ and not others(table, sequence.completion, np.asarray(open_))
    made = pivots(short(of), judge=of.judge, sampling=PLAIN, settings=PivotSettings(pairs=10))
    rng = np.random.default_rng(4)
    batch = next(made)
    while not any(isinstance(one, Sample) and one.seed == PAIR_STREAM for one in batch):
        batch = made.send(of.answer(batch, rng))
    answers = of.answer(batch, rng)
    with pytest.raises(StopIteration) as ended:
        made.throw(BudgetSpent("x", (*answers[:7], *[None] * (len(batch) - 7))))
    (row,) = document(ended.value.value).pairs
    assert (row.n_token, row.n_other) == (4, 3)
    assert any("the budget ended first" in note for note in document(ended.value.value).notes)


def test_settings_that_mean_nothing_are_refused() -> None:
    with pytest.raises(InvalidInput, match="pairs 0"):
        PivotSettings(pairs=0)
    with pytest.raises(NoEffect, match="--pairs is for claims"):
        PivotSettings(pairs=5, compare="every")
