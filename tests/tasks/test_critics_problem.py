"""Formal critics judge the problem they were given: an answer that states another, easier one is never accepted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pytest

from tests.tasks.blocks_cases import DOMAIN_PDDL, PLAN, PROMPT, SENTENCES
from tests.tasks.sokoban_levels import level_from_rows
from tests.tasks.sokoban_search import solve as solve_sokoban
from tokenworth.core.problem import AnswerKind, Problem
from tokenworth.core.verification import Strictness
from tokenworth.errors import InvalidInput
from tokenworth.methods.replay.loops import replay_loop
from tokenworth.tasks.critics.formal import FormalCritic
from tokenworth.tasks.critics.named import critic_named
from tokenworth.tasks.domains import domain_named
from tokenworth.tasks.graders import grader_for
from tokenworth.tasks.maze.dialect import DIALECTS
from tokenworth.tasks.maze.grammar import render_prompt, render_trace
from tokenworth.tasks.maze.instance import Maze
from tokenworth.tasks.maze.search import solve as solve_maze


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A problem, an easier one, and the answer that solves the easier one. ``joins``: how an answer may put the two together."""

    name: str
    dialect: str
    prompt: str
    easy: str
    answer: str
    joins: tuple[str, ...]


def maze_case(dialect: str) -> Case:
    spoken = DIALECTS[dialect]
    hard = Maze(cols=4, rows=4, walls=((1, 0), (1, 1), (1, 2), (3, 3)), start=(0, 0), goal=(2, 0))
    easy = Maze(cols=4, rows=4, walls=((3, 3),), start=(0, 0), goal=(1, 0))
    found = solve_maze(easy, spoken)
    prompt = render_prompt(hard, spoken)
    joins = ["{answer}", "{easy} {answer}", "eos bos {easy} {answer}", "bos {easy} eos bos {answer}", "{prompt} {easy} {answer}"]
    if spoken.marked:
        joins += ["solution {easy} {answer}", "solution end {easy} {answer}", "{answer} {easy} {answer}"]
    return Case(
        name="maze",
        dialect=dialect,
        prompt=prompt,
        easy=render_prompt(easy, spoken),
        answer=render_trace(easy, found.trace, found.plan, spoken),
        joins=tuple(joins),
    )


def sokoban_case() -> Case:
    hard = level_from_rows(["#######", "#@ $ .#", "#     #", "#######"], "hard")
    easy = level_from_rows(["#######", "#@$.  #", "#     #", "#######"], "easy")
    found, whole = solve_sokoban(easy, np.random.default_rng(0)), solve_sokoban(hard, np.random.default_rng(0))
    assert found is not None and whole is not None
    return Case(
        name="sokoban",
        dialect="searchformer-nondeterministic",
        prompt=whole.prompt,
        easy=found.prompt,
        answer=found.trace_text(),
        joins=("{answer}", "{easy} {answer}", "eos bos {easy} eos bos {answer}", "bos {easy} {answer} eos", "{prompt} {easy} {answer}"),
    )


EASY_PDDL = (
    "(define (problem easy) (:domain BLOCKSWORLD-4OPS) (:objects a b)"
    " (:init (handempty) (ontable a) (ontable b) (clear a) (clear b)) (:goal (holding a)))"
)
EASY_SENTENCES = (
    "As initial conditions I have that, the red block is clear, the hand is empty and the red block is on the table.\n"
    "My goal is to have that the red block is clear."
)
JOINS = ("{answer}", "{easy}\n[PLAN]\n{answer}", "[PLAN END]\n{easy}\n[PLAN]\n{answer}", "{prompt}\n{easy}\n[PLAN]\n{answer}\n[PLAN END]")
PDDL = Case(
    name="blocksworld",
    dialect="pddl",
    prompt=PROMPT,
    easy=f"[DOMAIN]{DOMAIN_PDDL}[QUERY PROBLEM]{EASY_PDDL}",
    answer="(pick-up a)",
    joins=JOINS,
)
TEXT = Case(
    name="blocksworld",
    dialect="planbench-text",
    prompt=SENTENCES,
    easy=EASY_SENTENCES,
    answer="pick up the red block\nput down the red block",
    joins=JOINS,
)

FIRST, PROSE_FIRST = "Current State: 10:[5, 5], Operations: []", "Current State #0: 10:[5, 5]. Operations so far : []."
FOUND = "Exploring Operation: 5+5=10, Resulting Numbers: [10]\n10,10 equal: Goal Reached\n"
PROSE = (
    "Action     : Exploring operation 5+5=10. \nResulting numbers: [10].\n10,10 equal: Goal Reached\n\n"
    "SOLUTION: YES\nOPERATIONS: ['5+5=10']\nRESULT: 10\n"
)
RESTATED = ("{answer}", "{easy}\n{answer}", "Make 10 with the numbers [5, 5].\n{easy}\n{answer}", "{prompt}\n{easy}\n{answer}")


def countdown_case(dialect: str, prompt: str) -> Case:
    first, rest = (PROSE_FIRST, PROSE) if dialect == "react" else (FIRST, FOUND)
    return Case(name="countdown", dialect=dialect, prompt=prompt, easy=first, answer=rest, joins=RESTATED)


