"""Laws of the command line over every verb: short help under headings, and one meaning for the name of an option."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import click
import pytest
from click.testing import CliRunner

from tokenworth import catalog
from tokenworth.cli.help import MOST, RETIRED
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
    trust = [name for name in ("--allow-code", "--allow-key") if name in names]
    assert found["General"] == ["--config", *trust, "--help"] and not lines[-1].endswith("--help-all")
    assert "Options" not in found
    if verb in catalog.MEASURES:
        own = {f"--{name.replace('_', '-')}" for name in catalog.load(catalog.MEASURES, "measure", verb).settings.__dataclass_fields__}
        assert set(found[verb.capitalize()]) <= own


@pytest.mark.parametrize("verb", VERBS)
def test_both_helps_agree_on_what_is_where(verb: str) -> None:
    short, whole = listed(shown(verb, "--help")), listed(shown(verb, "--help-all"))
    assert [heading for heading in whole if heading in short] == list(short)
    assert all([name for name in whole[heading] if name in names] == names for heading, names in short.items())


SENTENCES = {
    "--base": "sample names the answer that a report opens with, the others the trace that is measured",
    "--draws": "edits seeks a trace to edit, the others a base",
    "--exit-text": "lens reads layers after it, intervene ends a trace with it",
    "--grader": "read is for measures that ask the model about its answers",
    "--item": "a measure that draws takes several",
    "--json": "what a verb gives: a document, a line for each text, a list, a summary",
    "--place": "the lens says which tokens it reads there",
    "--samples": "where the rollouts start",
    "--store": "what a verb does with it",
    "--stride": "curve needs a plan for it",
    "--target": "forced reads options and no other event",
    "--top": "survey ranks traces, curve lists tokens",
    "--task": "the problems that a measure takes",
}
"""Options whose sentences differ in what they add, each with the reason. Their type and form are the same everywhere."""


def form(option: click.Option) -> tuple[object, ...]:
    """What kind of value a name takes."""
    metavar = None if max(option.opts, key=len) in METAVARS else option.metavar
    return option.type.name, option.multiple, option.is_flag, metavar


def sentence(option: click.Option) -> str:
    """What is said of a name, without a default, which each verb may have of its own."""
    return re.sub(r"\s*\[default: [^\]]+\]$", "", option.help or "")


def conflicts(commands: Mapping[str, click.Command], told: Callable[[click.Option], object]) -> set[str]:
    """The options that several commands have, and of which they do not say the same."""
    found: dict[str, set[object]] = {}
    for command in commands.values():
        for name, option in options_of(command).items():
            found.setdefault(name, set()).add(told(option))
    return {name for name, each in found.items() if len(each) > 1}


def test_one_name_has_one_meaning_in_all_verbs() -> None:
    assert conflicts(VERBS, form) == set()
    # An exception that is not needed is one too many.
    assert conflicts(VERBS, sentence) == SENTENCES.keys()
    assert all(sentence(one)[:1].strip() for command in VERBS.values() for one in options_of(command).values())


def test_a_second_meaning_of_a_name_would_be_found() -> None:
    def made(**helps: str) -> click.Command:
        return click.Command("made", params=[click.Option([f"--{name}"], type=int, help=text) for name, text in helps.items()])

    left = made(depth="Steps.  [default: 1]", width="Stop after this many tokens.", height="Cells.")
    right = made(depth="Steps.  [default: 2]", width="Stop after this many tokens (each arm).", length="Words.")
    assert conflicts({"left": left, "right": right}, sentence) == {"--width"}
    flag = click.Command("made", params=[click.Option(["--depth"], is_flag=True, help="Steps.")])
    assert conflicts({"left": left, "right": right, "flag": flag}, form) == {"--depth"}


def test_a_letter_stands_for_one_name_wherever_that_is() -> None:
    for command in VERBS.values():
        for name, option in options_of(command).items():
            assert [one for one in option.opts if not one.startswith("--")] == ([SHORT[name]] if name in SHORT else []), name


def test_a_heading_is_the_same_in_all_verbs() -> None:
    """A verb's own options stand under its name; all others, in every verb, under the same heading."""
    found: dict[str, set[str]] = {}
    for verb in VERBS:
        for name, option in options_of(VERBS[verb]).items():
            heading = getattr(option, "heading", "General")
            if heading != verb.capitalize():
                found.setdefault(name, set()).add(heading)
    assert all(len(headings) == 1 for headings in found.values()), found


def test_defaults_in_a_sentence_look_like_those_that_are_added() -> None:
    for command in VERBS.values():
        for name, option in options_of(command).items():
            assert "[default:" not in (option.help or "") or re.search(r"[.)\]]  \[default: [^\]]+\]$", option.help or ""), name


def test_every_verb_has_a_whole_sentence_in_the_list_of_verbs() -> None:
    result = CliRunner().invoke(cli, ["--help"], prog_name="tokenworth", terminal_width=80)
    rows = dict(re.findall(r"^  ([\w-]+) +(.+)$", result.output.partition("Commands:\n")[2], re.MULTILINE))
    assert rows.keys() == VERBS.keys() and all(len(row) <= 61 and row.endswith(".") and "..." not in row for row in rows.values())


@pytest.mark.parametrize(
    ("words", "now"),
    [
        (("verify", "maze", "x.jsonl", "--level", "strict"), "--strictness"),
        (("verify", "maze", "x.jsonl", "--limit", "3"), "--max-errors"),
        (("confusion", "maze", "x.jsonl", "--confidence", "0.9"), "--level"),
        (("edits", "--rollouts", "3"), "--samples"),
        (("edits", "--base", "model"), "--trace-of"),
        (("sample", "--choose", "any"), "--base"),
        (("audit", "all", "--items", "3"), "--problems"),
        (("import", "x", "--kind", "exit-curves"), "--layout"),
        (("modulo", "--max-tokens", "9"), "--arm-tokens"),
    ],
)
def test_a_name_that_is_gone_is_refused_in_one_line(words: tuple[str, ...], now: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(list(words)) == 2
    line = capsys.readouterr().err
    assert line == f"error: No such option: {words[-2]} is now {now}\n"
    assert now in options_of(VERBS[words[0]])


def test_every_former_name_is_gone_and_has_a_new_one() -> None:
    for (verb, old), new in RETIRED.items():
        assert old not in options_of(VERBS[verb]) and new in options_of(VERBS[verb])


def test_the_plain_verbs_are_verbs_too() -> None:
    assert set(VERBS) == {*PLAIN, *catalog.MEASURES}
