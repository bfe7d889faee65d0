"""Pivots on bases whose every change is known: what is claimed, what never is, bad input, and plans that control nothing."""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from tests.checkout import ROOT
from tests.helpers import PLAIN
from tests.helpers import settings as curve_settings
from tokenworth.backends.toy.backend import ToyCodec
from tokenworth.backends.toy.forks import Forks
from tokenworth.cli.main import run as cli
from tokenworth.core.document import About, ModelDoc, Provenance
from tokenworth.core.grade import Grade, Verdict
from tokenworth.core.request.next_token import NextTokenTable
from tokenworth.core.request.sample import Rollout, Sample
from tokenworth.core.tokens import StopReason
from tokenworth.errors import InvalidInput, MismatchError, NoEffect
from tokenworth.methods.curve.document import CurveDoc, curve_document
from tokenworth.methods.curve.experiment import curve
from tokenworth.methods.pivots.document import PivotsDoc, pivots_document
from tokenworth.methods.pivots.experiment import family, pivots
from tokenworth.methods.pivots.result import PivotResult
from tokenworth.methods.pivots.search import PIVOT_STREAM
from tokenworth.methods.pivots.settings import PivotSettings
from tokenworth.methods.selecting import Selection
from tokenworth.report.html import render_html
from tokenworth.report.page import page_of
from tokenworth.report.text import render_text
from tokenworth.stats.changes import Pairs
from tokenworth.store.documents import document_json, parse_document

LENGTH = 40


def base(*steps: tuple[int, float], end: bool = True, open_: float = 0.5, seed: int = 0) -> Forks:
    """A base of which the tokens named change the value by so much; every third token could have been another. The last is free."""
    rng = np.random.default_rng([2, seed])
    leave = np.where(np.arange(LENGTH) % 3 == 0, open_, 0.01)
    leave[-1] = 0.6
    wanted = dict(steps)
    worth, value = np.empty(LENGTH), float(end)
    worth[-1] = 0.6 if end else 0.4
    value = 0.4 * end + 0.6 * worth[-1]
    for cut in range(LENGTH - 2, -1, -1):
        change = wanted.get(cut, 0.0)
        worth[cut] = value - change / leave[cut]
        assert 0 <= worth[cut] <= 1, (cut, worth[cut])
        value -= change
    share = rng.dirichlet(np.ones(2), LENGTH)
    return Forks(p=1 - leave, share=share, worth=np.repeat(worth[:, None], 2, axis=1), ends_right=end)


def short(of: Forks) -> Any:
    """The base with its last token as the answer."""
    return replace(of.trace, n_trace=LENGTH - 1)


def run(of: Forks, seed: int = 0, *, judge: Any = None, screen: CurveDoc | None = None, chosen: str = "any", **choices: Any) -> PivotResult:
    made = pivots(
        short(of), judge=judge or of.judge, sampling=PLAIN, settings=PivotSettings(seed=seed, **choices), screen=screen, chosen=chosen
    )
    return of.run(made, np.random.default_rng([4, seed]))


def document(result: PivotResult) -> PivotsDoc:
    return pivots_document(result, ToyCodec(vocab_size=16), About(model=ModelDoc(name="toy"), provenance=Provenance(version="0")))


# -- what is claimed -----------------------------------------------------------------------------------------------------------------


def test_a_step_is_claimed_and_nothing_else() -> None:
    of = base((12, 0.35))
    result = run(of)
    doc = document(result)
    (claim,) = doc.claims
    assert claim.token == 12 and 0.1 < claim.low <= 0.35 <= claim.high <= 0.5
    assert np.diff(of.values)[12] == pytest.approx(0.35)
    assert len(doc.excluded) == doc.family - 1 and not doc.undecided and not doc.notes[1:]
    assert {row.token for row in doc.excluded} == set(range(0, LENGTH - 1, 3)) - {12}
    assert doc.generated_tokens == result.generated_tokens > 0


