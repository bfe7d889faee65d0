"""The maze domain: its dialects, its solver and its verifier, on published traces, real data and made-up text."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.real_data import shared
from tests.tasks.maze_samples import MODEL_INVALID, MODEL_VALID, RUST, SOLVER
from tokenworth.core.verification import FormalText, Strictness, Verification
from tokenworth.errors import InvalidInput, UnknownName
from tokenworth.tasks.maze.dialect import DIALECTS
from tokenworth.tasks.maze.domain import DOMAIN
from tokenworth.tasks.maze.generate import generate, split_of
from tokenworth.tasks.maze.grammar import MazeEvent, convert, parse, render, render_prompt, render_trace
from tokenworth.tasks.maze.instance import Maze, distance
from tokenworth.tasks.maze.search import solve
from tokenworth.tasks.maze.spec import FAMILIES

ASTAR = ("formal-astar", "astar-traces.jsonl.gz")


def check(trace: str, dialect: str = "beyond-semantics", strictness: Strictness = Strictness.TIES, **text: Any) -> Verification:
    return DOMAIN.verify(FormalText(id="t", trace=trace, **text), dialect=dialect, strictness=strictness)


def codes(found: Verification) -> list[str]:
    return [violation.code for violation in found.violations]


def is_perfect(found: Verification) -> bool:
    verdicts = (found.parsed, found.trace_valid, found.plan_valid, found.plan_optimal, found.plan_follows_trace)
    return verdicts == (True,) * 5 and not found.violations and not found.counts


def solved_text(family: str, side: int, index: int, dialect: str) -> tuple[Maze, str]:
    maze = generate(family, side, seed=5, index=index)
    found = solve(maze, DIALECTS[dialect], np.random.default_rng(index))
    return maze, render(maze, found.trace, found.plan, DIALECTS[dialect])


# 3 x 3, walls (0, 1) and (1, 1).
SMALL = (
    "start 0 0 goal 0 2 wall 0 1 wall 1 1 create 0 0 c0 c2 close 0 0 c0 c2 create 1 0 c1 c3 close 1 0 c1 c3 create 2 0 c2 c4 "
    "close 2 0 c2 c4 create 2 1 c3 c3 close 2 1 c3 c3 create 2 2 c4 c2 close 2 2 c4 c2 create 1 2 c5 c1 close 1 2 c5 c1 "
    "create 0 2 c6 c0 close 0 2 c6 c0 plan 0 0 plan 1 0 plan 2 0 plan 2 1 plan 2 2 plan 1 2 plan 0 2"
)


# -- published traces --------------------------------------------------------------------------------------------------


def test_small_published_trace_is_perfect_at_every_level() -> None:
    for strictness in Strictness:
        assert is_perfect(check(SMALL, "searchformer", strictness))


def test_a_trace_is_valid_in_its_own_dialect_only() -> None:
    assert not check(SMALL, "beyond-semantics").parsed
    maze, text = solved_text("wilson", 5, 0, "beyond-semantics")
    found = check(text.removeprefix("query ").replace("reasoning ", "").replace(" solution", "").removesuffix(" end"), "searchformer")
    assert found.trace_valid is False and codes(found)[0] == "NOT_OPEN" and maze.cols == 5


def test_deterministic_solver_sample() -> None:
    prompt, trace = SOLVER
    for dialect, strictness in (("searchformer", Strictness.TIES), ("searchformer-nondeterministic", Strictness.STRICT)):
        assert is_perfect(check(trace, dialect, strictness, prompt=prompt))


def test_model_sample_without_an_error() -> None:
    prompt, trace = MODEL_VALID
    assert is_perfect(check(trace, "searchformer-nondeterministic", Strictness.STRICT, prompt=prompt))
    assert "TIE_ORDER" in check(trace, "searchformer", Strictness.TIES, prompt=prompt).counts


def test_model_sample_with_an_optimal_plan_after_an_invalid_trace() -> None:
    prompt, trace = MODEL_INVALID
    found = check(trace, "searchformer-nondeterministic", Strictness.STRICT, prompt=prompt)
    assert (found.n_events, found.parsed, found.trace_valid) == (49, True, False)
    assert (found.plan_valid, found.plan_optimal) == (True, True)
    assert [(v.code, v.event) for v in found.violations] == [("WALL", 48), ("WRONG_H", 48), ("NOT_OPEN", 48), ("GOAL_NOT_CLOSED", None)]
    assert found.first_error is not None and trace[slice(*found.first_error.chars)] == "close 2 2 c9 c0"
    # The three classes of the paper's validator leave the heuristic out.
    assert codes(check(trace, "searchformer", Strictness.PAPER, prompt=prompt)) == ["WALL", "NOT_OPEN", "GOAL_NOT_CLOSED"]


def astar_rows() -> Iterator[dict[str, Any]]:
    with gzip.open(shared(*ASTAR), "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def test_all_published_solver_traces_are_valid_and_optimal() -> None:
    rows = list(astar_rows())
    assert len(rows) == 324
    for strictness in Strictness:
        for row in rows:
            # Every other one without its size, which is then that of the least square around the prompt.
            given = row if row["index"] % 2 else {"id": row["id"], "text": row["text"]}
            assert is_perfect(DOMAIN.verify(DOMAIN.read(given, "row"), dialect="beyond-semantics", strictness=strictness)), row["id"]


def test_our_solver_writes_what_the_published_one_wrote() -> None:
    dialect = DIALECTS["beyond-semantics"]
    for row in astar_rows():
        prompt = parse(DOMAIN.read(row, "row"), dialect).prompt
        assert prompt is not None
        maze = Maze(cols=row["cols"], rows=row["rows"], walls=prompt.walls, start=prompt.start, goal=prompt.goal)
        found = solve(maze, dialect)
        assert render(maze, found.trace, found.plan, dialect) == row["text"]


def test_the_other_solver_breaks_ties_another_way() -> None:
    other = 0
    for row in astar_rows():
        found = DOMAIN.verify(DOMAIN.read(row, "row"), dialect="beyond-semantics-rust", strictness=Strictness.TIES)
        assert DOMAIN.verify(DOMAIN.read(row, "row"), dialect="beyond-semantics-rust", strictness=Strictness.STRICT).trace_valid
        assert set(found.counts) <= {"TIE_ORDER"}
        other += not found.trace_valid
    assert other > 20


@pytest.mark.parametrize("number", range(len(RUST)))
def test_traces_of_the_rust_solver_are_valid_to_the_last_tie(number: int) -> None:
    side, prompt, trace = RUST[number]
    size = {"rows": side, "cols": side}
    for strictness in Strictness:
        assert is_perfect(check(trace, "beyond-semantics-rust", strictness, prompt=prompt, given=size))
    found = parse(FormalText(id="t", prompt=prompt, trace=trace), DIALECTS["beyond-semantics-rust"]).prompt
    assert found is not None
    maze = Maze(cols=side, rows=side, walls=found.walls, start=found.start, goal=found.goal)
    ours = solve(maze, DIALECTS["beyond-semantics-rust"])
    assert render(maze, ours.trace, ours.plan, DIALECTS["beyond-semantics-rust"]).split() == f"{prompt} {trace}".split()


def test_the_size_that_is_given_holds_also_where_it_is_not_square() -> None:
    # 10 x 3 with a wall from top to bottom; off the grid there would be a way round it.
    walls = " ".join(f"wall 5 {y}" for y in range(3))
    way = [(x, 0) for x in range(5)] + [(4, 1), (4, 2), (4, 3), (5, 3), (6, 3), (6, 2), (6, 1), (6, 0), (7, 0), (8, 0), (9, 0)]
    plan = " ".join(f"plan {x} {y}" for x, y in way)
    text = f"query start 0 0 goal 9 0 {walls} solution {plan} end"
    found = check(text, strictness=Strictness.STRICT, given={"rows": 3, "cols": 10})
    assert found.facts == {"cols": 10, "rows": 3} and found.plan_valid is False and found.counts["PLAN_WALL"] == 3
    for wrong in ({"rows": 2, "cols": 10}, {"rows": 3, "cols": 9}, {"rows": 0, "cols": 0}):
        assert not check(text, strictness=Strictness.STRICT, given=wrong).parsed
    with pytest.raises(InvalidInput, match="rows True"):
        DOMAIN.read({"id": "a", "text": text, "rows": True, "cols": 10}, "x")


@given(
    cols=st.integers(2, 8),
    rows=st.integers(2, 8),
    seed=st.integers(0, 300),
    at=st.integers(0, 400),
    word=st.sampled_from(["0", "1", "c0", "c9"]),
)
def test_the_prompt_alone_decides_on_the_size_of_the_grid(cols: int, rows: int, seed: int, at: int, word: str) -> None:
    rng = np.random.default_rng(seed)
    cells = [(x, y) for y in range(rows) for x in range(cols)]
    chosen = rng.permutation(len(cells))
    walls = tuple(cells[i] for i in chosen[2 : 2 + len(cells) // 4])
    maze = Maze(cols=cols, rows=rows, walls=walls, start=cells[chosen[0]], goal=cells[chosen[1]])
    if distance(maze) is None:
        return
    solved = solve(maze, DIALECTS["beyond-semantics"])
    words = render(maze, solved.trace, solved.plan, DIALECTS["beyond-semantics"]).split()
    words[at % len(words)] = word
    text = " ".join(words)
    found = check(text, strictness=Strictness.TIES)
    if not found.facts:
        return
    # The verdict is the one on the prompt's square, given; what is right on another size is undecided, and that size is named.
    prompt = parse(FormalText(id="t", trace=text), DIALECTS["beyond-semantics"]).prompt
    assert prompt is not None and found.facts["size"] == "assumed"
    square = {"cols": prompt.side, "rows": prompt.side}
    drawn = DOMAIN.draw(FormalText(id="t", trace=text), "beyond-semantics")
    assert drawn is not None and {"cols": drawn.cols, "rows": drawn.rows} == square
    for strictness in Strictness:
        found, there = check(text, strictness=strictness), check(text, strictness=strictness, given=square)
        fits: Any = found.facts.get("size_that_fits")
        assert {**found.facts, "size_that_fits": fits} == {**square, "size": "assumed", "size_that_fits": fits}
        if fits is None:
            assert replace(found, facts=square) == there
            continue
        other = check(text, strictness=strictness, given=dict(zip(("cols", "rows"), fits, strict=True)))
        for fact in ("trace_valid", "plan_valid", "plan_optimal"):
            here, on_other = getattr(there, fact), getattr(other, fact)
            assert getattr(found, fact) is (here if here is on_other else None)
        assert found.undecided is (there.trace_valid is not other.trace_valid) and found.counts == other.counts
    sized = [check(text, strictness=strictness, given=square) for strictness in Strictness]
    assert len({one.plan_optimal for one in sized}) == 1
    for weaker, stronger in zip(sized, sized[1:], strict=False):
        assert all(stronger.counts.get(code, 0) >= number for code, number in weaker.counts.items())


@pytest.mark.parametrize("more", ["wall 1 0 solution ", "wall 1 0 reasoning solution ", "start 0 0 solution "])
def test_a_model_cannot_add_to_its_problem(more: str) -> None:
    prompt = "query start 0 0 goal 2 0 wall 1 2"
    round_about = "plan 0 0 plan 0 1 plan 1 1 plan 2 1 plan 2 0 end"
    honest = check(f"solution {round_about}", strictness=Strictness.STRICT, prompt=prompt)
    assert honest.parsed and (honest.plan_valid, honest.plan_optimal) == (True, False)
    found = check(more + round_about, strictness=Strictness.STRICT, prompt=prompt)
    assert not found.parsed and found.plan_optimal is False


# -- no false alarms -----------------------------------------------------------------------------------------------------


@given(
    family=st.sampled_from(FAMILIES),
    side=st.integers(3, 12),
    index=st.integers(0, 10_000),
    dialect=st.sampled_from(sorted(DIALECTS)),
    strictness=st.sampled_from(list(Strictness)),
    sized=st.booleans(),
)
def test_a_solver_trace_is_never_blamed(family: str, side: int, index: int, dialect: str, strictness: Strictness, sized: bool) -> None:
    maze, text = solved_text(family, side, index, dialect)
    # A square with its last row and its last column empty cannot be told from a smaller one.
    is_told = max(map(max, (maze.start, maze.goal, *maze.walls))) == side - 1
    found = check(text, dialect, strictness, given={} if is_told and not sized else {"rows": side, "cols": side})
    assert is_perfect(found), found.violations[:2]


@given(cols=st.integers(2, 9), rows=st.integers(2, 9), seed=st.integers(0, 1000))
def test_grids_that_are_not_square_are_not_blamed(cols: int, rows: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    cells = [(x, y) for y in range(rows) for x in range(cols)]
    chosen = rng.permutation(len(cells))
    walls = tuple(cells[i] for i in chosen[2 : 2 + len(cells) // 4])
    maze = Maze(cols=cols, rows=rows, walls=walls, start=cells[chosen[0]], goal=cells[chosen[1]])
    if distance(maze) is None:
        return
    for name, dialect in DIALECTS.items():
        found = solve(maze, dialect, rng)
        text = render(maze, found.trace, found.plan, dialect)
        assert is_perfect(check(text, name, given={"cols": cols, "rows": rows}))
        # Without its size it is judged on another grid, and says so. It may be undecided then, and is never called wrong.
        unsized = check(text, name)
        assert unsized.facts["size"] == "assumed" and unsized.plan_valid is not False and unsized.plan_follows_trace
        assert unsized.trace_valid is not False and unsized.plan_optimal is not False and not unsized.counts
        assert unsized.undecided is (unsized.trace_valid is None)


@given(
    side=st.integers(3, 8), index=st.integers(0, 500), name=st.sampled_from(sorted(DIALECTS)), sized=st.booleans(), pick=st.integers(0, 99)
)
def test_one_create_off_the_grid_is_seen_with_and_without_a_size(side: int, index: int, name: str, sized: bool, pick: int) -> None:
    maze, _ = solved_text("searchformer", side, index, name)
    size = {"cols": side, "rows": side}
    if max(map(max, (maze.start, maze.goal, *maze.walls))) < side - 1:
        return
    found = solve(maze, DIALECTS[name], np.random.default_rng(index))
    edge = [i for i, event in enumerate(found.trace[:-1]) if event.verb == "close" and max(event.cell) == side - 1]
    if not edge:
        return
    at = edge[pick % len(edge)]
    (x, y), g = found.trace[at].cell, found.trace[at].g
    off = MazeEvent(verb="create", cell=(x + 1, y) if x == side - 1 else (x, y + 1), g=g + 1)
    text = render(maze, (*found.trace[: at + 1], off, *found.trace[at + 1 :]), found.plan, DIALECTS[name])
    verdict = check(text, name, Strictness.PAPER, given=size if sized else {})
    if sized:
        assert verdict.counts == {"OOB": 1} and verdict.trace_valid is False
    else:
        # On a grid that is larger by one nothing that counts at this strictness may be wrong; which it is nobody has said.
        assert not verdict.is_valid and verdict.plan_valid and verdict.undecided is (verdict.trace_valid is None)
        assert verdict.counts == ({} if verdict.undecided else {"OOB": 1})


def test_a_grid_that_is_not_square_needs_its_size() -> None:
    text = "start 1 0 goal 0 0 wall 4 0 wall 5 0 create 1 0 c0 c1 close 1 0 c0 c1 create 0 0 c1 c0"
    given = check(text, "searchformer", is_cut=True, given={"cols": 6, "rows": 1})
    assert given.trace_valid is True and given.facts == {"cols": 6, "rows": 1}
    assumed = check(text, "searchformer", is_cut=True)
    assert assumed.undecided and assumed.trace_valid is None and not assumed.counts
    assert assumed.facts == {"cols": 6, "rows": 6, "size": "assumed", "size_that_fits": [6, 1]}


def test_a_step_off_the_grid_is_seen_although_the_size_is_not_written() -> None:
    # All four corners are walls or marks of the prompt, so the least square is the grid.
    text = (
        "query start 0 0 goal 2 2 wall 1 1 reasoning close 0 0 c0 c4 create 1 0 c1 c3 create 0 1 c1 c3 close 1 0 c1 c3 create 2 0 c2 c2 "
        "close 2 0 c2 c2 create 3 0 c3 c3 create 2 1 c3 c1 close 2 1 c3 c1 create 2 2 c4 c0 close 2 2 c4 c0 "
        "solution plan 0 0 plan 1 0 plan 2 0 plan 2 1 plan 2 2 end"
    )
    assert "OOB" in check(text, strictness=Strictness.STRICT).counts


# -- levels and repair -----------------------------------------------------------------------------------------------------


@given(index=st.integers(0, 500), at=st.integers(0, 200), word=st.sampled_from(["0", "1", "4", "c0", "c3", "c9", "close", "create", "x"]))
def test_each_level_reports_what_the_one_before_does(index: int, at: int, word: str) -> None:
    _, text = solved_text("searchformer", 5, index, "beyond-semantics")
    words = text.split()
    words[at % len(words)] = word
    found = [check(" ".join(words), strictness=strictness) for strictness in Strictness]
    for weaker, stronger in zip(found, found[1:], strict=False):
        assert all(stronger.counts.get(code, 0) >= number for code, number in weaker.counts.items())


def test_errors_after_the_first_are_counted_on_the_repaired_state() -> None:
    _, text = solved_text("searchformer", 7, 3, "beyond-semantics")
    words = text.split()
    closes = [i for i, word in enumerate(words) if word == "close"]
    words[closes[2] + 3] = "c77"
    words[closes[5] + 4] = "c66"
    found = check(" ".join(words))
    assert codes(found) == ["G_MISMATCH", "WRONG_H"]


def test_cells_passed_over_and_the_end_are_said_once() -> None:
    for index in range(12):
        _, text = solved_text("drunkards-walk", 10, index, "beyond-semantics")
        words = text.split()
        closes = [i for i, word in enumerate(words) if word == "close"]
        goal = words[closes[-1] : closes[-1] + 5]
        # The goal closed in the middle, its create just before: one finding of policy, one of what follows.
        at = closes[len(closes) // 2]
        found = check(" ".join([*words[:at], *goal, *words[at:]]), strictness=Strictness.STRICT)
        assert found.counts.get("AFTER_GOAL") == 1 and sum(found.counts.values()) <= 5
        # A close left out whose cell has no children: what comes after is not blamed for it again.
        leaves = [a for a, b in zip(closes, closes[1:], strict=False) if b == a + 5]
        if leaves:
            skipped = words[: leaves[0]] + words[leaves[0] + 5 :]
            assert check(" ".join(skipped), strictness=Strictness.STRICT).counts.get("NOT_MIN_F", 0) <= 1


def test_limit_cuts_the_list_and_not_the_counts() -> None:
    _, text = solved_text("searchformer", 7, 3, "beyond-semantics")
    text = " ".join(f"{word}9" if word[0] == "c" and word[1:].isdecimal() else word for word in text.split())
    whole = check(text)
    few = DOMAIN.verify(FormalText(id="t", trace=text), dialect="beyond-semantics", strictness=Strictness.TIES, max_errors=3)
    assert len(few.violations) == 3 and few.counts == whole.counts and few.violations == whole.violations[:3]
    assert sum(whole.counts.values()) == len(whole.violations) > 10


def test_places_are_the_same_with_the_prompt_apart() -> None:
    maze, text = solved_text("searchformer", 6, 1, "beyond-semantics")
    broken = text.replace("close", "close 9", 3)
    prompt = render_prompt(maze, DIALECTS["beyond-semantics"])
    assert broken.startswith(prompt)
    together, apart = check(broken), check(broken.removeprefix(prompt + " "), prompt=prompt)
    assert codes(together) == codes(apart) and codes(together)
    shift = len(prompt) + 1
    assert [v.chars for v in apart.violations] == [(v.chars[0] - shift, v.chars[1] - shift) for v in together.violations]


def test_a_text_that_was_cut_is_not_blamed_for_its_end() -> None:
    _, text = solved_text("wilson", 9, 2, "beyond-semantics")
    for end in range(text.index("reasoning") + 10, len(text), 7):
        if text[end - 1] == " " or text[end] == " ":
            found = check(text[:end].strip(), is_cut=True)
            assert not found.counts and found.parsed, (text[end - 20 : end], found.violations)
            # The rest of a plan decides what it is worth, and whether it is the one the trace found.
            assert (found.plan_valid, found.plan_optimal, found.plan_follows_trace) == (None, None, None)
            assert found.trace_valid is (True if found.n_events or "solution" in text[:end] else None)
            assert not check(text[:end].strip()).parsed
    assert is_perfect(check(text, is_cut=True))


@pytest.mark.parametrize(
    ("text", "dialect", "counts", "verdicts"),
    [
        # The plan has begun, so the trace is whole.
        ("create 0 0 c0 c2 plan 0 0 plan 1 0 plan 2 0", "searchformer", {"GOAL_NOT_CLOSED": 1}, (False, None, None)),
        ("create 0 0 c0 c2 create plan 0 0", "searchformer", {"PARSE": 1, "GOAL_NOT_CLOSED": 1}, (False, None, None)),
        ("", "searchformer", {}, (None, None, None)),
        ("plan 0 0 plan 1 0", "searchformer", {}, (None, None, None)),
        # What is wrong before the cut stays wrong, and a plan that is over is judged whole.
        ("plan 1 0 plan 2 0", "searchformer", {"PLAN_START": 1}, (None, False, False)),
        ("plan 0 0 plan 2 0", "searchformer", {"PLAN_STEP": 1}, (None, False, False)),
        ("plan 0 0 plan x 0 plan 1 0", "searchformer", {"PLAN_PARSE": 1}, (None, False, False)),
        ("plan 0 0 plan 1 0 eos", "searchformer", {"PLAN_GOAL": 1}, (None, False, False)),
        ("plan 0 0 plan 1 0 plan 2 0 eos", "searchformer", {}, (None, True, True)),
        ("", "compact", {}, (None, None, None)),
        ("solution 0,0 1,0", "compact", {"GOAL_NOT_CLOSED": 1}, (False, None, None)),
        ("solution 0,0 1,0 end", "compact", {"GOAL_NOT_CLOSED": 1, "PLAN_GOAL": 1, "PLAN_NOT_PARENTS": 1}, (False, False, False)),
    ],
)
def test_a_cut_hides_what_is_unknown_and_nothing_else(
    text: str, dialect: str, counts: dict[str, int], verdicts: tuple[bool | None]
) -> None:
    prompt = "query start 0,0 goal 2,0 wall 2,2 reasoning" if dialect == "compact" else "start 0 0 goal 2 0 wall 2 2"
    found = check(text, dialect, Strictness.STRICT, prompt=prompt, is_cut=True)
    told = {code: n for code, n in found.counts.items() if code != "MISSING_CHILD"}
    assert (told, (found.trace_valid, found.plan_valid, found.plan_optimal)) == (counts, verdicts)


PAIR = {"plain": "query start 0 0 goal 1 0 wall 0 1", "compact": "query start 0,0 goal 1,0 wall 0,1"}


@pytest.mark.parametrize(
    ("text", "dialect", "parsed", "trace_valid", "counts"),
    [
        # A trace is there when its mark is; where there is no mark, when there is a word of it.
        (f"{PAIR['plain']} solution plan 0 0 plan 1 0 end", "beyond-semantics", True, None, {}),
        (f"{PAIR['plain']} solution plan 0 0 plan 1 0", "beyond-semantics", False, None, {"PARSE": 1}),
        (f"{PAIR['plain']} reasoning solution plan 0 0 plan 1 0 end", "beyond-semantics", True, False, {"GOAL_NOT_CLOSED": 1}),
        (f"{PAIR['plain']} plan 0 0 plan 1 0"[6:], "searchformer", True, None, {}),
        (f"{PAIR['plain']}"[6:], "searchformer", False, None, {"PLAN_PARSE": 1}),
        (f"{PAIR['plain']} so plan 0 0 plan 1 0"[6:], "searchformer", False, None, {"PARSE": 1}),
        # What cannot be read of the plan is no error of the trace.
        (
            f"{PAIR['compact']} reasoning close 0,0 c0 create 1,0 c1 close 1,0 c1 solution 0,0 1,0 done. end",
            "compact",
            False,
            True,
            {"PLAN_PARSE": 1},
        ),
        (f"{PAIR['compact']} reasoning close 0,0 c0 create 1,0 c1 close 1,0 c1 solution 0,0 1,0", "compact", False, False, {"PARSE": 1}),
    ],
)
def test_whether_there_is_a_trace(text: str, dialect: str, parsed: bool, trace_valid: bool | None, counts: dict[str, int]) -> None:
    found = check(text, dialect)
    told = {code: n for code, n in found.counts.items() if code != "PLAN_NOT_PARENTS"}
    assert (found.parsed, found.trace_valid, told) == (parsed, trace_valid, counts)


@pytest.mark.parametrize(
    ("dialect", "prompt", "is_one"),
    [
        ("beyond-semantics", "query start 0 0 goal 1 0 wall 0 1", True),
        ("beyond-semantics", "query start 0 0 goal 1 0", True),
        ("beyond-semantics", "start 0 0 goal 1 0 wall 0 1", False),
        ("beyond-semantics", "query wall 0 1 goal 1 0 start 0 0", False),
        ("beyond-semantics", "query goal 1 0 start 0 0 wall 0 1", False),
        ("beyond-semantics", "query start 0 0 wall 0 1 goal 1 0", False),
        ("beyond-semantics", "query start 0 0 goal 1 0 wall 0 1 wall", False),
        ("beyond-semantics", "query start 0 0 goal 1 0 wall 0 1 wall 2", False),
        ("beyond-semantics", "query start 0 0 goal 1 0 wall 0 1 1 wall 2 2", False),
        ("beyond-semantics", "query start 0 0 goal 1", False),
        ("beyond-semantics", "query start 0 0 goal 1 0 goal 1 1", False),
        ("compact", "query start 0,0 goal 1,0 wall 0,1", True),
        ("compact", "query start 0,0 goal 1,0 wall", True),
        ("compact", "query start 0,0 goal 1,0", False),
        ("compact", "query start 0,0 goal 1,0 wall 0,1 start wall", False),
        ("compact", "query start goal 1,0 wall 0,1", False),
        ("compact", "query goal 1,0 start 0,0 wall 0,1", False),
        ("compact", "query start 0,0 goal 1,0 wall 0,1 wall 2,2", False),
        ("searchformer", "start 0 0 goal 1 0 wall 0 1", True),
        ("searchformer", "wall 0 1 goal 1 0 start 0 0", False),
        ("searchformer", "query start 0 0 goal 1 0 wall 0 1", False),
    ],
)
def test_a_prompt_is_read_by_its_grammar_and_no_other(dialect: str, prompt: str, is_one: bool) -> None:
    spoken = DIALECTS[dialect]
    maze = Maze(cols=2, rows=2, walls=((0, 1),), start=(0, 0), goal=(1, 0))
    found = solve(maze, spoken)
    after = render_trace(maze, found.trace, found.plan, spoken)
    mark = " reasoning" if spoken.marked else ""
    for verdict in (check(f"{prompt}{mark} {after}", dialect), check(after, dialect, prompt=prompt + mark)):
        assert (verdict.parsed, "PARSE" in verdict.counts) == (is_one, not is_one)


@pytest.mark.parametrize(
    ("prompt", "trace", "counts"),
    [
        ("bos start 0 0 goal 0 0 eos", "Sure! create 0 0 c0 c0 close 0 0 c0 c0 plan 0 0 eos", {"PARSE": 1}),
        ("bos start 0 0 goal 0 0 eos", "bos bos create 0 0 c0 c0 close 0 0 c0 c0 plan 0 0 eos", {"PARSE": 1}),
        ("bos start 0 0 goal 0 0", "Sure! create 0 0 c0 c0 close 0 0 c0 c0 plan 0 0 eos", {"PARSE": 1}),
        ("bos start 0 0 goal 0 0 eos", "bos create 0 0 c0 c0 close 0 0 c0 c0 plan 0 0 eos", {}),
        ("bos start 0 0 goal 0 0 eos bos", "create 0 0 c0 c0 close 0 0 c0 c0 plan 0 0 eos", {}),
        ("start 0 0 goal 0 0", "eos bos create 0 0 c0 c0 close 0 0 c0 c0 plan 0 0", {}),
        ("start 0 0 goal 0 0", "create 0 0 c0 c0 close 0 0 c0 c0 plan 0 0", {}),
    ],
)
def test_a_word_too_many_does_not_spoil_the_prompt(prompt: str, trace: str, counts: dict[str, int]) -> None:
    found = check(trace, "searchformer", prompt=prompt)
    assert found.counts == counts and (found.plan_valid, found.plan_follows_trace) == (True, True)
    assert found.trace_valid is not bool(counts) and found.facts["cols"] == 1


def test_cells_are_told_in_the_words_of_the_dialect() -> None:
    prompt = "query start 0,0 goal 2,0 wall 2,2 0,1"
    trace = "reasoning close 0,0 c0 create 0,1 c1 close 1,0 c1 create 7,0 c2 solution 0,0 2,0 1,0 end"
    told = {v.code: (v.expected, v.got) for v in check(trace, "compact", prompt=prompt).violations}
    assert told["WALL"] == ("a free cell", "0,1") and told["MISSING_CHILD"] == ("create 1,0", "close 1,0")
    assert told["OOB"][1] == "7,0" and told["NOT_OPEN"][1] == "1,0" and told["GOAL_NOT_CLOSED"][0] == "close 2,0"
    assert told["PLAN_STEP"] == ("a neighbour of 0,0", "2,0") and told["PLAN_GOAL"] == ("2,0", "1,0")


def test_solution_only_has_no_trace_to_judge() -> None:
    maze, _ = solved_text("wilson", 7, 1, "compact")
    for name in ("beyond-semantics", "compact"):
        found = check(render(maze, None, solve(maze, DIALECTS["compact"]).plan, DIALECTS[name]), name)
        assert (found.parsed, found.trace_valid, found.plan_follows_trace) == (True, None, None)
        assert (found.plan_valid, found.plan_optimal, found.n_events) == (True, True, 0)


# -- plans -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("plan", "code", "valid"),
    [
        ("plan 0 0 plan 1 0 plan 2 0 plan 2 1 plan 2 2 plan 1 2", "PLAN_GOAL", False),
        ("plan 1 0 plan 2 0 plan 2 1 plan 2 2 plan 1 2 plan 0 2", "PLAN_START", False),
        ("plan 0 0 plan 0 1 plan 0 2", "PLAN_WALL", False),
        ("plan 0 0 plan 1 0 plan 2 1 plan 2 2 plan 1 2 plan 0 2", "PLAN_STEP", False),
        ("plan 0 0 create 1 0 goal 2 0", "PLAN_PARSE", False),
        ("plan 0 0 plan 1 0 plan 2 0 plan 3 0 plan 3 1 plan 2 1 plan 2 2 plan 1 2 plan 0 2", "PLAN_WALL", False),
        ("plan 0 0 plan 1 0 plan 0 0 plan 1 0 plan 2 0 plan 2 1 plan 2 2 plan 1 2 plan 0 2", "PLAN_SUBOPT", True),
        ("", "PLAN_PARSE", False),
    ],
)
def test_plans_are_judged_by_every_rule(plan: str, code: str, valid: bool) -> None:
    body = SMALL[: SMALL.index("plan")]
    found = check(body + plan, "searchformer", Strictness.PAPER, given={"rows": 3, "cols": 3})
    assert found.trace_valid is True and found.plan_valid is valid and found.plan_optimal is False
    assert code in found.counts


def test_a_plan_from_elsewhere_is_valid_and_not_the_traces_own() -> None:
    # Two ways round a block; the plan takes the one the trace did not find.
    maze = Maze(cols=3, rows=3, walls=((1, 1),), start=(0, 0), goal=(2, 2))
    dialect = DIALECTS["beyond-semantics"]
    found = solve(maze, dialect)
    other = tuple((y, x) for x, y in found.plan)
    assert other != found.plan
    verdict = check(render(maze, found.trace, other, dialect))
    assert (verdict.trace_valid, verdict.plan_valid, verdict.plan_optimal, verdict.plan_follows_trace) == (True, True, True, False)
    assert codes(verdict) == ["PLAN_NOT_PARENTS"]


# -- the compact dialect ----------------------------------------------------------------------------------------------------


@given(family=st.sampled_from(FAMILIES), side=st.integers(3, 12), index=st.integers(0, 2000))
def test_nothing_is_lost_in_the_compact_dialect(family: str, side: int, index: int) -> None:
    _, text = solved_text(family, side, index, "beyond-semantics")
    long, short = DIALECTS["beyond-semantics"], DIALECTS["compact"]
    compact = convert(FormalText(id="t", trace=text), long, short)
    assert convert(FormalText(id="t", trace=compact), short, long) == text
    assert len(compact.split()) < 0.75 * len(text.split())
    assert is_perfect(check(compact, "compact"))


def test_a_wrong_heuristic_cannot_be_written_compactly() -> None:
    _, text = solved_text("wilson", 5, 0, "beyond-semantics")
    words = text.split()
    words[words.index("close") + 4] = "c40"
    with pytest.raises(InvalidInput, match=r"h of .* is c40"):
        convert(FormalText(id="t", trace=" ".join(words)), DIALECTS["beyond-semantics"], DIALECTS["compact"])


# -- hostile text --------------------------------------------------------------------------------------------------------------

HOSTILE = [
    "",
    "\0" * 50,
    "query start ٣ ٤ goal 1 1 reasoning solution end",
    "query start 1_0 4 goal 1 1 reasoning solution end",
    "query start 01 4 goal 1 1 reasoning solution end",
    "query start +1 4 goal 1 1 reasoning solution end",
    "query start 1 4 goal 1 1 wall 1 4 reasoning solution end",
    "query start 1 4 goal 1 1 wall 2 2 wall 2 2 reasoning solution end",
    "query start 1 4 goal 1 1 reasoning close " + "9" * 50_000 + " 4 c0 c3 solution plan 1 4 end",
    "query start 1 4 goal 1 1 reasoning close 1 4 c" + "9" * 50_000 + " c3 solution plan 1 4 end",
    "query start 1 4 goal 1 1 reasoning close\u00a01 4 c0 c3 solution plan 1 4 end",
    "query start 1 4 goal 1 1 reasoning close 1 4 c0 c3 c3 solution plan 1 4 end",
    "reasoning solution end",
    "(" * 10_000,
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("dialect", sorted(DIALECTS))
def test_hostile_text_is_not_parsed(text: str, dialect: str) -> None:
    found = check(text, dialect, Strictness.STRICT)
    assert not found.parsed and "PARSE" in found.counts and not found.is_valid
    assert all(0 <= v.chars[0] <= v.chars[1] <= len(text) for v in found.violations)


PARTS = ["c", "w", " ", "0", "1", "3", "4", ",", "\0", "é", "٣", "plan ", "close ", "create ", "wall ", "reasoning ", "solution "]


@given(st.lists(st.sampled_from(PARTS), max_size=200))
def test_no_text_raises(parts: list[str]) -> None:
    text = "".join(parts)
    for dialect in DIALECTS:
        found = check(f"query start 0 0 goal 1 1 reasoning {text}", dialect)
        assert len(found.violations) == sum(found.counts.values())
        DOMAIN.draw(FormalText(id="t", trace=text), dialect)


@pytest.mark.slow
def test_time_grows_linearly_in_the_length_of_the_text() -> None:
    def seconds(n: int, unit: str) -> float:
        begun = time.process_time()
        found = check("query start 0 0 goal 1 1 reasoning " + unit * n, strictness=Strictness.TIES)
        assert found.trace_valid is False
        return time.process_time() - begun

    for unit in ("close 5 5 c9999 c0 ", "create 0 1 c1 c1 ", "plan ", "close ", "x ", "wall 3 3 "):
        small, large = min(seconds(1_000, unit) for _ in range(3)), seconds(20_000, unit)
        assert large < 20 * 5 * max(small, 1e-3), (unit, small, large)


def test_a_million_tokens() -> None:
    begun = time.process_time()
    assert not check("close " * 1_000_000).parsed
    assert time.process_time() - begun < 20


# -- generators ----------------------------------------------------------------------------------------------------------------


def test_mazes_are_the_same_everywhere() -> None:
    keys = [generate(family, 8, seed=1, index=4).layout_key()[:8] for family in FAMILIES]
    assert keys == GOLDEN_LAYOUTS


GOLDEN_LAYOUTS = ["c0c776a6", "97a11b2c", "b12a8cdf", "6a597606", "c8752a20"]


@pytest.mark.parametrize("family", FAMILIES)
def test_families_are_what_they_say(family: str) -> None:
    tests = 0
    for index in range(150):
        maze = generate(family, 9, seed=2, index=index)
        steps = distance(maze)
        assert steps is not None and maze.start != maze.goal
        free = 81 - len(maze.walls)
        if family in ("wilson", "kruskal", "dfs"):
            # A tree over 25 rooms: every room and 24 links are free.
            assert free == 49
        elif family == "drunkards-walk":
            assert free == 41
        else:
            assert 0.28 * 81 <= len(maze.walls) <= 0.52 * 81 and steps + 1 >= 9
        tests += split_of(maze) == "test"
    assert 3 <= tests <= 35


def test_the_split_is_by_walls_alone() -> None:
    maze = generate("wilson", 7, seed=1, index=1)
    free = [(x, y) for y in range(7) for x in range(7) if (x, y) not in maze.walls]
    others = {split_of(Maze(cols=7, rows=7, walls=maze.walls[::-1], start=free[0], goal=cell)) for cell in free[1:]}
    assert others == {split_of(maze)}


def test_refusals() -> None:
    with pytest.raises(UnknownName, match="did you mean wilson"):
        generate("wilsen", 7, seed=1, index=1)
    with pytest.raises(InvalidInput, match="at least 3"):
        generate("wilson", 2, seed=1, index=1)
    with pytest.raises(InvalidInput, match="expected the fields id and text"):
        DOMAIN.read({"id": "a", "txt": "b"}, "file:1")
    with pytest.raises(UnknownName, match="searchformer"):
        DOMAIN.dialect_named("searchformr")
    with pytest.raises(InvalidInput, match="no way"):
        solve(Maze(cols=3, rows=1, walls=((1, 0),), start=(0, 0), goal=(2, 0)), DIALECTS["compact"])


def test_drawing_follows_the_text() -> None:
    _, text = solved_text("searchformer", 6, 2, "beyond-semantics")
    drawing = DOMAIN.draw(FormalText(id="t", trace=text, given={"rows": 6, "cols": 6}), "beyond-semantics")
    assert drawing is not None and (drawing.rows, drawing.cols) == (6, 6)
    for step in drawing.steps:
        assert text[slice(*step.chars)] == f"{step.verb} {step.x} {step.y} c{step.g} c{step.h}"
    assert len(drawing.steps) == text.count("close") + text.count("create") and drawing.plan[0] == drawing.start
