"""A pass over a stream of records: files of JSON lines in, a line for each record or one document out."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

import click

from tokenworth.cli.choices import OutputChoice
from tokenworth.core.document import Document
from tokenworth.core.inert import one_line
from tokenworth.core.measure import Fold, Reads
from tokenworth.errors import InvalidInput, MissingFile, TokenworthError
from tokenworth.store.documents import write_whole
from tokenworth.tasks.sources.files import STANDARD_INPUT, json_records

_EVERY_S = 5.0
_MOST_REPORTED = 20
"""Lines that cannot be read: so many are reported one by one."""
_MOST_IN_A_ROW = 50_000
"""After so many without one that can be read, a file is not what it should be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamChoice:
    """How a pass is run."""

    HEADING: ClassVar[str] = "Output"
    dry_run: bool = False
    """Say what a run would do; write nothing."""


def records_of(paths: Iterable[Path]) -> Iterator[tuple[str, object]]:
    """(``file:line``, object, or what is wrong with the line) of every line of the files that is not blank, in order, one at a time."""
    for path in paths:
        yield from json_records(path)


def written(path: str | None, work: Callable[[BinaryIO | None], object]) -> None:
    """Does the work with a file to write lines to, whole or not at all; standard output for ``-``, none for None."""
    if path is None:
        work(None)
    elif path == "-":
        work(sys.stdout.buffer)
    else:
        write_whole(Path(path), work)


class Pass:
    """One pass; a record that cannot be read ends it, or is reported and skipped where the measure says so."""

    def __init__(self, run: Reads, fold: Fold, files: Sequence[str]) -> None:
        self._run, self._files, self.fold = run, files, fold
        self.n, self._is_stopped, self._unread = 0, False, _Unread()
        self._in_a_row = 0

    def read(self, records: Iterable[tuple[str, object]], out: BinaryIO | None) -> None:
        """Reads all records. Ctrl-C ends a pass that skips early, so that what was done is kept.

        Raises: InvalidInput where there is no record; what the fold raises, where unreadable records end the pass.
        """
        try:
            for where, record in _counted(records):
                self._add(where, record, out)
                if self._in_a_row > _MOST_IN_A_ROW:
                    told = f"{where}: {_MOST_IN_A_ROW:,} lines in a row that cannot be read; what follows is not read"
                    self._unread.add(InvalidInput(told), always=True)
                    if self.n:
                        self._unread.report()
                    break
        except KeyboardInterrupt:
            if not (self._run.skips and self.n):
                raise
            self._is_stopped = True
        if not self.n:
            raise self._unread.none_of(self._files)

    def _add(self, where: str, record: object, out: BinaryIO | None) -> None:
        try:
            line = self.fold.add(where, record)
        except TokenworthError as error:
            if not self._run.skips:
                raise
            self._unread.add(error)
            self._in_a_row += 1
        else:
            self.n += 1
            self._in_a_row = 0
            if out is not None and line is not None:
                out.write(line)
                if out is sys.stdout.buffer:
                    # Whoever reads along gets each line at once, and is missed at once.
                    out.flush()
        if self.n:
            self._unread.report()

    def noted(self, document: Document) -> Document:
        """The document with a note on the records that are not in it."""
        notes: Any = getattr(document, "notes", None)
        if not self._unread.n or notes is None:
            return document
        return replace(document, notes=(*notes, f"{_lines(self._unread.n)} could not be read and are in no count"))  # pyright: ignore

    def exit_code(self, kept: str | None) -> int:
        """The fold's own. ``kept``: the file that holds the lines. Raises InvalidInput where records were skipped."""
        where = "" if kept is None else " and in the output" if kept == "-" else f" and in {kept}"
        if self._is_stopped:
            raise KeyboardInterrupt(f"the {self.n:,} texts so far are checked{where}")
        if self._unread.n:
            raise InvalidInput(f"{_lines(self._unread.n)} could not be read, as reported above; the other {self.n:,} are checked{where}")
        return self.fold.exit_code()


class _Unread:
    """Records that cannot be read; what is wrong with the first few is kept until it is reported, so that a wrong file is one line."""

    def __init__(self) -> None:
        self.n = 0
        self._first = ""
        self._kept: list[str] = []

    def add(self, error: TokenworthError, *, always: bool = False) -> None:
        self.n += not always
        self._first = self._first or str(error)
        if self.n <= _MOST_REPORTED or always:
            self._kept.append(str(error))
        elif self.n == _MOST_REPORTED + 1:
            self._kept.append("more lines that cannot be read are only counted")

    def report(self) -> None:
        for line in self._kept:
            click.echo(one_line(line), err=True)
        self._kept.clear()

    def none_of(self, files: Sequence[str]) -> InvalidInput:
        """What to say when no record could be read."""
        if self.n == 0:
            return InvalidInput(f"no records in {', '.join(files)}: empty, or every line is blank")
        return InvalidInput(self._first if self.n == 1 else f"{self._first}; none of {self.n:,} lines could be read")


def _lines(n: int) -> str:
    return f"{n:,} line{'' if n == 1 else 's'}"


def _counted(items: Iterable[tuple[str, object]]) -> Iterator[tuple[str, object]]:
    """The items; says now and then on standard error how many there were."""
    last = time.monotonic()
    for number, item in enumerate(items, 1):
        yield item
        if time.monotonic() - last > _EVERY_S:
            last = time.monotonic()
            click.echo(f"{number:,} done", err=True)


def check_files(files: Sequence[str], output: OutputChoice) -> list[Path]:
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
    output.check()
    for name in filter(None, (output.json, output.report)):
        target = Path("/dev/stdout") if name == "-" else Path(name)
        if target.is_file() and any(path.exists() and target.samefile(path) for path in paths):
            raise InvalidInput(f"{name} is both input and output; choose another output file")
    return paths