def test_a_bump_is_two_claims_that_a_bisection_does_not_see() -> None:
    of = base((12, 0.35), (27, -0.35), end=False, open_=0.7)
    assert [row.token for row in document(run(of)).claims] == [12, 27]

    class Plain(Forks):
        """Rollouts from any cut, of one token."""

        def _rollout(self, request: Any, first: float, last: float) -> Rollout:
            return Rollout(ids=(3, 1 if last < self.values[request.cut] else 2), stop=StopReason.STOP)

    plain = Plain(p=of.p, share=of.share, worth=of.worth, ends_right=of.ends_right)
    halves = document(run(plain, compare="bisection", samples=400))
    assert not halves.named and not halves.claims and any("cancel" in note for note in halves.notes)
    raw = document(run(plain, compare="every", samples=20))
    assert not raw.claims and any("controls no error" in note for note in raw.notes)
    assert "not claimed" in render_text(page_of([raw]))
    one = base((12, 0.35))
    found = document(run(Plain(p=one.p, share=one.share, worth=one.worth, ends_right=True), compare="bisection", samples=400))
    assert [row.token for row in found.named] == [12]


NULLS = 150


@lru_cache(maxsize=1)
def _nulls() -> tuple[int, int]:
    """Traces without any change: those with a claim, and those in which raw differences of 20 rollouts name a token."""
    of, rng = base(), np.random.default_rng(3)
    claims = sum("claim" in run(of, seed).rows.verdict for seed in range(NULLS))
    value = rng.binomial(20, of.values[: LENGTH + 1], (NULLS, LENGTH + 1)) / 20
    return claims, int((np.abs(np.diff(value, axis=1)) >= 0.2).any(axis=1).sum())


@pytest.mark.slow
def test_traces_without_a_pivot_have_no_claim_and_raw_differences_name_some() -> None:
    """A rate of .05 is passed with a chance of 1e-6."""
    ours, raw = _nulls()
    most = binom.ppf(1 - 1e-6, NULLS, 0.05)
    assert ours <= most
    assert raw > most


def test_the_family_is_what_could_change_the_value_and_bounds_widen_it() -> None:
    p = np.asarray([0.7, 0.9, 0.81, 0.8, 0.1])
    none = np.zeros((5, 0))
    table = NextTokenTable(p=p, logprob=np.log(p), top_ids=none.astype(np.int64), top_p=none, support=np.full(5, 2))
    assert family(table, 4, 0.2).tolist() == [0, 3], "the answer is no token of the trace"
    wider = replace(table, slack=np.asarray([0.0, 0.15, 0.0, 0.0, 0.0]))
    assert family(wider, 4, 0.2).tolist() == [0, 1, 3]


def test_bounds_on_probabilities_widen_limits() -> None:
    of = base((12, 0.35))

    class Bounded(Forks):
        def _table(self, request: Any) -> NextTokenTable:
            return replace(Forks._table(self, request), slack=np.full(len(request.cuts), 0.02))

    exact = run(of, max_rollouts=300)
    wide = run(Bounded(p=of.p, share=of.share, worth=of.worth, ends_right=True), max_rollouts=300)
    at = exact.rows.token.tolist().index(12), wide.rows.token.tolist().index(12)
    assert wide.rows.high[at[1]] - wide.rows.low[at[1]] > exact.rows.high[at[0]] - exact.rows.low[at[0]]
    assert any("± 0.02" in note for note in document(wide).notes)


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


def test_draws_are_fresh_and_never_asked_for_twice() -> None:
    of = base((12, 0.35))
    mine = requests(of, pivots(short(of), judge=of.judge, sampling=PLAIN, settings=PivotSettings(seed=3)))
    curves = requests(of, curve(short(of), judge=of.judge, sampling=PLAIN, settings=curve_settings(seed=3, max_rollouts=200)))
    assert {one.seed for one in mine} == {PIVOT_STREAM + 3} and {one.seed for one in curves} == {3}
    assert len({(one.cut, one.branch, one.index) for one in mine}) == len(mine)


def screen_of(of: Forks, seed: int = 0, **choices: Any) -> CurveDoc:
    made = curve(short(of), judge=of.judge, sampling=PLAIN, settings=curve_settings(seed=seed, **choices))
    result = of.run(made, np.random.default_rng(9))
    return curve_document(result, ToyCodec(vocab_size=16), About(model=ModelDoc(name="toy"), provenance=Provenance(version="0")))


