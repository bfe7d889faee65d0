"""Columns of numbers and texts in one blob: what the page carries and the viewer unpacks.

Numbers are little-endian, ``f4`` (NaN: no number), ``i4``, ``u1`` or text. The bytes of 4-byte columns are
shuffled (all first bytes, all second bytes, …), which compresses better; then zlib, then base64. Every column starts
at ``at`` in its blob and has ``n`` entries, of which the reader leaves out the first ``skip``. Single precision keeps
seven figures, more than any interval deserves.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from tokenworth.core.document import Number
from tokenworth.core.inert import whole

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]


class Blob:
    """Bytes of columns, one after another. A float column that was already written, whole or but for its first number
    (a curve from cut 1 on), is pointed at instead of written again.
    """

    def __init__(self) -> None:
        self._seen: dict[bytes, dict[str, Json]] = {}
        self._parts: list[bytes] = []
        self._at = 0

    def _add(self, data: bytes, kind: str, n: int) -> dict[str, Json]:
        entry: dict[str, Json] = {"at": self._at, "n": n, "kind": kind}
        self._parts.append(data)
        self._at += len(data)
        return entry

    def numbers(self, values: Sequence[Number]) -> dict[str, Json]:
        """A float column; None becomes NaN."""
        array: Float[np.ndarray, " item"] = np.array(values, dtype=np.float64).astype("<f4")
        data = array.tobytes()
        if data in self._seen:
            return self._seen[data]
        entry = self._add(_shuffle(data), "f4", len(values))
        self._seen[data] = entry
        if len(values) > 1:
            self._seen.setdefault(data[4:], entry | {"skip": 1})
        return entry

    def integers(self, values: Sequence[int]) -> dict[str, Json]:
        """A signed 32-bit column, clipped to its range."""
        array = np.clip(np.array(values, dtype=np.int64), -(2**31), 2**31 - 1).astype("<i4")
        return self._add(_shuffle(array.tobytes()), "i4", len(values))

    def small(self, values: Sequence[int]) -> dict[str, Json]:
        """A column of numbers from 0 to 255."""
        return self._add(np.array(values, dtype=np.uint8).tobytes(), "u1", len(values))

    def texts(self, values: Sequence[str]) -> dict[str, Json]:
        """Strings as one UTF-8 run and a column of lengths in UTF-16 units; unpaired surrogates are written out."""
        values = [whole(x) for x in values]
        lengths = [len(x) + sum(c > "\uffff" for c in x) if not x.isascii() else len(x) for x in values]
        data = "".join(values).encode()
        entry = self._add(data, "text", len(data))
        entry["lengths"] = self.integers(lengths)
        return entry

    def packed(self) -> str:
        """The blob compressed, in base64."""
        return base64.b64encode(zlib.compress(b"".join(self._parts), 6)).decode()


def _shuffle(data: bytes) -> bytes:
    return np.frombuffer(data, dtype=np.uint8).reshape(-1, 4).T.tobytes() if data else b""


def dump(value: Json) -> str:
    """JSON that can stand inside a script element: no ``<``, no line separators, no unpaired surrogates; no NaN."""
    text = whole(json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029").replace("\x7f", "\\u007f")
