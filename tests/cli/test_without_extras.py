"""A plain installation, without any extra: something is shown, and everything else names its extra in one line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import tokenworth as tw
from tests.report import report_cases as cases

ROOT = Path(tw.__file__).parent
# Every distribution that an extra brings; None in sys.modules is what Python takes for a module that is not installed.
EXTRAS = (
    "torch", "transformers", "safetensors", "jinja2", "aiohttp", "aiolimiter", "stamina", "tokenizers", "huggingface_hub", "math_verify",
    "sympy", "pyarrow", "datasets", "unified_planning", "z3", "matplotlib", "xllamacpp", "gguf",
)  # fmt: skip
PROGRAM = f"import sys; sys.modules.update(dict.fromkeys({EXTRAS})); from tokenworth.cli.main import main; main(sys.argv[1:])"


def plain(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT.parent)}
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def test_the_demo_shows_an_automaton_and_what_ships(tmp_path: Path) -> None:
    ran = plain("demo", folder=tmp_path)
    assert ran.returncode == 0 and ran.stdout.strip() == "demo/report.html", ran.stderr
    assert "pip install 'tokenworth[local]'" in ran.stderr and "Traceback" not in ran.stderr
    page = (tmp_path / "demo" / "report.html").read_text(encoding="utf-8")
    assert "automaton" in page and "bundled model" in page
    measured, shipped = (tw.read_document(tmp_path / "demo" / name) for name in ("automaton-curve.json", "recall-curve.json"))
    assert measured.model.name.startswith("toy:") and shipped.model.name == "tiny"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (["curve", "--model", "tiny", "--task", "world:steps"], "local"),
        (["forced", "--model", "hf:some/model", "--task", "world:steps"], "local"),
        (["demo", "--formal"], "local"),
        (["curve", "--model", "http://127.0.0.1:1/v1#x", "--task", "world:steps"], "http"),
        (["export", "curve.json", "--out", "curve.parquet"], "parquet"),
        (["figure", "curve.json", "--out", "curve.svg"], "plot"),
    ],
)
def test_what_is_missing_is_named_in_one_line(arguments: list[str], extra: str, tmp_path: Path) -> None:
    tw.write_document(cases.curve(20), tmp_path / "curve.json")
    ran = plain(*arguments, folder=tmp_path)
    errors = [line for line in ran.stderr.splitlines() if line.startswith("error: ")]
    assert ran.returncode == 2 and len(errors) == 1 and "Traceback" not in ran.stderr, ran.stderr
    assert f"pip install 'tokenworth[{extra}]'" in errors[0]


@pytest.mark.parametrize("arguments", [["report", "curve.json"], ["export", "curve.json", "--out", "a.csv"], ["doctor"], ["--help"]])
def test_what_needs_nothing_works(arguments: list[str], tmp_path: Path) -> None:
    tw.write_document(cases.curve(20), tmp_path / "curve.json")
    ran = plain(*arguments, folder=tmp_path)
    assert ran.returncode == 0, ran.stderr


def test_the_shipped_automaton_is_the_example() -> None:
    assert (ROOT / "assets" / "demo" / "automaton.json").read_bytes() == (ROOT.parents[1] / "examples" / "toy.json").read_bytes()
