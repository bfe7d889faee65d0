"""Responses as bytes and back: small, fixed little-endian, nothing executed on reading.

A payload is ``format, tag, body, crc32``. The high bit of the tag says that the body is deflated, its length before that
standing in front of it; a body is deflated when that makes it shorter. Whole numbers are LEB128 varints; arrays are
``dtype code, number of axes, lengths, values``, so that what is read back is equal to the last bit.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from tokenworth.core.request import NextTokenTable, ReadTable, Response, Rollout
from tokenworth.core.tokens import StopReason
from tokenworth.errors import InvalidInput, StoreError

FORMAT = 1
MAX_BODY = 2**30
"""Longest body that is read, in bytes: a damaged or hostile payload cannot claim more memory."""

_ROLLOUT, _NEXT_TOKEN, _READ = 1, 2, 3
_NEXT_TOKEN_SLACK, _READ_CEILING = 4, 5
"""Tables known only within bounds; those that are exact keep their tags and bytes."""
_DEFLATED = 0x80
_STOPS = (StopReason.STOP, StopReason.LENGTH, StopReason.ERROR, StopReason.REFUSED)  # positions are stored: append only
_DTYPES = {1: np.dtype("<f4"), 2: np.dtype("<f8"), 3: np.dtype("<i4"), 4: np.dtype("<i8")}
_DTYPE_CODES = {dtype: code for code, dtype in _DTYPES.items()}
_NEXT_TOKEN_ARRAYS = {"p": "f", "logprob": "f", "top_ids": "i2", "top_p": "f2", "support": "i"}
_READ_ARRAYS = {"logprob": "f2", "top_id": "i", "top_logprob": "f"}
_SLACK_ARRAYS = {**_NEXT_TOKEN_ARRAYS, "slack": "f"}
_CEILING_ARRAYS = {**_READ_ARRAYS, "ceiling": "f2"}
_VARINT_BYTES = 9
_MAX_AXES = 2
_CRC_BYTES = 4
_RAW_DEFLATE = -15


class _Damaged(Exception):
    """What is wrong with a payload; ``decode_response`` adds the key."""


def encode_response(response: Response) -> bytes:
    """The payload of a response.

    Raises ``InvalidInput`` for a response that is not well formed: negative token ids, arrays of another type or shape.
    """
    if isinstance(response, Rollout):
        tag, body = _ROLLOUT, _rollout_body(response)
    elif isinstance(response, NextTokenTable):
        tag, expected = (_NEXT_TOKEN, _NEXT_TOKEN_ARRAYS) if response.slack is None else (_NEXT_TOKEN_SLACK, _SLACK_ARRAYS)
        body = _array_bytes("next-token table", expected, response)
    else:
        tag, expected = (_READ, _READ_ARRAYS) if response.ceiling is None else (_READ_CEILING, _CEILING_ARRAYS)
        body = _varint(response.token_forwards) + _array_bytes("forced-read table", expected, response)
    if len(body) > MAX_BODY:
        raise InvalidInput(f"a response of {len(body)} bytes; expected at most {MAX_BODY}")
    deflated = _varint(len(body)) + _deflate(body)
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
    cursor = _Cursor(body)
    if tag == _ROLLOUT:
        response: Response = _rollout(cursor)
    elif tag in (_NEXT_TOKEN, _NEXT_TOKEN_SLACK):
        expected = _NEXT_TOKEN_ARRAYS if tag == _NEXT_TOKEN else _SLACK_ARRAYS
        response = NextTokenTable(**_arrays(cursor, "next-token table", expected))
    elif tag in (_READ, _READ_CEILING):
        forwards = cursor.varint()
        expected = _READ_ARRAYS if tag == _READ else _CEILING_ARRAYS
        response = ReadTable(**_arrays(cursor, "forced-read table", expected), token_forwards=forwards)
    else:
        raise _Damaged(f"tag {tag} names no kind of response")
    if cursor.rest():
        raise _Damaged("bytes are left over")
    return response


def _rollout_body(rollout: Rollout) -> bytes:
    if rollout.ids and not 0 <= min(rollout.ids) <= max(rollout.ids) < 2**62:
        raise InvalidInput(f"rollout ids run from {min(rollout.ids)} to {max(rollout.ids)}; expected numbers from 0 up")
    ids = np.asarray(rollout.ids, dtype=np.int64)
    return bytes((_STOPS.index(rollout.stop),)) + _varint(len(rollout.ids)) + _varints(ids)


def _rollout(cursor: _Cursor) -> Rollout:
    stop = cursor.byte()
    if stop >= len(_STOPS):
        raise _Damaged(f"stop code {stop} is unknown")
    count = cursor.varint()
    ids = _from_varints(cursor.rest())
    cursor.at = len(cursor.data)
    if len(ids) != count:
        raise _Damaged(f"{len(ids)} ids where {count} are announced")
    return Rollout(ids=tuple(ids.tolist()), stop=_STOPS[stop])


def _array_bytes(what: str, expected: Mapping[str, str], table: NextTokenTable | ReadTable) -> bytes:
    arrays = {name: np.asarray(getattr(table, name)) for name in expected}
    _check_arrays(what, expected, arrays)
    return b"".join(_one_array_bytes(array) for array in arrays.values())


def _arrays(cursor: _Cursor, what: str, expected: Mapping[str, str]) -> dict[str, np.ndarray]:
    arrays = {name: cursor.array() for name in expected}
    _check_arrays(what, expected, arrays)
    return arrays


def _check_arrays(what: str, expected: Mapping[str, str], arrays: Mapping[str, np.ndarray]) -> None:
    """Refuses arrays whose kind (f: floats, i: whole numbers) or shape is not what ``expected`` says.

    A second letter 2 stands for a second axis; the first axis is the cut, the same in all, as is the second in those with two.
    """
    lengths: dict[int, int] = {}
    for name, form in expected.items():
        kind, axes = form[0], len(form)
        array = arrays[name]
        if array.dtype.kind != kind:
            raise InvalidInput(f"{what}: {name} has type {array.dtype}, expected {'floats' if kind == 'f' else 'whole numbers'}")
        if array.ndim != axes:
            raise InvalidInput(f"{what}: {name} has shape {array.shape}, expected {axes} axes")
        for axis, length in enumerate(array.shape):
            if lengths.setdefault(axis, length) != length:
                raise InvalidInput(f"{what}: {name} has shape {array.shape}, expected length {lengths[axis]} along axis {axis}")
    _check_bounds(what, arrays)


def _check_bounds(what: str, arrays: Mapping[str, np.ndarray]) -> None:
    """Refuses bounds that bound nothing: a slack that is no number ≥ 0, a ceiling missing where nothing was listed."""
    if "slack" in arrays and not bool((arrays["slack"] >= 0).all()):
        raise InvalidInput(f"{what}: slack holds a negative number or NaN; expected numbers from 0 up")
    if "ceiling" in arrays and bool((np.isnan(arrays["logprob"]) & np.isnan(arrays["ceiling"])).any()):
        raise InvalidInput(f"{what}: a reading has neither a log-probability nor a ceiling; expected one of them")


def _one_array_bytes(array: np.ndarray) -> bytes:
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
    if not len(ends) or ends[-1] != len(raw) - 1:
        raise _Damaged("the last number is cut off")
    starts = np.concatenate(([0], ends[:-1] + 1))
    if int((ends - starts).max()) >= _VARINT_BYTES:
        raise _Damaged("a number is too long")
    shift = 7 * (np.arange(len(raw)) - np.repeat(starts, ends - starts + 1))
    return np.add.reduceat((raw & 0x7F).astype(np.int64) << shift, starts)


def _deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, _RAW_DEFLATE)
    return packer.compress(body) + packer.flush()


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
