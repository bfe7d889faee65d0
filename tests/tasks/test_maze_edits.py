"""Edits of maze traces: what they break is what they say, and what the verifier calls legal a naive reading of the rules calls legal."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenworth.core.verification import FormalText, Strictness, Verification
from tokenworth.errors import InvalidInput, UnknownName
from tokenworth.tasks.maze.dialect import DIALECTS
from tokenworth.tasks.maze.edit_course import Course
from tokenworth.tasks.maze.edits import EDIT_CODES, TIE_CODES, Edit, edit, n_changed, paraphrase, read, repair, swap
from tokenworth.tasks.maze.generate import generate
from tokenworth.tasks.maze.grammar import render_prompt, render_trace
from tokenworth.tasks.maze.instance import Maze, manhattan
from tokenworth.tasks.maze.rules import ACTIVE, CODES
from tokenworth.tasks.maze.search import solve
from tokenworth.tasks.maze.spec import FAMILIES
from tokenworth.tasks.maze.verify import verify

NAMES = tuple(DIALECTS)


def valid(family: str, index: int, dialect: str, side: int = 7) -> tuple[Maze, FormalText]:
    maze = generate(family, side, seed=11, index=index)
    found = solve(maze, DIALECTS[dialect], np.random.default_rng(index))
    spoken = DIALECTS[dialect]
    text = FormalText(
        id=f"{family}-{index}",
        prompt=render_prompt(maze, spoken),
        trace=render_trace(maze, found.trace, found.plan, spoken),
        given={"cols": maze.cols, "rows": maze.rows},
    )
    return maze, text


def check(text: FormalText, dialect: str, strictness: Strictness = Strictness.STRICT) -> Verification:
    return verify(text, dialect=dialect, strictness=strictness)


def first_code(text: FormalText, dialect: str, strictness: Strictness) -> str | None:
    return next((one.code for one in check(text, dialect, strictness).violations if one.tier.is_of_trace), None)


# -- every code ----------------------------------------------------------------------------------------------------------

ALWAYS = set(EDIT_CODES) - {"REOPEN", "NOT_MIN_F", *TIE_CODES}
"""Codes for which every valid trace has a place; the others need a third close, a choice among open cells, a tie or two children."""


def cannot(code: str, dialect: str) -> bool:
    """Whether a dialect has no way to write the fault."""
    spoken = DIALECTS[dialect]
    return (code == "WRONG_H" and spoken.compact) or (code in TIE_CODES and spoken.ties == "any")


def confirm(made: Edit, code: str, dialect: str) -> None:
    """An edit is what it says: code, event, place, count."""
    strictness = Strictness.TIES if code in TIE_CODES else Strictness.STRICT
    found = check(made.after, dialect, strictness)
    first = next(one for one in found.violations if one.tier.is_of_trace)
    assert (first.code, first.event, made.code, made.strictness) == (code, made.event, code, strictness)
    assert found.trace_valid is False
    for other in DIALECTS[dialect].strictness:
        if code in ACTIVE[other]:
            assert first_code(made.after, dialect, other) == code, other
    before, after = made.before.trace.split(), made.after.trace.split()
    assert check(made.before, dialect, strictness).trace_valid
    assert made.n_changed == n_changed(before, after) > 0
    a, b = made.words
    assert before[:a] == after[:a] and before[b - len(after) + len(before) :] == after[b:]
    # What is kept up to the cut already breaks the rule, whatever follows; before the edit the same place is in order.
    cut = FormalText(id="", prompt=made.after.prompt, trace=" ".join(after[: made.cut_after]), given=made.after.given, is_cut=True)
    # That the goal was not closed shows once the plan has begun.
    is_over = {"solution", "plan"} & set(after[: made.cut_after])
    assert first_code(cut, dialect, strictness) == (None if code == "GOAL_NOT_CLOSED" and not is_over else code)
    kept = FormalText(id="", prompt=made.after.prompt, trace=" ".join(before[: made.cut_before]), given=made.after.given, is_cut=True)
    assert first_code(kept, dialect, strictness) is None
    marks = ("solution",) if DIALECTS[dialect].marked else ("plan",)
    assert before[made.plan_before - 1] in marks and after[made.plan_after - 1] in marks
    assert made.cut_after <= made.plan_after and made.cut_before <= made.plan_before


@pytest.mark.slow
@pytest.mark.parametrize("dialect", NAMES)
@pytest.mark.parametrize("code", EDIT_CODES)
def test_every_code_is_caught_first_where_the_edit_says(code: str, dialect: str) -> None:
    made = 0
    for family in FAMILIES:
        for index in range(3):
            _, text = valid(family, index, dialect)
            found = edit(text, code, dialect=dialect, rng=np.random.default_rng(index))
            assert found is not None or code not in ALWAYS or cannot(code, dialect), (family, index)
            if found is not None:
                confirm(found, code, dialect)
                made += 1
    assert (made == 0) == cannot(code, dialect)


@pytest.mark.slow
@settings(max_examples=60)
@given(
    st.sampled_from(NAMES), st.sampled_from(FAMILIES), st.sampled_from(EDIT_CODES), st.integers(0, 400), st.integers(3, 9), st.booleans()
)
def test_edits_hold_for_any_maze(dialect: str, family: str, code: str, index: int, side: int, alone: bool) -> None:
    _, text = valid(family, index, dialect, side)
    found = edit(text, code, dialect=dialect, rng=np.random.default_rng(index), alone=alone)
    if found is None:
        assert code not in ALWAYS or cannot(code, dialect)
        return
    confirm(found, code, dialect)
    again = edit(text, code, dialect=dialect, rng=np.random.default_rng(index), alone=alone)
    assert again == found
    mended = repair(found.after, dialect=dialect, rng=np.random.default_rng(0)) if code not in TIE_CODES else None
    if mended is not None:
        assert check(mended.after, dialect).is_valid and check(mended.after, dialect).plan_follows_trace


def test_every_code_of_a_trace_has_an_edit_and_no_other_has() -> None:
    assert set(EDIT_CODES) == {code for code, tier in CODES.items() if tier.is_of_trace}
    _, text = valid("wilson", 0, "compact")
    with pytest.raises(UnknownName, match="PLAN_STEP"):
        edit(text, "PLAN_STEP", dialect="compact", rng=np.random.default_rng(0))


@pytest.mark.parametrize("dialect", NAMES)
def test_edits_are_no_longer_than_one_verb_for_another(dialect: str) -> None:
    """On larger mazes: a code that comes first where one `create` becomes a `close`, or the other way round, has an edit of one word."""
    for index in (0, 7, 10):
        _, text = valid("searchformer", index, dialect, side=5)
        base = read(text, dialect)
        flipped: set[str] = set()
        for at in range(*base.span):
            other = {"create": "close", "close": "create"}.get(base.words[at])
            if other is not None:
                words = [*base.words[:at], other, *base.words[at + 1 :]]
                code = first_code(base.with_words(words), dialect, Strictness.STRICT)
                flipped |= set() if code is None else {code}
        for code in flipped:
            made = edit(text, code, dialect=dialect, rng=np.random.default_rng(index))
            assert made is not None and made.n_changed == 1, (dialect, index, code)


@pytest.mark.slow
def test_edits_are_the_smallest_one_word_changes_where_there_is_one() -> None:
    """Brute force over all one-word changes of small mazes: where one makes a code come first, the edit has one word, too."""
    for dialect in ("compact", "beyond-semantics", "searchformer"):
        reached: Counter[str] = Counter()
        for family in ("searchformer", "wilson"):
            _, text = valid(family, 2, dialect, 4)
            words = text.trace.split()
            base = read(text, dialect)
            begin, end = base.span
            maze = base.maze
            numbers = [str(n) for n in range(maze.cols + 1)]
            cells = [f"{x},{y}" for x in range(maze.cols + 1) for y in range(maze.rows + 1)]
            vocabulary = ["create", "close", *(cells if base.dialect.compact else numbers), *(f"c{g}" for g in range(12))]
            one_word: set[str] = set()
            for at in range(begin, end):
                for word in vocabulary:
                    changed = [*words[:at], word, *words[at + 1 :]]
                    code = first_code(base.with_words(changed), dialect, Strictness.STRICT)
                    if code is not None and Strictness.TIES in base.dialect.strictness:
                        code = code if first_code(base.with_words(changed), dialect, Strictness.TIES) == code else None
                    one_word |= {code} if code is not None else set()
            for code in EDIT_CODES:
                made = edit(text, code, dialect=dialect, rng=np.random.default_rng(0)) if code not in TIE_CODES else None
                if made is not None:
                    assert (made.n_changed == 1) == (code in one_word), (dialect, family, code)
                    reached[code] += made.n_changed == 1
                else:
                    assert code not in one_word, (dialect, family, code)
        assert len(reached) >= 10


def test_alone_trades_words_for_purity() -> None:
    _, text = valid("searchformer", 1, "compact")
    small = edit(text, "MISSING_CHILD", dialect="compact", rng=np.random.default_rng(0))
    pure = edit(text, "MISSING_CHILD", dialect="compact", rng=np.random.default_rng(0), alone=True)
    assert small is not None and pure is not None
    assert (small.n_changed, small.along) == (1, ("NOT_OPEN",)) and (pure.n_changed, pure.along) == (3, ())


def test_an_edit_begins_with_a_valid_trace() -> None:
    _, text = valid("wilson", 0, "compact")
    broken = edit(text, "WALL", dialect="compact", rng=np.random.default_rng(0))
    assert broken is not None
    with pytest.raises(InvalidInput, match="WALL at event"):
        edit(broken.after, "PARSE", dialect="compact", rng=np.random.default_rng(0))
    with pytest.raises(InvalidInput, match="no maze"):
        edit(FormalText(id="x", trace="hello"), "PARSE", dialect="compact", rng=np.random.default_rng(0))
    with pytest.raises(UnknownName, match="dialect"):
        read(text, "klingon")


def test_texts_that_hold_their_prompt_are_edited_the_same() -> None:
    _, text = valid("dfs", 1, "beyond-semantics")
    whole = FormalText(id="w", trace=f"{text.prompt} {text.trace}", given=text.given)
    apart = edit(text, "WRONG_G", dialect="beyond-semantics", rng=np.random.default_rng(3))
    together = edit(whole, "WRONG_G", dialect="beyond-semantics", rng=np.random.default_rng(3))
    assert apart is not None and together is not None
    assert together.after.trace == f"{text.prompt} {apart.after.trace}" and together.event == apart.event
    assert together.cut_after == apart.cut_after + len(text.prompt.split())


# -- paraphrase, swap, repair ----------------------------------------------------------------------------------------------


@settings(max_examples=60)
@given(st.sampled_from(NAMES), st.sampled_from(FAMILIES), st.integers(0, 300), st.sampled_from(["any", "children", "closes"]))
def test_paraphrases_are_valid_and_not_in_the_order_of_the_solver(dialect: str, family: str, index: int, kind: str) -> None:
    _, text = valid(family, index, dialect)
    found = paraphrase(text, dialect=dialect, rng=np.random.default_rng(index), kind=kind)
    if found is None:
        return
    seen = check(found.after, dialect)
    assert seen.is_valid and seen.plan_optimal and seen.plan_follows_trace and found.code is None
    assert found.after.trace != found.before.trace and found.n_changed > 0
    if Strictness.TIES in DIALECTS[dialect].strictness:
        assert first_code(found.after, dialect, Strictness.TIES) in TIE_CODES
    kept = found.after.trace.split()[: found.cut_after]
    assert kept != found.before.trace.split()[: len(kept)]


def test_paraphrases_of_both_kinds_exist() -> None:
    kinds = Counter(
        found.kind
        for index in range(30)
        for kind in ("children", "closes")
        if (found := paraphrase(valid("searchformer", index, "compact")[1], dialect="compact", rng=np.random.default_rng(0), kind=kind))
    )
    assert len(kinds) == 2 and min(kinds.values()) >= 10
    with pytest.raises(UnknownName, match="paraphrase"):
        paraphrase(valid("dfs", 0, "compact")[1], dialect="compact", rng=np.random.default_rng(0), kind="verse")


@pytest.mark.parametrize("dialect", NAMES)
def test_swaps_are_foreign_and_their_repair_is_the_solver(dialect: str) -> None:
    for index in range(6):
        _, text = valid("searchformer", index, dialect)
        _, other = valid("searchformer", index + 1, dialect)
        found = swap(text, other, dialect=dialect)
        assert found.code is not None and found.code == first_code(found.after, dialect, Strictness.STRICT)
        assert read(found.after, dialect).events == read(other, dialect).events
        assert found.after.trace.split()[found.plan_after :] == text.trace.split()[found.plan_before :]
        assert found.cut_after == found.plan_after
        mended = repair(found.after, dialect=dialect, rng=np.random.default_rng(0))
        assert check(mended.after, dialect).is_valid and check(mended.after, dialect).plan_follows_trace
    same = swap(text, text, dialect=dialect)
    assert same.code is None and same.n_changed == 0


@settings(max_examples=60)
@given(st.sampled_from(NAMES), st.sampled_from(FAMILIES), st.integers(0, 200), st.randoms(use_true_random=False))
def test_repairs_of_mutilated_traces_are_valid(dialect: str, family: str, index: int, random) -> None:
    _, text = valid(family, index, dialect)
    words = text.trace.split()
    begin, end = read(text, dialect).span
    for _ in range(random.randrange(1, 8)):
        at = random.randrange(begin, end)
        words[at] = words[random.randrange(begin, end)]
    broken = FormalText(id="b", prompt=text.prompt, trace=" ".join(words), given=text.given)
    if check(broken, dialect).trace_valid:
        return
    mended = repair(broken, dialect=dialect, rng=np.random.default_rng(0))
    assert check(mended.after, dialect).is_valid and check(mended.after, dialect).plan_follows_trace


def test_nothing_to_repair() -> None:
    with pytest.raises(InvalidInput, match="nothing to repair"):
        repair(valid("dfs", 0, "compact")[1], dialect="compact")


@pytest.mark.parametrize("dialect", [name for name in NAMES if DIALECTS[name].ties != "any"])
def test_a_run_goes_on_as_the_solver_would(dialect: str) -> None:
    spoken = DIALECTS[dialect]
    for family in FAMILIES:
        maze = generate(family, 8, seed=3, index=0)
        whole = solve(maze, spoken)
        for kept in range(0, len(whole.trace) + 1, 7):
            course = Course(maze, spoken)
            for event in whole.trace[:kept]:
                course.apply(event)
            assert (*whole.trace[:kept], *course.finish()) == whole.trace
            assert course.plan() == whole.plan


# -- random mutations against a naive reading of the rules -------------------------------------------------------------------


def is_legal(maze: Maze, dialect: str, body: list[str]) -> bool:
    """Whether the words of a trace are a legal run, each rule asked anew of everything written before; slow and plain on purpose."""
    spoken = DIALECTS[dialect]
    clause = r"(create|close) (\d+),(\d+) c(\d+)()" if spoken.compact else r"(create|close) (\d+) (\d+) c(\d+) c(\d+)"
    text = " ".join(body)
    if not re.fullmatch(rf"({clause}( |$))*", text):
        return False
    rows = [(verb, (int(x), int(y)), int(g), None if h == "" else int(h)) for verb, x, y, g, h in re.findall(clause, text)]
    far = maze.cols * maze.rows

    def cost(cell: tuple[int, int], upto: int) -> int:
        """The least cost at which a cell was created among the first events; the start's is 0 where it is not written."""
        written = [g for verb, at, g, _ in rows[:upto] if verb == "create" and at == cell]
        return min([*written, *([0] if cell == maze.start and not spoken.creates_start else [])], default=far)

    def closed(cell: tuple[int, int], upto: int) -> bool:
        return any(verb == "close" and at == cell for verb, at, _, _ in rows[:upto])

    def free_beside(cell: tuple[int, int]) -> list[tuple[int, int]]:
        every = [(x, y) for x in range(maze.cols) for y in range(maze.rows)]
        return [at for at in every if at not in maze.walls and manhattan(at, cell) == 1]

    for i, (verb, cell, g, h) in enumerate(rows):
        if closed(maze.goal, i):
            return False
        if cell not in {(x, y) for x in range(maze.cols) for y in range(maze.rows)} - set(maze.walls):
            return False
        if h is not None and h != manhattan(cell, maze.goal):
            return False
        last = next((j for j in reversed(range(i)) if rows[j][0] == "close"), None)
        if verb == "create":
            if last is None:
                if not (spoken.creates_start and i == 0 and cell == maze.start and g == 0):
                    return False
            elif cell not in free_beside(rows[last][1]) or g != rows[last][2] + 1 or closed(cell, i) or g >= cost(cell, i):
                return False
            continue
        if last is not None and any(not closed(at, i) and cost(at, i) > rows[last][2] + 1 for at in free_beside(rows[last][1])):
            return False
        is_open = [at for at in {maze.start, *(row[1] for row in rows[:i])} if cost(at, i) < far and not closed(at, i)]
        if cell not in is_open or g != cost(cell, i):
            return False
        if any(cost(at, i) + manhattan(at, maze.goal) < g + manhattan(cell, maze.goal) for at in is_open):
            return False
    return closed(maze.goal, len(rows))