def test_a_screen_leaves_out_what_it_shows_to_be_small_and_tests_nothing() -> None:
    of = base((12, 0.35))
    plain, found = run(of), run(of, screen=screen_of(of, max_rollouts=400))
    doc = document(found)
    assert [row.token for row in doc.claims] == [12] and 0 < doc.screened < doc.family
    assert found.generated_tokens < plain.generated_tokens
    left = [row for row in doc.excluded if row.look == 0]
    assert len(left) == doc.screened and all(row.p_value == 1 for row in left)
    assert doc.family == document(plain).family, "what the screen left out keeps its place in the family"


class Edge(Pairs):
    """A pair that can differ by at most so much, and does by .12 or more."""

    def __init__(self, most: float) -> None:
        self.__dict__["at_most"] = most

    def limits(self, level: Any, interval: Any) -> Any:
        return np.asarray([0.12]), np.asarray([self.__dict__["at_most"]])

    def possible(self, level: Any, interval: Any) -> Any:
        return np.asarray([self.__dict__["at_most"]])


@pytest.mark.parametrize(("most", "is_open"), [(1 - 0.8, True), (0.2, True), (0.1999, False)])
def test_a_token_that_can_change_the_value_by_delta_exactly_is_not_given_up_for_rounding(most: float, is_open: bool) -> None:
    selection = Selection(np.zeros(1, dtype=bool), delta=0.2, least=0.1, q=0.05, futility=0.1, dependence="positive")
    selection.give_up(Edge(most))
    assert selection.open.all() == is_open


def test_a_screen_of_something_else_is_refused() -> None:
    of, other = base((12, 0.35)), replace(base((12, 0.35)), p=base().p)
    with pytest.raises(MismatchError, match="has another target"):
        run(of, screen=screen_of(of, max_rollouts=20), target="own")
    longer = replace(screen_of(other, max_rollouts=20))
    with pytest.raises(MismatchError, match="another trace"):
        run(of, screen=replace(longer, trace=replace(longer.trace, ids=tuple(1 for _ in longer.trace.ids or ()))))


