"""What a verb needs around its measurement: the case, the base trace, prices, output."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from tokenworth.backends.bundled import BUNDLED
from tokenworth.cli.items import Items
from tokenworth.cli.money import limit_of, money_text, price_of
from tokenworth.cli.serving import server_of
from tokenworth.core.document import Document
from tokenworth.core.request.kind import Request
from tokenworth.core.request.next_token import NextToken
from tokenworth.core.request.sample import Sample
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import TokenSequence, Trace
from tokenworth.errors import InvalidInput, MissingFile
from tokenworth.methods.sample.experiment import check_choice
from tokenworth.run.estimate import CostPlan, Price, most_tokens
from tokenworth.store.documents import document_json, write_document, write_whole
from tokenworth.tasks.load import load_item
from tokenworth.workbench.bench import Workbench
from tokenworth.workbench.case import Case
from tokenworth.workbench.models import check_names, is_served
from tokenworth.workbench.page import write_report
from tokenworth.workbench.progress import ProgressLine

Options = Mapping[str, Any]
DRAWS_TO_CHOOSE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One item of a verb's run: the case and the options with this item's output path."""

    bench: Workbench
    case: Case
    options: Options


def run_items(options: Options, work: Callable[[Job], Document | None]) -> int:
    """Does the work for every item the options name; writes one report of all results when asked. Returns the exit code.

    With several items a problem that cannot be measured is told in one line and the others go on; the exit code is then 1.
    """
    items, json_path = Items(options["item"]), options["json_path"]
    if len(items) > 1 and json_path is not None and "{item}" not in json_path:
        raise InvalidInput(f"--json {json_path}: {len(items)} results need a name each; write {{item}} where the item's number goes")
    prepare(options, items)
    if "base" in options and not options["trace_ids"]:
        check_choice(options["base"], n_draws(options))
    if is_served(options["model"]) or options["model"] in BUNDLED or options["model"].startswith("hf:"):
        check_task(options["task"], items.names[0])
    with open_bench(options) as bench:

        def measured(item: str) -> Iterator[Document | None]:
            own = {**options, "item": item, "json_path": json_path and json_path.replace("{item}", item)}
            yield work(Job(bench=bench, case=bench.case(options["task"], item, grader=options["grader"]), options=own))

        documents = [document for document in items.results(measured) if document is not None]
    if options.get("report_path") and documents:
        click.echo(f"wrote {write_report(options['report_path'], *documents)}", err=True)
    return items.exit_code


def prepare(options: Options, items: Items) -> None:
    """Finds out before a model is loaded that a result could not be written or that there is no such model; says what a stop would lose."""
    for name in ("json_path", "report_path"):
        check_writable(options.get(name))
    check_names(options["model"])
    if options["store"] is None and not options["dry_run"] and len(items) > 1:
        click.echo("no --store: if this run is stopped, it begins anew", err=True)


def check_task(task: str | None, item: str) -> None:
    """Finds out before a model is loaded that there is no such problem."""
    if task is None:
        raise InvalidInput("this model needs a problem; give --task, such as world:steps or a problems file")
    load_item(task, item)


def check_writable(path: str | None) -> None:
    """Finds out before anything is drawn that a result could not be written."""
    if path is None or path == "-":
        return
    if Path(path).is_dir():
        raise InvalidInput(f"cannot write {path}: it is a folder; name a file in it")
    folder = Path(path).parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise MissingFile(f"cannot write {path}: {folder} is not a folder that can be written to; make it first")


def open_bench(options: Options) -> Workbench:
    """The workbench the options describe."""
    price = price_of(options)
    max_usd = limit_of(options, price)
    return Workbench(
        options["model"],
        store=None if options["dry_run"] and options["store"] and not Path(options["store"]).exists() else options["store"],
        device=options["device"],
        dtype=options["dtype"],
        batch=options["batch"],
        threads=options["threads"],
        trace_format=options["trace_format"],
        server=server_of(options),
        price=price,
        max_usd=max_usd,
        thinking=options["thinking"],
        date=None if options["date"] is None else options["date"].date(),
        on_event=ProgressLine,
        command=shlex.join(["tokenworth", *sys.argv[1:]]),
    )


