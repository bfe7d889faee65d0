"""The verbs `report`, `import` and `export`: documents in and out, no model needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tokenworth.cli import options as shared
from tokenworth.cli.measure import show
from tokenworth.core.documents import CurveDoc, Document, ForcedDoc, SampleSetDoc
from tokenworth.errors import InvalidInput
from tokenworth.store.documents import parse_document, read_document, write_document, write_parquet
from tokenworth.store.importers import import_path
from tokenworth.store.sqlite import open_existing
from tokenworth.workbench.page import write_report


@click.command()
@shared.config_option
@click.argument("documents", nargs=-1, required=True, metavar="RESULT.json…")
@click.option("-o", "--out", default="report.html", show_default=True, metavar="FILE.html")
@click.option("--title", help="Title of the page [default: the question].")
@click.option("--max-mb", type=float, help="Leave out rollout texts until the page is no larger; the page says what is missing.")
@click.option("--text", is_flag=True, help="Print the report in the terminal instead of writing a page.")
def report(documents: tuple[str, ...], out: str, title: str | None, max_mb: float | None, text: bool) -> None:
    """Make one self-contained page of result documents."""
    read = [read_document(Path(path)) for path in documents]
    if text:
        for document in read:
            show(
                curve=document if isinstance(document, CurveDoc) else None,
                forced=document if isinstance(document, ForcedDoc) else None,
                samples=document if isinstance(document, SampleSetDoc) else None,
            )
        return
    click.echo(write_report(out, *read, title=title, max_mb=max_mb))


@click.command("import")
@shared.config_option
@click.argument("source", metavar="PATH")
@click.option("--kind", help="Layout of the source, when it is not to be guessed.")
@click.option("--item", default=None, help="Only the document with this index, or whose problem has this id.")
@click.option("-o", "--out", default="imported", show_default=True, metavar="FOLDER", help="Where the documents go, one file each.")
@click.option("--report", "report_path", metavar="FILE.html", help="Also write one report of what was imported.")
@click.option("--max-mb", type=float, help="Size limit of the report.")
def import_(source: str, kind: str | None, item: str | None, out: str, report_path: str | None, max_mb: float | None) -> None:
    """Read other people's results as documents."""
    documents: list[Document] = list(import_path(Path(source), kind=kind))
    if item is not None:
        named = [d for i, d in enumerate(documents) if str(i) == item or (d.problem is not None and d.problem.id == item)]
        if not named:
            raise InvalidInput(f"item {item!r}: expected an index below {len(documents)} or the id of a problem in {source}")
        documents = named
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    for number, document in enumerate(documents):
        write_document(document, folder / f"{number:04d}.json")
    click.echo(f"{len(documents)} documents in {folder}")
    if report_path:
        click.echo(write_report(report_path, *documents, max_mb=max_mb))


@click.command()
@shared.config_option
@click.argument("source", metavar="RESULT.json|RUN.db")
@click.option("-o", "--out", required=True, metavar="FILE.json|FILE.parquet")
@click.option("--run", "run_id", type=int, help="Which run of a store [default: the newest with a result].")
def export(source: str, out: str, run_id: int | None) -> None:
    """Write a result, or a store's run, as JSON or Parquet."""
    path = Path(source)
    if path.suffix == ".json":
        document = read_document(path)
    else:
        document = _stored(path, run_id)
    target = Path(out)
    if target.suffix == ".parquet":
        write_parquet(document, target)
    elif target.suffix == ".json":
        write_document(document, target)
    else:
        raise InvalidInput(f"cannot tell the format of {out}; expected a name that ends in .json or .parquet")
    click.echo(f"wrote {target}")


def _stored(path: Path, run_id: int | None) -> Any:
    with open_existing(path) as store:
        runs = store.runs()
        finished = [run for run in runs if run.has_document]
        wanted = [run for run in finished if run_id is None or run.id == run_id]
        if not wanted:
            known = ", ".join(str(run.id) for run in finished) or "none"
            raise InvalidInput(f"{path}: no finished run{'' if run_id is None else f' {run_id}'}; runs with a result: {known}")
        payload = store.document(wanted[-1].id)
    assert payload is not None
    return parse_document(payload, source=str(path))
