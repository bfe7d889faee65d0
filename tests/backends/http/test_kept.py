"""A probe is kept with the store: the next run asks six things at most; what has changed is found, and named."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.backends.http.http_cases import QUICK
from tests.backends.http.poor_servers import POOR
from tests.servers.chain import Chain
from tests.servers.faulty import GOOD, FaultyServer, Ways, faulty_server, never
from tokenworth.backends.http.options import ServerOptions
from tokenworth.errors import BudgetExceeded, MismatchError
from tokenworth.run.cost import Price
from tokenworth.workbench.bench import Workbench
from tokenworth.workbench.served import kept_probes

FEW = 6


@pytest.fixture(scope="module")
def server() -> Iterator[FaultyServer]:
    with faulty_server() as made:
        yield made


def opened(server: FaultyServer, store: Path | None, url: str = "", **options: Any) -> Workbench:
    """A workbench over the server; ``server.asked`` then says how many requests that took."""
    server.do(never)
    chosen = ServerOptions(**({"tokenizer": "tiny", "patience": QUICK} | options))
    return Workbench(url or server.url, store=store, server=chosen)


def test_a_second_run_asks_a_few_things(server: FaultyServer, tmp_path: Path) -> None:
    server.ways, store = GOOD, tmp_path / "run.db"
    records = []
    for run in range(4):
        with opened(server, store) as bench:
            assert (server.asked > 60) if run == 0 else (0 < server.asked <= FEW)
            assert bench.model.backend.probed.requests == server.asked and bench.notes == ()  # type: ignore[attr-defined]
            records.append(bench.model.backend.record())  # type: ignore[attr-defined]
            case = bench.case("world:steps", 0)
            case.sample(4, sampling=case.sampling(limit=20))
            assert server.asked <= FEW or run == 0
    assert all(record == records[0] for record in records)
    assert len(kept_probes(store)) == 1


@pytest.mark.parametrize("name", POOR)
def test_whatever_was_found_is_kept(server: FaultyServer, name: str, tmp_path: Path) -> None:
    server.ways, store = POOR[name][0], tmp_path / "run.db"
    with opened(server, store) as bench:
        record, lacks = bench.model.backend.record(), dict(bench.model.backend.capabilities.lacks)  # type: ignore[attr-defined]
    with opened(server, store) as bench:
        assert server.asked <= FEW
        assert bench.model.backend.record() == record and bench.model.backend.capabilities.lacks == lacks  # type: ignore[attr-defined]


@pytest.mark.parametrize("noise", [0.1, 0.4])
def test_resumes_at_a_noisy_server_refuse_nothing(server: FaultyServer, noise: float, tmp_path: Path) -> None:
    server.ways, store = Ways(noise=noise), tmp_path / "run.db"
    with opened(server, store) as bench:
        case = bench.case("world:steps", 0)
        case.sample(8, sampling=case.sampling(limit=20))
    for _ in range(10):
        with opened(server, store) as bench:
            asked = server.asked
            case = bench.case("world:steps", 0)
            case.sample(8, sampling=case.sampling(limit=20))
            assert server.asked == asked and bench.notes == ()


def test_a_renewed_probe_replaces_the_kept_one(server: FaultyServer, tmp_path: Path) -> None:
    server.ways, store = GOOD, tmp_path / "run.db"
    opened(server, store).close()
    with opened(server, store, renew=True):
        assert server.asked > 60
    with opened(server, store):
        assert server.asked <= FEW


@pytest.mark.parametrize(
    ("ways", "told"),
    [
        (Ways(processed=True), "logprobs_raw True, now False"),
        (Ways(n="refused"), "n_most 16, now 1"),
        (Ways(ids_out=False), "ids_out True, now False"),
        (Ways(length=2048), "context_length 4096, now 2048"),
    ],
)
def test_what_has_changed_is_found_and_named_once(server: FaultyServer, ways: Ways, told: str, tmp_path: Path) -> None:
    server.ways, store = GOOD, tmp_path / "run.db"
    opened(server, store).close()
    server.ways = ways
    with opened(server, store) as bench:
        assert server.asked > 60
        (note,) = bench.notes
        assert told in note and note.isprintable()
    with opened(server, store) as bench:
        assert server.asked <= FEW and bench.notes == ()


def test_another_model_at_the_same_address_is_refused(server: FaultyServer, tmp_path: Path) -> None:
    server.ways, store = GOOD, tmp_path / "run.db"
    opened(server, store).close()
    server.ways = Ways(chain=Chain(4))
    with pytest.raises(MismatchError, match="another model under the same name"):
        opened(server, store)
    server.ways = GOOD
    opened(server, store).close()
    assert len(kept_probes(store)) == 1


def test_another_address_is_probed_and_the_store_is_the_same(server: FaultyServer, tmp_path: Path) -> None:
    server.ways, store = GOOD, tmp_path / "run.db"
    opened(server, store).close()
    with faulty_server() as other:
        opened(other, store).close()
        assert other.asked > 60
        opened(other, store).close()
        assert other.asked <= FEW
    opened(server, store).close()
    assert server.asked <= FEW and len(kept_probes(store)) == 2


def test_without_a_store_nothing_is_kept(server: FaultyServer) -> None:
    server.ways = GOOD
    for _ in range(2):
        opened(server, None).close()
        assert server.asked > 60


def test_a_damaged_record_is_found_out_again(server: FaultyServer, tmp_path: Path) -> None:
    import sqlite3

    server.ways, store = GOOD, tmp_path / "run.db"
    opened(server, store).close()
    for change in ({"fields": {"top_k": "maybe"}}, {"record": {"schema": 1}}, {"record": 3}):
        with sqlite3.connect(store) as raw:
            for number, text in raw.execute("SELECT id, config FROM runs WHERE verb = 'probe'").fetchall():
                config = json.loads(text)
                config["kept"] = [entry | change for entry in config["kept"] if isinstance(entry, dict)] + ["nonsense"]
                raw.execute("UPDATE runs SET config = ? WHERE id = ?", (json.dumps(config), number))
        raw.close()
        opened(server, store).close()
        assert server.asked > 60


PRICE = Price(input_per_million=10.0, output_per_million=100.0)


def test_a_probe_is_counted_apart(server: FaultyServer, tmp_path: Path) -> None:
    server.ways = GOOD
    with opened(server, tmp_path / "run.db", price=PRICE, max_usd=5.0) as bench:
        backend: Any = bench.model.backend
        probed = dataclasses.replace(backend.probed)
        assert (backend.spent().requests, backend.spent().tokens_read, backend.spent().money) == (0, 0, 0.0)
        assert probed.requests == server.asked and probed.money > 0
        case = bench.case("world:steps", 0)
        first, second = (case.measure("sample", samples=4, seed=seed).document.provenance for seed in (0, 1))
        assert (first.probe_requests, first.probe_tokens) == (probed.requests, probed.tokens_read + probed.tokens_generated)
        assert first.probe_cost == pytest.approx(probed.money)
        assert (second.probe_requests, second.probe_tokens, second.probe_cost) == (0, 0, None)
        assert first.cost + second.cost == pytest.approx(backend.spent().money)  # type: ignore[operator]
        assert backend.probed == probed


def test_a_probe_that_the_money_does_not_cover_says_so(server: FaultyServer, tmp_path: Path) -> None:
    server.ways = GOOD
    with pytest.raises(BudgetExceeded, match=r"the probe of .* has cost .* and needs more; raise --max-usd"):
        opened(server, tmp_path / "run.db", price=PRICE, max_usd=0.01)
