"""The verbs `sample`, `curve` and `forced`."""

from __future__ import annotations

import shutil
import sys
from typing import Any

import click

from tokenworth.cli import options as shared
from tokenworth.cli.session import (
    base_price,
    base_trace,
    open_case,
    recorded,
    sampling_of,
    show_dry_run,
    write_json,
)
from tokenworth.core.documents import CurveDoc, ForcedDoc, SampleSetDoc
from tokenworth.errors import InvalidInput
from tokenworth.report.text import render_text
from tokenworth.report.view import build_view
from tokenworth.workbench.page import write_report


def show(curve: CurveDoc | None = None, forced: ForcedDoc | None = None, samples: SampleSetDoc | None = None) -> None:
    """Prints the text form of a report."""
    width = min(shutil.get_terminal_size((100, 24)).columns, 120)
    click.echo(render_text(build_view(curve, forced, samples), width=width, colour=sys.stdout.isatty()))


@click.command()
@shared.chain(shared.config_option, shared.model_options, shared.problem_options, shared.sampling_options)
@click.option("--samples", "-n", type=int, default=20, show_default=True, help="How many answers to draw.")
@click.option("--choose", default=None, help="Mark a base trace in the result: correct, incorrect, any or an index.")
@click.option("--level", type=float, default=0.95, show_default=True, help="Level of the intervals.")
@shared.chain(shared.seed_option, shared.store_option, shared.json_option, shared.dry_run_options)
def sample(**options: Any) -> None:
    """Draw answers to a problem: accuracy, outcomes, lengths."""
    with open_case(options) as (bench, case):
        sampling = sampling_of(case, options)
        if options["dry_run"]:
            experiment = case.sample_experiment(options["samples"], sampling, options["seed"], options["level"])
            show_dry_run({"sample": case.price(experiment)}, options, "That is the whole run.")
            return
        with recorded(bench, "sample", options) as documents:
            drawn = case.sample(
                options["samples"], sampling=sampling, seed=options["seed"], level=options["level"], choose=options["choose"]
            )
            documents.append(drawn.document)
        if not write_json(drawn.document, options["json_path"]):
            show(samples=drawn.document)


@click.command()
@shared.chain(shared.config_option, shared.model_options, shared.problem_options, shared.sampling_options, shared.base_options)
@shared.plan_options
@click.option("--report", "report_path", metavar="FILE.html", help="Also write the report of this curve.")
@shared.chain(shared.seed_option, shared.store_option, shared.json_option, shared.dry_run_options)
def curve(**options: Any) -> None:
    """Measure the value of a trace at every cut."""
    with open_case(options) as (bench, case):
        names = ("plan", "samples", "stride", "refine", "max_rollouts", "max_tokens", "half_width", "level", "interval", "seed")
        settings = case.settings(sampling=sampling_of(case, options), **{name: options[name] for name in names})
        if options["dry_run"]:
            base = base_price(case, options)
            if base is None:
                trace, _ = base_trace(case, options)
                plans = {"curve, next batch": case.price(case.curve_experiment(trace, settings))}
            else:
                plans = {"base trace": base}
            show_dry_run(plans, options, _bound(options, is_known=base is None))
            return
        with recorded(bench, "curve", options) as documents:
            trace, _ = base_trace(case, options)
            measured = case.curve(trace, settings=settings)
            documents.append(measured.document)
        if not write_json(measured.document, options["json_path"]):
            show(curve=measured.document)
        if options["report_path"]:
            click.echo(f"wrote {write_report(options['report_path'], measured)}", err=True)


def _bound(options: dict[str, Any], *, is_known: bool) -> str:
    limits = [
        f"{options[name]:,} {unit}"
        for name, unit in (("max_rollouts", "rollouts"), ("max_tokens", "generated tokens"))
        if options[name] is not None
    ]
    later = "later batches depend on what is drawn" if is_known else "the curve is priced once the base trace is in the store"
    end = " and ".join(limits)
    return f"{later[0].upper()}{later[1:]}; " + (f"the run ends at {end}." if end else "no --max-rollouts or --max-tokens is set.")


@click.command()
@shared.chain(shared.config_option, shared.model_options, shared.problem_options, shared.sampling_options, shared.base_options)
@click.option(
    "--exit", "exits", multiple=True, metavar="TEXT", help="Exit text, written at the cut; repeat to compare several. \\n is a newline."
)
@click.option("--options", "labels", metavar="A,B,…", help="Option labels, when the problem has none.")
@click.option("--stride", type=int, default=1, show_default=True, help="Distance of the cuts read.")
@click.option("--report", "report_path", metavar="FILE.html", help="Also write the report of this reading.")
@shared.chain(shared.seed_option, shared.store_option, shared.json_option, shared.dry_run_options)
def forced(**options: Any) -> None:
    """Read the answer when the trace is stopped at each cut."""
    with open_case(options) as (bench, case):
        labels = tuple(part.strip() for part in (options["labels"] or "").split(",") if part.strip())
        choices: dict[str, Any] = {
            "exits": tuple(text.replace("\\n", "\n") for text in options["exits"]),
            "options": labels,
            "stride": options["stride"],
        }
        if options["stride"] < 1:
            raise InvalidInput(f"stride {options['stride']}: expected at least 1")
        if options["dry_run"]:
            base = base_price(case, options)
            if base is None:
                trace, _ = base_trace(case, options)
                show_dry_run({"forced": case.price(case.forced_experiment(trace, **choices))}, options, "That is the whole run.")
            else:
                show_dry_run({"base trace": base}, options, "The readings are priced once the base trace is in the store.")
            return
        with recorded(bench, "forced", options) as documents:
            trace, _ = base_trace(case, options)
            measured = case.forced(trace, **choices)
            documents.append(measured.document)
        if not write_json(measured.document, options["json_path"]):
            show(forced=measured.document)
        if options["report_path"]:
            click.echo(f"wrote {write_report(options['report_path'], measured)}", err=True)
