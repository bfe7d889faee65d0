"""Sokoban: the solver's traces are valid, each rule is caught by its code, and no plan passes that does not solve the level."""

from collections import deque

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.real_data import shared
from tests.tasks.sokoban_levels import boxoban_levels, level_from_rows, random_level
from tests.tasks.sokoban_search import event_text, plan_text, prompt_text, solve
from tokenworth.core.verification import FormalText, Strictness
from tokenworth.errors import InvalidInput
from tokenworth.tasks.sokoban.domain import DOMAIN
from tokenworth.tasks.sokoban.grammar import parse
from tokenworth.tasks.sokoban.instance import Board, level_of
from tokenworth.tasks.sokoban.plan import shortest
from tokenworth.tasks.sokoban.verify import verify

DIALECT = "searchformer-nondeterministic"
LEVELS = (Strictness.PAPER, Strictness.STRICT)


def check(prompt, trace, strictness=Strictness.STRICT, dialect=DIALECT, **given):
    return verify(FormalText(id="t", prompt=prompt, trace=trace, **given), dialect=dialect, strictness=strictness)


def clauses(trace):
    """The trace cut before each verb: the events, and the plan as one text."""
    body, _, plan = trace.partition(" plan ")
    events = body.replace(" create", "\ncreate").replace(" close", "\nclose").split("\n")
    return events, "plan " + plan


# -- real traces -----------------------------------------------------------------------------------------------------------

SMALL = [(5, 1, seed) for seed in range(80)] + [(6, 2, seed) for seed in range(120)] + [(7, 2, seed) for seed in (261, 285)]


@pytest.mark.slow
def test_no_false_alarm_on_solver_traces():
    reopened = ambiguous = n = 0
    for side, boxes, seed in SMALL:
        level = random_level(seed, cols=side, rows=side, boxes=boxes, walls=seed % 4)
        run = solve(level, np.random.default_rng(seed) if seed % 3 else None)
        for depth in LEVELS:
            found = check(run.prompt, run.trace_text(), depth)
            assert found.is_valid and found.parsed and not found.violations and not found.counts, (side, seed, depth, found.violations[:2])
            assert found.plan_valid and found.plan_optimal and found.plan_follows_trace
            assert found.n_events == len(run.events) and found.facts["belief_lost_at"] is None
        closes = [event.state for event in run.events if event.is_close]
        reopened += len(set(closes)) < len(closes)
        ambiguous += found.facts["ambiguous_closes"] > 0
        n += 1
    assert n >= 200 and reopened >= 2 and ambiguous >= 5


def test_boxoban_levels_with_four_boxes():
    levels = boxoban_levels(shared("sokoban", "boxoban-unfiltered-test-000-first300.txt").read_text(), "boxoban")
    assert len(levels) == 300
    assert all((level.cols, level.rows, len(level.boxes), len(level.docks)) == (10, 10, 4, 4) for level in levels)
    worlds = 0
    for number in (10, 14, 35):
        run = solve(levels[number], np.random.default_rng(number), max_closed=12_000)
        found = check(run.prompt, run.trace_text())
        assert found.is_valid and not found.counts and found.plan_follows_trace and found.facts["belief_lost_at"] is None
        worlds = max(worlds, found.facts["most_worlds"])
    assert worlds > 1


ONE_PUSH = level_from_rows(["#####", "#@$.#", "#####"], "one push")


def test_one_push_example_verbatim():
    """The smallest level of the SearchFormer tests: a box that is docked is no longer written."""
    trace = (
        "create worker 1 1 box 2 1 c0 c1 close worker 1 1 box 2 1 c0 c1 create worker 2 1 c1 c0 close worker 2 1 c1 c0 plan 1 1 plan 2 1"
    )
    prompt = prompt_text(ONE_PUSH)
    assert prompt.startswith("worker 1 1 box 2 1 dock 3 1 wall 0 0 wall 0 1 wall 0 2 wall 1 0 wall 1 2")
    assert solve(ONE_PUSH, None).trace_text() == trace
    for body in (f"{prompt} {trace}", f"bos {prompt} eos bos {trace} eos", f"{prompt}\n{trace}\n"):
        found = check("", body)
        assert found.is_valid and found.plan_optimal and found.plan_follows_trace and found.n_events == 4


