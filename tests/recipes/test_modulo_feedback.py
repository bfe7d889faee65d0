"""Feedback in the form a model was trained on: one text in training and in the loop, the bundled model, and what its recipe counts."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recipes.beyond_semantics.data import solved
from recipes.modulo_feedback.config import Second, read_config
from recipes.modulo_feedback.data import Rejected, answer_of, edited, faults, first_attempts, second_attempts, texts
from recipes.modulo_feedback.measure import KINDS, MOVED, SHUFFLED, TRUE, SecondAttempt, moved, pages, prompts, summary
from recipes.modulo_feedback.words import FORM, feedback_tokenizer, save_form
from tests.checkout import ROOT
from tests.helpers import LADDER
from tokenworth.errors import InvalidInput
from tokenworth.methods.modulo.experiment import NO_ANSWER, LoopItem, _feedback, check_subject, sampling_of
from tokenworth.methods.modulo.feedback import FeedbackForm, fault_words, feedback_form, written
from tokenworth.methods.modulo.settings import ModuloSettings
from tokenworth.tasks.load import load_item
from tokenworth.workbench.bench import Workbench
from tokenworth.workbench.case import FEEDBACK_FILE

SIDE, TASK, MODEL = 7, "maze:searchformer/7", "maze-feedback"
QUESTION = "query start 0,0 goal 2,0 wall 1,0"
WALL, STEP = "maze/compact: PLAN_WALL: expected a free cell of the grid; got 1 0", "maze/compact: PLAN_STEP: expected x; got 2 0"
RECIPE = ROOT / "recipes" / "modulo_feedback"
TOKENIZER = feedback_tokenizer(SIDE)
HALVES = Second(n=1, bare=0.25, every=0.25, seed=1)


def plan(feedback: str = "first", **choices: Any) -> ModuloSettings:
    return ModuloSettings(**{"critic": "maze", "feedback": feedback, "max_attempts": 4, **choices})


@pytest.fixture(scope="module")
def bench() -> Iterator[Workbench]:
    with Workbench(MODEL) as opened:
        yield opened


def looped(bench: Workbench, feedback: str, item: int) -> LoopItem:
    return bench.case(TASK, item).measure("modulo", critic="maze", feedback=feedback, max_attempts=4).result


def bundled(name: str) -> Path:
    with Workbench(name) as opened:
        assert opened.model.folder is not None
        return opened.model.folder


# -- the form -------------------------------------------------------------------------------------------------------------------------


def test_the_text_of_a_second_attempt_is_this_one() -> None:
    assert FORM.again(QUESTION + " reasoning", " 0,0 1,0 2,0 end", (WALL,)) == f"{QUESTION} rejected 0,0 1,0 2,0 end fault PLAN_WALL 1,0"
    both = f"{QUESTION} rejected 0,0 end fault PLAN_WALL 1,0 fault PLAN_STEP 2,0"
    assert FORM.again(QUESTION, "0,0  end ", (WALL, STEP)) == both
    assert FORM.again(QUESTION, "0,0 end", ()) == f"{QUESTION} rejected 0,0 end"
    ids = TOKENIZER.encode(both).ids
    assert TOKENIZER.decode(ids) == both and len(ids) == len(both.split()) and 0 not in ids


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (WALL, "PLAN_WALL 1,0"),
        ("maze/compact: PLAN_WALL: expected a free cell of the grid; got 1,0", "PLAN_WALL 1,0"),
        ("maze/compact: PARSE at step 2: expected the word 'end'; got the end of the text", "PARSE"),
        ("maze/compact: PLAN_PARSE: expected plan X Y; got c3", "PLAN_PARSE"),
        ("maze/compact: PLAN_GOAL: expected 1 0; got 12 7", "PLAN_GOAL 12,7"),
        ("maze/compact: PLAN_GOAL: expected 1 0; got ٣ 4", "PLAN_GOAL"),
        ("", ""),
    ],
)
def test_a_message_is_its_code_and_its_place(message: str, words: str) -> None:
    assert fault_words(message) == words


@given(st.text(max_size=200))
def test_no_message_breaks_the_form(message: str) -> None:
    assert len(fault_words(message).split()) <= 2 or " " not in message


def test_the_verifier_says_what_the_form_reads() -> None:
    """The chain from a plan to the words of its fault: the cell named is the one at which the plan fails."""
    for cells, wanted in (
        ("0,0 1,0 2,0", ("PLAN_WALL 1,0",)),
        ("0,0 0,1 1,1 2,1", ("PLAN_GOAL 2,1",)),
        ("0,1 1,1 2,1 2,0", ("PLAN_START 0,1",)),
        ("0,0 1,1 2,1 2,0", ("PLAN_STEP 1,1",)),
        ("0,0 0,1 1,1 2,1 2,0", ()),
        ("0,0 c3", ("PLAN_PARSE",)),
    ):
        assert tuple(map(fault_words, faults(QUESTION, f"solution {cells} end", SIDE)))[:1] == wanted
    assert faults(QUESTION, "solution 0,0 1,0", SIDE) == () == faults(QUESTION, "0,0 1,0 end", SIDE)


def test_a_form_is_written_and_read_again() -> None:
    assert feedback_form(written(FORM).encode(), "x") == FORM
    good = json.loads(written(FORM))
    for broken, told in (
        ("{", "JSON"),
        (json.dumps({**good, "more": "x"}), "'more'"),
        (json.dumps({**good, "critic": 3}), "object of texts"),
        (json.dumps({**good, "schema": "other/1"}), "schema"),
        (json.dumps({key: value for key, value in good.items() if key != "fault"}), "'fault'"),
        (json.dumps({**good, "fault": " "}), "fault is empty"),
        (" " * 20_000, "bytes"),
    ):
        with pytest.raises(InvalidInput, match=told) as caught:
            feedback_form(broken.encode(), "x")
        assert "\n" not in str(caught.value)


def test_a_form_belongs_to_a_folder(tmp_path: Path) -> None:
    task = {"tiny": "world:steps"}
    for name in ("tiny", "maze-correct", "maze-swapped", MODEL):
        with Workbench(name) as opened:
            told = opened.case(task.get(name, TASK)).subject().feedback
        assert (told is None) == (name != MODEL)
        assert told is None or feedback_form(told, name) == FORM
    # A model in a folder of one's own brings its form along; what has no folder has none.
    shutil.copytree(bundled(MODEL), tmp_path / "own")
    with Workbench(f"hf:{tmp_path / 'own'}", trace_format="maze") as opened:
        assert opened.model.folder == tmp_path / "own" and opened.case(TASK).subject().feedback is not None
    (tmp_path / "toy.json").write_text(json.dumps(LADDER), encoding="utf-8")
    with Workbench(f"toy:{tmp_path / 'toy.json'}") as opened:
        assert opened.model.folder is None and opened.case().subject().feedback is None


def test_faults_fit_the_critic_they_are_of() -> None:
    assert FORM.fits("maze", None) and FORM.fits("maze", "compact")
    assert not FORM.fits("maze", "searchformer") and not FORM.fits("reference", None) and not FORM.fits("ma", None)


# -- the loop -------------------------------------------------------------------------------------------------------------------------


@settings(max_examples=15, deadline=None)
@given(index=st.integers(0, 5), seed=st.integers(0, 10_000), n=st.integers(0, 3))
def test_the_loop_asks_what_training_wrote(bench: Workbench, index: int, seed: int, n: int) -> None:
    """For any problem and any rejected plan the ids of the next prompt are those of a training example."""
    problem = load_item(TASK, index)
    question = problem.question.removesuffix(" reasoning")
    cells = np.random.default_rng(seed).integers(SIDE, size=(5, 2))
    answer = " ".join([*(f"{x},{y}" for x, y in cells), "end"])
    messages = faults(question, f"solution {answer}", SIDE)
    assert messages
    chosen, case = plan("first" if n == 1 else "all"), bench.case(TASK, index)
    subject = case.subject()
    next_prompt = _feedback(subject, chosen, sampling_of(subject, chosen))
    assert next_prompt is not None
    ids = bench.model.codec.encode(f" solution {answer}")
    told = messages[:1] if n == 1 else messages
    made = next_prompt(case.prompt, ids, messages)
    assert made == tuple(TOKENIZER.encode(FORM.again(question, answer, told)).ids)
    assert case.prompt == tuple(TOKENIZER.encode(question).ids) == made[: len(case.prompt)], "no word that begins a trace"
    # Negative twin: another fault is another prompt.
    assert made != next_prompt(case.prompt, ids, ("maze/compact: REOPEN: expected x; got 6 6",))
    assert next_prompt(case.prompt, (), (NO_ANSWER,)) == case.prompt, "no answer, no words for it: the question again"


def test_the_loop_runs_with_the_bundled_model(bench: Workbench) -> None:
    done = {kind: [looped(bench, kind, item) for item in range(8)] for kind in ("none", "first", "all")}
    again = 0
    for kind, items in done.items():
        for one in items:
            attempts = one.result.attempts
            assert [attempt.checked.accepted for attempt in attempts] == [False] * (len(attempts) - 1) + [one.result.accepted is not None]
            for attempt, grade in zip(attempts, one.grades, strict=True):
                assert attempt.checked.accepted is (grade.verdict == "correct"), "a sound verifier, and no trace is missed"
            for before, after in zip(attempts, attempts[1:], strict=False):
                asked = bench.model.codec.decode(after.prompt)
                if kind == "none":
                    assert after.prompt == before.prompt
                elif NO_ANSWER not in before.checked.messages:
                    again += 1
                    answer = answer_of(bench.model.codec.decode(before.rollout.ids))
                    told = before.checked.messages[:1] if kind == "first" else before.checked.messages[:20]
                    assert asked.endswith(" rejected " + " ".join([answer, *(f"fault {fault_words(said)}" for said in told)]))
        assert sum(one.result.accepted is not None for one in items) >= 4
    assert again >= 3, "without a rejected first attempt nothing was tested"
    first = {kind: [one.texts[0] for one in items] for kind, items in done.items()}
    assert first["first"] == first["all"], "the same draws before any feedback"


@pytest.mark.parametrize(
    ("model", "critic", "dialect", "told"),
    [
        ("maze-correct", "maze", None, "maze-correct was not trained to read what is wrong with an answer; use --feedback none"),
        (MODEL, "reference", None, "maze-feedback reads the faults of maze/compact, not of reference; use that critic"),
        (MODEL, "maze", "searchformer", "not of maze/searchformer"),
    ],
)
def test_feedback_that_was_not_trained_is_refused(model: str, critic: str, dialect: str | None, told: str) -> None:
    with Workbench(model) as opened:
        subject = opened.case(TASK).subject()
    with pytest.raises(InvalidInput, match=told) as caught:
        check_subject(subject, plan("first", critic=critic, dialect=dialect))
    assert "\n" not in str(caught.value)
    check_subject(subject, plan("none", critic=critic, dialect=dialect))


def test_files_are_whole_small_and_as_summed() -> None:
    folder = bundled(MODEL)
    sums = dict(reversed(line.split("  ")) for line in (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines())
    assert set(sums) == {path.name for path in folder.iterdir()} - {"SHA256SUMS"}
    for file, digest in sums.items():
        assert hashlib.sha256((folder / file).read_bytes()).hexdigest() == digest, file
    assert sum(path.stat().st_size for path in folder.iterdir()) < 2_000_000


# -- the recipe -----------------------------------------------------------------------------------------------------------------------


def test_configurations_can_be_read() -> None:
    for name, side in (("cpu7.toml", 7), ("smoke.toml", 5)):
        config = read_config(RECIPE / name)
        assert config.mazes.side == side and config.shape.threads == 1
        assert config.shape.row <= config.shape.context


def test_second_attempts_hold_a_rejected_plan_and_the_right_one() -> None:
    data = first_attempts(solved(TOKENIZER, ["searchformer"], SIDE, 40, seed=3))
    questions, plans = texts(TOKENIZER, data.prompts), texts(TOKENIZER, data.plans)
    wrong = list(islice(edited(questions, plans, SIDE, seed=1), 200))
    assert len({one.answer for one in wrong}) > 50
    made = second_attempts(data, questions, wrong, TOKENIZER, HALVES, longest=1000)
    told = [0, 0, 0]
    for one, prompt, plan_ids in zip(wrong, texts(TOKENIZER, made.prompts), made.plans, strict=True):
        question = questions[one.index]
        assert faults(question, f"solution {one.answer}", SIDE) == one.messages != ()
        right = TOKENIZER.decode(plan_ids.tolist(), skip_special_tokens=False).strip()
        assert right.startswith("solution ") and right.endswith(" end") and not faults(question, right, SIDE)
        kind = [FORM.again(question, one.answer, one.messages[:k]) for k in (0, 1, len(one.messages))].index(prompt)
        told[kind] += 1
    assert 25 <= told[0] <= 80 and told[1] >= 80 and told[2] > 0
    short = second_attempts(data, questions, wrong, TOKENIZER, HALVES, longest=45)
    assert 0 < len(short) < len(made)
    assert all(len(prompt) + len(plan_ids) <= 45 for prompt, plan_ids in zip(short.prompts, short.plans, strict=True))


def test_a_moved_fault_is_at_another_cell_and_a_shuffled_one_is_another_problems() -> None:
    rng = np.random.default_rng(0)
    one = Rejected(index=0, answer="0,0 1,0 2,0 end", messages=(WALL,), is_drawn=True)
    found = {fault_words(moved(one, rng)) for _ in range(50)}
    assert found == {"PLAN_WALL 0,0", "PLAN_WALL 2,0"}
    bare = Rejected(index=0, answer="1,0 end", messages=(WALL,), is_drawn=True)
    assert moved(bare, rng) == WALL, "no other cell to name"
    wrong = [
        Rejected(index=i, answer="0,0 end", messages=(f"maze/compact: PLAN_GOAL: expected x; got {i} 0",), is_drawn=True) for i in range(7)
    ]
    asked = prompts([QUESTION] * 7, wrong, seed=1)
    assert list(asked) == list(KINDS) and {len(made) for made in asked.values()} == {7}
    true, other = ([text.split()[-1] for text in asked[kind]] for kind in (TRUE, SHUFFLED))
    assert sorted(true) == sorted(other) and all(a != b for a, b in zip(true, other, strict=True))
    assert all(text.endswith("0,0") for text in asked[MOVED])


def test_the_tables_count_what_was_asked() -> None:
    wrong = [Rejected(index=i, answer="0,0 end", messages=(WALL if i % 2 else STEP,), is_drawn=True) for i in range(10)]
    made = [
        SecondAttempt(kind=kind, index=i, completion="", is_right=kind == TRUE or i < 4, is_same=False) for kind in KINDS for i in range(10)
    ]
    found = summary(30, 2, wrong, made)
    assert (found["first"]["k"], found["first"]["n"], found["unfinished"]) == (18, 30, 2)
    assert {kind: row["k"] for kind, row in found["second"].items()} == {kind: 10 if kind == TRUE else 4 for kind in KINDS}
    (pair, *_) = found["differences"]
    assert pair["first"] == TRUE and pair["first_only"] == 6 and pair["difference"] == pytest.approx(0.6)
    assert {code: row[TRUE]["n"] for code, row in found["by_code"].items()} == {"PLAN_STEP": 5, "PLAN_WALL": 5}
    lines = list(pages(found))
    assert lines[0].startswith("First attempts: 18 of 30 right, 60.0 [") and sum("first fault less" in line for line in lines) == 4


def test_the_saved_form_is_the_bundled_one(tmp_path: Path) -> None:
    (tmp_path / "tokenizer_config.json").write_text("{}", encoding="utf-8")
    save_form(tmp_path)
    folder = bundled(MODEL)
    assert (tmp_path / FEEDBACK_FILE).read_bytes() == (folder / FEEDBACK_FILE).read_bytes()
    assert isinstance(feedback_form((tmp_path / FEEDBACK_FILE).read_bytes(), "x"), FeedbackForm)
