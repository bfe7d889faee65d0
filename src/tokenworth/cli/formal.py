"""The verbs `verify` and `confusion`: formal traces against their rules, and the tables that follow."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

import click

from tokenworth import catalog
from tokenworth.cli import options as shared
from tokenworth.core.document import Provenance
from tokenworth.core.verification import Level
from tokenworth.errors import InvalidInput, MismatchError, MissingFile, TokenworthError
from tokenworth.methods.confusion.table import state_of
from tokenworth.methods.curve.settings import check_level
from tokenworth.report.inert import one_line
from tokenworth.report.table_text import verified_text
from tokenworth.store.documents import document_json, write_document, write_whole
from tokenworth.tasks.domains import domain_named
from tokenworth.tasks.sources.files import STANDARD_INPUT
from tokenworth.workbench.case import utc_now
from tokenworth.workbench.formal import (
    Checker,
    Tally,
    checker,
    judged,
    records_of,
    verdict_settings,
)
from tokenworth.workbench.page import write_report
from tokenworth.workbench.verdicts import Judged, verdict_line

_EVERY_S = 5.0
_TOP_CODES = 8
_LENGTHS = {True: "optimal", False: "longer", None: "of unknown optimality"}
_MOST_TOLD = 20
"""Lines that cannot be read: so many are told one by one."""

checker_options = shared.chain(
    click.argument("domain", metavar="|".join(catalog.DOMAINS)),
    click.argument("files", nargs=-1, required=True, metavar="FILE.jsonl[.gz]|-…"),
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

    A line is an object with id and text, or id, prompt and trace, or a data set's own fields; the file - is standard input. Exit code 0:
    all are valid; 1: some are not; 2: could not run, or some lines could not be read. Such lines are told and left out, the rest is done.
    """
    paths, check = _paths(files, json_path), checker(domain, dialect, level, limit=max(1, limit))
    work = _Work(check, files, limit)
    if json_path is None or rest["dry_run"]:
        work.run(paths, None)
    elif json_path == "-":
        work.run(paths, sys.stdout.buffer)
    else:
        write_whole(Path(json_path), lambda out: work.run(paths, out))
    tally, n_unread = work.tally, work.unread.n
    for line in work.summary.lines():
        click.echo(line, err=True)
    document = tally.document(check, level=0.95, provenance=_provenance(paths))
    if table:
        notes = (f"{_lines(n_unread)} could not be read and are in no count",) if n_unread else ()
        click.echo(verified_text(replace(document, notes=(*document.notes, *notes))), nl=False, err=json_path == "-")
    if json_path not in (None, "-"):
        click.echo(f"{'would write' if rest['dry_run'] else 'wrote'} {json_path}", err=True)
    kept = f" and in {'the output' if json_path == '-' else json_path}" if json_path and not rest["dry_run"] else ""
    if work.is_stopped:
        raise KeyboardInterrupt(f"the {tally.n:,} texts so far are verified{kept}")
    if n_unread:
        raise InvalidInput(f"{_lines(n_unread)} could not be read, as told above; the other {tally.n:,} texts are verified{kept}")
    return 0 if work.summary.n_valid == tally.n else 1


def _lines(n: int) -> str:
    return f"{n:,} line{'' if n == 1 else 's'}"


class _Work:
    """Verifies all records and counts them; a record that cannot be read is told and left out."""

    def __init__(self, check: Checker, files: Sequence[str], limit: int) -> None:
        self._check, self._files, self._limit = check, files, limit
        self.summary, self.tally, self.unread = _Summary(check), Tally(), _Unread()
        self.is_stopped = False

    def run(self, paths: Sequence[Path], out: BinaryIO | None) -> None:
        """Writes a line a text. Ctrl-C ends it early, so that what was verified is kept. Raises InvalidInput where there is no text."""
        try:
            for one in _told(judged(records_of(paths), self._check)):
                self._add(one, out)
        except KeyboardInterrupt:
            if not self.tally.n:
                raise
            self.is_stopped = True
        if not self.tally.n:
            raise self.unread.none_of(self._files)

    def _add(self, one: Judged | TokenworthError, out: BinaryIO | None) -> None:
        if isinstance(one, Judged):
            if out is not None:
                out.write(verdict_line(one, self._limit))
                if out is sys.stdout.buffer:
                    # Whoever reads along gets each verdict at once, and is missed at once.
                    out.flush()
            self.summary.add(one)
            self.tally.add(one)
        else:
            self.unread.add(one)
        if self.tally.n:
            self.unread.tell()


