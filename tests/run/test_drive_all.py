"""Many experiments in one stream of requests: fair, bounded, each as if it ran alone, whatever becomes of the others."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.laws.store import ROLLOUT
from tests.run.scripted import Limited, Scripted, adaptive, batches, sample, toy
from tokenworth.backends.toy.backend import ToyBackend
from tokenworth.backends.toy.values import random_automaton
from tokenworth.core.keys import Keyer
from tokenworth.core.ports import KeyedRequest, Streaming
from tokenworth.core.request.experiment import BudgetSpent, Experiment
from tokenworth.core.request.kind import Response
from tokenworth.core.request.sample import Rollout, Sample
from tokenworth.errors import BudgetExceeded, InvalidInput, MismatchError, ServerError, UnknownName
from tokenworth.run.drive import MOST_ACTIVE, WINDOW, drive, drive_all
from tokenworth.run.progress import BatchStarted, Ended, Finished, RunCounts, RunEvent, Stopping
from tokenworth.store.memory import MemoryStore


class Flowing(Scripted):
    """A backend that takes requests as it has room for them: ``rows`` at a time, the longest waiting answered first."""

    def __init__(self, rows: int = 8) -> None:
        super().__init__(lambda toy, requests: toy.answer(requests))
        self.rows, self.streams, self.closed = rows, 0, 0

    def stream(self, requests: Iterator[KeyedRequest | None]) -> Iterator[tuple[str, Response]]:
        self.streams += 1
        held: deque[KeyedRequest] = deque()
        is_over = False
        try:
            while True:
                while len(held) < self.rows and not is_over:
                    try:
                        keyed = next(requests)
                    except StopIteration:
                        is_over = True
                        break
                    if keyed is None:
                        break
                    self.asked.append(keyed)
                    held.append(keyed)
                if not held:
                    return
                yield from self._toy.answer([held.popleft()])
        finally:
            self.closed += 1


def of_seed(seed: int, n: int, rounds: int = 1) -> Experiment[tuple[tuple[int, ...], ...]]:
    """Rounds of ``n`` rollouts, no two experiments of different seeds sharing one."""
    seen: list[tuple[int, ...]] = []
    for turn in range(rounds):
        answers = yield tuple(replace(sample(turn * n + k), seed=seed) for k in range(n))
        seen += [answer.ids for answer in answers if isinstance(answer, Rollout)]
    return tuple(seen)


def failing(n: int, error: Exception) -> Experiment[None]:
    yield tuple(replace(sample(k), seed=99) for k in range(n))
    raise error


def run(made: Iterable[tuple[str, Experiment[Any]]], backend: Any, store: MemoryStore | None = None, **more: Any) -> dict[str, Ended[Any]]:
    return {ended.name: ended for ended in drive_all(made, models=backend, store=MemoryStore() if store is None else store, **more)}


@pytest.fixture(params=["in rounds", "flowing"])
def backend(request: pytest.FixtureRequest) -> Scripted:
    return Flowing() if request.param == "flowing" else Scripted(lambda toy, requests: toy.answer(requests))


def many(n: int) -> Iterator[tuple[str, Experiment[Any]]]:
    """Experiments of all sorts: one batch, several, and batches that depend on answers."""
    for i in range(n):
        yield f"e{i}", adaptive(3 + i % 5, 3) if i % 3 == 0 else of_seed(i, 1 + i % 7, rounds=1 + i % 4)


@pytest.mark.slow
def test_each_result_is_that_of_a_run_of_its_own(backend: Scripted) -> None:
    together = run(many(150), backend)
    alone = {name: drive(made, backend=toy(), store=MemoryStore()) for name, made in many(150)}
    assert {name: ended.value() for name, ended in together.items()} == alone
    assert all(ended.counts.drawn + ended.counts.reused + ended.counts.repeated == ended.counts.requests for ended in together.values())
    keys = [keyed.key for keyed in backend.asked]
    assert len(keys) == len(set(keys)) == sum(ended.counts.drawn for ended in together.values())
    assert not isinstance(backend, Flowing) or (isinstance(backend, Streaming) and backend.streams == backend.closed == 1)


@pytest.mark.slow
def test_no_experiment_waits_with_less_than_half_its_share() -> None:
    """One request each, so that 64 are begun, then batches of 20 to 600, over windows of 1,000; who has asked before and is not served
    whole after it waits all through it."""
    backend = Flowing(rows=64)
    sizes = [20 + 29 * (7 * i % 21) for i in range(100)]

    def one_then_many(seed: int, n: int) -> Experiment[None]:
        yield (replace(sample(n), seed=1000 + seed),)
        yield tuple(replace(sample(k), seed=seed) for k in range(n))

    assert all(ended.error is None for ended in run(((str(i), one_then_many(i, n)) for i, n in enumerate(sizes)), backend).values())
    sent = [keyed.request.seed for keyed in backend.asked if isinstance(keyed.request, Sample) and keyed.request.seed < 1000]
    first, last = {seed: i for i, seed in reversed(list(enumerate(sent)))}, {seed: i for i, seed in enumerate(sent)}
    assert len(sent) == sum(sizes)
    judged = 0
    for begin in range(0, len(sent) - WINDOW, 50):
        counts = Counter(sent[begin : begin + WINDOW])
        for seed in first:
            if first[seed] <= begin and last[seed] >= begin + WINDOW:
                judged += 1
                assert counts[seed] >= WINDOW / len(counts) / 2, f"experiment {seed} was sent {counts[seed]} of {WINDOW} from {begin} on"
    assert judged > 5_000


def test_no_more_are_begun_than_a_backend_has_room_for_and_the_first_go_first() -> None:
    """What keeps the prefixes of few in a server's memory: with room for 8, a batch of 20 is sent whole before another begins."""
    backend = Flowing(rows=8)
    begun: list[int] = []

    def one(i: int) -> Experiment[int]:
        begun.append(i)
        yield tuple(replace(sample(k), seed=i) for k in range(20))
        yield tuple(replace(sample(20 + k), seed=i) for k in range(20))
        return i

    for done, ended in enumerate(drive_all(((str(i), one(i)) for i in range(30)), models=backend, store=MemoryStore())):
        assert ended.value() == done and len(begun) <= done + 3
    seeds = [keyed.request.seed for keyed in backend.asked if isinstance(keyed.request, Sample)]
    changes = sum(one != other for one, other in zip(seeds, seeds[1:], strict=False))
    assert changes < 3 * 30