# -- one edit, one code ------------------------------------------------------------------------------------------------------

ROWS = ["#######", "#.    #", "# $ $ #", "#  @  #", "#    .#", "#     #", "#######"]
LEVEL = level_from_rows(ROWS, "two boxes")
RUN = solve(LEVEL, None)
TRACE = RUN.trace_text()
EVENTS, PLAN = clauses(TRACE)
BOARD = Board(LEVEL)


def text_of(event, *, is_close=None, worker=None, boxes=None, g=None, h=None):
    shown = BOARD.cells(BOARD.seen(event.state)[1]) if boxes is None else boxes
    return event_text(
        is_close=event.is_close if is_close is None else is_close,
        worker=BOARD.cell(event.state[0]) if worker is None else worker,
        boxes=shown,
        g=event.g if g is None else g,
        h=event.h if h is None else h,
    )


def at(place, text):
    return [*EVENTS[:place], text, *EVENTS[place + 1 :]]


def between(place, text):
    return [*EVENTS[:place], text, *EVENTS[place:]]


# Events 0 and 1 create and close the start at 3 3; the worker can go left, right and down, and up between the boxes.
CHILD = RUN.events[2]
LAST = len(EVENTS) - 1
A_CLOSE = next(i for i in range(3, LAST) if RUN.events[i].is_close)
NEVER_CLOSED = next(
    i for i, e in enumerate(RUN.events) if not e.is_close and not any(o.is_close and o.state == e.state for o in RUN.events)
)
BACK = RUN.events[A_CLOSE]


def far_open():
    """The first place before which a state is open whose f is not the least, and that state."""
    for i in range(3, LAST):
        opened = {e.state: e for e in RUN.events[:i] if not e.is_close}
        for event in RUN.events[:i]:
            if event.is_close:
                opened.pop(event.state, None)
        most = max(opened.values(), key=lambda e: e.g + e.h)
        if RUN.events[i].is_close and most.g + most.h > RUN.events[i].g + RUN.events[i].h:
            return i, most
    raise AssertionError


FAR, FAR_OPEN = far_open()


