"""Names of output files: safe ones for items, and whether they can be written, found out before anything is drawn."""

from __future__ import annotations

import hashlib
import re
import sys
from io import BufferedWriter
from pathlib import Path

import click

from tokenworth.core.files import is_written_directly, open_output
from tokenworth.errors import InvalidInput, MissingFile
from tokenworth.store.documents import can_hold

ITEM = "{item}"
"""Stands for the item in the name of an output."""
_LONGEST = 80
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\.|$)")


def file_name(item: str) -> str:
    """An item as a part of a file name: itself, or, where it is no safe one, what is safe of it and a few letters that tell it apart."""
    safe = "".join(char if char.isalnum() or char in "._-+=@," else "_" for char in item)
    while len(safe.encode()) > _LONGEST:
        safe = safe[:-1]
    if safe != item or safe.startswith((".", "-")) or safe.endswith(".") or _RESERVED.match(safe):
        # A name of one hyphen is standard output, and programs take one that begins with it for an option.
        safe = f"{safe.lstrip('.-').rstrip('.') or '_'}-{hashlib.sha256(item.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"
        return f"_{safe}" if _RESERVED.match(safe) else safe
    return safe


def output_path(name: str, item: str) -> str:
    """The file that the result of an item is written to."""
    return name.replace(ITEM, file_name(item) if item else "")


def check_writable(path: str | None) -> None:
    """Finds out that a file could not be written. Raises InvalidInput, MissingFile."""
    if path is None:
        return
    if path == "-":
        if sys.stdout is None:
            raise InvalidInput("cannot write -: standard output is closed; name a file")
        return
    if "\0" in path:
        raise InvalidInput(f"cannot write {path!r}: a name cannot hold a zero byte")
    target = Path(path)
    try:
        if target.is_dir():
            raise InvalidInput(f"cannot write {path}: it is a folder; name a file in it")
        if is_written_directly(target):
            _hold(open_output(target))
        elif not target.parent.is_dir() or not can_hold(target.parent):
            raise MissingFile(f"cannot write {path}: {target.parent} is not a folder that can be written to; make it first")
    except OSError as error:
        if isinstance(error, MissingFile):
            raise
        raise InvalidInput(f"cannot write {path}: {error.strerror}") from error


def _hold(opened: BufferedWriter) -> None:
    """Closes it with the command: the reader of a pipe would take it for the end if it were closed before it is written to."""
    context = click.get_current_context(silent=True)
    if context is None:
        opened.close()
    else:
        context.call_on_close(opened.close)
