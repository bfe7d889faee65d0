"""The stores: laws, runs and listing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.laws.backend import equal
from tests.laws.store import PAIRS, STORE_LAWS, StoreCase, hex_key
from tests.store.store_cases import make, responses
from tokenworth.core.ports import Store
from tokenworth.errors import StoreError, UnknownName
from tokenworth.store.memory import MemoryStore
from tokenworth.store.sqlite import open_existing


@contextmanager
def memory() -> Iterator[Store]:
    yield MemoryStore()


@pytest.fixture(params=["memory", "sqlite"])
def case(request, tmp_path) -> StoreCase:
    if request.param == "memory":
        return StoreCase(open=memory, lasting=False)
    return StoreCase(open=lambda: make(tmp_path / "run.db"), lasting=True)


@pytest.mark.slow
@pytest.mark.parametrize("law", STORE_LAWS, ids=lambda law: law.__name__)
def test_store_laws(law, case):
    law(case)


def test_runs_and_documents(tmp_path):
    path = tmp_path / "run.db"
    with make(path) as store:
        first = store.begin_run(verb="curve", config={"samples": 20, "top_p": 0.95}, started="2026-01-02T03:04:05Z")
        second = store.begin_run(verb="sample", config={}, started="2026-01-02T04:00:00Z")
        store.finish_run(first, finished="2026-01-02T03:05:00Z", document='{"schema": "…"}'.encode())
    with open_existing(path) as store:
        one, two = store.runs()
        assert (one.id, one.verb, one.config, one.finished) == (first, "curve", {"samples": 20, "top_p": 0.95}, "2026-01-02T03:05:00Z")
        assert (two.id, two.finished, two.has_document) == (second, None, False)
        assert one.has_document
        assert store.document(first) == '{"schema": "…"}'.encode()
        assert store.document(second) is None
        with pytest.raises(UnknownName, match="no run 77; the last are: 1, 2"):
            store.document(77)
        with pytest.raises(UnknownName, match="no run 77"):
            store.finish_run(77, finished="")
        store._database.ask("UPDATE runs SET config = '{', document = x'00'")
        with pytest.raises(StoreError, match="run 1 is damaged"):
            store.runs()
        with pytest.raises(StoreError, match="run 1 is damaged"):
            store.document(first)


def test_all_responses_are_listed_in_order(tmp_path):
    with make(tmp_path / "run.db") as store:
        for number, (request, response) in enumerate(PAIRS):
            store.put(hex_key(9 - number), request, response)
        listed = responses(store)
    assert [key for key, *_ in listed] == [hex_key(9 - number) for number in range(len(PAIRS))]
    tables = [("NextToken", None, None), ("Read", None, None)]
    assert [one[1:4] for one in listed] == [("Sample", 1, 2), *tables, *tables]
    assert all(equal(one[-1], response) for one, (_, response) in zip(listed, PAIRS, strict=True))
