"""The recipe of the maze models: arms, packing, training, and the arithmetic of its tables."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipes.beyond_semantics.bundle import card
from recipes.beyond_semantics.config import read_config
from recipes.beyond_semantics.data import DIALECT, Arm, Solved, batches, pack, partners, sequences, solved
from recipes.beyond_semantics.evaluate import problems
from recipes.beyond_semantics.kept import kept
from recipes.beyond_semantics.table import bin_of, costs_of, pages, read_rows, results, share
from recipes.beyond_semantics.words import CLOSE, make_tokenizer, vocabulary
from tests.checkout import ROOT
from tokenworth.cli.streams import records_of
from tokenworth.core.document import Provenance
from tokenworth.core.verification import FormalText, Strictness
from tokenworth.errors import InvalidInput, MismatchError
from tokenworth.methods.verify.lines import Judged
from tokenworth.methods.verify.records import judged, verifier
from tokenworth.methods.verify.tally import Tally
from tokenworth.tasks.load import load_item
from tokenworth.tasks.maze.generate import generate, split_of
from tokenworth.tasks.maze.grammar import render, render_prompt, render_trace
from tokenworth.tasks.maze.search import solve
from tokenworth.tasks.maze.verify import verify

RECIPE = ROOT / "recipes" / "beyond_semantics"
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
            verify(
                FormalText(id="", trace=text_of(ids), given={"rows": SIDE, "cols": SIDE}), dialect="compact", strictness=Strictness.STRICT
            )
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


def made_of(traces: list[tuple[int, ...]]) -> Solved:
    arrays = tuple(np.asarray(trace, dtype=np.int16) for trace in traces)
    return Solved(prompts=arrays, traces=arrays, plans=arrays)


@given(
    traces=st.lists(st.tuples(st.integers(1, 6), st.integers(0, 3)), min_size=2, max_size=40),
    seed=st.integers(0, 99),
    same_length=st.booleans(),
    share=st.sampled_from([1.0, 0.5]),
)
def test_no_swapped_trace_reads_as_its_own(traces: list[tuple[int, int]], seed: int, same_length: bool, share: float) -> None:
    """Few lengths and few kinds, so that many read alike: they are exchanged as long as there is anything to exchange with."""
    made = [(kind,) * length for length, kind in traces]
    whose = partners(made_of(made), Arm(name="any", swapped=share, same_length=same_length), seed=seed)
    assert sorted(whose) == list(range(len(made))), "the same traces in all"
    chosen = np.flatnonzero(np.random.default_rng([seed, 7]).random(len(made)) < share)
    assert all(whose[i] == i for i in range(len(made)) if i not in chosen)
    sizes = {trace: sum(made[i] == trace for i in chosen) for trace in (made[i] for i in chosen)}
    alike = sum(made[whose[i]] == made[i] for i in chosen)
    most = max(sizes.values(), default=0)
    assert alike == max(0, 2 * most - len(chosen)), "as few as can be"
    if same_length and 2 * most <= len(chosen):
        strangers = 0
        for length in {len(made[i]) for i in chosen}:
            here = [made[i] for i in chosen if len(made[i]) == length]
            strangers += max(0, 2 * max(map(here.count, here)) - len(here))
        assert sum(len(made[whose[i]]) != len(made[i]) for i in chosen) <= 2 * strangers


def test_a_length_of_its_own_goes_to_the_nearest() -> None:
    lengths = [4, 4, 4, 9, 9, 9, 12, 30, 31]
    made = [(i,) * length for i, length in enumerate(lengths)]
    for seed in range(20):
        whose = partners(made_of(made), NEAR, seed=seed)
        differences = [abs(lengths[whose[i]] - length) for i, length in enumerate(lengths)]
        # 12 exchanges with a 9, 30 with 31; a roll over all would give the shortest the longest.
        assert sorted(differences) == [0, 0, 0, 0, 0, 1, 1, 3, 3]


def test_problems_are_the_same_whatever_the_number_of_processes(data: Solved) -> None:
    again = solved(TOKENIZER, ["searchformer", "wilson"], SIDE, 200, seed=3, workers=2)
    for part in ("prompts", "traces", "plans"):
        assert [ids.tolist() for ids in getattr(again, part)] == [ids.tolist() for ids in getattr(data, part)]


def test_kept_problems_are_read_again_and_others_are_refused(data: Solved, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, families = tmp_path / "more" / "data.npz", ["searchformer", "wilson"]
    made = kept(path, TOKENIZER, families, SIDE, 200, seed=3)
    assert [file.name for file in path.parent.iterdir()] == ["data.npz"]
    monkeypatch.setattr("recipes.beyond_semantics.kept.solved", None)
    read = kept(path, TOKENIZER, families, SIDE, 200, seed=3)
    for part in ("prompts", "traces", "plans"):
        wanted = [ids.tolist() for ids in getattr(data, part)]
        assert [ids.tolist() for ids in getattr(read, part)] == wanted == [ids.tolist() for ids in getattr(made, part)]
        assert {ids.dtype for ids in getattr(read, part)} == {np.dtype(np.int16)}
    for other, told in (({"seed": 4}, "another seed"), ({"longest": 50, "seed": 3}, "another longest")):
        with pytest.raises(MismatchError, match=told):
            kept(path, TOKENIZER, families, SIDE, 200, **other)
    with pytest.raises(MismatchError, match="another vocabulary"):
        kept(path, make_tokenizer(SIDE + 1), families, SIDE, 200, seed=3)
    with np.load(path) as file:
        arrays = dict(file)
    for change in (
        {"plans_end": arrays["plans_end"][:-1]},
        {"plans": arrays["plans"] + np.int16(5000)},
        {"traces_end": -arrays["traces_end"]},
    ):
        np.savez(path, **(arrays | change))
        with pytest.raises(InvalidInput, match="are damaged"):
            kept(path, TOKENIZER, families, SIDE, 200, seed=3)
    for text in (b"", b"no archive", path.read_bytes()[:5000]):
        path.write_bytes(text)
        with pytest.raises(InvalidInput, match="delete it"):
            kept(path, TOKENIZER, families, SIDE, 200, seed=3)


def test_tested_problems_are_the_items_of_the_task() -> None:
    for number, one in enumerate(problems("wilson", SIDE, 4, seed=9)):
        item = load_item(f"maze:wilson/{SIDE}", number)
        assert (one.id, one.prompt) == (item.id, item.question)
    assert {one.id.split(":")[0] for one in problems("wilson", SIDE, 2, seed=8)} == {"wilson-4-seed8-test-0", "wilson-4-seed8-test-1"}


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


SHAPE = {"width": 32, "inner": 64, "layers": 1, "heads": 2, "context": 256, "batch": 8, "row": 192, "warmup": 2}


def test_a_training_that_was_stopped_ends_with_the_same_weights(data: Solved, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from recipes.beyond_semantics.train import Keep, Shape, train

    shape, keep = Shape(**SHAPE, steps=9), Keep(path=tmp_path / "state.safetensors", every=4)

    class Stopped(Exception):
        pass

    def stop(step: int, _: object) -> None:
        if step == 6:
            raise Stopped

    def run(arm: Arm = SWAPPED, **more: object) -> tuple[dict[str, object], dict[str, float]]:
        model, record = train(arm, data, TOKENIZER, shape, say=lambda _: None, **more)
        return model.state_dict(), record

    whole, told = run()
    with pytest.raises(Stopped):
        run(keep=keep, on_step=stop)
    steps: list[int] = []
    with pytest.raises(MismatchError, match="other settings"):
        run(CORRECT, keep=keep)
    gone_on, told_again = run(keep=keep, on_step=lambda step, _: steps.append(step))
    assert steps == [5, 6, 7, 8, 9], "from the state of step 4"
    assert all(torch.equal(whole[name], gone_on[name]) for name in whole)
    assert [told[name] for name in ("tokens", "loss")] == [told_again[name] for name in ("tokens", "loss")]
    for damaged in (b"", b"{}", keep.path.read_bytes()[:3000]):
        keep.path.write_bytes(damaged)
        with pytest.raises(InvalidInput, match="delete it to begin again"):
            run(keep=keep)


def test_a_draw_does_not_depend_on_the_batch(data: Solved) -> None:
    pytest.importorskip("torch")
    from recipes.beyond_semantics.evaluate import completions
    from recipes.beyond_semantics.train import Shape, new_model

    model = new_model(Shape(**SHAPE), TOKENIZER)
    prompts = [one.prompt for one in problems("wilson", SIDE, 7, seed=9)]

    def made(temperature: float, batch: int, seed: int = 1) -> list[str]:
        return list(completions(model, TOKENIZER, prompts, limit=30, temperature=temperature, seed=seed, batch=batch))

    for temperature in (0.0, 1.0):
        assert made(temperature, 7) == made(temperature, 2) and len(made(temperature, 3)) == 7
    assert made(1.0, 7) != made(1.0, 7, seed=2) and made(0.0, 7) == made(0.0, 7, seed=2)
    texts = made(1.0, 7)
    assert all(" end" not in text[:-4] and len(text.split()) <= 30 for text in texts)
    assert any(text.endswith(" end") for text in texts) and not all(text.endswith(" end") for text in texts)


@pytest.fixture(scope="module")
def arm_folder(data: Solved, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An arm after a short training, tested."""
    pytest.importorskip("torch")
    from recipes.beyond_semantics.config import Config, Mazes, Tests
    from recipes.beyond_semantics.run import train_arm
    from recipes.beyond_semantics.testing import ask_saved
    from recipes.beyond_semantics.train import Shape

    shape = Shape(width=48, inner=96, layers=2, heads=2, context=256, batch=24, row=192, steps=90, warmup=10)
    mazes = Mazes(side=SIDE, families=("searchformer", "wilson"), n=len(data), seed=3)
    tests = Tests(families=("searchformer", "wilson"), n=6, seed=9, limit=120, temperatures=(0.0, 1.0), checkpoints=(40,), n_checkpoint=4)
    folder = tmp_path_factory.mktemp("run") / "correct"
    config = Config(mazes=mazes, shape=shape, tests=tests, arms=(CORRECT,))
    train_arm(CORRECT, data, TOKENIZER, config, folder, facts={"data_cpu_seconds": 1.5})
    ask_saved(folder, say=lambda _: None)
    return folder


