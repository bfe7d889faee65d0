"""No fault of a server puts a wrong number into the store: every kind of fault, through loading, the driver and a store.

The servers speak for an exact model, so what is stored can be judged: each rollout is one the model can have given, or is
an outcome that says it was not drawn.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.backends.http.http_cases import (
    CHAIN,
    PROMPT,
    SAMPLING,
    Watching,
    draw,
    find_wall,
    impossible,
    is_one_line,
    judge,
    limit_deadline,
    reset,
    serve,
)
from tests.servers.broken import BrokenProxy, broken_proxy
from tests.servers.faulty import GOOD, REPLIES, FaultyServer, Ways, always, each, faulty_server, first, never, sometimes
from tokenworth.backends.http.backend import HttpBackend
from tokenworth.backends.http.options import Patience
from tokenworth.backends.http.rollouts import TROUBLE
from tokenworth.backends.http.transport import _retry_after
from tokenworth.core.request.next_token import NextTokenTable
from tokenworth.core.request.sample import Rollout, Sample
from tokenworth.core.tokens import StopReason, TokenSequence, Trace
from tokenworth.errors import ServerError
from tokenworth.methods.curve.experiment import curve
from tokenworth.methods.curve.settings import CurveSettings
from tokenworth.run.drive import drive
from tokenworth.store.sqlite import SqliteStore, open_store

LISTED = ("no logprobs", "logprob above 0", "logprob NaN", "logprob null", "logprobs sum", "short logprobs")
"""Faults of log-probabilities: rollouts do not ask for any."""
HARMLESS = ("10 MB", "filtered", "same reply id")
"""Not unusable, or not the first time."""
ENDLESS = ("hang", "drip")
"""Only a deadline ends these."""
UNUSABLE = tuple(fault for fault in REPLIES if fault not in (*LISTED, *HARMLESS))
BROKEN = ("closed", "reset", "garbage", "reset in body", "short body", "bad chunk", "endless header")


@pytest.fixture(scope="module")
def server() -> Iterator[FaultyServer]:
    with faulty_server() as made:
        yield made


@pytest.fixture(scope="module")
def proxy(server: FaultyServer) -> Iterator[BrokenProxy]:
    with broken_proxy(server.url) as made:
        yield made


@pytest.fixture
def backend(server: FaultyServer) -> Iterator[HttpBackend]:
    server.ways = GOOD
    reset(server)
    with serve(server.url) as made:
        server.do(never)
        yield made


def test_the_check_finds_what_the_model_cannot_give() -> None:
    """The negative twin of all that follows."""
    ids, finish = CHAIN.complete(PROMPT, {"max_tokens": 30}, seed=3)
    assert finish == "stop" and len(ids) > 3
    good = tuple(ids)
    assert CHAIN.faults(PROMPT, Rollout(ids=good, stop=StopReason.STOP), 30) == []
    for wrong, stop in (
        (good[:-1], StopReason.STOP),
        (good[:-1], StopReason.LENGTH),
        (good, StopReason.ERROR),
        ((*good, *good), StopReason.STOP),
        (good[1:], StopReason.STOP),
        ((good[0], *good[2:]), StopReason.STOP),
        ((*good[:-2], 10, good[-1]), StopReason.STOP),
        ((), StopReason.STOP),
    ):
        assert CHAIN.faults(PROMPT, Rollout(ids=wrong, stop=stop), 30), (wrong, stop)


# -- replies that come with status 200 ---------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [*UNUSABLE, "hang", "drip", "504", "key in text"])
def test_an_unusable_reply_is_an_outcome_and_not_asked_for_again(server: FaultyServer, backend: HttpBackend, fault: str) -> None:
    before = backend.spent()
    if fault in ENDLESS:
        limit_deadline(backend)
    server.do(each(4, fault, start=1))
    store = Watching()
    result = draw(backend, store)
    assert impossible(store) == []
    assert (len(store), store.count(StopReason.ERROR)) == (48, 12)
    assert server.asked == 12
    spent = backend.spent()
    assert (spent.retried - before.retried, spent.errors - before.errors, spent.in_flight) == (0, 3, 0)
    assert result.outcomes["error"] == 12


@pytest.mark.parametrize("fault", [*UNUSABLE, "hang"])
def test_a_server_that_gives_nothing_usable_ends_the_run(server: FaultyServer, backend: HttpBackend, fault: str) -> None:
    if fault in ENDLESS:
        limit_deadline(backend)
    server.do(always(fault))
    store = Watching()
    with pytest.raises(ServerError, match=f"{TROUBLE} replies in a row could not be used") as caught:
        draw(backend, store)
    assert len(store) == 0
    assert is_one_line(str(caught.value)) and "run again" in str(caught.value)
    reset(server)
    assert len(draw(backend, store).rollouts) == 48
    assert impossible(store) == [] and store.count(StopReason.ERROR) == 0


def test_bad_replies_in_a_row_are_counted_over_batches(server: FaultyServer, backend: HttpBackend) -> None:
    """A run of many small batches on a broken server must not fill its store with errors."""
    server.do(always("empty"))
    store = Watching()
    for seed in range(TROUBLE - 1):
        draw(backend, store, 1, seed=seed)
    with pytest.raises(ServerError):
        draw(backend, store, 1, seed=TROUBLE)
    assert store.count(StopReason.ERROR) == len(store) == TROUBLE - 1


def test_errors_between_usable_replies_do_not_add_up(server: FaultyServer, backend: HttpBackend) -> None:
    server.do(each(2, "empty"))
    store = Watching()
    draw(backend, store, 160)
    assert (len(store), store.count(StopReason.ERROR)) == (160, 80)


def test_a_repeated_reply_is_not_a_new_draw(server: FaultyServer, backend: HttpBackend) -> None:
    server.do(each(4, "same reply id", start=1))
    store = Watching()
    draw(backend, store)
    assert store.count(StopReason.ERROR) == 8
    assert impossible(store) == []


def test_filtered_completions_are_refused_outcomes(server: FaultyServer, backend: HttpBackend) -> None:
    server.do(each(4, "filtered", start=1))
    store = Watching()
    draw(backend, store)
    assert store.count(StopReason.ERROR) == 0
    # One of four; where it had come to its stop token it is finished all the same.
    assert store.count(StopReason.REFUSED) <= 3
    assert [f for f in impossible(store) if "longer" in f or "step" in f] == []


@pytest.mark.parametrize("fault", ["10 MB", "gzip"])
def test_a_large_or_packed_reply_is_read(server: FaultyServer, backend: HttpBackend, fault: str) -> None:
    server.do(each(4, fault))
    store = Watching()
    draw(backend, store)
    assert impossible(store) == [] and store.count(StopReason.ERROR) == 0 and len(store) == 48


# -- statuses and connections ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["500", "502 html", "503", "503 after 0.02", "429", "429 after 0", "429 after soon", "408", "bad gzip"])
def test_failures_of_the_transport_are_tried_again(server: FaultyServer, backend: HttpBackend, fault: str) -> None:
    before = backend.spent()
    server.do(first(5, fault))
    store = Watching()
    draw(backend, store)
    assert impossible(store) == [] and store.count(StopReason.ERROR) == 0 and len(store) == 48
    spent = backend.spent()
    assert (spent.retried - before.retried, spent.errors - before.errors) == (5, 0)
    assert server.asked == 12 + 5


@pytest.mark.parametrize("fault", BROKEN)
def test_broken_connections_are_tried_again(server: FaultyServer, proxy: BrokenProxy, fault: str) -> None:
    reset(server)
    proxy.do(lambda number: None)
    with serve(proxy.url) as backend:
        before = backend.spent()
        proxy.do(lambda number: fault if number < 5 else None)
        store = Watching()
        draw(backend, store)
        spent = backend.spent()
    assert impossible(store) == [] and store.count(StopReason.ERROR) == 0 and len(store) == 48
    assert (spent.retried - before.retried, spent.errors - before.errors) == (5, 0)


@pytest.mark.parametrize(("ids", "pause"), [("unique", 0.0), ("unique", 0.05), ("none", 0.05)])
@pytest.mark.parametrize("fault", ["length too small", "repeated", "repeated late"])
def test_what_is_left_on_a_connection_answers_no_other_request(
    server: FaultyServer, proxy: BrokenProxy, fault: str, ids: str, pause: float
) -> None:
    """Bytes after the end of a reply would be read as the reply to the next request of the connection.

    While the next request is under way they could be told from its reply by their id only.
    """
    server.ways = Ways(ids=ids)
    reset(server)
    proxy.do(lambda number: None)
    with serve(proxy.url) as backend:
        proxy.do(lambda number: fault if number % 3 == 2 else None)
        store = Watching()
        for seed in range(24):
            draw(backend, store, 4, seed=seed)
            time.sleep(pause)
    server.ways = GOOD
    assert impossible(store) == [] and len(store) == 96
    assert store.count(StopReason.ERROR) == 0 or fault == "length too small" or pause == 0
    long = [rollout.ids for rollout in store.rollouts if len(rollout.ids) > 8]
    assert len(long) > 30 and len(set(long)) == len(long)


@pytest.mark.parametrize("fault", ["400 html", "401 key", "403 key", "404", "413", "422 html", "301", "302", "307", "308"])
def test_refusals_are_not_tried_again(server: FaultyServer, backend: HttpBackend, fault: str) -> None:
    with faulty_server() as other:
        server.elsewhere = other.url
        server.do(always(fault))
        before, store = backend.spent(), Watching()
        with pytest.raises(ServerError, match=fault.split()[0]) as caught:
            draw(backend, store, 4)
        assert other.seen == [] and other.asked == 0
    assert is_one_line(str(caught.value)) and server.url in str(caught.value)
    assert (server.asked, backend.spent().retried - before.retried, len(store)) == (1, 0, 0)


@pytest.mark.parametrize("fault", ["500", "502 html", "429", "429 after 3600"])
def test_a_server_that_stays_broken_ends_the_run(server: FaultyServer, backend: HttpBackend, fault: str) -> None:
    server.do(lambda number, body: None if number < 6 else fault)
    store = Watching()
    with pytest.raises(ServerError, match="no answer from") as caught:
        draw(backend, store)
    assert is_one_line(str(caught.value)) and fault.split()[0] in str(caught.value) and "run again" in str(caught.value)
    assert impossible(store) == [] and len(store) < 48 and store.count(StopReason.ERROR) == 0


def test_a_server_that_went_away_ends_the_run() -> None:
    store = Watching()
    with faulty_server() as gone:
        made = serve(gone.url)
        backend = made.__enter__()
    try:
        with pytest.raises(ServerError, match="run again when the server is up") as caught:
            draw(backend, store)
        assert is_one_line(str(caught.value)) and len(store) == 0
        with pytest.raises(ServerError, match="is the server running") as caught, serve(gone.url):
            pass
        assert is_one_line(str(caught.value))
    finally:
        backend.close()


@pytest.mark.parametrize("after", [0.3, 0.6])
def test_retry_after_is_waited_for(server: FaultyServer, backend: HttpBackend, after: float) -> None:
    server.do(first(1, f"429 after {after}"))
    draw(backend, Watching(), 4)
    assert 0 <= server.seen[1].at - server.seen[0].at - after < 0.25


def test_retry_after_as_a_date_is_waited_for(server: FaultyServer, backend: HttpBackend) -> None:
    server.do(first(1, "503 date"))
    draw(backend, Watching(), 4)
    # A date has whole seconds: of two seconds ahead, at least one is left.
    assert 0.9 < server.seen[1].at - server.seen[0].at < 2.3


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None), ("7", 7.0), ("0.5", 0.5), ("-3", 0.0), ("nan", 0.0), ("inf", 1e6), ("soon", None), ("", None),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 40.0), ("Thu, 01 Jan 1970 00:01:40 -0000", 40.0), ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("Thu, 99 Jan 1970 00:00:00 GMT", None),
    ],
)  # fmt: skip
def test_both_forms_of_retry_after(value: str | None, seconds: float | None) -> None:
    assert _retry_after(value, 60.0) == seconds


# -- readings ----------------------------------------------------------------------------------------------------------


def base_trace() -> Trace:
    """A base of the chain, long enough to have many forks."""
    body = {"max_tokens": SAMPLING.max_tokens}
    for seed in range(1000):
        ids, finish = CHAIN.complete(PROMPT, body, seed)
        if finish == "stop" and 12 <= len(ids) <= 20:
            return Trace(sequence=TokenSequence(prompt=PROMPT, completion=tuple(ids)), n_trace=find_wall(tuple(ids)), stop=StopReason.STOP)
    raise AssertionError("no such trace")


def measure(backend: HttpBackend, store: Watching | SqliteStore, n: int = 150) -> None:
    settings = CurveSettings(max_rollouts=n, top=8)
    drive(curve(base_trace(), judge=judge, sampling=SAMPLING, settings=settings, name_first=False), backend=backend, store=store)


@pytest.mark.parametrize("fault", [*LISTED, "truncated json", "empty", "500", "other prompt", "error object"])
def test_a_faulty_reading_is_read_again_and_never_kept(server: FaultyServer, backend: HttpBackend, fault: str) -> None:
    met: set[tuple[int, int]] = set()

    def once_a_prompt(number: int, body: Mapping[str, Any]) -> str | None:
        place = (len(body["prompt"]), body.get("logprobs", 0))
        new = place[1] > 0 and place not in met
        met.add(place)
        return fault if new else None

    server.do(once_a_prompt)
    store = Watching()
    measure(backend, store)
    assert impossible(store) == [] and len(met) > 10
    assert sum(isinstance(response, NextTokenTable) for _, _, response in store.given) == 1
    assert store.count(StopReason.ERROR) == 0 and len(store.rollouts) == 150


@pytest.mark.parametrize("fault", LISTED)
def test_a_server_that_gives_no_readings_ends_the_run(server: FaultyServer, backend: HttpBackend, fault: str) -> None:
    server.do(lambda number, body: fault if body.get("logprobs") else None)
    store = Watching()
    with pytest.raises(ServerError, match="a reading failed 3 times") as caught:
        measure(backend, store)
    assert is_one_line(str(caught.value)) and len(store) == 0


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_everything_at_once(server: FaultyServer, seed: int) -> None:
    """A third of all replies are faulty in all ways; a run that ends is started again, as its user would."""
    server.ways = GOOD
    reset(server)
    faults = [*UNUSABLE, *LISTED, "500", "502 html", "429", "429 after 0.01", "503", "504", "bad gzip"]
    store, said = Watching(), list[str]()
    with serve(
        server.url, patience=Patience(deadline_s=30.0, attempts=8, total_s=60.0, first_wait_s=0.002, longest_wait_s=0.01)
    ) as backend:
        server.do(sometimes(1 / 3, *faults, seed=seed))
        for _ in range(30):
            try:
                draw(backend, store, 300)
                measure(backend, store, 200)
                break
            except ServerError as error:
                said.append(str(error))
        else:
            pytest.fail("never came to an end")
    assert all(is_one_line(message) for message in said)
    assert impossible(store) == []
    asked = [request for _, request, _ in store.given if isinstance(request, Sample)]
    assert sum(not request.leave and request.cut == 0 for request in asked) >= 300
    assert sum(isinstance(response, NextTokenTable) for _, _, response in store.given) == 1
    # A third is faulty, and half of those faults are tried again.
    assert 0.02 < store.count(StopReason.ERROR) / len(store.rollouts) < 0.4


def test_a_run_cut_short_by_a_fault_goes_on_from_its_store(server: FaultyServer, tmp_path: Path) -> None:
    server.ways = GOOD
    reset(server)
    with open_store(tmp_path / "run.db", fingerprint="f", name="chain") as store, serve(server.url, n_most=1, concurrency=1) as backend:
        server.do(lambda number, body: None if number < 20 else "500")
        with pytest.raises(ServerError):
            draw(backend, store)
        drawn = len(store)
        assert 15 <= drawn <= 20
    reset(server)
    with open_store(tmp_path / "run.db", fingerprint="f", name="chain") as store, serve(server.url, n_most=1, concurrency=1) as backend:
        server.do(never)
        result = draw(backend, store)
        assert server.asked == 48 - drawn
        assert len(store) == 48 and len(result.rollouts) == 48


def test_only_what_a_deadline_allows_is_waited_for(server: FaultyServer) -> None:
    server.ways = GOOD
    reset(server)
    with serve(server.url) as backend:
        limit_deadline(backend)
        server.do(each(4, "slow 60", start=1))
        began = time.monotonic()
        store = Watching()
        draw(backend, store)
        assert time.monotonic() - began < 30
        assert store.count(StopReason.ERROR) == 12
