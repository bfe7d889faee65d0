"""Countdown on hostile texts: a verdict in linear time, and nothing evaluated."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenworth.core.verification import FormalText, Strictness, Verification
from tokenworth.tasks.countdown.domain import DOMAIN

FIRST = "Current State: 24:[6, 6, 2, 1], Operations: []\n"
LINES = 40_000
HOSTILE = {
    "a million words in a line": FIRST + "word " * 1_000_000,
    "lines of noise": FIRST + "x\n" * 100_000,
    "nested brackets": FIRST + "Current State: 24:" + "[" * 100_000 + "]" * 100_000 + ", Operations: []\n",
    "nested parentheses": FIRST + "Exploring Operation: " + "(" * 100_000 + "1" + ")" * 100_000 + "+1=2, Resulting Numbers: [2]\n",
    "long whole numbers": FIRST + f"Exploring Operation: {'9' * 10_000}+1=1{'0' * 10_000}, Resulting Numbers: [6]\n" * 20,
    "a number in pieces": FIRST + "1," * 500_000 + " equal: Goal Reached",
    "a chain": FIRST + "Exploring Operation: " + "1+" * 500_000 + "1=2, Resulting Numbers: [2]",
    "digits": "9" * 1_000_000,
    "digits and commas": "9," * 500_000,
    "heads in a line": FIRST + "Exploring Operation: " * 50_000 + "\n24,24 equal: Goal Reached",
    "states in a line": FIRST + "Current State: 1:[" * 50_000 + "\n24,24 equal: Goal Reached",
    "equals in a line": FIRST + "Exploring Operation: 1=1" + "=1" * 300_000 + "\n24,24 equal: Goal Reached",
    "other digits": FIRST + "Exploring Operation: ٦+٦=١٢, Resulting Numbers: [2, 1, ١٢]\n",
    "other signs": FIRST + "Exploring Operation: 6−6=0, Resulting Numbers: [2, 1, 0]\n",
    "zero characters": FIRST + "\0" * 300_000 + "\nExploring Operation: 6+6=12\0, Resulting Numbers: [2, 1, 12]\n",
    "code": FIRST + "Exploring Operation: __import__('os').getpid()=1, Resulting Numbers: [1]\n1,24 equal: Goal Reached\n",
    "powers": FIRST + "Exploring Operation: 9**9**9**9=1, Resulting Numbers: [1]\n",
    "deep nodes": FIRST + "".join(f"Generated Node #0{',0' * k}: 24:[1, 2] Operation: 1+1=2\n" for k in range(1, 400)),
    "other ends of lines": FIRST + "Exploring Operation: 6+6=12,\u2028Resulting Numbers: [2, 1, 12]\x0b\x0c\x85\n",
    "many goals": FIRST + "24,24 equal: Goal Reached\n" * LINES,
    "many moves": FIRST + "Moving to Node #0,1\n" * LINES,
    "prompt in the trace": FIRST + "SOLUTION: YES\n" * LINES,
}


def check(trace: str, dialect: str, strictness: Strictness, prompt: str = "") -> Verification:
    return DOMAIN.verify(FormalText(id="x", trace=trace, prompt=prompt), dialect=dialect, strictness=strictness)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(HOSTILE))
def test_hostile_texts_get_a_verdict_soon(name: str) -> None:
    trace = HOSTILE[name]
    for dialect, levels in DOMAIN.dialects.items():
        before = time.process_time()
        found = check(trace, dialect, levels[-1])
        assert time.process_time() - before < 6
        assert not found.is_valid or found.n_events == 0 or dialect == "react"
        assert found.plan_valid is not True and len(found.violations) <= 1000
        assert all(len(violation.got) <= 200 and len(violation.expected) <= 200 for violation in found.violations)


@pytest.mark.slow
@pytest.mark.parametrize(
    "piece", ["24,24 unequal: No Solution\n", "Exploring Operation: 6+6=12, Resulting Numbers: [2, 1, 12]\n", "x y z\n", "1+1=3 "]
)
def test_time_is_linear(piece: str) -> None:
    def seconds(n: int) -> float:
        trace = FIRST + piece * n
        best = float("inf")
        for _ in range(3):
            before = time.process_time()
            check(trace, "stream-of-search", Strictness.TIES)
            best = min(best, time.process_time() - before)
        return best

    # Eight times the text; a quadratic reader would take 64 times as long.
    assert seconds(16_000) < 24 * seconds(2_000) + 0.05


PIECES = (
    *(
        FIRST,
        "Exploring Operation: ",
        "6+6=12",
        ", Resulting Numbers: [",
        "2, 1, 12",
        "]\n",
        "Generated Node #",
        "0,0",
        ": 24:[",
        "] Operation: ",
    ),
    *(
        "Moving to Node #",
        "\n",
        "24,24 ",
        "equal: Goal Reached",
        "No solution found.\n",
        "SOLUTION: YES\n",
        "OPERATIONS: [",
        "'",
        "RESULT: 24",
    ),
    *("<|endoftext|>", "\0", "٣", " ", "-", ".5", "..."),
)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join), st.text(max_size=30), st.booleans())
def test_no_text_raises(trace: str, prompt: str, is_cut: bool) -> None:
    for dialect, levels in DOMAIN.dialects.items():
        for strictness in levels:
            found = DOMAIN.verify(
                FormalText(id="x", trace=trace, prompt=prompt, is_cut=is_cut), dialect=dialect, strictness=strictness, max_errors=5
            )
            assert len(found.violations) <= 5 <= 5 + sum(found.counts.values())
            assert all(violation.code in DOMAIN.codes and DOMAIN.codes[violation.code] is violation.tier for violation in found.violations)
            starts = [violation.chars[0] for violation in found.violations]
            assert starts == sorted(starts)
            for violation in found.violations:
                low, high = violation.tokens
                assert trace.split()[low:high] == trace[slice(*violation.chars)].replace("<|endoftext|>", " ").split() or "<|" in trace


def test_marks_of_the_end_of_text_are_no_part_of_the_trace() -> None:
    trace = "Current State: 3:[1, 2], Operations: []\nExploring Operation: 1+2=3, Resulting Numbers: [3]\n3,3 equal: Goal Reached"
    for text in (trace, f"<|endoftext|>{trace}<|endoftext|>", trace.replace("\n", "\r\n") + "\r\n"):
        found = check(text, "stream-of-search", Strictness.TIES)
        assert found.is_valid and found.plan_valid and not found.counts
    inside = check(trace.replace("1+2", "1<|endoftext|>+2"), "stream-of-search", Strictness.STRICT)
    # What follows a mark of end is not read, so that this is the beginning of a line and no more.
    assert inside.first_error is not None and inside.first_error.code == "NO_CONCLUSION"
