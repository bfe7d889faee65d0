"""The verb `edits`: traces edited with known truth, and what the edit does to the plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from tokenworth.cli import options as shared
from tokenworth.cli.items import Items
from tokenworth.cli.record import provenance, recorded, show_table
from tokenworth.cli.serving import model_options
from tokenworth.cli.session import check_task, open_bench, prepare, sampling_of, show_dry_run
from tokenworth.errors import InvalidInput
from tokenworth.methods.curve.settings import check_level
from tokenworth.methods.edits.document import EDITS_SCHEMA
from tokenworth.methods.edits.groups import GroupEffect, by_group
from tokenworth.methods.edits.intervene import InterveneResult
from tokenworth.workbench.bench import Workbench
from tokenworth.workbench.case import Case
from tokenworth.workbench.intervene import (
    BASES,
    DEFAULT_KINDS,
    PLACES,
    Planned,
    check_kinds,
    experiment,
    measure,
    plan_item,
)
from tokenworth.workbench.intervene_record import group_record, instance_record

Options = Mapping[str, Any]
Measured = tuple[Planned, InterveneResult]


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
    items = Items(options["item"])
    named = options["codes"]
    kinds = check_kinds(DEFAULT_KINDS if named is None else [part.strip() for part in named.split(",") if part.strip()])
    check_level(options["level"])
    prepare(options, items)
    check_task(options["task"], items.names[0])
    with open_bench(options) as bench:
        if options["dry_run"]:
            return _dry_run(bench, items.names, kinds, options)
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


def _run(bench: Workbench, items: Items, kinds: tuple[str, ...], options: Options) -> int:
    done: list[Measured] = []
    skipped: Counter[tuple[str, str]] = Counter()

    def measured(item: str) -> Iterator[Measured]:
        case, bases = _planned(bench, item, kinds, options)
        for planned in bases:
            skipped.update(planned.skipped.items())
        for planned in bases:
            if planned.variants:
                sampling = sampling_of(case, options)
                yield (
                    planned,
                    measure(case, planned, n=options["rollouts"], sampling=sampling, seed=options["seed"], level=options["level"]),
                )

    with recorded(bench, options, "edits") as results:
        for one in items.results(measured):
            done.append(one)
            if one[1].stopped:
                break
        groups = by_group([result for _, result in done], level=options["level"])
        facts = _facts(bench, options, kinds, done, groups) | {"failed_items": items.failed, "notes": _notes(groups, skipped, done, items)}
        results.append(facts)
    show_table(facts, options["json_path"])
    return items.exit_code


def _facts(
    bench: Workbench, options: Options, kinds: tuple[str, ...], done: Sequence[Measured], groups: Sequence[GroupEffect]
) -> dict[str, Any]:
    names = ("task", "item", "rollouts", "place", "base", "seed", "level", "temperature", "top_p", "top_k", "min_p", "alone")
    return {
        "schema": EDITS_SCHEMA,
        **provenance(),
        "model": {"name": bench.model.name, "fingerprint": bench.model.backend.fingerprint},
        **{name: options[name] for name in names},
        "codes": list(kinds),
        "groups": [group_record(group) for group in groups],
        "instances": [instance_record(planned, result) for planned, result in done],
    }


def _notes(groups: Sequence[GroupEffect], skipped: Counter[tuple[str, str]], done: Sequence[Measured], items: Items) -> list[str]:
    notes: list[str] = []
    if any(group.unit == "rollouts" for group in groups):
        notes.append("groups of one maze have intervals over its rollouts (Wilson, Newcombe); they say nothing of other mazes")
    if any(group.unit == "instances" for group in groups):
        notes.append("intervals take the mazes as the sample (Student's t over mazes), not their rollouts")
    if any(group.unknown_before or group.unknown_after for group in groups):
        notes.append("rollouts of unknown outcome (no plan that can be read, or cut by the limit) count in n and not as correct")
    broken = Counter(planned.code for planned, _ in done if planned.code is not None)
    if broken:
        first = ", ".join(f"{code} {count}" for code, count in broken.most_common())
        notes.append(f"repair goes from an invalid trace to a valid one; the rules its bases break first: {first}")
    together: dict[tuple[str, int], list[str]] = {}
    for (kind, why), count in skipped.items():
        together.setdefault((why, count), []).append(kind)
    notes += [f"{', '.join(kinds)} skipped in {count} of {len(items)} mazes: {why}" for (why, count), kinds in together.items()]
    notes += [f"item {planned.item}: {result.unresolved}" for planned, result in done if result.unresolved]
    return [*notes, f"{items.failed} of {len(items)} items failed"] if items.failed else notes
