"""The head of a GGUF file: its metadata and the table of its tensors. No weight is read.

The file is of unknown origin: every size is held against the file's length before anything of that size is made.
"""

from __future__ import annotations

import hashlib
import math
import mmap
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tokenworth.errors import InvalidInput, MissingFile

SUFFIX = ".gguf"
_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_TEXT, _ARRAY = 8, 9
_MOST_DIMENSIONS = 4
_ALIGNMENT = 32
_BLOCK = 1 << 22
_BLOCKS: Mapping[int, tuple[int, int]] = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 9: (32, 40), 10: (256, 84), 11: (256, 110),
    12: (256, 144), 13: (256, 176), 14: (256, 210), 15: (256, 292), 16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50),
    20: (32, 18), 21: (256, 110), 22: (256, 82), 23: (256, 136), 24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8), 28: (1, 8),
    29: (256, 56), 30: (1, 2), 34: (256, 54), 35: (256, 66), 39: (32, 17),
}  # fmt: skip
"""By the number of a tensor's type: weights in a block, and bytes of it. Of other types the length is not checked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """One entry of the table of tensors. ``n_bytes`` None: of a type that is not known here."""

    name: str
    shape: tuple[int, ...]
    n_bytes: int | None

    @property
    def n_weights(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.shape)


@dataclass(frozen=True, kw_only=True, eq=False)
class GgufFile:
    """A GGUF file, as its head describes it."""

    path: Path
    metadata: Mapping[str, Any]
    tensors: tuple[Tensor, ...]
    n_bytes: int

    @property
    def architecture(self) -> str:
        """The name of its architecture, such as llama."""
        return str(self.metadata.get("general.architecture", ""))

    def own(self, name: str, default: Any = None) -> Any:
        """A value that stands under the architecture's name, as ``llama.block_count`` does."""
        return self.metadata.get(f"{self.architecture}.{name}", default)

    @property
    def context_length(self) -> int:
        """Tokens that it was trained for. Raises: `InvalidInput` where it does not say so."""
        found = self.own("context_length")
        if type(found) is not int or found < 1:
            raise InvalidInput(f"{self.path}: {self.architecture}.context_length is {str(found)[:40]}; expected a number of tokens")
        return found

    @property
    def n_weights(self) -> int:
        """Numbers in all tensors together."""
        return sum(tensor.n_weights for tensor in self.tensors)

    @property
    def is_rounded(self) -> bool:
        """Whether weights are fewer bits than 32-bit floats: then what is computed together moves readings, in llama.cpp."""
        return any(tensor.n_bytes != 4 * tensor.n_weights for tensor in self.tensors)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the whole file (64 hex digits)."""
        whole = hashlib.sha256()
        with self.path.open("rb") as stream:
            while block := stream.read(_BLOCK):
                whole.update(block)
        return whole.hexdigest()


def read_gguf(path: str) -> GgufFile:
    """The head of a GGUF file of a causal language model.

    Raises: `MissingFile`; `InvalidInput` for what is no GGUF file, is cut off, is one part of several, or is no text model.
    """
    place = Path(path).expanduser()
    if not place.is_file():
        raise MissingFile(f"{path}: no such file; expected a GGUF file")
    try:
        with place.open("rb") as stream:
            if stream.read(4) != _MAGIC:
                raise InvalidInput(f"{path}: not a GGUF file; expected one that begins with GGUF")
            with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
                found = _read(place, data)
    except (OSError, ValueError) as error:
        if isinstance(error, InvalidInput):
            raise
        raise InvalidInput(f"{path}: cannot be read ({error})") from error
    _check_model(found)
    return found


def _read(path: Path, data: mmap.mmap) -> GgufFile:
    reader = _Reader(path, data)
    version = reader.number("I")
    if version not in _VERSIONS:
        raise InvalidInput(f"{path}: GGUF version {version}; expected {' or '.join(map(str, _VERSIONS))}, little-endian")
    n_tensors, n_values = reader.number("Q"), reader.number("Q")
    metadata: dict[str, Any] = {}
    for _ in range(reader.fitting(n_values, 13)):
        name = reader.text()
        metadata[name] = reader.value(reader.number("I"), name)
    tensors: list[Tensor] = []
    ends: list[int] = []
    for _ in range(reader.fitting(n_tensors, 24)):
        name, n_dimensions = reader.text(), reader.number("I")
        if n_dimensions > _MOST_DIMENSIONS:
            raise InvalidInput(f"{path}: tensor {name[:80]!r} has {n_dimensions} dimensions; expected at most {_MOST_DIMENSIONS}")
        shape = tuple(reader.number("Q") for _ in range(n_dimensions))
        kind, offset = reader.number("I"), reader.number("Q")
        weights, size = _BLOCKS.get(kind, (0, 0))
        n_bytes = math.prod(shape) // weights * size if weights else None
        tensors.append(Tensor(name=name, shape=shape, n_bytes=n_bytes))
        ends.append(offset + (n_bytes or 0))
    alignment = metadata.get("general.alignment", _ALIGNMENT)
    alignment = alignment if type(alignment) is int and alignment > 0 else _ALIGNMENT
    needed = -(-reader.at // alignment) * alignment + max(ends, default=0)
    if needed > len(data):
        raise InvalidInput(f"{path}: cut off: {len(data):,} bytes, and its tensors need {needed:,}; fetch it again")
    return GgufFile(path=path, metadata=metadata, tensors=tuple(tensors), n_bytes=len(data))


def _check_model(file: GgufFile) -> None:
    parts = file.metadata.get("split.count", 0)
    if type(parts) is int and parts > 1:
        raise InvalidInput(f"{file.path}: one of {parts} parts of a model; join them with llama-gguf-split --merge")
    if file.metadata.get("general.type", "model") != "model" or not file.architecture:
        kind = file.metadata.get("general.type", "a file without an architecture")
        raise InvalidInput(f"{file.path}: {str(kind)[:40]}, not a model; expected the GGUF file of a language model")
    if file.own("pooling_type", 0) or file.own("attention.causal", True) is False:
        raise InvalidInput(f"{file.path}: an embedding model ({file.architecture}); expected a causal language model")
    if not file.tensors:
        raise InvalidInput(f"{file.path}: holds no tensors (a vocabulary only); expected a model with its weights")


class _Reader:
    """Reads values one after the other."""

    def __init__(self, path: Path, data: mmap.mmap) -> None:
        self._path, self._data, self.at = path, data, len(_MAGIC)

    def _cut_off(self) -> InvalidInput:
        return InvalidInput(f"{self._path}: cut off or damaged within its head of {len(self._data):,} bytes; fetch it again")

    def _taken(self, n_bytes: int) -> int:
        start = self.at
        if n_bytes > len(self._data) - start:
            raise self._cut_off()
        self.at += n_bytes
        return start

    def fitting(self, count: int, least: int) -> int:
        """A count of entries of at least so many bytes each, if the file is long enough for them."""
        if count * least > len(self._data) - self.at:
            raise self._cut_off()
        return count

    def number(self, kind: str) -> Any:
        """One number or truth value."""
        start = self._taken(struct.calcsize("<" + kind))
        return struct.unpack_from("<" + kind, self._data, start)[0]

    def text(self) -> str:
        """One text. Bytes that are no UTF-8 stay apart as half surrogate pairs."""
        length = self.number("Q")
        start = self._taken(length)
        return self._data[start : start + length].decode("utf-8", "surrogateescape")

    def value(self, kind: int, name: str) -> Any:
        """A value of metadata."""
        if kind == _TEXT:
            return self.text()
        if kind == _ARRAY:
            return self._array(name)
        if kind not in _SCALARS:
            raise InvalidInput(f"{self._path}: {name[:80]!r} has a value of unknown type {kind}; the file is damaged, or newer than this")
        return self.number(_SCALARS[kind])

    def _array(self, name: str) -> tuple[Any, ...]:
        kind, count = self.number("I"), self.number("Q")
        if kind == _TEXT:
            return tuple(self.text() for _ in range(self.fitting(count, 8)))
        if kind not in _SCALARS:
            raise InvalidInput(f"{self._path}: {name[:80]!r} is a list of values of type {kind}; expected numbers or texts")
        size = struct.calcsize("<" + _SCALARS[kind])
        start = self._taken(self.fitting(count, size) * size)
        return struct.unpack_from(f"<{count}{_SCALARS[kind]}", self._data, start)
