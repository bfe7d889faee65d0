"""Maze tasks: problems with a prompt as their question, and the grader of plans."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tokenworth.core.grade import UNPARSEABLE, Verdict
from tokenworth.core.problem import AnswerKind, Problem
from tokenworth.core.verification import FormalText
from tokenworth.errors import InvalidInput, UnknownName
from tokenworth.tasks.graders import grader_for
from tokenworth.tasks.load import load_item, load_task
from tokenworth.tasks.maze.dialect import DIALECTS
from tokenworth.tasks.maze.generate import split_of
from tokenworth.tasks.maze.grammar import parse, render_trace
from tokenworth.tasks.maze.instance import Maze
from tokenworth.tasks.maze.search import solve


def maze_of(problem: Problem, side: int) -> Maze:
    prompt = parse(FormalText(id="", trace=problem.question), DIALECTS["compact"]).prompt
    assert prompt is not None
    return Maze(cols=side, rows=side, walls=prompt.walls, start=prompt.start, goal=prompt.goal)


def answer(maze: Maze) -> str:
    found = solve(maze, DIALECTS["compact"])
    return render_trace(maze, None, found.plan, DIALECTS["compact"]).removeprefix("solution")


def test_items_are_of_the_test_layouts_and_the_same_each_time() -> None:
    task = load_task("maze:searchformer/7", limit=6)
    assert len(task) == 6 and len({problem.id for problem in task}) == 6
    for index, problem in enumerate(task):
        assert split_of(maze_of(problem, 7)) == "test" and problem.kind is AnswerKind.PLAN
        assert load_item("maze:searchformer/7", index) == problem == load_item("maze:searchformer/7", problem.id)
    assert split_of(maze_of(load_item("maze:wilson/5/train", 2), 5)) == "train"


@pytest.mark.parametrize("spec", ["maze:wilson", "maze:wilson/x", "maze:wilson/2", "maze:wilson/7/dev", "maze:wilsn/7", "maze:wilson/٧"])
def test_specs_that_name_no_task(spec: str) -> None:
    with pytest.raises((InvalidInput, UnknownName), match=r"expected FAMILY/SIDE|did you mean|known:"):
        load_task(spec)


def test_plans_are_graded_by_their_rules() -> None:
    problem = load_item("maze:searchformer/6", 1)
    maze, grade = maze_of(problem, 6), grader_for(problem)
    right = answer(maze)
    cells = right.split()[:-1]
    assert grade(problem, right).outcome == "optimal" and grade(problem, right).verdict is Verdict.CORRECT
    assert grade(problem, right.removesuffix(" end")) == grade(problem, right)
    there_and_back = " ".join([cells[0], cells[1], *cells])
    assert grade(problem, there_and_back).outcome == "longer" and grade(problem, there_and_back).verdict is Verdict.CORRECT
    for text, outcome in (
        (" ".join(cells[:-1]), "PLAN_GOAL"),
        (" ".join(cells[1:]), "PLAN_START"),
        (" ".join([cells[0], cells[-1]]), "PLAN_STEP"),
    ):
        assert (grade(problem, text).outcome, grade(problem, text).verdict) == (outcome, Verdict.INCORRECT)
    for text in ("", "I do not know", f"{right} {right}", "3,٣", "solution " + right, "0,0 end 0,1"):
        assert (grade(problem, text).outcome, grade(problem, text).verdict) == (UNPARSEABLE, Verdict.UNKNOWN), text


def test_a_question_that_is_no_maze_is_refused() -> None:
    problem = Problem(id="q", question="What is 2 + 2?", kind=AnswerKind.PLAN, task="maze:wilson/5")
    with pytest.raises(InvalidInput, match="is not a maze"):
        grader_for(problem)(problem, "0,0 0,1")
    with pytest.raises(InvalidInput, match="is of no formal domain"):
        grader_for(replace(problem, task=""))