def mutated(words: list[str], width: int, vocabulary: list[str], random) -> tuple[str, list[str]]:
    """One random change: a word, or an event left out, doubled, moved or exchanged with another."""
    n = len(words) // width
    i, j = random.randrange(n), random.randrange(n)
    events = [words[k * width : (k + 1) * width] for k in range(n)]
    how = random.choice(["word", "word", "word", "event field", "delete", "double", "swap", "swap next", "move"])
    if how == "word":
        at = random.randrange(len(words))
        return how, [*words[:at], random.choice(vocabulary), *words[at + 1 :]]
    if how == "event field":
        # Another event's cell with its costs under this verb: legal now and then.
        events[i] = [events[i][0], *events[j][1:]]
    elif how == "delete":
        del events[i]
    elif how == "double":
        events.insert(j, events[i])
    elif how == "move":
        events.insert(j, events.pop(i))
    else:
        j = min(i + 1, n - 1) if how == "swap next" else j
        events[i], events[j] = events[j], events[i]
    return how, [word for event in events for word in event]


@pytest.mark.slow
@settings(max_examples=150)
@given(st.sampled_from(NAMES), st.sampled_from(FAMILIES), st.integers(0, 100), st.integers(3, 6), st.randoms(use_true_random=False))
def test_random_mutations_are_legal_or_not_as_a_naive_reader_says(dialect: str, family: str, index: int, side: int, random) -> None:
    maze, text = valid(family, index, dialect, side)
    base = read(text, dialect)
    begin, end = base.span
    words = base.words
    assert is_legal(maze, dialect, words[begin:end])
    for _ in range(6):
        _, body = mutated(words[begin:end], 3 if base.dialect.compact else 5, words[begin:end], random)
        found = check(base.with_words([*words[:begin], *body, *words[end:]]), dialect)
        assert found.trace_valid is is_legal(maze, dialect, body), (found.violations[:2], body)


def test_the_naive_reader_has_seen_both_verdicts_and_most_codes() -> None:
    """Without legal mutations, or with few codes, the agreement above would say little."""
    import random as stdlib

    random = stdlib.Random(1)
    legal, seen = 0, Counter[str]()
    for index in range(30):
        dialect = NAMES[index % len(NAMES)]
        maze, text = valid(FAMILIES[index % len(FAMILIES)], index, dialect, 5)
        base = read(text, dialect)
        begin, end = base.span
        for _ in range(20):
            _, body = mutated(base.words[begin:end], 3 if base.dialect.compact else 5, base.words[begin:end], random)
            after = base.with_words([*base.words[:begin], *body, *base.words[end:]])
            code = first_code(after, dialect, Strictness.STRICT)
            assert (code is None) == is_legal(maze, dialect, body)
            legal += code is None and body != base.words[begin:end]
            seen[code or ""] += 1
    assert legal >= 5 and len(seen) >= 12, seen
