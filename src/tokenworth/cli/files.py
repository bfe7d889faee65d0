"""The verbs `report`, `import` and `export`: documents in and out, no model needed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeAlias

import click

from tokenworth.catalog import EXPORTERS, load
from tokenworth.cli import options as shared
from tokenworth.cli.measure import print_text
from tokenworth.cli.session import write_text
from tokenworth.core.document import Document
from tokenworth.errors import InvalidInput
from tokenworth.importers.importer import import_path
from tokenworth.methods.edits.document import EditsDoc
from tokenworth.methods.modulo.document import ModuloDoc
from tokenworth.store.documents import parse_document, read_document, write_document
from tokenworth.store.sqlite import open_existing
from tokenworth.workbench.page import group_views, write_report

Result: TypeAlias = "Document"

summary_options = shared.chain(
    click.option("--json", "json_path", metavar="FILE", help="Write a summary of what was written here; - for standard output."),
    click.option("--dry-run", is_flag=True, help="Read and check everything, say what would be written, write nothing."),
)


def _summary(facts: dict[str, Any], json_path: str | None, text: str) -> None:
    if json_path == "-":
        click.echo(json.dumps(facts, ensure_ascii=False))
        return
    if json_path:
        write_text(json_path, json.dumps(facts, ensure_ascii=False, indent=1) + "\n")
    click.echo(text)


def _stored(path: Path, run_id: int | None) -> list[Result]:
    """The results in a store: of one run, or of every run that finished with one."""
    with open_existing(path) as store:
        finished = [run.id for run in store.runs() if run.has_document]
        wanted = finished if run_id is None else [run_id] if run_id in finished else []
        payloads = [store.document(run) for run in wanted]
    if not payloads:
        known = ", ".join(map(str, finished)) or "none"
        raise InvalidInput(f"{path}: no finished run{'' if run_id is None else f' {run_id}'}; runs with a result: {known}")
    return [parse_document(payload, source=str(path)) for payload in payloads if payload is not None]


@click.command()
@shared.config_option
@click.argument("documents", nargs=-1, metavar="RESULT.json…")
@click.option("--store", metavar="FILE.db", help="Report the results in this store, too: the newest of each trace and verb.")
@click.option("-o", "--out", default="report.html", show_default=True, metavar="FILE.html")
@click.option("--title", help="Title of the page [default: the question].")
@click.option("--max-mb", type=float, help="Leave out rollout texts until the page is no larger; the page says what is missing.")
@click.option("--text", is_flag=True, help="Print the report in the terminal instead of writing a page.")
@summary_options
@shared.uniform("seed")
def report(
    documents: tuple[str, ...], store: str | None, out: str, title: str | None, max_mb: float | None, text: bool, **rest: Any
) -> None:
    """Make one self-contained page of result documents."""
    read = [read_document(Path(path)) for path in documents]
    if store is not None:
        read += _newest(_stored(Path(store), None))
    if not read:
        raise InvalidInput("nothing to report; name result files, or a store with --store")
    if text:
        for document in read:
            print_text(document)
        return
    views = group_views(read)
    counts = {"traces": sum(len(view.traces) for view in views), "tables": sum(len(view.sheets) for view in views)}
    facts: dict[str, Any] = {"report": out, **counts, "documents": len(read)}
    if rest["dry_run"]:
        told = f"{counts['traces']} traces" + (f" and {counts['tables']} tables over problems" if counts["tables"] else "")
        _summary(facts, rest["json_path"], f"would write {out}: {told} of {len(read)} documents")
        return
    path = write_report(out, *read, title=title, max_mb=max_mb)
    _summary({**facts, "bytes": path.stat().st_size}, rest["json_path"], str(path))


def _problem_id(document: Result) -> str | None:
    problem = getattr(document, "problem", None)
    return None if problem is None else problem.id


def _newest(documents: list[Result]) -> list[Result]:
    """The last document of each kind and trace, or of each table: a store keeps every run, a page wants the newest."""

    def subject(document: Result) -> tuple[object, ...]:
        if isinstance(document, EditsDoc):
            return EditsDoc, document.task, document.item, document.place, document.base, document.codes, document.alone
        if isinstance(document, ModuloDoc):
            problems = tuple(one.id for one in document.items)
            return ModuloDoc, document.task, problems, document.verifiers, document.plan.get("feedback")
        trace = getattr(document, "trace", None)
        return type(document), _problem_id(document), None if trace is None else (trace.prompt_ids, trace.pieces)

    return list({subject(document): document for document in documents}.values())


@click.command("import")
@shared.config_option
@click.argument("source", metavar="PATH")
@click.option("--kind", help="Layout of the source, when it is not to be guessed.")
@click.option("--item", default=None, help="Only the document with this index, or whose problem has this id.")
@click.option("-o", "--out", default="imported", show_default=True, metavar="FOLDER", help="Where the documents go, one file each.")
@click.option("--report", "report_path", metavar="FILE.html", help="Also write one report of what was imported.")
@click.option("--max-mb", type=float, help="Size limit of the report.")
@summary_options
@shared.uniform("seed", "store")
def import_(source: str, kind: str | None, item: str | None, out: str, **rest: Any) -> None:
    """Read other people's results as documents."""
    documents: list[Document] = list(import_path(Path(source), kind=kind))
    if item is not None:
        named = [d for i, d in enumerate(documents) if str(i) == item or _problem_id(d) == item]
        if not named:
            raise InvalidInput(f"item {item!r}: expected an index below {len(documents)} or the id of a problem in {source}")
        documents = named
    folder = Path(out)
    names = [str(folder / f"{number:04d}.json") for number in range(len(documents))]
    rows = [
        {"file": name, "schema": document.schema, "problem": _problem_id(document)} for name, document in zip(names, documents, strict=True)
    ]
    if not rest["dry_run"]:
        folder.mkdir(parents=True, exist_ok=True)
        for name, document in zip(names, documents, strict=True):
            write_document(document, Path(name))
        if rest["report_path"]:
            click.echo(f"wrote {write_report(rest['report_path'], *documents, max_mb=rest['max_mb'])}", err=True)
    would = "would write " if rest["dry_run"] else ""
    _summary({"documents": rows}, rest["json_path"], f"{would}{len(documents)} documents in {folder}")


@click.command()
@shared.config_option
@click.argument("source", metavar="RESULT.json|RUN.db")
@click.option("-o", "--out", required=True, metavar="FILE.json|FILE.parquet|FILE.csv")
@click.option("--run", "run_id", type=int, help="Which run of a store [default: the newest with a result].")
@summary_options
@shared.uniform("seed", "store")
def export(source: str, out: str, run_id: int | None, **rest: Any) -> None:
    """Write a result, or a store's run, as JSON, Parquet or CSV."""
    path, target = Path(source), Path(out)
    document = read_document(path) if path.suffix == ".json" else _stored(path, run_id)[-1]
    if target.suffix not in EXPORTERS:
        raise InvalidInput(f"cannot tell the format of {out}; expected a name that ends in one of {', '.join(EXPORTERS)}")
    if not rest["dry_run"]:
        load(EXPORTERS, "format", target.suffix)(document, target)
    would = "would write" if rest["dry_run"] else "wrote"
    _summary({"file": out, "schema": document.schema}, rest["json_path"], f"{would} {target}")