def test_a_short_training_learns_the_grammar(arm_folder: Path) -> None:
    record = json.loads((arm_folder / "training.json").read_text(encoding="utf-8"))["training"]
    assert record["presentations"] == 24 * 90 and record["loss"] < 2.1
    assert all(split_of(one.maze) == "test" for one in problems("searchformer", SIDE, 6, seed=9))

    from tokenworth.workbench.bench import Workbench

    with Workbench(f"hf:{arm_folder}", trace_format="maze") as bench:
        samples = bench.case(f"maze:searchformer/{SIDE}", 0).sample(4, seed=0)
    assert sum(samples.document.outcomes.values()) == 4


def test_outputs_are_those_of_the_saved_weights(arm_folder: Path) -> None:
    from recipes.beyond_semantics.evaluate import completions
    from recipes.beyond_semantics.testing import read_lines
    from recipes.beyond_semantics.train import digest, load_model

    made, asked = read_lines(arm_folder / "outputs.jsonl"), problems("wilson", SIDE, 6, seed=9)
    texts = completions(load_model(arm_folder), TOKENIZER, [one.prompt for one in asked], limit=120, temperature=1.0, seed=0)
    assert list(texts) == [row["trace"] for row in made if (row["family"], row["temperature"]) == ("wilson", 1.0)]
    record = json.loads((arm_folder / "training.json").read_text(encoding="utf-8"))["training"]
    assert record["tested_weights"] == digest(arm_folder / "model.safetensors")
    assert record["test_cpu_seconds"] > 0 and record["test_seconds"] > 0 and record["data_cpu_seconds"] == 1.5
    card(arm_folder, "any")
    # Negative twin: the card of other weights is refused.
    other = arm_folder.parents[1] / f"{arm_folder.parent.name}-other" / "correct"
    shutil.copytree(arm_folder, other)
    with (other / "model.safetensors").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x01")
    with pytest.raises(MismatchError, match="test them first"):
        card(other, "any")