def test_the_command_reads_the_screen_of_each_item(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    toy = ["--model", f"toy:{ROOT / 'examples' / 'toy.json'}", "--seed", "8"]
    assert cli(["curve", *toy, "--max-rollouts", "200", "--json", "curve-0.json"]) == 0
    assert cli(["pivots", *toy, "--max-rollouts", "100", "--screen", "curve-{item}.json", "--json", "pivots.json"]) == 0
    doc = parse_document((tmp_path / "pivots.json").read_bytes(), "x")
    assert isinstance(doc, PivotsDoc) and doc.screened > 0 and doc.plan.screen == "curve-{item}.json"
    capsys.readouterr()
    assert cli(["pivots", *toy, "--screen", "pivots.json"]) == 2
    assert capsys.readouterr().err.endswith("error: --screen pivots.json: expected the result of curve, got PivotsDoc\n")
    curve = json.loads(Path("curve-0.json").read_text(encoding="utf-8"))
    Path("other.json").write_text(json.dumps({**curve, "model": {**curve["model"], "fingerprint": "0" * 64}}), encoding="utf-8")
    assert cli(["pivots", *toy, "--screen", "other.json"]) == 2
    assert "is a curve of another model" in capsys.readouterr().err
    assert cli(["pivots", *toy, "--screen", "none.json"]) == 2
    assert "document none.json does not exist" in capsys.readouterr().err


# -- bad input -----------------------------------------------------------------------------------------------------------------------


def test_a_budget_of_nearly_nothing_decides_nothing_and_says_what_it_takes() -> None:
    doc = document(run(base((12, 0.35)), max_tokens=1))
    assert doc.rollouts == 0 and not doc.claims and len(doc.undecided) == doc.family
    assert all(row.delta is None and (row.needed or 0) > 0 and row.low < 0 < row.high for row in doc.undecided)
    assert any(note.startswith("stopped by the budget: ") for note in doc.notes)
    assert "?" in render_text(page_of([doc]))


def test_a_delta_that_no_budget_resolves_stays_undecided() -> None:
    doc = document(run(base(), delta=0.01, max_rollouts=300))
    assert not doc.claims and doc.undecided and doc.rollouts == 300
    assert max(row.needed or 0 for row in doc.undecided) > 10_000
    assert PivotSettings(delta=0.01).budget.max_rollouts == 10_000, "without a budget there is one"


@pytest.mark.parametrize("end", [True, False])
def test_one_outcome_only_is_no_pivot(end: bool) -> None:
    of = base()
    same = replace(of, worth=np.full_like(of.worth, float(end)), ends_right=end)
    doc = document(run(same, bound=0.45))
    assert not doc.claims and not doc.undecided and len(doc.excluded) == doc.family
    assert doc.start == pytest.approx(float(end))
    assert (doc.critical.above if end else doc.critical.below) == 0


def test_rollouts_without_a_verdict_claim_nothing_and_are_named() -> None:
    def judge(ids: tuple[int, ...], stop: StopReason) -> Grade:
        return Grade(outcome="truncated", verdict=Verdict.UNKNOWN)

    doc = document(run(base((12, 0.35)), judge=judge))
    assert not doc.claims and "no rollout has a verdict: nothing can be said of the value" in doc.notes


def test_a_pivot_of_truncation_shows_the_share_without_a_verdict_beside_it() -> None:
    of = base((12, 0.35))

    def judge(ids: tuple[int, ...], stop: StopReason) -> Grade:
        grade = of.judge(ids, stop)
        return grade if grade.verdict is Verdict.CORRECT else Grade(outcome="truncated", verdict=Verdict.UNKNOWN)

    doc = document(run(of, judge=judge))
    (claim,) = doc.claims
    assert claim.missing == pytest.approx(-(claim.delta or 0)) and "no verdict -0." in render_text(page_of([doc]), width=200)


def test_a_base_that_was_chosen_has_no_bound_on_its_pivots() -> None:
    drawn, chosen = (document(run(base((12, 0.35)), chosen=how)) for how in ("any", "correct"))
    assert drawn.most is not None and chosen.most is None
    assert any("chosen because it is correct" in note for note in chosen.notes)
    assert replace(chosen, most=drawn.most, notes=drawn.notes) == drawn, "the claims are the same"


def test_a_trace_that_is_certain_costs_nothing() -> None:
    of = base()
    sure = replace(of, p=np.ones_like(of.p))
    doc = document(run(sure))
    assert doc.family == doc.rollouts == 0 and "nothing was drawn" in doc.notes[0]


def test_ties_are_claimed_together() -> None:
    doc = document(run(base((12, 0.3), (24, -0.3), (30, 0.3), open_=0.6)))
    assert [row.token for row in doc.claims] == [12, 24, 30]


@pytest.mark.parametrize(
    ("choices", "error", "words"),
    [
        ({"delta": 1.0}, InvalidInput, "delta 1.0: expected"),
        ({"delta": 0.001}, InvalidInput, "delta 0.001: expected"),
        ({"false_discovery": 0.0}, InvalidInput, "false discovery 0.0"),
        ({"futility": 0.5}, InvalidInput, "futility 0.5"),
        ({"samples": 5}, NoEffect, "needs --compare every or bisection"),
        ({"compare": "every", "screen": "x.json"}, NoEffect, "--screen is for the search"),
    ],
)
def test_settings_that_mean_nothing_are_refused(choices: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        PivotSettings(**choices)


# -- document and page ---------------------------------------------------------------------------------------------------------------


def test_it_survives_a_file_and_a_claim_looks_like_no_other_row(tmp_path: Path) -> None:
    doc = document(run(base((12, 0.35))))
    doc = replace(doc, critical=replace(doc.critical, above=30))
    assert parse_document(document_json(doc), "x") == doc
    text = render_text(page_of([doc]), width=160)
    assert "PIVOT" in text and "false-discovery rate at most 5%" in text and "▶" in text
    assert text.count("PIVOT") == 1 + sum(row.token == 12 for row in doc.unlikely)
    assert "PIVOT" in render_html(page_of([doc]))
    assert "critical: from cut 30 on the value stays above 0.95" in text