def test_what_the_source_raises_is_no_fault_of_a_backend(backend: Scripted) -> None:
    def made() -> Iterator[tuple[str, Experiment[Any]]]:
        yield from many(5)
        raise InvalidInput("no such item")

    with pytest.raises(InvalidInput, match="no such item"):
        run(made(), backend)


@pytest.mark.slow
def test_requests_reach_the_backend_while_others_are_being_answered() -> None:
    """What a stream is for: a chain of single draws never leaves the rows empty while another experiment has requests."""
    backend = Flowing(rows=8)
    took: list[int] = []
    original = backend.stream

    def stream(requests: Iterator[KeyedRequest | None]) -> Iterator[tuple[str, Response]]:
        for pair in original(requests):
            took.append(len(backend.asked))
            yield pair

    backend.stream = stream  # type: ignore[method-assign]
    run(((str(i), of_seed(i, 1, rounds=20)) for i in range(40)), backend)
    under_way = [asked - done for done, asked in enumerate(took)]
    assert sorted(under_way)[len(under_way) // 10] == 8


@pytest.mark.slow
def test_only_so_many_are_under_way(backend: Scripted) -> None:
    begun: list[int] = []
    live = 0

    def one(i: int) -> Experiment[int]:
        nonlocal live
        begun.append(i)
        live += 1
        assert live <= MOST_ACTIVE
        for turn in range(2):
            yield (replace(sample(turn), seed=i),)
        live -= 1
        return i

    results = drive_all(((str(i), one(i)) for i in range(10_000)), models=backend, store=MemoryStore())
    first = next(results)
    assert len(begun) <= MOST_ACTIVE and first.error is None
    names = {first.name, *(next(results).name for _ in range(1_000))}
    assert len(names) == 1_001 and len(begun) <= 1_001 + MOST_ACTIVE
    results.close()  # type: ignore[attr-defined]


@pytest.mark.slow
def test_results_of_stored_answers_come_before_all_are_begun() -> None:
    store, begun = MemoryStore(), Counter[str]()

    def made(n: int) -> Iterator[tuple[str, Experiment[Any]]]:
        for i in range(n):
            begun["begun"] += 1
            yield str(i), of_seed(0, 3)

    run(made(1), toy(), store)
    results = drive_all(made(1000), models=Scripted(lambda *_: pytest.fail("all is stored")), store=store)
    next(results)
    assert begun["begun"] <= 3
    assert sum(ended.counts.reused for ended in results) == 999 * 3


@pytest.mark.parametrize("error", [InvalidInput("no such option"), BudgetSpent("of its own", ())])
def test_an_experiment_that_fails_harms_no_other(backend: Scripted, error: Exception) -> None:
    made = [*many(20), ("bad", failing(3, error)), *((f"late{i}", of_seed(100 + i, 2)) for i in range(80))]
    found = run(iter(made), backend)
    assert found.pop("bad").error is error
    assert len(found) == 100 and all(ended.error is None for ended in found.values())


@pytest.mark.slow
def test_a_request_that_the_backend_refuses_ends_its_experiment_alone(backend: Scripted) -> None:
    """The backend breaks off whenever it meets the request; each experiment whose requests were under way is asked again by itself."""
    answer = backend._answer

    def refuses(toy: ToyBackend, requests: Sequence[KeyedRequest]) -> Iterator[tuple[str, Response]]:
        for keyed in requests:
            if isinstance(keyed.request, Sample) and keyed.request.seed == 7:
                raise ServerError("refused")
            yield from answer(toy, [keyed])

    class Refusing(ToyBackend):
        def answer(self, requests: Sequence[KeyedRequest]) -> Iterator[tuple[str, Response]]:
            return refuses(toy(), requests)

    backend._answer, backend._toy = refuses, Refusing(toy().automaton)
    found = run(((str(i), of_seed(i % 90, 4, rounds=2)) for i in range(100)), backend)
    assert [name for name, ended in found.items() if ended.error is not None] == ["7", "97"] or {
        name for name, ended in found.items() if ended.error is not None
    } == {"7", "97"}
    assert isinstance(found["7"].error, ServerError)
    for name, ended in found.items():
        if ended.error is None:
            assert ended.value() == drive(of_seed(int(name) % 90, 4, rounds=2), backend=toy(), store=MemoryStore())


def test_a_backend_that_is_gone_ends_each(backend: Scripted) -> None:
    def gone(toy: ToyBackend, requests: Sequence[KeyedRequest]) -> Iterator[tuple[str, Response]]:
        raise ServerError("no answer")
        yield  # pyright: ignore[reportUnreachable]

    backend._answer = gone
    backend._toy.answer = lambda requests: gone(toy(), requests)  # type: ignore[method-assign]
    found = run(many(70), backend)
    assert len(found) == 70 and all(isinstance(ended.error, ServerError) for ended in found.values())


def test_a_backend_that_answers_what_it_was_not_asked() -> None:
    class Wrong(Flowing):
        def stream(self, requests: Iterator[KeyedRequest | None]) -> Iterator[tuple[str, Response]]:
            yield "0" * 64, ROLLOUT

    found = run(((str(i), of_seed(i, 2)) for i in range(5)), Wrong())
    assert all(ended.error is None or isinstance(ended.error, MismatchError) for ended in found.values()) and len(found) == 5


def frugal(seed: int, n: int) -> Experiment[int]:
    try:
        return len((yield tuple(replace(sample(k), seed=seed) for k in range(n))))
    except BudgetSpent as spent:
        return -sum(answer is not None for answer in spent.answers)


class Dry(Flowing):
    """A stream whose budget ends after ``n`` requests; what was issued still comes."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.left, self.calls = n, 0

    def stream(self, requests: Iterator[KeyedRequest | None]) -> Iterator[tuple[str, Response]]:
        self.calls += 1
        for keyed in requests:
            if keyed is None or not self.left:
                break
            self.left -= 1
            self.asked.append(keyed)
            yield from self._toy.answer([keyed])
        raise BudgetExceeded("the money is spent; give more")


@pytest.mark.slow
@pytest.mark.parametrize("make", [Dry, Limited])
def test_where_a_budget_ends_all_get_what_was_answered_and_no_more_are_begun(make: Any) -> None:
    """Each asks for 10 and 200 are paid for: a stream begins as many as it has room for, rounds begin 64."""
    backend, store = make(200), MemoryStore()
    begun: list[int] = []

    def made() -> Iterator[tuple[str, Experiment[int]]]:
        for i in range(100):
            begun.append(i)
            yield str(i), frugal(i, 10)

    found = run(made(), backend, store)
    assert len(found) == len(begun) == 100 and len(store) == 200 and backend.calls == 1
    values = [ended.value() for ended in found.values() if ended.error is None]
    assert sum(abs(value) for value in values) == 200
    unbegun = [ended for ended in found.values() if isinstance(ended.error, BudgetExceeded)]
    assert len(unbegun) == 100 - len(values) and len(values) >= (20 if make is Dry else MOST_ACTIVE)
    assert all(ended.counts == RunCounts() and str(ended.error) == "the money is spent; give more" for ended in unbegun)
    again = run(((str(i), frugal(i, 10)) for i in range(100)), toy(), store)
    assert all(ended.value() == 10 for ended in again.values())
    assert sum(ended.counts.reused for ended in again.values()) == 200


@pytest.mark.slow
def test_a_killed_run_goes_on_where_it_was(backend: Scripted) -> None:
    class Kill(BaseException):
        pass

    class Dying(MemoryStore):
        def put(self, key: str, request: Any, response: Response) -> None:
            super().put(key, request, response)
            if len(self) == 120:
                raise Kill

    store = Dying()
    with pytest.raises(Kill):
        run(many(60), backend, store)
    half = len(store)
    whole = run(many(60), backend, store)
    assert {name: ended.value() for name, ended in whole.items()} == {n: e.value() for n, e in run(many(60), toy()).items()}
    keys = [keyed.key for keyed in backend.asked]
    assert half == 120 and sum(ended.counts.drawn for ended in whole.values()) == len(store) - 120
    # The stream may have taken a few more than it had answered.
    assert len(keys) - len(set(keys)) <= (8 if isinstance(backend, Flowing) else len(keys) - len(store))


def test_a_request_of_two_experiments_is_drawn_once(backend: Scripted) -> None:
    found = run(((str(i), of_seed(5, 6, rounds=3)) for i in range(30)), backend)
    assert len(backend.asked) == 18 and len({ended.value() for ended in found.values()}) == 1
    assert sum(ended.counts.drawn for ended in found.values()) == 18
    assert sum(ended.counts.reused for ended in found.values()) == 29 * 18


def test_the_one_who_asked_first_may_fail(backend: Scripted) -> None:
    """A request that two wait for is still drawn for the second when the first is gone."""

    def two_models(role_first: bool) -> Experiment[int]:
        batch = [replace(sample(k), seed=5) for k in range(4)]
        answers = yield tuple(batch if role_first else batch[::-1])
        if role_first:
            raise InvalidInput("gone")
        return len(answers)

    found = run([("a", two_models(True)), ("b", two_models(False))], backend)
    assert isinstance(found["a"].error, InvalidInput) and found["b"].value() == 4 and len(backend.asked) == 4


def other() -> ToyBackend:
    return ToyBackend(random_automaton(np.random.default_rng(4), length=30), name="other")


def test_each_role_is_answered_by_its_model(backend: Scripted) -> None:
    reader, store = Scripted(lambda _, requests: other().answer(requests)), MemoryStore()
    reader.name, reader.fingerprint = "other", other().fingerprint

    def both(seed: int) -> Experiment[tuple[Response, ...]]:
        plain = replace(sample(0), seed=seed)
        read = replace(plain, role="reader")
        return (yield plain, read)

    made = [(str(i), both(i)) for i in range(20)]
    found = run(iter(made), {"subject": backend, "reader": reader}, store)
    assert len(backend.asked) == len(reader.asked) == 20
    assert all(keyed.request.role == "reader" for keyed in reader.asked)
    keyer = Keyer({"reader": other().fingerprint})
    assert [keyed.key for keyed in reader.asked] == [keyer.key(keyed.request) for keyed in reader.asked]
    for name, ended in found.items():
        mine, read = ended.value()
        assert (mine,) == drive(batches((replace(sample(0), seed=int(name)),)), backend=toy(), store=MemoryStore())[0]
        assert read == dict(other().answer([next(k for k in reader.asked if k.request.seed == int(name))])).popitem()[1]  # type: ignore[union-attr]
    missing = run([("a", both(0)), ("b", of_seed(1, 2))], backend)
    assert isinstance(missing["a"].error, UnknownName) and "'reader'" in str(missing["a"].error) and missing["b"].error is None


def test_events_name_their_experiment(backend: Scripted) -> None:
    told: list[tuple[str, RunEvent]] = []
    run(((str(i), of_seed(i, 2, rounds=2)) for i in range(3)), backend, on_event=lambda name, event: told.append((name, event)))
    for i in range(3):
        mine = [event for name, event in told if name == str(i)]
        assert [event.batch for event in mine if isinstance(event, BatchStarted)] == [0, 1] and isinstance(mine[-1], Finished)


def test_ctrl_c_and_a_caller_that_leaves_wait_for_what_is_under_way() -> None:
    class Stopping_(Flowing):
        is_stopped = False

        def stop(self) -> None:
            self.is_stopped = True

    for leave in (False, True):
        backend, told = Stopping_(), list[RunEvent]()

        class Interrupted(MemoryStore):
            interrupts = not leave

            def put(self, key: str, request: Any, response: Response) -> None:
                super().put(key, request, response)
                if len(self) == 50 and self.interrupts:
                    raise KeyboardInterrupt

        store = Interrupted()
        made = ((str(i), of_seed(i, 3, rounds=5)) for i in range(100))
        results = drive_all(made, models=backend, store=store, on_event=lambda _, event, told=told: told.append(event))
        if leave:
            next(results)
            results.close()
        else:
            with pytest.raises(KeyboardInterrupt):
                list(results)
        assert backend.is_stopped and len(store) == len(backend.asked) and any(isinstance(event, Stopping) for event in told)
