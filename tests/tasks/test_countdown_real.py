"""Countdown on real traces: no false alarm on the published solvers, and the counts of model outputs."""

from __future__ import annotations

import gzip
import json
from collections import Counter

import pytest

from tests.real_data import shared
from tokenworth.core.verification import FormalText, Strictness, Verification
from tokenworth.tasks.countdown.domain import DOMAIN


def texts(name: str) -> list[FormalText]:
    with gzip.open(shared("formal-sos", name), "rt", encoding="utf-8") as file:
        return [DOMAIN.read(json.loads(line), f"line {at}") for at, line in enumerate(file, 1)]


def checked(name: str, dialect: str = "stream-of-search", strictness: Strictness = Strictness.STRICT) -> dict[str, Verification]:
    return {text.id: DOMAIN.verify(text, dialect=dialect, strictness=strictness) for text in texts(name)}


@pytest.mark.slow
@pytest.mark.parametrize("strictness", list(Strictness))
def test_no_false_alarm_on_the_published_solvers(strictness: Strictness) -> None:
    found = checked("sos-symbolic-search.jsonl.gz", strictness=strictness)
    assert len(found) == 162
    # A search that gives up is a right trace without an answer: all of these puzzles can be solved. The text that is cut has its claim.
    assert all(one.trace_valid and set(one.counts) <= {"PLAN_NONE"} for one in found.values())
    assert Counter(one.plan_valid for one in found.values()) == {True: 101, False: 61}
    assert sum(one.plan_valid is True and one.plan_follows_trace is True for one in found.values()) == 101
    assert sum(one.facts["n_operations"] for one in found.values()) == 6075  # type: ignore[misc]
    if strictness is Strictness.TIES:
        assert all(one.facts["solver"] for one in found.values())


def total(found: dict[str, Verification], fact: str) -> int:
    return sum(int(str(one.facts[fact])) for one in found.values())


@pytest.mark.slow
def test_the_largest_model() -> None:
    found = checked("sos-qwen2.5-7b.jsonl.gz")
    claims = [one for one in found.values() if one.facts["claims_goal"]]
    assert len(claims) == 51 and all(one.plan_valid and one.plan_follows_trace and one.facts["published_solved"] for one in claims)
    # Counted wherever they stand, in every history again, 272 of 18,339 are wrong, and one claim comes after a wrong one.
    assert (total(found, "n_bare_operations"), total(found, "n_bare_wrong")) == (18_339, 272)
    after = [one for one in claims if one.facts["n_bare_wrong_before_goal"]]
    assert len(after) == 1 and all(set(one.counts) <= {"FRACTION", "WRONG_RESULT"} for one in after)
    # Counted once a step, by whole equations: 60 of 6,544 are wrong, 26 of them between fractions. Two claims come after one of these.
    assert (total(found, "n_operations"), total(found, "n_wrong_operations")) == (6_544, 60)
    wrong = [one.got for text in found.values() for one in text.violations if one.code == "WRONG_RESULT"]
    assert sum("." in equation for equation in wrong) == 26 and sum(bool(one.facts["wrong_before_goal"]) for one in claims) == 2


@pytest.mark.slow
@pytest.mark.parametrize(("name", "n_claims", "n_valid"), [("sos-qwen2.5-1.5b", 43, 37), ("sos-qwen2.5-0.5b", 22, 20)])
def test_smaller_models(name: str, n_claims: int, n_valid: int) -> None:
    found = checked(f"{name}.jsonl.gz")
    assert sum(bool(one.facts["claims_goal"]) for one in found.values()) == n_claims
    assert all(one.plan_valid is False for one in found.values() if not one.facts["claims_goal"])
    assert sum(one.plan_valid is True for one in found.values()) == n_valid
    differ = {id_ for id_, one in found.items() if one.facts["published_solved"] != (one.plan_valid is True)}
    # One of the smaller model uses a number twice, which the published metric does not see: 11 and 89 of [98, 89, 11, 11].
    # One of the smallest goes on after its claim, and claims again, wrongly.
    assert differ == ({"1.5b-118"} if n_claims == 43 else {"0.5b-24"})
    assert [id_ for id_, one in found.items() if "PLAN_TWICE" in one.counts] == ([] if n_claims == 43 else ["0.5b-24"])


@pytest.mark.slow
def test_outputs_in_the_form_of_optimal_paths() -> None:
    found = checked("optimal-path-qwen2.5-0.5b.jsonl.gz", "optimal-path")
    # One more trace than these writes "6, 14 equal: Goal Reached", with a space: not a line of the grammar, and not true.
    assert sum(bool(one.facts["claims_goal"]) for one in found.values()) == 140
    assert sum(one.plan_valid is True for one in found.values()) == 7
    differ = {id_ for id_, one in found.items() if one.facts["published_solved"] != (one.plan_valid is True)}
    assert differ == {"opt-0.5b-206"}


def test_outputs_in_prose() -> None:
    found = checked("react-style-qwen2.5-1.5b.jsonl.gz", "react")
    verdicts = Counter(one.plan_valid for one in found.values())
    assert verdicts == {True: 5, False: 39} and sum(bool(one.facts["claims_goal"]) for one in found.values()) == 6
    assert all(one.trace_valid and one.plan_follows_trace for one in found.values() if one.plan_valid)
    assert found["react-1.5b-29"].plan_valid is False and found["react-1.5b-29"].counts["PLAN_NOT_TARGET"] == 1
