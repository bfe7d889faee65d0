"""The verb `status`: which items of a task are done in a store, which were begun, and which are missing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import click

from tokenworth import catalog
from tokenworth.cli.choices import ModelChoice, ServerChoice
from tokenworth.cli.help import Verb, json_option, verb_option
from tokenworth.cli.options import config_option
from tokenworth.cli.runs import usual_of
from tokenworth.cli.show import write_facts
from tokenworth.cli.verb import verb_of
from tokenworth.core.inert import one_line
from tokenworth.core.measure import Draws
from tokenworth.errors import InvalidInput, TokenworthError, unknown_name
from tokenworth.store.sqlite import RunRecord, open_existing
from tokenworth.tasks.load import MadeTask, load_task
from tokenworth.workbench.items import Shard, parse_items

_HOW = {"batch", "record"} | {one.name for kind in (ModelChoice, ServerChoice) for one in fields(kind)} - {"thinking"}
"""What a run's record says of how it was computed, not of what was asked."""
_WHERE = {"task", "item", "items", "shard"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a run asked of each of its items: a measure of a task, and every choice that matters."""

    verb: str
    task: str
    choices: tuple[tuple[str, str], ...]
    """Names with values as JSON."""

    @property
    def seed(self) -> str:
        """Where a seed was chosen, words that say it."""
        seed = dict(self.choices).get("seed", "0")
        return "" if seed == "0" else f", seed {seed}"


def asked(run: RunRecord) -> Asked:
    """What a run asked."""
    named = {name: json.dumps(value, sort_keys=True) for name, value in run.config.items() if name not in _HOW | _WHERE}
    return Asked(run.verb, str(run.config.get("task") or ""), tuple(sorted(named.items())))


@click.command(cls=Verb, context_settings={"ignore_unknown_options": True})
@config_option
@click.argument("stores", nargs=-1, required=True, type=click.UNPROCESSED, metavar="FILE.db… [OPTIONS OF A MEASURE]")
@verb_option("--measure", metavar="NAME", heading="Status", help="Only runs of this measure.  [default: all]")
@verb_option("--task", metavar="TASK", heading="Problem", help="Where problems come from, as it was given to the runs.")
@verb_option(
    "--item", metavar="ITEM", heading="Problem", help="Index or id of the problem; several as in 0-9,12.  [default: all of a file]"
)
@json_option(help="Write the list as JSON; - for standard output.")
def status(stores: tuple[str, ...], measure: str | None, task: str | None, item: str | None, json_path: str | None) -> int:
    """List the items of a task that are done, begun and missing.

    Runs with other settings are listed apart; options of a measure, as they were given to it, choose among them. Several stores are read
    as one. Exit code 1: some items are not done.
    """
    if measure is not None and measure not in _drawing():
        raise unknown_name("measure", measure, _drawing())
    paths, wanted = _split(stores)
    records = list[RunRecord]()
    for path in paths:
        with open_existing(path) as opened:
            records += opened.runs()
    items = _Items(task, item)
    groups: dict[Asked, dict[int | str, bool]] = {}
    for run in records:
        what = asked(run)
        if what.verb in _drawing() and what.verb in (measure or what.verb) and what.task == (task or "") and _fits(run.config, wanted):
            items.note(run, groups.setdefault(what, {}))
    rows = [items.row(what, done) for what, done in groups.items()]
    if not rows:
        tasks = sorted({one_line(asked(run).task)[:80] for run in records if asked(run).task})
        click.echo(f"no such run; the runs here are of: {', '.join(tasks[:8]) or 'no task'}", err=True)
        rows = [items.row(Asked(measure or "", task or "", ()), {})]
    if not write_facts({"task": task, "runs": rows}, json_path):
        told = _details(list(groups))
        for row, detail in zip(rows, told or [""], strict=True):
            click.echo(one_line(f"{row['verb'] or 'any measure'}{detail}"))
            for name in ("done", "begun", "missing"):
                found = row[name]
                click.echo(one_line(f"  {name:<8}{len(found):>7,}" + (f"  {_ranges(found)}" if found and name != "done" else "")))
    return 1 if any(row["begun"] or row["missing"] for row in rows) else 0


class _Items:
    """The items that are asked about; an index and an id of one problem are the same item."""

    def __init__(self, task: str | None, item: str | None) -> None:
        self._task = None if task is None else load_task(task)
        if item is not None:
            self._wanted = [self._place(one) for one in parse_items(item)]
        elif self._task is None or isinstance(self._task, MadeTask):
            kind = "an automaton has" if task is None else f"task {task} makes"
            raise InvalidInput(f"{kind} items without end; give --item, such as 0-99" + (", or --task" if task is None else ""))
        else:
            self._wanted = list(range(len(self._task)))

    def _place(self, item: str) -> int | str:
        if self._task is not None:
            return self._task.number(item)
        return int(item) if item.isdecimal() else item

    def note(self, run: RunRecord, done: dict[int | str, bool]) -> None:
        """Enters the items of a run: whether they are done."""
        shard, text = run.config.get("shard"), str(run.config.get("item", ""))
        try:
            share = Shard.parse(shard if isinstance(shard, str) else None)
            places = [self._place(one) for one in share.items(parse_items(text))]
        except TokenworthError:  # An item that the task has no longer.
            return
        for place in places:
            done[place] = done.get(place, False) or (run.finished is not None and run.has_document)

    def row(self, what: Asked, done: Mapping[int | str, bool]) -> dict[str, Any]:
        """How it stands with each item, for one thing asked."""
        named: dict[str, list[int | str]] = {"done": [], "begun": [], "missing": []}
        for place in dict.fromkeys(self._wanted):
            named["missing" if place not in done else "done" if done[place] else "begun"].append(place)
        return {"verb": what.verb, "options": {name: json.loads(value) for name, value in what.choices}, **named}


def _drawing() -> list[str]:
    return [one.name for one in catalog.measures() if isinstance(one.run, Draws)]


def _split(words: Sequence[str]) -> tuple[list[Path], dict[str, str]]:
    """The stores, and the options of measures by name; those that say only how to compute or where to write are for any run."""
    known: dict[str, tuple[str, bool, str]] = {}
    for name in _drawing():
        for one in verb_of(catalog.load(catalog.MEASURES, "measure", name)).params:
            if isinstance(one, click.Option) and one.name:
                known |= {flag: (one.name, one.is_flag, "True") for flag in one.opts}
                known |= {flag: (one.name, True, "False") for flag in one.secondary_opts}
    paths, wanted, left = list[Path](), dict[str, str](), list(words)
    while left:
        word, equals, value = left.pop(0).partition("=")
        if not word.startswith("-"):
            paths.append(Path(word + equals + value))
        elif word not in known:
            raise unknown_name("option", word, known)
        else:
            name, is_flag, said = known[word]
            if is_flag:
                value = said
            elif not equals:
                if not left:
                    raise InvalidInput(f"option {word}: expected a value")
                value = left.pop(0)
            if name not in _HOW | {"store", "shard", "report", "dry_run", "max_mb"}:
                wanted[name] = value
    if not paths:
        raise InvalidInput("no store; name one or several, such as all.db")
    return paths, wanted


def _fits(config: Mapping[str, Any], wanted: Mapping[str, str]) -> bool:
    """Whether a run was asked for with these values."""

    def same(value: object, text: str) -> bool:
        if isinstance(value, list):
            return ",".join(map(str, value)) == text
        try:
            return str(value) == text or (isinstance(value, int | float) and not isinstance(value, bool) and float(text) == value)
        except ValueError:
            return False

    return all(name in config and same(config[name], text) for name, text in wanted.items())


def _details(groups: Sequence[Asked]) -> list[str]:
    """What tells each of the groups from the usual, and from the others of its measure."""
    told: list[str] = []
    for what in groups:
        usual, own = usual_of(what.verb), dict(what.choices)
        others = [dict(other.choices) for other in groups if other.verb == what.verb]
        differs = {name for name, value in own.items() if any(other.get(name) != value for other in others)}
        shown = {
            name: json.loads(value)
            for name, value in own.items()
            if name in differs or (name in usual and json.loads(value) not in (usual[name], None, "", False))
        }
        told.append(" " * bool(shown) + ", ".join(f"{name.replace('_', '-')} {value}" for name, value in shown.items()))
    return told


def _ranges(places: Iterable[int | str]) -> str:
    """Items as they are written for ``--item``."""
    numbers = sorted(place for place in places if isinstance(place, int))
    parts: list[str] = [str(place) for place in places if not isinstance(place, int)]
    while numbers:
        first = last = numbers.pop(0)
        while numbers and numbers[0] == last + 1:
            last = numbers.pop(0)
        parts.append(str(first) if first == last else f"{first}-{last}")
    return ",".join(parts)
