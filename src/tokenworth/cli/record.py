"""What a run leaves: its record in the store, and where its result comes from."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import click

from tokenworth import __version__
from tokenworth.cli.session import Options, write_text
from tokenworth.core.document import Document
from tokenworth.core.inert import whole
from tokenworth.core.ports import Recorded
from tokenworth.report.sections.sheet import sheet_lines
from tokenworth.report.sheets import sheet_view
from tokenworth.store.documents import document_json, parse_document
from tokenworth.store.sqlite import SqliteStore
from tokenworth.workbench.bench import Workbench
from tokenworth.workbench.case import utc_now

Facts = Mapping[str, Any]
"""A result as JSON, of a schema with one table over many problems."""


@contextmanager
def recorded(bench: Workbench, options: Options, verb: str) -> Iterator[list[Document | Facts]]:
    """Records a run with its options and, at the end, the result put in the list, in the store (when there is one on disk)."""
    results: list[Document | Facts] = []
    store = bench.store
    if not isinstance(store, SqliteStore):
        yield results
        return
    config = {name: value.date().isoformat() if isinstance(value, datetime) else value for name, value in options.items()}
    backend = bench.model.backend
    if isinstance(backend, Recorded):
        config["record"] = backend.record()
    run = store.begin_run(verb=verb, config=config, started=utc_now().isoformat(timespec="seconds"))
    yield results
    result = results[-1]
    payload = facts_json(result).encode() if isinstance(result, Mapping) else document_json(result)
    store.finish_run(run, finished=utc_now().isoformat(timespec="seconds"), document=payload)


def provenance() -> dict[str, str]:
    """Version, time and command of this run."""
    created = utc_now().isoformat(timespec="seconds")
    return {"version": __version__, "created": created, "command": shlex.join(["tokenworth", *sys.argv[1:]])}


def facts_json(facts: Facts, *, indent: int | None = None) -> str:
    """A result as JSON that can be written and read back: no NaN, no unpaired surrogate."""
    return whole(json.dumps(facts, ensure_ascii=False, allow_nan=False, indent=indent)) + "\n"


def write_facts(facts: Facts, json_path: str | None) -> bool:
    """Writes a result where ``--json`` says; True when that is standard output, which then holds nothing else."""
    if json_path == "-":
        click.echo(facts_json(facts), nl=False)
        return True
    if json_path:
        write_text(json_path, facts_json(facts, indent=1))
        click.echo(f"wrote {json_path}", err=True)
    return False


def show_table(facts: Facts, json_path: str | None) -> None:
    """Writes a result where ``--json`` says, and prints its table where standard output is free."""
    if not write_facts(facts, json_path):
        for line in sheet_lines(sheet_view(tabled(facts))):
            click.echo(line)


def tabled(facts: Facts) -> Any:
    """The result as the report reads it back from JSON."""
    return parse_document(facts_json(facts).encode(), "result")
