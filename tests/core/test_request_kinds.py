"""The extension test of request kinds: one module, one line of the catalogue and one method of a backend are all a new kind takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.backends.toy.toy_cases import document, sequence
from tests.core.toy_kind import Distance, DistanceTable
from tests.store.store_cases import responses
from tokenworth import catalog
from tokenworth.backends.toy.backend import ToyBackend, parse_automaton
from tokenworth.core.keys import Keyer
from tokenworth.core.ports import KeyedRequest
from tokenworth.core.request.experiment import Experiment
from tokenworth.core.request.kind import Response
from tokenworth.core.request.next_token import NextToken
from tokenworth.core.request.sample import Rollout, Sample
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import StopReason
from tokenworth.errors import InvalidInput, MismatchError, StoreError, UnknownName, Unsupported
from tokenworth.run.cost import CostPlan, plan_cost
from tokenworth.run.drive import drive
from tokenworth.store.codec import decode_response, encode_response
from tokenworth.store.memory import MemoryStore
from tokenworth.store.sqlite import open_existing, open_store

BASE = sequence(1, 4, 3, 5)
ASKED = Distance(sequence=BASE, cuts=(0, 1, 2, 3, 4))
PARAMS = Sampling(temperature=1.0, top_k=0, top_p=1.0, min_p=0.0, max_tokens=50, stop=())


class FarBackend(ToyBackend):
    """A toy backend that answers one kind more."""

    def __init__(self) -> None:
        super().__init__(parse_automaton(document()))
        self.methods[Distance.name] = self._distance
        self.capabilities = replace(self.capabilities, kinds=frozenset(self.methods))
        self.drawn = 0

    def answer(self, requests: Sequence[KeyedRequest]) -> Iterator[tuple[str, Response]]:
        for answered in super().answer(requests):
            self.drawn += 1
            yield answered

    def _distance(self, request: Distance, key: str) -> DistanceTable:
        del key
        steps = [self._from(self._states(request.sequence, cut)[cut]) for cut in request.cuts]
        return DistanceTable(steps=np.asarray(steps), seen=len(self.automaton.edges))

    def _from(self, state: str) -> int:
        reached, steps = {state}, 0
        while not reached & self.automaton.outcomes.keys():
            reached, steps = {edge.state for one in reached for edge in self.automaton.edges[one]}, steps + 1
        return steps


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "REQUESTS", {**catalog.REQUESTS, "distance": "tests.core.toy_kind:Distance"})


def experiment() -> Experiment[tuple[list[int], int]]:
    """Distances first, then as many rollouts as the first of them says."""
    (table,) = yield (ASKED,)
    assert isinstance(table, DistanceTable)
    samples = tuple(Sample(sequence=BASE, cut=0, params=PARAMS, seed=0, index=i) for i in range(int(table.steps[0])))
    rollouts = yield samples
    return table.steps.tolist(), sum(len(one.ids) for one in rollouts if isinstance(one, Rollout))


def test_a_new_kind_is_keyed_driven_stored_resumed_and_priced(known: None, tmp_path: Path) -> None:
    backend = FarBackend()
    plan = plan_cost(experiment(), models=backend, store=MemoryStore())
    expected = {"replayed": 0, "requests": 1, "stored": 0, "rollouts": 0, "tables": 1, "input_tokens": 4, "max_output_tokens": 0}
    assert plan == CostPlan(finished=False, **expected) and backend.drawn == 0
    with open_store(tmp_path / "run.db", fingerprint=backend.fingerprint, name="toy") as store:
        first = drive(experiment(), backend=backend, store=store)
    assert first[0] == [2, 1, 2, 1, 0] and backend.drawn == 3
    again = FarBackend()
    with open_store(tmp_path / "run.db", fingerprint=backend.fingerprint, name="toy") as store:
        assert drive(experiment(), backend=again, store=store) == first and again.drawn == 0
        assert plan_cost(experiment(), models=again, store=store).finished
    with open_existing(tmp_path / "run.db") as store:
        row = responses(store)[0]
    assert row[:4] == (Keyer(backend.fingerprint).key(ASKED), "Distance", None, None)


def test_a_new_kind_has_its_own_checks(known: None) -> None:
    table = DistanceTable(steps=np.asarray([2, 0]), seen=3)
    back = decode_response("k", encode_response(table))
    assert isinstance(back, DistanceTable) and back.steps.tolist() == [2, 0] and back.seen == 3
    for wrong in (replace(table, steps=np.asarray([-1])), replace(table, seen=-1)):
        with pytest.raises(InvalidInput):
            encode_response(wrong)


def test_without_its_line_of_the_catalogue_a_response_is_not_read() -> None:
    payload = encode_response(DistanceTable(steps=np.asarray([2, 0]), seen=3))
    with pytest.raises(StoreError, match="tag 100 names no kind of response"):
        decode_response("k", payload)


def test_a_backend_that_does_not_know_the_kind_says_so_in_one_sentence() -> None:
    backend = ToyBackend(parse_automaton(document()), name="toy:here.json")
    words = r"^toy:here.json cannot answer a distance request; it answers next_token, read, sample$"
    with pytest.raises(Unsupported, match=words):
        drive(experiment(), backend=backend, store=MemoryStore())


def test_an_answer_of_another_kind_is_refused() -> None:
    class Wrong(FarBackend):
        def _distance(self, request: Distance, key: str) -> Rollout:  # type: ignore[override]
            return Rollout(ids=(), stop=StopReason.STOP)

    with pytest.raises(MismatchError, match="answered a Distance request with a Rollout; expected a DistanceTable"):
        drive(experiment(), backend=Wrong(), store=MemoryStore())


def test_the_catalogue_names_every_kind_once() -> None:
    kinds = list(catalog.requests())
    assert [kind.name for kind in kinds] == list(catalog.REQUESTS)
    tags = [tag for response in {kind.response for kind in kinds} for tag in response.layouts]
    assert len(tags) == len(set(tags)) and all(0 < tag < 128 for tag in tags)
    assert len({kind.__name__ for kind in kinds}) == len(kinds)


def test_the_model_that_answers_is_in_the_key_and_its_role_is_not() -> None:
    keyer = Keyer({"subject": "model-x", "reader": "model-y"})
    read = NextToken(sequence=BASE, cuts=(0,), params=PARAMS, top=2)
    assert keyer.key(read) == Keyer("model-x").key(read)
    assert keyer.key(replace(read, role="reader")) == Keyer("model-y").key(read) != keyer.key(read)
    for unknown in (keyer, Keyer("model-x")):
        with pytest.raises(UnknownName, match=r"unknown role 'judge'; .*(subject|reader)"):
            unknown.key(replace(read, role="judge"))


@pytest.mark.parametrize("role", ["", "Reader", "two words", "judge\n", "7"])
def test_a_role_is_one_lower_case_word(role: str) -> None:
    with pytest.raises(InvalidInput, match="expected one lower-case word"):
        replace(ASKED, role=role)