def test_outputs_that_differ_in_what_was_tested_are_not_counted_together(arm_folder: Path) -> None:
    from recipes.beyond_semantics.testing import read_lines

    made, early = read_lines(arm_folder / "outputs.jsonl"), read_lines(arm_folder / "checkpoints.jsonl")
    assert len(made) == 24 and {row["step"] for row in made} == {90} and [row["step"] for row in early] == [40] * 4
    groups = [f"correct, {family} 4 x 4, temperature {t}" for t in (0, 1) for family in ("searchformer", "wilson")]
    assert [row["tested"] for row in made] == [name for name in groups for _ in range(6)]
    assert {row["tested"] for row in early} == {f"{groups[0]}, step 40"}
    tally = Tally(group="tested")
    check = verifier("maze", "compact", None, max_errors=10)
    for one in (judged(where, record, check) for where, record in records_of([arm_folder / "outputs.jsonl"])):
        assert isinstance(one, Judged)
        tally.add(one)
    tables = tally.document(check, level=0.95, provenance=Provenance(version="", created="", command="", source="")).tables
    assert [(table.group, sum(cell.n for cell in table.cells)) for table in tables] == [(name, 6) for name in groups]
    found = results(read_rows([arm_folder.parent]), costs_of([arm_folder.parent]))
    assert [(row["family"], row["temperature"], row["n"]) for row in found["by_family"]] == [
        ("searchformer", 0.0, 6), ("wilson", 0.0, 6), ("searchformer", 1.0, 6), ("wilson", 1.0, 6)
    ]  # fmt: skip
    assert [(row["step"], row["n"]) for row in found["in_training"]] == [(40, 4)]
    assert sum(row["n"] for row in found["by_length"]) == 12
    invalid = sum(row["trace_valid"] is False for row in made if row["temperature"] == 0)
    assert sum(row["n"] for row in found["first_errors"]) == invalid == sum(sum(row["codes"].values()) for row in found["first_errors"])
    assert found["costs"][0]["cpu_seconds"] > 0 and json.loads(json.dumps(found)) == found


