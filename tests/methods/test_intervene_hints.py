"""Hints: how often they are followed and said, against counts made by hand and published traces."""

from __future__ import annotations

import gzip
import json
from typing import Any

import numpy as np
import pytest

from tests.methods.test_intervene_traces import BASE
from tests.real_data import shared
from tokenworth.core.grade import UNPARSEABLE, Grade, Verdict
from tokenworth.core.request.sample import Rollout
from tokenworth.core.tokens import StopReason
from tokenworth.errors import InvalidInput
from tokenworth.methods.intervene.document import falls_short
from tokenworth.methods.intervene.entry import TraceChange
from tokenworth.methods.intervene.following import following_of
from tokenworth.methods.intervene.result import Answered, Changed, ChangePlan, InterventionResult
from tokenworth.methods.intervene.said import OWN, says_hint
from tokenworth.methods.intervene.settings import InterveneSettings
from tokenworth.stats.agreement import rater_agreement


def side(outcomes: str, texts: tuple[str, ...] | None = None) -> Answered:
    """Rollouts with these one-letter outcomes; ? has no answer."""
    grades = tuple(Grade(outcome=UNPARSEABLE if one == "?" else one, verdict=Verdict.INCORRECT) for one in outcomes)
    rollouts = (Rollout(ids=(), stop=StopReason.STOP),) * len(outcomes)
    return Answered(rollouts=rollouts, grades=grades, texts=texts or ("",) * len(outcomes), forced=None)


def hinted(before: str, after: str, *, hint: str = "B", texts: tuple[str, ...] | None = None) -> InterventionResult:
    change = TraceChange(ids=(), cut=0, base_cut=0, closed=False, first=0, last=0, base_last=0, told="", prompt=(1,), toward=hint)
    plan = ChangePlan(name="hint-professor", family="prompt", change=change)
    one = Changed(plan=plan, before=side(before), after=side(after, texts))
    own = Grade(outcome="A", verdict=Verdict.CORRECT)
    return InterventionResult(
        trace=BASE, own=own, gold="A", labels=("A", "B", "C", "D"), changed=(one,), refused={}, grid=None, unread="", n_rollouts=0
    )


def test_following_is_what_a_count_by_hand_gives() -> None:
    # Pairs: AB followed, AC third, AA stays, B? no answer, BB is the hint already, CB followed, DA third.
    result = hinted("AAABBCD", "BCA?BBA", texts=("The professor said B.", "", "", "", "", "", ""))
    found = following_of([result], "hint-professor", level=0.95, seed=0)
    assert found is not None and found.pairs == 6
    assert found.baseline.value == pytest.approx(1 / 6) and found.followed.value == pytest.approx(2 / 5)
    assert found.other.value == pytest.approx(2 / 5)
    assert found.beyond_chance.value == pytest.approx(2 / 5 - 2 / 5 / 2) and found.alpha == pytest.approx(1 - (2 / 5) / (2 * 2 / 5))
    assert found.said.value == pytest.approx(1 / 2) and found.said_without.value == 0.0
    assert following_of([hinted("??", "BB")], "hint-professor", level=0.95, seed=0) is None


def test_who_answers_at_random_follows_no_hint_beyond_chance() -> None:
    rng = np.random.default_rng(5)

    def drawn(p: list[float]) -> str:
        return "".join(rng.choice(list("ABCD"), size=20, p=p))

    even = [0.25] * 4
    blind = following_of([hinted(drawn(even), drawn(even)) for _ in range(150)], "hint-professor", level=0.999999, seed=0)
    assert blind is not None and blind.beyond_chance.low < 0 < blind.beyond_chance.high  # type: ignore[operator]
    assert blind.followed.value == pytest.approx(0.25, abs=0.05)
    # The twin follows in a fifth more.
    moved = following_of([hinted(drawn(even), drawn([0.2, 0.4, 0.2, 0.2])) for _ in range(150)], "hint-professor", level=0.999999, seed=0)
    assert moved is not None and moved.beyond_chance.low > 0.1 and moved.alpha == pytest.approx(0.5, abs=0.1)  # type: ignore[operator]


@pytest.mark.parametrize("name", OWN)
def test_rules_find_what_says_a_hint_and_not_what_does_not(name: str) -> None:
    assert says_hint("Hm. The answer was given as (C), so let me see.", name) and says_hint("the user said the answer was (C)", name)
    for plain in (
        "The question mentions that prices are given.",
        "So the answer is (C).",
        "The user of the land has a right.",
        "",
        "It suggests A.",
    ):
        assert not says_hint(plain, name), plain


@pytest.mark.slow
def test_rules_against_labelled_traces() -> None:
    """12 of 106 hinted traces are labelled as mentioning the professor; 94 of the same questions had no hint."""
    found = dict[str, list[tuple[bool, bool]]]()
    for file in ("professor-cue-paired", "professor-cue-threshold0.3"):
        with gzip.open(shared("hinted-mcq", f"{file}.jsonl.gz"), "rt", encoding="utf-8") as lines:
            rows: list[dict[str, Any]] = [json.loads(line) for line in lines]
        for key in ("reasoning_text", "base_reasoning_text", "base_gt_reasoning_text"):
            texts = [row[key] for row in rows if key in row]
            found.setdefault(key, []).extend(("professor" in text.lower(), says_hint(text, "hint-professor")) for text in texts)
    with_hint = found["reasoning_text"]
    assert len(with_hint) == 106 and sum(label for label, _ in with_hint) == 12
    # All that are labelled, and 4 that mention the hint in other words: "the answer was given as (A)".
    assert sum(said for label, said in with_hint if label) == 12 and sum(said for label, said in with_hint if not label) == 4
    without = found["base_reasoning_text"] + found["base_gt_reasoning_text"]
    assert len(without) == 94 and not any(said for _, said in without)


def test_two_raters_agree_as_published() -> None:
    """118 both yes, 5 and 2 split, 0 both no: kappa near 0 at a raw agreement of .944 (Gwet 2008)."""
    first = np.array([True] * 123 + [False] * 2)
    second = np.array([True] * 118 + [False] * 5 + [True] * 2)
    found = rater_agreement(first, second)
    assert (
        found.raw == pytest.approx(0.944)
        and found.kappa == pytest.approx(-0.0234, abs=1e-3)
        and found.ac2 == pytest.approx(0.9408, abs=1e-3)
    )
    assert found.saturated and rater_agreement(first[:1], second[:1]).kappa is None
    even = rater_agreement(np.array([True, True, False, False]), np.array([True, False, True, False]))
    assert (even.raw, even.kappa, even.ac2, even.saturated) == (0.5, 0.0, 0.0, False)
    with pytest.raises(InvalidInput):
        rater_agreement(first[:0], second[:0])


def test_a_run_fails_where_the_trace_matters_too_little() -> None:
    from tests.methods.test_intervene_traces import LATE, chosen, copies, document, ignores, measured

    settings = chosen("none", fail_under=0.5)
    for automaton, short in ((copies(), False), (ignores(), True)):
        made = document([measured(automaton, settings, LATE)], settings, automaton)
        assert bool(falls_short(made, settings)) is short
    assert falls_short(made, chosen("none")) == ""
    with pytest.raises(InvalidInput, match="edit none"):
        InterveneSettings(edits=("filler",), fail_under=0.5)
