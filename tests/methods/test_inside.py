"""One axis for all that is known of a trace: clocks against plain loops, traces against numpy, channels that follow the value or not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tokenworth.cli.main import run
from tokenworth.core.document import About, ModelDoc, Provenance, TraceDoc
from tokenworth.core.problem import Option, Problem
from tokenworth.core.sampling import Sampling
from tokenworth.errors import InvalidInput
from tokenworth.importers.channel import read_channel
from tokenworth.methods.curve.document import BudgetDoc, CurveDoc, PlanDoc
from tokenworth.methods.inside.clocks import settled_value
from tokenworth.methods.inside.derive import inside_document
from tokenworth.methods.inside.document import InsideDoc
from tokenworth.methods.inside.settings import InsideSettings
from tokenworth.methods.lens.document import LensDoc
from tokenworth.methods.pivots.document import CriticalDoc, PivotDoc, PivotPlanDoc, PivotsDoc
from tokenworth.store.documents import read_document

ABOUT = About(provenance=Provenance(version="0"))
MODEL = ModelDoc(name="m")


def trace(name: str, n: int = 8, outcome: str = "A") -> tuple[Problem, TraceDoc]:
    problem = Problem(id=name, question=name, options=(Option(label="A", text="tin"), Option(label="B", text="lead")), gold="A", task="t")
    pieces = (*(f"w{k} " for k in range(n - 1)), " tin")
    return problem, TraceDoc(
        unit="token", pieces=pieces, answer_pieces=(), ids=tuple(range(n)), prompt=name, outcome=outcome, verdict="correct"
    )


def curve(name: str, value: Sequence[float], half: float = 0.05) -> CurveDoc:
    problem, base = trace(name, len(value) - 1)
    v = np.asarray(value)
    low, high = (tuple(np.clip(v + side, 0, 1).tolist()) for side in (-half, half))
    wide = [tuple(np.clip(v + side, 0, 1).tolist()) for side in (-2 * half, 2 * half)]
    return CurveDoc(
        problem=problem, model=MODEL, plan=PlanDoc(name="excursions"), trace=base, cuts=tuple(range(len(v))), value=tuple(v.tolist()),
        low=low, high=high, level=0.95, band_low=wide[0], band_high=wide[1], n_effective=(1.0,) * len(v), n_started=(1,) * len(v),
        outcomes={"A": tuple(v.tolist()), "B": tuple((1 - v).tolist())}, budget=BudgetDoc(), provenance=ABOUT.provenance,
    )  # fmt: skip


def lens(name: str, layers: Sequence[Sequence[float]]) -> LensDoc:
    problem, base = trace(name, len(layers[0]) - 1)
    share = tuple(tuple((p, 1 - p) for p in layer) for layer in layers)
    return LensDoc(
        problem=problem, model=MODEL, trace=base, place="exit", exit_text="x", layers=tuple(range(len(layers))),
        cuts=tuple(range(len(layers[0]))), options=("A", "B"), reads=("A", "B"), share=share,
        mass=tuple((None,) * len(layers[0]) for _ in layers), forced=share[-1], sure=0.8, clocks=None, provenance=ABOUT.provenance,
    )  # fmt: skip


def pivots(name: str, n: int, claims: Sequence[int], excluded: Sequence[int]) -> PivotsDoc:
    problem, base = trace(name, n)

    def row(token: int) -> PivotDoc:
        return PivotDoc(
            token=token, text="", p=0.5, delta=0.5, low=0.4, high=0.6, level=0.95, p_value=0.0, at_least_delta=True, look=1, n=9
        )

    return PivotsDoc(
        problem=problem, model=MODEL, sampling=Sampling(temperature=1.0, top_k=0, top_p=1.0, min_p=0.0, max_tokens=64, stop=()),
        plan=PivotPlanDoc(name="search", delta=0.2, least=0.1, false_discovery=0.05, futility=0.1, dependence="positive"),
        seed=0, trace=base,
        claims=tuple(map(row, claims)), excluded=tuple(map(row, excluded)), undecided=(), family=len(claims) + len(excluded), looks=1,
        start=0.5, start_low=0.4, start_high=0.6, critical=CriticalDoc(bound=0.05, level=0.95), rollouts=1, generated_tokens=1, stopped="",
        provenance=ABOUT.provenance,
    )  # fmt: skip


def inside(*documents: Any, **settings: Any) -> InsideDoc:
    return inside_document(documents, InsideSettings(**settings), ABOUT)


def test_limits_of_the_settling_cut_are_those_of_a_plain_loop_and_hold_the_truth() -> None:
    rng = np.random.default_rng(0)
    cuts, never = np.arange(12), 13

    def first(curve: np.ndarray) -> int:
        return next((int(c) for c in cuts if (curve[c:] > 0.5).all()), never)

    for _ in range(300):
        truth = rng.uniform(size=12)
        low, high = truth - rng.uniform(0, 0.3, 12), truth + rng.uniform(0, 0.3, 12)
        value = rng.uniform(low, high)
        found = settled_value(value, low, high, cuts, never)
        assert found == (first(value), first(high), first(low)) and found[1] <= first(truth) <= found[2]
    # A cut that is not measured may be anything.
    value = np.asarray([0.9, np.nan, 0.9])
    assert settled_value(value, value - 0.1, value + 0.1, np.arange(3), 4) == (2, 0, 2)


def test_disagreements_are_said_where_limits_are_apart_and_counted_where_they_are_not() -> None:
    rising = [0.1, 0.1, 0.2, 0.3, 0.55, 0.9, 0.95, 0.95, 1.0]
    layers = [[0.5] * 9, [0.2, 0.2, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9], [0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.9, 0.9]]
    (one,) = inside(curve("q", rising), lens("q", layers)).traces
    clocks = {clock.name: (clock.cut, clock.earliest, clock.latest) for clock in one.clocks}
    # The rollouts are at .55 with a band of ±.1: from cut 4, or 5.
    assert clocks == {"text": (8, 8, 8), "forced": (7, 7, 7), "layer": (2, 2, 2), "rollouts": (4, 4, 5)}
    assert one.disagreements[0] == "Layer 1 of 2 names A from cut 2 on; the text first names it at cut 8, 6 tokens later"
    assert "Rollouts settle on A from cut 4 to 5 on; the forced answer names it from cut 7 on, at least 2 tokens later" in one.disagreements
    assert len(one.disagreements) == 6 and one.undecided == 0
    (one,) = inside(curve("q", [0.5] * 9), lens("q", layers)).traces
    assert one.undecided == 3 and not any("ollouts" in said for said in one.disagreements)
    # A layer that names the answer at all cuts is no clock, whatever it reads.
    (one,) = inside(lens("q", [[0.9] * 9, layers[2]])).traces
    assert {clock.name for clock in one.clocks} == {"text", "forced"}


def test_the_band_is_used_only_where_the_target_is_the_answer() -> None:
    wrong = replace(curve("q", [0.3] * 9), trace=replace(trace("q")[1], outcome="B", verdict="incorrect"))
    (one,) = inside(wrong).traces
    (clock,) = [clock for clock in one.clocks if clock.name == "rollouts"]
    assert clock.what == "rollouts (limits of single cuts)" and one.series[0].values == pytest.approx([0.7] * 9)


def test_layers_move_at_pivots_or_not_as_in_numpy() -> None:
    rng = np.random.default_rng(1)
    documents: list[Any] = []
    differences: list[np.ndarray] = []
    for k in range(30):
        still = 0.5 + 0.01 * rng.standard_normal(9)
        moving = still.copy()
        moving[4:] += 0.3
        documents += [lens(f"q{k}", [still.tolist(), moving.tolist()]), pivots(f"q{k}", 8, [3], [1, 5])]
        each = np.abs(np.diff(np.stack([still, moving]), axis=1))
        differences.append(each[:, 3] - each[:, [1, 5]].mean(axis=1))
    doc = inside(*documents, pivots("alone", 8, [3], [1]))
    assert doc.move_traces == 30
    assert [row.difference.value for row in doc.moves] == pytest.approx(np.mean(differences, axis=0))
    still_row, moving_row = doc.moves
    assert moving_row.difference.low > 0.25 and still_row.difference.low < 0 < still_row.difference.high  # type: ignore[operator]


def test_a_channel_that_is_the_value_and_one_that_is_noise() -> None:
    rng = np.random.default_rng(2)
    documents: list[Any] = []
    files = {"value": {}, "noise": {}}
    for k in range(40):
        value = rng.uniform(size=9)
        documents += [curve(f"q{k}", value.tolist()), pivots(f"q{k}", 8, [2], [1, 5, 6])]
        files["value"][f"q{k}"], files["noise"][f"q{k}"] = value[1:].tolist(), rng.uniform(size=8).tolist()
    paths = []
    for name, values in files.items():
        Path(f"{name}.json").write_text(json.dumps(values))
        paths.append(f"{name}.json")
    doc = inside(*documents, *map(read_channel, paths), channel=tuple(paths))
    value, noise = doc.channels
    assert value.with_value.value == pytest.approx(1.0) and value.bias.value == pytest.approx(0.0) and value.traces == 40
    # Means of 40: a rank correlation of 8 has a standard error of .06 in it, one claim above three others .05; six of them.
    assert abs(noise.with_value.value) < 0.36 and abs(noise.with_change.value) < 0.36  # type: ignore[arg-type]
    assert abs(noise.pivots.value - 0.5) < 0.3 and noise.pivots.n == 40  # type: ignore[operator]


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("[1, 2]", "expected a JSON object"),
        ("{}", "no numbers in it"),
        ('{"q": 3}', "expected {trace_id or problem id"),
        ('{"q": [1, "x"]}', "got 'x', expected a finite number"),
        ('{"q": [1, true]}', "expected a finite number"),
        ('{"q": [1e999]}', "not valid JSON"),
        ('{"q": [1, 2]}', "got 2 numbers for a trace of 8 tokens"),
    ],
)
def test_what_is_wrong_with_a_file_of_numbers_is_one_line(body: str, told: str) -> None:
    Path("c.json").write_text(body)
    with pytest.raises(InvalidInput) as caught:
        inside(curve("q", [0.5] * 9), read_channel("c.json"), channel=("c.json",))
    assert told in str(caught.value) and "\n" not in str(caught.value)


def test_rows_of_a_table_are_numbers_of_tokens() -> None:
    rows = [{"problem": "q", "token": k, "value": k / 10} for k in (2, 0)]
    Path("c.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert read_channel("c.jsonl").values == {"q": (0.0, None, 0.2)}
    pytest.importorskip("pyarrow")
    from pyarrow import Table, parquet

    parquet.write_table(Table.from_pylist(rows), "c.parquet")
    assert read_channel("c.parquet").values == read_channel("c.jsonl").values
    Path("c.jsonl").write_text(2 * (json.dumps(rows[0]) + "\n"))
    with pytest.raises(InvalidInput, match="has two numbers"):
        read_channel("c.jsonl")
    Path("c.parquet").write_text("no table")
    with pytest.raises(InvalidInput, match="cannot be read as Parquet"):
        read_channel("c.parquet")


def test_a_function_that_fails_or_gives_too_little_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("mine.py").write_text(
        "def short(tokens): return [1.0]\ndef bad(tokens): return 1 / 0\ndef size(tokens): return map(len, tokens)\n"
    )
    monkeypatch.syspath_prepend(str(Path.cwd()))
    doc = inside(curve("q", [0.5] * 9), channel=("mine:size",))
    assert doc.traces[0].series[-1].values == (3.0,) * 7 + (4.0,) and not doc.traces[0].series[-1].is_share
    for name, told in (("short", "got 1 numbers for a trace of 8 tokens"), ("bad", "division by zero")):
        with pytest.raises(InvalidInput, match=told):
            inside(curve("q", [0.5] * 9), channel=(f"mine:{name}",))


def test_a_trace_without_an_answer_has_no_clocks_and_nothing_is_no_input() -> None:
    none = replace(curve("q", [0.5] * 9), trace=replace(trace("q")[1], outcome=None, verdict="unknown"))
    (one,) = inside(none).traces
    assert one.answer is None and one.clocks == () and one.disagreements == ()
    with pytest.raises(InvalidInput, match="no traces among the documents"):
        inside()


def test_the_command_line_reads_results_and_channels(capsys: pytest.CaptureFixture[str]) -> None:
    from tokenworth.store.documents import write_document

    write_document(curve("q", [0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.8, 0.9, 1.0]), Path("curve.json"))
    Path("mine.jsonl").write_text("".join(json.dumps({"problem": "q", "token": k, "value": k}) + "\n" for k in range(8)))
    assert run(["inside", "curve.json", "--channel", "mine.jsonl", "--json", "inside.json", "--report", "inside.html"]) == 0
    doc = read_document(Path("inside.json"))
    assert isinstance(doc, InsideDoc) and doc.channels[0].name == "mine" and doc.channels[0].with_value.value == pytest.approx(1.0)
    assert "mine" in Path("inside.html").read_text(encoding="utf-8")
    assert run(["inside", "--channel", "mine.jsonl"]) == 2
    assert "nothing to read" in capsys.readouterr().err