def sampling_of(case: Case, options: Options) -> Sampling:
    """The sampling the options ask for."""
    return case.sampling(
        temperature=options["temperature"],
        top_k=options["top_k"],
        top_p=options["top_p"],
        min_p=options["min_p"],
        limit=options["limit"],
    )


def base_sampling(case: Case, options: Options) -> Sampling:
    """How the base trace is sampled: as everything else, but an automaton's base is always drawn at temperature 1."""
    return case.sampling(limit=options["limit"]) if case.model.is_toy else sampling_of(case, options)


def n_draws(options: Options) -> int:
    """How many answers are drawn to choose the base trace from."""
    base = options["base"]
    default = DRAWS_TO_CHOOSE if base in ("correct", "incorrect") else int(base) + 1 if base.isdecimal() else 1
    return int(options["draws"] or default)


def base_trace(case: Case, options: Options) -> Trace:
    """The base trace: given by ids, or chosen among sampled answers."""
    if options["trace_ids"]:
        ids = read_ids(options["trace_ids"])
        return case.given_trace(ids, sampling=base_sampling(case, options), seed=options["seed"])
    samples = case.sample(n_draws(options), sampling=base_sampling(case, options), seed=options["seed"])
    return samples.trace(options["base"])


def base_price(case: Case, options: Options) -> CostPlan | None:
    """What drawing the base trace would cost; None when nothing is left to draw."""
    if options["trace_ids"]:
        return None
    plan = case.price(case.sample_experiment(n_draws(options), base_sampling(case, options), options["seed"], 0.95))
    return None if plan.finished else plan


