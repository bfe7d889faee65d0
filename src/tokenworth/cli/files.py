"""The verbs `report`, `import` and `export`: documents in and out, no model needed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, overload

import click

from tokenworth import catalog
from tokenworth.cli.help import MADE, Verb, dry_run_option, json_option, verb_option
from tokenworth.cli.options import config_option
from tokenworth.cli.outputs import file_name
from tokenworth.cli.show import print_text, write_facts
from tokenworth.core.document import Document
from tokenworth.errors import InvalidInput, MissingFile
from tokenworth.importers.importer import import_path
from tokenworth.report.page import page_of
from tokenworth.store.documents import parse_document, read_document, write_document
from tokenworth.store.sqlite import open_existing
from tokenworth.workbench.page import with_verdicts, write_report


def _summary(facts: dict[str, Any], json_path: str | None, text: str) -> None:
    if not write_facts(facts, json_path):
        click.echo(text)


class Documents(Sequence[Document]):
    """Result files as documents, each read when it is asked for: of many long traces only one is held at a time."""

    def __init__(self, paths: Sequence[Path], more: Sequence[Document] = ()) -> None:
        self._paths, self._more = paths, more

    def __len__(self) -> int:
        return len(self._paths) + len(self._more)

    @overload
    def __getitem__(self, index: int) -> Document: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Document]: ...
    def __getitem__(self, index: int | slice) -> Document | Sequence[Document]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if index >= len(self):
            raise IndexError(index)
        n = len(self._paths)
        return read_document(self._paths[index]) if index < n else self._more[index - n]


def documents_in(folder: str) -> list[Path]:
    """The result files of a folder, by name. Raises InvalidInput where there is none."""
    path = Path(folder)
    if not path.is_dir():
        raise MissingFile(f"{folder} is not a folder; expected a folder of result documents, such as `tokenworth import` writes")
    found = sorted(path.glob("*.json"))
    if not found:
        raise InvalidInput(f"{folder}: no .json files in it; expected result documents")
    return found


def stored_documents(path: Path, run_id: int | None = None) -> list[Document]:
    """The results in a store: of one run, or of every run that finished with one, the newest of each measure and subject."""
    with open_existing(path) as store:
        finished = [run.id for run in store.runs() if run.has_document]
        wanted = finished if run_id is None else [run_id] if run_id in finished else []
        payloads = [store.document(run) for run in wanted]
    if not payloads:
        known = ", ".join(map(str, finished)) or "none"
        raise InvalidInput(f"{path}: no finished run{'' if run_id is None else f' {run_id}'}; runs with a result: {known}")
    read = [parse_document(payload, source=str(path)) for payload in payloads if payload is not None]
    measures = {measure.schema: measure for measure in catalog.measures()}
    return list({(one.schema, measures[one.schema].subject(one)): one for one in read}.values())


@click.command(cls=Verb)
@config_option
@click.argument("documents", nargs=-1, metavar="RESULT.json…")
@verb_option(
    "--store",
    metavar="FILE.db",
    heading="Output",
    help="SQLite file of rollouts and results; the newest result of each measure and trace is reported as well.",
)
@verb_option("-o", "--out", default="report.html", show_default=True, metavar="FILE.html", heading="Output", help="Where to write.")
@verb_option("--title", metavar="TITLE", heading="Report", help="Title of the page.  [default: the question]")
@verb_option("--max-mb", type=float, metavar="X", heading="Output", help="Size limit of the page; rollout texts are left out to keep it.")
@verb_option("--text", is_flag=True, heading="Output", help="Print the report in the terminal instead of writing a page.")
@json_option(help=MADE)
@dry_run_option
def report(
    documents: tuple[str, ...], store: str | None, out: str, title: str | None, max_mb: float | None, text: bool, **rest: Any
) -> None:
    """Make one self-contained page of result documents."""
    read = [read_document(Path(path)) for path in documents]
    if store is not None:
        read += stored_documents(Path(store))
    if not read:
        raise InvalidInput("nothing to report; name result files, or a store with --store")
    if text:
        for document in read:
            print_text(document)
        return
    page = page_of(with_verdicts(read), title=title)
    counts = {"traces": len(page.traces), "tables": len(page.sheets)}
    facts: dict[str, Any] = {"report": out, **counts, "documents": len(read)}
    if rest["dry_run"]:
        told = f"{counts['traces']} traces" + (f" and {counts['tables']} tables over problems" if counts["tables"] else "")
        _summary(facts, rest["json_path"], f"would write {out}: {told} of {len(read)} documents")
        return
    path = write_report(out, *read, title=title, max_mb=max_mb)
    _summary({**facts, "bytes": path.stat().st_size}, rest["json_path"], str(path))


def _problem_id(document: Document) -> str | None:
    problem = getattr(document, "problem", None)
    return None if problem is None else problem.id


@click.command("import", cls=Verb)
@config_option
@click.argument("source", metavar="PATH")
@verb_option(
    "--layout", metavar="LAYOUT", heading="Import", help="How the source is laid out.  [default: recognised by its names and first lines]"
)
@verb_option("--item", metavar="ITEM", heading="Problem", help="Index or id of the problem.  [default: all]")
@verb_option("-o", "--out", default="imported", show_default=True, metavar="FOLDER", heading="Output", help="Where to write.")
@verb_option("--report", "report_path", metavar="FILE.html", heading="Output", help="Also write one self-contained page of the results.")
@verb_option("--max-mb", type=float, metavar="X", heading="Output", help="Size limit of the page; rollout texts are left out to keep it.")
@json_option(help=MADE)
@dry_run_option
def import_(source: str, layout: str | None, item: str | None, out: str, **rest: Any) -> None:
    """Read other people's results as documents, one file each."""
    documents: list[Document] = list(import_path(Path(source), layout=layout))
    if item is not None:
        named = [d for i, d in enumerate(documents) if str(i) == item or _problem_id(d) == item]
        if not named:
            raise InvalidInput(f"item {item!r}: expected an index below {len(documents)} or the id of a problem in {source}")
        documents = named
    folder = Path(out)
    # Named by the source: a second import into the same folder adds to it.
    stem = file_name(Path(source).resolve().name.partition(".")[0] or "source")
    names = [str(folder / f"{stem}-{number:04d}.json") for number in range(len(documents))]
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


