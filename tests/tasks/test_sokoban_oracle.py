"""The belief replay against an oracle that keeps every possible history whole, with its own moves and its own heuristic."""

import random

import numpy as np
import pytest

from tests.tasks.sokoban_levels import random_level
from tests.tasks.sokoban_search import event_text, solve
from tokenworth.core.verification import FormalText, Strictness
from tokenworth.tasks.sokoban import belief
from tokenworth.tasks.sokoban.grammar import parse
from tokenworth.tasks.sokoban.verify import verify

DIALECT = "searchformer-nondeterministic"
STEPS = ((0, -1), (0, 1), (-1, 0), (1, 0))


class Oracle:
    """Worlds as whole dictionaries: (worker, boxes) -> (g, is open). Slow, and nothing is shared with the code under test."""

    def __init__(self, level, *, in_order=False):
        self.level, self.in_order = level, in_order
        self.walls, self.docks = set(level.walls), set(level.docks)

    def free(self, cell):
        return 0 <= cell[0] < self.level.cols and 0 <= cell[1] < self.level.rows and cell not in self.walls

    def h(self, boxes):
        loose, docks = boxes - self.docks, self.docks - boxes
        for x, y in loose:
            sideways = self.free((x - 1, y)) and self.free((x + 1, y))
            upright = self.free((x, y - 1)) and self.free((x, y + 1))
            if not sideways and not upright:
                return None
        return sum(min(abs(x - a) + abs(y - b) for a, b in docks) for x, y in loose)

    def children(self, state):
        (x, y), boxes = state
        for dx, dy in STEPS:
            to, past = (x + dx, y + dy), (x + 2 * dx, y + 2 * dy)
            moved = boxes
            if not self.free(to):
                continue
            if to in boxes:
                if not self.free(past) or past in boxes:
                    continue
                moved = boxes - {to} | {past}
            if self.h(moved) is not None:
                yield (to, moved)

    def shows(self, state, event):
        return state[0] == event.worker and state[1] - self.docks == frozenset(event.boxes)

    def fails_at(self, events):
        """The first event that no run of A* writes after those before; the number of events where one more is missing; None."""
        start = (self.level.worker, frozenset(self.level.boxes))
        first = events[0]
        if first.is_close or not self.shows(start, first) or (first.g, first.h) != (0, self.h(start[1])):
            return 0
        worlds = [({start: (0, True)}, None, 0, frozenset())]
        for place, event in enumerate(events[1:], 1):
            worlds = self.close(worlds, event) if event.is_close else self.create(worlds, event)
            if not worlds:
                return place
            if event.is_close and not event.boxes:
                return None if place == len(events) - 1 else place + 1
        return len(events)

    def close(self, worlds, event):
        after = {}
        for lists, _, _, due in worlds:
            if due:
                continue
            least = min((g + self.h(state[1]) for state, (g, is_open) in lists.items() if is_open), default=None)
            for state, (g, is_open) in lists.items():
                if not is_open or not self.shows(state, event) or (g, self.h(state[1])) != (event.g, event.h) or g + event.h != least:
                    continue
                changed = {**lists, state: (g, False)}
                found = frozenset(child for child in self.children(state) if child not in changed or changed[child][0] > g + 1)
                after[(frozenset(changed.items()), state)] = (changed, state, g, found)
        return list(after.values())

    def create(self, worlds, event):
        after = []
        for lists, parent, g, due in worlds:
            for child in due:
                if self.in_order and child != next(other for other in self.children(parent) if other in due):
                    continue
                if self.shows(child, event) and event.g == g + 1 and event.h == self.h(child[1]):
                    after.append(({**lists, child: (g + 1, True)}, parent, g, due - {child}))
        return after


def written(events):
    return " ".join(event_text(is_close=e.is_close, worker=e.worker, boxes=e.boxes, g=e.g, h=e.h) for e in events)


def changed(event, **fields):
    names = ("is_close", "worker", "boxes", "g", "h", "index", "first", "n_words", "chars")
    return type(event)(**{**{name: getattr(event, name) for name in names}, **fields})


def mutate(events, rng):
    """One change: a number, a step left out, written twice or moved, or the boxes or the costs of another event."""
    events = list(events)
    place, other = rng.randrange(len(events)), rng.randrange(len(events))
    kind = rng.choice(("g", "h", "drop", "double", "swap", "move", "boxes", "numbers", "worker", "verb"))
    event = events[place]
    if kind == "g":
        events[place] = changed(event, g=max(event.g + rng.choice((-2, -1, 1, 2)), 0))
    elif kind == "h":
        events[place] = changed(event, h=max(event.h + rng.choice((-2, -1, 1, 2)), 0))
    elif kind == "drop":
        del events[place]
    elif kind == "double":
        events.insert(place, event)
    elif kind == "swap" and place:
        events[place - 1], events[place] = events[place], events[place - 1]
    elif kind == "move":
        events.insert(other, events.pop(place))
    elif kind == "boxes":
        events[place] = changed(event, boxes=events[other].boxes)
    elif kind == "numbers":
        events[place] = changed(event, g=events[other].g, h=events[other].h)
    elif kind == "worker":
        events[place] = changed(event, worker=events[other].worker)
    else:
        events[place] = changed(event, is_close=not event.is_close)
    return events


def swap_expansions(events, rng):
    """Two whole expansions exchanged: often legal, as the order of equal f is free."""
    closes = [place for place, event in enumerate(events) if event.is_close]
    at = rng.randrange(1, len(closes) - 2)
    a, b, c = closes[at], closes[at + 1], closes[at + 2]
    return [*events[:a], *events[b:c], *events[a:b], *events[c:]]