HANDS = (
    "Make 100 with the numbers [3,5,7]",
    "Current State: 100:[3, 5, 7], Operations: []",
    f"{FIRST}\n{FOUND}\nMake 100 using the numbers [3, 5, 7].",
)
CASES: tuple[Callable[[], Case], ...] = (
    *(lambda name=name: maze_case(name) for name in ("searchformer", "compact", "beyond-semantics")),
    sokoban_case,
    lambda: PDDL,
    lambda: TEXT,
    *(lambda name=name, hand=hand: countdown_case(name, hand) for name in ("stream-of-search", "optimal-path", "react") for hand in HANDS),
)


def critic(name: str, prompt: str, dialect: str) -> FormalCritic:
    made = critic_named(name, Problem(id="p", question=prompt, kind=AnswerKind.EXACT), grader_for("exact"), dialect=dialect)
    assert isinstance(made, FormalCritic)
    return made


@pytest.mark.slow
@pytest.mark.parametrize("make", CASES)
def test_an_answer_to_another_problem_is_never_accepted(make: Callable[[], Case]) -> None:
    case = make()
    if case.name == "blocksworld":
        pytest.importorskip("unified_planning")
    # The same answer is right where the easier problem is the one that was asked.
    assert critic(case.name, case.easy, case.dialect).check(case.answer).accepted
    made = critic(case.name, case.prompt, case.dialect)
    for join in case.joins:
        answer = join.format(prompt=case.prompt, easy=case.easy, answer=case.answer)
        for strictness in made.domain.dialects[case.dialect]:
            for with_trace in (True, False):
                verdict = replace(made, strictness=strictness, with_trace=with_trace).check(answer)
                assert not verdict.accepted and verdict.messages, (join, strictness, with_trace)
        record: Mapping[str, object] = {"id": "x", "prompt": case.prompt, "trace": answer}
        for fields in (
            (record, {"id": "x", "prompt": case.prompt, "text": answer}) if case.name in ("blocksworld", "countdown") else (record,)
        ):
            found = made.domain.verify(made.domain.read(fields, "f:1"), dialect=case.dialect, strictness=Strictness.STRICT)
            assert found.plan_valid is not True and not found.is_valid, (join, fields)


@pytest.mark.parametrize("name", ["maze", "sokoban", "blocksworld", "countdown"])
@pytest.mark.parametrize("prompt", ["", " \n\t", "Solve this.", "Use 3, 5 and 7, each once, to make 100.", "query", "Current State: 1:[1"])
def test_a_critic_of_no_problem_is_refused(name: str, prompt: str) -> None:
    if name == "blocksworld":
        pytest.importorskip("unified_planning")
    domain = domain_named(name)
    for dialect in domain.dialects:
        with pytest.raises(InvalidInput, match=r"^no problem"):
            FormalCritic(domain=domain, prompt=prompt, dialect=dialect)
        with pytest.raises(InvalidInput, match=r"^problem 'p': no problem"):
            critic(name, prompt, dialect)
        with pytest.raises(InvalidInput, match=r"^loops:3: no problem"):
            replay_loop({"prompt": prompt, "steps": [{"plan": "", "verifier": None}]}, domain, dialect=dialect, where="loops:3")


@pytest.mark.parametrize("dialect", list(DIALECTS))
def test_an_answer_does_not_choose_the_size_of_the_grid(dialect: str) -> None:
    spoken = DIALECTS[dialect]
    # On 3 x 3 cells the wall shuts off the goal; the answer goes around its end, through a fourth row.
    maze = Maze(cols=3, rows=4, walls=((1, 0), (1, 1), (1, 2)), start=(0, 0), goal=(2, 0))
    found = solve_maze(maze, spoken, np.random.default_rng(0))
    answer = render_trace(maze, found.trace, found.plan, spoken)
    made = FormalCritic(domain=domain_named("maze"), prompt=render_prompt(maze, spoken), dialect=dialect)
    assert not made.check(answer).accepted and not replace(made, with_trace=False).check(answer).accepted
    # Where the problem says so, there is a fourth row.
    assert replace(made, given={"cols": 3, "rows": 4}).check(answer).accepted


def test_a_critic_of_a_puzzle_in_fields_needs_no_prompt() -> None:
    made = FormalCritic(domain=domain_named("countdown"), prompt="", dialect="stream-of-search", given={"target": 10, "nums": (5, 5)})
    assert made.check(f"{FIRST}\n{FOUND}").accepted
    assert not replace(made, given={"target": 100, "nums": (3, 5, 7)}).check(f"{FIRST}\n{FOUND}").accepted
    with pytest.raises(InvalidInput, match=r"^no problem of countdown .* got the fields"):
        replace(made, given={"target": 10})


def test_a_whole_plan_is_accepted_after_a_prompt_of_examples() -> None:
    pytest.importorskip("unified_planning")
    examples = f"{PROMPT}(pick-up c)\n[PLAN END]\n\n{PROMPT}"
    assert critic("blocksworld", examples, "pddl").check(PLAN).accepted
