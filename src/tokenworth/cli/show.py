"""What a verb does with its results: JSON, text in the terminal, one page."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import click

from tokenworth.cli.choices import OutputChoice
from tokenworth.cli.outputs import ITEM, file_name, output_path
from tokenworth.core.document import Document
from tokenworth.core.inert import one_line
from tokenworth.report.page import page_of
from tokenworth.report.text import render_text
from tokenworth.store.documents import document_json, write_document, write_whole
from tokenworth.workbench.page import write_report


class Shown:
    """Results of one command. ``writes``: off, it says what would be written. ``err``: text goes to standard error. ``prints``: off, no
    text is printed."""

    def __init__(self, output: OutputChoice, *, writes: bool = True, err: bool = False, prints: bool = True) -> None:
        self._output, self._writes, self._err, self._prints = output, writes, err, prints
        self._kept: list[Document] = []

    def add(self, document: Document, *, item: str = "") -> None:
        """Writes a document where ``--json`` says, or else prints it; keeps it only where a page of all is asked for."""
        path = self._output.json and output_path(self._output.json, item)
        if path == "-" and self._writes:
            click.echo(document_json(document).decode(), nl=False)
        elif self._prints:
            print_text(document, err=self._err)
        if path not in (None, "-"):
            if item and file_name(item) not in (item, "") and ITEM in (self._output.json or ""):
                click.echo(one_line(f"item {item!r} is {file_name(item)} in the name of its file"), err=True)
            if self._writes:
                write_document(document, Path(path))
            told_written(path, writes=self._writes)
        if self._output.report is not None:
            self._kept.append(document)

    def finish(self) -> None:
        """Writes the page of all documents, where one is asked for."""
        path = self._output.report
        if path is not None and self._kept:
            if self._writes:
                write_report(path, *self._kept, max_mb=self._output.max_mb)
            told_written(path, writes=self._writes)

    def only(self, document: Document) -> None:
        """The one document of a command."""
        self.add(document)
        self.finish()


def told_written(path: str, *, writes: bool = True) -> None:
    """Says on standard error that a file was, or would be, written."""
    click.echo(f"{'wrote' if writes else 'would write'} {path}", err=True)


def print_text(document: Document, *, err: bool = False) -> None:
    """Prints the text form of a document."""
    width = min(shutil.get_terminal_size((100, 24)).columns, 120)
    stream = sys.stderr if err else sys.stdout
    if stream is not None:
        click.echo(render_text(page_of([document]), width=width, colour=stream.isatty()), nl=False, err=err)


def write_facts(facts: Any, json_path: str | None) -> bool:
    """Writes facts as JSON where ``--json`` says; True when that is standard output, which then holds nothing else."""
    # In ASCII: a name from a file may hold characters that act on a terminal.
    if json_path == "-":
        click.echo(json.dumps(facts))
        return True
    if json_path:
        text = json.dumps(facts, indent=1) + "\n"
        write_whole(Path(json_path), lambda file: file.write(text.encode()))
    return False