def mutations():
    """(name, code, event of the first error, strictness that must see it, events)."""
    x, y = BOARD.cell(CHILD.state[0])
    start = RUN.events[0]
    yield "clause cut", "PARSE", 2, Strictness.PAPER, at(2, EVENTS[2].rsplit(" ", 1)[0])
    yield "leading zero", "PARSE", 2, Strictness.PAPER, at(2, EVENTS[2].replace(" c1 ", " c01 "))
    yield "sign", "PARSE", 2, Strictness.PAPER, at(2, EVENTS[2].replace("worker ", "worker +"))
    yield "other digits", "PARSE", 2, Strictness.PAPER, at(2, EVENTS[2].replace("worker 3", "worker ٣"))
    yield "outside", "OOB", 2, Strictness.PAPER, at(2, text_of(CHILD, worker=(7, 3)))
    yield "far outside", "OOB", 2, Strictness.PAPER, at(2, text_of(CHILD, worker=(999, 999)))
    yield "box outside", "OOB", 2, Strictness.PAPER, at(2, text_of(CHILD, boxes=[(2, 2), (99, 2)]))
    yield "in a wall", "WALL", 2, Strictness.PAPER, at(2, text_of(CHILD, worker=(0, 3)))
    yield "box in a wall", "WALL", 2, Strictness.PAPER, at(2, text_of(CHILD, boxes=[(2, 2), (4, 0)]))
    yield "not beside", "NOT_ADJ", 2, Strictness.PAPER, at(2, text_of(CHILD, worker=(5, 5)))
    yield "in place", "NOT_ADJ", 2, Strictness.PAPER, at(2, text_of(CHILD, worker=(3, 3)))
    yield "box moved by itself", "BAD_PUSH", 2, Strictness.PAPER, at(2, text_of(CHILD, boxes=[(2, 2), (4, 3)]))
    yield "box left behind", "BAD_PUSH", 2, Strictness.PAPER, at(2, text_of(CHILD, boxes=[(2, 3), (4, 2)]))
    yield "box lost", "BAD_PUSH", 2, Strictness.PAPER, at(2, text_of(CHILD, boxes=[(2, 2)]))
    yield "both boxes lost", "BOX_COUNT", 2, Strictness.PAPER, at(2, text_of(CHILD, boxes=[]))
    yield "box more", "BOX_COUNT", 2, Strictness.PAPER, at(2, text_of(CHILD, boxes=[(2, 2), (4, 2), (5, 5)]))
    yield "box twice", "BOX_COUNT", 2, Strictness.PAPER, at(2, text_of(CHILD, boxes=[(2, 2), (2, 2)]))
    yield "docked box written", "BOX_COUNT", 2, Strictness.PAPER, at(2, text_of(CHILD, boxes=[(2, 2), (1, 1)]))
    yield "under the worker", "BOX_COUNT", 2, Strictness.PAPER, at(2, text_of(CHILD, boxes=[(2, 2), (x, y)]))
    yield "start not closed", "NO_EXPANSION", 1, Strictness.STRICT, [EVENTS[0], *EVENTS[2:]]
    yield "start not created", "NOT_OPEN", 0, Strictness.PAPER, EVENTS[1:]
    yield "start elsewhere", "NO_EXPANSION", 0, Strictness.STRICT, at(0, text_of(start, worker=(3, 4)))
    yield "start h", "WRONG_H", 0, Strictness.STRICT, at(0, text_of(start, h=start.h + 1))
    yield "start g", "WRONG_G", 0, Strictness.STRICT, at(0, text_of(start, g=1))
    yield "h", "WRONG_H", 2, Strictness.STRICT, at(2, text_of(CHILD, h=CHILD.h + 1))
    yield "g", "WRONG_G", 2, Strictness.STRICT, at(2, text_of(CHILD, g=CHILD.g + 1))
    yield "h of a close", "WRONG_H", A_CLOSE, Strictness.STRICT, at(A_CLOSE, text_of(BACK, h=BACK.h + 1))
    yield "g of a close", "G_MISMATCH", A_CLOSE, Strictness.STRICT, at(A_CLOSE, text_of(BACK, g=BACK.g + 1))
    yield "never created", "NOT_OPEN", A_CLOSE, Strictness.PAPER, between(A_CLOSE, "close worker 5 5 box 2 2 box 4 2 c4 c6")
    yield "closed in a wall", "WALL", A_CLOSE, Strictness.PAPER, between(A_CLOSE, "close worker 0 5 box 2 2 box 4 2 c4 c6")
    yield "closed again", "CLOSED_AGAIN", A_CLOSE, Strictness.PAPER, between(A_CLOSE, EVENTS[1])
    yield "created twice", "DUP_CREATE", 3, Strictness.STRICT, between(3, EVENTS[2])
    back = text_of(start, is_close=False, g=BACK.g + 1)
    yield "reopened at more", "REOPEN", A_CLOSE + 1, Strictness.STRICT, between(A_CLOSE + 1, back)
    yield "not the least f", "NOT_MIN_F", FAR, Strictness.PAPER, between(FAR, text_of(FAR_OPEN, is_close=True))
    later = next(i for i in range(NEVER_CLOSED, LAST + 1) if RUN.events[i].is_close) - 1
    yield "child left out", "MISSING_CHILD", later, Strictness.STRICT, [*EVENTS[:NEVER_CLOSED], *EVENTS[NEVER_CLOSED + 1 :]]
    yield "after the goal", "AFTER_GOAL", LAST + 1, Strictness.STRICT, [*EVENTS, EVENTS[2]]
    yield "no goal", "GOAL_NOT_CLOSED", None, Strictness.PAPER, EVENTS[:-1]


def test_the_edited_trace_is_valid_before_the_edit():
    assert check(RUN.prompt, TRACE).is_valid


@pytest.mark.parametrize(("name", "code", "event", "level", "events"), [pytest.param(*case, id=case[0]) for case in mutations()])
def test_each_rule_has_its_code(name, code, event, level, events):
    trace = " ".join([*events, PLAN])
    for depth in LEVELS:
        found = check(RUN.prompt, trace, depth)
        assert found.plan_valid and found.plan_optimal, name
        if depth is Strictness.PAPER and level is Strictness.STRICT:
            assert code not in found.counts
            continue
        assert found.trace_valid is False and found.counts[code] >= 1, found.counts
        first = found.first_error
        assert (first.code, first.event) == (code, event)
        assert trace[slice(*first.chars)].split() == trace.split()[slice(*first.tokens)]
        assert first.tier is DOMAIN.codes[code] and first.expected


