"""Ways in which servers end, cut, hide and wrap: each is read as it is meant, or refused in a sentence that names it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.backends.http.http_cases import SAMPLING, Watching, draw, is_one_line, serve
from tests.servers.chain import CLOSE, OPEN, tokenizer
from tests.servers.faulty import GOOD, FaultyServer, Ways, faulty_server, never
from tokenworth.backends.http.backend import HttpBackend
from tokenworth.core.tokens import StopReason
from tokenworth.errors import Unsupported

TEXT: dict[str, Any] = {"ids_in": False, "ids_out": False}
ENCODE = tokenizer().codec.encode
TEMPLATE = (ENCODE("<|user|> Be brief."), ENCODE("<|end|><|assistant|>"))
SHORT = (ENCODE("<|user|>"), ENCODE("<|end|><|assistant|>"))
ALL = {"sample", "read", "leave", "next_token"}


@pytest.fixture(scope="module")
def server() -> Iterator[FaultyServer]:
    with faulty_server() as made:
        yield made


def probed(server: FaultyServer, ways: Ways) -> Any:
    server.ways = ways
    server.do(never)
    return serve(server.url, trace_format="tiny")


def drawn(backend: HttpBackend, n: int = 60) -> list[Any]:
    store = Watching()
    draw(backend, store, n, sampling=replace(SAMPLING, max_tokens=20))
    return sorted(store.rollouts, key=lambda rollout: (rollout.ids, str(rollout.stop)))


@pytest.fixture(scope="module")
def good(server: FaultyServer) -> dict[bool, list[Any]]:
    """What the good server draws, with ids out and as text only."""
    found: dict[bool, list[Any]] = {}
    for ids_out in (True, False):
        with probed(server, Ways(**({} if ids_out else TEXT))) as backend:
            found[ids_out] = drawn(backend)
    return found


READ: dict[str, Ways] = {
    "eos_token": Ways(finishes={"stop": "eos_token"}),
    "eos": Ways(finishes={"stop": "eos"}),
    "stop_sequence, text only": Ways(finishes={"stop": "stop_sequence"}, **TEXT),
    "always stop": Ways(finishes={"length": "stop"}),
    "always eos_token": Ways(finishes={"length": "eos_token", "stop": "eos_token"}),
    "always length": Ways(finishes={"stop": "length"}),
    "special tokens without text, ids out": Ways(drops=(OPEN, CLOSE)),
    "trace in another field, ids out": Ways(splits="reasoning"),
    "a template around texts, ids in": Ways(wraps=TEMPLATE),
}


@pytest.mark.parametrize("name", READ)
def test_what_can_be_read_is(server: FaultyServer, good: dict[bool, list[Any]], name: str) -> None:
    """The rollouts of the good server, cut ones marked as cut."""
    with probed(server, READ[name]) as backend:
        assert {"sample"}.isdisjoint(backend.capabilities.lacks), backend.capabilities.lacks
        expected = good[READ[name].ids_out]
        assert {rollout.stop for rollout in expected} == {StopReason.STOP, StopReason.LENGTH}
        assert drawn(backend) == expected


REFUSED: dict[str, tuple[Ways, set[str], str]] = {
    "an unknown end": (Ways(finishes={"stop": "finished"}), {"sample", "leave"}, "finish reason 'finished' where stop, length"),
    "an unknown end, bias ignored": (
        Ways(finishes={"stop": "finished"}, ignores=("logit_bias",)),
        {"sample", "leave"},
        "completions at temperature 1 cannot be had: finish reason 'finished' where stop, length",
    ),
    "no end": (Ways(finishes={"stop": None}, **TEXT), ALL, "finish reason None where stop, length"),
    "always stop, text only": (Ways(finishes={"length": "stop"}, **TEXT), ALL, "it says 'stop' where the limit ended a completion"),
    "always eos, text only": (Ways(finishes={"length": "eos", "stop": "eos"}, **TEXT), ALL, "it says 'stop' where the limit ended"),
    "always length, text only": (Ways(finishes={"stop": "length"}, **TEXT), ALL, "it says 'length' where a stop token ended"),
    "special tokens without text": (Ways(drops=(OPEN, CLOSE), **TEXT), ALL, "leaves out the close marker '</think>'"),
    "close marker without text": (Ways(drops=(CLOSE,), ids_out=False), {"sample", "leave"}, "leaves out the close marker '</think>'"),
    "trace in a field nobody knows": (Ways(splits="hidden", **TEXT), ALL, r"\d+ tokens counted, \d+ in the text"),
    "trace in a known field": (Ways(splits="reasoning", **TEXT), ALL, r"in a field of its own \(reasoning\)"),
    "trace in a known field, nothing counted": (
        Ways(splits="reasoning_content", usage=False, **TEXT),
        ALL,
        r"in a field of its own \(reasoning_content\)",
    ),
    "second likeliest not listed": (Ways(unlisted=(1,)), ALL, "19 entries where 20 were asked for"),
    "third likeliest not listed": (Ways(unlisted=(2,), cap=10), ALL, "9 entries where 10 were asked for"),
    "two not listed": (Ways(unlisted=(1, 3), cap=5), ALL, "3 entries where 5 were asked for"),
    "another listed instead": (Ways(unlisted=(1,), replaced=True), ALL, "it draws one that is not listed more often"),
    "a template around prompts": (Ways(wraps=TEMPLATE, wraps_ids=True), ALL, "tokens more than any prompt has: .* chat template"),
    "a short one": (Ways(wraps=SHORT, wraps_ids=True), ALL, "it counts 3 tokens more than any prompt has"),
    "a template around texts": (Ways(wraps=TEMPLATE, **TEXT), ALL, "tokens more than any prompt has: .* chat template"),
    "a template, nothing counted": (Ways(wraps=TEMPLATE, wraps_ids=True, usage=False), {"sample", "leave"}, "around prompts"),
    "a template around texts, nothing counted": (Ways(wraps=TEMPLATE, usage=False, **TEXT), ALL, "around prompts"),
    "a template, nothing counted or listed": (Ways(wraps=TEMPLATE, wraps_ids=True, usage=False, cap=0), ALL, "around prompts"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_refused_by_name(server: FaultyServer, name: str) -> None:
    ways, lacks, told = REFUSED[name]
    with probed(server, ways) as backend:
        found = dict(backend.capabilities.lacks)
        assert set(found) - {"any_cut"} == lacks | ({"next_token"} if not ways.ids_in else set())
        assert re.search(told, found["sample"]) and is_one_line(found["sample"])
        with pytest.raises(Unsupported, match=told):
            draw(backend, Watching())


def test_draws_are_not_blamed_for_a_list_that_leaves_tokens_out(server: FaultyServer) -> None:
    for name in ("second likeliest not listed", "another listed instead"):
        with probed(server, REFUSED[name][0]) as backend:
            assert "draws" not in backend.record()["failed"] and "filter, penalty" not in str(backend.capabilities.lacks)


def test_a_close_marker_that_may_not_come_back_is_warned_of(server: FaultyServer) -> None:
    """Where a bias is ignored the marker cannot be made to come."""
    with probed(server, Ways(drops=(OPEN, CLOSE), ignores=("logit_bias",), **TEXT)) as backend:
        assert backend.record()["close_in_text"] is None and "close marker" in backend.warning and is_one_line(backend.warning)
        assert any(row[0] == "close marker comes back as text" and row[2] for row in backend.findings())
    for ways in (GOOD, Ways(**TEXT)):
        with probed(server, ways) as backend:
            assert backend.warning == "" and backend.record()["close_in_text"] is (None if ways.ids_out else True)


# -- temperatures ----------------------------------------------------------------------------------------------------------


def at(asked: float, **changes: Any) -> Any:
    return lambda body: body | (changes if body["temperature"] == asked else {})


TEMPERATURES: dict[str, tuple[Any, str]] = {
    "greedy always": (lambda body: body | {"temperature": 0.0}, "completions at temperature 1 are all the same"),
    "greedy at 1": (at(1.0, temperature=0.0), "completions at temperature 1 are all the same"),
    "random at 0": (at(0.0, temperature=0.8), "completions at temperature 0 differ, by more than rounding explains"),
    "cool at 10": (at(10.0, temperature=0.01), r"draws at temperature 10 hardly differ \(1 of 12 tokens at most\)"),
}


@pytest.mark.parametrize("name", TEMPERATURES)
def test_the_sentence_names_the_temperature_that_failed(server: FaultyServer, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of these fails one test, and only that is told."""
    hidden, told = TEMPERATURES[name]
    answer = server.answer
    # The server of the tests refuses what vLLM refuses; this one takes 10.
    monkeypatch.setattr(server, "answer", lambda body: answer(hidden(dict(body))))
    with probed(server, GOOD) as backend:
        assert re.search(told, backend.capabilities.lacks["sample"])
        others = [sentence for key, (_, sentence) in TEMPERATURES.items() if sentence != told and not key.startswith("greedy")]
        assert not any(re.search(sentence, str(backend.record()["failed"])) for sentence in others)
