"""The verb `edits`: traces edited with known truth, and what the edit does to the plan."""

from __future__ import annotations

import json
import shlex
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import click

from tokenworth import __version__
from tokenworth.cli import options as shared
from tokenworth.cli.serving import model_options
from tokenworth.cli.session import check_task, check_writable, open_bench, parse_items, sampling_of, show_dry_run, write_text
from tokenworth.errors import BudgetExceeded, InvalidInput, TokenworthError
from tokenworth.methods.intervene import InterveneResult
from tokenworth.methods.intervene_groups import Estimate, GroupEffect, by_group
from tokenworth.methods.settings import check_level
from tokenworth.report.inert import one_line
from tokenworth.workbench.bench import Workbench
from tokenworth.workbench.case import Case
from tokenworth.workbench.intervene import (
    BASES,
    DEFAULT_KINDS,
    PLACES,
    REPAIR,
    Planned,
    check_kinds,
    experiment,
    measure,
    plan_item,
)
from tokenworth.workbench.intervene_record import group_record, instance_record

Options = Mapping[str, Any]


@click.command()
@shared.chain(shared.config_option, model_options, shared.problem_options, shared.sampling_options)
@click.option("--codes", metavar="A,B,…", help="Codes to break; paraphrase, swap and repair [default: all that the dialect can write].")
@click.option("--rollouts", "-n", type=click.IntRange(1), default=20, show_default=True, help="Rollouts of each arm of each edit.")
@click.option(
    "--at", "place", type=click.Choice(PLACES), default="edit", show_default=True, help="Go on after the edit, or keep the trace and plan."
)
@click.option("--base", type=click.Choice(BASES), default="solver", show_default=True, help="Whose trace is edited.")
@click.option(
    "--draws",
    type=click.IntRange(1),
    default=16,
    show_default=True,
    help="Answers in which --base model seeks a valid and an invalid trace.",
)
@click.option("--alone", is_flag=True, help="Prefer edits that break no other rule at their event over those of the fewest words.")
@click.option("--level", type=float, default=0.95, show_default=True, help="Level of the intervals.")
@shared.chain(shared.seed_option, shared.store_option, shared.json_option, shared.budget_options, shared.dry_run_option)
def edits(**options: Any) -> int:
    """Edit valid maze traces so that each breaks one rule, and repair invalid ones; measure P(plan correct) before and after."""
    items = parse_items(str(options["item"]))
    named = options["codes"]
    kinds = check_kinds(DEFAULT_KINDS if named is None else [part.strip() for part in named.split(",") if part.strip()])
    check_level(options["level"])
    check_writable(options["json_path"])
    check_task(options["task"], items[0])
    with open_bench(options) as bench:
        if options["dry_run"]:
            return _dry_run(bench, items, kinds, options)
        return _run(bench, items, kinds, options)


def _planned(bench: Workbench, item: str, kinds: tuple[str, ...], options: Options) -> tuple[Case, tuple[Planned, ...]]:
    case = bench.case(options["task"], item, grader=options["grader"])
    planned = plan_item(
        case,
        kinds,
        source=options["base"],
        draws=options["draws"],
        sampling=sampling_of(case, options),
        place=options["place"],
        seed=options["seed"],
        alone=options["alone"],
    )
    return case, planned


def _dry_run(bench: Workbench, items: Sequence[str], kinds: tuple[str, ...], options: Options) -> int:
    if options["base"] == "model":
        raise InvalidInput("--dry-run with --base model: the edits depend on the trace the model writes; price them with --base solver")
    plans: dict[str, Any] = {}
    for item in items:
        case, bases = _planned(bench, item, kinds, options)
        for planned in bases:
            if planned.variants:
                made = experiment(
                    case,
                    planned,
                    n=options["rollouts"],
                    sampling=sampling_of(case, options),
                    seed=options["seed"],
                    level=options["level"],
                )
                plans[f"item {item}" if planned.code is None else f"item {item}, repair"] = case.price(made)
    show_dry_run(plans, options)
    return 0


def _run(bench: Workbench, items: Sequence[str], kinds: tuple[str, ...], options: Options) -> int:
    done: list[tuple[Planned, InterveneResult]] = []
    skipped: Counter[tuple[str, str]] = Counter()
    failed = 0
    for item in items:
        try:
            case, bases = _planned(bench, item, kinds, options)
            for planned in bases:
                skipped.update(planned.skipped.items())
                if planned.variants and not (done and done[-1][1].stopped):
                    sampling = sampling_of(case, options)
                    result = measure(case, planned, n=options["rollouts"], sampling=sampling, seed=options["seed"], level=options["level"])
                    done.append((planned, result))
        except TokenworthError as error:
            if len(items) == 1 and not done:
                raise
            failed += 1
            click.echo(one_line(f"item {item}: {error}"), err=True)
            if isinstance(error, BudgetExceeded):
                break
            continue
        if done and done[-1][1].stopped:
            break
    groups = by_group([result for _, result in done], level=options["level"])
    record = _record(bench, options, kinds, done, groups, failed)
    if options["json_path"] == "-":
        click.echo(json.dumps(record))
    else:
        if options["json_path"]:
            write_text(options["json_path"], json.dumps(record, indent=1) + "\n")
            click.echo(f"wrote {options['json_path']}", err=True)
        for line in (*_table(groups, kinds, options), *_notes(groups, skipped, done, len(items), failed)):
            click.echo(one_line(line))
    return 1 if failed else 0


