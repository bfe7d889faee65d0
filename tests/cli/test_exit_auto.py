"""`forced --exit auto` on the bundled model: it reads what naming the chosen text reads."""

from __future__ import annotations

from pathlib import Path

import pytest

import tokenworth as tw
from tokenworth.cli.main import run

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.slow
def test_the_chosen_exit_text_is_read_as_if_it_were_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    common = ["forced", "--model", "tiny", "--task", "world:steps", "--item", "3", "--stride", "6", "--store", "runs.db"]
    assert run([*common, "--exit", "auto", "--json", "auto.json"]) == 0
    auto = tw.read_document("auto.json")
    (chosen,) = auto.exits
    assert chosen.name == "auto" and any(note.startswith(f"exit text {chosen.text!r} (mean mass ") for note in auto.notes)
    assert run([*common, "--exit", chosen.text, "--json", "named.json"]) == 0
    named = tw.read_document("named.json")
    assert named.exits[0].probability == chosen.probability and named.forced_at_end == auto.forced_at_end
    assert named.provenance.drawn == 0, "the whole reading is in the store"


def test_a_model_without_a_trace_format_has_no_known_exit_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["forced", "--model", f"toy:{EXAMPLES / 'toy.json'}", "--exit", "auto", "--options", "t0,t1"]) == 2
    assert "has no trace format, so there is no known exit text; give --exit TEXT" in capsys.readouterr().err
