"""The verb `runs`: what a store holds."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import click

from tokenworth import catalog
from tokenworth.cli.help import Verb, json_option, verb_option
from tokenworth.cli.options import config_option
from tokenworth.cli.show import write_facts
from tokenworth.core.inert import one_line
from tokenworth.store.sqlite import open_existing
from tokenworth.workbench.choices import BaseSettings


def usual_of(verb: str) -> dict[str, Any]:
    """What distinguishes runs of a measure, with its defaults: problem, reader, its own settings, and which base trace."""
    kinds = (BaseSettings, catalog.load(catalog.MEASURES, "measure", verb).settings) if verb in catalog.MEASURES else ()
    return dict.fromkeys(("task", "item", "reader", "source")) | {one.name: one.default for kind in kinds for one in fields(kind)}


@click.command(cls=Verb)
@config_option
@verb_option("--store", required=True, metavar="FILE.db", heading="Output", help="SQLite file of rollouts and results.")
@json_option(help="Write the list as JSON; - for standard output.")
def runs(store: str, json_path: str | None) -> None:
    """List the runs of a store."""
    with open_existing(Path(store)) as opened:
        rows = [
            {
                "run": run.id,
                "verb": run.verb,
                "started": run.started,
                "finished": run.finished,
                "has_result": run.has_document,
                "options": {name: value for name, value in run.config.items() if value not in (None, False, [], "")},
            }
            for run in opened.runs()
        ]
        responses = len(opened)
        owner = opened.owner
    if write_facts({"model": owner.name, "fingerprint": owner.fingerprint, "responses": responses, "runs": rows}, json_path):
        return
    click.echo(f"{one_line(owner.name)}  {one_line(owner.fingerprint[:16])}…  {responses:,} responses")
    for row in rows:
        state = "finished " + row["finished"] if row["finished"] else "unfinished"
        usual = usual_of(row["verb"])
        detail = ", ".join(f"{k.replace('_', '-')} {v}" for k, v in row["options"].items() if k in usual and v != usual[k])
        click.echo(one_line(f"{row['run']:>4}  {row['verb']:<12} {row['started']}  {state}  {detail}"))
