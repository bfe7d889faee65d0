"""Formal answers by one rule in all domains: none, one, two, what stands behind it, and where no answer can be right."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from tests.tasks.blocks_cases import PLAN as BLOCKS_PLAN
from tests.tasks.blocks_cases import PROMPT as BLOCKS_PROMPT
from tests.tasks.countdown_search import Solver, write_search
from tests.tasks.formal_texts import EVENTS, GAVE_UP, RIGHT, ROOT, TEXTS, WRONG, blocks, countdown, facts_of, maze, verdict
from tests.tasks.sokoban_levels import level_from_rows
from tests.tasks.sokoban_search import event_text, prompt_text
from tokenworth.core.verification import FormalText, Strictness, Verification
from tokenworth.methods.verify.records import judged, verifier
from tokenworth.methods.verify.table import state_of
from tokenworth.tasks.countdown.instance import Puzzle
from tokenworth.tasks.countdown.plan import is_solvable
from tokenworth.tasks.domains import domain_named
from tokenworth.tasks.maze.dialect import DIALECTS
from tokenworth.tasks.maze.grammar import render_prompt
from tokenworth.tasks.maze.instance import Maze
from tokenworth.tasks.sokoban.instance import Board

# -- no answer ------------------------------------------------------------


@pytest.mark.parametrize("name", GAVE_UP)
def test_a_search_that_claims_nothing_is_wrong_unless_it_was_cut(name: str) -> None:
    found = countdown(GAVE_UP[name])
    assert found.facts["claims_goal"] is False and found.plan_valid is False and found.counts["PLAN_NONE"] == 1
    assert countdown(GAVE_UP[name], is_cut=True).plan_valid is None
    assert state_of(found)[2] == "incorrect"


@pytest.mark.parametrize("dialect", ["optimal-path", "react"])
def test_nor_do_other_dialects_answer_without_a_claim(dialect: str) -> None:
    for trace in ("SOLUTION: NO\nOPERATIONS: []\nRESULT: None", ROOT + "Exploring Operation: 5-3=2, Resulting Numbers: [2]\n"):
        assert countdown(trace, dialect=dialect).plan_valid is False


@pytest.mark.parametrize("name", TEXTS)
def test_no_answer_is_a_wrong_one_in_every_domain(name: str) -> None:
    whole = TEXTS[name][2].trace
    ends = {"countdown": whole.rfind("\n", 0, -1), "blocksworld": 0}
    for end in ("solution", "plan "):
        ends[name] = ends.get(name) if ends.get(name) is not None else whole.find(end) if end in whole else None  # type: ignore[assignment]
    assert verdict(name, whole[: ends[name]]).plan_valid is False
    assert verdict(name, "").plan_valid is False and verdict(name, "", is_cut=True).plan_valid is None


def test_the_table_counts_them() -> None:
    """A wrong trace that gives up is an incorrect answer, so that answers are no better after wrong traces than they are."""
    check = verifier("countdown", None, None, max_errors=9)
    lines = [ROOT + "Exploring Operation: 5+3=8, Resulting Numbers: [8]\n8,8 equal: Goal Reached", GAVE_UP["a wrong step"]]
    states = [state_of(judged("f:1", {"target": 8, "nums": [5, 3], "trace": trace}, check).verification) for trace in lines]
    assert [(trace, answer) for trace, _, answer in states] == [("valid", "correct"), ("invalid", "incorrect")]


# -- what follows the end ------------------------------------------------------------

TAILS = (
    " eos", " <|endoftext|>", "<|endoftext|>", " <|im_end|>", "</s>", " <pad> <pad>", " eos pad pad", " [PAD] [PAD]", "<eos><pad>",
    "<|eot_id|>\n", " <end_of_turn>", " <｜end▁of▁sentence｜>", " <|endoftext|><|endoftext|> <pad>", " <|stop|>", " EOS PAD",
    "<|eos_token|><|pad_token|>",
)  # fmt: skip


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("tail", TAILS)
def test_marks_of_end_and_padding_are_no_part_of_a_text(name: str, tail: str) -> None:
    text = TEXTS[name][2].trace
    clean = verdict(name, text)
    assert clean.is_valid and facts_of(verdict(name, text.rstrip("\n") + tail)) == facts_of(clean)
    # What a generator wrote that was not stopped is none of it either, not even an answer; it is noted.
    more = verdict(name, f"{text.rstrip(chr(10))}{tail} So {text}" if "pad" not in tail.lower() or "eos" in tail else text)
    assert facts_of(more) == facts_of(clean) and (more.facts == clean.facts or str(more.facts["after_end"]).startswith("So"))
    assert not verdict(name, text.rstrip("\n") + " eos eos2").counts


@pytest.mark.parametrize("head", ["<pad><pad> ", "<s>", "<|begin_of_text|>", "<|endoftext|>", "pad pad "])
@pytest.mark.parametrize("name", TEXTS)
def test_nor_is_padding_before_it(name: str, head: str) -> None:
    text = TEXTS[name][2].trace
    clean, padded = verdict(name, text), verdict(name, head + text)
    assert facts_of(padded) == facts_of(clean) and not padded.counts
    broken = text.replace("close", "clos", 1).replace("Exploring", "Explorin", 1).replace("(", "((", 1)
    (first, *_), (moved, *_) = verdict(name, broken).violations, verdict(name, head + broken).violations
    # A mark without white space after it stands in one word with what follows.
    assert (head + broken)[slice(*moved.chars)].endswith(broken[slice(*first.chars)]) and moved.got == first.got


@pytest.mark.parametrize("head", ["<|start_header_id|>assistant<|end_header_id|>\n\n", "<|im_start|>assistant\n"])
def test_marks_before_the_answer_do_not_end_it(head: str) -> None:
    for found in (blocks(f"{head}[PLAN]\n{BLOCKS_PLAN}[PLAN END]"), maze(f"{head}reasoning {EVENTS} solution {RIGHT} end")):
        assert found.plan_valid is True
    search = f"{ROOT}Exploring Operation: 5+3=8, Resulting Numbers: [8]\n8,8 equal: Goal Reached"
    assert countdown(head + search).plan_valid is True


PROSE = ("the plan is right", "I hope this helps.", "Done", "The solution is right")


@pytest.mark.parametrize("prose", PROSE)
def test_prose_after_the_end_is_noted_and_changes_nothing(prose: str) -> None:
    for found in (
        maze(f"reasoning {EVENTS} solution {RIGHT} end {prose}"),
        maze(f"create 0 0 c0 c2 {EVENTS} {RIGHT} eos {prose}", "searchformer"),
        countdown(f"{ROOT}Exploring Operation: 5+3=8, Resulting Numbers: [8]\n8,8 equal: Goal Reached\n{prose}"),
        blocks(f"[PLAN]\n{BLOCKS_PLAN}[PLAN END]\n{prose}"),
    ):
        assert found.is_valid and not found.counts and found.plan_valid and found.facts["after_end"] == prose
    failed = countdown(f"{GAVE_UP['a wrong step']}\n{prose}")
    assert failed.parsed and "AFTER_END" not in failed.counts and failed.facts["after_end"] == prose
    # A search that goes on is another matter.
    assert "AFTER_END" in countdown(f"{GAVE_UP['a wrong step']}\n{prose}\n{ROOT}").counts


@pytest.mark.parametrize("garbage", ["ehm", "so then", "7", "<pad>", "plan"])
def test_garbage_inside_a_plan_kills_the_plan_and_not_the_trace(garbage: str) -> None:
    plan = f"plan 0 0 plan 1 0 {garbage} plan 2 0"
    for found in (maze(f"reasoning {EVENTS} solution {plan} end"), maze(f"create 0 0 c0 c2 {EVENTS} {plan} eos", "searchformer")):
        assert found.trace_valid is True and found.plan_valid is False and found.counts == {"PLAN_PARSE": 1}


# -- no solution ------------------------------------------------------------


def whole_run(walled: Maze, name: str) -> str:
    """The run of A* on a maze without a way, until nothing is left to close."""
    dialect, goal, seen = DIALECTS[name], walled.goal, {walled.start: 0}
    words, queue = (
        ["create", *map(str, walled.start), "c0", f"c{abs(goal[0] - walled.start[0]) + abs(goal[1] - walled.start[1])}"],
        [walled.start],
    )
    written = words if dialect.creates_start else []
    while queue:
        x, y = min(queue, key=lambda cell: seen[cell] + abs(goal[0] - cell[0]) + abs(goal[1] - cell[1]))
        queue.remove((x, y))
        written += ["close", str(x), str(y), f"c{seen[x, y]}", f"c{abs(goal[0] - x) + abs(goal[1] - y)}"]
        for dx, dy in dialect.order or ():
            near = (x + dx, y + dy)
            if walled.has(near) and near not in walled.walls and near not in seen:
                seen[near] = seen[x, y] + 1
                queue.append(near)
                written += ["create", str(near[0]), str(near[1]), f"c{seen[near]}", f"c{abs(goal[0] - near[0]) + abs(goal[1] - near[1])}"]
    return " ".join(written)


WALLED = (
    Maze(cols=3, rows=2, walls=((1, 0), (0, 1)), start=(0, 0), goal=(2, 0)),
    Maze(cols=4, rows=4, walls=((2, 0), (2, 1), (2, 2), (2, 3)), start=(0, 1), goal=(3, 1)),
    Maze(cols=4, rows=3, walls=((2, 2), (3, 1)), start=(1, 1), goal=(3, 2)),
)


@pytest.mark.parametrize("name", ["beyond-semantics", "searchformer"])
@pytest.mark.parametrize("walled", WALLED)
def test_a_whole_search_without_a_way_is_right_and_named(walled: Maze, name: str) -> None:
    dialect, domain = DIALECTS[name], domain_named("maze")
    prompt, run = render_prompt(walled, dialect).removesuffix(" reasoning"), whole_run(walled, name)
    start, goal = f"plan {walled.start[0]} {walled.start[1]}", f"plan {walled.goal[0]} {walled.goal[1]}"

    def found(events: str, plan: str) -> Verification:
        trace = f"reasoning {events} solution {plan} end" if dialect.marked else f"{events} {plan}"
        text = FormalText(id="x", prompt=prompt, trace=trace, given={"rows": walled.rows, "cols": walled.cols})
        return domain.verify(text, dialect=name, strictness=Strictness.STRICT)

    for plan in (f"{start} {goal}", ""):
        whole = found(run, plan)
        assert whole.parsed and whole.trace_valid is True and whole.plan_valid is False and "GOAL_NOT_CLOSED" not in whole.counts
        assert whole.counts["UNSOLVABLE"] == 1 and "nothing was left" in next(v.got for v in whole.violations if v.code == "UNSOLVABLE")
        assert bool(plan) is ("PLAN_STEP" in whole.counts)
    # One that stops before is not at its end, and the maze is named all the same.
    part = found(run[: run.rindex("close") - 1], start)
    assert part.trace_valid is False and part.counts["GOAL_NOT_CLOSED"] == part.counts["UNSOLVABLE"] == 1


def boxed_in(rows: Sequence[str]) -> tuple[str, str]:
    """A level and the whole A* on it, to the end of its open list."""
    level = level_from_rows(list(rows), "")
    board = Board(level)

    def said(is_close: bool, state: tuple[int, int], g: int) -> str:
        h = board.h(state[1])
        assert h is not None
        boxes = board.cells(board.seen(state)[1])
        return event_text(is_close=is_close, worker=board.cell(state[0]), boxes=boxes, g=g, h=h)

    costs, queue, written = {board.start: 0}, [board.start], [said(False, board.start, 0)]
    while queue:
        state = min(queue, key=lambda one: costs[one] + (board.h(one[1]) or 0))
        queue.remove(state)
        written.append(said(True, state, costs[state]))
        for child in board.children(state):
            if costs.get(child, 1 << 30) > costs[state] + 1:
                costs[child] = costs[state] + 1
                queue.append(child)
                written.append(said(False, child, costs[child]))
    return prompt_text(level), " ".join(written)


ROOMS = (
    ("######", "#@ # #", "# $#.#", "#  # #", "######"),
    ("######", "#@$ ##", "#   ##", "####.#", "######"),
    ("#######", "#@ $ ##", "# $ #.#", "#  ##.#", "#######"),
)


@pytest.mark.parametrize("rows", ROOMS, ids=range(len(ROOMS)))
def test_a_level_without_a_solution_is_named_too(rows: Sequence[str]) -> None:
    prompt, run = boxed_in(rows)
    domain = domain_named("sokoban")

    def found(trace: str) -> Verification:
        text = FormalText(id="x", prompt=prompt, trace=trace)
        return domain.verify(text, dialect="searchformer-nondeterministic", strictness=Strictness.STRICT)

    whole = found(run)
    assert whole.trace_valid is True and whole.parsed and whole.plan_valid is False and whole.counts == {"UNSOLVABLE": 1}
    part = found(run[: run.rindex("close") - 1])
    assert part.trace_valid is False and part.counts["GOAL_NOT_CLOSED"] == 1 and "UNSOLVABLE" not in part.counts


@pytest.mark.parametrize(("target", "nums"), [(8, (68, 27)), (77, (3, 29, 60, 66)), (7, (2, 2))])
def test_a_puzzle_without_a_solution_is_named_too(target: int, nums: tuple[int, ...]) -> None:
    puzzle = Puzzle(target=target, numbers=nums)
    assert is_solvable(puzzle) is False and is_solvable(Puzzle(target=8, numbers=(5, 3))) is True
    assert is_solvable(Puzzle(target=10**9 + 7, numbers=(2, 3, 5, 7, 11, 13))) is None, "too many states"
    trace = write_search(puzzle, Solver(heuristic="sum", beam=1), np.random.default_rng(0))
    found = countdown(trace, target, nums)
    assert found.trace_valid is True and found.plan_valid is False and found.counts == {"UNSOLVABLE": 1, "PLAN_NONE": 1}


# -- two answers ------------------------------------------------------------

DETOUR = "plan 0 0 plan 1 0 plan 0 0 plan 1 0 plan 2 0"
STATE = "Current State: 24:[4, 6], Operations: []\n"
PRODUCT = "Exploring Operation: {}={}, Resulting Numbers: [{}]\n{},24 equal: Goal Reached\n"
ANSWERS = {
    "right": PRODUCT.format("4*6", 24, 24, 24),
    "another right": PRODUCT.format("6*4", 24, 24, 24),
    "wrong": PRODUCT.format("4+6", 24, 24, 24),
}
PLANS = {"right": RIGHT, "another right": DETOUR, "wrong": WRONG}
STEPS = {"right": BLOCKS_PLAN, "another right": "(unstack b a)\n(stack b a)\n" + BLOCKS_PLAN, "wrong": "(unstack b a)\n"}


@pytest.mark.parametrize("second", PLANS)
@pytest.mark.parametrize("first", PLANS)
def test_a_text_with_two_answers_is_right_only_if_both_are(first: str, second: str) -> None:
    is_right = "wrong" not in (first, second)
    compact = {name: plan.replace("plan ", "").replace(" ", ",").replace(",0,", ",0 ") for name, plan in PLANS.items()}
    found = [
        maze(f"reasoning {EVENTS} solution {PLANS[first]} end solution {PLANS[second]} end"),
        maze(f"reasoning {EVENTS} solution {PLANS[first]} end so solution {PLANS[second]}"),
        countdown(STATE + ANSWERS[first] + STATE + ANSWERS[second], 24, (4, 6)),
        blocks(f"[PLAN]\n{STEPS[first]}[PLAN END]\n[PLAN]\n{STEPS[second]}[PLAN END]\n"),
        blocks(f"First\n[PLAN]\n{STEPS[first]}\n[PLAN]\n{STEPS[second]}"),
    ]
    assert [one.plan_valid for one in found] == [is_right] * len(found), (first, second, compact)
    is_doubted = [first, second].count("wrong") == 1
    assert all(not is_doubted or "PLAN_TWICE" in one.counts or any(code.startswith("PLAN_") for code in one.counts) for one in found)


def test_answers_to_other_problems_and_drafts_are_none() -> None:
    other = f"query start 1 0 goal 0 0 reasoning solution {WRONG} end"
    assert maze(f"reasoning {EVENTS} solution {RIGHT} end {other}").is_valid
    assert countdown(
        STATE + ANSWERS["right"] + "Exploring Operation: 24/24=1, Resulting Numbers: [1]\n1,1 equal: Goal Reached\n", 24, (4, 6)
    ).plan_valid
    assert blocks(f"<think>\n[PLAN]\n{STEPS['wrong']}[PLAN END]\n</think>\n[PLAN]\n{STEPS['right']}[PLAN END]").is_valid
    assert blocks(f"[PLAN]\n{STEPS['wrong']}[PLAN END]\n{BLOCKS_PROMPT}{STEPS['right']}", "").is_valid
