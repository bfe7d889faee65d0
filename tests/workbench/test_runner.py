"""Many problems in one run of a measure: each as if alone, given as it is made, resumed after a kill, and read on by another model."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers import LADDER, PLAIN
from tokenworth import catalog
from tokenworth.backends.toy.backend import load_toy
from tokenworth.backends.toy.values import exact_values
from tokenworth.core.document import Provenance
from tokenworth.errors import MismatchError, TokenworthError
from tokenworth.run.drive import MOST_ACTIVE
from tokenworth.store.documents import document_json, parse_document
from tokenworth.store.sqlite import SqliteStore
from tokenworth.workbench.bench import Workbench
from tokenworth.workbench.case import Case
from tokenworth.workbench.choices import SamplerSettings
from tokenworth.workbench.runner import EndedCase, Job, settings_of

SHORT = SamplerSettings(limit=40)
RUNS: list[tuple[str, str | None, str, dict[str, Any]]] = [
    ("toy", None, "sample", {"samples": 8}),
    ("toy", None, "curve", {"max_rollouts": 40}),
    ("toy", None, "curve", {"plan": "plain", "samples": 3}),
    ("tiny", "world:steps", "sample", {"samples": 2}),
]


def toy_file(folder: Path, name: str = "ladder.json", **edges: list[list[object]]) -> str:
    """The ladder, with other edges at some states."""
    states = LADDER["states"] | {state: {"edges": made} for state, made in edges.items()}  # type: ignore[operator]
    (folder / name).write_text(json.dumps({**LADDER, "states": states}))
    return f"toy:{folder / name}"


def open_bench(model: str, folder: Path, store: Path | None = None) -> Workbench:
    return Workbench(toy_file(folder) if model == "toy" else model, threads=1, store=store)


def without_provenance(document: Any) -> Any:
    """A document but for where its numbers came from."""
    return replace(document, provenance=Provenance(version=""))


def by_item(ended: Iterator[EndedCase]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for one in ended:
        assert one.error is None and one.item not in found
        found[one.item] = one.document
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("model", "task", "measure", "settings"), RUNS)
def test_documents_of_twenty_items_are_those_of_runs_of_their_own(
    model: str, task: str | None, measure: str, settings: dict[str, Any], tmp_path: Path
) -> None:
    with open_bench(model, tmp_path) as bench:
        together = by_item(bench.measure(measure, task, "0-19", sampling=SHORT, **settings))
    assert sorted(together, key=int) == [str(i) for i in range(20)]
    for item in together:
        with open_bench(model, tmp_path) as bench:
            (alone,) = by_item(bench.measure(measure, task, item, sampling=SHORT, **settings)).values()
        assert without_provenance(together[item]) == without_provenance(alone)
    assert model == "toy" or len({document.problem.id for document in together.values()}) == 20


@pytest.mark.slow
def test_curves_of_several_problems_are_those_of_runs_of_their_own(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"max_rollouts": 12}
    with open_bench("tiny", tmp_path) as bench:
        together = by_item(bench.measure("curve", "world:steps", "0-4", **settings))
    with open_bench("tiny", tmp_path) as bench:
        for item, document in together.items():
            (alone,) = by_item(bench.measure("curve", "world:steps", item, **settings)).values()
            assert without_provenance(document) == without_provenance(alone)


@pytest.mark.slow
def test_an_item_that_fails_harms_no_other(tmp_path: Path) -> None:
    with open_bench("tiny", tmp_path) as bench:
        whole = by_item(bench.measure("sample", "world:steps", "0-5", sampling=SHORT, samples=2))
        measure = catalog.load(catalog.MEASURES, "measure", "sample")
        job = Job(measure=measure, settings=settings_of(measure, {"samples": 2}), sampler=SHORT, task="world:steps")
        items = ["0", "1", "2", "3", "lost", "4", "5"]
        found = {one.item: one for one in bench.runner.run(job, ((i, lambda i=i: bench.case("world:steps", i)) for i in items))}
    failed = found.pop("lost")
    assert isinstance(failed.error, TokenworthError) and failed.document is None and "\n" not in str(failed.error)
    assert {item: without_provenance(one.document) for item, one in found.items()} == {
        item: without_provenance(document) for item, document in whole.items()
    }


def test_documents_leave_as_they_are_made(tmp_path: Path) -> None:
    begun: list[int] = []
    with open_bench("toy", tmp_path) as bench:

        def made(i: int) -> Case:
            begun.append(i)
            return bench.case()

        measure = catalog.load(catalog.MEASURES, "measure", "sample")
        job = Job(measure=measure, settings=settings_of(measure, {"samples": 2}))
        n = 3 * MOST_ACTIVE
        results = bench.runner.run(job, ((str(i), lambda i=i: made(i)) for i in range(n)))
        assert next(results).document is not None and len(begun) <= MOST_ACTIVE
        assert sum(one.document is not None for one in results) == n - 1 and len(begun) == n


@pytest.mark.slow
def test_a_second_run_over_a_store_draws_nothing(tmp_path: Path) -> None:
    runs: list[dict[str, Any]] = []
    for _ in range(2):
        with open_bench("tiny", tmp_path, tmp_path / "run.db") as bench:
            runs.append(by_item(bench.measure("sample", "world:steps", "0-9", sampling=SHORT, samples=2)))
    first, second = runs
    assert sum(document.provenance.drawn for document in first.values()) == 20
    assert all(document.provenance.drawn == 0 and document.provenance.reused == 2 for document in second.values())
    assert {i: without_provenance(d) for i, d in first.items()} == {i: without_provenance(d) for i, d in second.items()}
    with open_bench("tiny", tmp_path, tmp_path / "run.db") as bench:
        assert isinstance(bench.store, SqliteStore)
        kept = bench.store.runs()
    assert len(kept) == 20 and Counter(run.config["item"] for run in kept) == {str(i): 2 for i in range(10)}
    assert all(run.verb == "sample" and run.finished for run in kept)


CHILD = """
import sys
from tokenworth.store.documents import document_json
from tokenworth.workbench.bench import Workbench
from tokenworth.workbench.choices import SamplerSettings

