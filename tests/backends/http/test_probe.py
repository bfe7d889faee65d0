"""The probe finds out what a server really does; what cannot be used is refused by name; a pool is one server."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.backends.http.http_cases import PROMPT, QUICK, SAMPLING, Watching, draw, impossible, is_one_line, serve
from tests.backends.http.poor_servers import POOR
from tests.servers.broken import broken_proxy
from tests.servers.chain import STOP, TINY, Chain
from tests.servers.faulty import GOOD, MODEL, FaultyServer, Ways, each, faulty_server, never
from tokenworth.backends.http.backend import HttpBackend
from tokenworth.backends.http.load import load_served
from tokenworth.backends.http.options import ServerOptions
from tokenworth.backends.http.record import ServerRecord
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import StopReason
from tokenworth.errors import InvalidInput, MismatchError, ServerError, UnknownName, Unsupported

EXPECTED: dict[str, Any] = {
    "dialect": "completions", "server": "vllm 0.99-chain", "model": MODEL, "context_length": 4096, "ids_in": True, "ids_out": True,
    "text_counts": True, "tokenizer_agrees": True, "bos_added": False, "n_most": 16, "n_honoured": True, "temperature_honoured": True,
    "top_k_honoured": True, "top_p_honoured": True, "min_p_honoured": True, "order": "min-p first", "logprobs": "ids",
    "logprobs_cap": 20, "logprobs_raw": True, "sampler_agrees": True,
    "bias_honoured": True, "bias_keeps_logprobs": True, "allowed_token_ids": True,
    "prompt_logprobs": True, "echo": "ok", "stops_at": [STOP], "stop_in_ids": True, "stop_text_trimmed": True,
    "continues_open_trace": True, "seeds": "together", "counts_all_choices": True, "counts_cached": True, "reply_ids": "unique",
}  # fmt: skip
"""What the probe finds of the good server."""

FIELDS = {field.name for field in dataclasses.fields(ServerRecord)}
TEXT = {"ids_in": False, "prompt_logprobs": False}

FILTERS = ("top_k_honoured", "top_p_honoured", "min_p_honoured")
UNSURE: dict[str, tuple[str, ...]] = {
    "always greedy": FILTERS, "a temperature of its own": FILTERS, "processed": ("echo",), "no usage": ("tokenizer_agrees",),
    "opens the turn again": ("echo", "prompt_logprobs", "ids_in"), "name for a terminal": ("order",),
}  # fmt: skip
"""Fields that are not the point of a case."""


@pytest.fixture(scope="module")
def server() -> Iterator[FaultyServer]:
    with faulty_server() as made:
        yield made


@pytest.mark.parametrize("name", POOR)
def test_the_probe_finds_what_a_server_does(server: FaultyServer, name: str) -> None:
    ways, differs, lacks = POOR[name]
    server.ways = ways
    server.do(never)
    with serve(server.url) as backend:
        record = dict(backend.record())
        assert set(record) == FIELDS
        expected = EXPECTED | differs
        wrong = {field: (record[field], value) for field, value in expected.items() if record[field] != value}
        assert {field: pair for field, pair in wrong.items() if field not in UNSURE.get(name, ())} == {}
        assert set(backend.capabilities.lacks) == lacks
        assert backend.capabilities.exact_ids == record["ids_out"]
        assert all(
            backend.capabilities.can(field) == (field not in lacks) for field in ("sample", "leave", "next_token", "read", "any_cut")
        )
        assert all(is_one_line(reason) for reason in backend.capabilities.lacks.values()) and is_one_line(backend.description)
        assert 0 < record["calls"] == server.asked <= 340  # type: ignore[operator]
        store = Watching()
        if "sample" in lacks:
            with pytest.raises(Unsupported, match="cannot answer"):
                draw(backend, store)
            assert len(store) == 0
        else:
            draw(backend, store)
            assert impossible(store) == [] and (len(store), store.count(StopReason.ERROR)) == (48, 0)
            assert len({rollout.ids for rollout in store.rollouts if len(rollout.ids) > 8}) > 12


@pytest.mark.parametrize(
    ("ways", "choice", "told"),
    [
        (Ways(ignores=("top_k",)), {"top_k": 5}, "ignores top-k; leave it off"),
        (Ways(refuses=("min_p",)), {"min_p": 0.1}, "ignores min-p; leave it off"),
        (Ways(ignores=("top_k", "top_p")), {"top_k": 5, "top_p": 0.5}, "ignores top-k and top-p; leave them off"),
    ],
)
def test_a_filter_the_server_ignores_is_refused(server: FaultyServer, ways: Ways, choice: dict[str, Any], told: str) -> None:
    server.ways = ways
    server.do(never)
    with serve(server.url) as backend:
        server.do(never)
        with pytest.raises(Unsupported, match=told):
            draw(backend, Watching(), sampling=dataclasses.replace(SAMPLING, **choice))
        assert server.asked == 0


@pytest.mark.parametrize("filters", [{"top_k": 3}, {"top_p": 0.5}, {"min_p": 0.3}, {"temperature": 0.0}, {"temperature": 0.4, "top_k": 6}])
def test_filters_are_obeyed(server: FaultyServer, filters: dict[str, Any]) -> None:
    """Every step of every rollout lies in the support of q."""
    server.ways = GOOD
    server.do(never)
    sampling: Sampling = dataclasses.replace(SAMPLING, **filters)
    with serve(server.url) as backend:
        store = Watching()
        draw(backend, store, sampling=sampling)
    for rollout in store.rollouts:
        path = (PROMPT[-1], *rollout.ids)
        assert all(GOOD.chain.sampled_from(a, dataclasses.asdict(sampling))[b] > 0 for a, b in zip(path, path[1:], strict=False))


@pytest.mark.parametrize("fault", ["truncated json", "503", "too few", "no logprobs", "same index", "null ids", "huge usage", "reset"])
def test_a_bad_reply_now_and_then_does_not_change_the_record(server: FaultyServer, fault: str) -> None:
    """Else the fingerprint would change with it, and a second run would find nothing of the first."""
    server.ways = GOOD
    server.do(never)
    with serve(server.url) as backend:
        fingerprint, record = backend.fingerprint, dict(backend.record())
    with broken_proxy(server.url) as proxy:
        if fault == "reset":
            proxy.do(lambda number: "reset" if number % 7 == 3 else None)
        else:
            server.do(each(7, fault, start=3))
        with serve(proxy.url) as backend:
            again = dict(backend.record())
            assert backend.is_same_model(json.loads(json.dumps(record)))
            assert backend.fingerprint == fingerprint
    assert {name: again[name] for name in FIELDS if name != "calls"} == {name: record[name] for name in FIELDS if name != "calls"}


# -- what is refused ---------------------------------------------------------------------------------------------------


def fewer_merges(folder: Path) -> Path:
    """A tokenizer with the same tokens that splits words more finely."""
    shutil.copytree(TINY, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    spec = json.loads((folder / "tokenizer.json").read_text())
    spec["model"]["merges"] = spec["model"]["merges"][:100]
    (folder / "tokenizer.json").write_text(json.dumps(spec))
    return folder


def test_another_tokenizer_is_refused(server: FaultyServer, tmp_path: Path) -> None:
    server.ways = GOOD
    server.do(never)
    folder = fewer_merges(tmp_path / "other")
    with pytest.raises(MismatchError, match="give that with --tokenizer") as caught:
        load_served([f"{server.url}/v1"], ServerOptions(tokenizer=str(folder), patience=QUICK), environment={})
    assert is_one_line(str(caught.value))


def test_a_tokenizer_that_only_counts_alike_is_refused(server: FaultyServer) -> None:
    """The same number of tokens for every text, but other ids: each prompt would be another text to the server."""
    server.ways = Ways(shifted=1)
    server.do(never)
    with pytest.raises(MismatchError, match="give that with --tokenizer"), serve(server.url):
        pass


def test_an_unknown_model_and_a_bad_address_are_refused(server: FaultyServer) -> None:
    server.ways = GOOD
    server.do(never)
    options = ServerOptions(tokenizer=str(TINY), patience=QUICK)
    with pytest.raises(UnknownName, match="did you mean chain"):
        load_served([f"{server.url}/v1#chian"], options, environment={})
    for names, told in (
        ([f"{server.url}/v1"] * 2, "given twice"),
        (["http://user:secret@host/v1"], "carries a key"),
        (["http://host/v1?key=secret"], "carries a key"),
        (["http://host:port/v1"], "not an address"),
        (["http:///v1"], "not an address"),
    ):
        with pytest.raises(InvalidInput, match=told) as caught:
            load_served(names, options, environment={})
        assert "secret" not in str(caught.value)
    assert server.asked == 0


@pytest.mark.parametrize("fault", ["html", "empty", "null", "401 key", "404", "500", "307", "10 MB junk", "hang"])
def test_a_server_that_completes_nothing_is_refused(server: FaultyServer, fault: str) -> None:
    server.ways, server.elsewhere = GOOD, server.url
    server.do(lambda number, body: fault)
    with pytest.raises(ServerError) as caught, serve(server.url, patience=dataclasses.replace(QUICK, deadline_s=0.3, attempts=2)):
        pass
    assert is_one_line(str(caught.value)) and server.url in str(caught.value)
    server.do(never)


# -- pools -------------------------------------------------------------------------------------------------------------


def prompts(count: int) -> list[tuple[int, ...]]:
    return [(*PROMPT[:-1], 200 + number, PROMPT[-1]) for number in range(count)]


@pytest.mark.parametrize(
    ("ways", "told"),
    [
        (Ways(chain=Chain(1)), "other log-probabilities for one prompt"),
        (Ways(processed=True), "differ in logprobs_raw"),
        (Ways(hidden=lambda body: body | {"top_k": 4}), "differ in sampler_agrees"),
        (Ways(ignores=("top_k",)), "differ in top_k_honoured"),
        (Ways(ids_in=False), "differ in ids_in"),
        (Ways(refuses=("repetition_penalty",)), "differ in not_sent"),
    ],
)
def test_endpoints_that_differ_are_refused(server: FaultyServer, ways: Ways, told: str) -> None:
    server.ways = GOOD
    server.do(never)
    with faulty_server(ways) as other, pytest.raises(MismatchError, match=told) as caught, serve([server.url, other.url]):
        pass
    assert is_one_line(str(caught.value)) and other.url in str(caught.value)


def test_a_pool_asks_for_no_more_than_each_of_it_can(server: FaultyServer) -> None:
    server.ways = GOOD
    server.do(never)
    with faulty_server(Ways(cap=5, n="refused")) as other, serve([server.url, other.url], n_most=None) as backend:
        record = backend.record()
        assert (record["logprobs_cap"], record["n_most"], backend.sampler.n_most) == (5, 1, 1)
        store = Watching()
        for prompt in prompts(6):
            draw(backend, store, 8, prompt=prompt)
        assert impossible(store) == [] and store.count(StopReason.ERROR) == 0


def test_sequences_stick_to_one_endpoint(server: FaultyServer) -> None:
    server.ways = GOOD
    server.do(never)
    with faulty_server() as other, serve([server.url, other.url]) as backend:
        used: list[tuple[int, int]] = []
        for prompt in prompts(32):
            server.do(never)
            other.do(never)
            draw(backend, Watching(), 12, prompt=prompt)
            used.append((server.asked, other.asked))
        assert all(sorted(pair) == [0, 3] for pair in used)
        # Ports differ from run to run, and so does who gets which: fewer than 3 of 32 once in 4 million runs.
        assert 3 <= sum(pair[0] == 3 for pair in used) <= 29


def test_requests_of_an_endpoint_that_is_down_move(server: FaultyServer) -> None:
    server.ways = GOOD
    server.do(never)
    with ExitStack() as stack:
        other = stack.enter_context(faulty_server())
        proxy = stack.enter_context(broken_proxy(other.url))
        backend = stack.enter_context(serve([server.url, proxy.url]))
        proxy.do(lambda number: None if number < 6 else "closed")
        server.do(never)
        store = Watching()
        # Which of them go there differs from run to run; fewer than 4 of 40 would once in 100 million.
        for prompt in prompts(40):
            draw(backend, store, 8, prompt=prompt)
        assert impossible(store) == [] and (len(store), store.count(StopReason.ERROR)) == (320, 0)
        assert server.asked == 80 - 6
        # Two requests at most were under way when it went down.
        assert proxy.asked - 6 in (QUICK.attempts, 2 * QUICK.attempts)
        assert backend.spent().retried >= QUICK.attempts - 1


def test_a_run_whose_endpoints_are_all_down_ends_and_can_be_resumed(server: FaultyServer) -> None:
    server.ways = GOOD
    server.do(never)
    store = Watching()

    def measure(backend: HttpBackend) -> None:
        for prompt in prompts(8):
            draw(backend, store, 16, prompt=prompt)

    with faulty_server() as other:
        with serve([server.url, other.url]) as backend:
            for down in (server, other):
                down.do(lambda number, body: None if number < 5 else "500")
            with pytest.raises(ServerError, match="no answer from") as caught:
                measure(backend)
        message = str(caught.value)
        assert server.url in message and other.url in message and "run again" in message and message.isprintable()
        drawn = len(store)
        assert 0 < drawn < 128
        for up in (server, other):
            up.do(never)
        with serve([server.url, other.url]) as backend:
            for up in (server, other):
                up.do(never)
            measure(backend)
            assert len(store) == 128 and server.asked + other.asked == (128 - drawn) // 4
    assert impossible(store) == [] and store.count(StopReason.ERROR) == 0
