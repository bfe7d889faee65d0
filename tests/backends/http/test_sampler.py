"""Servers that sample from something else than asked, repeat themselves, or serve another model under the same name."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.backends.http.http_cases import QUICK, SAMPLING, Watching, draw, is_one_line, serve
from tests.backends.http.llama_cases import OPTIONS
from tests.backends.http.poor_servers import POOR
from tests.servers.chain import Chain
from tests.servers.faulty import FaultyServer, Ways, faulty_server, never
from tokenworth.backends.http.able import refuse_sampling
from tokenworth.backends.http.options import ServerOptions
from tokenworth.backends.http.trials import Trials
from tokenworth.backends.model import LoadOptions
from tokenworth.errors import MismatchError, Unsupported
from tokenworth.workbench.bench import Workbench
from tokenworth.workbench.models import load_model


@pytest.fixture(scope="module")
def server() -> Iterator[FaultyServer]:
    with faulty_server() as made:
        yield made


HIDDEN: dict[str, Any] = {
    "top-k 4": lambda body: body | {"top_k": 4},
    "top-p 0.7": lambda body: body | {"top_p": 0.7},
    "top-p 0.8 where none is asked for": lambda body: body | ({"top_p": 0.8} if body["top_p"] == 1 else {}),
    "min-p 0.1": lambda body: body | {"min_p": max(0.1, body["min_p"])},
    "temperature times 0.7": lambda body: body | {"temperature": 0.7 * body["temperature"]},
}
NOT_Q = "its draws at temperature 1 or 0.5 do not match its log-probabilities"


@pytest.mark.parametrize("name", HIDDEN)
@pytest.mark.parametrize("ids_out", [True, False])
def test_a_server_that_samples_from_something_else_is_refused(server: FaultyServer, name: str, ids_out: bool) -> None:
    server.ways = Ways(hidden=HIDDEN[name], ids_out=ids_out)
    server.do(never)
    with serve(server.url) as backend:
        assert backend.record()["sampler_agrees"] is False
        assert {"sample", "leave"} <= set(backend.capabilities.lacks) and NOT_Q in backend.capabilities.lacks["sample"]
        with pytest.raises(Unsupported, match=NOT_Q):
            draw(backend, Watching())


@pytest.mark.parametrize("seed", range(12))
def test_a_server_that_samples_from_q_is_not(server: FaultyServer, seed: int) -> None:
    """Sharp and flat, a long list and a short one. False alarms: 1e-7 each."""
    server.ways = Ways(chain=Chain(seed, sharp=(0.5, 1.5, 4.0)[seed % 3]), cap=(20, 5)[seed % 2], ids_out=seed % 4 > 0)
    server.do(never)
    with serve(server.url) as backend:
        assert backend.record()["sampler_agrees"] is True and "sample" not in backend.capabilities.lacks


@pytest.mark.parametrize("shift", range(6))
def test_llama_cpp_samples_from_q(llama_url: str, shift: int, monkeypatch: pytest.MonkeyPatch) -> None:
    draws = Trials.draws

    async def moved(trials: Trials, *args: Any, start: int = 0, **kwargs: Any) -> Any:
        return await draws(trials, *args, start=start + 7919 * shift, **kwargs)

    monkeypatch.setattr(Trials, "draws", moved)
    model = load_model(llama_url, LoadOptions(server=OPTIONS))
    record = model.backend.record()  # type: ignore[attr-defined]
    assert record["sampler_agrees"] is True and record["seeds"] != "fixed"
    model.backend.close()  # type: ignore[attr-defined]


def test_a_server_with_a_seed_of_its_own_is_refused(server: FaultyServer) -> None:
    server.ways = Ways(hidden=lambda body: body | {"seed": 123})
    server.do(never)
    with serve(server.url) as backend:
        assert backend.record()["seeds"] == "fixed"
        assert backend.capabilities.lacks["sample"] == "it repeats its samples whatever the seed is"


@pytest.mark.parametrize(
    ("choice", "works"),
    [
        ({"temperature": 0.6, "top_p": 0.9}, "without top-p and min-p"),
        ({"temperature": 1.3, "min_p": 0.1}, "without top-p and min-p"),
        ({"top_k": 8, "top_p": 0.9}, "with only one of"),
        ({"top_p": 0.9, "min_p": 0.1}, "with only one of"),
        ({"temperature": 0.6, "top_k": 8}, None),
        ({"temperature": 0.0, "top_p": 0.9}, None),
        ({"top_k": 8, "min_p": 0.1}, None),
        ({"top_p": 0.9}, None),
    ],
)
@pytest.mark.parametrize("owner", ["", "sglang", "vllm"])
def test_q_is_refused_where_the_order_matters(server: FaultyServer, choice: dict[str, Any], works: str | None, owner: str) -> None:
    server.ways = Ways(owner=owner)
    server.do(never)
    with serve(server.url) as backend:
        sampling = dataclasses.replace(SAMPLING, **choice)
        told = refuse_sampling(backend.served.record, sampling, with_q=True)
        assert refuse_sampling(backend.served.record, sampling, with_q=False) is None
        if works is None or owner == "vllm":
            assert told is None
        else:
            assert told is not None and works in told and "--plan stride" in told and is_one_line(told)


@pytest.mark.parametrize("name", POOR)
def test_every_record_can_be_stored(server: FaultyServer, name: str, tmp_path: Path) -> None:
    """Log-probabilities after filters hold minus infinity, which is no JSON."""
    server.ways = POOR[name][0]
    server.do(never)
    for _ in range(2):
        with Workbench(server.url, store=tmp_path / "run.db", server=ServerOptions(tokenizer="tiny", patience=QUICK)) as bench:
            record = bench.model.backend.record()  # type: ignore[attr-defined]
            json.dumps(record, allow_nan=False)
            assert not (record["identity"] and record["greedy"]) and (record["logprobs_raw"] or not record["identity"])


@pytest.mark.parametrize("ways", [{}, {"cap": 0}, {"processed": True}])
def test_another_model_under_the_same_name_is_refused(server: FaultyServer, ways: dict[str, Any], tmp_path: Path) -> None:
    def measure() -> None:
        with Workbench(server.url, store=tmp_path / "run.db", server=ServerOptions(tokenizer="tiny", patience=QUICK)) as bench:
            case = bench.case("world:steps", 0)
            case.sample(4, sampling=case.sampling(limit=20))

    server.do(never)
    for _ in range(2):
        server.ways = Ways(**ways)
        measure()
    server.ways = Ways(**ways, chain=Chain(5))
    with pytest.raises(MismatchError):
        measure()


def test_greedy_texts_that_do_not_repeat_say_nothing(server: FaultyServer) -> None:
    made = iter(range(10**6))

    def rounds_differently(body: dict[str, Any]) -> dict[str, Any]:
        return body | ({"temperature": 1.0, "seed": next(made)} if body["max_tokens"] == 24 else {})

    server.ways = Ways(cap=0, hidden=rounds_differently)
    server.do(never)
    with serve(server.url) as backend:
        assert backend.record()["greedy"] == [] and backend.capabilities.can("sample")
