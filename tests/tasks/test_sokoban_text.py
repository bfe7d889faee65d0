"""Sokoban texts that are no texts: hostile input is a parse error in linear time, and nothing of it is ever evaluated."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tasks.sokoban_levels import level_from_rows
from tests.tasks.sokoban_search import event_text, prompt_text, solve
from tokenworth.core.verification import FormalText, Strictness
from tokenworth.tasks.sokoban.domain import DOMAIN
from tokenworth.tasks.sokoban.grammar import parse
from tokenworth.tasks.sokoban.verify import verify

DIALECT = "searchformer-nondeterministic"
LEVEL = level_from_rows(["######", "#@$ .#", "#    #", "######"], "small")
PROMPT, TRACE = prompt_text(LEVEL), solve(LEVEL, None).trace_text()
MILLION = 1_000_000


def check(trace, prompt=PROMPT, strictness=Strictness.STRICT, **given):
    return verify(FormalText(id="t", prompt=prompt, trace=trace, **given), dialect=DIALECT, strictness=strictness)


HOSTILE = {
    "one word": "x " * MILLION,
    "verbs": "create " * (MILLION // 5),
    "verbs and workers": "create worker " * (MILLION // 10),
    "boxes": "create worker 1 1 " + "box 1 1 " * (MILLION // 3),
    "boxes and costs": "create worker 1 1 " + "box 1 1 " * (MILLION // 3) + "c0 c0",
    "plans": "plan " * (MILLION // 5),
    "steps": "plan 1 1 " * (MILLION // 10),
    "no space": "1" * MILLION,
    "all space": " " * MILLION + "x",
    "space within": "create" + " " * MILLION + "x",
    "marks": "bos eos " * (MILLION // 2),
    "nuls": "create\x00worker " * (MILLION // 2),
    "deep": "(" * MILLION,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_traces_are_parse_errors(name):
    begun = time.process_time()
    found = check(HOSTILE[name])
    assert not found.is_valid and len(found.violations) <= 1000
    assert {"PARSE", "PLAN_PARSE", "OOB", "BOX_COUNT", "PLAN_STEP"} & set(found.counts)
    assert time.process_time() - begun < 30
    if name in ("one word", "verbs", "no space", "nuls", "deep"):
        assert not found.parsed and found.trace_valid is False


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_prompts_are_parse_errors(name):
    found = check("", prompt=HOSTILE[name])
    assert not found.parsed and found.plan_valid is None and found.counts["PARSE"] == 1
    assert check(HOSTILE[name], prompt="").parsed is False


@pytest.mark.slow
def test_time_grows_with_the_length_only():
    """Eight times the text takes about eight times as long, and not sixty-four; the least of three tries is compared."""

    def seconds(text):
        times = []
        for _ in range(3):
            begun = time.process_time()
            check(text)
            times.append(time.process_time() - begun)
        return min(times)

    for unit in ("create worker 1 1 c0 ", "create worker 1 1 box 2 1 c1 c2 close worker 1 1 box 2 1 c0 c2 ", "plan 1 1 x "):
        short, long = unit * 1_000, unit * 8_000
        assert seconds(long) < 8 * 4 * max(seconds(short), 0.002), unit


@pytest.mark.parametrize(
    "word",
    ["01", "+1", "-1", "1.0", "1_0", "٣", "１", "²", "0x1", "1e3", "", "1000", "9" * 100_000, "1\x00", "c1", "__import__('os')", "\u20281"],
)
def test_only_plain_numbers_are_numbers(word):
    for broken in (
        f"create worker 1 {word} box 2 1 c0 c2",
        f"create worker 1 1 box 2 {word} c0 c2",
        f"create worker 1 1 box 2 1 c{word} c2",
    ):
        if word == "1000" and broken.endswith(f"c{word} c2"):
            continue
        found = check(TRACE.replace("create worker 1 1 box 2 1 c0 c2", broken, 1))
        assert found.counts["PARSE"] == 1 and found.first_error.event == 0, (word, found.counts)
        assert not found.parsed and found.first_error.got.isascii() and len(found.first_error.got) < 400
    assert check(TRACE.replace("plan 1 1", f"plan 1 {word}")).counts["PLAN_PARSE"] == 1
    found = check(TRACE, prompt=PROMPT.replace("worker 1 1", f"worker 1 {word}"))
    assert found.counts["PARSE"] == 1 and found.plan_valid is None and found.trace_valid is False


def test_reading_goes_on_at_the_next_verb():
    found = check(TRACE.replace("create worker 1 1 box 2 1 c0 c2 ", "create worker one 1 box 2 1 c0 c2 ", 1))
    assert found.violations[0].tokens == (0, 9) and found.violations[0].chars == (0, len("create worker one 1 box 2 1 c0 c2"))
    assert found.n_events == check(TRACE).n_events and found.plan_valid
    found = check(f"well {TRACE} so", prompt=PROMPT)
    assert found.counts["PARSE"] == 1 and found.counts["PLAN_PARSE"] == 1
    assert found.violations[0].tokens == (0, 1) and found.violations[-1].got == "so"


def test_text_that_was_cut_is_not_the_fault_of_the_trace():
    words = TRACE.split()
    for n in range(len(words)):
        found = check(" ".join(words[:n]), is_cut=True)
        assert found.parsed and not found.counts, (n, found.counts)
        assert found.trace_valid is (True if found.n_events else None)
        assert (found.plan_valid, found.plan_optimal, found.plan_follows_trace) == (None, None, None)
        assert not check(" ".join(words[:n])).is_valid
    assert check("", is_cut=True).plan_valid is None
    whole = check(f"{TRACE} eos", is_cut=True)
    assert whole.is_valid and whole.plan_valid and whole.plan_optimal and whole.plan_follows_trace


def test_a_cut_hides_no_error_before_it():
    start, plan = TRACE[: TRACE.index("close")], TRACE[TRACE.index("plan") :]
    for text, counts, verdicts in (
        (f"{start} {plan}", {"GOAL_NOT_CLOSED": 1}, (False, None)),
        (f"{start} create worker {plan}", {"PARSE": 1, "GOAL_NOT_CLOSED": 1}, (False, None)),
        (f"{start} create worker once upon a time", {"PARSE": 1}, (False, None)),
        ("plan 2 1", {"PLAN_START": 1}, (None, False)),
        ("plan 1 1 plan x 1 plan 2 1", {"PLAN_PARSE": 1}, (None, False)),
        ("plan 1 1 once upon a time", {"PLAN_PARSE": 1}, (None, False)),
        ("plan 1 1 plan 2 1 eos", {"PLAN_GOAL": 1}, (None, False)),
        ("eos", {"PLAN_PARSE": 1}, (None, False)),
    ):
        found = check(text, is_cut=True)
        assert (found.counts, (found.trace_valid, found.plan_valid)) == (counts, verdicts), text


def test_parts_that_are_missing():
    assert check("").trace_valid is None and check("").counts == {"PLAN_PARSE": 1}
    only_plan = check(TRACE[TRACE.index("plan") :])
    assert (only_plan.trace_valid, only_plan.plan_valid, only_plan.plan_follows_trace, only_plan.is_valid) == (None, True, None, True)
    for prompt in ("worker 1 1", PROMPT.replace("worker 1 1 ", ""), f"{PROMPT} worker 1 1", PROMPT.replace("dock 4 1", "dock 4 0")):
        found = check(TRACE, prompt=prompt)
        assert not found.parsed and found.plan_valid is None and found.plan_optimal is None and found.trace_valid is False
        assert check("", prompt=prompt).trace_valid is None
        assert found.first_error.code == "PARSE" and found.first_error.tokens == (0, 0)


def test_more_boxes_than_can_be_told_apart():
    """Forty docks and twenty boxes leave too many states; what is illegal in all of them is still found, and the rest is left."""
    row = "#" + " $." * 12 + "  #"
    level = level_from_rows(["#" * len(row), "#@" + " " * (len(row) - 3) + "#", row, "#" + " " * (len(row) - 2) + "#", "#" * len(row)], "")
    start = event_text(is_close=False, worker=level.worker, boxes=level.boxes, g=0, h=12)
    close = start.replace("create", "close")
    far = event_text(is_close=True, worker=(3, 3), boxes=level.boxes[:6], g=9, h=6)
    after = event_text(is_close=False, worker=(4, 3), boxes=level.boxes[:6], g=10, h=6)
    found = check(f"{start} {close} {far} {after} plan 1 1", prompt=prompt_text(level))
    assert found.counts["NOT_OPEN"] == 1 and found.counts["MISSING_CHILD"] == 1 and "BAD_PUSH" not in found.counts
    assert check(f"{start} {close} {far} {after.replace('4 3', '9 9', 1)} plan 1 1", prompt=prompt_text(level)).counts["OOB"] == 1


WORDS = (
    "create",
    "close",
    "plan",
    "worker",
    "box",
    "dock",
    "wall",
    "bos",
    "eos",
    "c0",
    "c1",
    "c2",
    "0",
    "1",
    "2",
    "3",
    "4",
    "01",
    "\x00",
    "é",
)


@settings(max_examples=150, deadline=None)
@given(words=st.lists(st.sampled_from(WORDS), max_size=60), cut=st.booleans(), with_prompt=st.booleans())
def test_any_words_get_a_verdict(words, cut, with_prompt):
    text = FormalText(id="", prompt=PROMPT if with_prompt else "", trace=" ".join(words), is_cut=cut)
    for strictness in (Strictness.PAPER, Strictness.STRICT):
        found = verify(text, dialect=DIALECT, strictness=strictness)
        for violation in found.violations:
            assert 0 <= violation.chars[0] <= violation.chars[1] <= len(text.trace)
            assert 0 <= violation.tokens[0] <= violation.tokens[1] <= len(words)
            inside = text.trace[slice(*violation.chars)].split(" ")
            assert violation.chars[0] == violation.chars[1] or inside == words[slice(*violation.tokens)]
        assert sum(found.counts.values()) == len(found.violations)
    DOMAIN.draw(text, DIALECT)


@settings(max_examples=100, deadline=None)
@given(edits=st.lists(st.tuples(st.integers(0, 10_000), st.sampled_from(WORDS)), min_size=1, max_size=6))
def test_edited_traces_get_a_verdict(edits):
    words = TRACE.split()
    for place, word in edits:
        words[place % len(words)] = word
    found = check(" ".join(words))
    assert found.counts or words == TRACE.split() or found.is_valid
    assert not found.is_valid or parse(FormalText(id="", prompt=PROMPT, trace=" ".join(words))).flaws == []


def test_limit_bounds_the_list_and_not_the_counts():
    found = verify(FormalText(id="", prompt=PROMPT, trace="create x " * 50), dialect=DIALECT, strictness=Strictness.STRICT, max_errors=7)
    assert len(found.violations) == 7 and found.counts["PARSE"] == 50