def _record(
    bench: Workbench,
    options: Options,
    kinds: tuple[str, ...],
    done: Sequence[tuple[Planned, InterveneResult]],
    groups: Sequence[GroupEffect],
    failed: int,
) -> dict[str, Any]:
    names = ("task", "item", "rollouts", "place", "base", "seed", "level", "temperature", "top_p", "top_k", "min_p", "alone")
    return {
        "schema": "tokenworth.edits/1",
        "version": __version__,
        "command": shlex.join(["tokenworth", *sys.argv[1:]]),
        "model": {"name": bench.model.name, "fingerprint": bench.model.backend.fingerprint},
        **{name: options[name] for name in names},
        "codes": list(kinds),
        "groups": [group_record(group) for group in groups],
        "instances": [instance_record(planned, result) for planned, result in done],
        "failed_items": failed,
    }


_PLACE_TOLD = {"edit": "rollouts go on after the edit", "plan": "the whole trace is kept, the plan is drawn"}

_BASE_TOLD = {"solver": "the solver's valid traces", "model": "the model's valid traces"}
_REPAIR_TOLD = {"solver": ", of repair the solver's with one rule broken", "model": ", of repair the model's invalid ones"}


def _told(value: Estimate) -> str:
    number, low, high = value
    return f"{number:+.2f} [{low:+.2f}, {high:+.2f}]" if low < 0 else f"{number:.2f} [{low:.2f}, {high:.2f}]"


def _table(groups: Sequence[GroupEffect], kinds: tuple[str, ...], options: Options) -> list[str]:
    """The table, kinds in the order asked for."""
    head = ("edit", "mazes", "n before/after", "P before", "P after", "difference", "valid before", "valid after", "unknown")
    rows: list[tuple[str, ...]] = [head]
    for group in sorted(groups, key=lambda one: kinds.index(one.group)):
        change = f"{group.change[0]:+.2f} [{group.change[1]:+.2f}, {group.change[2]:+.2f}]"
        valid = [("–" if one is None else f"{one[0]:.2f}") for one in (group.valid_before, group.valid_after)]
        rows.append(
            (
                group.group,
                str(group.n_instances),
                f"{group.n_before}/{group.n_after}",
                _told(group.before),
                _told(group.after),
                change,
                *valid,
                f"{group.unknown_before}/{group.unknown_after}",
            )
        )
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    base = _BASE_TOLD[options["base"]] + (_REPAIR_TOLD[options["base"]] if REPAIR in kinds else "")
    title = f"{_PLACE_TOLD[options['place']]}; base: {base}; {options['level']:.0%} intervals"
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return [title, *lines] if groups else ["no edit could be made; see the notes"]


def _notes(
    groups: Sequence[GroupEffect], skipped: Counter[tuple[str, str]], done: Sequence[tuple[Planned, InterveneResult]], n: int, failed: int
) -> list[str]:
    notes: list[str] = []
    if any(group.unit == "rollouts" for group in groups):
        notes.append("note: groups of one maze have intervals over its rollouts (Wilson, Newcombe); they say nothing of other mazes")
    if any(group.unit == "instances" for group in groups):
        notes.append("note: intervals take the mazes as the sample (Student's t over mazes), not their rollouts")
    if any(group.unknown_before or group.unknown_after for group in groups):
        notes.append("note: rollouts of unknown outcome (no plan that can be read, or cut by the limit) count in n and not as correct")
    broken = Counter(planned.code for planned, _ in done if planned.code is not None)
    if broken:
        first = ", ".join(f"{code} {count}" for code, count in broken.most_common())
        notes.append(f"note: repair goes from an invalid trace to a valid one; the rules its bases break first: {first}")
    together: dict[tuple[str, int], list[str]] = {}
    for (kind, why), count in skipped.items():
        together.setdefault((why, count), []).append(kind)
    notes += [f"note: {', '.join(kinds)} skipped in {count} of {n} mazes: {why}" for (why, count), kinds in together.items()]
    notes += [f"note: item {planned.item}: {result.unresolved}" for planned, result in done if result.unresolved]
    return [*notes, f"note: {failed} of {n} items failed"] if failed else notes
