"""Laws of the command line over every verb: short help under headings, and one meaning for the name of an option."""

from __future__ import annotations

import re

import click
import pytest
from click.testing import CliRunner

from tokenworth import catalog
from tokenworth.cli.help import MOST
from tokenworth.cli.main import PLAIN, cli, run

CONTEXT = click.Context(cli, info_name="tokenworth")
VERBS: dict[str, click.Command] = {name: command for name in cli.list_commands(CONTEXT) if (command := cli.get_command(CONTEXT, name))}
SHORT = {"--samples": "-n", "--out": "-o"}
METAVARS = {"--out"}
"""Options that take another kind of value in each verb: a page, a folder, a file of rows."""


def options_of(command: click.Command) -> dict[str, click.Option]:
    """The options of a verb by their long names, without those that only ask for help."""
    found = [one for one in command.params if isinstance(one, click.Option) and not one.hidden]
    return {max(one.opts, key=len): one for one in found}


def shown(verb: str, flag: str) -> list[str]:
    """Lines of a verb's help in a terminal of 80 columns."""
    result = CliRunner().invoke(cli, [verb, flag], prog_name="tokenworth", terminal_width=80)
    assert result.exit_code == 0
    return result.output.splitlines()


def listed(lines: list[str]) -> dict[str, list[str]]:
    """The long names in help by heading."""
    found: dict[str, list[str]] = {}
    heading = ""
    for line in lines:
        if re.fullmatch(r"[A-Z][\w -]*:", line):
            heading = line[:-1]
        elif heading and (row := re.match(r"  (?:-\w, )?(--[\w-]+)(?= |$)", line)):
            found.setdefault(heading, []).append(row[1])
    return found


@pytest.mark.parametrize("verb", VERBS)
def test_help_is_short_and_says_how_much_more_there_is(verb: str) -> None:
    lines = shown(verb, "--help")
    names = [name for group in listed(lines).values() for name in group]
    everything = {*options_of(VERBS[verb]), "--help"}
    assert len(names) == len(set(names)) <= MOST and set(names) <= everything
    rest = len(everything) - len(names)
    assert lines[-1] == f"{rest} more options: tokenworth {verb} --help-all" if rest else "--help-all" not in "".join(lines)
    assert max(map(len, lines)) <= 80 and not any(line != line.rstrip() for line in lines)


@pytest.mark.parametrize("verb", VERBS)
def test_help_all_shows_every_option_once_under_its_heading(verb: str) -> None:
    lines = shown(verb, "--help-all")
    found = listed(lines)
    names = [name for group in found.values() for name in group]
    assert sorted(names) == sorted({*options_of(VERBS[verb]), "--help"})
    assert found["General"] == ["--config", "--help"] and not lines[-1].endswith("--help-all")
    if verb in catalog.MEASURES:
        own = {f"--{name.replace('_', '-')}" for name in catalog.load(catalog.MEASURES, "measure", verb).settings.__dataclass_fields__}
        assert "Options" not in found and set(found[verb.capitalize()]) <= own


@pytest.mark.parametrize("verb", VERBS)
def test_both_helps_agree_on_what_is_where(verb: str) -> None:
    short, whole = listed(shown(verb, "--help")), listed(shown(verb, "--help-all"))
    assert [heading for heading in whole if heading in short] == list(short)
    assert all([name for name in whole[heading] if name in names] == names for heading, names in short.items())


def meaning(option: click.Option) -> tuple[object, ...]:
    """What a name stands for: its type, and what its sentence says before any detail."""
    clause = re.split(r"[.(:;\[]", option.help or "")[0].strip()
    name = max(option.opts, key=len)
    metavar = None if name in METAVARS else option.metavar
    return option.type.name, option.multiple, option.is_flag, metavar, clause


def test_one_name_has_one_meaning_in_all_verbs() -> None:
    found: dict[str, dict[tuple[object, ...], list[str]]] = {}
    for verb, command in VERBS.items():
        for name, option in options_of(command).items():
            assert option.help and option.help[0] != " ", (verb, name)
            found.setdefault(name, {}).setdefault(meaning(option), []).append(verb)
    assert {name: each for name, each in found.items() if len(each) > 1} == {}
    # The law can fail: these names had two meanings.
    assert all(len(found[name]) == 1 for name in ("--level", "--limit", "--base", "--samples", "--item", "--draws"))


def test_a_letter_stands_for_one_name_wherever_that_is() -> None:
    for command in VERBS.values():
        for name, option in options_of(command).items():
            assert [one for one in option.opts if not one.startswith("--")] == ([SHORT[name]] if name in SHORT else []), name


def test_a_heading_is_the_same_in_all_measures() -> None:
    """A measure's own options stand under its name; all others, in every measure, under the same heading."""
    found: dict[str, set[str]] = {}
    for verb in catalog.MEASURES:
        for name, option in options_of(VERBS[verb]).items():
            heading = getattr(option, "heading", "General")
            if heading != verb.capitalize():
                found.setdefault(name, set()).add(heading)
    assert all(len(headings) == 1 for headings in found.values()), found


def test_defaults_in_a_sentence_look_like_those_that_are_added() -> None:
    for command in VERBS.values():
        for name, option in options_of(command).items():
            assert "[default:" not in (option.help or "") or re.search(r"[.)\]]  \[default: [^\]]+\]$", option.help or ""), name


@pytest.mark.parametrize(
    "words",
    [
        ("verify", "maze", "x.jsonl", "--level", "strict"),
        ("verify", "maze", "x.jsonl", "--limit", "3"),
        ("confusion", "maze", "x.jsonl", "--confidence", "0.9"),
        ("edits", "--rollouts", "3"),
        ("edits", "--base", "model"),
        ("sample", "--choose", "any"),
        ("audit", "all", "--items", "3"),
        ("import", "x", "--kind", "exit-curves"),
    ],
)
def test_a_name_that_is_gone_is_refused_in_one_line(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(list(words)) == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1 and "No such option" in line and words[-2] in line


def test_the_plain_verbs_are_verbs_too() -> None:
    assert set(VERBS) == {*PLAIN, *catalog.MEASURES}
