"""Laws that every store keeps, and one request and response of each kind. Its tests parametrise over ``STORE_LAWS``."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

import numpy as np

from tests.laws.backend import equal
from tokenworth.core.ports import Store
from tokenworth.core.request.kind import Request, Response
from tokenworth.core.request.next_token import NextToken, NextTokenTable
from tokenworth.core.request.read import Read, ReadTable
from tokenworth.core.request.sample import Rollout, Sample
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import StopReason, TokenSequence


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreCase:
    """A store to try the laws on. ``open`` gives a store; for one that lasts, each time the same."""

    open: Callable[[], AbstractContextManager[Store]]
    lasting: bool


def hex_key(number: int) -> str:
    """A content key for tests."""
    return f"{number:064x}"


_SEQUENCE = TokenSequence(prompt=(1, 2), completion=(3, 4, 5))
_PARAMS = Sampling(temperature=1.0, top_k=0, top_p=1.0, min_p=0.0, max_tokens=10, stop=())
SAMPLE = Sample(sequence=_SEQUENCE, cut=1, params=_PARAMS, seed=0, index=2)
NEXT_TOKEN = NextToken(sequence=_SEQUENCE, cuts=(0, 2), params=_PARAMS, top=2)
READ = Read(sequence=_SEQUENCE, cuts=(0, 2), suffix=(7,), continuations=((8,), (9, 1)))
ROLLOUT = Rollout(ids=(3, 70_000, 0), stop=StopReason.STOP)
NEXT_TOKEN_TABLE = NextTokenTable(
    p=np.asarray([0.1, 1.0]),
    logprob=np.asarray([-2.302585092994046, 0.0]),
    top_ids=np.asarray([[5, 4], [3, -1]]),
    top_p=np.asarray([[0.9, 0.1], [1.0, 0.0]]),
    support=np.asarray([2, 1]),
)
READ_TABLE = ReadTable(
    logprob=np.asarray([[-1.0, -np.inf], [-0.5, -3.25]]),
    top_id=np.asarray([8, -1]),
    top_logprob=np.asarray([-1.0, -np.inf]),
    token_forwards=11,
)
SLACK_TABLE = replace(NEXT_TOKEN_TABLE, slack=np.asarray([0.025, 0.0]))
CEILING_TABLE = replace(READ_TABLE, logprob=np.asarray([[-1.0, np.nan], [-0.5, -3.25]]), ceiling=np.asarray([[-1.0, -4.5], [-0.5, -3.25]]))
PAIRS: tuple[tuple[Request, Response], ...] = (
    (SAMPLE, ROLLOUT),
    (NEXT_TOKEN, NEXT_TOKEN_TABLE),
    (READ, READ_TABLE),
    (NEXT_TOKEN, SLACK_TABLE),
    (READ, CEILING_TABLE),
)


def what_is_put_is_got(case: StoreCase) -> None:
    with case.open() as store:
        for number, (request, response) in enumerate(PAIRS):
            store.put(hex_key(number), request, response)
        got = store.get([hex_key(number) for number in range(len(PAIRS))])
    assert set(got) == {hex_key(number) for number in range(len(PAIRS))}
    for number, (_, response) in enumerate(PAIRS):
        assert equal(got[hex_key(number)], response)


def what_is_not_there_is_left_out(case: StoreCase) -> None:
    with case.open() as store:
        assert dict(store.get([])) == {}
        store.put(hex_key(1), SAMPLE, ROLLOUT)
        assert set(store.get([hex_key(2), hex_key(1), hex_key(1)])) == {hex_key(1)}


def the_first_response_stays(case: StoreCase) -> None:
    with case.open() as store:
        store.put(hex_key(1), SAMPLE, ROLLOUT)
        store.put(hex_key(1), SAMPLE, Rollout(ids=(9,), stop=StopReason.LENGTH))
        assert store.get([hex_key(1)])[hex_key(1)] == ROLLOUT


def many_keys_at_once(case: StoreCase) -> None:
    with case.open() as store:
        for number in range(2_500):
            store.put(hex_key(number), SAMPLE, Rollout(ids=(number,), stop=StopReason.LENGTH))
        got = store.get([hex_key(number) for number in range(3_000)])
    assert {key: response.ids for key, response in got.items() if isinstance(response, Rollout)} == {
        hex_key(number): (number,) for number in range(2_500)
    }


def flushing_twice_is_harmless(case: StoreCase) -> None:
    with case.open() as store:
        store.flush()
        store.put(hex_key(1), SAMPLE, ROLLOUT)
        store.flush()
        store.flush()
        assert store.get([hex_key(1)])[hex_key(1)] == ROLLOUT


def what_was_flushed_is_there_again(case: StoreCase) -> None:
    if not case.lasting:
        return
    with case.open() as store:
        store.put(hex_key(1), SAMPLE, ROLLOUT)
        store.flush()
    with case.open() as store:
        assert store.get([hex_key(1)])[hex_key(1)] == ROLLOUT


STORE_LAWS: tuple[Callable[[StoreCase], None], ...] = (
    what_is_put_is_got,
    what_is_not_there_is_left_out,
    the_first_response_stays,
    many_keys_at_once,
    flushing_twice_is_harmless,
    what_was_flushed_is_there_again,
)
