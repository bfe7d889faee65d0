"""Agreement with every verdict that PlanBench recorded."""

from __future__ import annotations

import gzip
import json
import re
from typing import Any

import pytest

from tests.real_data import shared
from tokenworth.core.verification import FormalText, Strictness, Verification
from tokenworth.tasks.blocksworld.domain import DOMAIN
from tokenworth.tasks.blocksworld.grammar import problem_of
from tokenworth.tasks.blocksworld.instance import MYSTERY
from tokenworth.tasks.blocksworld.pddl import read_problem

pytest.importorskip("unified_planning")


def rows(name: str) -> list[dict[str, Any]]:
    with gzip.open(shared("planbench", name + ".jsonl.gz"), "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def judged(prompt: str, plan: str) -> Verification:
    return DOMAIN.verify(FormalText(id="", prompt=prompt, trace=plan), dialect="pddl", strictness=Strictness.STRICT)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "steps", "valid"), [("o1preview-blocksworld-hard-llm-modulo-loop", 183, 68), ("r1-blocksworld-hard-verified", 68, 39)]
)
def test_every_step_has_the_recorded_verdict_and_first_fault(name: str, steps: int, valid: int) -> None:
    n = n_valid = n_messages = 0
    for row in rows(name):
        for step in row["steps"]:
            found = judged(row["prompt"], step["plan"])
            recorded = step["verifier"]
            # Where a loop stopped at success the last verdict was not written.
            assert found.plan_valid is (recorded is None or recorded["validation_info"]["is_valid_plan"]), (
                row["instance_id"],
                step["step"],
            )
            n, n_valid = n + 1, n_valid + bool(found.plan_valid)
            message = recorded["validation_message"] if recorded else ""
            if (failed := re.match(r"Time step: (\d+)\nAction: (\(.*\))\nUnsatisfied Precondition:\n\n([^\0]*)", message)) is not None:
                first = found.violations[0]
                assert first.code == "PLAN_PRECONDITION" and first.event == int(failed.group(1)) - 1
                assert step["plan"][slice(*first.chars)] == failed.group(2)
                n_messages += set(re.findall(r"\([a-z]+[a-z ]*\)", failed.group(3))) - {"(and"} == set(
                    re.findall(r"\([a-z ]*\)", first.expected)
                )
            elif not found.plan_valid:
                last = found.violations[-1]
                assert last.code == "PLAN_GOAL" and len(found.violations) == 1
                n_messages += 1
    assert (n, n_valid) == (steps, valid) and n_messages == steps - valid


@pytest.mark.slow
def test_the_answers_verdicts_agree_and_two_given_plans_do_not_replay() -> None:
    data = rows("r1-blocksworld3-zero-shot")
    assert all(
        DOMAIN.verify(DOMAIN.read(row, "l"), dialect="pddl", strictness=Strictness.STRICT).plan_valid is row["llm_correct"] for row in data
    )
    assert sum(not judged(row["query"], row["ground_truth_plan"]).plan_valid for row in data) == 2


@pytest.mark.slow
def test_mystery_verdicts_agree_but_for_one_record_that_accepts_actions_with_too_many_objects() -> None:
    differ: list[dict[str, Any]] = []
    for row in rows("r1-mystery-blocksworld3-zero-shot"):
        found = DOMAIN.verify(DOMAIN.read(row, "l"), dialect="pddl", strictness=Strictness.STRICT)
        if found.plan_valid is not row["llm_correct"]:
            differ.append(row)
    assert [row["instance_id"] for row in differ] == [62]
    (row,) = differ
    found = judged(row["query"], row["extracted_plan"])
    assert row["llm_correct"] and found.violations[0].code == "PLAN_ACTION" and "(attack b planet_c)" in found.violations[0].got
    assert judged(row["query"], re.sub(r" planet_\w", "", row["extracted_plan"])).plan_valid, "what was accepted is another plan"


@pytest.mark.parametrize(
    ("rows_of", "instances", "domain"),
    [
        ("r1-blocksworld3-zero-shot", "instances-blocksworld3", "domain-blocksworld"),
        ("r1-mystery-blocksworld3-zero-shot", "instances-mystery-blocksworld3", "domain-mystery-blocksworld"),
    ],
)
def test_the_sentences_of_a_query_state_the_problem_of_its_pddl(rows_of: str, instances: str, domain: str) -> None:
    text = shared("planbench", "pddl", f"{domain}.pddl").read_text()
    with gzip.open(shared("planbench", "pddl", f"{instances}.jsonl.gz"), "rt", encoding="utf-8") as file:
        pddl = {item["instance_id"]: item["pddl"] for item in map(json.loads, file)}
    same = 0
    for row in rows(rows_of):
        ours, theirs = problem_of(row["query"]), read_problem(text, pddl[row["instance_id"]])
        assert set(ours.init) == set(theirs.init) and set(ours.goal) == set(theirs.goal) and set(ours.objects) == set(theirs.objects)
        same += 1
    assert same >= 67
    if domain.startswith("domain-mystery"):
        for a, b in zip(MYSTERY.actions, read_problem(text, pddl[2]).domain.actions, strict=True):
            names = tuple("xy"[: len(a.parameters)])
            assert a.name == b.name and all(
                set(a.bound(getattr(a, part), names)) == set(b.bound(getattr(b, part), names)) for part in ("needs", "adds", "deletes")
            )


def test_typed_problems_have_the_recorded_verdicts() -> None:
    """Sokoban with its types in PDDL, 5 x 5 to 10 x 10: here directions are part of an action, as the recorded validator has it."""
    found = [
        (judged(row["prompt"], row["steps"][-1]["plan"]).plan_valid, row["steps"][-1]["verifier"]["validation_info"]["is_valid_plan"])
        for row in rows("r1-sokoban-verified")
    ]
    assert all(ours is theirs for ours, theirs in found) and (len(found), sum(theirs for _, theirs in found)) == (43, 5)
