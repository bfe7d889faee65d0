"""A verb that derives, given a task and a model: the documents are drawn first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from functools import partial
from typing import Any, ClassVar

import click

from tokenworth.cli.choices import (
    SHARD,
    ModelChoice,
    MoneyChoice,
    OutputChoice,
    ProblemChoice,
    RunChoice,
    ServerChoice,
    UseChoice,
    command_line,
    open_bench,
)
from tokenworth.cli.dry_run import show_dry_run
from tokenworth.cli.money import limit_of, price_of
from tokenworth.cli.options import parameters_of, taken
from tokenworth.cli.show import Shown
from tokenworth.core.document import About
from tokenworth.core.inert import one_line
from tokenworth.core.measure import Derives, Measure
from tokenworth.errors import InvalidInput, TokenworthError
from tokenworth.store.documents import document_json
from tokenworth.store.sqlite import SqliteStore
from tokenworth.tasks.load import MadeTask, Task, load_task
from tokenworth.workbench.bench import Workbench
from tokenworth.workbench.case import Case
from tokenworth.workbench.choices import SamplerSettings
from tokenworth.workbench.gather import Gathering, gathered
from tokenworth.workbench.items import Shard, parse_items
from tokenworth.workbench.prompting import PromptSettings
from tokenworth.workbench.runner import provenance_now, utc_now


@dataclass(frozen=True, slots=True, kw_only=True)
class PartChoice:
    """Which part of the items."""

    HEADING: ClassVar[str] = "Output"
    shard: str | None = SHARD
    """Do only the I-th of N shares of the items, each in a run of its own, such as one on each machine."""


GROUPS = (ModelChoice, UseChoice, ServerChoice, ProblemChoice, PromptSettings, SamplerSettings, MoneyChoice, PartChoice)
_ITEM = "Index or id of the problem; several as in 0-9,12. [default: all]"
_FEW = 3
"""Faults of one kind that are reported one by one."""


def drawing_parameters(heading: str) -> list[click.Parameter]:
    """The options of what is drawn."""
    instead: dict[str, Any] = {"defaults": {"item": None}, "texts": {"item": _ITEM}}
    return [one for kind in GROUPS for one in parameters_of(kind, heading, **instead)]


def named_task(files: Sequence[str], task: str | None) -> tuple[str | None, list[str]]:
    """The task, and the result files: a single argument that is no .json file names the task."""
    others = [file for file in files if not file.casefold().endswith(".json")]
    if not others:
        return task, list(files)
    if task is not None or len(files) > 1:
        raise InvalidInput(f"{others[0]} is not a .json file; give one task, or result documents")
    return others[0], []


def draw(measure: Measure, run: Derives, settings: Any, task: str, values: dict[str, Any], *, dry_run: bool) -> int:
    """Draws what the measure reads, and shows its document. Returns the exit code."""
    if values["documents"]:
        raise InvalidInput(f"task {task} with --documents: give one of them")
    model, use, server = taken(ModelChoice, values), taken(UseChoice, values), taken(ServerChoice, values)
    prompt, sampler = taken(PromptSettings, values), taken(SamplerSettings, values)
    money, output = taken(MoneyChoice, values), taken(OutputChoice, values)
    output.check()
    place = RunChoice(store=values["store"], dry_run=dry_run)
    problems = load_task(task)
    shard = Shard.parse(values["shard"])
    items = list(shard.items(_items(problems, values["item"])))
    if not items:
        click.echo(one_line(f"shard {shard} has none of the items; nothing to do"), err=True)
        return 0
    if place.store is None and not dry_run and len(items) > 1:
        click.echo("no --store: if this run is stopped, it begins anew", err=True)
    price = price_of(money, model.model, dry_run=dry_run)
    max_usd = limit_of(money, model.model, price)
    prompting = prompt.texts()
    with open_bench(model, use, server, place, price=price, max_usd=max_usd, reader=None) as bench:
        config = {**asdict(model), **asdict(use), **asdict(server), **prompting.record()}
        config |= {name: values[name] for name in ("item", "grader")}
        config |= {"items": values["item"], "shard": str(shard)} if values["shard"] else {}
        config |= {"date": str(use.date)} if use.date else {}
        faults = _Faults()
        gathering = Gathering(bench.runner, task=task, sampler=sampler, config=config, on_error=faults.add)
        put = partial(bench.case, problems, grader=values["grader"], prompt=prompting)
        cases = [(item, partial(put, item=item)) for item in items]
        if dry_run:
            assert run.gathers is not None
            job = gathering.job(run.gathers(settings)[0])
            return show_dry_run(bench, job, cases, price=price, max_usd=max_usd, json_path=output.json)
        _show(bench, measure, run, settings, gathering, cases, output, faults, source=task)
    return 1 if gathering.failed else 0


def _show(
    bench: Workbench,
    measure: Measure,
    run: Derives,
    settings: Any,
    gathering: Gathering,
    cases: Sequence[tuple[str, Callable[[], Case]]],
    output: OutputChoice,
    faults: _Faults,
    *,
    source: str,
) -> None:
    def about() -> About:
        return About(provenance=provenance_now(utc_now(), command_line(), source=source))

    documents = list(gathered(gathering, run, settings, cases, about))
    faults.finish()
    Shown(output).only(documents[-1])
    if isinstance(bench.store, SqliteStore):
        made = documents[-1].provenance.created
        chosen = {one.name: getattr(settings, one.name) for one in fields(settings)}
        number = bench.store.begin_run(verb=measure.name, config={"source": source, **chosen}, started=made)
        bench.store.finish_run(number, finished=made, document=document_json(documents[-1]))


def _items(problems: Task, named: str | None) -> list[str]:
    """The items by index; all of them where none is named. Raises InvalidInput for a task that never ends."""
    if named is not None:
        return parse_items(named)
    if isinstance(problems, MadeTask):
        raise InvalidInput(f"{problems.name} makes problems without end; say which, such as --item 0-99")
    return [str(index) for index in range(len(problems))]


class _Faults:
    """What went wrong, the first few of each kind one by one."""

    def __init__(self) -> None:
        self._count = Counter[str]()

    def add(self, item: str, error: TokenworthError) -> None:
        kind = type(error).__name__
        self._count[kind] += 1
        if self._count[kind] <= _FEW:
            click.echo(one_line(f"item {item}: {str(error).removeprefix(f'item {item}: ')}"), err=True)

    def finish(self) -> None:
        more = sum(max(0, n - _FEW) for n in self._count.values())
        if more:
            click.echo(f"{more:,} more items failed", err=True)
