"""Numbers without bounds, in every option of every verb and every setting of every measure: refused in one line, at once."""

from __future__ import annotations

import json
import time
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args, get_type_hints

import click
import pytest

from tests.helpers import LADDER
from tests.laws.test_measure import DRAWING, MEASURES, REQUIRED, settings_of
from tokenworth import catalog
from tokenworth.cli.main import cli, run
from tokenworth.core.measure import check_sizes
from tokenworth.errors import InvalidInput
from tokenworth.workbench.runner import Job

_FIRST = {"verify": ["maze", "in.jsonl"], "confusion": ["maze", "in.jsonl"], "replay": ["blocksworld", "in.jsonl"], "audit": ["option"]}
_FIRST |= {"report": ["x.json"], "figure": ["x.json", "-o", "x.svg"], "import": ["x.json"], "export": ["run.db", "-o", "x.json"]}
_FIRST |= {"first-errors": ["x.json"], "runs": ["--store", "run.db"]}


def _numbers(kind: type[click.ParamType]) -> list[tuple[str, str]]:
    """(verb, flag) of every option that takes a number of this kind."""
    context = click.Context(cli)
    found: list[tuple[str, str]] = []
    for verb in cli.list_commands(context):
        command = cli.get_command(context, verb)
        assert command is not None
        found += [(verb, one.opts[-1]) for one in command.params if isinstance(one, click.Option) and isinstance(one.type, kind)]
    return found


WHOLE = _numbers(click.types.IntParamType)


def _words(verb: str) -> list[str]:
    more = ["--model", "toy:toy.json"] if verb in DRAWING or verb == "doctor" else []
    return [verb, *_FIRST.get(verb, []), *more]


@pytest.mark.parametrize(("verb", "flag"), WHOLE)
@pytest.mark.parametrize("by_file", [False, True])
def test_a_giant_number_of_an_option_is_refused(
    verb: str, flag: str, by_file: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "toy.json").write_text(json.dumps(LADDER))
    (tmp_path / "in.jsonl").write_text('{"id": "a", "text": "x"}\n')
    for value in (2**63, 10**12 if flag != "--seed" else 2**53, -(10**12)):
        words = [*_words(verb), f"{flag}={value}"]
        if by_file:
            (tmp_path / "run.toml").write_text(f"[{verb}]\n{flag[2:]} = {min(value, 2**63 - 1)}\n")
            words = [*_words(verb), "--config", "run.toml"]
        began = time.process_time()
        assert run(words) == 2, value
        err = capsys.readouterr().err
        assert err.startswith("error: ") and err.count("\n") == 1 and time.process_time() - began < 5, (value, err)


@pytest.mark.parametrize("name", MEASURES)
def test_a_giant_number_of_a_setting_is_refused_in_python_too(name: str) -> None:
    kind = MEASURES[name].settings
    hints = get_type_hints(kind)
    for one in fields(kind):
        if int not in (hints[one.name], *get_args(hints[one.name])):
            continue
        more = {"plan": "plain"} if name == "curve" and one.name == "samples" else {}
        with pytest.raises(InvalidInput) as caught:
            _use(name, **{one.name: 2**60}, **more)
        assert "\n" not in str(caught.value)


def _use(name: str, **settings: Any) -> None:
    made = settings_of(name, **settings)
    check_sizes(made)
    if name in DRAWING:
        Job(measure=MEASURES[name], settings=made)


def test_the_usual_settings_are_within_their_bounds() -> None:
    for name in catalog.MEASURES:
        check_sizes(settings_of(name))
    assert REQUIRED


_NOT_NUMBERS = ("nan", "inf", "-inf", "1e308", "-1")


@pytest.mark.parametrize(("verb", "flag"), _numbers(click.types.FloatParamType))
def test_what_is_no_number_is_refused_or_does_no_harm(
    verb: str, flag: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if verb in ("demo", "doctor"):
        pytest.skip("takes long where it does no harm")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "toy.json").write_text(json.dumps(LADDER))
    (tmp_path / "in.jsonl").write_text('{"id": "a", "text": "x"}\n')
    few = ["--dry-run"] if verb in DRAWING else []
    for value in _NOT_NUMBERS:
        began = time.process_time()
        code = run([*_words(verb), *few, f"{flag}={value}"])
        said = capsys.readouterr()
        assert code in (0, 1, 2) and "Traceback" not in said.err and time.process_time() - began < 10, (value, said.err)
        assert code != 2 or said.err.splitlines()[-1].startswith("error: "), (value, said.err)
