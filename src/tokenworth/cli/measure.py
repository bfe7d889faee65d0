"""The verbs `sample`, `curve` and `forced`."""

from __future__ import annotations

import shutil
import sys
from typing import Any

import click

from tokenworth.cli import options as shared
from tokenworth.cli.record import recorded
from tokenworth.cli.serving import model_options
from tokenworth.cli.session import (
    Job,
    base_price,
    base_trace,
    curve_bound,
    run_items,
    sampling_of,
    show_dry_run,
    write_json,
)
from tokenworth.core.document import Document
from tokenworth.report.text import render_text
from tokenworth.workbench.page import group_views


def show(document: Document, json_path: str | None) -> Document:
    """Writes a document where ``--json`` says, and its text form to standard output when that is free; returns it."""
    if not write_json(document, json_path):
        print_text(document)
    return document


def print_text(document: Document) -> None:
    """Prints the text form of a report of one document."""
    width = min(shutil.get_terminal_size((100, 24)).columns, 120)
    (view,) = group_views([document])
    click.echo(render_text(view, width=width, colour=sys.stdout.isatty()))


@click.command()
@shared.chain(shared.config_option, model_options, shared.problem_options, shared.sampling_options)
@click.option("--samples", "-n", type=int, default=20, show_default=True, help="How many answers to draw.")
@click.option("--choose", default=None, help="Mark a base trace in the result: correct, incorrect, any or an index.")
@click.option("--level", type=float, default=0.95, show_default=True, help="Level of the intervals.")
@shared.chain(shared.seed_option, shared.store_option, shared.json_option, shared.budget_options, shared.dry_run_option)
def sample(**options: Any) -> int:
    """Draw answers to a problem: accuracy, outcomes, lengths."""
    return run_items(options, _sample)


def _sample(job: Job) -> Document | None:
    case, options = job.case, job.options
    sampling = sampling_of(case, options)
    if options["dry_run"]:
        experiment = case.sample_experiment(options["samples"], sampling, options["seed"], options["level"])
        show_dry_run({"sample": case.price(experiment)}, options)
        return None
    choices = {name: options[name] for name in ("seed", "level", "choose")}
    with recorded(job.bench, options, "sample") as results:
        document = case.sample(options["samples"], sampling=sampling, **choices).document
        results.append(document)
    return show(document, options["json_path"])


@click.command()
@shared.chain(
    shared.config_option,
    model_options,
    shared.problem_options,
    shared.sampling_options,
    shared.base_options,
)
@shared.plan_options
@click.option("--report", "report_path", metavar="FILE.html", help="Also write the report of this curve.")
@shared.chain(shared.seed_option, shared.store_option, shared.json_option, shared.budget_options, shared.dry_run_option)
def curve(**options: Any) -> int:
    """Measure the value of a trace at every cut."""
    return run_items(options, _curve)


def _curve(job: Job) -> Document | None:
    case, options = job.case, job.options
    names = ("plan", "samples", "stride", "refine", "max_rollouts", "max_tokens", "half_width", "level", "interval", "seed")
    settings = case.settings(sampling=sampling_of(case, options), **{name: options[name] for name in names})
    if options["dry_run"]:
        base = base_price(case, options)
        if base is None:
            plans = {"curve, next batch": case.price(case.curve_experiment(base_trace(case, options), settings, snap=options["snap"]))}
        else:
            plans = {"base trace": base}
        show_dry_run(plans, options, curve_bound(case, options, settings.sampling.max_tokens))
        return None
    with recorded(job.bench, options, "curve") as results:
        document = case.curve(base_trace(case, options), settings=settings, snap=options["snap"]).document
        results.append(document)
    return show(document, options["json_path"])


@click.command()
@shared.chain(
    shared.config_option,
    model_options,
    shared.problem_options,
    shared.sampling_options,
    shared.base_options,
)
@click.option(
    "--exit", "exits", multiple=True, metavar="TEXT", help="Exit text, written at the cut; repeat to compare several. \\n is a newline."
)
@click.option("--options", "labels", metavar="A,B,…", help="Option labels, when the problem has none.")
@click.option("--stride", type=int, default=1, show_default=True, help="Distance of the cuts read.")
@click.option("--snap", is_flag=True, help="Where text cannot reach a cut, read the nearest one it reaches instead of none.")
@click.option("--report", "report_path", metavar="FILE.html", help="Also write the report of this reading.")
@shared.chain(shared.seed_option, shared.store_option, shared.json_option, shared.budget_options, shared.dry_run_option)
def forced(**options: Any) -> int:
    """Read the answer when the trace is stopped at each cut."""
    return run_items(options, _forced)


def _forced(job: Job) -> Document | None:
    case, options = job.case, job.options
    choices: dict[str, Any] = {
        "exits": tuple(text.replace("\\n", "\n") for text in options["exits"]),
        "options": tuple(part.strip() for part in (options["labels"] or "").split(",") if part.strip()),
        "stride": options["stride"],
        "snap": options["snap"],
    }
    case.forced_exits(choices["exits"], choices["options"])
    if options["dry_run"]:
        base = base_price(case, options)
        if base is None:
            plans = {"forced": case.price(case.forced_experiment(base_trace(case, options), **choices))}
        else:
            plans = {"base trace (the readings are priced once it is in the store)": base}
        show_dry_run(plans, options)
        return None
    with recorded(job.bench, options, "forced") as results:
        document = case.forced(base_trace(case, options), **choices).document
        results.append(document)
    return show(document, options["json_path"])
