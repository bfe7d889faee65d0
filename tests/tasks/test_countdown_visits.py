"""Countdown: a search that comes back to a node explores more of it, and none gives up before it has tried."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.tasks.countdown_search import Solver, random_puzzle, write_search
from tokenworth.core.verification import FormalText, Strictness, Verification
from tokenworth.tasks.countdown.domain import DOMAIN

ROOT = "Current State: 24:[4, 6], Operations: []\n"
PROMPT = "Make 24 with the numbers [4, 6]."


def check(trace: str, strictness: Strictness = Strictness.STRICT, prompt: str = "", *, is_cut: bool = False) -> Verification:
    text = FormalText(id="x", trace=trace, prompt=prompt, is_cut=is_cut)
    return DOMAIN.verify(text, dialect="stream-of-search", strictness=strictness)


def of_trace(found: Verification) -> dict[str, int]:
    """The counts of what is wrong with the trace; none of these searches has an answer."""
    return {code: n for code, n in found.counts.items() if DOMAIN.codes[code].is_of_trace}


def leaf(text: str, result: int) -> str:
    return f"Exploring Operation: {text}={result}, Resulting Numbers: [{result}]\n{result},24 unequal: No Solution\n"


def visit(text: str, result: int) -> str:
    return f"Moving to Node #0,0\nCurrent State: 24:[{result}], Operations: ['{text}={result}']\n"


DIFFERENCE, SUM = leaf("6-4", 2), leaf("4+6", 10)
IDLE = {
    "nothing explored": (ROOT + "No solution found.", {"EARLY_END": 1}, 1),
    "a final state not visited": (ROOT + DIFFERENCE + "No solution found.", {"EARLY_END": 1}, 3),
    "one of two final states not visited": (ROOT + DIFFERENCE + SUM + visit("6-4", 2) + "No solution found.", {"EARLY_END": 1}, 7),
    "to where it is": (ROOT + f"Moving to Node #0\n{ROOT}" + DIFFERENCE, {"ORDER": 1}, 1),
    "to where it is, again and again": (ROOT + f"Moving to Node #0\n{ROOT}" * 3, {"ORDER": 3, "NO_CONCLUSION": 1}, 1),
    "back for nothing": (ROOT + DIFFERENCE + f"Moving to Node #0\n{ROOT}", {"NO_CONCLUSION": 1}, 4),
    "back for nothing, then given up": (ROOT + DIFFERENCE + f"Moving to Node #0\n{ROOT}No solution found.", {"ORDER": 1}, 5),
    "back for nothing, then on": (ROOT + DIFFERENCE + f"Moving to Node #0\n{ROOT}" + visit("6-4", 2), {"ORDER": 1}, 5),
    "a final state twice": (ROOT + DIFFERENCE + visit("6-4", 2) * 2 + "No solution found.", {"ORDER": 2}, 5),
}


@pytest.mark.parametrize("name", list(IDLE))
def test_idle_searches_are_told(name: str) -> None:
    trace, counts, event = IDLE[name]
    found = check(trace)
    assert found.parsed and found.trace_valid is False and not found.is_valid and of_trace(found) == counts, found.violations
    assert found.first_error is not None and found.first_error.event == event
    # The prompt may hold the puzzle or the first state, and stricter levels report no less.
    assert of_trace(check(trace, prompt=PROMPT)) == counts
    assert of_trace(check(trace.removeprefix(ROOT), prompt=ROOT)) == counts
    assert counts.items() <= check(trace, Strictness.TIES).counts.items()
    assert not of_trace(check(trace, Strictness.PAPER))


def test_work_is_no_idleness() -> None:
    both = ROOT + DIFFERENCE + SUM
    for trace in (
        both + visit("6-4", 2) + visit("4+6", 10) + "No solution found.",
        both + visit("4+6", 10) + visit("6-4", 2) + "No solution found.",
        ROOT + DIFFERENCE + visit("6-4", 2) + "No solution found.",
        ROOT + DIFFERENCE + f"Moving to Node #0\n{ROOT}" + SUM,
    ):
        assert not of_trace(check(trace)) and check(trace).trace_valid
    # A puzzle of one number leaves nothing to explore.
    assert not of_trace(check("Current State: 24:[7], Operations: []\nNo solution found."))
    # Where a text was cut nothing is known of what came next.
    assert not check(ROOT + DIFFERENCE + f"Moving to Node #0\n{ROOT}", is_cut=True).counts
    # A line that cannot be read may be the work; it is one slip.
    assert set(of_trace(check(ROOT + f"Exploring: 6-4=2\nMoving to Node #0\n{ROOT}" + SUM))) == {"PARSE"}


def _searches(seed: int, beam: int) -> list[str]:
    rng = np.random.default_rng(seed)
    trace = write_search(random_puzzle(rng, 3, high=12), Solver(heuristic="sum", beam=beam), rng)
    assume(len(trace) < 20_000)
    return [line for line in trace.split("\n") if line]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 5), st.data())
def test_an_idle_return_in_a_whole_search_is_told(seed: int, beam: int, data: st.DataObject) -> None:
    lines = _searches(seed, beam)
    states = [at for at, line in enumerate(lines) if line.startswith("Moving to Node") or (at and "No solution found" in line)]
    assume(states)
    at = data.draw(st.sampled_from(states))
    root = lines[0]
    # A detour to the root, where nothing is done.
    detour = [*lines[:at], "Moving to Node #0", root, *lines[at:]]
    found = check("\n".join(detour) + "\n")
    assert found.counts["ORDER"] >= 1 and found.trace_valid is False
    # Where the line that was due moves to the root itself, the detour's own move is the idle one.
    assert found.first_error is not None and found.first_error.code == "ORDER" and found.first_error.event in (at, at + 2)
    assert not of_trace(check("\n".join(lines) + "\n"))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.data())
def test_giving_up_too_early_is_told(seed: int, beam: int, data: st.DataObject) -> None:
    lines = _searches(seed, beam)
    assume(lines[-1] == "No solution found.")
    visits = [at for at, line in enumerate(lines) if line.startswith("Moving to Node")]
    assume(visits)
    found = check("\n".join([*lines[: data.draw(st.sampled_from(visits))], lines[-1]]))
    # After a line that has a due successor the order is broken, and the one slip is told once.
    assert of_trace(found) in ({"EARLY_END": 1}, {"ORDER": 1}) and found.trace_valid is False


@pytest.mark.slow
def test_many_final_states_and_moves_take_linear_time() -> None:
    n = 10_000
    before = time.process_time()
    found = check(ROOT + DIFFERENCE * n + visit("6-4", 2) * n)
    # Under two seconds; a look at all final states of a name in each move to it takes a minute.
    assert time.process_time() - before < 25
    assert found.counts["EXPLORED_AGAIN"] == n - 1 and found.counts["ORDER"] > n / 2 and found.trace_valid is False
