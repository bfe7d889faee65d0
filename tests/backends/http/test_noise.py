"""Readings that move from request to request: measured, and allowed for in everything that is compared."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from tests.backends.http.http_cases import Watching, draw, impossible, serve
from tests.servers.chain import Chain
from tests.servers.faulty import FaultyServer, Ways, faulty_server, never
from tokenworth.backends.http.noise import CEILING, FLOOR, agree, gap_ratio, is_same, is_tempered, is_unchanged, spread, tolerance, typical
from tokenworth.backends.http.record import findings, fingerprint, read_record, record_json
from tokenworth.backends.http.wire import Listing, make_listing
from tokenworth.core.tokens import StopReason


@pytest.fixture(scope="module")
def server() -> Iterator[FaultyServer]:
    with faulty_server() as made:
        yield made


def listing(logprobs: Sequence[float], ids: Sequence[int] | None = None) -> Listing:
    return make_listing(list(zip(ids or range(len(logprobs)), logprobs, strict=True)), {})


BASE = (-0.7, -1.5, -2.4, -3.0, -5.0, -9.0)


def moved(by: Sequence[float]) -> Listing:
    return listing([value + one for value, one in zip(BASE, by, strict=True)])


def test_spread_and_middle_of_readings() -> None:
    readings = [moved((0, 0, 0, 0, 0, 0)), moved((0.01, -0.1, 0, 0, 0, 3)), moved((-0.02, 0.12, 0, 0, 0, 0))]
    assert spread(readings) == pytest.approx(0.22)
    assert spread(readings[:1]) == 0.0 and spread([]) == 0.0
    assert typical(readings).logprobs == pytest.approx(BASE)
    # A token that one reading does not list is judged by the others.
    assert spread([readings[0], listing(BASE[:2]), readings[1]]) == pytest.approx(0.1)


def test_what_readings_may_differ_by() -> None:
    assert tolerance(None) == tolerance(0.0) == tolerance(0.03) == FLOOR
    assert 0.2 < tolerance(0.2) < tolerance(0.4) <= tolerance(50.0) == CEILING


@pytest.mark.parametrize("temperature", [0.5, 0.7, 2.0])
def test_gaps_tell_raw_from_processed(temperature: float) -> None:
    """With up to 0.2 nats of noise on each value: raw is never taken for processed, nor the other way round."""
    rng = np.random.default_rng(0)
    base = listing(BASE)
    for _ in range(200):
        noise = rng.uniform(-0.2, 0.2, len(BASE))
        cooled = np.asarray(BASE) / temperature
        cooled -= np.logaddexp.reduce(cooled)
        raw, processed = (listing(np.minimum(np.asarray(values) + noise, 0.0)) for values in (np.asarray(BASE) - 0.4, cooled - 0.4))
        first, second = gap_ratio(base, raw, 0.3), gap_ratio(base, processed, 0.3)
        assert first is not None and is_unchanged(first) and not is_tempered(first, 0.5)
        assert second is not None and is_tempered(second, temperature)
        assert not is_unchanged(second) or abs(temperature - 1) < 0.31


def test_gaps_that_are_gone_or_too_small() -> None:
    assert gap_ratio(listing(BASE), listing([0.0]), 0.1) == math.inf
    assert gap_ratio(listing([-1.1, -1.1, -1.15]), listing([-1.1, -1.1, -1.15]), 0.1) is None
    assert gap_ratio(listing([-0.2]), listing([-0.2]), 0.1) is None


def test_agreement_of_listings() -> None:
    assert agree(listing(BASE), moved((0.04,) * 6), 0.05) and not agree(listing(BASE), moved((0.06,) * 6), 0.05)
    assert not agree(listing(BASE), listing(BASE, ids=range(10, 16)), 1.0)


def identity(pairs: Sequence[tuple[int, float]], noise: float = 0.0) -> dict[str, object]:
    return {"identity": [list(pair) for pair in pairs], "noise": noise}


def test_models_are_compared_within_their_noise() -> None:
    one = [(1, -0.5), (2, -1.5), (3, -2.5), (4, -4.0), (5, -4.1)]
    near = [(1, -0.6), (2, -1.4), (3, -2.72), (4, -4.3), (6, -4.1)]
    assert not is_same(identity(one), identity(near)) and is_same(identity(one, 0.2), identity(near))
    swapped = [(1, -0.5), (2, -1.5), (4, -2.52), (3, -2.54), (5, -2.6)]
    assert is_same(identity([*one[:3], (4, -2.53), (7, -2.55)]), identity(swapped))
    assert not is_same(identity(one, CEILING), identity([(7, -0.5), (8, -1.5), (9, -2.5), (4, -4.0), (5, -4.1)], CEILING))
    assert is_same({}, identity(one)) and is_same({"identity": "x", "noise": "y"}, identity(one))


# -- servers ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("noise", [0.02, 0.1, 0.3, 0.6])
@pytest.mark.parametrize("text", [False, True])
def test_a_noisy_server_has_one_record(server: FaultyServer, noise: float, text: bool) -> None:
    """Every request has its own rounding. Five probes find the same, that of a server without noise."""
    ways = Ways(ids_in=not text, ids_out=not text)
    server.ways = ways
    server.do(never)
    with serve(server.url) as backend:
        still = findings(dict(backend.record()))
    server.ways = dataclasses.replace(ways, noise=noise)
    first = None
    for _ in range(5):
        with serve(server.url) as backend:
            record = dict(backend.record())
            # The sum moves as well: twice as much at most.
            assert 0.5 * noise < record["noise"] < 2 * noise  # type: ignore[operator]
            assert record["failed"] == {} and backend.capabilities.can("sample")
            assert findings(record) == still and record["seeds"] == "none"
            assert first is None or backend.is_same_model(first)
            first = first or record
            store = Watching()
            draw(backend, store, 16)
            assert impossible(store) == [] and store.count(StopReason.ERROR) == 0


@pytest.mark.parametrize(
    ("ways", "failed"),
    [
        (Ways(noise=0.2, processed=True), "logprobs"),
        (Ways(noise=0.2, temperature="fixed"), "temperature"),
        (Ways(noise=0.2, hidden=lambda body: body | {"top_k": 2}), "draws"),
        (Ways(noise=0.2, unlisted=(1,)), "listing"),
        (Ways(noise=0.2, reopens=True), "trace"),
        (Ways(noise=3.0), "noise"),
    ],
)
def test_noise_hides_no_fault(server: FaultyServer, ways: Ways, failed: str) -> None:
    server.ways = ways
    server.do(never)
    with serve(server.url) as backend:
        assert failed in backend.record()["failed"]  # type: ignore[operator]
        assert "read" in backend.capabilities.lacks or "sample" in backend.capabilities.lacks


def test_another_model_is_told_apart_in_noise(server: FaultyServer) -> None:
    records = []
    for seed in (0, 0, 1, 2, 3):
        server.ways = Ways(noise=0.3, chain=Chain(seed))
        server.do(never)
        with serve(server.url) as backend:
            records.append(dict(backend.record()))
    assert is_same(records[0], records[1])
    assert not any(is_same(records[0], other) for other in records[2:])


def test_a_record_is_read_back(server: FaultyServer) -> None:
    server.ways = Ways(noise=0.1)
    server.do(never)
    with serve(server.url) as backend:
        record = backend.served.record
    assert read_record(record_json(record)) == record
    for damaged in (None, {}, {**record_json(record), "schema": 1}, {**record_json(record), "order": "backwards"}):
        assert read_record(damaged) is None


def test_a_model_is_known_by_name_tokenizer_and_kind_of_server() -> None:
    about = {"tokenizer": "t", "model": "m", "dialect": "llama.cpp"}
    known = fingerprint(**about)
    assert len(known) == 64 and known == fingerprint(**about)
    assert len({known, *(fingerprint(**(about | {name: "other"})) for name in about)}) == 4
