"""Other people's results as documents, so that the report works on them at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path

from tokenworth.core.document import Document
from tokenworth.errors import InvalidInput, MissingFile, unknown_name
from tokenworth.store.documents import read_document
from tokenworth.store.import_exit_curves import exit_curve_page, exit_curve_rows
from tokenworth.store.import_files import read_rows, read_text
from tokenworth.store.import_hinted import COLUMNS, hinted_curves
from tokenworth.store.import_thought_anchors import CHUNKS, thought_anchors_folder

KINDS: Mapping[str, str] = {
    "exit-curves": "curves-*.jsonl[.gz] with prob_runs and thinking_tokens",
    "exit-page": "an HTML page of exit curves, or a folder of them",
    "thought-anchors": f"a problem folder with {CHUNKS}, or a folder above such folders",
    "hinted-mcq": "cue-curve-*.csv[.gz] (with the *paired*.jsonl file beside it), or their folder",
    "document": "a result file of tokenworth itself",
}
"""What can be imported, by kind."""


def import_path(path: str | Path, *, kind: str | None = None, limit: int | None = None) -> list[Document]:
    """The documents in a file or folder, the first ``limit`` of them when given, in the source's order.

    ``kind`` is one of `KINDS`; by default it is told from the names and the first lines. Every document has notes that
    say what its numbers are and what the source leaves out.

    Raises: MissingFile; UnknownName for a kind; InvalidInput, listing what can be read, for a layout that is not known,
    and naming file and line for one that is and is damaged.
    """
    path = Path(path)
    if kind is not None and kind not in KINDS:
        raise unknown_name("kind of import", kind, KINDS)
    if str(path).splitlines() != [str(path)]:
        raise InvalidInput(f"{str(path)!r} is not a path on one line; rename the file")
    try:
        path.stat()
    except (OSError, ValueError) as error:
        raise MissingFile(f"{path} does not exist or cannot be read; expected a file or folder to import") from error
    found = list(islice(_READ[kind or _detect(path)](path), limit))
    if not found:
        raise InvalidInput(f"{path}: nothing to import in it; expected at least one trace")
    return found


def _detect(path: Path) -> str:
    name = path.name.casefold()
    if path.is_dir():
        for kind, patterns in _IN_FOLDER.items():
            if any(next(path.glob(pattern), None) is not None for pattern in patterns):
                return kind
    elif name.endswith((".html", ".htm")):
        return "exit-page"
    elif name.endswith((".csv", ".csv.gz")):
        header = read_text(path).split("\n", 1)[0]
        if all(column in header for column in COLUMNS):
            return "hinted-mcq"
    elif name.endswith((".jsonl", ".jsonl.gz")):
        _, row = next(read_rows(path), ("", {}))
        if {"prob_runs", "thinking_tokens"} <= set(row):
            return "exit-curves"
    elif name == CHUNKS:
        return "thought-anchors"
    elif name.endswith(".json"):
        return "document"
    known = "; ".join(f"{kind}: {text}" for kind, text in KINDS.items())
    raise InvalidInput(f"{path}: the layout is not known. It reads {known}. Name one with --kind if this is it")


_IN_FOLDER: Mapping[str, tuple[str, ...]] = {
    "thought-anchors": (CHUNKS, f"*/{CHUNKS}", f"*/*/{CHUNKS}", f"*/*/*/{CHUNKS}"),
    "hinted-mcq": ("cue-curve-*.csv", "cue-curve-*.csv.gz"),
    "exit-curves": ("curves-*.jsonl", "curves-*.jsonl.gz"),
    "exit-page": ("*_questionID_*.html", "*.html"),
}


def _files(path: Path, kind: str) -> list[Path]:
    """The files of a kind in a folder, sorted by name; a file is itself."""
    if not path.is_dir():
        return [path]
    return sorted({file for pattern in _IN_FOLDER[kind] for file in path.glob(pattern)})


def _anchors(path: Path) -> Iterator[Document]:
    for file in _files(path, "thought-anchors"):
        yield thought_anchors_folder(file.parent if file.name == CHUNKS else file)


def _rows(path: Path) -> Iterator[Document]:
    for file in _files(path, "exit-curves"):
        yield from exit_curve_rows(file)


def _pages(path: Path) -> Iterator[Document]:
    for file in _files(path, "exit-page"):
        yield exit_curve_page(file)


def _hinted(path: Path) -> Iterator[Document]:
    for file in _files(path, "hinted-mcq"):
        yield from hinted_curves(file)


def _own(path: Path) -> Iterator[Document]:
    yield read_document(path)


_READ: Mapping[str, Callable[[Path], Iterator[Document]]] = {
    "exit-curves": _rows,
    "exit-page": _pages,
    "thought-anchors": _anchors,
    "hinted-mcq": _hinted,
    "document": _own,
}
