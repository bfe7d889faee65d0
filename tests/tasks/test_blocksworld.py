"""Blocksworld plans: codes and places, hostile text, and agreement of two independent replays."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tasks.blocks_cases import DOMAIN_PDDL, PLAN, PROBLEM_PDDL, PROMPT, SENTENCES, problem, prompt_of, solution, written
from tokenworth.core.verification import FormalText, Strictness, Verification
from tokenworth.errors import InvalidInput, MissingExtra
from tokenworth.tasks.blocksworld import planning
from tokenworth.tasks.blocksworld.domain import DOMAIN
from tokenworth.tasks.blocksworld.grammar import problem_of
from tokenworth.tasks.blocksworld.instance import BLOCKS, MAX_ATOMS, Action, Call, StripsDomain, StripsProblem
from tokenworth.tasks.blocksworld.pddl import MAX_CHARS, read_problem
from tokenworth.tasks.blocksworld.replay import BlocksworldReplay, shortest_plan

pytest.importorskip("unified_planning")


def verify(trace: str, prompt: str = PROMPT, dialect: str = "pddl", max_errors: int = 1000, is_cut: bool = False) -> Verification:
    text = FormalText(id="x", prompt=prompt, trace=trace, is_cut=is_cut)
    return DOMAIN.verify(text, dialect=dialect, strictness=Strictness.STRICT, max_errors=max_errors)


@pytest.mark.slow
def test_a_right_plan_is_valid_and_optimal_and_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    found = verify(PLAN)
    assert found.plan_valid and found.plan_optimal and found.is_valid and found.parsed and not found.violations
    assert found.trace_valid is None and found.plan_follows_trace is None and found.n_events == 4
    assert found.facts["shortest"] == 4 and str(found.facts["validator"]).startswith("unified-planning ")
    assert capfd.readouterr() == ("", "")


def test_a_longer_plan_is_valid_and_not_optimal() -> None:
    found = verify("(pick-up c)\n(put-down c)\n" + PLAN)
    assert found.plan_valid and found.plan_optimal is False and found.facts["n_actions"] == 6


@pytest.mark.parametrize(
    ("plan", "codes", "event"),
    [
        ("(unstack b a)\n(stack b c)\n(pick-up a)\n", {"PLAN_GOAL": 1}, None),
        ("(pick-up a)\n(stack a b)\n", {"PLAN_PRECONDITION": 1, "PLAN_GOAL": 1}, 0),
        ("(unstack b a)\n(stack b d)\n", {"PLAN_ACTION": 1, "PLAN_GOAL": 1}, 1),
        ("(unstack b a)\n(stack b)\n", {"PLAN_ACTION": 1, "PLAN_GOAL": 1}, 1),
        ("(unstack b a)\n(throw b c)\n", {"PLAN_ACTION": 1, "PLAN_GOAL": 1}, 1),
        ("First I unstack b.\n" + PLAN, {"PLAN_PARSE": 1}, 0),
        (PLAN.replace(")", "]", 1), {"PLAN_PARSE": 1, "PLAN_PRECONDITION": 2}, 0),
        ("", {"PLAN_GOAL": 1}, None),
    ],
)
def test_each_fault_has_its_code_and_place(plan: str, codes: dict[str, int], event: int | None) -> None:
    found = verify(plan)
    assert found.plan_valid is False and not found.is_valid
    # A wrong step takes effect all the same, so one fault is not counted again at every step after it.
    assert {code: found.counts[code] for code in codes} == codes, found.counts
    assert set(found.counts) - set(codes) <= {"PLAN_PRECONDITION", "PLAN_GOAL"}
    first = found.violations[0]
    assert first.event == event and first.code in codes
    if event is not None:
        line = plan.splitlines()[event]
        assert plan[slice(*first.chars)] == line and plan.split()[slice(*first.tokens)] == line.split()


def test_a_precondition_names_the_step_and_the_literals() -> None:
    (first, *_) = verify("(unstack b a)\n(pick-up c)\n").violations
    assert first.code == "PLAN_PRECONDITION" and first.expected == "(handempty)" and "step 2, (pick-up c)" in first.got


def test_the_goal_violation_names_the_unmet_goals() -> None:
    last = verify("(unstack b a)\n(stack b c)\n").violations[-1]
    assert last.code == "PLAN_GOAL" and last.expected == "(on a b)"


def test_case_fences_comments_and_markers_are_no_faults() -> None:
    assert verify("Some words first.\n[PLAN]\n```\n" + PLAN.upper() + "```\n; done\n[PLAN END]\nand words after").is_valid
    assert not verify("Some words first.\n" + PLAN).is_valid


def test_problem_and_plan_may_be_one_text_and_the_last_marker_counts() -> None:
    found = verify(PROMPT + PLAN, prompt="")
    assert found.is_valid
    # A plan is right only if every plan that the text gives is; those of a prompt come before its problem.
    twice = verify(PROMPT + "(pick-up b)\n[PLAN END]\n[PLAN]\n" + PLAN, prompt="")
    assert twice.counts == {"PLAN_TWICE": 1} and twice.plan_valid is False
    assert verify(f"Example:\n[PLAN]\n(pick-up b)\n[PLAN END]\n{PROMPT}{PLAN}", prompt="").is_valid


def test_limits_keep_the_first_violations_and_count_all() -> None:
    found = verify("nonsense\n" * 50, max_errors=3)
    assert len(found.violations) == 3 and found.counts["PLAN_PARSE"] == 50


def test_a_text_that_was_cut_is_no_wrong_plan() -> None:
    assert verify("(unstack b a)\n", is_cut=True).plan_valid is None
    assert verify("(pick-up b)\n", is_cut=True).plan_valid is False


def test_records_say_that_they_were_cut() -> None:
    record = {"id": "x", "prompt": PROMPT, "trace": "(unstack b a)\n(put-do", "truncated": True}
    cut, whole = DOMAIN.read(record, "here"), DOMAIN.read({**record, "truncated": False}, "here")
    assert DOMAIN.verify(cut, dialect="pddl", strictness=Strictness.STRICT).plan_valid is None
    assert DOMAIN.verify(whole, dialect="pddl", strictness=Strictness.STRICT).plan_valid is False


def test_sentences_state_the_same_problem_and_plan() -> None:
    from_text, from_pddl = problem_of(SENTENCES), problem_of(PROMPT)
    assert set(from_text.init) == set(from_pddl.init) and set(from_text.goal) == set(from_pddl.goal)
    assert from_text.domain.actions[0].name == "pick-up" and from_text.objects == ("a", "b", "c")
    plan = (
        "[PLAN]\nunstack the blue block from on top of the red block\nstack the blue block on top of the orange block\n"
        "3. Pick up the red block.\nstack the red block on top of the blue block\n[PLAN END]\n"
    )
    assert verify(plan, SENTENCES, "planbench-text").is_valid
    assert verify(plan.replace("red", "mauve"), SENTENCES, "planbench-text").counts["PLAN_PARSE"] == 3
    assert not verify(plan.replace("on top of the orange", "on the orange"), SENTENCES, "planbench-text").parsed


def test_builtin_operators_are_those_of_the_pddl() -> None:
    read = read_problem(DOMAIN_PDDL, PROBLEM_PDDL).domain
    for ours, theirs in zip(BLOCKS.actions, read.actions, strict=True):
        names = tuple("xyz"[: len(ours.parameters)])
        for part in ("needs", "adds", "deletes"):
            assert set(ours.bound(getattr(ours, part), names)) == set(theirs.bound(getattr(theirs, part), names))


# -- two replays ----------------------------------------------------------------------------------------------------------------------


def is_valid_plan(problem: StripsProblem, calls: Iterable[Call]) -> bool:
    """Whether every action names one of the problem, is possible where it stands, and the goal holds at the end."""
    replay = BlocksworldReplay(problem)
    return not any(problem.fault_of(call) or replay.take(call) for call in calls) and not replay.unmet_goals()


@pytest.mark.slow
@settings(max_examples=40)
@given(st.integers(2, 6), st.integers(0, 10**6))
def test_right_plans_are_valid_for_both_replays(n: int, seed: int) -> None:
    made = problem(n, seed)
    calls = solution(made)
    assert is_valid_plan(made, calls) and planning.validates(made, calls)


@pytest.mark.slow
@settings(max_examples=60)
@given(st.integers(2, 5), st.integers(0, 10**6), st.integers(0, 3))
def test_both_replays_agree_on_damaged_plans(n: int, seed: int, damage: int) -> None:
    made, rng = problem(n, seed), random.Random(seed)
    calls = solution(made)
    for _ in range(damage):
        action = rng.choice(BLOCKS.actions)
        call = (action.name, *(rng.choice(made.objects) for _ in action.parameters))
        place = rng.randrange(len(calls) + 1)
        calls[place : place + rng.randrange(2)] = [call] * rng.randrange(2)
    assert is_valid_plan(made, calls) == planning.validates(made, calls)


def test_where_an_effect_adds_and_deletes_one_atom_both_replays_add_it() -> None:
    flip = Action(name="flip", parameters=("?x", "?y"), needs=(), adds=(("p", "?x"),), deletes=(("p", "?y"),))
    made = StripsProblem(
        domain=StripsDomain(name="d", predicates=(("p", 1),), actions=(flip,)), objects=("a", "p", "flip"), init=(), goal=(("p", "a"),)
    )
    assert is_valid_plan(made, [("flip", "a", "a")])
    # The validator calls two opposite effects on one atom a conflict. An acceptance needs both, so such a plan is never accepted.
    text = FormalText(id="", trace="(flip a a)", given={"domain_pddl": FLIP_DOMAIN, "problem_pddl": FLIP_PROBLEM})
    found = DOMAIN.verify(text, dialect="pddl", strictness=Strictness.STRICT)
    assert found.plan_valid is planning.validates(made, [("flip", "a", "a")])
    assert bool(found.counts.get("PLAN_VALIDATOR")) is not found.plan_valid


FLIP_DOMAIN = "(define (domain d) (:predicates (p ?x)) (:action flip :parameters (?x ?y) :effect (and (p ?x) (not (p ?y)))))"
FLIP_PROBLEM = "(define (problem q) (:domain d) (:objects a p flip) (:init) (:goal (p a)))"


def test_the_librarys_global_environment_is_left_alone() -> None:
    from unified_planning import environment

    before = environment.get_environment()
    verify(PLAN)
    assert environment.get_environment() is before and before.credits_stream is not None


@settings(max_examples=15)
@given(st.integers(2, 4), st.integers(0, 10**6))
def test_the_shortest_plan_is_no_longer_than_any_and_none_past_the_limit(n: int, seed: int) -> None:
    made = problem(n, seed)
    length = shortest_plan(made, most_states=5_000)
    assert length is not None and length <= len(solution(made))
    assert (length == 0) is is_valid_plan(made, [])
    assert shortest_plan(made, most_states=1) in ((None, 0) if length == 0 else (None,))


@pytest.mark.slow
@settings(max_examples=30)
@given(st.integers(2, 5), st.integers(0, 10**6), st.data())
def test_any_action_left_out_of_a_shortest_plan_makes_it_invalid(n: int, seed: int, data: st.DataObject) -> None:
    made = problem(n, seed)
    calls = solution(made)
    length = shortest_plan(made, most_states=5_000)
    if not calls or length != len(calls):
        return
    out = data.draw(st.integers(0, len(calls) - 1))
    found = verify(written(calls[:out] + calls[out + 1 :]), prompt_of(made))
    assert found.plan_valid is False and set(found.counts) <= {"PLAN_PRECONDITION", "PLAN_GOAL"}


# -- hostile text ---------------------------------------------------------------------------------------------------------------------

HOSTILE_PDDL = [
    ("(" * 100_000, PROBLEM_PDDL),
    (")" * 1000, PROBLEM_PDDL),
    ("x" * (MAX_CHARS + 1), PROBLEM_PDDL),
    ("", ""),
    (DOMAIN_PDDL, "(define (problem p) (:domain other) (:objects a) (:init) (:goal (and)))"),
    (DOMAIN_PDDL, PROBLEM_PDDL.replace("(on b c)", "(on b z)")),
    (DOMAIN_PDDL, PROBLEM_PDDL.replace("(on b c)", "(on b)")),
    (DOMAIN_PDDL, PROBLEM_PDDL.replace("(on b c)", "(not (on b c))")),
    (DOMAIN_PDDL, PROBLEM_PDDL.replace("(on b c)", "(forall (?x) (clear ?x))")),
    (DOMAIN_PDDL, PROBLEM_PDDL.replace("a b c)", "a b c - block)")),
    (DOMAIN_PDDL, PROBLEM_PDDL.replace("a b c)", "a a b c)")),
    (DOMAIN_PDDL, PROBLEM_PDDL + "(define (problem again))"),
    (DOMAIN_PDDL.replace(":strips", "strips"), PROBLEM_PDDL),
    (DOMAIN_PDDL.replace("(not (clear ?ob))", "(not)", 1), PROBLEM_PDDL),
    (DOMAIN_PDDL.replace("(not (clear ?ob))", "(not (clear ?ob) (clear ?ob))", 1), PROBLEM_PDDL),
    (DOMAIN_PDDL.replace("(not (clear ?ob))", "(when (clear ?ob) (clear ?ob))", 1), PROBLEM_PDDL),
    (DOMAIN_PDDL.replace("put-down", "pick-up"), PROBLEM_PDDL),
    (DOMAIN_PDDL, PROBLEM_PDDL.replace("a b c)", " ".join(f"a b c o{i}" if i == 0 else f"o{i}" for i in range(2000)) + ")")),
    (DOMAIN_PDDL.replace("pick-up", "__import__('os')"), PROBLEM_PDDL),
    (DOMAIN_PDDL.replace("clear", "cleár"), PROBLEM_PDDL),
    ("\0" + DOMAIN_PDDL, PROBLEM_PDDL),
]


@pytest.mark.parametrize(("domain", "text"), HOSTILE_PDDL)
def test_bad_pddl_ends_in_one_line(domain: str, text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_problem(domain, text)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500


def test_one_closing_bracket_too_many_is_no_fault_and_the_size_has_a_limit() -> None:
    assert read_problem(DOMAIN_PDDL, PROBLEM_PDDL + ")").objects == ("a", "b", "c")
    assert MAX_ATOMS < 2000**2


@given(st.text(max_size=300))
def test_no_text_makes_the_reader_raise_anything_else(text: str) -> None:
    for domain, body in ((text, PROBLEM_PDDL), (DOMAIN_PDDL, text), (DOMAIN_PDDL, f"(define (problem p) {text})")):
        with contextlib.suppress(InvalidInput):
            read_problem(domain, body)


@settings(max_examples=30)
@given(st.text(alphabet=st.sampled_from("()[]PLAN abc\n\r\t;`-٣\0stackunp"), max_size=200))
def test_verify_raises_nothing_for_any_text(text: str) -> None:
    for prompt in (PROMPT, text, ""):
        for dialect in DOMAIN.dialects:
            found = verify(text, prompt, dialect)
            assert found.is_valid is (found.parsed and found.plan_valid is not False)
            assert sum(found.counts.values()) == len(found.violations)


@pytest.mark.parametrize(
    "line", ["(stack a b)\n", "(stack a\n", "x" * 9 + "\n", "[PLAN]\n", " \t", "(" * 10, "stack a b " * 10 + "\n", "\0"]
)
def test_a_million_characters_take_linear_time(line: str) -> None:
    text = line * (1_000_000 // len(line))
    began = time.process_time()
    found = verify(text)
    assert not found.is_valid and time.process_time() - began < 20
    began = time.process_time()
    assert verify(PLAN, prompt=text).counts["PROBLEM_PARSE"] == 1
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    "part", ["[DOMAIN]", "[QUERY PROBLEM]", "initial conditions I have that", "My goal is to have that", "a and ", "(a "]
)
def test_a_prompt_of_one_mark_repeated_is_refused_quickly(part: str) -> None:
    began = time.process_time()
    with pytest.raises(InvalidInput):
        problem_of("initial conditions I have that" + part * (600_000 // len(part)))
    assert time.process_time() - began < 5


# -- records --------------------------------------------------------------------------------------------------------------------------


def test_records_are_read() -> None:
    assert DOMAIN.read({"id": 7, "text": PROMPT + PLAN}, "l").id == "7"
    read = DOMAIN.read({"domain": "d", "instance_id": 3, "prompt": PROMPT, "steps": [{"plan": "x"}, {"plan": PLAN}]}, "l")
    assert read.id == "d/3" and read.trace == PLAN
    assert DOMAIN.read({"prompt": PROMPT, "steps": [{"plan": None}]}, "l").trace == ""
    given = DOMAIN.read({"id": "a", "trace": PLAN, "domain_pddl": DOMAIN_PDDL, "problem_pddl": PROBLEM_PDDL}, "l")
    assert DOMAIN.verify(given, dialect="pddl", strictness=Strictness.STRICT).is_valid


@pytest.mark.parametrize(
    "record",
    [{}, {"id": 1}, {"text": 3}, {"trace": PLAN}, {"prompt": "x", "steps": []}, {"prompt": "x", "steps": [3]}, {"steps": [{"plan": PLAN}]},
     {"prompt": "x", "steps": [{"plan": 3}]}, {"extracted_plan": PLAN}, {"trace": PLAN, "prompt": "x", "domain_pddl": 3}],
)  # fmt: skip
def test_records_that_lack_a_field_are_refused(record: dict[str, object]) -> None:
    with pytest.raises(InvalidInput, match="line 4"):
        DOMAIN.read(record, "line 4")


def test_without_the_validator_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "has_validator", lambda: False)
    with pytest.raises(MissingExtra, match=r"tokenworth\[planning\]"):
        verify(PLAN)


# -- only the prompt states the problem ---------------------------------------------------------------------------------------------------

OTHER = prompt_of(problem(2, 5))
EASIER = f"(pick-up a)\n[PLAN END]\n{OTHER}{written(solution(problem(2, 5)))}"
"""A plan that restates an easier problem and solves that one."""


@pytest.mark.parametrize(
    "record",
    [
        {"prompt": PROMPT, "trace": EASIER},
        {"prompt": PROMPT, "text": EASIER},
        {"prompt": PROMPT, "text": PROMPT + EASIER},
        {"prompt": PROMPT, "text": OTHER + EASIER, "trace": EASIER},
        {"prompt": PROMPT, "steps": [{"plan": EASIER}]},
        {"query": PROMPT, "extracted_plan": EASIER},
        {"domain_pddl": DOMAIN_PDDL, "problem_pddl": PROBLEM_PDDL, "trace": EASIER},
        {"domain_pddl": DOMAIN_PDDL, "problem_pddl": PROBLEM_PDDL, "text": EASIER},
        {"problem_pddl": PROBLEM_PDDL, "prompt": PROMPT, "trace": EASIER},
    ],
)
def test_an_easier_problem_in_the_plan_is_not_taken(record: dict[str, object]) -> None:
    found = DOMAIN.verify(DOMAIN.read({"id": "x", **record}, "f:1"), dialect="pddl", strictness=Strictness.STRICT)
    assert found.plan_valid is False and not found.counts.get("PROBLEM_PARSE")
    # With the problem in the same text nothing tells whose words state it: the last one counts.
    assert DOMAIN.verify(DOMAIN.read({"id": "x", "text": EASIER}, "f:1"), dialect="pddl", strictness=Strictness.STRICT).plan_valid is True


@pytest.mark.parametrize(
    "record",
    [
        {"prompt": " \n", "trace": EASIER},
        {"prompt": "", "steps": [{"plan": EASIER}]},
        {"query": "", "extracted_plan": EASIER},
        {"problem_pddl": PROBLEM_PDDL, "trace": EASIER},
        {"domain_pddl": DOMAIN_PDDL, "prompt": "", "trace": EASIER},
        {"prompt": None, "text": EASIER},
    ],
)
def test_a_plan_of_its_own_without_a_problem_is_refused(record: dict[str, object]) -> None:
    with pytest.raises(InvalidInput, match=r"^f:1: "):
        DOMAIN.read({"id": "x", **record}, "f:1")


def test_half_a_problem_in_fields_is_none() -> None:
    for given_fields in ({"problem_pddl": PROBLEM_PDDL}, {"domain_pddl": DOMAIN_PDDL, "problem_pddl": 3}, {"other": 1}):
        text = FormalText(id="x", trace=EASIER, given=given_fields)
        found = DOMAIN.verify(text, dialect="pddl", strictness=Strictness.STRICT)
        assert found.counts == {"PROBLEM_PARSE": 1} and found.plan_valid is None and not found.parsed
    both = DOMAIN.read({"id": "x", "problem_pddl": PROBLEM_PDDL, "text": EASIER}, "f:1")
    assert DOMAIN.verify(both, dialect="pddl", strictness=Strictness.STRICT).plan_valid is None
    assert verify(PLAN, prompt="Solve this.").plan_valid is None
