"""Responses as bytes and back: small, fixed little-endian, nothing executed on reading.

What is written of a response, and in what order, its class says (`Response.layouts`). A payload is ``format, tag, body, crc32``.
The high bit of the tag says that the body is deflated, its length before that standing in front of it; a body is deflated when that
makes it shorter. Whole numbers are LEB128 varints; arrays are ``dtype code, number of axes, lengths, values``, so that what is read
back is equal to the last bit.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from jaxtyping import Int

from tokenworth.catalog import requests
from tokenworth.core.request.kind import Request, Response
from tokenworth.core.tokens import StopReason
from tokenworth.errors import InvalidInput, StoreError

FORMAT = 1
MAX_BODY = 2**25
"""Longest body that is kept, in bytes: a damaged or hostile payload cannot claim more memory."""
MAX_IDS = 2**22
"""Most ids of one rollout."""
_BLOCK = 2**16

_DEFLATED = 0x80
_STOPS = (StopReason.STOP, StopReason.LENGTH, StopReason.ERROR, StopReason.REFUSED)  # positions are stored: append only
_DTYPES = {1: np.dtype("<f4"), 2: np.dtype("<f8"), 3: np.dtype("<i4"), 4: np.dtype("<i8")}
_DTYPE_CODES = {dtype: code for code, dtype in _DTYPES.items()}
_ARRAYS = {"f": ("f", 1), "f2": ("f", 2), "i": ("i", 1), "i2": ("i", 2)}
_VARINT_BYTES = 9
_MAX_AXES = 2
_CRC_BYTES = 4
WHOLE = zlib.crc32(zlib.crc32(b"").to_bytes(_CRC_BYTES, "little"))
"""The CRC-32 of every payload that is undamaged: of any bytes that end in their own."""
_RAW_DEFLATE = -15


class _Damaged(Exception):
    """What is wrong with a payload; ``decode_response`` adds the key."""


def encode_response(response: Response) -> bytes:
    """The payload of a response.

    Raises ``InvalidInput`` for a response that is not well formed: negative token ids, arrays of another type or shape.
    """
    tag, layout = _layout_of(response)
    values = {name: np.asarray(getattr(response, name)) if form in _ARRAYS else getattr(response, name) for name, form in layout.items()}
    _check_arrays(response.what, layout, values)
    response.check()
    body = b"".join(_FORMS[form][0](values[name]) for name, form in layout.items())
    if len(body) > MAX_BODY:
        raise InvalidInput(f"a response of {len(body)} bytes; expected at most {MAX_BODY}")
    packer = zlib.compressobj(6, zlib.DEFLATED, _RAW_DEFLATE)
    deflated = _varint(len(body)) + packer.compress(body) + packer.flush()
    if len(deflated) < len(body):
        tag, body = tag | _DEFLATED, deflated
    payload = bytes((FORMAT, tag)) + body
    return payload + zlib.crc32(payload).to_bytes(_CRC_BYTES, "little")


def decode_response(key: str, payload: bytes) -> Response:
    """The response in a payload; arrays are read-only.

    Raises ``StoreError`` naming the key for anything that is not a whole, undamaged payload.
    """
    try:
        return _decode(payload)
    except (_Damaged, InvalidInput) as fault:
        raise StoreError(f"the stored response {key} is damaged: {fault}; restore the file or start a new one") from None


def _decode(payload: bytes) -> Response:
    if not isinstance(payload, bytes) or len(payload) < 2 + _CRC_BYTES:
        raise _Damaged("it is too short, or no bytes at all")
    if zlib.crc32(payload[:-_CRC_BYTES]) != int.from_bytes(payload[-_CRC_BYTES:], "little"):
        raise _Damaged("its checksum does not match")
    if payload[0] != FORMAT:
        raise _Damaged(f"format {payload[0]}, expected {FORMAT}")
    tag, body = payload[1] & ~_DEFLATED, payload[2:-_CRC_BYTES]
    if payload[1] & _DEFLATED:
        front = _Cursor(body)
        length = front.varint()
        body = _inflate(front.rest(), length)
    found = _by_tag(tuple(requests())).get(tag)
    if found is None:
        raise _Damaged(f"tag {tag} names no kind of response")
    cursor = _Cursor(body)
    kind, layout = found
    values = {name: _FORMS[form][1](cursor) for name, form in layout.items()}
    if cursor.rest():
        raise _Damaged("bytes are left over")
    _check_arrays(kind.what, layout, values)
    response = kind(**values)
    response.check()
    return response


def body_length(payload: bytes) -> int:
    """How long the body of a payload is, by what the payload says of it; it is checked when it is decoded."""
    if len(payload) < 2 + _CRC_BYTES or not payload[1] & _DEFLATED:
        return len(payload)
    try:
        return min(_Cursor(payload, at=2).varint(), MAX_BODY + 1)
    except _Damaged:
        return len(payload)


def _layout_of(response: Response) -> tuple[int, Mapping[str, str]]:
    """The tag and the layout that say most of a response."""
    whole = [item for item in response.layouts.items() if all(getattr(response, name) is not None for name in item[1])]
    if not whole:
        raise InvalidInput(f"{response.what}: a field is None in every layout it could be stored in; expected values")
    return max(whole, key=lambda item: len(item[1]))


@cache
def _by_tag(kinds: tuple[type[Request], ...]) -> Mapping[int, tuple[type[Response], Mapping[str, str]]]:
    return {tag: (kind.response, layout) for kind in kinds for tag, layout in kind.response.layouts.items()}


def _stop(cursor: _Cursor) -> StopReason:
    code = cursor.byte()
    if code >= len(_STOPS):
        raise _Damaged(f"stop code {code} is unknown")
    return _STOPS[code]


def _ids_bytes(ids: tuple[int, ...]) -> bytes:
    if ids and not 0 <= min(ids) <= max(ids) < 2**62:
        raise InvalidInput(f"token ids run from {min(ids)} to {max(ids)}; expected numbers from 0 up")
    if len(ids) > MAX_IDS:
        raise InvalidInput(f"{len(ids)} token ids; expected at most {MAX_IDS}")
    return _varint(len(ids)) + _varints(np.asarray(ids, dtype=np.int64))


def _ids(cursor: _Cursor) -> tuple[int, ...]:
    count = cursor.varint()
    if count > MAX_IDS:
        raise _Damaged(f"{count} ids, expected at most {MAX_IDS}")
    found: list[int] = []
    while len(found) < count:
        # In blocks: the arrays in between take some fifty bytes an id.
        wanted = min(_BLOCK, count - len(found))
        ends = np.flatnonzero(np.frombuffer(cursor.ahead(wanted * _VARINT_BYTES), dtype=np.uint8) < 0x80)[:wanted]
        if len(ends) < wanted:
            raise _Damaged(f"{len(found) + len(ends)} ids where {count} are announced")
        found += _from_varints(cursor.take(int(ends[-1]) + 1)).tolist()
    return tuple(found)


def _check_arrays(what: str, layout: Mapping[str, str], values: Mapping[str, Any]) -> None:
    """Refuses arrays whose kind or shape is not what ``layout`` says; see `Response`."""
    lengths: dict[int, int] = {}
    for name, form in layout.items():
        if form not in _ARRAYS:
            continue
        (kind, axes), array = _ARRAYS[form], values[name]
        if array.dtype.kind != kind:
            raise InvalidInput(f"{what}: {name} has type {array.dtype}, expected {'floats' if kind == 'f' else 'whole numbers'}")
        if array.ndim != axes:
            raise InvalidInput(f"{what}: {name} has shape {array.shape}, expected {axes} axes")
        for axis, length in enumerate(array.shape):
            if lengths.setdefault(axis, length) != length:
                raise InvalidInput(f"{what}: {name} has shape {array.shape}, expected length {lengths[axis]} along axis {axis}")


def _array_bytes(array: np.ndarray) -> bytes:
    plain = np.ascontiguousarray(array)
    plain = plain.astype(plain.dtype.newbyteorder("<"), copy=False)
    code = _DTYPE_CODES.get(plain.dtype)
    if code is None:
        raise InvalidInput(f"an array of type {array.dtype} cannot be stored; expected float32, float64, int32 or int64")
    head = bytes((code, array.ndim)) + b"".join(_varint(length) for length in array.shape)
    return head + plain.tobytes()


def _varint(value: int) -> bytes:
    if not 0 <= value < 2**63:
        raise InvalidInput(f"the number {value} cannot be stored; expected 0 to 2^63 - 1")
    made = bytearray()
    while value >= 0x80:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    made.append(value)
    return bytes(made)


def _varints(values: Int[np.ndarray, " value"]) -> bytes:
    """``_varint`` of each value, joined; values are ≥ 0."""
    lengths = np.ones(len(values), dtype=np.int64)
    highest = int(values.max()) if len(values) else 0
    for k in range(1, max(1, -(-highest.bit_length() // 7))):
        lengths += values >= 1 << 7 * k
    starts = np.cumsum(lengths) - lengths
    made = np.zeros(int(lengths.sum()), dtype=np.uint8)
    for k in range(int(lengths.max()) if len(values) else 0):
        has = lengths > k
        more = (lengths[has] > k + 1).astype(np.int64) << 7
        made[starts[has] + k] = values[has] >> 7 * k & 0x7F | more
    return made.tobytes()


def _from_varints(data: bytes) -> Int[np.ndarray, " value"]:
    raw = np.frombuffer(data, dtype=np.uint8)
    if not len(raw):
        return np.zeros(0, dtype=np.int64)
    ends = np.flatnonzero(raw < 0x80)
    starts = np.concatenate(([0], ends[:-1] + 1))
    if int((ends - starts).max()) >= _VARINT_BYTES:
        raise _Damaged("a number is too long")
    shift = 7 * (np.arange(len(raw)) - np.repeat(starts, ends - starts + 1))
    return np.add.reduceat((raw & 0x7F).astype(np.int64) << shift, starts)


def _inflate(data: bytes, length: int) -> bytes:
    if not 0 < length <= MAX_BODY:
        raise _Damaged(f"a body of {length} bytes, expected 1 to {MAX_BODY}")
    unpacker = zlib.decompressobj(_RAW_DEFLATE)
    try:
        # One byte more than announced, so that a longer body shows.
        body = unpacker.decompress(data, length + 1)
    except zlib.error as error:
        raise _Damaged(str(error)) from None
    if len(body) != length or not unpacker.eof or unpacker.unused_data:
        raise _Damaged("its body has another length than announced")
    return body


@dataclass(slots=True)
class _Cursor:
    """Reads a body from front to back; asking for more than there is raises ``_Damaged``."""

    data: bytes
    at: int = 0

    def take(self, length: int) -> bytes:
        if length > len(self.data) - self.at:
            raise _Damaged("it ends early")
        self.at += length
        return self.data[self.at - length : self.at]

    def rest(self) -> bytes:
        return self.data[self.at :]

    def ahead(self, length: int) -> bytes:
        """The next bytes, which are taken later."""
        return self.data[self.at : self.at + length]

    def byte(self) -> int:
        return self.take(1)[0]

    def varint(self) -> int:
        value = 0
        for k in range(_VARINT_BYTES):
            byte = self.byte()
            value |= (byte & 0x7F) << 7 * k
            if byte < 0x80:
                return value
        raise _Damaged("a number is too long")

    def array(self) -> np.ndarray:
        dtype = _DTYPES.get(self.byte())
        if dtype is None:
            raise _Damaged("an array of unknown type")
        n_axes = self.byte()
        if n_axes > _MAX_AXES:
            raise _Damaged(f"an array of {n_axes} axes, expected at most {_MAX_AXES}")
        shape = tuple(self.varint() for _ in range(n_axes))
        if any(length > MAX_BODY for length in shape):
            raise _Damaged("an array is too large")
        count = math.prod(shape)
        return np.frombuffer(self.take(count * dtype.itemsize), dtype=dtype).reshape(shape)


_FORMS: Mapping[str, tuple[Callable[[Any], bytes], Callable[[_Cursor], Any]]] = {
    **{form: (_array_bytes, _Cursor.array) for form in _ARRAYS},
    "n": (_varint, _Cursor.varint),
    "ids": (_ids_bytes, _ids),
    "stop": (lambda stop: bytes((_STOPS.index(stop),)), _stop),
}
"""How each form of a field is written and read."""
