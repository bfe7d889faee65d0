"""The recipe of the maze models: arms, packing, training, and the arithmetic of its tables."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recipes.beyond_semantics.config import read_config
from recipes.beyond_semantics.data import DIALECT, Arm, Solved, batches, pack, partners, sequences, solved
from recipes.beyond_semantics.evaluate import problems
from recipes.beyond_semantics.table import bin_of, pages, read_rows, share
from recipes.beyond_semantics.words import CLOSE, make_tokenizer, vocabulary

from tokenworth.core.verification import FormalText, Level
from tokenworth.tasks.maze.generate import generate, split_of
from tokenworth.tasks.maze.grammar import render, render_prompt, render_trace
from tokenworth.tasks.maze.search import solve
from tokenworth.tasks.maze.verify import verify

RECIPE = Path(__file__).parents[1] / "recipes" / "beyond_semantics"
SIDE = 4
TOKENIZER = make_tokenizer(SIDE)
CORRECT, SWAPPED, NEAR, HALF, BARE = (
    Arm(name="correct"),
    Arm(name="swapped", swapped=1.0),
    Arm(name="near", swapped=1.0, same_length=True),
    Arm(name="mixed", swapped=0.5),
    Arm(name="solution-only", trace=False),
)


@pytest.fixture(scope="module")
def data() -> Solved:
    return solved(TOKENIZER, ["searchformer", "wilson"], SIDE, 200, seed=3)


def text_of(ids: np.ndarray) -> str:
    return TOKENIZER.decode(ids.tolist(), skip_special_tokens=False)


def test_every_word_is_one_token_and_nothing_is_lost() -> None:
    assert len(set(vocabulary(7).values())) == len(vocabulary(7))
    maze = generate("searchformer", SIDE, seed=1, index=0)
    found = solve(maze, DIALECT)
    text = render(maze, found.trace, found.plan, DIALECT)
    ids = TOKENIZER.encode(text).ids
    assert TOKENIZER.decode(ids) == text and len(ids) == len(text.split()) and TOKENIZER.token_to_id("<unk>") not in ids


def test_the_correct_arm_is_valid_and_the_swapped_one_is_not(data: Solved) -> None:
    for arm, wanted in ((CORRECT, True), (SWAPPED, False)):
        rows = sequences(data, arm, TOKENIZER, seed=1)
        verdicts = [
            verify(FormalText(id="", trace=text_of(ids), given={"rows": SIDE, "cols": SIDE}), dialect="compact", level=Level.STRICT)
            for ids, _ in rows
        ]
        assert all(v.parsed and v.plan_optimal for v in verdicts)
        valid = sum(v.trace_valid is True for v in verdicts)
        assert valid == len(rows) if wanted else valid < 0.02 * len(rows)


def test_swapping_gives_every_problem_the_trace_of_another(data: Solved) -> None:
    for arm in (SWAPPED, NEAR):
        whose = partners(data, arm, seed=1)
        assert sorted(whose) == list(range(len(data))) and not np.any(whose == np.arange(len(data)))
    lengths = np.asarray([len(trace) for trace in data.traces])
    assert np.median(np.abs(lengths[partners(data, NEAR, seed=1)] - lengths)) == 0
    assert np.median(np.abs(lengths[partners(data, SWAPPED, seed=1)] - lengths)) > 3
    kept = np.mean(partners(data, HALF, seed=1) == np.arange(len(data)))
    assert 0.35 < kept < 0.65
    assert np.array_equal(partners(data, CORRECT, seed=1), np.arange(len(data)))


def test_arms_differ_in_the_trace_alone(data: Solved) -> None:
    mark = TOKENIZER.token_to_id("Ġ" + CLOSE.strip())
    for i, ((right, n), (swapped, _), (bare, m)) in enumerate(
        zip(*(sequences(data, arm, TOKENIZER, seed=1) for arm in (CORRECT, SWAPPED, BARE)), strict=True)
    ):
        plans = [list(ids[list(ids).index(mark) :]) for ids in (right, swapped, bare)]
        assert plans[0] == plans[1] == plans[2] == list(data.plans[i])
        assert list(right[: n - 1]) == list(bare[:m]) == list(data.prompts[i])
        assert "reasoning" in text_of(right[:n]) and "reasoning" not in text_of(bare)


@given(lengths=st.lists(st.integers(2, 40), min_size=1, max_size=60), seed=st.integers(0, 99))
def test_packing_places_every_sequence_once(lengths: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = [(rng.integers(1, 99, size=n).astype(np.int16), int(rng.integers(1, n))) for n in lengths]
    packed = pack(rows, 40)
    found = []
    for row in range(len(packed.ids)):
        for number in range(packed.segment[row].max() + 1):
            where = packed.segment[row] == number
            assert list(packed.position[row, where]) == list(range(where.sum()))
            found.append((tuple(packed.ids[row, where]), int((~packed.counted[row, where]).sum())))
    assert sorted(found) == sorted((tuple(map(int, ids)), prompt) for ids, prompt in rows)
    assert not packed.counted[packed.segment < 0].any()


def test_a_sequence_longer_than_a_row_is_refused() -> None:
    with pytest.raises(ValueError, match="a sequence of 9 tokens in rows of 8"):
        pack([(np.zeros(9, np.int16), 1)], 8)


def test_all_arms_have_equal_presentations_in_the_same_order(data: Solved) -> None:
    mark = TOKENIZER.token_to_id("Ġ" + CLOSE.strip())

    def plans(arm: Arm) -> list[list[tuple[int, ...]]]:
        """The plans of each batch, in any order: a plan tells which problem it is of."""
        seen: list[list[tuple[int, ...]]] = []
        for packed in batches(sequences(data, arm, TOKENIZER, seed=1), size=16, width=160, steps=20, seed=1):
            rows = [
                packed.ids[r][packed.segment[r] == n].tolist() for r in range(len(packed.ids)) for n in range(packed.segment[r].max() + 1)
            ]
            seen.append(sorted(tuple(ids[ids.index(mark) :]) for ids in rows))
        return seen

    first = plans(CORRECT)
    assert [len(batch) for batch in first] == [16] * 20
    assert first == plans(SWAPPED) == plans(HALF) == plans(BARE)


def test_sequences_of_a_row_do_not_see_each_other(data: Solved) -> None:
    torch = pytest.importorskip("torch")
    from recipes.beyond_semantics.train import Shape, loss_of, new_model

    shape = Shape(width=32, inner=64, layers=2, heads=2, context=256)
    model = new_model(shape, TOKENIZER).eval()
    rows = sequences(data, CORRECT, TOKENIZER, seed=1)[:6]
    with torch.no_grad():
        together = float(loss_of(model, pack(rows, 256), "cpu"))
        alone = [(float(loss_of(model, pack([row], 256), "cpu")), len(row[0]) - row[1]) for row in rows]
    assert together == pytest.approx(sum(loss * n for loss, n in alone) / sum(n for _, n in alone), abs=1e-4)
    # The twin: a mask that lets them see each other gives another loss.
    packed = pack(rows, 256)
    leaky = type(packed)(ids=packed.ids, position=packed.position, segment=np.minimum(packed.segment, 0), counted=packed.counted)
    with torch.no_grad():
        assert abs(float(loss_of(model, leaky, "cpu")) - together) > 1e-3


def test_a_short_training_learns_the_grammar(data: Solved, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from recipes.beyond_semantics.evaluate import rows as outputs
    from recipes.beyond_semantics.train import Shape, save_model, train

    shape = Shape(width=48, inner=96, layers=2, heads=2, context=256, batch=24, row=192, steps=90, warmup=10)
    losses: list[str] = []
    model, record = train(CORRECT, data, TOKENIZER, shape, say=losses.append)
    assert record["presentations"] == 24 * 90 and record["loss"] < 2.1
    save_model(model, TOKENIZER, tmp_path / "correct", context=256)
    asked = problems("searchformer", SIDE, 6, seed=9)
    assert all(split_of(one.maze) == "test" for one in asked)
    made = list(outputs(model, TOKENIZER, CORRECT, asked, limit=120, temperature=0.0, seed=0))
    assert len(made) == 6 and all({"id", "prompt", "trace", "trace_valid", "plan_valid"} <= set(row) for row in made)

    from tokenworth.workbench.bench import Workbench

    with Workbench(f"hf:{tmp_path / 'correct'}", trace_format="maze") as bench:
        samples = bench.case(f"maze:searchformer/{SIDE}", 0).sample(4, seed=0)
    assert sum(samples.document.outcomes.values()) == 4


@pytest.mark.parametrize("path", sorted(RECIPE.glob("*.toml")), ids=lambda path: path.name)
def test_configurations_can_be_read(path: Path) -> None:
    config = read_config(path)
    assert {arm.name for arm in config.arms} >= {"correct", "swapped", "solution-only", "mixed"}
    assert config.shape.row <= config.shape.context and config.tests.limit <= config.shape.context


def row(**values: object) -> dict[str, object]:
    return {
        "plan_valid": True,
        "plan_optimal": False,
        "trace_valid": False,
        "trace_valid_paper": True,
        "plan_follows_trace": True,
        **values,
    }


def test_shares_count_what_they_say() -> None:
    rows = [
        row(),
        row(trace_valid=True),
        row(plan_valid=False),
        row(trace_valid=None, trace_valid_paper=None),
        row(parsed=False, plan_valid=None),
    ]
    assert (share(rows, "plan_valid")["k"], share(rows, "plan_valid")["n"]) == (3, 5)
    assert (share(rows, "trace_valid")["k"], share(rows, "trace_valid")["n"]) == (1, 4)
    assert (share(rows, "valid_given_correct")["k"], share(rows, "valid_given_correct")["n"]) == (1, 2)
    assert (share(rows, "follows_given_invalid_correct")["k"], share(rows, "follows_given_invalid_correct")["n"]) == (1, 1)
    assert share([], "plan_valid")["value"] is None
    assert [bin_of(n) for n in (0, 14, 15, 59, 60, 999)] == ["0 to 14", "0 to 14", "15 to 29", "45 to 59", "60 and more", "60 and more"]


def test_tables_are_made_of_the_outputs(tmp_path: Path) -> None:
    arm = tmp_path / "run" / "correct"
    arm.mkdir(parents=True)
    maze = generate("wilson", 5, seed=1, index=0)
    found = solve(maze, DIALECT)
    prompt = render_prompt(maze, DIALECT)
    # A right plan after a trace whose second event is on a wall; what the file says of it is out of date.
    x, y = maze.walls[0]
    wrong = render_trace(maze, found.trace, found.plan, DIALECT).split()
    wrong[4] = f"{x},{y}"
    text = " ".join(wrong)
    base = row(
        id="a", family="wilson", arm="correct", temperature=0.0, rows=5, cols=5, events=20, prompt=prompt, trace=text, plan_valid=False
    )
    (arm / "outputs.jsonl").write_text("\n".join(json.dumps({**base, "step": step}) for step in (5, 10, 10)) + "\n")
    (arm / "training.json").write_text(json.dumps({"config": {"shape": {"steps": 10}, "mazes": {"families": ["wilson"]}}}))
    text = "\n".join(pages(read_rows([tmp_path / "run"])))
    assert "| 5 | correct | wilson | 0.0 | 2 | 100.0 [34.2, 100.0] | 100.0 [34.2, 100.0] | 0.0 [0.0, 65.8] |" in text
    assert "* 5 × 5, correct: WALL 2" in text and "| 5 | correct | 15 to 29 | 2 |" in text
