"""The extension test: a measure made of its own files and one line of the catalogue gets everything that follows from an entry."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import tokenworth as tw
from tests.checkout import child_environment
from tests.helpers import LADDER
from tests.laws.toy_measure.document import SpreadDoc
from tokenworth import catalog
from tokenworth.cli.main import run
from tokenworth.core.document import Provenance
from tokenworth.errors import InvalidInput, UnknownName

LAWS = Path(__file__).parent
LINES = {"spread": "tests.laws.toy_measure:MEASURE", "peak": "tests.laws.toy_peak:MEASURE"}
KILLED = """
import sys
from tokenworth import catalog
catalog.MEASURES["spread"] = "tests.laws.toy_measure:MEASURE"
from tokenworth.backends.toy.backend import ToyBackend
answer = ToyBackend.answer
def dying(self, requests):
    for number, answered in enumerate(answer(self, requests)):
        if number == 4:
            import os
            os._exit(9)
        yield answered
ToyBackend.answer = dying
from tokenworth.cli.main import run
run(sys.argv[1:])
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with an automaton, where the two measures have their line."""
    for name, place in LINES.items():
        monkeypatch.setitem(catalog.MEASURES, name, place)
    monkeypatch.setitem(catalog.SECTIONS, "spread", "tests.laws.toy_measure.section:SECTION")
    monkeypatch.chdir(tmp_path)
    Path("ladder.json").write_text(json.dumps(LADDER))
    return tmp_path


def spread(*options: str) -> int:
    return run(["spread", "--model", "toy:ladder.json", *options])


def same(one: object, other: object) -> bool:
    """Whether two documents differ in nothing but their provenance."""
    blank = Provenance(version="")
    return replace(one, provenance=blank) == replace(other, provenance=blank)  # type: ignore[type-var]


def test_the_verb_and_its_help_are_made_of_the_settings(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0 and "Count how many different answers a problem gets." in capsys.readouterr().out
    assert run(["spread", "--help"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    for part in (
        "-n, --samples N",
        "Rollouts to draw: answers in each round. [default: 6]",
        "--count outcomes|texts",
        "--without A,B,…",
        "--dry-run",
    ):
        assert part in told
    assert spread("--samples", "0") == 2
    assert capsys.readouterr().err == "error: samples 0: expected at least 1\n"
    assert spread("--sampels", "2") == 2 and "--samples" in capsys.readouterr().err


def test_the_dry_run_prices_the_first_batch_exactly(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert spread("-n", "7", "--dry-run", "--json", "-") == 0
    (step,) = json.loads(capsys.readouterr().out)["steps"].values()
    assert (step["requests"], step["stored"], step["rollouts"], step["tables"]) == (7, 0, 7, 0)
    assert spread("-n", "7", "--store", "run.db") == 0
    assert spread("-n", "9", "--store", "run.db", "--dry-run", "--json", "-") == 0
    (step,) = json.loads(capsys.readouterr().out.splitlines()[-1])["steps"].values()
    assert (step["requests"], step["stored"]) == (9, 9) or step["stored"] == 9 - step["rollouts"]


def test_the_document_is_written_and_read_back(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert spread("-n", "8", "--json", "one.json", "--without", "no") == 0
    document = tw.read_document("one.json")
    assert isinstance(document, SpreadDoc)
    assert [one.answer for one in document.answers] == ["yes"] and document.n < 16
    assert (document.provenance.drawn, document.provenance.reused) == (16, 0) and document.provenance.tokens_drawn > 16
    assert "yes" in capsys.readouterr().out
    assert spread("--json", "-") == 0
    assert json.loads(capsys.readouterr().out)["schema"] == "tokenworth.spread/1"
    broken = json.loads(Path("one.json").read_text()) | {"n": 0}
    Path("broken.json").write_text(json.dumps(broken))
    with pytest.raises(InvalidInput, match=r"broken\.json: n is 0, expected at least the number of different answers, 1"):
        tw.read_document("broken.json")
    Path("broken.json").write_text(json.dumps(broken | {"anwsers": []}))
    with pytest.raises(InvalidInput, match=r"unknown key 'anwsers'; did you mean 'answers'"):
        tw.read_document("broken.json")


def test_a_config_file_holds_its_options(folder: Path) -> None:
    Path("run.toml").write_text('model = "toy:ladder.json"\n[spread]\nsamples = 3\nwithout = ["no"]\n')
    assert run(["spread", "--config", "run.toml", "--json", "a.json"]) == 0
    assert spread("-n", "3", "--without", "no", "--json", "b.json") == 0
    assert same(tw.read_document("a.json"), tw.read_document("b.json"))


def test_a_run_is_recorded_and_a_second_one_draws_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b"):
        assert spread("--store", "run.db", "--json", f"{name}.json") == 0
    first, second = tw.read_document("a.json"), tw.read_document("b.json")
    assert same(first, second)
    assert (first.provenance.drawn, second.provenance.drawn, second.provenance.reused) == (12, 0, 12)
    assert run(["runs", "--store", "run.db", "--json", "-"]) == 0
    runs = json.loads(capsys.readouterr().out.splitlines()[-1])["runs"]
    assert [(one["verb"], one["has_result"], one["options"]["samples"]) for one in runs] == [("spread", True, 6)] * 2
    assert run(["export", "run.db", "-o", "again.json"]) == 0 and tw.read_document("again.json") == second


@pytest.mark.slow
def test_a_killed_run_goes_on_and_gives_the_same_document(folder: Path) -> None:
    command = [sys.executable, "-c", KILLED, "spread", "--model", "toy:ladder.json", "--store", "run.db"]
    done = subprocess.run(command, env=child_environment(), capture_output=True, check=False, timeout=120)
    assert done.returncode == 9
    assert spread("--store", "run.db", "--json", "resumed.json") == 0
    assert spread("--json", "whole.json") == 0
    resumed, whole = tw.read_document("resumed.json"), tw.read_document("whole.json")
    assert same(resumed, whole)
    assert resumed.provenance.reused == 4 and resumed.provenance.drawn == 8


def test_python_calls_it_by_name(folder: Path) -> None:
    with tw.Workbench("toy:ladder.json") as bench:
        measured = bench.case().measure("spread", samples=5, count="texts")
        assert isinstance(measured.document, SpreadDoc) and measured.result.counts.sum() == 10
        with pytest.raises(UnknownName, match=r"unknown setting of spread 'sample'; did you mean samples"):
            bench.case().measure("spread", sample=5)
        with pytest.raises(UnknownName, match="unknown measure 'spred'; did you mean spread"):
            bench.case().measure("spred")


def test_it_has_a_text_and_a_page(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert spread("--json", "one.json", "--report", "verb.html") == 0
    assert run(["report", "one.json", "-o", "page.html"]) == 0
    capsys.readouterr()
    assert run(["report", "one.json", "--text"]) == 0
    text = capsys.readouterr().out
    assert "2 different answers of 12" in text and "yes" in text and "requests 12 drawn" in text
    assert Path("page.html").read_bytes() == Path("verb.html").read_bytes()
    assert "2 different answers of 12" in Path("page.html").read_text()


def test_it_is_exported_with_its_table(folder: Path) -> None:
    assert spread("--json", "one.json") == 0
    assert run(["export", "one.json", "-o", "one.csv"]) == 0
    assert Path("one.csv").read_text().splitlines()[0] == "answer,share"


def test_a_derived_measure_reads_results_and_stores(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(2):
        options = ["--max-rollouts", "30", "--seed", str(number), "--store", "run.db", "--json", f"curve-{number}.json"]
        assert run(["curve", "--model", "toy:ladder.json", *options]) == 0
    highest = [max(x for x in tw.read_document(f"curve-{i}.json").value if x is not None) for i in range(2)]
    assert run(["peak", "curve-0.json", "curve-1.json", "--json", "peak.json", "--report", "peak.html"]) == 0
    document = tw.read_document("peak.json")
    assert document.peaks == tuple(highest)
    assert document.provenance.source == "curve-0.json, curve-1.json"
    assert Path("peak.html").stat().st_size > 10_000
    assert run(["peak", "--store", "run.db", "--least", "2", "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["peaks"] == []
    assert spread("--json", "one.json") == 0 and run(["peak", "one.json"]) == 2
    assert "no curve among the documents" in capsys.readouterr().err
    assert run(["report", "peak.json", "--text"]) == 0 and "peaks" in capsys.readouterr().out
