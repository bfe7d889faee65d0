"""Result documents: a round trip changes nothing, and no damaged file is half read or half written."""

from __future__ import annotations

import csv
import dataclasses
import errno
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.document_cases import CURVE, FORCED, SAMPLE, SAMPLES, TRACE
from tokenworth.core.document import Document, ModelDoc, Provenance, TraceDoc
from tokenworth.core.table import trace_id
from tokenworth.errors import InvalidInput, MismatchError, MissingExtra, MissingFile, StoreError
from tokenworth.exporters.comma import write_csv
from tokenworth.exporters.parquet import write_parquet
from tokenworth.methods.curve.document import BudgetDoc, CurveDoc, EventDoc, PlanDoc
from tokenworth.store.documents import document_json, finite, parse_document, read_document, write_document

DOCUMENTS: tuple[Document, ...] = (CURVE, FORCED, SAMPLES)

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
unit = st.none() | st.floats(0, 1)


@st.composite
def trace_fields(draw: st.DrawFn) -> dict[str, Any]:
    pieces = draw(st.lists(text, max_size=6))
    n = len(pieces)
    whole = st.integers(0, 2**40)
    return dict(
        unit=draw(st.sampled_from(["token", "sentence"])),
        pieces=tuple(pieces),
        ids=draw(st.none() | st.tuples(*[whole] * n)),
        probabilities=draw(st.none() | st.tuples(*[unit] * n)),
        logprobs=draw(st.none() | st.tuples(*[st.none() | st.floats(-1e9, 0)] * n)),
        prompt=draw(text),
        outcome=draw(st.none() | text),
        verdict=draw(st.sampled_from(["correct", "incorrect", "unknown"])),
    )


@st.composite
def curve_fields(draw: st.DrawFn) -> dict[str, Any]:
    """Fields of a curve; documents are built from them outside the strategy, where annotations are checked."""
    trace = draw(trace_fields())
    cuts = tuple(sorted(draw(st.sets(st.integers(0, len(trace["pieces"])), max_size=7))))
    parallel = st.tuples(*[unit] * len(cuts))
    return dict(
        model=draw(text),
        source=draw(text),
        refine=draw(st.none() | st.floats(-5, 5)),
        trace=trace,
        cuts=cuts,
        value=draw(parallel),
        low=draw(parallel),
        high=draw(parallel),
        level=draw(st.floats(0.01, 0.99)),
        n_effective=draw(st.tuples(*[st.none() | st.floats(0, 1e6)] * len(cuts))),
        n_started=draw(st.tuples(*[st.integers(0, 99)] * len(cuts))),
        leave=draw(st.none() | parallel),
        outcomes=draw(st.dictionaries(text, parallel, max_size=3)),
        label=draw(text),
        half_width=draw(st.none() | st.floats(0, 1)),
        notes=tuple(draw(st.lists(text, max_size=2))),
    )


def curve_of(fields: dict[str, Any]) -> CurveDoc:
    fields = dict(fields)
    label = fields.pop("label")
    return CurveDoc(
        model=ModelDoc(name=fields.pop("model")),
        provenance=Provenance(version="1", source=fields.pop("source")),
        plan=PlanDoc(name="excursions", refine=fields.pop("refine")),
        trace=TraceDoc(**fields.pop("trace")),
        events=tuple(EventDoc(cut=cut, kind="note", label=label) for cut in fields["cuts"][:2]),
        budget=BudgetDoc(half_width=fields.pop("half_width")),
        **fields,
    )


@pytest.mark.slow
@given(curve_fields())
@settings(max_examples=150, deadline=None)
def test_round_trip_changes_nothing(fields: dict[str, Any]) -> None:
    doc = curve_of(fields)
    data = document_json(doc)
    again = parse_document(data, "x")
    assert again == doc and document_json(again) == data


@pytest.mark.parametrize("doc", DOCUMENTS)
def test_round_trip_through_a_file(doc: Document, tmp_path: Path) -> None:
    path = tmp_path / "doc.json"
    write_document(doc, path)
    assert read_document(path) == doc
    assert path.read_bytes() == document_json(doc) and path.read_bytes().endswith(b"}\n")
    assert [p.name for p in tmp_path.iterdir()] == ["doc.json"]


def test_bytes_do_not_depend_on_the_order_of_mappings() -> None:
    turned = dataclasses.replace(CURVE, outcomes=dict(reversed(CURVE.outcomes.items())))
    assert document_json(turned) == document_json(CURVE)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_none_are_written_as_null(bad: float) -> None:
    """In a list that may hold what was not measured; no document can be made that holds it where a value or a level stands."""
    data = document_json(dataclasses.replace(CURVE, n_effective=(bad, 1.0)))
    assert b"NaN" not in data and b"nfinity" not in data
    again = parse_document(data, "x")
    assert isinstance(again, CurveDoc)
    assert again.n_effective == (None, 1.0)
    assert finite(again) is again
    for refused in ({"value": (bad, 0.5)}, {"outcomes": {"A": (bad, 1.0)}}, {"level": bad}):
        with pytest.raises(InvalidInput, match=next(iter(refused))):
            dataclasses.replace(CURVE, **refused)
    with pytest.raises(InvalidInput, match="temperature"):
        dataclasses.replace(SAMPLES.sampling, temperature=bad)
    with pytest.raises(InvalidInput, match=r"trace.probabilities|generated_tokens|accuracy"):
        document_json(dataclasses.replace(SAMPLES, low=bad))