class _Unread:
    """Records that cannot be read; what is wrong with the first few is kept until it is told, so that a wrong file is one line."""

    def __init__(self) -> None:
        self.n = 0
        self._first = ""
        self._untold: list[str] = []

    def add(self, error: TokenworthError) -> None:
        self.n += 1
        self._first = self._first or str(error)
        if self.n <= _MOST_TOLD:
            self._untold.append(str(error))
        elif self.n == _MOST_TOLD + 1:
            self._untold.append("more lines that cannot be read are only counted")

    def tell(self) -> None:
        for line in self._untold:
            click.echo(one_line(line), err=True)
        self._untold.clear()

    def none_of(self, files: Sequence[str]) -> InvalidInput:
        """What to say when no record could be read."""
        if self.n == 0:
            return InvalidInput(f"no texts in {', '.join(files)}: empty, or every line is blank")
        return InvalidInput(self._first if self.n == 1 else f"{self._first}; none of {self.n:,} lines could be read")


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
    ratios with exact limits; what could not be parsed is always shown. A line that cannot be read ends it: a table of a part misleads.
    """
    json_path, report_path = rest["json_path"], rest["report_path"]
    if report_path == "-":
        raise InvalidInput("cannot write --report to standard output; give the name of a file, such as page.html")
    paths = _paths(files, json_path, report_path)
    check_level(rest["confidence"])
    records = records_of(paths)
    first = next(records, None)
    written = verdict_settings(first, domain_named(domain))
    dialect = dialect or written.get("dialect")
    if dialect == written.get("dialect"):
        level = level or written.get("level")
    check = checker(domain, dialect, level, limit=1000)
    writes = (json_path or report_path) and not rest["dry_run"]
    n_undecided = 0
    tally = Tally(group=rest["group"], optimal=rest["optimal"], keep=rest["max_traces"] if writes else 0)
    for one in _told(judged(chain(() if first is None else (first,), records), check, verdicts=True)):
        if isinstance(one, TokenworthError):
            if isinstance(one, MismatchError) or not tally.n:
                raise one
            raise InvalidInput(f"{one}; mend it, or count what verify --json writes of the other lines") from one
        tally.add(one)
        n_undecided += one.verification.undecided
    document = tally.document(check, level=rest["confidence"], provenance=_provenance(paths))
    if n_undecided:
        click.echo(f"{n_undecided:,} of the unparsed are undecided: parsed, and too wide to be followed to their end", err=True)
    elif all(cell.trace == "unparsed" for table in document.tables for cell in table.cells if cell.n):
        click.echo(_doubt(check), err=True)
    if json_path == "-" and not rest["dry_run"]:
        click.echo(document_json(document), nl=False)
    else:
        click.echo(verified_text(document), nl=False)
    for path, write in ((json_path, _write_json), (report_path, _write_page)):
        if path in (None, "-"):
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
    """The input files; finds out before anything is read that one cannot be, or that an output could not be written."""
    paths = [STANDARD_INPUT if file == "-" else Path(file) for file in files]
    for file, path in zip(files, paths, strict=True):
        if path == STANDARD_INPUT:
            continue
        if not file or not path.exists():
            raise MissingFile(f"file {file or repr(file)} does not exist; expected JSON lines, gzip allowed, or - for standard input")
        if path.is_dir():
            raise InvalidInput(f"{path} is a folder; expected files of JSON lines, such as {path}/*.jsonl")
        if not os.access(path, os.R_OK):
            raise InvalidInput(f"cannot read {path}: permission denied")
    if paths.count(STANDARD_INPUT) > 1:
        raise InvalidInput("standard input can be read once; give - once")
    for output in outputs:
        if output is not None:
            _check_output(Path("/dev/stdout") if output == "-" else Path(output), output, paths)
    if len(set(named := [output for output in outputs if output is not None])) < len(named):
        raise InvalidInput(f"cannot write {named[0]} twice; give --json and --report names of their own")
    return paths


def _check_output(target: Path, told: str, paths: Sequence[Path]) -> None:
    if target.is_file() and any(path.exists() and target.samefile(path) for path in paths):
        raise InvalidInput(f"cannot write {told}: it is what is to be read; give another name")
    if told == "-":
        if sys.stdout is None:
            raise InvalidInput("cannot write -: standard output is closed; name a file")
        return
    if target.is_dir() or not target.parent.is_dir():
        raise InvalidInput(f"cannot write {told}: expected the name of a file in a folder that exists")
    if not os.access(target if target.exists() and not target.is_file() else target.parent, os.W_OK):
        raise InvalidInput(f"cannot write {told}: permission denied")


def _provenance(paths: Sequence[Path]) -> Provenance:
    return Provenance(
        version="",
        created=utc_now().isoformat(timespec="seconds"),
        command=shlex.join(["tokenworth", *sys.argv[1:]]),
        source=", ".join(map(str, paths)),
    )


def _told(items: Iterable[Judged | TokenworthError]) -> Iterator[Judged | TokenworthError]:
    """The items; says now and then on standard error how many there were."""
    last = time.monotonic()
    for number, item in enumerate(items, 1):
        yield item
        if time.monotonic() - last > _EVERY_S:
            last = time.monotonic()
            click.echo(f"{number:,} texts", err=True)


def _doubt(check: Checker) -> str:
    """What to say where no text could be parsed: a wrong name is likelier than so many wrong texts."""
    domain = check.domain
    return f"no text could be parsed as {domain.name} · {check.dialect}: are domain and --dialect ({', '.join(domain.dialects)}) right?"


class _Summary:
    """Counts of verdicts and errors."""

    def __init__(self, check: Checker) -> None:
        self._check = check
        self.n = self.n_valid = self.n_undecided = 0
        self._lengths: Counter[bool | None] = Counter()
        self._states: Counter[tuple[int, str]] = Counter()
        self._errors: Counter[str] = Counter()
        self._texts: Counter[str] = Counter()

    def add(self, one: Judged) -> None:
        found = one.verification
        self.n += 1
        self.n_valid += found.is_valid
        self.n_undecided += found.undecided
        if found.plan_valid:
            self._lengths[found.plan_optimal] += 1
        self._states.update(enumerate(state_of(found)))
        self._errors.update(found.counts)
        self._texts.update(found.counts.keys())

    def lines(self) -> Iterator[str]:
        check, seen = self._check, self._states
        yield f"{check.domain.name} · {check.dialect} · {check.level} · verifier {check.domain.version}"
        yield f"texts:  {self.n:,}, of which {self.n_valid:,} valid in every part"
        yield (
            "traces: "
            + ", ".join(
                f"{seen[0, state]:,} {told}"
                for state, told in (("valid", "valid"), ("invalid", "invalid"), ("unparsed", "unparsed"), ("none", "without a trace"))
                if seen[0, state] or state != "none"
            )
            + (f" ({self.n_undecided:,} of the unparsed undecided)" if self.n_undecided else "")
        )
        lengths = ", ".join(f"{n:,} {name}" for is_optimal, name in _LENGTHS.items() if (n := self._lengths[is_optimal]))
        told = f" ({lengths})" if lengths else ""
        yield f"plans:  {seen[2, 'correct']:,} valid{told}, {seen[2, 'incorrect']:,} invalid, {seen[2, 'unknown']:,} unknown"
        yield f"links:  {seen[1, 'follows']:,} follow from the trace, {seen[1, 'differs']:,} do not, {seen[1, 'unknown']:,} unknown"
        if seen[0, "unparsed"] == self.n and not self.n_undecided:
            yield _doubt(check)
        if self._errors:
            top = [
                f"{one_line(code)} {n:,} in {self._texts[code]:,} text{'s' * (self._texts[code] > 1)}"
                for code, n in self._errors.most_common(_TOP_CODES)
            ]
            more = len(self._errors) - _TOP_CODES
            yield "errors: " + ", ".join(top) + (f", and {more} more codes" if more > 0 else "")
