"""Countdown: the puzzle comes from the record or its prompt, and from the text only where it stands alone."""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.real_data import shared
from tokenworth.core.verification import FormalText, Strictness, Verification
from tokenworth.errors import InvalidInput
from tokenworth.tasks.countdown.domain import DOMAIN, read
from tokenworth.tasks.countdown.instance import Puzzle
from tokenworth.tasks.countdown.prompt import puzzle_of

EASY = "Current State: 10:[5, 5], Operations: []\nExploring Operation: 5+5=10, Resulting Numbers: [10]\n10,10 equal: Goal Reached"
EASY_PATH = EASY
EASY_PROSE = (
    "Current State #0: 10:[5, 5]. Operations so far : [].\n\nAction     : Exploring operation 5+5=10. \nResulting numbers: [10].\n"
    "10,10 equal: Goal Reached\n\nSOLUTION: YES\nOPERATIONS: ['5+5=10']\nRESULT: 10\n"
)
ANSWERS = {"stream-of-search": EASY, "optimal-path": EASY_PATH, "react": EASY_PROSE}


def check(text: FormalText, dialect: str = "stream-of-search", strictness: Strictness = Strictness.STRICT) -> Verification:
    return DOMAIN.verify(text, dialect=dialect, strictness=strictness)


def puzzle(prompt: str) -> tuple[int, tuple[int, ...]] | None:
    found, _ = puzzle_of(FormalText(id="x", trace="", prompt=prompt))
    return None if found is None else (found.target, found.numbers)


HARD = {
    "Make 100 with the numbers [3,5,7]",
    "Make 100 using the numbers [3, 5, 7].",
    "Using the numbers [ 3, 5, 7 ], create an equation that equals 100. Each number can only be used once.",
    "Combine these initial numbers [3, 5, 7] using only + - * / to reach the target value 100. Use all.\nAnswer in this format:\nRESULT: x",
    "Target: 100, numbers: [3, 5, 7]",
    "Current State: 100:[3, 5, 7], Operations: []",
    "Current State: 100:[3, 5, 7], Operations: []\nSearch step by step.",
    "Current State #0: 100:[3, 5, 7]. Operations so far : [].",
    # The last one counts: what stands before it is an example.
    "Make 10 with the numbers [5, 5].\n5+5=10\n\nMake 100 with the numbers [3, 5, 7].\n",
    f"Make 10 with the numbers [5, 5].\n{EASY}\n\nMake 100 with the numbers [3, 5, 7].\n",
    f"{EASY}\n\nCurrent State: 100:[3, 5, 7], Operations: []\n",
    f"Make 10 with the numbers [5, 5].\n{EASY_PROSE}\nMake 100 using the numbers [3, 5, 7] now.",
}
UNREAD = {
    "Use 3, 5 and 7, each once, to make 100.",
    "Solve it.",
    "Make 100.",
    "Numbers: [3, 5, 7]",
    "Make 100 or make 10 with the numbers [5, 5].",
    "Make 10 with the numbers [5, 5], not with [3, 5, 7].",
    "Make 100 with the numbers [3, 5, 7.5].",
    "Make 100 with the numbers [3, 5, 07].",
    "Make 10.5 with the numbers [5, 5].",
    "Make 1,000 with the numbers [5, 5].",
    "Make -10 with the numbers [5, 5].",
    f"Make 1{'0' * 18} with the numbers [5, 5].",
    f"Make 10 with the numbers [{', '.join(['5'] * 33)}].",
    # An example that can be read does not stand for a puzzle that cannot.
    "Make 10 with the numbers [5, 5].\n5+5=10\n\nUse 3, 5 and 7, each once, to make 100.",
    "Make 10 with the numbers [5, 5].\n5+5=10\n\nAnd now for [3, 5, 7], which give a hundred.",
    f"Take 3, 5 and 7 and go for a hundred, as here:\n{EASY}",
}


@pytest.mark.parametrize("prompt", sorted(HARD))
@pytest.mark.parametrize("dialect", list(ANSWERS))
def test_an_easier_puzzle_in_the_text_is_not_taken(prompt: str, dialect: str) -> None:
    assert puzzle(prompt) == (100, (3, 5, 7))
    for strictness in DOMAIN.dialects[dialect]:
        found = check(FormalText(id="a", trace=ANSWERS[dialect], prompt=prompt), dialect, strictness)
        assert not found.is_valid and found.plan_valid is False and {"PLAN_NOT_AVAILABLE", "PLAN_NOT_TARGET"} <= set(found.counts)
        # Alone the text states its own puzzle, as the format has it.
        assert check(FormalText(id="a", trace=ANSWERS[dialect]), dialect, strictness).plan_valid is True


