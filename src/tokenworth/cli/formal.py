"""The verbs `verify` and `confusion`: formal traces against their rules, and the tables that follow."""

from __future__ import annotations

import shlex
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import click

from tokenworth.cli import options as shared
from tokenworth.core.documents import ProvenanceDoc
from tokenworth.core.verification import Level
from tokenworth.errors import InvalidInput, MissingFile, TokenworthError
from tokenworth.methods.confusion import state_of
from tokenworth.methods.settings import check_level
from tokenworth.report.inert import one_line
from tokenworth.report.table_text import verified_text
from tokenworth.store.documents import document_json, write_document, write_whole
from tokenworth.workbench.case import utc_now
from tokenworth.workbench.formal import DOMAINS, Checker, Judged, Tally, checker, domain_named, first_verdict, judged, verdict_line
from tokenworth.workbench.page import write_report

_EVERY_S = 5.0
_TOP_CODES = 8

checker_options = shared.chain(
    click.argument("domain", metavar="|".join(DOMAINS)),
    click.argument("files", nargs=-1, required=True, metavar="FILE.jsonl[.gz]…"),
    click.option("--dialect", help="The exact grammar of the texts [default: the first of the domain; an unknown name lists them]."),
    click.option("--level", metavar="|".join(Level), help="How strictly traces are checked [default: strict, where it fits the dialect]."),
)


@click.command()
@shared.config_option
@checker_options
@click.option("--json", "json_path", metavar="OUT.jsonl", help="Write one line of JSON a text here; - for standard output.")
@click.option("--limit", type=click.IntRange(0), default=100, show_default=True, help="Errors listed of each text; all are counted.")
@click.option("--table", is_flag=True, help="Print the table of trace validity by answer, as confusion does.")
@click.option("--dry-run", is_flag=True, help="Verify everything, say what was found, write nothing.")
@shared.uniform("seed", "store")
def verify(
    domain: str, files: tuple[str, ...], dialect: str | None, level: str | None, json_path: str | None, limit: int, table: bool, **rest: Any
) -> int:
    """Check formal traces against the rules of their domain, one by one.

    A line is an object with id and text, or id, prompt and trace, or a data set's own fields. Exit code 0: all valid; 1: some are not;
    2: could not run. A bad line ends the run; the texts before it are verified and kept.
    """
    paths, check = _paths(files, json_path), checker(domain, dialect, level, limit=max(1, limit))
    summary, tally = _Summary(check), Tally()
    stopped: list[TokenworthError | KeyboardInterrupt] = []

    def stream(out: BinaryIO | None) -> None:
        try:
            for one in _told(judged(paths, check)):
                if out is not None:
                    out.write(verdict_line(one, limit))
                summary.add(one)
                tally.add(one)
        except (TokenworthError, KeyboardInterrupt) as error:
            # Nothing that was verified is lost: the file is completed as it is, then the error is told.
            if not tally.n:
                raise
            stopped.append(error)
        if not tally.n:
            raise InvalidInput(f"no texts in {', '.join(files)}: every line is blank")

    if json_path is None or rest["dry_run"]:
        stream(None)
    elif json_path == "-":
        stream(sys.stdout.buffer)
    else:
        write_whole(Path(json_path), stream)
    kept = f" and in {'the output' if json_path == '-' else json_path}" if json_path and not rest["dry_run"] else ""
    for line in summary.lines():
        click.echo(line, err=True)
    if stopped:
        _stop(stopped[0], f"the {tally.n:,} texts before it are verified{kept}")
    document = tally.document(check, level=0.95, provenance=_provenance(paths))
    if table:
        click.echo(verified_text(document), nl=False, err=json_path == "-")
    if json_path not in (None, "-"):
        click.echo(f"{'would write' if rest['dry_run'] else 'wrote'} {json_path}", err=True)
    return 0 if summary.n_valid == tally.n else 1


def _stop(error: TokenworthError | KeyboardInterrupt, kept: str) -> None:
    if isinstance(error, TokenworthError):
        raise InvalidInput(f"{error}; {kept}") from error
    click.echo(f"stopped; {kept.replace(' before it', '')}", err=True)
    raise error