with Workbench("tiny", threads=1, store=sys.argv[1]) as bench:
    for one in bench.measure("sample", "world:steps", "0-15", sampling=SamplerSettings(limit=24), samples=2):
        bench.store.flush()
        print(one.item, document_json(one.document).decode().replace(chr(10), " "), flush=True)
"""


@pytest.mark.slow
def test_a_run_that_was_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    def child(store: str) -> subprocess.Popen[str]:
        return subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path / store)], stdout=subprocess.PIPE, text=True)

    def documents(lines: list[str]) -> dict[str, Any]:
        parts = [line.split(" ", 1) for line in lines if line.endswith("\n")]
        return {item: parse_document(text.encode(), "a run") for item, text in parts}

    with child("killed.db") as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(4)]
        os.kill(process.pid, signal.SIGKILL)
        lines += process.stdout.readlines()
    assert process.returncode == -signal.SIGKILL
    killed = documents(lines)
    assert 4 <= len(killed) < 16
    runs: list[dict[str, Any]] = []
    for store in ("killed.db", "whole.db"):
        with child(store) as process:
            assert process.stdout is not None
            runs.append(documents(process.stdout.readlines()))
        assert process.returncode == 0
    resumed, whole = runs
    assert len(whole) == 16
    assert {i: without_provenance(d) for i, d in resumed.items()} == {i: without_provenance(d) for i, d in whole.items()}
    assert all(without_provenance(document) == without_provenance(whole[item]) for item, document in killed.items())
    assert all(resumed[item].provenance.drawn == 0 for item in killed)
    assert 0 < sum(document.provenance.drawn for document in resumed.values()) <= 2 * (16 - len(killed))


# -- a reader ------------------------------------------------------------------------------------------------------------------------------

OTHER: dict[str, list[list[object]]] = {
    "a": [[1, 0.2, "b"], [2, 0.8, "c"]],
    "c": [[5, 0.1, "r"], [6, 0.9, "w"]],
    "d": [[6, 0.4, "r"], [7, 0.6, "w"]],
}
"""The same ways as the ladder's, taken with other probabilities."""


@pytest.mark.slow
@pytest.mark.parametrize("settings", [{"max_rollouts": 1000}, {"plan": "plain", "samples": 500}])
def test_a_reader_goes_on_where_the_trace_is_kept(settings: dict[str, Any], tmp_path: Path) -> None:
    """Exact at every cut, within limits that miss once in 10⁸."""
    mine, other = toy_file(tmp_path), toy_file(tmp_path, "other.json", **OTHER)
    store = tmp_path / "run.db"

    def run(reader: str | None) -> tuple[Any, Any, Workbench]:
        with Workbench(mine, reader=reader, store=store) as bench:
            case = bench.case()
            trace = case.given_trace((0, 1, 3, 6))
            measured = case.curve(trace, level=1 - 1e-8, interval="beta", **settings)
            return measured, trace, bench

    own, trace, bench = run(None)
    read, _, reading = run(other)
    for measured, model in ((own, mine), (read, other)):
        truth = exact_values(load_toy(model.removeprefix("toy:")), trace.sequence, PLAIN)
        result = measured.result
        assert ((result.low <= truth + 1e-9) & (truth <= result.high + 1e-9)).all()
        assert (result.high - result.low < 0.3).all()
    assert np.abs(own.result.value - read.result.value).max() > 0.3, "the two models differ more than the limits are wide"
    reader_model = reading.runner.models["reader"]
    assert reader_model.backend.fingerprint != bench.model.backend.fingerprint
    assert read.document.provenance.reader == f"{reader_model.name} ({reader_model.backend.fingerprint})"
    assert read.document.model.fingerprint == bench.model.backend.fingerprint and own.document.provenance.reader == ""
    assert read.document.provenance.drawn > 0, "no draw of one model serves the other"
    for reader in (None, other):
        again, *_ = run(reader)
        assert again.document.provenance.drawn == 0
        assert without_provenance(again.document) == without_provenance((own if reader is None else read).document)


def test_a_reader_of_other_tokens_is_refused(tmp_path: Path) -> None:
    (tmp_path / "wide.json").write_text(json.dumps({**LADDER, "vocab_size": 9}))
    with Workbench(toy_file(tmp_path), reader=f"toy:{tmp_path / 'wide.json'}") as bench:
        case = bench.case()
        with pytest.raises(MismatchError, match="has other tokens"):
            case.curve(case.given_trace((0, 1, 3, 6)), max_rollouts=5)


def test_a_document_of_a_run_is_read_back(tmp_path: Path) -> None:
    with open_bench("toy", tmp_path) as bench:
        for document in by_item(bench.measure("curve", None, "0-2", max_rollouts=10)).values():
            assert parse_document(document_json(document), "a run") == document
