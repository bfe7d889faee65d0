"""Critics behind one port: what each accepts, what it says of the rest, and that a bank names who accepted."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from fractions import Fraction
from importlib import metadata
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tasks.blocks_cases import PLAN, PROMPT
from tokenworth import __version__
from tokenworth.core.problem import AnswerKind, Option, Problem
from tokenworth.errors import InvalidInput, MissingExtra, UnknownName
from tokenworth.methods.replay.loops import replay_loop, summary
from tokenworth.tasks.critics import smt
from tokenworth.tasks.critics.critic import UNSOUND, Acceptance, Bank, Critic, FunctionCritic, Ruling
from tokenworth.tasks.critics.expression import CountdownCritic
from tokenworth.tasks.critics.formal import FormalCritic
from tokenworth.tasks.critics.graded import FormatCritic, ReferenceCritic
from tokenworth.tasks.critics.named import critic_named
from tokenworth.tasks.critics.smt import SmtCritic
from tokenworth.tasks.critics.unsound import UnsoundCritic
from tokenworth.tasks.domains import domain_named
from tokenworth.tasks.graders import grader_for

CHOICE = Problem(id="p", question="?", options=(Option(label="A", text="one"), Option(label="B", text="two")), gold="B")
PLANNING = Problem(id="b", question=PROMPT, kind=AnswerKind.EXACT, gold="unused")


def says(word: str, *messages: str) -> FunctionCritic:
    return FunctionCritic(
        name=word,
        version="1",
        strictness="exact",
        judge=lambda text: Ruling(accepted=word in text, messages=() if word in text else messages),
    )


def test_a_bank_accepts_what_all_accept_and_names_them() -> None:
    bank = Bank(critics=(says("a", "no a", "none at all"), says("b")))
    both = bank.check("ab")
    assert both.accepted and both.messages == ()
    assert both.by == (Acceptance(critic="a", version="1", strictness="exact"), Acceptance(critic="b", version="1", strictness="exact"))
    neither = bank.check("x")
    assert not neither.accepted and neither.by == () and neither.messages == ("a: no a", "a: none at all", "b: not accepted")
    assert not bank.check("a").accepted and bank.is_sound
    with pytest.raises(InvalidInput, match="no critics"):
        Bank(critics=())


def test_a_critic_of_the_whole_completion_gets_it() -> None:
    bank = Bank(critics=(replace(says("trace"), reads_whole=True), says("answer")))
    assert bank.check("answer", "trace answer").accepted and not bank.check("answer").accepted
    assert not bank.check("no", "trace answer").accepted


# -- formal ---------------------------------------------------------------------------------------------------------------------------


def test_the_verifier_of_plans_is_a_critic() -> None:
    pytest.importorskip("unified_planning")
    critic = critic_named("blocksworld", PLANNING, grader_for("exact"))
    assert isinstance(critic, Critic) and (critic.name, critic.version, critic.strictness) == ("blocksworld/pddl", "4", "strict")
    assert critic.check(PLAN) == Ruling(accepted=True)
    wrong = critic.check("(pick-up a)\n(stack a b)\n")
    assert not wrong.accepted and wrong.messages[0].startswith("PLAN_PRECONDITION at step 1: expected (clear a)")
    assert [text.split()[0].rstrip(":") for text in wrong.messages] == ["PLAN_PRECONDITION", "PLAN_GOAL"]
    assert isinstance(critic, FormalCritic)
    longer = "(pick-up c)\n(put-down c)\n" + PLAN
    assert critic.check(longer).accepted and not replace(critic, optimal=True).check(longer).accepted
    assert replace(critic, optimal=True).check(PLAN).accepted


def test_the_verifier_of_mazes_judges_trace_and_plan() -> None:
    from tokenworth.tasks.maze.generate import generate
    from tokenworth.tasks.maze.grammar import render_prompt, render_trace
    from tokenworth.tasks.maze.problems import DIALECT
    from tokenworth.tasks.maze.search import solve

    maze = generate("wilson", 5, seed=1, index=0)
    found = solve(maze, DIALECT)
    problem = Problem(id="m", question=render_prompt(maze, DIALECT), kind=AnswerKind.PLAN, task="maze:wilson/5/test")
    critic = critic_named("maze", problem, grader_for("plan"))
    assert isinstance(critic, FormalCritic) and critic.reads_whole and critic.name == "maze/compact"
    good = render_trace(maze, found.trace, found.plan, DIALECT)
    assert critic.check(good).accepted and Bank(critics=(critic,)).check("an answer", good).accepted
    bare = render_trace(maze, (), found.plan, DIALECT)
    assert not critic.check(bare).accepted and replace(critic, with_trace=False).check(bare).accepted
    short = render_trace(maze, found.trace, found.plan[:-1], DIALECT)
    assert not critic.check(short).accepted and not replace(critic, with_trace=False).check(short).accepted
    rules = ReferenceCritic(problem=problem, grader=grader_for("plan"))
    answer = good.partition(" solution")[2]
    assert rules.strictness == "rules" and rules.check(answer).accepted and not rules.check("0,0 end").accepted


def test_strictness_and_dialects_are_checked() -> None:
    with pytest.raises(InvalidInput, match="does not fit"):
        critic_named("blocksworld", PLANNING, grader_for("exact"), strictness="strict+ties")
    with pytest.raises(UnknownName):
        critic_named("blocksworld", PLANNING, grader_for("exact"), dialect="pdll")
    with pytest.raises(UnknownName):
        critic_named("blocksworld", PLANNING, grader_for("exact"), strictness="strikt")


def test_names_that_stand_for_nothing_are_refused() -> None:
    grader = grader_for("exact")
    with pytest.raises(UnknownName, match="format"):
        critic_named("formt", CHOICE, grader)
    for name, told in (("json:nothing", "AttributeError"), ("no_such_module:x", "ModuleNotFoundError"), ("json:dumps", "TypeError")):
        with pytest.raises(InvalidInput, match=told):
            critic_named(name, CHOICE, grader)
    with pytest.raises(InvalidInput, match="returned a str"):
        critic_named("builtins:repr", CHOICE, grader)


def test_a_function_of_the_users_makes_a_critic(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mine", SimpleNamespace(make=lambda problem: says(problem.gold)))  # type: ignore[arg-type]
    assert critic_named("mine:make", CHOICE, grader_for("option")).check("B").accepted


# -- graders --------------------------------------------------------------------------------------------------------------------------


def test_the_format_critic_knows_no_gold_answer_and_says_that_it_is_unsound() -> None:
    critic = FormatCritic(problem=CHOICE, grader=grader_for("option"))
    assert critic.check("The answer is (A).").accepted and critic.check("The answer is (B).").accepted
    assert not critic.check("no idea").accepted and critic.strictness == UNSOUND and not Bank(critics=(critic,)).is_sound


def test_the_reference_critic_accepts_the_gold_answer_alone_and_does_not_tell_it() -> None:
    critic = ReferenceCritic(problem=CHOICE, grader=grader_for("option"))
    assert critic.check("The answer is (B).").accepted
    wrong = critic.check("The answer is (A).")
    assert not wrong.accepted and "B" not in wrong.messages[0] and critic.strictness == "reference"
    with pytest.raises(InvalidInput, match="no gold answer"):
        ReferenceCritic(problem=replace(CHOICE, gold=None), grader=grader_for("option"))


def test_math_verify_is_a_critic() -> None:
    pytest.importorskip("math_verify")
    problem = Problem(id="m", question="?", kind=AnswerKind.LATEX, gold="\\frac{1}{2}")
    critic = ReferenceCritic(problem=problem, grader=grader_for(problem))
    assert critic.check("so $\\boxed{0.5}$").accepted and not critic.check("so $\\boxed{0.6}$").accepted


# -- unsound --------------------------------------------------------------------------------------------------------------------------


def test_the_unsound_critic_accepts_its_share_of_wrong_answers_and_every_right_one() -> None:
    critic = UnsoundCritic(inner=says("right", "wrong"), share=0.3)
    texts = [f"answer {i}" for i in range(4_000)]
    from tests.helpers import binomial_bounds

    low, high = binomial_bounds(len(texts), 0.3, 1e-6)
    passed = [critic.check(text).accepted for text in texts]
    assert low <= sum(passed) / len(texts) <= high and not low <= 0.35 <= high
    assert passed == [critic.check(text).accepted for text in texts], "one text, one verdict"
    assert all(critic.check(text + " right").accepted for text in texts[:200])
    assert critic.name == "UNSOUND 0.3 of right" and critic.strictness == UNSOUND and not Bank(critics=(critic,)).is_sound
    assert critic.check("\ud800").accepted in (True, False)
    for share in (0.0, 1.1, float("nan")):
        with pytest.raises(InvalidInput):
            UnsoundCritic(inner=says("x"), share=share)


# -- countdown ------------------------------------------------------------------------------------------------------------------------

GAME = CountdownCritic(numbers=(1, 3, 7, 8), target=24)


@pytest.mark.parametrize("answer", ["(7+1)*3*(8-7)", "8*3", "3*8", "24", "3*(7+1)", "3 * (7 + 1) = 24", "8/(1-7/7)/3"])
def test_numbers_must_be_those_given(answer: str) -> None:
    assert not GAME.check(answer).accepted, "the 8, or another number, is not used exactly once"


@pytest.mark.parametrize("answer", ["3*8*(7-1*1)", "3*8+(7-7)*1"])
def test_a_number_is_not_used_more_often_than_given(answer: str) -> None:
    assert "not so often" in GAME.check(answer).messages[0]


def test_exact_arithmetic_decides() -> None:
    thirds = CountdownCritic(numbers=(1, 3, 3, 8), target=24, use_all=False)
    assert thirds.check("8/(3-8/3)").messages == ("numbers that are not given, or not so often: 8",)
    assert CountdownCritic(numbers=(3, 3, 8, 8), target=24).check("8 / (3 - 8/3) = 24").accepted
    assert thirds.check("8*3").accepted and thirds.check("8*3 = 25").messages == ("the value stated is 25; expected 24",)
    assert thirds.check("8/(3-3)").messages == ("division by zero",)
    assert CountdownCritic(numbers=(1, 2, 4), target=0, use_all=False).check("1-2/2").accepted is False
    assert CountdownCritic(numbers=(9, 5, 2), target=2).check("9-5-2").accepted, "operators of one rank from the left"
    assert CountdownCritic(numbers=(8, 4, 2), target=1).check("8/4/2").accepted


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "24e0",
        "0x18",
        "8**3",
        "8//1",
        "-8",
        "+8",
        "8 8",
        "8(3)",
        "(8",
        "8)",
        "()",
        "8*",
        "*8",
        "٣*8",
        "8*3\0",
        "__import__('os')",
        "8*3;1",
        "24.0",
        "8*3=24=24",
        "8*3 = twenty-four",
        "1" * 10,
        "(" * 300,
        "8,3",
        "4*6*1*1",
        "24e0 + 0e0*(1+3+7+8)",
        "1_0",
        "8*3\n\nso 24",
    ],
)
def test_number_syntax_tricks_are_refused(answer: str) -> None:
    assert not CountdownCritic(numbers=(3, 8), target=24).check(answer).accepted


@settings(max_examples=150)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=5), st.data())
def test_random_expressions_have_the_value_that_fractions_give(numbers: list[int], data: st.DataObject) -> None:
    parts: list[tuple[str, Fraction | None]] = [(str(number), Fraction(number)) for number in numbers]
    while len(parts) > 1:
        (left, a), (right, b) = parts.pop(), parts.pop()
        sign = data.draw(st.sampled_from("+-*/"))
        value = None if a is None or b is None or (sign == "/" and b == 0) else _value(a, sign, b)
        parts.append((f"({left}{sign} {right})", value))
    ((text, value),) = parts
    for target in (0, 7, None if value is None else value.numerator):
        if target is not None and target >= 0:
            accepted = CountdownCritic(numbers=tuple(numbers), target=target).check(text).accepted
            assert accepted is (value == target)


def _value(a: Fraction, sign: str, b: Fraction) -> Fraction:
    return a + b if sign == "+" else a - b if sign == "-" else a * b if sign == "*" else a / b


# -- z3 -------------------------------------------------------------------------------------------------------------------------------


def squares() -> SmtCritic:
    z3 = pytest.importorskip("z3")
    x, y, p = z3.Int("x"), z3.Real("y"), z3.Bool("p")
    constraints = {"square": x * x == 49, "half": 2 * y == x, "sign": p == (x < 0)}
    return SmtCritic(variables={"x": x, "y": y, "p": p}, constraints=constraints)


def test_assignments_are_checked_against_the_callers_constraints() -> None:
    critic = squares()
    assert isinstance(critic, Critic) and critic.version
    assert critic.check("x = 7, y = 7/2; p = false").accepted and critic.check("x=-7\ny=-7/2\np=true").accepted
    assert critic.check("x = 7, y = 3, p = false").messages == ("constraint half is not met",)
    assert critic.check("x = 6, y = 3, p = true").messages == ("constraint square is not met", "constraint sign is not met")


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "x = 7",
        "x = 7, y = 7/2, p = false, z = 1",
        "x = 7, x = 7, y = 7/2, p = false",
        "x = 7/2, y = 7/2, p = false",
        "x = true, y = 1, p = 1",
        "(assert true)",
        "x = 7.0, y = 7/2, p = false",
        "y = 1/0, x = 7, p = false",
        "x = " + "9" * 100,
        "x = 7 or true",
        "x == 7",
        "x = ٧",
        "x = 7, y = 7/2, p = False",
        "x=7" + " " * 30_000,
    ],
)
def test_answers_that_are_no_full_assignment_are_refused(answer: str) -> None:
    verdict = squares().check(answer)
    assert not verdict.accepted and verdict.messages


def test_the_version_names_the_library_that_decides() -> None:
    pytest.importorskip("math_verify")
    problem = Problem(id="p", question="?", gold="1/2", kind=AnswerKind.LATEX)
    critic = ReferenceCritic(problem=problem, grader=grader_for(problem))
    assert critic.version == f"{__version__} with math-verify {metadata.version('math-verify')}"
    assert ReferenceCritic(problem=replace(problem, kind=AnswerKind.NUMERIC), grader=grader_for(problem)).version == __version__


def from_smtlib(text: str, variables: dict[str, Any]) -> SmtCritic:
    """A critic of the assertions of an SMT-LIB text."""
    found = list(pytest.importorskip("z3").parse_smt2_string(text, decls=variables))
    return SmtCritic(variables=variables, constraints={str(i + 1): one for i, one in enumerate(found)})


def test_what_constraints_share_has_one_value_in_all_of_them() -> None:
    """A constant or function that the answer does not give must not be one thing here and another there."""
    z3 = pytest.importorskip("z3")
    x, y, t = z3.Ints("x y t")
    given = {"x": x, "y": y}
    shared = SmtCritic(variables=given, constraints={"a": x == t, "b": y == t + 1})
    assert shared.check("x = 5, y = 6").accepted
    assert shared.check("x = 5, y = 99").messages == ("all constraints together are not met",)
    declared = from_smtlib("(declare-const t Int)(assert (= x t))(assert (= y (+ t 1)))", given)
    assert declared.check("x = 5, y = 6").accepted and not declared.check("x = 5, y = 99").accepted
    function = from_smtlib("(declare-fun f (Int) Int)(assert (= (f x) 1))(assert (= (f y) 2))", given)
    assert function.check("x = 5, y = 6").accepted and not function.check("x = 5, y = 5").accepted


def test_what_z3_does_not_decide_in_time_is_not_accepted() -> None:
    z3 = pytest.importorskip("z3")
    n, a, b, c = z3.Int("n"), *z3.Ints("a b c")
    hard = z3.And(a > 1, b > 1, c > 1, a * a * a + b * b * b == c * c * c, a * b * c > n)
    critic = SmtCritic(variables={"n": n}, constraints={"fermat": hard}, timeout_ms=100)
    began = time.process_time()
    verdict = critic.check("n = 1000000")
    assert not verdict.accepted and time.process_time() - began < 20


def test_constraints_may_be_the_callers_smtlib() -> None:
    z3 = pytest.importorskip("z3")
    critic = from_smtlib("(assert (> x 3)) (assert (< x 5))", {"x": z3.Int("x")})
    assert critic.check("x = 4").accepted and critic.check("x = 9").messages == ("constraint 2 is not met",)
    with pytest.raises(InvalidInput, match="at least one"):
        SmtCritic(variables={}, constraints={})
    with pytest.raises(InvalidInput, match="sort"):
        SmtCritic(variables={"s": z3.String("s")}, constraints={"c": z3.String("s") == "a"})


def test_libraries_that_are_not_installed_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = SimpleNamespace(util=SimpleNamespace(find_spec=lambda name: None))
    monkeypatch.setattr(smt, "importlib", absent)
    with pytest.raises(MissingExtra, match="z3-solver"):
        SmtCritic(variables={}, constraints={})


# -- recorded loops -------------------------------------------------------------------------------------------------------------------


def recorded(valid: bool | None) -> dict[str, object] | None:
    return None if valid is None else {"validation_info": {"is_valid_plan": valid}}


def loop(*steps: tuple[str, bool | None], well: bool | None = True) -> dict[str, object]:
    made = [{"plan": plan, "verifier": recorded(valid), "completion_tokens": 5} for plan, valid in steps]
    return {"id": "l", "prompt": PROMPT, "act_correct": well, "steps": made}


@pytest.mark.parametrize(
    ("record", "differ", "at"),
    [
        (loop(("(pick-up a)", False), (PLAN, True)), (), 1),
        (loop(("(pick-up a)", False), (PLAN, None)), (), 1),
        (loop((PLAN, False), (PLAN, True)), (0,), 0),
        (loop((PLAN, True), (PLAN, True)), (0,), 0),
        (loop(("(pick-up a)", True)), (0,), None),
        (loop(("(pick-up a)", None)), (0,), None),
        (loop(("(pick-up a)", None), (PLAN, True)), (0,), 1),
        (loop((PLAN, None), well=None), (0,), 0),
        (loop(("(pick-up a)", False), well=False), (), None),
    ],
)
def test_a_replay_finds_every_disagreement(record: dict[str, object], differ: tuple[int, ...], at: int | None) -> None:
    pytest.importorskip("unified_planning")
    domain = domain_named("blocksworld")
    found = replay_loop(record, domain, dialect="pddl", where="line 1")
    assert found.disagreements == differ and found.accepted_at == at
    assert all(bool(step.by) is step.accepted for step in found.steps)
    counted = summary([found])
    unrecorded = sum(step["verifier"] is None for step in record["steps"])  # type: ignore[attr-defined]
    assert (counted.n_unrecorded, counted.n_implied) == (unrecorded, unrecorded if record["act_correct"] else 0)
    assert counted.n_agreeing == counted.n_steps - len(differ) and counted.tokens == 5 * counted.n_steps


@pytest.mark.parametrize(
    ("names", "told"),
    [({}, "loops.jsonl:3"), ({"id": None, "instance_id": ""}, "loops.jsonl:3"), ({"domain": "blocks"}, "loops.jsonl:3"),
     ({"instance_id": 0}, "0"), ({"domain": "blocks", "instance_id": 7}, "blocks/7"), ({"id": 0, "instance_id": 7}, "0")],
)  # fmt: skip
def test_a_loop_without_a_name_is_named_by_its_place(names: dict[str, object], told: str) -> None:
    pytest.importorskip("unified_planning")
    record = {key: value for key, value in loop((PLAN, True)).items() if key != "id"} | names
    assert replay_loop(record, domain_named("blocksworld"), dialect="pddl", where="loops.jsonl:3").id == told


@pytest.mark.parametrize(
    "record",
    [{}, {"prompt": 1, "steps": []}, {"prompt": PROMPT, "steps": []}, {"prompt": PROMPT, "steps": [1]},
     {"prompt": PROMPT, "steps": [{"plan": 1}]}, {"prompt": PROMPT, "steps": [{"plan": "", "verifier": {}}]}],
)  # fmt: skip
def test_records_of_another_shape_are_refused(record: dict[str, object]) -> None:
    pytest.importorskip("unified_planning")
    with pytest.raises(InvalidInput, match="line 3"):
        replay_loop(record, domain_named("blocksworld"), dialect="pddl", where="line 3")


@settings(max_examples=40)
@given(st.text(max_size=120))
def test_no_text_makes_a_critic_raise(text: str) -> None:
    for critic in (GAME, squares(), FormatCritic(problem=CHOICE, grader=grader_for("option")), UnsoundCritic(inner=GAME, share=0.5)):
        verdict = critic.check(text)
        assert isinstance(verdict, Ruling) and (verdict.accepted or verdict.messages)