def read_ids(path: str) -> tuple[int, ...]:
    """Token ids from a file: a JSON list, an object with a list under ``ids``, or whole numbers apart by white space."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise MissingFile(f"no file {path}; expected token ids") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path}: cannot be read ({error})") from error
    stripped = text.strip()
    try:
        value: object = json.loads(stripped) if stripped[:1] in ("[", "{") else [int(word) for word in stripped.split()]
    except (ValueError, RecursionError) as error:
        raise InvalidInput(
            f"{path}: expected token ids, a JSON list or whole numbers apart by spaces ({' '.join(str(error).split())})"
        ) from error
    if isinstance(value, dict):
        value = value.get("ids")
    if not isinstance(value, list) or not all(isinstance(i, int) and not isinstance(i, bool) for i in value):
        raise InvalidInput(f"{path}: expected a list of whole numbers, the token ids of the base completion")
    if not value:
        raise InvalidInput(f"{path}: the trace is empty; expected at least one token id")
    return tuple(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """An upper bound on what a whole run draws; None where there is none."""

    rollouts: int | None
    generated_tokens: int | None
    input_tokens: int | None


def curve_bound(case: Case, options: Options, limit: int) -> Bound:
    """What a curve can cost at most, base trace included. A half-width alone bounds nothing."""
    rollouts = options["max_rollouts"]
    if options["plan"] != "excursions":
        # At most one cut a token, whatever the stride refines to.
        cuts = limit + 1 if options["stride"] is None or options["refine"] is not None else limit // max(1, options["stride"]) + 2
        planned = cuts * int(options["samples"] or 20) if options["half_width"] is None else None
        rollouts = min((n for n in (rollouts, planned) if n is not None), default=None)
    if rollouts is None:
        return Bound(rollouts=None, generated_tokens=None, input_tokens=None)
    base = 0 if options["trace_ids"] else n_draws(options)
    read, generated = _most(case, options, limit, rollouts=rollouts, base=base)
    return Bound(rollouts=rollouts + base, generated_tokens=generated, input_tokens=read)


def _most(case: Case, options: Options, limit: int, *, rollouts: int, base: int) -> tuple[int, int]:
    """Tokens read and generated at most: base draws from the prompt, one table of q_c, rollouts from the end of the longest trace."""
    backend, sampling = case.model.backend, sampling_of(case, options)
    longest = TokenSequence(prompt=case.prompt, completion=(0,) * limit)
    leave = options["plan"] == "excursions"
    start = Sample(sequence=longest, cut=0, params=sampling, seed=0, index=0, leave=leave)
    end = Sample(sequence=longest, cut=limit - leave, params=sampling, seed=0, index=0, leave=leave)
    draw = Sample(sequence=longest, cut=0, params=sampling, seed=0, index=0)
    table = NextToken(sequence=longest, cuts=tuple(range(limit)), params=sampling, top=20)
    counted: list[tuple[int, Request, Request]] = [(base, draw, draw), (rollouts, end, start)]
    if backend.capabilities.can("next_token"):
        counted.append((1, table, table))
    read = sum(n * most_tokens((reads,), backend)[0] for n, reads, _ in counted)
    return read, sum(n * most_tokens((writes,), backend)[1] for n, _, writes in counted)


def show_dry_run(plans: Mapping[str, CostPlan], options: Options, bound: Bound | None = None) -> None:
    """Prints what each step would draw next and what the whole run can cost at most (as JSON with ``--json``).

    Later batches depend on answers, so only the next one is exact; without ``bound`` that one is the whole run.
    """
    price = price_of(options)
    facts: dict[str, Any] = {"steps": {name: asdict(plan) for name, plan in plans.items()}}
    for name, plan in plans.items():
        if price is not None:
            facts["steps"][name]["max_money"] = plan.max_money(price)
    if bound is not None:
        facts["at_most"] = asdict(bound)
        if price is not None and bound.generated_tokens is not None and bound.input_tokens is not None:
            facts["at_most"]["money"] = price.at_most(read=bound.input_tokens, generated=bound.generated_tokens)
    if price is not None:
        facts["currency"] = price.currency
    if options["max_usd"] is not None:
        facts["max_usd"] = options["max_usd"]
    if options["json_path"] == "-":
        click.echo(json.dumps(facts))
        return
    if options["json_path"]:
        write_text(options["json_path"], json.dumps(facts, indent=1) + "\n")
    for name, plan in plans.items():
        click.echo(_plan_line(name, plan, price))
    click.echo(_bound_line(facts.get("at_most"), options, price))
    if options["max_usd"] is not None:
        click.echo(f"It stops before it has cost more than {options['max_usd']:g} USD, and reports on what was drawn.")


def _plan_line(name: str, plan: CostPlan, price: Price | None) -> str:
    if plan.finished:
        return f"{name}: nothing to draw, all of it is in the store"
    money = "" if price is None else f", at most {money_text(plan.max_money(price), price.currency)}"
    return (
        f"{name}: {plan.requests:,} requests, {plan.stored:,} of them stored; "
        f"{plan.rollouts:,} rollouts and {plan.tables:,} tables to draw: "
        f"{plan.input_tokens:,} tokens read, at most {plan.max_output_tokens:,} generated{money}"
    )


def _bound_line(at_most: Mapping[str, Any] | None, options: Options, price: Price | None) -> str:
    if at_most is None:
        return "That is the whole run."
    if at_most["rollouts"] is None:
        if options["max_tokens"]:
            return f"The whole run: until {options['max_tokens']:,} tokens are generated."
        if options["max_usd"] is not None:
            return "The whole run: until every cut has its interval."
        return "The whole run: no bound; give --max-rollouts, --max-tokens or, for a server's model, --max-usd."
    money = f", at most {money_text(at_most['money'], price.currency)}" if price is not None and "money" in at_most else ""
    return f"The whole run: at most {at_most['rollouts']:,} rollouts, {at_most['generated_tokens']:,} tokens generated{money}."


def write_text(path: str, text: str) -> None:
    """Writes a small text file whole or not at all."""
    write_whole(Path(path), lambda file: file.write(text.encode()))


def write_json(document: Document, path: str | None) -> bool:
    """Writes a document; True when it went to standard output, which then holds nothing else."""
    if path is None:
        return False
    if path == "-":
        click.echo(document_json(document).decode())
        return True
    write_document(document, Path(path))
    click.echo(f"wrote {path}", err=True)
    return False