def test_every_code_of_the_trace_has_a_mutation():
    seen = {case[1] for case in mutations()} | {"PLAN_NOT_PARENTS", "CHILD_ORDER"}
    assert {code for code, tier in DOMAIN.codes.items() if tier.is_of_trace or code == "PLAN_NOT_PARENTS"} == seen


def test_paper_takes_written_numbers_as_they_are():
    """A trace whose every h is one too large has the order of the real one: valid on paper, each number wrong when checked."""
    trace = " ".join([*(text_of(event, h=event.h + 1) for event in RUN.events), PLAN])
    assert check(RUN.prompt, trace, Strictness.PAPER).trace_valid
    found = check(RUN.prompt, trace)
    assert found.counts == {"WRONG_H": len(EVENTS)}


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_paper_reports_no_trace_that_is_valid_when_checked_strictly(data):
    place = data.draw(st.integers(0, LAST))
    other = data.draw(st.integers(0, LAST))
    events = list(EVENTS)
    events[place], events[other] = events[other], events[place]
    trace = " ".join([*events, PLAN])
    strict, paper = check(RUN.prompt, trace), check(RUN.prompt, trace, Strictness.PAPER)
    assert paper.trace_valid or not strict.trace_valid
    assert set(paper.counts) <= set(DOMAIN.codes)
    assert (events == EVENTS) <= bool(strict.trace_valid)


def test_order_of_children_and_of_boxes_is_free():
    first = range(2, A_CLOSE)
    events = list(EVENTS)
    for i, j in zip(first, reversed(first), strict=True):
        events[i] = EVENTS[j]
    assert check(RUN.prompt, " ".join([*events, PLAN])).is_valid
    flipped = [event.replace("box 2 2 box 4 2", "box 4 2 box 2 2") for event in EVENTS]
    assert flipped != EVENTS and check(RUN.prompt, " ".join([*flipped, PLAN])).is_valid


# -- the order of children -------------------------------------------------------------------------------------------------------


def ordered(trace, strictness=Strictness.TIES, prompt=RUN.prompt):
    return check(prompt, trace, strictness, "searchformer")


@pytest.mark.slow
def test_the_deterministic_solver_is_valid_in_its_order():
    n = 0
    for side, boxes, seed in [*SMALL[:20], *SMALL[80:110]]:
        level = random_level(seed, cols=side, rows=side, boxes=boxes, walls=seed % 4)
        run = solve(level, None)
        found = ordered(run.trace_text(), prompt=run.prompt)
        assert found.is_valid and not found.counts and found.strictness is Strictness.TIES
        assert found.facts["not_checked"] == "order of open states of equal f"
        assert "not_checked" not in ordered(run.trace_text(), Strictness.STRICT, run.prompt).facts
        shuffled = solve(level, np.random.default_rng(seed))
        found = ordered(shuffled.trace_text(), prompt=shuffled.prompt)
        assert set(found.counts) <= {"CHILD_ORDER"} and found.plan_follows_trace
        # The children of a state by the way the worker went; the search's own states tell it, the verifier sees boxes off the docks.
        place, last, board = None, None, Board(level)
        for index, event in enumerate(shuffled.events):
            x, y = board.cell(event.state[0])
            if event.is_close:
                last, before = (x, y), -1
            elif last is not None:
                way = ((0, -1), (0, 1), (-1, 0), (1, 0)).index((x - last[0], y - last[1]))
                place = index if place is None and way < before else place
                before = max(before, way)
        # A child too late is a child too early before it: the first error is no later.
        assert (place is None) == found.trace_valid
        first = found.first_error
        assert place is None or (first.code == "CHILD_ORDER" and first.event < place)
        n += place is not None
    assert n > 30


