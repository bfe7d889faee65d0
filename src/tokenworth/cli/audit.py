"""The verb `audit`: attacks an answer checker and prints a card of its soundness and completeness."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

from tokenworth.cli import options as shared
from tokenworth.cli.session import write_text
from tokenworth.errors import InvalidInput
from tokenworth.tasks.audit.attack import Checker
from tokenworth.tasks.audit.card import Card
from tokenworth.tasks.audit.card import audit as card_of
from tokenworth.tasks.audit.checkers import checker_for, checkers
from tokenworth.tasks.audit.page import card_text
from tokenworth.tasks.load import load_task


@click.command()
@shared.config_option
@click.argument("grader", metavar="GRADER|all")
@click.option("--task", help="Attack the problems of this task instead of drawn ones (graders only).")
@click.option("--kind", help="Kind of answers that module:callable judges: option, exact, numeric, latex, expression, maze, …")
@click.option("--items", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many problems to attack.")
@click.option("--level", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.95, show_default=True)
@click.option("--seconds", type=click.FloatRange(0, min_open=True), default=20.0, show_default=True, help="Longest a call may take.")
@click.option("--json", "json_path", metavar="FILE", help="Write the cards here; - for standard output.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Names the stream of problems and attacks.")
@shared.uniform("store", "dry-run")
def audit(grader: str, **options: Any) -> int:
    """Attack an answer checker with answers whose truth is known, and print what it accepts.

    GRADER is option, exact, numeric, latex, plan, expression, module:callable, a formal domain (maze, maze-searchformer, … an unknown
    name lists those like it), or all of those that come with the package. Exit code 0: no wrong answer was accepted; 1: some were;
    2: could not run; 3: none was accepted, but of some attack nothing is known, for the checker gave no verdict on any of its answers.
    """
    if grader == "all" and (options["task"] or options["kind"]):
        raise InvalidInput("audit all takes neither --task nor --kind; name one grader with them")
    cards: list[Card] = []
    for name in checkers() if grader == "all" else (grader,):
        checker = checker_for(name, kind=options["kind"])
        items = _items(checker, options["task"], options["items"], options["seed"])
        cards.append(
            card_of(
                checker.check, checker.surface, items, grader=name, version=checker.version,
                seed=options["seed"], level=options["level"], limit_s=options["seconds"],
            )
        )  # fmt: skip
        if options["json_path"] != "-":
            click.echo(card_text(cards[-1]) + "\n")
    text = json.dumps([dataclasses.asdict(card) for card in cards], indent=1)
    if options["json_path"] == "-":
        click.echo(text)
    elif options["json_path"]:
        write_text(options["json_path"], text + "\n")
        click.echo(f"wrote {Path(options['json_path'])}", err=True)
    if not all(card.is_sound for card in cards):
        return 1
    return 3 if any(card.unknown for card in cards) else 0


def _items(checker: Checker, task: str | None, count: int, seed: int) -> Sequence[Any]:
    """Drawn problems, or the first ones of a task whose gold answer can be read with certainty."""
    if task is None:
        return checker.surface.make(count, np.random.default_rng(seed))
    problems = load_task(task)
    found: list[Any] = []
    for problem in problems:
        item = checker.surface.of(problem)
        if item is not None:
            found.append(item)
        if len(found) == count:
            break
    if not found:
        raise InvalidInput(
            f"task {task!r} has no problem to audit {checker.name} with; expected answers of the kind {checker.surface.name} "
            "whose truth is certain, or leave --task away"
        )
    return found
