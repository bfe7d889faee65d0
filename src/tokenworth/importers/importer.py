"""An importer: what it reads, how it knows it, and the documents it makes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from tokenworth.catalog import IMPORTERS, load
from tokenworth.core.document import Document
from tokenworth.errors import InvalidInput, MissingFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Importer:
    """One entry of the catalogue's importers."""

    reads: str
    """What it reads, in a few words; shown where a layout is not known."""
    patterns: tuple[str, ...] = ()
    """How its files are called in a folder; none where it reads single files only."""
    claims: Callable[[Path], bool]
    """Whether a file is laid out so, by its name and its first lines."""
    read: Callable[[Path], Iterable[Document]]
    """The documents in a file, in its order. Raises InvalidInput, one line that names the file, for a damaged one."""


def import_path(path: str | Path, *, layout: str | None = None, limit: int | None = None) -> list[Document]:
    """The documents in a file or folder, the first ``limit`` of them when given, in the source's order.

    ``layout`` is a name in `catalog.IMPORTERS`; by default it is detected from the names and the first lines: the first importer
    that claims them. Every document has notes that say what its numbers are and what the source leaves out.

    Raises: MissingFile; UnknownName for a layout; InvalidInput, listing what can be read, for one that is not recognised,
    and naming file and line for one that is and is damaged.
    """
    path = Path(path)
    importer: Importer | None = None if layout is None else load(IMPORTERS, "layout", layout)
    if str(path).splitlines() != [str(path)]:
        raise InvalidInput(f"{str(path)!r} is not a path on one line; rename the file")
    try:
        path.stat()
    except (OSError, ValueError) as error:
        raise MissingFile(f"{path} does not exist or cannot be read; expected a file or folder to import") from error
    found = list(islice(_documents(importer or _detect(path), path), limit))
    if not found:
        raise InvalidInput(f"{path}: nothing to import; expected at least one trace")
    return found


def _documents(importer: Importer, path: Path) -> Iterator[Document]:
    """What is in a file, or in the files of the importer's layout in a folder, sorted by name."""
    files = {file for pattern in importer.patterns for file in path.glob(pattern)} if path.is_dir() and importer.patterns else {path}
    for file in sorted(files):
        yield from importer.read(file)


def _detect(path: Path) -> Importer:
    known: Mapping[str, Importer] = {name: load(IMPORTERS, "layout", name) for name in IMPORTERS}
    for importer in known.values():
        in_folder = (next(path.glob(pattern), None) for pattern in importer.patterns)
        if any(in_folder) if path.is_dir() else importer.claims(path):
            return importer
    listed = "; ".join(f"{name}: {importer.reads}" for name, importer in known.items())
    raise InvalidInput(f"{path}: the layout is not known. It reads {listed}. Name one with --layout if this is it")
