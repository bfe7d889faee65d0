"""The verb `merge`: the stores of several machines in one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import click

from tokenworth.cli.help import Verb, dry_run_option, json_option, verb_option
from tokenworth.cli.options import config_option
from tokenworth.cli.show import write_facts
from tokenworth.cli.status import Asked, asked
from tokenworth.core.inert import one_line
from tokenworth.errors import InvalidInput
from tokenworth.store.merge import Merged, merge_stores
from tokenworth.store.sqlite import RunRecord, open_existing
from tokenworth.workbench.items import Shard, parse_items


@click.command(cls=Verb)
@config_option
@click.argument("parts", nargs=-1, required=True, metavar="PART.db…")
@verb_option("--store", required=True, metavar="FILE.db", heading="Output", help="SQLite file of rollouts and results; the parts join it.")
@json_option(help="Write a summary of what was written as JSON; - for standard output.")
@dry_run_option
def merge(parts: tuple[str, ...], store: str, json_path: str | None, dry_run: bool) -> None:
    """Join stores of one model: what several machines drew.

    All parts are checked first, and all or nothing is written. The first response under a key stays; merging a part again adds nothing.
    """
    paths = [Path(part) for part in parts]
    merged = merge_stores(paths, Path(store), dry_run=dry_run)
    runs = list[RunRecord]()
    for path in (*paths, *([Path(store)] if Path(store).exists() else [])):
        with open_existing(path) as opened:
            runs += opened.runs()
    missing = missing_shards(runs)
    for line in (*_notes(merged), *missing):
        click.echo(one_line(f"note: {line}"), err=True)
    facts = {
        "store": store,
        "model": merged.owner.name,
        "fingerprint": merged.owner.fingerprint,
        **{name: getattr(merged, name) for name in ("responses", "added", "runs_added", "conflicts", "conflicting")},
        "parts": [{**asdict(part), "path": str(part.path)} for part in merged.parts],
        "missing_shards": missing,
    }
    if not write_facts(facts, json_path):
        would = "would hold" if dry_run else "holds"
        click.echo(
            f"{store} {would} {merged.responses:,} responses, {merged.added:,} of them new; {merged.runs_added:,} runs are new or finished"
        )


def _notes(merged: Merged) -> Iterable[str]:
    if merged.conflicts:
        named = ", ".join(merged.conflicting) + (", …" if merged.conflicts > len(merged.conflicting) else "")
        yield f"{merged.conflicts:,} responses differ from the one that was there first, which stays: {named}"
    for part in merged.parts:
        if part.unfinished:
            yield f"{part.path}: {part.unfinished:,} of its {part.runs:,} runs have not ended; merge it again when they have"


def missing_shards(runs: Iterable[RunRecord]) -> list[str]:
    """Which shares of sharded runs are not among these, a line for each run."""
    seen: dict[tuple[Asked, str, int], set[int]] = {}
    for run in runs:
        shard, items = run.config.get("shard"), run.config.get("items")
        if not isinstance(shard, str) or not isinstance(items, str):
            continue
        try:
            share = Shard.parse(shard)
        except InvalidInput:
            continue
        seen.setdefault((asked(run), items, share.of), set()).add(share.number)
    lines: list[str] = []
    for (what, items, of), numbers in seen.items():
        lacking = [n for n in range(1, of + 1) if n not in numbers and Shard(n, of).items(parse_items(items))]
        if lacking:
            named = ", ".join(f"{n}/{of}" for n in lacking[:12]) + (", …" if len(lacking) > 12 else "")
            lines.append(f"{what.verb} of {what.task or 'the automaton'}, items {items}{what.seed}: no run of the shards {named}")
    return lines