@pytest.mark.parametrize("prompt", sorted(UNREAD))
@pytest.mark.parametrize("dialect", list(ANSWERS))
def test_a_prompt_that_states_no_puzzle_is_not_replaced_by_the_text(prompt: str, dialect: str) -> None:
    assert puzzle(prompt) is None
    for strictness in DOMAIN.dialects[dialect]:
        found = check(FormalText(id="a", trace=ANSWERS[dialect], prompt=prompt), dialect, strictness)
        assert not found.parsed and not found.is_valid and found.trace_valid is False
        assert found.plan_valid is None and found.plan_follows_trace is None and found.counts == {"PROBLEM_PARSE": 1}
        assert (
            found.first_error is not None and found.first_error.event is None and "Make 24 with the numbers" in found.first_error.expected
        )
        assert found.facts["claims_goal"] is None and found.facts["rating"] == 0.0 and found.n_events > 2


def test_the_fields_of_a_record_go_before_its_prompt() -> None:
    record = {"id": "a", "prompt": "Add them.", "trace": EASY, "target": 10, "nums": [5, 5]}
    assert check(read(record, "x")).is_valid
    other = check(read({**record, "target": 100, "nums": [3, 5, 7], "prompt": "Make 10 with the numbers [5, 5]."}, "x"))
    assert other.plan_valid is False and not other.is_valid
    # Fields that reach the verifier without `read`, and are no puzzle, are not replaced by the text either.
    for fields in ({"target": 10}, {"nums": [5, 5]}, {"target": 10, "nums": [5, "5"]}, {"target": 10, "nums": []}, {"other": 1}):
        found = check(FormalText(id="a", trace=EASY, given=fields))
        assert found.counts == {"PROBLEM_PARSE": 1} and found.plan_valid is None


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 10**6), st.lists(st.integers(0, 999), min_size=1, max_size=8), st.text(max_size=40), st.sampled_from(("", "\n", "\r\n"))
)
def test_the_puzzle_is_the_one_of_the_prompt_or_none(target: int, numbers: list[int], noise: str, end: str) -> None:
    for line in (f"Make {target} with the numbers {numbers}.", f"Current State: {target}:{numbers}, Operations: []"):
        assert puzzle(line + end) == (target, tuple(numbers))
        assert puzzle(f"{EASY}\n{line}{end}") == (target, tuple(numbers))
        # Whatever stands around it: this puzzle or none, unless it is one itself.
        if not re.search(r"[0-9]", noise):
            assert puzzle(f"{noise}\n{line}\n{noise}") in ((target, tuple(numbers)), None)


def test_prompts_of_the_data_state_what_their_fields_say() -> None:
    n = 0
    for name in ("sos-qwen2.5-7b", "optimal-path-qwen2.5-0.5b", "react-style-qwen2.5-1.5b"):
        with gzip.open(shared("formal-sos", f"{name}.jsonl.gz"), "rt", encoding="utf-8") as file:
            for line in file:
                text = read(json.loads(line), "x")
                fields, _ = puzzle_of(text)
                assert isinstance(fields, Puzzle) and puzzle_of(replace(text, given={}))[0] == fields
                n += 1
    assert n == 400


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"target": 24, "nums": []}, "a countdown puzzle of 0 numbers; expected 1 to 32"),
        ({"target": 24, "nums": [1] * 33}, "a countdown puzzle of 33 numbers"),
        ({"target": 10**18, "nums": [1]}, "expected at most 18 digits"),
        ({"target": 24, "nums": [-1]}, "expected at most 18 digits"),
        ({"target": 24}, "numbers that are not whole"),
    ],
)
def test_a_bad_puzzle_is_told_with_its_place(fields: dict[str, object], told: str) -> None:
    with pytest.raises(InvalidInput, match=f"^data/some.jsonl:7: .*{told}"):
        read({"id": "a", "trace": EASY, **fields}, "data/some.jsonl:7")
    with pytest.raises(InvalidInput, match=r"^data/some.jsonl:7: no text"):
        read({"id": "a", **fields}, "data/some.jsonl:7")


@pytest.mark.slow
def test_long_prompts_take_linear_time() -> None:
    # Deadlines of a busy machine; a quadratic reader would need hours.
    for piece in (
        "make 1",
        "make 1,",
        "[1",
        "[1, ",
        "[1    ",
        "[[[[",
        "target value of: ",
        "Current State: 1:[",
        "make 1\n",
        "[1, 2]\n",
        "x\n",
    ):
        assert puzzle("Use them well.\n" + piece * 200_000) is None
        assert puzzle(piece * 100_000 + "\nMake 24 with the numbers [4, 6]") == (24, (4, 6))
