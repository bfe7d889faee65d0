"""Countdown: whole searches are valid at every strictness, and every broken rule is found where it is broken."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.tasks.countdown_search import Solver, random_puzzle, write_search
from tokenworth.core.verification import FormalText, Strictness, Tier, Verification
from tokenworth.errors import InvalidInput, UnknownName
from tokenworth.tasks.countdown.domain import DOMAIN, read
from tokenworth.tasks.countdown.grammar import operation_of
from tokenworth.tasks.countdown.instance import Operation, Puzzle, left_over, most_operations, ways
from tokenworth.tasks.countdown.plan import plan_faults
from tokenworth.tasks.countdown.published import bare_operations, published_verdict
from tokenworth.tasks.countdown.rules import BUCKETS, CODES, PAPER

SOLVERS = st.builds(Solver, heuristic=st.sampled_from(("sum", "mult")), beam=st.integers(0, 5))


def check(trace: str, strictness: Strictness = Strictness.STRICT, **more: object) -> Verification:
    text = FormalText(id="x", trace=trace, prompt=str(more.get("prompt", "")), is_cut=more.get("is_cut") is True)
    return DOMAIN.verify(text, dialect=str(more.get("dialect", "stream-of-search")), strictness=strictness)


def of_trace(found: Verification) -> dict[str, int]:
    """The counts of what is wrong with the trace; whether there is an answer is another matter."""
    return {code: n for code, n in found.counts.items() if CODES[code].is_of_trace}


def step(text: str) -> Operation:
    found = operation_of(text)
    assert found is not None
    return found


@st.composite
def searches(draw: st.DrawFn) -> str:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    puzzle = random_puzzle(rng, draw(st.integers(2, 4)), high=draw(st.sampled_from((3, 12, 99))))
    trace = write_search(puzzle, draw(SOLVERS), rng)
    assume(len(trace) < 30_000)
    return trace


SMALL = Puzzle(target=52, numbers=(10, 11, 51))
SOLVED = write_search(SMALL, Solver(heuristic="sum"), np.random.default_rng(0))
FAILED = write_search(Puzzle(target=77, numbers=(3, 29, 60, 66)), Solver(heuristic="sum", beam=3), np.random.default_rng(5))


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(searches())
def test_whole_searches_are_valid_at_every_level(trace: str) -> None:
    for strictness in Strictness:
        found = check(trace, strictness)
        assert found.trace_valid and not of_trace(found), (strictness, found.first_error)
        assert found.n_events == sum(1 for line in trace.split("\n") if line)
        claims = "Goal Reached" in trace
        # A search that gives up has no answer.
        assert found.facts["claims_goal"] is claims and found.plan_valid is claims and found.is_valid is claims
        assert set(found.counts) <= (set[str]() if claims else {"PLAN_NONE", "UNSOLVABLE"})
        assert found.plan_follows_trace is (True if claims else None) and found.plan_optimal is None
        # The published checker cannot read the empty history of a puzzle of two numbers.
        is_read = trace.split("]")[0].count(",") > 1
        assert found.facts["published_solved"] is (claims and is_read)
        assert not is_read or found.facts["rating"] == found.facts["published_rating"]
    assert check(trace, Strictness.TIES).facts["solver"] is not None


@settings(max_examples=30, deadline=None)
@given(searches(), st.data())
def test_a_cut_text_is_no_error_and_an_uncut_one_is(trace: str, data: st.DataObject) -> None:
    assume(len(trace) > 80)
    cut = trace[: data.draw(st.integers(len(trace.split("\n")[0]) + 2, len(trace) - 2))]
    for strictness in Strictness:
        assert not check(cut, strictness, is_cut=True).counts
    assert check(cut, Strictness.TIES).counts
    assert set(of_trace(check(cut))) <= {"NO_CONCLUSION", "NO_NODE", "WRONG_REMAINING", "WRONG_HISTORY", "PARSE"}


def test_the_prompt_may_hold_the_first_state() -> None:
    first, rest = SOLVED.split("\n", 1)
    for strictness in Strictness:
        for prompt in (first, first + "\n"):
            found = check(rest, strictness, prompt=prompt)
            assert found.is_valid and found.plan_valid and not found.counts
            assert found.facts["published_solved"] is True
    assert check(SOLVED, prompt="Make 52 with the numbers [10, 11, 51] using standard arithmetic operations.").is_valid
    other = check(SOLVED, prompt="Make 52 with the numbers [10, 11, 50] using standard arithmetic operations.")
    assert other.first_error is not None and other.first_error.code == "WRONG_STATE" and other.plan_valid is False
    assert "WRONG_TARGET" in check(SOLVED, prompt="Make 53 with the numbers [10, 11, 51]").counts


def _one(pattern: str, put: str | Callable[[re.Match[str]], str]) -> Callable[[str], str | None]:
    def change(line: str) -> str | None:
        changed, n = re.subn(pattern, put, line, count=1)
        return changed if n and changed != line else None

    return change


def _unlisted(found: re.Match[str]) -> str:
    a, b = 997, int(found[2])
    numbers = f"{found[3]}{a + b}]"
    return f"Operation: {a}+{b}={a + b}, Resulting Numbers: {numbers}"


def _below(found: re.Match[str]) -> str:
    a, b = int(found[1]), int(found[2])
    return f"Operation: {b}-{a}={b - a}, Resulting Numbers: {found[4]}{b - a}]" if a > b else found[0]


MINUS = r"Operation: (\d+)-(\d+)=(\d+), Resulting Numbers: (\[(?:\d+, )*)\d+\]"
CHANGES: list[tuple[str, Callable[[str], str | None]]] = [
    ("WRONG_RESULT", _one(r"^(Exploring Operation: \S+=)(\d+),", lambda m: f"{m[1]}{int(m[2]) + 1},")),
    ("NOT_AVAILABLE", _one(r"Operation: (\d+)\+(\d+)=\d+, Resulting Numbers: (\[(?:\d+, )*)\d+\]", _unlisted)),
    ("NEGATIVE", _one(MINUS, _below)),
    ("FRACTION", _one(MINUS, r"Operation: \1/\2=0.5, Resulting Numbers: \g<4>0.5]")),
    ("NOT_BINARY", _one(r"^(Exploring Operation: \d+)", r"\1+0")),
    ("WRONG_REMAINING", _one(r"(Resulting Numbers: \[)(\d+)", lambda m: f"{m[1]}{int(m[2]) + 1}")),
    ("WRONG_REMAINING", _one(r"(Resulting Numbers: \[)", r"\g<1>1, ")),
    ("WRONG_STATE", _one(r"(Generated Node #\S+ \d+:\[)(\d+)", lambda m: f"{m[1]}{int(m[2]) + 1}")),
    ("WRONG_HISTORY", _one(r"(Generated Node .* Operation: )\S+", r"\g<1>1+1=2")),
    ("WRONG_TARGET", _one(r"(Generated Node #\S+ )\d+", r"\g<1>999")),
    ("WRONG_INDEX", _one(r"(Generated Node #\S+),\d+:", r"\1,77:")),
    ("NO_PARENT", _one(r"Generated Node #\S+:", "Generated Node #0,88,99,0:")),
    ("NODE_AGAIN", _one(r"Generated Node #\S+:", "Generated Node #0:")),
    ("NO_NODE", _one(r"(Moving to Node #).*", r"\g<1>0,99")),
    ("WRONG_STATE", _one(r"(Current State: \d+:\[)(\d+)(.*'\])", lambda m: f"{m[1]}{int(m[2]) + 1}{m[3]}")),
    ("WRONG_HISTORY", _one(r"(Current State: .*Operations: \[).+\]", r"\1]")),
    ("WRONG_TARGET", _one(r"(Current State: )\d+(.*'\])", r"\g<1>999\2")),
    ("WRONG_TARGET", _one(r"^(\d+),\d+ unequal", r"\1,999 unequal")),
    ("WRONG_STATE", _one(r"^(\d+),(\d+) unequal", r"998,\2 unequal")),
    ("FALSE_GOAL", _one(r" unequal: No Solution", " equal: Goal Reached")),
    ("FALSE_FAIL", _one(r" equal: Goal Reached", " unequal: No Solution")),
    ("PARSE", _one(r"$", " !")),
    ("PARSE", _one(r"\d+", "٣")),
    ("PARSE", _one(r"\d+", "007")),
    ("PARSE", _one(r"Exploring", "exploring")),
]


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(searches(), st.sampled_from(CHANGES), st.data())
def test_one_changed_line_is_found_there_with_its_code(
    trace: str, change: tuple[str, Callable[[str], str | None]], data: st.DataObject
) -> None:
    code, put = change
    lines = [line for line in trace.split("\n") if line]
    changed = {at: new for at, line in enumerate(lines) if at and (new := put(line)) is not None}
    assume(changed)
    at = data.draw(st.sampled_from(sorted(changed)))
    text = "\n".join([*lines[:at], changed[at], *lines[at + 1 :]]) + "\n"
    strict, ties, paper = check(text), check(text, Strictness.TIES), check(text, Strictness.PAPER)
    first = strict.first_error
    assert first is not None and first.event == at, (first, changed[at])
    codes = {violation.code for violation in strict.violations if violation.event == at}
    # Final states of one parent share an index, so that a slip in one may make it another with a slip in the other part.
    may_be = {"WRONG_STATE", "WRONG_HISTORY"} if re.match(r"Current State: \d+:\[\d+\]", changed[at]) else {code}
    assert code in codes or codes & may_be & {"WRONG_STATE", "WRONG_HISTORY"}, (strict.violations[:3], changed[at])
    assert text[slice(*first.chars)] == changed[at] and text.split()[slice(*first.tokens)] == changed[at].split()
    assert not strict.is_valid and strict.parsed is (code not in BUCKETS["formatting"][:2])
    # Each strictness reports what the one before it does; what broke a rule anyway is not told again as a matter of order.
    assert paper.counts.items() <= strict.counts.items() <= ties.counts.items()
    assert (code in paper.counts) is (code in PAPER)
    assert not {"CHILD_ORDER", "MOVE_ORDER", "LIST_ORDER"} & {violation.code for violation in ties.violations if violation.event == at}


@settings(max_examples=60, deadline=None)
@given(searches(), st.data())
def test_a_line_left_out_breaks_the_order(trace: str, data: st.DataObject) -> None:
    lines = [line for line in trace.split("\n") if line]
    inner = [at for at in range(len(lines) - 1) if not (lines[at].startswith("Current") and lines[at + 1].startswith("Moving"))]
    inner = [at for at in inner if "unequal" not in lines[at] or not lines[at + 1].startswith("No")]
    assume(inner)
    at = data.draw(st.sampled_from(inner))
    found = check("\n".join(lines[:at] + lines[at + 1 :]) + "\n")
    assert found.first_error is not None and found.first_error.code == "ORDER" and found.first_error.event == at


def test_every_code_is_provoked() -> None:
    elsewhere = {
        "PROBLEM_PARSE",
        "ORDER",
        "WRONG_PARENT",
        "EXPLORED_AGAIN",
        "NO_CONCLUSION",
        "AFTER_END",
        "CHILD_ORDER",
        "MOVE_ORDER",
        "LIST_ORDER",
        "EARLY_END",
    }
    plans = {code for code, tier in CODES.items() if not tier.is_of_trace}
    assert {code for code, _ in CHANGES} | elsewhere | plans == set(CODES)
    assert set(BUCKETS) == {"arithmetic", "exploration", "formatting", "other"} and set(CODES) >= PAPER


def test_a_node_of_another_parent() -> None:
    assert SOLVED.count("Generated Node #0,1: ") == 1
    found = check(
        SOLVED.replace("Generated Node #0,1: ", "Generated Node #0,0,5: ").replace("Moving to Node #0,1\n", "Moving to Node #0,0,5\n")
    )
    assert found.counts["WRONG_PARENT"] == 1 and found.first_error is not None and found.first_error.code == "WRONG_PARENT"


def test_ends() -> None:
    lines = SOLVED.rstrip("\n").split("\n")
    for at, line in enumerate(lines[:-1]):
        kept = "\n".join(lines[: at + 1]) + "\n"
        # Depth-first search ends without a word, so that only its policy tells whether it was done.
        # It comes back to a state only to go on there.
        silent = (line.startswith("Current State") and line not in lines[:at]) or line.endswith("No Solution")
        assert check(kept).counts == {"PLAN_NONE": 1, **({} if silent else {"NO_CONCLUSION": 1})}
        assert check(kept, Strictness.TIES).counts == {"PLAN_NONE": 1, **({"EARLY_END": 1} if silent else {"NO_CONCLUSION": 1})}
    more = check(SOLVED + "Moving to Node #0\nMoving to Node #0\n")
    assert more.counts == {"AFTER_END": 1} and more.plan_valid is True and more.trace_valid is False
    after = check(FAILED + "\nMoving to Node #0\n" + FAILED.split("\n")[0])
    # No operations lead to its target; a search that has not come to its end has not found out.
    assert after.counts == {"AFTER_END": 1, "NO_CONCLUSION": 1, "PLAN_NONE": 1, "UNSOLVABLE": 1} and after.plan_valid is False
    empty = check(" \n\n")
    assert empty.trace_valid is None and empty.parsed and not empty.counts


def test_an_operation_tried_twice() -> None:
    lines = SOLVED.rstrip("\n").split("\n")
    at = next(place for place, line in enumerate(lines) if line.endswith("No Solution"))
    again = check("\n".join(lines[: at + 1] + lines[at - 1 : at + 1] + lines[at + 1 :]))
    assert again.counts == {"EXPLORED_AGAIN": 1} and again.first_error is not None and again.first_error.event == at + 1
    # Two sixes may each be added to the two.
    twins = "Current State: 9:[6, 6, 2], Operations: []\n" + "".join(
        f"Exploring Operation: 6+2=8, Resulting Numbers: [6, 8]\nGenerated Node #0,{k}: 9:[6, 8] Operation: 6+2=8\n" for k in range(3)
    )
    assert check(twins, is_cut=True).counts == {"EXPLORED_AGAIN": 1}


def test_the_order_of_a_solver() -> None:
    lines = SOLVED.rstrip("\n").split("\n")
    leaves = [at for at, line in enumerate(lines) if line.endswith("No Solution")]
    at, other = next((a, b) for a, b in zip(leaves, leaves[1:], strict=False) if b == a + 4)
    swapped = lines[: at - 1] + lines[other - 1 : other + 1] + lines[at + 1 : other - 1] + lines[at - 1 : at + 1] + lines[other + 1 :]
    assert not check("\n".join(swapped) + "\n").counts
    assert check("\n".join(swapped) + "\n", Strictness.TIES).counts == {"CHILD_ORDER": 1}

    lines = FAILED.split("\n")
    moves = [place for place, line in enumerate(lines) if line.startswith("Moving")]
    one, two = lines[moves[0] : moves[1]], lines[moves[1] : moves[2]]
    swapped = lines[: moves[0]] + two + one + lines[moves[2] :]
    assert not of_trace(check("\n".join(swapped)))
    assert of_trace(check("\n".join(swapped), Strictness.TIES)) == {"MOVE_ORDER": 1}

    turned = SOLVED.replace("Current State: 52:[51, 21]", "Current State: 52:[21, 51]", 1)
    assert turned != SOLVED and not check(turned).counts
    assert check(turned, Strictness.TIES).counts == {"LIST_ORDER": 1}


REUSE = """Current State: 10:[5, 3, 2, 7], Operations: []
Exploring Operation: 5+3=8, Resulting Numbers: [5, 3, 2, 8]
Generated Node #0,0: 10:[5, 3, 2, 8] Operation: 5+3=8
Moving to Node #0,0
Current State: 10:[5, 3, 2, 8], Operations: ['5+3=8']
Exploring Operation: 5-3=2, Resulting Numbers: [2, 8]
Generated Node #0,0,0: 10:[2, 8] Operation: 5-3=2
Moving to Node #0,0,0
Current State: 10:[2, 8], Operations: ['5+3=8', '5-3=2']
Exploring Operation: 8+2=10, Resulting Numbers: [10]
10,10 equal: Goal Reached
"""


def test_used_numbers_are_used_up() -> None:
    """The published metric never removes a number, and wants none of them used."""
    found = check(REUSE)
    assert published_verdict(REUSE) == "valid" and found.facts["published_solved"] is True
    assert found.plan_valid is False and found.trace_valid is False and found.facts["rating"] == 0.0
    assert {"PLAN_NOT_AVAILABLE", "PLAN_UNUSED", "WRONG_REMAINING"} <= set(found.counts)
    # Every line but the first operations restates what was written before it: that is the only slip of the trace.
    assert found.first_error is not None and found.first_error.event == 1
    assert published_verdict(REUSE.replace("5-3=2", "9-7=2")) == "number not available"
    assert published_verdict(REUSE.replace("5-3=2", "5-3=1")) == "wrong operation"
    assert published_verdict(REUSE.replace("10,10 equal", "10, 10 equal")) == "no goal claimed"


def test_a_claim_is_a_line_of_its_own() -> None:
    for line in ("so 10,10 equal: Goal Reached", "10,10 equal: Goal Reached!", "Current State: 10,10 equal: Goal Reached", "Goal Reached"):
        found = check(REUSE.replace("10,10 equal: Goal Reached", line))
        assert found.facts["claims_goal"] is False and found.plan_valid is False and "PARSE" in found.counts


def test_plans() -> None:
    hand = Puzzle(target=24, numbers=(6, 6, 2, 1))

    def codes(*texts: str) -> list[str]:
        return [code for code, _, _ in plan_faults(hand, [step(text) for text in texts])]

    assert codes("6+6=12", "2*1=2", "12*2=24") == []
    assert codes("6+6=12", "12*2=24") == ["PLAN_UNUSED"]
    assert codes("6*6=36", "36-6=30", "30/1=30", "30-2=28") == ["PLAN_NOT_AVAILABLE", "PLAN_NOT_TARGET"]
    assert codes("6+6=12", "2-1=2", "12*2=24") == ["PLAN_WRONG_RESULT"]
    assert codes("6+6+12=24", "2*1=2", "24/2=24") == ["PLAN_NOT_BINARY", "PLAN_NOT_AVAILABLE", "PLAN_WRONG_RESULT"]
    assert codes("1/2=0.5", "6*6=36", "36+0.5=24") == ["PLAN_FRACTION", "PLAN_WRONG_RESULT"]
    assert codes() == ["PLAN_NOT_TARGET", "PLAN_UNUSED"]
    # Below zero on the way is no fault of a plan.
    assert codes("1-2=-1", "6*6=36", "36+-1=35") == ["PLAN_NOT_TARGET"]
    assert {code for code in CODES if CODES[code] is Tier.ANSWER} >= set(codes("6+6=13"))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=7), st.integers(0, 9), st.integers(0, 9))
def test_numbers_are_a_multiset(numbers: list[int], a: int, b: int) -> None:
    stay, missing = left_over(numbers, (a, b))
    assert sorted([*stay, a, b]) == sorted(numbers + missing)
    pairs = sum({x, y} == {a, b} for i, x in enumerate(numbers) for y in numbers[i + 1 :])
    assert ways(numbers, a, b) == pairs and (pairs == 0) is bool(missing)


def test_arithmetic() -> None:
    right = {
        "2+2=4": True,
        "2*3=7": False,
        "7/2=3": False,
        "7/2=3.5": True,
        "8/0=0": False,
        "6-9=-3": True,
        "5-(-3)=8": True,
        "5--3=8": True,
    }
    right |= {"2+3*4=14": True, "2+3*4=20": False, "6/4*2=3": True, "2+2=4.0": True, "4.9+1=6": False, "1+2-3=0": True}
    assert {text: step(text).holds() for text in right} == right
    for text in (
        "2+2",
        "2+2=",
        "+2=2",
        "2=2",
        "2**3=8",
        "0x2+2=4",
        "2+2=4=4",
        "1_0+1=11",
        "２+2=4",
        "2−1=1",
        "02+2=4",
        "1" * 19 + "+1=2",
        "-0+1=1",
    ):
        assert operation_of(text) is None, text
    assert [most_operations(size) for size in (1, 2, 3, 4, 5)] == [1, 4, 48, 1152, 46080]
    assert bare_operations("98/20=4.9 62-26+48=84 1+1=2") == (3, 1)


def test_the_other_dialects() -> None:
    path = (
        "Current State: 39:[97, 17, 22, 53], Operations: []\n"
        "Exploring Operation: 22+53=75, Resulting Numbers: [97, 17, 75]\n"
        "Generated Node #2: [97, 17, 75] from Operation: 22+53=75\n"
        "Current State: 39:[97, 17, 75], Operations: ['22+53=75']\n"
        "Exploring Operation: 97-75=22, Resulting Numbers: [17, 22]\n"
        "Generated Node #3: [17, 22] from Operation: 97-75=22\n"
        "Current State: 39:[17, 22], Operations: ['22+53=75', '97-75=22']\n"
        "Exploring Operation: 17+22=39, Resulting Numbers: [39]\n"
        "39,39 equal: Goal Reached\n"
    )
    found = check(path, dialect="optimal-path")
    assert found.is_valid and found.plan_valid and found.plan_follows_trace and not found.counts
    assert check(path.replace("Node #3", "Node #4"), dialect="optimal-path").counts == {"WRONG_INDEX": 1}
    assert not check(path).parsed
    prose = (
        "We have these numbers [7, 3, 2]. 20,20 equal: Goal Reached, I think.\n\n"
        "Current State #0: 20:[7, 3, 2]. Operations so far : [].\n\n"
        "Thought    : Expand Node #0’s 1st child to build next frontier.\n"
        "Action     : Exploring operation 7+3=10. \nResulting numbers: [2, 10].\n"
        "Heuristic score : (|2-20| + |10-20|)/2 = 14.00\n"
        "Generated Node #0,0: 20:[2, 10] Operation: 7+3=10\n\n"
        "Thought    : Expand Node #0,0’s 1st child to build next frontier.\n"
        "Action     : Exploring operation 2*10=20. \nResulting numbers: [20].\n20,20 equal: Goal Reached\n\n"
        "```\nSOLUTION: YES\nOPERATIONS: ['7+3=10', '2*10=20']\nRESULT: 20\n```\n"
    )
    found = check(prose, dialect="react")
    assert found.is_valid and found.plan_valid and found.plan_follows_trace and not found.counts and found.n_events == 8
    other = check(prose.replace("'2*10=20'", "'10*2=20'"), dialect="react")
    assert other.plan_valid is True and other.plan_follows_trace is False and other.counts == {"PLAN_NOT_FOUND": 1} and other.is_valid
    assert check(prose.replace("'2*10=20'", "'2*7=14'"), dialect="react").plan_valid is False
    assert check(prose.replace("SOLUTION: YES", "SOLUTION: MAYBE"), dialect="react").plan_valid is False
    assert check(prose.replace("[2, 10].", "[2,10]"), dialect="react").parsed is False
    assert check("I cannot do this.", dialect="react").parsed is False
    with pytest.raises(UnknownName, match="did you mean react"):
        check(prose, dialect="reacts")


def test_records() -> None:
    text = read({"source": "7b", "index": 3, "target": 5, "nums": [2, 3], "trace": "t", "prompt": "p", "truncated": True}, "line 1")
    assert (text.id, text.trace, text.prompt, text.is_cut) == ("7b-3", "t", "p", True)
    assert text.given == {"target": 5, "nums": (2, 3)}
    assert read({"id": 7, "text": "t"}, "line 1") == FormalText(id="7", trace="t")
    # The name of file and line is for whoever reads files to give, as in every domain.
    assert read({"trace": "t"}, "line 1").id == ""
    for record in (
        {},
        {"trace": 3},
        {"trace": "t", "prompt": None},
        {"trace": "t", "target": 5},
        {"trace": "t", "target": "5", "nums": [1]},
        {"trace": "t", "target": True, "nums": [1]},
        {"trace": "t", "target": 5, "nums": [1.5]},
        {"trace": "t", "target": 10**6000, "nums": [1]},
        {"trace": "t", "target": 5, "nums": [-1]},
        {"trace": "t", "target": 5, "nums": [1] * 33},
    ):
        with pytest.raises(InvalidInput):
            read(record, "line 1")
    with pytest.raises(InvalidInput):
        Solver(heuristic="sum", beam=6)
    with pytest.raises(InvalidInput):
        write_search(Puzzle(target=1, numbers=(1, 2)), Solver(heuristic="mult"), np.random.default_rng(0))
    assert DOMAIN.draw(text, "stream-of-search") is None
