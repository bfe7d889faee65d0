"""The codec of stored responses: round trips, damage, any bytes."""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tests.laws.backend import equal
from tests.laws.store import CEILING_TABLE, NEXT_TOKEN_TABLE, READ_TABLE, ROLLOUT, SLACK_TABLE
from tests.store.store_cases import KEY
from tokenworth.core.request.kind import Response
from tokenworth.core.request.next_token import NextTokenTable
from tokenworth.core.request.read import ReadTable
from tokenworth.core.request.sample import Rollout
from tokenworth.core.tokens import StopReason
from tokenworth.errors import InvalidInput, StoreError
from tokenworth.store.codec import decode_response, encode_response

RESPONSES = (ROLLOUT, Rollout(ids=(7,) * 200, stop=StopReason.STOP), NEXT_TOKEN_TABLE, READ_TABLE, SLACK_TABLE, CEILING_TABLE)

# Strategies give a class and its fields: the type checks that run on building draw random numbers of their own.
Parts = tuple[type[Response], dict[str, Any]]


@st.composite
def rollouts(draw) -> Parts:
    ids = draw(st.lists(st.integers(0, 300) | st.integers(0, 2**18) | st.integers(0, 2**62 - 1), max_size=60))
    return Rollout, {"ids": tuple(ids), "stop": draw(st.sampled_from(StopReason))}


@st.composite
def next_token_tables(draw) -> Parts:
    n_cuts, n_top = draw(st.integers(0, 5)), draw(st.integers(0, 4))
    floats, wholes = draw(st.sampled_from(["<f4", "<f8"])), draw(st.sampled_from(["<i4", "<i8"]))
    return NextTokenTable, {
        "p": draw(arrays.arrays(floats, n_cuts)),
        "logprob": draw(arrays.arrays(floats, n_cuts)),
        "top_ids": draw(arrays.arrays(wholes, (n_cuts, n_top))),
        "top_p": draw(arrays.arrays(floats, (n_cuts, n_top))),
        "support": draw(arrays.arrays(wholes, n_cuts)),
        "slack": draw(st.none() | arrays.arrays(floats, n_cuts, elements=st.floats(0, 1, width=32))),
    }


@st.composite
def read_tables(draw) -> Parts:
    n_cuts, n_options = draw(st.integers(0, 5)), draw(st.integers(0, 4))
    return ReadTable, {
        "logprob": draw(arrays.arrays("<f8", (n_cuts, n_options))),
        "top_id": draw(arrays.arrays("<i8", n_cuts)),
        "top_logprob": draw(arrays.arrays("<f8", n_cuts)),
        "token_forwards": draw(st.integers(0, 2**63 - 1)),
        "ceiling": draw(st.none() | arrays.arrays("<f8", (n_cuts, n_options), elements=st.floats(max_value=0))),
    }


def test_codes_of_stop_reasons_never_change():
    codes = {stop: encode_response(Rollout(ids=(7,), stop=stop))[2] for stop in StopReason}
    assert codes == {StopReason.STOP: 0, StopReason.LENGTH: 1, StopReason.ERROR: 2, StopReason.REFUSED: 3}


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(rollouts() | next_token_tables() | read_tables())
@example((Rollout, {"ids": (), "stop": StopReason.STOP}))
@example((Rollout, {"ids": (127, 128, 16_383, 16_384, 2**62 - 1), "stop": StopReason.LENGTH}))
@example((Rollout, {"ids": (7,) * 1_000, "stop": StopReason.ERROR}))
def test_what_is_encoded_is_decoded(parts):
    kind, fields = parts
    response = kind(**fields)
    back = decode_response(KEY, encode_response(response))
    assert equal(back, response)
    if isinstance(back, Rollout):
        assert all(type(token) is int for token in back.ids)
    elif isinstance(back, NextTokenTable) and isinstance(response, NextTokenTable):
        assert back.p.dtype == response.p.dtype and back.top_ids.dtype == response.top_ids.dtype


# Written by the version before tables could have bounds: payload, bytes in front of the deflated body.
OLD = (
    (
        NEXT_TOKEN_TABLE,
        "018281016362649a35130476da3380c1077b264626b1d0adbb3766331d6080021626262656181b4a3343e9ff500054c274f60c08bcb14737126e0e2"
        "3131394c908a5016ed93e09",
        4,
    ),
    (READ_TABLE, "01834be36602020630f8b01f4aff87d00fa07cae032c8c4c1c1036c37f286062c4d00500b1e1e785", 3),
)


