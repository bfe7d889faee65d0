"""The demo of many problems: its page and its documents agree, and a second run draws nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tokenworth.cli import demo
from tokenworth.cli.main import run
from tokenworth.methods.forced.document import ForcedDoc
from tokenworth.methods.survey.document import SurveyDoc
from tokenworth.store.documents import read_document


@pytest.mark.slow
def test_the_survey_has_a_row_for_each_problem_and_the_same_one_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "PROBLEMS", 7)
    arguments = ["demo", "--survey", "--out", str(tmp_path / "demo"), "--json", str(tmp_path / "made.json")]
    assert run(arguments) == 0
    made = json.loads((tmp_path / "made.json").read_text(encoding="utf-8"))
    survey, *forced = [read_document(Path(path)) for path in made["documents"]]
    assert isinstance(survey, SurveyDoc) and all(isinstance(one, ForcedDoc) for one in forced)
    assert survey.traces == len(forced) == 7
    assert [(one.subject, one.n) for one in survey.subjects] == [("world:guess", 2), ("world:recall", 2), ("world:steps", 3)]
    assert "7 held-out problems" in Path(made["report"]).read_text(encoding="utf-8")
    assert "begins right" in capsys.readouterr().err
    assert run(arguments) == 0
    again = read_document(Path(made["documents"][0]))
    assert isinstance(again, SurveyDoc) and again.rows == survey.rows
    assert "0 rollouts drawn" in capsys.readouterr().err


def test_the_survey_is_of_many_problems(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["demo", "--survey", "--item", "3", "--out", str(tmp_path)]) == 2
    assert run(["demo", "--survey", "--dry-run", "--out", str(tmp_path / "none")]) == 0
    assert "100 problems of 3 families" in capsys.readouterr().out and not (tmp_path / "none").exists()
