"""One row for each trace: the same numbers as in the documents, read by DuckDB."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow.parquet
import pytest

import tokenworth as tw
from tests.helpers import LADDER
from tokenworth.cli.main import run
from tokenworth.errors import InvalidInput, MissingExtra
from tokenworth.exporters.parquet import write_parquet
from tokenworth.exporters.tables import TRACE_COLUMNS


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, ...]:
    """A store with three traces of an automaton, and its documents."""
    monkeypatch.chdir(tmp_path)
    Path("toy.json").write_text(json.dumps(LADDER))
    for seed in "129":
        assert (
            run(["curve", "--model", "toy:toy.json", "--seed", seed, "--max-rollouts", "30", "--store", "x.db", "--json", f"{seed}.json"])
            == 0
        )
    return tuple(tw.read_document(f"{seed}.json") for seed in "129")


def test_a_row_is_the_trace_of_its_document(made: tuple[Any, ...]) -> None:
    holed = replace(made[0], value=(None, *made[0].value[1:]), low=(None, *made[0].low[1:]), high=(None, *made[0].high[1:]))
    documents = (holed, *made[1:])
    write_parquet(documents, "t.parquet")
    table = pyarrow.parquet.read_table("t.parquet")
    assert tuple(table.column_names) == tuple(TRACE_COLUMNS)
    for row, document in zip(table.to_pylist(), documents, strict=True):
        value = np.asarray(document.value, dtype=float)
        steps = np.frombuffer(row["curve"], dtype=np.uint8)
        assert row["cuts"] == list(document.cuts) and len(steps) == len(value)
        assert np.array_equal(steps == 255, np.isnan(value))
        known = ~np.isnan(value)
        assert np.abs(steps[known] / 254 - value[known]).max() <= 0.5 / 254 + 1e-12
        half = (np.asarray(document.high, dtype=float) - np.asarray(document.low, dtype=float)) / 2
        np.testing.assert_allclose(np.frombuffer(row["half_width"], dtype="<f2"), half, atol=1e-3)
        assert (row["measure"], row["n_trace"], row["rollouts"]) == ("curve", len(document.trace.pieces), document.rollouts)
        assert row["last"] == document.value[-1] and row["fingerprint"] == document.model.fingerprint
    assert table.to_pylist()[0]["first"] is None


def test_duckdb_reads_the_rows_of_a_store(made: tuple[Any, ...]) -> None:
    assert run(["export", "x.db", "--traces", "--out", "t.parquet"]) == run(["export", "x.db", "--traces", "--out", "t.csv"]) == 0
    found = duckdb.sql("SELECT measure, count(*), sum(n_trace), max(octet_length(curve)) FROM 't.parquet' GROUP BY measure").fetchall()
    distinct = {(one.trace.ids, one.target): one for one in made}.values()
    wanted = [("curve", len(distinct), sum(len(one.trace.pieces) for one in distinct), max(len(one.cuts) for one in distinct))]
    assert found == wanted
    with Path("t.csv").open() as file:
        first = next(csv.DictReader(file))
    assert bytes.fromhex(first["curve"]) and first["cuts"].startswith("0 1")


def test_a_frame_of_one_document_and_of_several(made: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    assert tw.to_frame(made[0], backend="arrow").num_rows == made[0].rollouts
    assert tw.to_frame(*made, backend="arrow").num_rows == len(made)
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(MissingExtra, match="needs pandas, which is not installed; run: pip install pandas"):
        tw.to_frame(made[0])
    with pytest.raises(InvalidInput, match="expected pandas, polars or arrow"):
        tw.to_frame(made[0], backend="excel")  # type: ignore[arg-type]
    with tw.Workbench("toy:toy.json") as bench:
        assert bench.case().sample(5).to_frame("arrow").num_rows == 5


def test_what_has_no_rows_is_refused(made: tuple[Any, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sample", "--model", "toy:toy.json", "--json", "s.json"]) == 0
    capsys.readouterr()
    assert run(["export", "s.json", "--traces", "--out", "s.parquet"]) == 2
    assert "no result here is of one trace" in capsys.readouterr().err
    assert run(["export", "x.db", "--traces", "--out", "s.json"]) == 2
    assert "--traces writes rows" in capsys.readouterr().err
