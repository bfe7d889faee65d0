"""What the command line writes to a terminal: nothing that acts on it, help where nothing is asked, true words on Ctrl-C."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest

from tests.helpers import LADDER
from tokenworth.cli import main
from tokenworth.cli.main import cli, run
from tokenworth.errors import InvalidInput, StoreError

HOSTILE = "a\x1b]0;owned\x07\x9b2J\u202eb"
ACTING = ("\x1b", "\x07", "\x9b", "\u202e")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def raising(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def command() -> None:
        raise error

    monkeypatch.setitem(cli.commands, "runs", click.Command("runs", callback=command))


@pytest.mark.parametrize(
    "arguments",
    [
        [HOSTILE],
        ["report", f"{HOSTILE}.json"],
        ["runs", "--store", f"{HOSTILE}.db"],
        ["runs", f"--{HOSTILE}"],
        ["doctor", "--model", HOSTILE],
        ["curve", "--model", f"toy:{HOSTILE}.json"],
        ["import", HOSTILE],
    ],
)
def test_refusals_are_inert(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    out, err = capsys.readouterr()
    assert not out and err.startswith("error: ") and err.count("\n") == 1
    assert not any(mark in err for mark in ACTING), err


def test_errors_of_the_system_and_of_the_package_are_inert(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for error in (InvalidInput(f"grader said {HOSTILE}"), OSError(5, "fault", f"{HOSTILE}\udc80"), click.UsageError(HOSTILE)):
        raising(monkeypatch, error)
        assert run(["runs"]) == 2
        err = capsys.readouterr().err
        assert "\\x1b]0;owned\\x07" in err and not any(mark in err for mark in ACTING)


def test_names_of_models_are_inert_where_they_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / f"{HOSTILE}.json"
    path.write_text(json.dumps(LADDER), encoding="utf-8")
    assert run(["sample", "--model", f"toy:{path}", "-n", "2", "--store", "run.db", "--json", "sample.json"]) == 0
    capsys.readouterr()
    for arguments in (["runs", "--store", "run.db"], ["doctor", "--model", f"toy:{path}"]):
        for form in ([], ["--json", "-"]):
            assert run([*arguments, *form]) == 0
            captured = capsys.readouterr()
            assert "owned" in captured.out
            assert not any(mark in captured.out + captured.err for mark in ACTING), captured.out


def test_without_a_verb_the_help_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    asked = capsys.readouterr().out
    assert run([]) == 2
    out, err = capsys.readouterr()
    assert not out and err == asked and "error:" not in err and "\n  curve " in err


STOPPED = {
    ("sample",): "stopped; nothing is kept without --store, the same command begins anew",
    ("sample", "--config", "x.toml"): "stopped; with --store the same command goes on from what was drawn",
    ("edits", "--store", "x.db"): "stopped; the same command goes on from what was drawn",
    ("edits", "--store=x.db"): "stopped; the same command goes on from what was drawn",
    ("edits", "--store", "x.db", "--dry-run"): "stopped",
    ("demo",): "stopped; the same command goes on from what was drawn",
    ("demo", "--dry-run"): "stopped",
    ("modulo", "--max-attempts", "3"): "stopped; nothing is kept without --store, the same command begins anew",
    ("replay", "blocksworld", "x.jsonl"): "stopped",
    ("first-errors", "x.json"): "stopped",
    ("verify", "maze", "x"): "stopped",
    ("confusion", "maze", "x"): "stopped",
    ("audit", "all"): "stopped",
    ("report", "x", "--store", "x.db"): "stopped",
}


@pytest.mark.parametrize("error", [KeyboardInterrupt, click.Abort])
@pytest.mark.parametrize("words", STOPPED)
def test_stopped_from_the_keyboard(
    words: tuple[str, ...], error: type[BaseException], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def command() -> None:
        raise error

    settings = {"ignore_unknown_options": True, "allow_extra_args": True}
    monkeypatch.setitem(cli.commands, words[0], click.Command(words[0], callback=command, context_settings=settings))
    assert run(list(words)) == 130
    assert capsys.readouterr().err.lstrip("\n") == STOPPED[words] + "\n"


def test_a_verb_can_say_what_it_kept(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    raising(monkeypatch, KeyboardInterrupt(f"3 texts in {HOSTILE}"))
    assert run(["runs"]) == 130
    err = capsys.readouterr().err
    assert err.lstrip("\n").startswith("stopped; 3 texts in a\\x1b]0;owned") and not any(mark in err for mark in ACTING)


def test_the_reader_is_gone(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Quiet, with the exit code that shells give for SIGPIPE; a store that cannot be written for another reason is an error."""
    gone, full = StoreError("cannot write /dev/fd/63: Broken pipe"), StoreError("cannot write x: No space left on device")
    gone.__cause__, full.__cause__ = BrokenPipeError(32, "Broken pipe"), OSError(28, "No space left on device")
    for error, code in ((BrokenPipeError(32, "Broken pipe"), 141), (gone, 141), (full, 2), (StoreError("damaged"), 2)):
        raising(monkeypatch, error)
        monkeypatch.setattr(main, "_let_go", lambda: None)
        assert run(["runs"]) == code
        assert bool(capsys.readouterr().err) == (code == 2)
