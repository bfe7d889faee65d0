"""Two curves of one trace, rules that stop early, and the survey of a task, on cases with known answers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.survey.cases import NOWHERE, step, survey, two
from tokenworth.cli.main import run
from tokenworth.methods.curve.document import BudgetDoc, CurveDoc, PlanDoc
from tokenworth.methods.survey.two_curves import STATES
from tokenworth.stats.exits import ExitRule, stops_at


def value_of(forced: object, ends_in_a: list[float]) -> CurveDoc:
    n = len(ends_in_a)
    a = tuple(ends_in_a)
    b = tuple(1 - x for x in ends_in_a)
    return CurveDoc(
        problem=forced.problem, model=forced.model, trace=forced.trace, plan=PlanDoc(name="plain"), cuts=tuple(range(n)),  # type: ignore[attr-defined]
        value=a, low=a, high=a, level=0.95, n_effective=(50.0,) * n, n_started=(50,) * n, outcomes={"A": a, "B": b},
        outcomes_low={"A": tuple(max(0.0, x - 0.1) for x in a), "B": tuple(max(0.0, x - 0.1) for x in b)},
        outcomes_high={"A": tuple(min(1.0, x + 0.1) for x in a), "B": tuple(min(1.0, x + 0.1) for x in b)},
        budget=BudgetDoc(), provenance=NOWHERE,
    )  # fmt: skip


def test_the_four_states_of_a_cut() -> None:
    forced = two([0.5] * 25 + [0.1] * 25 + [0.6] * 25 + [0.9] * 25)
    ends = [0.9] * 25 + [0.9] * 25 + [0.6] * 25 + [0.95] * 25
    doc = survey(forced, value_of(forced, ends))
    found = doc.two_curves
    assert found is not None and (found.n, found.cuts, doc.traces) == (1, 100, 1)
    shares = {one.state: one.share.value for one in found.states}
    # Open share .5 with ends in A: unsaid; says B while 9 of 10 end in A: reverting; .6 and .6: open; says A and ends there: said.
    assert shares == pytest.approx({"decided unsaid": 0.25, "reverting": 0.25, "open": 0.25, "decided and said": 0.25})
    assert "".join(dict.fromkeys(doc.rows[0].states)) == "".join(
        str(STATES.index(name)) for name in ("decided unsaid", "reverting", "open", "decided and said")
    )
    assert found.difference.value == pytest.approx(np.mean([0.5, 0.1, 0.6, 0.9]) - np.mean([0.9, 0.9, 0.6, 0.95]))
    assert found.outside.value == pytest.approx(0.5)


def test_two_curves_that_agree_differ_by_nothing() -> None:
    made = [two(step(0.2, 0.9), name=f"q{i}", words=f"v{i}.") for i in range(8)]
    found = survey(*made, *(value_of(one, step(0.2, 0.9)) for one in made)).two_curves
    assert found is not None and (found.n, found.difference.value, found.outside.value, found.p) == (8, 0.0, 0.0, 1.0)


def test_a_rule_stops_at_the_first_reading_that_fires() -> None:
    first = np.asarray([0.5, 0.96, 0.5, 0.96, 0.97, 0.02, 0.99])
    shares = np.stack([first, 1 - first], axis=1)
    says = np.ones(7, dtype=bool)
    assert [stops_at(ExitRule(share=0.95, hold=k), shares, says) for k in (1, 2, 3)] == [1, 4, -1]
    assert stops_at(ExitRule(share=0.95), shares, np.asarray([True, False, True, False, True, True, True])) == 4
    assert stops_at(ExitRule(entropy=0.2), shares, says) == 4


def test_what_a_rule_costs_and_saves() -> None:
    late, lost = two(step(0.5, 0.99)), two(step(0.001, 0.99), name="b", words="z")
    doc = survey(late, lost)
    (rule,) = (one for one in doc.exits if one.rule == "share ≥ 0.95")
    assert (rule.accuracy.k, rule.lost, rule.gained) == (1, 1, 0)
    assert rule.saved.value == pytest.approx(np.mean([1 - 50 / 99, 1.0])) and rule.difference.value == -0.5


@pytest.mark.slow
def test_a_survey_of_a_task_is_that_of_its_store_and_goes_on_where_it_stopped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store, whole, again, read = (str(tmp_path / name) for name in ("s.db", "whole.json", "again.json", "read.json"))
    task = ["survey", "world:steps", "--max-cuts", "8", "--store", store]
    assert run([*task, "--item", "0-2", "--json", again]) == 0
    assert run([*task, "--item", "0-4", "--json", whole]) == 0
    assert run([*task, "--item", "0-4", "--then", "curve", "--top", "2", "--rollouts", "40", "--json", again]) == 0
    assert "forced: 0 rollouts drawn" in capsys.readouterr().err
    assert run(["survey", "--store", store, "--json", read]) == 0
    docs = [json.loads(Path(path).read_text(encoding="utf-8")) for path in (whole, again, read)]
    assert [one["traces"] for one in docs] == [5, 5, 5] and [one["two_curves"] and one["two_curves"]["n"] for one in docs] == [None, 2, 2]
    for left, right in zip(docs[1]["rows"], docs[2]["rows"], strict=True):
        assert left == right
    ranked = sorted(docs[0]["rows"], key=lambda row: -row["features"][[one["name"] for one in docs[0]["features"]].index("range")])
    assert {row["id"] for row in docs[1]["rows"] if row["states"]} == {row["id"] for row in ranked[:2]}
    assert all(len(row["options"]) == 4 and row["label"] for row in docs[1]["rows"])


def test_a_survey_in_shards_is_that_of_the_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    task = ["survey", "world:steps", "--item", "0-3", "--max-cuts", "4"]
    parts = [str(tmp_path / f"{number}.db") for number in (1, 2)]
    for number, part in enumerate(parts, 1):
        assert run([*task, "--shard", f"{number}/2", "--store", part]) == 0
    joined, read, whole = (str(tmp_path / name) for name in ("all.db", "read.json", "whole.json"))
    assert run(["merge", *parts, "--store", joined]) == 0
    assert run(["survey", "--store", joined, "--json", read]) == 0
    capsys.readouterr()
    assert run([*task, "--store", joined, "--json", whole]) == 0
    assert "forced: 0 rollouts drawn" in capsys.readouterr().err
    left, right = ({row["id"]: row for row in json.loads(Path(one).read_text(encoding="utf-8"))["rows"]} for one in (read, whole))
    assert left == right and len(left) == 4


def test_a_task_that_never_ends_needs_items(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["survey", "world:steps"]) == 2
    assert "say which, such as --item 0-99" in capsys.readouterr().err


def test_a_task_with_documents_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["survey", "world:steps", "--documents", str(tmp_path)]) == 2
    assert "give one of them" in capsys.readouterr().err


def test_a_given_option_of_unequal_length_is_read_whole() -> None:
    """Options of several tokens are read by all of their tokens: `forced` does so, and the survey takes what it reads."""
    one = two(step(0.1, 0.9))
    longer = replace(one.exits[0], options=("A", "none of the above"))
    doc = survey(replace(one, exits=(longer,)))
    assert doc.rows[0].options == ("A", "none of the above") and doc.rows[0].label == "productive"