@pytest.mark.slow
def test_children_in_another_order_are_one_error():
    """All the other way round, the first one put last, the last one put first: told once, at the first that is too early."""
    closes = [place for place, event in enumerate(RUN.events) if event.is_close]
    wide = [(begun, end) for begun, end in zip(closes, closes[1:], strict=False) if end - begun > 2]
    for begun, end in wide[:: max(len(wide) // 3, 1)]:
        children = EVENTS[begun + 1 : end]
        for order in (children[::-1], [*children[1:], children[0]], [children[-1], *children[:-1]]):
            trace = " ".join([*EVENTS[: begun + 1], *order, *EVENTS[end:], PLAN])
            found = ordered(trace)
            assert found.counts == {"CHILD_ORDER": 1} and found.trace_valid is False
            assert (found.first_error.event, found.first_error.tier) == (begun + 1, DOMAIN.codes["CHILD_ORDER"])
            assert "up, down, left, right" in found.first_error.expected and "worker" in found.first_error.got
            assert ordered(trace, Strictness.STRICT).is_valid and check(RUN.prompt, trace).is_valid
    assert len(wide) > 10


@pytest.mark.slow
def test_order_adds_to_what_strict_reports():
    for case in list(mutations())[::3]:
        trace = " ".join([*case[4], PLAN])
        strict, ties = ordered(trace, Strictness.STRICT), ordered(trace)
        rest = [one for one in ties.violations if one.code != "CHILD_ORDER"]
        assert rest == list(strict.violations), case[0]


# -- plans -------------------------------------------------------------------------------------------------------------------


def plan_codes(plan, level=LEVEL):
    found = check(prompt_text(level), plan_text(plan))
    assert found.trace_valid is None and found.plan_follows_trace is None and found.parsed
    return found.plan_valid, found.plan_optimal, set(found.counts)


def test_plan_translated_by_two_cells_is_rejected():
    assert plan_codes(RUN.plan) == (True, True, set())
    valid, _, codes = plan_codes([(x + 2, y + 2) for x, y in RUN.plan])
    assert not valid and "PLAN_START" in codes


def test_walk_through_the_outer_wall_is_rejected():
    rows = ["#####", "#@$.#", "#####"]
    around = [(1, 1), (0, 1), (1, 1), (2, 1)]
    assert plan_codes(around, level_from_rows(rows, "")) == (False, False, {"PLAN_WALL"})
    outside = [(1, 1), (1, 0), (1, 999), (1, 0), (1, 1), (2, 1)]
    assert plan_codes(outside, level_from_rows(rows, ""))[2] == {"PLAN_WALL", "PLAN_STEP"}


@pytest.mark.parametrize(
    ("rows", "plan", "codes"),
    [
        (["######", "#@$. #", "######"], [(1, 1), (2, 1)], set()),
        (["######", "#@$. #", "######"], [(1, 1)], {"PLAN_GOAL"}),
        (["######", "#@$. #", "######"], [(1, 1), (1, 1), (2, 1)], {"PLAN_STEP"}),
        (["######", "#@$. #", "######"], [(1, 1), (3, 1)], {"PLAN_STEP", "PLAN_GOAL"}),
        (["######", "#@$. #", "######"], [(1, 1), (2, 1), (3, 1)], {"PLAN_GOAL"}),
        (["######", "#@$. #", "######"], [(1, 1), (2, 1), (3, 1), (4, 1)], {"PLAN_PUSH", "PLAN_GOAL"}),
        (["#######", "#@$$..#", "#######"], [(1, 1), (2, 1)], {"PLAN_PUSH", "PLAN_GOAL"}),
        (["######", "# @$.#", "######"], [(2, 1), (1, 1), (2, 1), (3, 1)], {"PLAN_SUBOPT"}),
        (["######", "# @$.#", "######"], [(1, 1), (2, 1), (3, 1)], {"PLAN_START"}),
    ],
)
def test_plan_rules(rows, plan, codes):
    valid, optimal, found = plan_codes(plan, level_from_rows(rows, ""))
    assert found == codes
    assert valid == (codes <= {"PLAN_SUBOPT"}) and optimal == (not codes)


def test_plan_with_other_words_among_it_is_rejected():
    """The released checker accepts a solution with trace clauses inside the plan."""
    trace = "plan 1 1 create worker 1 1 box 2 1 c0 c1 plan 2 1"
    found = check(prompt_text(ONE_PUSH), trace)
    assert not found.parsed and found.plan_valid is False and found.counts == {"PLAN_PARSE": 1}
    assert check(prompt_text(ONE_PUSH), "plan 1 1 plan 2").counts["PLAN_PARSE"] == 1
    assert check(prompt_text(ONE_PUSH), " ".join(clauses(solve(ONE_PUSH, None).trace_text())[0])).counts == {"PLAN_PARSE": 1}


def test_plan_that_is_not_the_one_found():
    """Optimal plans that differ from the chain of parents: the trace stays valid, the link does not."""
    other = next(run for seed in range(50) if (run := solve(LEVEL, np.random.default_rng(seed))).plan != RUN.plan)
    found = check(RUN.prompt, " ".join([*EVENTS, plan_text(other.plan)]))
    assert found.trace_valid and found.plan_optimal and found.plan_follows_trace is False
    assert found.counts == {"PLAN_NOT_PARENTS": 1} and found.first_error.tokens[1] == len(TRACE.split())


def test_link_is_told_of_invalid_traces_too():
    """The plan through a wall, read off a trace that walks through it, follows that trace."""
    trace = (
        "create worker 1 1 box 2 1 c0 c1 close worker 1 1 box 2 1 c0 c1 create worker 1 0 box 2 1 c1 c1 create worker 2 1 c1 c0 "
        "close worker 1 0 box 2 1 c1 c1 create worker 2 0 box 2 1 c2 c1 close worker 2 1 c1 c0 "
    )
    prompt = prompt_text(ONE_PUSH)
    assert check(prompt, trace + "plan 1 1 plan 2 1").plan_follows_trace
    wall = trace.replace("close worker 2 1 c1 c0 ", "close worker 2 0 box 2 1 c2 c1 create worker 2 1 c3 c0 close worker 2 1 c1 c0 ")
    assert check(prompt, wall + "plan 1 1 plan 1 0 plan 2 0 plan 2 1").plan_follows_trace is True
    assert check(prompt, trace + "plan 1 1 plan 1 0 plan 2 1").plan_follows_trace is False


def brute_force(level):
    """Length of a shortest plan, by breadth-first search with moves of its own."""
    walls, docks = set(level.walls), set(level.docks)
    start = (level.worker, frozenset(level.boxes))
    steps, queue = {start: 0}, deque([start])
    while queue:
        state = queue.popleft()
        (x, y), boxes = state
        if boxes <= docks:
            return steps[state]
        for dx, dy in ((0, 1), (1, 0), (0, -1), (-1, 0)):
            to, past, moved = (x + dx, y + dy), (x + 2 * dx, y + 2 * dy), boxes
            if to in walls:
                continue
            if to in boxes:
                if past in walls or past in boxes:
                    continue
                moved = boxes - {to} | {past}
            if (to, moved) not in steps:
                steps[to, moved] = steps[state] + 1
                queue.append((to, moved))
    return None


@pytest.mark.parametrize("seed", range(25))
def test_shortest_plan_is_that_of_brute_force(seed):
    level = random_level(seed, cols=6, rows=6, boxes=1 + seed % 3, walls=seed % 4)
    length = brute_force(level)
    assert shortest(level) == (length, length)
    assert len(solve(level, np.random.default_rng(seed)).plan) - 1 == length


def test_optimality_is_unknown_where_the_limit_is_hit():
    level = random_level(0, cols=7, rows=7, boxes=2, walls=2)
    steps, bound = shortest(level, 20)
    assert steps is None and bound <= shortest(level)[0]
    unsolvable = level_from_rows(["#####", "#$ .#", "# @ #", "#####"], "")
    assert shortest(unsolvable)[0] is None and solve(unsolvable, None) is None


# -- levels, records, drawings -----------------------------------------------------------------------------------------------


def test_levels_are_the_same_for_a_seed():
    level = random_level(7, cols=6, rows=6, boxes=2, walls=2)
    assert level == random_level(7, cols=6, rows=6, boxes=2, walls=2) != random_level(8, cols=6, rows=6, boxes=2, walls=2)
    assert prompt_text(random_level(0, cols=5, rows=5, boxes=1, walls=0)).startswith("worker 3 1 box 2 2 dock 1 2 wall 0 0"), "seeds moved"
    with pytest.raises(InvalidInput, match="ask for fewer"):
        random_level(0, cols=5, rows=5, boxes=2, walls=0)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), boxes=st.integers(1, 2))
