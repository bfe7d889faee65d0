"""What exporters to other tools' files share: the document they take, texts of tokens, lines of JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from tokenworth.core.document import Document
from tokenworth.errors import InvalidInput
from tokenworth.store.documents import write_whole

DocT = TypeVar("DocT")
_BYTES = re.compile(r"⟨([0-9A-F]{2}(?: [0-9A-F]{2})*)⟩")


def one_of(document: Document | Sequence[Document], kind: type[DocT], form: str, wanted: str) -> DocT:
    """The document, where it is of this kind. Raises InvalidInput, naming the ``form`` of the file and what is ``wanted``."""
    if isinstance(document, kind):
        return document
    got = "several results" if isinstance(document, Sequence) else f"a result of the schema {document.schema}"
    raise InvalidInput(f"{got} cannot be written as {form}; expected {wanted}")


def trace_text(pieces: Sequence[str]) -> tuple[str, bool]:
    """The text of token pieces, and whether it is one: tokens that hold part of a character are put together again from their bytes."""
    data = b"".join(
        bytes.fromhex(found[1]) if (found := _BYTES.fullmatch(piece)) else piece.encode("utf-8", "surrogatepass") for piece in pieces
    )
    try:
        return data.decode("utf-8"), True
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace"), False


def write_lines(rows: Iterable[Mapping[str, Any]], path: str | Path) -> None:
    """Writes lines of JSON, whole or not at all. Raises StoreError when the disk refuses."""
    text = "".join(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows)
    write_text(text, path)


def write_text(text: str, path: str | Path) -> None:
    """Writes a text, whole or not at all; what is not Unicode is escaped."""
    data = text.encode("utf-8", "backslashreplace")
    write_whole(Path(path), lambda handle: handle.write(data))