@pytest.mark.parametrize(("table", "payload", "front"), OLD)
def test_exact_tables_keep_the_bytes_they_had_before_there_were_bounds(table, payload, front):
    """Compared before deflation, which another zlib may do otherwise."""
    old, new = bytes.fromhex(payload), encode_response(table)
    assert new[:front] == old[:front]
    assert zlib.decompressobj(-15).decompress(new[front:-4]) == zlib.decompressobj(-15).decompress(old[front:-4])
    assert equal(decode_response(KEY, old), table)


def test_tables_with_bounds_are_not_those_without():
    assert not equal(SLACK_TABLE, NEXT_TOKEN_TABLE) and not equal(CEILING_TABLE, READ_TABLE)
    assert not equal(decode_response(KEY, encode_response(SLACK_TABLE)), replace(SLACK_TABLE, slack=np.asarray([0.02, 0.0])))


def test_arrays_that_are_views_or_big_endian_are_stored_as_they_read():
    table = NextTokenTable(
        p=np.arange(8.0)[::2],
        logprob=np.arange(4, dtype=">f8"),
        top_ids=np.arange(12, dtype=">i4").reshape(3, 4).T,
        top_p=np.asfortranarray(np.arange(12.0).reshape(4, 3)),
        support=np.arange(4),
    )
    assert equal(decode_response(KEY, encode_response(table)), table)


def malformed(**fields: object) -> ReadTable:
    """A table made past the shape checks that only run under pytest."""
    table = object.__new__(ReadTable)
    for name, value in ({"ceiling": None} | fields).items():
        object.__setattr__(table, name, value)
    return table


def malformed_read(**fields: object) -> ReadTable:
    """The table with bounds, with some fields replaced past the checks."""
    return malformed(**{name: getattr(CEILING_TABLE, name) for name in ReadTable.__slots__} | fields)


@pytest.mark.parametrize(
    "response",
    [
        Rollout(ids=(1, -1), stop=StopReason.STOP),
        Rollout(ids=(2**62,), stop=StopReason.STOP),
        malformed(logprob=np.zeros((2, 1)), top_id=np.zeros(3, dtype=int), top_logprob=np.zeros(2), token_forwards=0),
        malformed(logprob=np.zeros(2), top_id=np.zeros(2, dtype=int), top_logprob=np.zeros(2), token_forwards=0),
        malformed(logprob=np.zeros((2, 1)), top_id=np.zeros(2), top_logprob=np.zeros(2), token_forwards=0),
        malformed(logprob=np.zeros((2, 1), dtype=np.float16), top_id=np.zeros(2, dtype=int), top_logprob=np.zeros(2), token_forwards=0),
        malformed(logprob=np.zeros((2, 1)), top_id=np.zeros(2, dtype=int), top_logprob=np.zeros(2), token_forwards=-1),
        malformed_read(ceiling=np.zeros((1, 2))),
        malformed_read(ceiling=np.zeros(2)),
        malformed_read(ceiling=np.full((2, 2), np.nan)),
        replace(SLACK_TABLE, slack=np.asarray([0.1, -0.1])),
        replace(SLACK_TABLE, slack=np.asarray([0.1, np.nan])),
    ],
)
def test_malformed_responses_are_not_stored(response):
    with pytest.raises(InvalidInput):
        encode_response(response)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_damage_is_noticed(data):
    response = data.draw(st.sampled_from(RESPONSES))
    payload = bytearray(encode_response(response))
    kind = data.draw(st.sampled_from(["flip", "cut", "add"]))
    at = data.draw(st.integers(0, len(payload) - 1))
    if kind == "flip":
        payload[at] ^= data.draw(st.integers(1, 255))
    elif kind == "cut":
        del payload[at:]
    else:
        payload += data.draw(st.binary(min_size=1, max_size=4))
    with pytest.raises(StoreError, match=KEY):
        decode_response(KEY, bytes(payload))


@pytest.mark.slow
@settings(max_examples=500, deadline=None)
@given(st.integers(0, 255), st.binary(max_size=80))
@example(0x81, b"\xff\xff\xff\xff\x03" + zlib.compress(bytes(1_000), wbits=-15))
@example(1, b"\x00\x01")
@example(2, b"\x02\x02\x80\x80\x80\x80\x10\x00")
@example(3, b"\x00\x02\xff")
@example(4, b"\x02\x01\x00")
@example(5, b"\x00\x02\x02\x00\x00")
def test_any_bytes_decode_or_are_refused(tag, body):
    payload = bytes((1, tag)) + body
    payload += zlib.crc32(payload).to_bytes(4, "little")
    message = ""
    try:
        decode_response(KEY, payload)
    except StoreError as error:
        message = str(error)
    assert "\n" not in message


@pytest.mark.parametrize("payload", [None, "text", 7, b""])
def test_values_that_are_no_bytes(payload):
    with pytest.raises(StoreError, match=KEY):
        decode_response(KEY, payload)
