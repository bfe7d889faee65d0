"""Arrays of documents as safetensors files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tokenworth import catalog
from tokenworth.core.document import Document
from tokenworth.core.tensors import Tensors
from tokenworth.errors import InvalidInput
from tokenworth.store.documents import write_whole

_DTYPES = {"float32": ("F32", "<f4"), "float64": ("F64", "<f8"), "int64": ("I64", "<i8"), "int32": ("I32", "<i4")}
_ALIGN = 8


def write_tensors(document: Document | Sequence[Document], path: str | Path) -> None:
    """Writes the arrays of a document, whole or not at all: eight bytes with the length of a JSON header, the header, the numbers.

    Raises: InvalidInput for a result without arrays; StoreError when the disk refuses. Source: the format of safetensors 0.4, written here
    so that it takes no further package.
    """
    if isinstance(document, Sequence):
        raise InvalidInput(f"{path} holds the arrays of one result; write rows of many traces as Parquet or CSV")
    measure = next(one for one in catalog.measures() if one.schema == document.schema)
    if measure.tensors is None:
        raise InvalidInput(f"a result of {measure.name} holds no arrays to write as safetensors; write it as JSON")
    head, parts = _laid_out(measure.tensors(document))

    def write(handle: Any) -> None:
        handle.write(head)
        for part in parts:
            handle.write(part)

    write_whole(Path(path), write)


def _laid_out(tensors: Tensors) -> tuple[bytes, list[bytes]]:
    header: dict[str, Any] = {"__metadata__": dict(tensors.about)}
    parts: list[bytes] = []
    at = 0
    for name, array in tensors.arrays.items():
        code, form = _DTYPES[array.dtype.name]
        parts.append(np.ascontiguousarray(array, dtype=form).tobytes())
        header[name] = {"dtype": code, "shape": list(array.shape), "data_offsets": [at, at + len(parts[-1])]}
        at += len(parts[-1])
    text = json.dumps(header, ensure_ascii=True).encode("ascii")
    text += b" " * (-len(text) % _ALIGN)
    return len(text).to_bytes(8, "little") + text, parts