def test_saved_arms_are_tested_again(arm_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from recipes.beyond_semantics import run
    from recipes.beyond_semantics.testing import read_lines

    again = tmp_path / "run" / "correct"
    shutil.copytree(arm_folder, again)
    made, early = read_lines(again / "outputs.jsonl"), read_lines(again / "checkpoints.jsonl")
    # As an earlier layout had it: all in one file, other ids, no joint field.
    (again / "checkpoints.jsonl").unlink()
    old = [{**row, "id": "maze:searchformer/4/77"} for row in (*early, *(row | {"trace": "none"} for row in made))]
    (again / "outputs.jsonl").write_text("".join(json.dumps({k: v for k, v in row.items() if k != "tested"}) + "\n" for row in old))
    monkeypatch.setattr("sys.argv", ["run", "--test", "--out", str(again.parent)])
    for _ in range(2):
        run.main()
        assert read_lines(again / "outputs.jsonl") == made and read_lines(again / "checkpoints.jsonl") == early
    for wrong in (["--test", "--out", str(again.parent), "--arm", "corect"], ["--out", "x"], ["--test", "--out", str(tmp_path)]):
        monkeypatch.setattr("sys.argv", ["run", *wrong])
        with pytest.raises(SystemExit) as stopped:
            run.main()
        assert stopped.value.code == 2


@pytest.mark.parametrize("path", sorted(RECIPE.glob("*.toml")), ids=lambda path: path.name)
def test_configurations_can_be_read(path: Path) -> None:
    config = read_config(path)
    arms = {arm.name.removesuffix("-long") for arm in config.arms}
    assert arms >= {"swapped", "solution-only"} and (arms >= {"correct", "mixed"} or "long" in path.name)
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
