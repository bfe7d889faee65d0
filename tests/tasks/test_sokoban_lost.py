"""Sokoban traces of which more worlds are possible than are kept: what is found wrong is wrong, and nothing is found right."""

import heapq
import random
from dataclasses import replace

import numpy as np
import pytest

from tests.tasks.sokoban_levels import random_level
from tests.tasks.sokoban_search import event_text, plan_text, prompt_text, solve
from tokenworth.core.verification import FormalText, Strictness
from tokenworth.methods.verify.table import state_of
from tokenworth.tasks.critics.formal import FormalCritic
from tokenworth.tasks.sokoban import belief
from tokenworth.tasks.sokoban.domain import DOMAIN
from tokenworth.tasks.sokoban.grammar import parse
from tokenworth.tasks.sokoban.instance import Board, level_of
from tokenworth.tasks.sokoban.verify import verify

DIALECT = "searchformer-nondeterministic"
BOUNDS = ("MAX_WORLDS", "MAX_ENTRIES", "MAX_ALIKE")


def check(prompt, trace, strictness=Strictness.STRICT, **given):
    return verify(FormalText(id="", prompt=prompt, trace=trace, **given), dialect=DIALECT, strictness=strictness)


def written(event):
    return event_text(is_close=event.is_close, worker=event.worker, boxes=event.boxes, g=event.g, h=event.h)


def runs(n):
    """Runs with docks enough that boxes on them can be taken for one another."""
    found = []
    seed = 0
    while len(found) < n:
        seed += 1
        run = solve(random_level(seed, cols=6, rows=6, boxes=2 + seed % 2, walls=seed % 3), np.random.default_rng(seed))
        if 40 < len(run.events) < 4000:
            found.append(run)
    return found


def crowded(seed):
    """A legal run, cut, on a level in which five boxes of six are docked among thirteen docks."""
    rng = random.Random(seed)
    walls = {(x, y) for x in range(9) for y in range(7) if x in (0, 8) or y in (0, 6)}
    docks = [(x, y) for x in (2, 3, 4, 5) for y in (2, 3, 4)] + [(7, 1)]
    level = level_of(worker=(1, 1), boxes=[*rng.sample(docks[:-1], 5), (7, 3)], docks=docks, walls=sorted(walls))
    board = Board(level)
    heap, costs, closed, words = [(board.h(board.start[1]), 0.0, 0, board.start)], {board.start: 0}, set(), []

    def say(is_close, state, g):
        boxes = [cell for cell in board.cells(state[1]) if cell not in docks]
        words.append(event_text(is_close=is_close, worker=board.cell(state[0]), boxes=boxes, g=g, h=board.h(state[1])))

    say(False, board.start, 0)
    while heap and len(words) < 1500:
        _, _, g, state = heapq.heappop(heap)
        if state in closed or costs[state] != g:
            continue
        closed.add(state)
        say(True, state, g)
        if not board.seen(state)[1]:
            break
        for child in board.children(state):
            if g + 1 < costs.get(child, 1 << 20):
                costs[child] = g + 1
                closed.discard(child)
                heapq.heappush(heap, (g + 1 + board.h(child[1]), rng.random(), g + 1, child))
                say(False, child, g + 1)
    return prompt_text(level), words


@pytest.mark.parametrize("level", [Strictness.PAPER, Strictness.STRICT])
@pytest.mark.parametrize("seed", range(4))
def test_crowded_runs_are_never_called_wrong(seed, level):
    prompt, words = crowded(seed)
    found = check(prompt, " ".join(words), level, is_cut=True)
    is_lost = found.facts["belief_lost_at"] is not None
    assert not found.counts and found.trace_valid is (None if is_lost else True) and found.facts["most_worlds"] > 16
    assert found.undecided is is_lost and found.is_valid is not is_lost and state_of(found)[0] == ("unparsed" if is_lost else "valid")