def test_text_is_read_as_it_was_written(seed, boxes):
    level = random_level(seed, cols=6, rows=5 + boxes, boxes=boxes, walls=seed % 3)
    run = solve(level, np.random.default_rng(seed))
    parsed = parse(FormalText(id="", trace=f"{run.prompt} {run.trace_text()}"))
    read = parsed.level
    assert not parsed.flaws and (read.cols, read.rows, read.worker) == (level.cols, level.rows, level.worker)
    assert set(read.boxes) == set(level.boxes) and set(read.docks) == set(level.docks) and set(read.walls) == set(level.walls)
    board = Board(level)
    for event, wrote in zip(parsed.events, run.events, strict=True):
        assert (event.is_close, event.g, event.h, event.worker) == (wrote.is_close, wrote.g, wrote.h, board.cell(wrote.state[0]))
        assert set(event.boxes) == set(board.cells(board.seen(wrote.state)[1]))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["####", "#$.#", "####"], "0 workers"),
        (["#####", "#@ .#", "#####"], "0 boxes"),
        (["######", "#@$$.#", "######"], "2 boxes and 1 docks"),
        (["#####", "#@$x#", "#####"], "'x' in row 1"),
        (["####  ", "#@$#. ", "####  "], "outside"),
    ],
)
def test_levels_that_are_none(rows, message):
    with pytest.raises(InvalidInput, match=message):
        level_from_rows(rows, "file 3")