def changed(doc: Document, change: dict[str, Any]) -> bytes:
    raw = json.loads(document_json(doc))
    for dotted, value in change.items():
        *parents, key = dotted.split(".")
        place = raw
        for parent in parents:
            place = place[int(parent)] if isinstance(place, list) else place[parent]
        place[key] = value
    return json.dumps(raw).encode()


@pytest.mark.parametrize(
    ("doc", "change", "expected"),
    [
        (CURVE, {"vale": 1}, "unknown key 'vale'; did you mean 'value'?"),
        (CURVE, {"trace.extra": 1}, "unknown key 'trace.extra'"),
        (CURVE, {"samples.0.txet": "x"}, "unknown key 'samples[0].txet'; did you mean 'text'?"),
        (FORCED, {"exits.0.zzz": 1}, "unknown key 'exits[0].zzz'"),
        (SAMPLES, {"traces.1.zzz": 1}, "unknown key 'traces[1].zzz'"),
        (CURVE, {"value": [0.5]}, "value has 1 entries, expected 2"),
        (CURVE, {"value": [0.5, 1.5]}, "from 0 to 1"),
        (CURVE, {"value": [0.5, "x"]}, "$.value[1]"),
        (CURVE, {"cuts": [2, 0]}, "rising cuts"),
        (CURVE, {"cuts": [0, 3]}, "cut 3"),
        (CURVE, {"cuts": [-1, 0]}, "cut -1"),
        (CURVE, {"level": 95}, "level is 95"),
        (CURVE, {"level": None}, "$.level"),
        (CURVE, {"trace": {"unit": "word", "pieces": []}}, "$.trace.unit"),
        (CURVE, {"trace.ids": [1]}, "ids has 1 entries, expected 2"),
        (CURVE, {"trace.verdict": "right"}, "verdict is 'right'"),
        (CURVE, {"samples.0.cut": 9}, "samples at cut 9"),
        (CURVE, {"samples.0.verdict": "good"}, "a sample's verdict"),
        (CURVE, {"outcomes": {"A": [0.5]}}, "outcomes['A'] has 1"),
        (FORCED, {"exits.0.probability": [[0.1, 0.2]]}, "probability has 1 entries, expected 2"),
        (FORCED, {"exits.0.mass": [1]}, "mass has 1"),
        (FORCED, {"exits.0.held": [True]}, "held has 1"),
        (SAMPLES, {"chosen": 2}, "chosen is 2"),
        (SAMPLES, {"outcomes": {"A": 1.5}}, "$.outcomes"),
        (SAMPLES, {"model": None}, "$.model"),
    ],
)
def test_faults_name_file_and_field(doc: Document, change: dict[str, Any], expected: str) -> None:
    with pytest.raises(InvalidInput) as error:
        parse_document(changed(doc, change), "file.json")
    assert str(error.value).startswith("file.json") and expected in str(error.value) and "\n" not in str(error.value)


def test_another_schema_names_both() -> None:
    with pytest.raises(MismatchError) as error:
        parse_document(changed(CURVE, {"schema": "tokenworth.curve/9"}), "file.json")
    assert "'tokenworth.curve/9'" in str(error.value) and "tokenworth.curve/1" in str(error.value)
    with pytest.raises(InvalidInput, match="no schema"):
        parse_document(b"{}", "file.json")
    with pytest.raises(InvalidInput, match="not an object"):
        parse_document(b"[]", "file.json")


@pytest.mark.parametrize("doc", DOCUMENTS)
def test_every_truncation_is_one_clear_line(doc: Document) -> None:
    data = document_json(doc)
    for length in range(len(data) - 2):
        with pytest.raises(InvalidInput) as error:
            parse_document(data[:length], "file.json")
        assert "cut short" in str(error.value) and "\n" not in str(error.value)


def test_missing_and_unreadable(tmp_path: Path) -> None:
    with pytest.raises(MissingFile):
        read_document(tmp_path / "no.json")
    with pytest.raises(InvalidInput, match="cannot read"):
        read_document(tmp_path)
    with pytest.raises(InvalidInput):
        read_document(tmp_path / "a\0b")


def test_lone_surrogates_are_refused() -> None:
    with pytest.raises(InvalidInput, match="cannot be written"):
        document_json(dataclasses.replace(CURVE, notes=("\ud800",)))


# Writing


