"""One runner for every measure of the catalogue: its verb, made of its settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import click

from tokenworth.cli.choices import (
    LinesChoice,
    ModelChoice,
    MoneyChoice,
    OutputChoice,
    ProblemChoice,
    ReadProblemChoice,
    RunChoice,
    ServerChoice,
    UseChoice,
    command_line,
    open_bench,
)
from tokenworth.cli.dry_run import show_dry_run
from tokenworth.cli.files import Documents, documents_in, stored_documents
from tokenworth.cli.gather import draw, drawing_parameters, named_task
from tokenworth.cli.help import Verb, VerbOption
from tokenworth.cli.money import limit_of, price_of
from tokenworth.cli.options import config_option, parameters_of, taken
from tokenworth.cli.outputs import ITEM
from tokenworth.cli.show import Shown, told_written
from tokenworth.cli.streams import LinesStreamChoice, Pass, StreamChoice, check_files, records_of, written
from tokenworth.core.document import About
from tokenworth.core.inert import one_line
from tokenworth.core.measure import Derives, Draws, Measure, Reads
from tokenworth.errors import BudgetExceeded, InvalidInput, TokenworthError
from tokenworth.importers.channel import read_channel
from tokenworth.methods.sample.choice import check_choice
from tokenworth.store.documents import document_json
from tokenworth.store.sqlite import open_existing
from tokenworth.tasks.load import Task, load_task
from tokenworth.workbench.bench import Workbench
from tokenworth.workbench.case import Case
from tokenworth.workbench.choices import BaseSettings, SamplerSettings
from tokenworth.workbench.items import Shard, parse_items
from tokenworth.workbench.models import source_of
from tokenworth.workbench.prompting import PromptSettings
from tokenworth.workbench.runner import Job, provenance_now, utc_now


def verb_of(measure: Measure) -> click.Command:
    """The command of a measure."""
    run = measure.run
    instead: dict[str, dict[str, str]] = {}
    if isinstance(run, Draws):
        base = (BaseSettings,) if run.of_trace else ()
        choices = (ModelChoice, UseChoice, ServerChoice, _problem(run), PromptSettings, SamplerSettings)
        groups = (*choices, *base, measure.settings, MoneyChoice, OutputChoice, RunChoice)
        extra = [_role(role) for role in run.roles]
        call = partial(_draw, measure, run)
        instead = {"defaults": {"model": run.usual.model}, "texts": {"task": run.usual.tasks} if run.usual.tasks else {}}
    elif isinstance(run, Reads):
        groups = (measure.settings, _output(run), _stream(run))
        files = click.Argument(["files"], nargs=-1, required=True, metavar="FILE.jsonl[.gz]|-…")
        extra = [files] if run.source is None else []
        call = partial(_read, measure, run)
    else:
        groups = (measure.settings, OutputChoice, StreamChoice)
        extra = [
            click.Argument(["files"], nargs=-1, metavar="RESULT.json…" if run.gathers is None else "TASK|RESULT.json…"),
            *([] if run.gathers is None else drawing_parameters(measure.name.capitalize())),
            VerbOption(["documents", "--documents"], multiple=True, metavar="FOLDER", heading=_INPUT, help=_FOLDER),
            VerbOption(["store", "--store"], metavar="FILE.db", heading=RunChoice.HEADING, help=_STORED),
        ]
        call = partial(_derive, measure, run)
    heading = measure.name.capitalize()
    params = [one for kind in groups for one in parameters_of(kind, heading, **instead)] + extra
    # Positional arguments come in the order in which they are declared.
    params.sort(key=lambda one: isinstance(one, click.Option))
    command = Verb(measure.name, params=params, help=measure.settings.__doc__, callback=lambda **values: call(values))
    return config_option(command)


def _problem(run: Draws) -> type[ProblemChoice]:
    """A measure that joins problems asks no model about answers."""
    return ProblemChoice if run.joins else ReadProblemChoice


def _stream(run: Reads) -> type[StreamChoice]:
    """Lines of several runs are together the lines of one; of documents that is not so."""
    return LinesStreamChoice if run.gives_lines else StreamChoice


def _output(run: Reads) -> type[OutputChoice]:
    return LinesChoice if run.gives_lines else OutputChoice


_INPUT = "Input"
_FOLDER = "Folder of result documents, such as import writes; may be repeated."
_STORED = "SQLite file of rollouts and results; its newest results are read as well, and the new one is kept."
_ROLES = {"reader": "Another model of the same tokenizer, which reads on where traces of --model are kept."}


def _role(name: str) -> VerbOption:
    told = _ROLES.get(name, f"The model in the role {name}.")
    return VerbOption([name, f"--{name}"], metavar="MODEL", heading=ModelChoice.HEADING, rare=True, help=told)


# -- measures that draw ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chosen:
    """Everything that a command line says of a run that draws."""

    model: ModelChoice
    use: UseChoice
    server: ServerChoice
    problem: ProblemChoice
    prompt: PromptSettings
    sampler: SamplerSettings
    base: BaseSettings
    run: RunChoice
    output: OutputChoice
    money: MoneyChoice
    settings: Any


def _draw(measure: Measure, run: Draws, values: dict[str, Any]) -> int:
    chosen = _Chosen(
        model=taken(ModelChoice, values),
        use=taken(UseChoice, values),
        server=taken(ServerChoice, values),
        problem=taken(_problem(run), values),
        prompt=taken(PromptSettings, values),
        sampler=taken(SamplerSettings, values),
        base=taken(BaseSettings, values) if run.of_trace else BaseSettings(),
        run=taken(RunChoice, values),
        output=taken(OutputChoice, values),
        money=taken(MoneyChoice, values),
        settings=taken(measure.settings, values),
    )
    look, prompting, shard = chosen.problem.look(), chosen.prompt.texts(), Shard.parse(chosen.run.shard)
    whole = parse_items(chosen.problem.item)
    items = shard.items(whole)
    task = _check(run, chosen, whole)
    if not items:
        click.echo(one_line(f"shard {shard} has none of the items {chosen.problem.item}; nothing to do"), err=True)
        return 0
    price = price_of(chosen.money, chosen.model.model, dry_run=chosen.run.dry_run)
    max_usd = limit_of(chosen.money, chosen.model.model, price)
    with open_bench(
        chosen.model, chosen.use, chosen.server, chosen.run, price=price, max_usd=max_usd, reader=values.get("reader")
    ) as bench:
        job = Job(
            measure=measure,
            settings=chosen.settings,
            sampler=chosen.sampler,
            base=chosen.base,
            task=chosen.problem.task or "",
            config={
                **asdict(chosen.model),
                **asdict(chosen.use),
                **asdict(chosen.server),
                "item": chosen.problem.item,
                "grader": chosen.problem.grader,
                **prompting.record(),
                **({} if look is None else {f"read_{name}": value for name, value in asdict(look).items()}),
            }
            | ({"date": str(chosen.use.date)} if chosen.use.date else {})
            | ({"items": chosen.problem.item, "shard": str(shard)} if chosen.run.shard else {}),
        )
        put = partial(bench.case, task or chosen.problem.task, grader=chosen.problem.grader, look=look, prompt=prompting)
        cases = [(item, partial(put, item=item)) for item in items]
        if chosen.run.dry_run:
            return show_dry_run(bench, job, cases, price=price, max_usd=max_usd, json_path=chosen.output.json)
        return _run(bench, job, chosen.output, cases)


def _check(run: Draws, chosen: _Chosen, items: list[str]) -> Task | None:
    """The task, None for an automaton; finds out before a model is loaded what can be found out, and says what a stop would lose."""
    json_path = chosen.output.json
    if len(items) > 1 and not (run.joins or chosen.run.dry_run) and json_path is not None and ITEM not in json_path:
        raise InvalidInput(f"--json {json_path}: {len(items)} results need a name each; write {{item}} where the item's number goes")
    chosen.output.check(items if not run.joins else ("",))
    if run.of_trace and not chosen.base.is_given:
        check_choice(chosen.base.base, chosen.base.n_draws)
    task, name = None, chosen.model.model
    source_of(name)
    if not (isinstance(name, str) and name.startswith("toy:")):
        if chosen.problem.task is None:
            raise InvalidInput(f"this model needs a problem; give --task, such as {run.usual.task} or a problems file")
        task = load_task(chosen.problem.task, keep_faults=True)
        _check_items(task, items)
    if chosen.run.store is None and not chosen.run.dry_run and len(items) > 1:
        click.echo("no --store: if this run is stopped, it begins anew", err=True)
    return task


def _check_items(task: Task, items: Sequence[str]) -> None:
    """Raises what is wrong with the first item where none of them is there; one that fails harms no other."""
    first: TokenworthError | None = None
    for item in items:
        try:
            task.item(item)
        except TokenworthError as error:
            first = first or error
        else:
            return
    if first is not None:
        raise first


def _run(bench: Workbench, job: Job, output: OutputChoice, cases: Sequence[tuple[str, Callable[[], Case]]]) -> int:
    """Shows each result as it comes; what fails is reported in one line and counted. Returns the exit code."""
    shown, failed, unpaid, short = Shown(output), 0, 0, list[str]()
    for ended in bench.runner.run(job, cases):
        if ended.error is not None:
            if len(cases) == 1:
                raise ended.error
            failed += 1
            unpaid += isinstance(ended.error, BudgetExceeded)
            # Once the money is spent, every item that is left ends in the same words.
            if unpaid < 2 or not isinstance(ended.error, BudgetExceeded):
                click.echo(one_line(f"item {ended.item}: {str(ended.error).removeprefix(f'item {ended.item}: ')}"), err=True)
        elif ended.document is not None:
            shown.add(ended.document, item=ended.item)
            short += filter(None, [job.draws.falls_short(ended.document, job.settings)])
    if unpaid > 1:
        click.echo(f"{unpaid - 1:,} more item{'' if unpaid == 2 else 's'} could not be paid for either", err=True)
    shown.finish()
    if 0 < failed < len(cases):
        click.echo(f"{failed:,} of {len(cases):,} items failed; the others are done", err=True)
    for line in short:
        click.echo(one_line(line), err=True)
    return 1 if failed or short else 0


# -- measures that derive, and that read ----------------------------------------------------------------------------------------------


def _derive(measure: Measure, run: Derives, values: dict[str, Any]) -> int:
    settings, output, writes = taken(measure.settings, values), taken(OutputChoice, values), not taken(StreamChoice, values).dry_run
    output.check()
    task, files = (None, values["files"]) if run.gathers is None else named_task(values["files"], values["task"])
    if task is not None:
        return draw(measure, run, settings, task, values, dry_run=not writes)
    paths = [Path(path) for path in files] + [path for folder in values["documents"] for path in documents_in(folder)]
    stored = [] if values["store"] is None else stored_documents(Path(values["store"]))
    documents = Documents(paths, [*stored, *map(read_channel, run.files(settings))])
    if not paths and not stored:
        raise InvalidInput("nothing to read; name result files, or a store with --store")
    names = [Path(path).name for path in (*values["files"], *values["documents"], *filter(None, [values["store"]]))]
    document = run.document(documents, settings, _about(", ".join(names)))
    Shown(output, writes=writes).only(document)
    if writes and values["store"] is not None:
        with open_existing(Path(values["store"])) as store:
            config = {"source": document.provenance.source, **asdict(settings)}
            number = store.begin_run(verb=measure.name, config=config, started=document.provenance.created)
            store.finish_run(number, finished=document.provenance.created, document=document_json(document))
    return 0


def _read(measure: Measure, run: Reads, values: dict[str, Any]) -> int:
    settings, output, stream = taken(measure.settings, values), taken(OutputChoice, values), taken(_stream(run), values)
    writes, shard = not stream.dry_run, Shard.parse(getattr(stream, "shard", None))
    files: tuple[str, ...] = values.get("files", ())
    paths = check_files(files, output)
    work = Pass(run, run.fold(settings), files, shard)
    lines_to = output.json if run.gives_lines else None
    records = records_of(paths) if run.source is None else run.source(settings)
    written(lines_to if writes else None, lambda out: work.read(records, out))
    for line in work.fold.summary():
        click.echo(one_line(line), err=True)
    document = work.noted(work.fold.document(_about(", ".join(map(str, paths)))))
    if run.gives_lines:
        output = replace(output, json=None)
        if lines_to not in (None, "-"):
            told_written(lines_to, writes=writes)
    shown = Shown(output, writes=writes, err=lines_to == "-", prints=run.shows(settings))
    shown.only(document)
    return work.exit_code(kept=lines_to if writes else None)


def _about(source: str) -> About:
    return About(provenance=provenance_now(utc_now(), command_line(), source=source))