def exchange_children(events, rng):
    """Two children of one expansion exchanged: legal where children are shuffled."""
    pairs = [place for place in range(1, len(events) - 1) if not (events[place].is_close or events[place + 1].is_close)]
    at = rng.choice(pairs)
    return [*events[:at], events[at + 1], events[at], *events[at + 2 :]]


def verdict(prompt, events, *, in_order=False):
    text = FormalText(id="", prompt=prompt, trace=written(events) + " plan 0 0")
    if in_order:
        return verify(text, dialect="searchformer", strictness=Strictness.TIES)
    return verify(text, dialect=DIALECT, strictness=Strictness.STRICT)


CASES = [(6, 2, 179), (6, 3, 67), (6, 3, 82), (6, 2, 186), (6, 3, 33), (6, 2, 3), (5, 1, 0)]


@pytest.mark.slow
@pytest.mark.parametrize(("side", "boxes", "seed"), CASES)
def test_verdict_is_that_of_the_oracle_on_edited_traces(side, boxes, seed):
    level = random_level(seed, cols=side, rows=side, boxes=boxes, walls=seed % 4)
    rng = random.Random(seed)
    seen = {True: 0, False: 0}
    run = solve(level, np.random.default_rng(seed))
    events = parse(FormalText(id="", prompt=run.prompt, trace=run.trace_text())).events
    oracle = Oracle(level)
    assert oracle.fails_at(events) is None and verdict(run.prompt, events).trace_valid
    for trial in range(40):
        edited = swap_expansions(events, rng) if trial % 2 and len(events) > 20 else mutate(events, rng)
        if edited == events or not edited:
            continue
        found = verdict(run.prompt, edited)
        place = oracle.fails_at(edited)
        seen[place is None] += 1
        assert found.trace_valid == (place is None), (trial, found.violations[:3])
        if place is not None:
            first = found.first_error
            assert first.tier.is_of_trace
            assert (len(edited) if first.event is None else first.event) == place, (trial, first)
    assert seen[False] > 5 and (boxes == 1 or seen[True] > 2), seen


@pytest.mark.slow
@pytest.mark.parametrize(("side", "boxes", "seed"), CASES)
def test_verdict_is_that_of_the_oracle_where_children_have_an_order(side, boxes, seed):
    level = random_level(seed, cols=side, rows=side, boxes=boxes, walls=seed % 4)
    rng = random.Random(seed)
    run = solve(level, None)
    events = parse(FormalText(id="", prompt=run.prompt, trace=run.trace_text())).events
    oracle = Oracle(level, in_order=True)
    assert oracle.fails_at(events) is None and verdict(run.prompt, events, in_order=True).trace_valid
    seen = {True: 0, False: 0, "CHILD_ORDER": 0}
    for trial in range(40):
        edit = (mutate, swap_expansions, exchange_children)[trial % 3 if len(events) > 20 else 0]
        edited = edit(events, rng)
        if trial % 6 == 5 and len(events) > 20:
            edited = swap_expansions(edited, rng)
        if edited == events or not edited:
            continue
        found = verdict(run.prompt, edited, in_order=True)
        place = oracle.fails_at(edited)
        seen[place is None] += 1
        assert found.trace_valid == (place is None), (trial, found.violations[:3])
        if place is not None:
            first = found.first_error
            assert (len(edited) if first.event is None else first.event) == place, (trial, first)
            seen["CHILD_ORDER"] += first.code == "CHILD_ORDER"
            assert Oracle(level).fails_at(edited) != place or first.code != "CHILD_ORDER"
    assert seen[False] > 5 and (boxes == 1 or (seen[True] > 2 and seen["CHILD_ORDER"] > 5)), seen


def test_real_traces_with_many_worlds_are_valid():
    level = random_level(19, cols=6, rows=6, boxes=3, walls=3)
    valid = 0
    for seed in range(12):
        run = solve(level, np.random.default_rng(seed))
        found = verify(FormalText(id="", prompt=run.prompt, trace=run.trace_text()), dialect=DIALECT, strictness=Strictness.STRICT)
        assert found.is_valid and found.plan_follows_trace
        valid += found.facts["ambiguous_closes"] > 0 and found.facts["most_worlds"] > 1
    assert valid >= 6


@pytest.mark.parametrize("bound", [{"MAX_WORLDS": 1}, {"MAX_ENTRIES": 1}, {"MAX_ALIKE": 1}])
def test_a_belief_that_is_given_up_raises_no_false_alarm(monkeypatch, bound):
    """What does not hang on the lists is still checked."""
    for name, value in bound.items():
        monkeypatch.setattr(belief, name, value)
    lost = 0
    for side, boxes, seed in CASES[:5]:
        run = solve(random_level(seed, cols=side, rows=side, boxes=boxes, walls=seed % 4), np.random.default_rng(seed))
        for depth in (Strictness.PAPER, Strictness.STRICT):
            found = verify(FormalText(id="", prompt=run.prompt, trace=run.trace_text()), dialect=DIALECT, strictness=depth)
            assert found.parsed and found.plan_optimal and not found.counts, found.violations[:2]
            is_lost = found.facts["belief_lost_at"] is not None
            assert (found.trace_valid, found.plan_follows_trace) == ((None, None) if is_lost else (True, True))
            lost += is_lost
        events = parse(FormalText(id="", prompt=run.prompt, trace=run.trace_text())).events
        spoilt = verdict(run.prompt, [*events[:-1], changed(events[-1], worker=(0, 0))])
        assert spoilt.counts["WALL"] == 1 and not spoilt.trace_valid
    assert lost >= 5