def _form(out: str) -> str:
    """The format that a file's name ends in, the longest that fits. Raises InvalidInput for none."""
    found = [end for end in catalog.EXPORTERS if out.casefold().endswith(end)]
    if not found:
        raise InvalidInput(f"cannot tell the format of {out}; expected a name that ends in one of {', '.join(catalog.EXPORTERS)}")
    return max(found, key=len)


@click.command(cls=Verb)
@config_option
@click.argument("source", metavar="RESULT.json|RUN.db")
@verb_option("-o", "--out", required=True, metavar="FILE", heading="Output", help="Where to write.")
@verb_option("--run", "run_id", type=int, metavar="N", heading="Export", help="Which run of a store.  [default: the newest with a result]")
@verb_option("--traces", is_flag=True, heading="Export", help="One row for each trace of the store: Parquet or CSV.")
@json_option(help=MADE)
@dry_run_option
def export(source: str, out: str, run_id: int | None, traces: bool, **rest: Any) -> None:
    """Write a result, or a store's run, in another format.

    The end of the file's name says which: .json, .parquet, .csv or .safetensors; .dpo.jsonl (preference pairs of pivots), .pts.jsonl
    (pivotal tokens), idx_tok_df.csv (branches, as Forking Paths has them), chunks_labeled.json (sentences, as Thought Anchors has them).
    """
    path, target = Path(source), Path(out)
    documents = [read_document(path)] if path.suffix == ".json" else stored_documents(path, run_id)
    form = _form(out)
    if traces and form not in (".parquet", ".csv"):
        raise InvalidInput(f"--traces writes rows, and {out} would hold one result; give a name that ends in .parquet or .csv")
    document: Any = documents if traces else documents[-1]
    if not rest["dry_run"]:
        catalog.load(catalog.EXPORTERS, "format", form)(document, target)
    would = "would write" if rest["dry_run"] else "wrote"
    facts = {"file": out, "documents": len(documents)} if traces else {"file": out, "schema": document.schema}
    _summary(facts, rest["json_path"], f"{would} {target}")