def test_level_cells_are_checked():
    ring = [(x, y) for y in range(4) for x in range(5) if x in (0, 4) or y in (0, 3)]
    level_of(worker=(1, 1), boxes=[(2, 1)], docks=[(3, 1)], walls=ring)
    for worker, boxes, docks in (((0, 0), [(2, 1)], [(3, 1)]), ((2, 1), [(2, 1)], [(3, 1)]), ((1, 1), [(2, 1)] * 2, [(3, 1), (3, 2)])):
        with pytest.raises(InvalidInput):
            level_of(worker=worker, boxes=boxes, docks=docks, walls=ring)
    with pytest.raises(InvalidInput, match="Boxoban"):
        boxoban_levels("####\n", "file")


def test_box_on_a_dock_at_the_start():
    """It is not written in any event, and can be moved off."""
    run = solve(level_from_rows(["#######", "#@ *  #", "#  $ .#", "#     #", "#######"], ""), np.random.default_rng(0))
    found = check(run.prompt, run.trace_text())
    assert found.is_valid and found.plan_optimal and found.plan_follows_trace
    assert found.n_events == len(run.events) and "close worker 1 1 box 3 2 c" in run.trace_text()


def test_records_and_their_faults():
    text = DOMAIN.read({"id": 3, "text": "worker"}, "line 1")
    assert (text.id, text.trace, text.prompt, text.is_cut) == ("3", "worker", "", False)
    text = DOMAIN.read({"id": "a", "prompt": "p", "trace": "t u", "truncated": True}, "line 1")
    assert (text.prompt, text.trace, text.is_cut) == ("p", "t ", True), "the last word may be half of one"
    for record in ({}, {"text": 3}, {"trace": "x"}, {"prompt": 1, "trace": "x"}, {"text": None}):
        with pytest.raises(InvalidInput, match="line 9"):
            DOMAIN.read(record, "line 9")
    assert DOMAIN.dialect_named(None) == DIALECT and DOMAIN.dialects[DIALECT] == LEVELS
    assert DOMAIN.dialects["searchformer"] == (*LEVELS, Strictness.TIES)
    assert check(RUN.prompt, TRACE, Strictness.TIES).strictness is Strictness.STRICT


def test_drawing_has_every_event():
    drawing = DOMAIN.draw(FormalText(id="", prompt=RUN.prompt, trace=TRACE), DIALECT)
    assert (drawing.cols, drawing.rows, drawing.start) == (7, 7, (3, 3)) and set(drawing.goals) == {(1, 1), (5, 4)}
    assert set(drawing.boxes) == {(2, 2), (4, 2)} and len(drawing.steps) == len(EVENTS) and drawing.plan == RUN.plan
    assert [TRACE[slice(*step.chars)] for step in drawing.steps] == EVENTS
    assert drawing.steps[0].boxes == ((2, 2), (4, 2)) and drawing.steps[-1].boxes == ()
    assert DOMAIN.draw(FormalText(id="", trace="nothing"), DIALECT) is None