@click.command()
@shared.config_option
@checker_options
@click.option("--group", metavar="FIELD", help="One table for each value of this field of the records, such as arm or generator.")
@click.option("--optimal", is_flag=True, help="Count an answer as correct only if its plan is as short as can be.")
@click.option("--confidence", type=float, default=0.95, show_default=True, help="Level of the intervals.")
@click.option("--json", "json_path", metavar="OUT.json", help="Write the document here; - for standard output.")
@click.option("--report", "report_path", metavar="OUT.html", help="Write one self-contained page of the tables and the traces.")
@click.option("--max-traces", type=click.IntRange(0), default=200, show_default=True, help="Traces that document and page list.")
@click.option("--max-mb", type=float, help="Size limit of the page.")
@click.option("--dry-run", is_flag=True, help="Read and count everything, print the tables, write nothing.")
@shared.uniform("seed", "store")
def confusion(domain: str, files: tuple[str, ...], dialect: str | None, level: str | None, **rest: Any) -> None:
    """Count trace validity against answers, and whether the plan follows from the trace.

    Reads texts as verify does, or the lines that verify wrote. Counts, joint shares and both conditionals with Wilson intervals, odds
    ratios with exact limits; what could not be parsed is always shown.
    """
    json_path, report_path = rest["json_path"], rest["report_path"]
    paths = _paths(files, json_path, report_path)
    check_level(rest["confidence"])
    written = first_verdict(paths[0], domain_named(domain))
    dialect = dialect or written.get("dialect")
    if dialect == written.get("dialect"):
        level = level or written.get("level")
    check = checker(domain, dialect, level, limit=1000)
    writes = (json_path or report_path) and not rest["dry_run"]
    tally = Tally(group=rest["group"], optimal=rest["optimal"], keep=rest["max_traces"] if writes else 0)
    for one in _told(judged(paths, check)):
        tally.add(one)
    document = tally.document(check, level=rest["confidence"], provenance=_provenance(paths))
    if json_path == "-" and not rest["dry_run"]:
        click.echo(document_json(document), nl=False)
    else:
        click.echo(verified_text(document), nl=False)
    for path, write in ((json_path, _write_json), (report_path, _write_page)):
        if path is None or path == "-":
            continue
        if not rest["dry_run"]:
            write(document, path, rest["max_mb"])
        click.echo(f"{'would write' if rest['dry_run'] else 'wrote'} {path}", err=True)


def _write_json(document: Any, path: str, max_mb: float | None) -> None:
    del max_mb
    write_document(document, path)


def _write_page(document: Any, path: str, max_mb: float | None) -> None:
    write_report(path, document, max_mb=max_mb)


def _paths(files: Sequence[str], *outputs: str | None) -> list[Path]:
    """The input files; finds out before anything is read that one is missing or that an output could not be written."""
    paths = [Path(file) for file in files]
    for path in paths:
        if not path.exists():
            raise MissingFile(f"file {path} does not exist; expected JSON lines, gzip allowed")
    for output in outputs:
        if output is None or output == "-":
            continue
        target = Path(output)
        if target.is_dir() or not target.parent.is_dir():
            raise InvalidInput(f"cannot write {output}: expected the name of a file in a folder that exists")
        if target.exists() and any(target.samefile(path) for path in paths):
            raise InvalidInput(f"cannot write {output}: it is what is to be read; give another name")
    return paths


def _provenance(paths: Sequence[Path]) -> ProvenanceDoc:
    return ProvenanceDoc(
        version="",
        created=utc_now().isoformat(timespec="seconds"),
        command=shlex.join(["tokenworth", *sys.argv[1:]]),
        source=", ".join(map(str, paths)),
    )


def _told(items: Iterable[Judged]) -> Iterator[Judged]:
    """The items; says now and then on standard error how many there were."""
    last = time.monotonic()
    for number, item in enumerate(items, 1):
        yield item
        if time.monotonic() - last > _EVERY_S:
            last = time.monotonic()
            click.echo(f"{number:,} texts", err=True)


class _Summary:
    """Counts of verdicts and errors."""

    def __init__(self, check: Checker) -> None:
        self._check = check
        self.n = self.n_valid = self.n_optimal = 0
        self._tells_optimal = False
        self._states: Counter[tuple[int, str]] = Counter()
        self._errors: Counter[str] = Counter()
        self._texts: Counter[str] = Counter()

    def add(self, one: Judged) -> None:
        found = one.verification
        self.n += 1
        self.n_valid += found.is_valid
        self.n_optimal += found.plan_optimal is True
        self._tells_optimal |= found.plan_optimal is not None
        self._states.update(enumerate(state_of(found)))
        self._errors.update(found.counts)
        self._texts.update(found.counts.keys())

    def lines(self) -> Iterator[str]:
        check, seen = self._check, self._states
        yield f"{check.domain.name} · {check.dialect} · {check.level} · verifier {check.domain.version}"
        yield f"texts:  {self.n:,}, of which {self.n_valid:,} valid in every part"
        yield "traces: " + ", ".join(
            f"{seen[0, state]:,} {told}"
            for state, told in (("valid", "valid"), ("invalid", "invalid"), ("unparsed", "unparsed"), ("none", "without a trace"))
            if seen[0, state] or state != "none"
        )
        optimal = f" ({self.n_optimal:,} optimal)" if self._tells_optimal else ""
        yield f"plans:  {seen[2, 'correct']:,} valid{optimal}, {seen[2, 'incorrect']:,} invalid, {seen[2, 'unknown']:,} unknown"
        yield f"links:  {seen[1, 'follows']:,} follow from the trace, {seen[1, 'differs']:,} do not, {seen[1, 'unknown']:,} unknown"
        if self._errors:
            top = [f"{one_line(code)} {n:,} in {self._texts[code]:,} texts" for code, n in self._errors.most_common(_TOP_CODES)]
            more = len(self._errors) - _TOP_CODES
            yield "errors: " + ", ".join(top) + (f", and {more} more codes" if more > 0 else "")