def test_garbage_after_the_belief_is_lost_is_not_valid():
    prompt, words = crowded(0)
    lost = check(prompt, " ".join(words), is_cut=True).facts["belief_lost_at"]
    assert lost is not None
    kept = words[: lost + 1]
    where = parse(FormalText(id="", prompt=prompt, trace=kept[-1])).events[0].worker
    far = [(7, 3)]
    close = event_text(is_close=True, worker=(1, 5), boxes=far, g=777, h=888)
    child = event_text(is_close=False, worker=(1, 4), boxes=far, g=1, h=2)
    goal = event_text(is_close=True, worker=(6, 5), boxes=[], g=12345, h=999)
    found = check(prompt, " ".join([*kept, close, child, child, goal, plan_text([(1, 1)])]))
    assert found.trace_valid is False and not found.is_valid and found.plan_follows_trace is None
    # (1, 4) is no child of the state that was closed out of order, either.
    assert {"WRONG_H", "WRONG_G", "DUP_CREATE", "NOT_OPEN"} <= set(found.counts) and found.facts["belief_lost_at"] == lost
    assert where != (6, 5)


@pytest.mark.slow
def test_no_critic_accepts_a_trace_that_could_not_be_followed(monkeypatch):
    n_lost = 0
    for run in runs(12):
        critics = [FormalCritic(domain=DOMAIN, prompt=run.prompt, dialect=DIALECT, with_trace=whole) for whole in (True, False)]
        with monkeypatch.context() as bounded:
            assert critics[0].check(run.trace_text()).accepted
            for bound in BOUNDS:
                bounded.setattr(belief, bound, 1)
            if check(run.prompt, run.trace_text()).undecided:
                n_lost += 1
                refused = critics[0].check(run.trace_text())
                assert not refused.accepted and "followed to its end" in refused.messages[-1]
                assert critics[1].check(run.trace_text()).accepted
    assert n_lost >= 3


@pytest.mark.slow
@pytest.mark.parametrize("bound", BOUNDS)
def test_runs_are_not_blamed_wherever_the_belief_is_lost(monkeypatch, bound):
    monkeypatch.setattr(belief, bound, 1)
    n_lost = 0
    for run in runs(25):
        for strictness in (Strictness.PAPER, Strictness.STRICT):
            found = check(run.prompt, run.trace_text(), strictness)
            is_lost = found.facts["belief_lost_at"] is not None
            n_lost += is_lost
            assert not found.counts and found.plan_valid and found.trace_valid is (None if is_lost else True), found.violations[:2]
    assert n_lost >= 10


def spoilt(events, at):
    """One event made wrong in a way that what it shows decides, with the codes that may be told."""
    event = events[at]
    if event.is_close:
        yield [*events[:at], replace(event, g=event.g + 900), *events[at + 1 :]], {"G_MISMATCH"}
        # Two states that show themselves so may be open: then a second close is not known to be wrong.
        yield [*events[:at], event, *events[at:]], set()
    else:
        yield [*events[:at], replace(event, g=event.g + 2), *events[at + 1 :]], {"WRONG_G", "REOPEN"}
        yield [*events[:at], event, *events[at:]], {"DUP_CREATE"}
        yield [*events[:at], replace(event, boxes=((1, 1), *event.boxes[1:])), *events[at + 1 :]], {"BAD_PUSH", "BOX_COUNT", "WALL"}
    yield [*events[:at], replace(event, h=event.h + 90), *events[at + 1 :]], {"WRONG_H"}


@pytest.mark.slow
def test_errors_after_the_loss_that_show_by_themselves_are_found(monkeypatch):
    monkeypatch.setattr(belief, "MAX_WORLDS", 1)
    n = 0
    for run in runs(12):
        trace = run.trace_text()
        lost = check(run.prompt, trace).facts["belief_lost_at"]
        events = parse(FormalText(id="", prompt=run.prompt, trace=trace)).events
        if lost is None or len(events) - lost < 12:
            continue
        for at in range(lost + 4, len(events) - 1, max((len(events) - lost) // 5, 1)):
            for changed, codes in spoilt(events, at):
                if changed[at].boxes[:1] == ((1, 1),) and events[at].boxes[:1] in (((1, 1),), ()):
                    continue
                found = check(run.prompt, " ".join(map(written, changed)), is_cut=True)
                assert found.trace_valid is not True
                if codes:
                    n += 1
                    assert found.trace_valid is False and codes & set(found.counts), (at, lost, codes, found.counts)
    assert n >= 30