def test_a_failed_write_leaves_the_older_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "doc.json"
    write_document(CURVE, path)
    before = path.read_bytes()

    def full(number: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError) as error:
        write_document(FORCED, path)
    assert "No space left" in str(error.value) and "\n" not in str(error.value)
    with pytest.raises(StoreError):
        write_parquet(CURVE, tmp_path / "doc.parquet")
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["doc.json"]


def test_a_document_that_cannot_be_written_touches_nothing(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        write_document(dataclasses.replace(CURVE, level=math.nan), tmp_path / "doc.json")
    assert not list(tmp_path.iterdir())
    with pytest.raises(StoreError, match="cannot write"):
        write_document(CURVE, tmp_path / "no" / "doc.json")
    with pytest.raises(StoreError, match="cannot write"):
        write_document(CURVE, tmp_path)


@pytest.mark.slow
def test_a_file_size_limit_is_a_full_disk(tmp_path: Path) -> None:
    code = (
        "import resource, signal, sys\nfrom pathlib import Path\n"
        "from tokenworth.store.documents import read_document, write_document\nfrom tokenworth.errors import StoreError\n"
        "doc = read_document(sys.argv[1])\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\nresource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "try:\n    write_document(doc, sys.argv[2])\nexcept StoreError as error:\n    print('refused', '\\n' not in str(error))\n"
    )
    write_document(CURVE, tmp_path / "in.json")
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "in.json"), str(tmp_path / "out.json")],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.split() == ["refused", "True"] and [p.name for p in tmp_path.iterdir()] == ["in.json"]


@pytest.mark.slow
def test_pipes_are_written_to_directly(tmp_path: Path) -> None:
    code = "import sys\nfrom tokenworth.store.documents import *\nwrite_document(read_document(sys.argv[1]), '/dev/stdout')\n"
    write_document(CURVE, tmp_path / "in.json")
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "in.json")], capture_output=True, check=True, timeout=60)
    assert done.stdout == document_json(CURVE)


# Parquet


def table(path: Path) -> list[dict[str, Any]]:
    parquet = pytest.importorskip("pyarrow.parquet")
    return parquet.read_table(path).to_pylist()


def test_parquet_of_rollouts(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    write_parquet(CURVE, tmp_path / "c.parquet")
    schema = parquet.read_schema(tmp_path / "c.parquet")
    assert schema.names == ["trace_id", "position", "draw", "token_ids", "text", "finish", "outcome", "verdict", "n_tokens"]
    assert schema.field("token_ids").type == arrow.list_(arrow.int32())
    (row,) = table(tmp_path / "c.parquet")
    assert row["trace_id"] == trace_id("toy", TRACE) and row["token_ids"] == [2, 3] and row["position"] == 1
    assert (row["text"], row["finish"], row["outcome"], row["verdict"], row["n_tokens"]) == ("x</script>", "stop", "A", "correct", 2)


def test_parquet_of_samples_and_readings(tmp_path: Path) -> None:
    write_parquet(SAMPLES, tmp_path / "s.parquet")
    rows = table(tmp_path / "s.parquet")
    assert [row["draw"] for row in rows] == [0, 1] and rows[0]["token_ids"] == [1, 2, 3] and rows[0]["text"] == "a b."
    write_parquet(FORCED, tmp_path / "f.parquet")
    rows = table(tmp_path / "f.parquet")
    cells = [(row["position"], row["option"], row["probability"]) for row in rows]
    assert cells == [(0, "A", 0.1), (0, "B", 0.3), (1, "A", 0.2), (1, "B", None)]
    write_parquet(dataclasses.replace(CURVE, samples=()), tmp_path / "e.parquet")
    assert table(tmp_path / "e.parquet") == []


def test_parquet_faults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyarrow")
    with pytest.raises(InvalidInput, match="do not fit"):
        write_parquet(dataclasses.replace(CURVE, samples=(dataclasses.replace(SAMPLE, ids=(2**40,)),)), tmp_path / "x.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtra, match=r"tokenworth\[parquet\]"):
        write_parquet(CURVE, tmp_path / "x.parquet")
    assert not list(tmp_path.iterdir())


# CSV


def test_csv_says_what_parquet_says(tmp_path: Path) -> None:
    for doc in (dataclasses.replace(CURVE, samples=(SAMPLE, dataclasses.replace(SAMPLE, text='a,"b"\n', ids=None))), SAMPLES, FORCED):
        write_csv(doc, tmp_path / "t.csv")
        with (tmp_path / "t.csv").open(encoding="utf-8", newline="") as handle:
            read = list(csv.DictReader(handle))
        write_parquet(doc, tmp_path / "t.parquet")
        rows = table(tmp_path / "t.parquet")
        told = [
            {key: "" if cell is None else " ".join(map(str, cell)) if isinstance(cell, list) else str(cell) for key, cell in row.items()}
            for row in rows
        ]
        assert read == told and read
