"""The driver over exact models: order, reuse, what a failing backend or Ctrl-C leaves behind, the dry run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from tests.laws.store import NEXT_TOKEN_TABLE, ROLLOUT
from tests.run.scripted import PARAMS, Limited, Scripted, adaptive, batches, drive_counted, sample, shuffled, toy
from tokenworth.backends.toy.backend import ToyBackend
from tokenworth.core.ports import KeyedRequest, Spent
from tokenworth.core.request.experiment import BudgetSpent, Experiment
from tokenworth.core.request.kind import Request, Response
from tokenworth.core.request.next_token import NextToken
from tokenworth.core.request.read import Read
from tokenworth.core.request.sample import Rollout
from tokenworth.core.tokens import StopReason, TokenSequence
from tokenworth.errors import BudgetExceeded, InvalidInput, MismatchError, StoreError
from tokenworth.run.cost import CostPlan, Price, plan_cost
from tokenworth.run.drive import drive
from tokenworth.run.progress import BatchFinished, BatchProgress, BatchStarted, Finished, RunCounts, RunEvent
from tokenworth.store.memory import MemoryStore


class Clock:
    """A clock that goes on by ``step`` seconds each time it is read."""

    def __init__(self, step: float) -> None:
        self.now, self.step = 0.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


class CountingStore(MemoryStore):
    """Counts flushes and remembers what was put."""

    def __init__(self) -> None:
        super().__init__()
        self.flushes = 0
        self.keys: list[str] = []

    def put(self, key: str, request: Request, response: Response) -> None:
        self.keys.append(key)
        super().put(key, request, response)

    def flush(self) -> None:
        self.flushes += 1


def test_answers_come_in_request_order_whatever_the_backend_does():
    requests = tuple(sample(i) for i in range(20))
    (plain,) = drive(batches(requests), backend=toy(), store=MemoryStore())
    (mixed,) = drive(batches(requests), backend=Scripted(shuffled), store=MemoryStore())
    assert plain == mixed
    assert len(set(plain)) > 10


def test_an_experiment_without_requests():
    store = MemoryStore()
    assert drive_counted(batches(), backend=toy(), store=store) == ([], RunCounts())
    result, counts = drive_counted(batches(()), backend=toy(), store=store)
    assert (result, counts) == ([()], RunCounts(batches=1))


def test_a_second_run_draws_nothing_and_gives_the_same():
    store = MemoryStore()
    first, drawn = drive_counted(adaptive(8, 4), backend=toy(), store=store)
    never = Scripted(lambda toy, requests: pytest.fail("the store has all of it"))
    second, reused = drive_counted(adaptive(8, 4), backend=never, store=store)
    assert first == second
    assert drawn == RunCounts(batches=5, requests=37, drawn=33, repeated=4, rollouts_drawn=33, tokens_drawn=drawn.tokens_drawn)
    assert reused == RunCounts(batches=5, requests=37, reused=33, repeated=4, rollouts_reused=33, tokens_reused=drawn.tokens_drawn)


def test_more_samples_draw_only_what_is_missing():
    store = MemoryStore()
    drive(batches(tuple(sample(i) for i in range(5))), backend=toy(), store=store)
    backend = Scripted(lambda toy, requests: toy.answer(requests))
    _, counts = drive_counted(batches(tuple(sample(i) for i in range(8))), backend=backend, store=store)
    assert (counts.drawn, counts.reused) == (3, 5)
    assert [keyed.request for keyed in backend.asked] == [sample(5), sample(6), sample(7)]


def test_repeated_requests_are_asked_once():
    backend = Scripted(lambda toy, requests: toy.answer(requests))
    (answers,) = drive(batches((sample(0), sample(1), sample(0))), backend=backend, store=MemoryStore())
    assert len(backend.asked) == 2
    assert answers[0] == answers[2] != answers[1]


def test_what_the_store_holds_is_what_is_sent():
    # Another process may have stored another answer to the same request since it was looked up.
    store = MemoryStore()

    def racing(toy: ToyBackend, requests: Sequence[KeyedRequest]) -> Iterator[tuple[str, Response]]:
        for keyed in requests:
            store.put(keyed.key, keyed.request, ROLLOUT)
        yield from toy.answer(requests)

    (answers,) = drive(batches((sample(0),)), backend=Scripted(racing), store=store)
    assert answers == (ROLLOUT,)


def fails_after(n: int, error: BaseException):
    def answer(toy: ToyBackend, requests: Sequence[KeyedRequest]) -> Iterator[tuple[str, Response]]:
        for number, pair in enumerate(toy.answer(requests)):
            if number == n:
                raise error
            yield pair

    return answer


@pytest.mark.parametrize("error", [RuntimeError("no more memory"), KeyboardInterrupt()], ids=["error", "interrupt"])
def test_a_run_that_breaks_off_keeps_what_it_had(error):
    store = CountingStore()
    experiment = adaptive(8, 4)
    with pytest.raises(type(error)):
        drive(experiment, backend=Scripted(fails_after(5, error)), store=store)
    assert experiment.gi_frame is None
    assert len(store) == 1 + 5
    assert store.flushes == 2
    resumed, counts = drive_counted(adaptive(8, 4), backend=toy(), store=store)
    assert resumed == drive(adaptive(8, 4), backend=toy(), store=MemoryStore())
    assert counts.reused == 6
    assert len(store.keys) == len(set(store.keys))


def thrifty(n: int, rounds: int) -> Experiment[tuple[list[int | None], bool]]:
    """Rounds of ``n`` requests; where the budget ends, one more request that is stored and one that is not."""
    seen: list[int | None] = []
    try:
        for turn in range(rounds):
            seen += [len(answer.ids) for answer in (yield tuple(sample(turn * n + k) for k in range(n))) if isinstance(answer, Rollout)]
    except BudgetSpent as spent:
        seen += [len(answer.ids) if isinstance(answer, Rollout) else None for answer in spent.answers]
        (again,) = yield (sample(0),)
        assert isinstance(again, Rollout)
        try:
            yield (sample(0), sample(10**6))
        except BudgetSpent as second:
            return [*seen, len(again.ids)], second.answers[0] is not None and second.answers[1] is None
    return seen, False


def test_what_a_spent_budget_left_is_thrown_into_the_experiment():
    store, backend, events = CountingStore(), Limited(13), []
    (lengths, again), counts = drive_counted(thrifty(8, 3), backend=backend, store=store, on_event=events.append)
    whole, _ = drive(thrifty(8, 3), backend=toy(), store=MemoryStore())
    assert lengths == [*whole[:13], None, None, None, whole[0]] and again
    assert (counts.drawn, counts.reused, backend.calls, len(store)) == (13, 2, 2, 13), "the backend is not called once it is spent"
    assert store.flushes >= 2 and counts.batches == 4
    assert isinstance(events[-1], Finished) and events[-1].spent == Spent(requests=16, money=0.5)
    assert all(event.spent is not None for event in events if isinstance(event, BatchProgress))
    resumed, more = drive_counted(thrifty(8, 3), backend=toy(), store=store)
    assert resumed == (whole, False) and (more.drawn, more.reused) == (11, 13)


def test_a_spent_budget_ends_an_experiment_that_does_not_know_of_it():
    store, backend = CountingStore(), Limited(12)
    experiment = adaptive(8, 4)
    with pytest.raises(BudgetSpent, match=r"^the money is spent; give more$") as caught:
        drive(experiment, backend=backend, store=store)
    assert isinstance(caught.value, BudgetExceeded) and caught.value.answers.count(None) == 5
    assert experiment.gi_frame is None and len(store) == 12 and store.flushes >= 2
    richer, counts = drive_counted(adaptive(8, 4), backend=Limited(100), store=store)
    assert richer == drive(adaptive(8, 4), backend=toy(), store=MemoryStore())
    assert (counts.drawn, counts.reused) == (33 - 12, 12)


def test_a_budget_that_ends_with_the_last_answer_leaves_the_batch_whole():
    def answer(toy: ToyBackend, requests: Sequence[KeyedRequest]) -> Iterator[tuple[str, Response]]:
        yield from toy.answer(requests)
        raise BudgetExceeded("spent")

    (answers,) = drive(batches((sample(0), sample(1))), backend=Scripted(answer), store=MemoryStore())
    assert len(answers) == 2
    with pytest.raises(BudgetSpent):
        drive(batches((sample(0),), (sample(1),)), backend=Scripted(answer), store=MemoryStore())


def test_the_backend_hears_of_the_end():
    closed = []

    def answer(toy: ToyBackend, requests: Sequence[KeyedRequest]) -> Iterator[tuple[str, Response]]:
        try:
            yield from toy.answer(requests)
        finally:
            closed.append(True)

    class Full(MemoryStore):
        def put(self, key: str, request: Request, response: Response) -> None:
            raise StoreError("the disk is full")

        def flush(self) -> None:
            raise StoreError("still full")

    with pytest.raises(StoreError, match="the disk is full"):
        drive(batches((sample(0), sample(1))), backend=Scripted(answer), store=Full())
    assert closed == [True]


def twice(toy: ToyBackend, requests: Sequence[KeyedRequest]) -> Iterator[tuple[str, Response]]:
    yield from toy.answer(requests)
    yield from toy.answer(requests[:1])


def unasked(toy: ToyBackend, requests: Sequence[KeyedRequest]) -> Iterator[tuple[str, Response]]:
    yield from toy.answer(requests)
    yield "0" * 64, ROLLOUT


def lazy(toy: ToyBackend, requests: Sequence[KeyedRequest]) -> Iterator[tuple[str, Response]]:
    yield from toy.answer(requests[1:])


def confused(toy: ToyBackend, requests: Sequence[KeyedRequest]) -> Iterator[tuple[str, Response]]:
    yield requests[0].key, NEXT_TOKEN_TABLE


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        (twice, "'scripted' answered one request twice"),
        (unasked, "'scripted' answered a request it was not sent"),
        (lazy, "'scripted' left 1 of 3 requests unanswered"),
        (confused, "'scripted' answered a Sample request with a NextTokenTable; expected a Rollout"),
    ],
)
def test_backends_that_do_not_keep_to_the_requests(answer, named):
    with pytest.raises(MismatchError, match=named):
        drive(batches((sample(0), sample(1), sample(2))), backend=Scripted(answer), store=MemoryStore())


def test_a_store_with_the_wrong_kind_of_answer():
    store = MemoryStore()
    backend = toy()
    seen: list[KeyedRequest] = []
    drive(batches((sample(0),)), backend=Scripted(lambda toy, requests: seen.extend(requests) or toy.answer(requests)), store=store)
    wrong = MemoryStore()
    wrong.put(seen[0].key, sample(0), NEXT_TOKEN_TABLE)
    with pytest.raises(MismatchError, match="the store answered a Sample request with a NextTokenTable"):
        drive(batches((sample(0),)), backend=backend, store=wrong)


def test_a_store_that_forgets():
    class Forgetful(MemoryStore):
        def put(self, key: str, request: Request, response: Response) -> None:
            pass

    with pytest.raises(StoreError, match="gave back 0 of 2"):
        drive(batches((sample(0), sample(1))), backend=toy(), store=Forgetful())


def test_unusable_replies_are_stored_as_outcomes():
    def answer(toy: ToyBackend, requests: Sequence[KeyedRequest]) -> Iterator[tuple[str, Response]]:
        yield from toy.answer(requests[1:])
        yield requests[0].key, Rollout(ids=(1,), stop=StopReason.ERROR)

    store = MemoryStore()
    (answers,), counts = drive_counted(batches((sample(0), sample(1))), backend=Scripted(answer), store=store)
    assert isinstance(answers[0], Rollout) and answers[0].stop is StopReason.ERROR
    assert (counts.drawn, counts.failed, len(store)) == (2, 1, 2)
    (again,), counts = drive_counted(batches((sample(0), sample(1))), backend=toy(), store=store)
    assert again == answers and (counts.drawn, counts.reused, counts.failed) == (0, 2, 0)


def test_events_tell_the_story():
    events: list[RunEvent] = []
    requests = tuple(sample(i) for i in range(10))
    store = CountingStore()
    (answers,) = drive(batches(requests), backend=toy(), store=store, on_event=events.append, clock=Clock(0.15))
    tokens = sum(len(answer.ids) for answer in answers if isinstance(answer, Rollout))
    assert events[0] == BatchStarted(batch=0, requests=10, missing=10)
    progress = [event for event in events if isinstance(event, BatchProgress)]
    assert [event.done for event in progress] == [2, 4, 6, 8, 10]
    assert progress[-1].tokens == tokens
    assert progress[-1].tokens_per_second == pytest.approx(tokens / (10 * 0.15))
    assert isinstance(events[-2], BatchFinished) and isinstance(events[-1], Finished)
    assert events[-1].counts.tokens_drawn == tokens
    assert store.flushes == 2  # once a second while answers arrive, and at the end of the batch
    assert replace(progress[-1], seconds=0.0).tokens_per_second is None


def test_a_dry_run_prices_the_first_batch_without_calling():
    base = drive(batches((sample(0),)), backend=toy(), store=MemoryStore())[0][0]
    assert isinstance(base, Rollout)
    sequence = TokenSequence(prompt=(), completion=base.ids)
    batch: tuple[Request, ...] = (
        sample(0),
        sample(1),
        sample(1),
        sample(0, sequence=sequence, cut=10),
        NextToken(sequence=sequence, cuts=(0, 3), params=PARAMS, top=2),
        Read(sequence=sequence, cuts=(1, 4), suffix=(7, 7), continuations=((1,), (2, 3))),
    )
    store = MemoryStore()
    drive(batches((sample(0),)), backend=toy(), store=store)
    silent = Scripted(lambda toy, requests: pytest.fail("a dry run calls nothing"))
    experiment = batches(batch, (sample(99),))
    plan = plan_cost(experiment, models=silent, store=store)
    assert plan == CostPlan(
        replayed=0,
        requests=5,
        stored=1,
        rollouts=2,
        tables=2,
        input_tokens=0 + 10 + 3 + (4 + 2 * (2 + 0 + 1)),
        max_output_tokens=100 + 90,
        finished=False,
    )
    assert plan.requests - plan.stored == 4
    assert plan.max_money(Price(input_per_million=2.0, output_per_million=10.0)) == pytest.approx((23 * 2 + 190 * 10) / 1e6)
    assert experiment.gi_frame is None


def test_a_backend_can_say_what_its_requests_weigh():
    class Dear(Scripted):
        def most_tokens(self, request: Request) -> tuple[int, int]:
            return 7, 3

    backend = Dear(lambda toy, requests: pytest.fail("a dry run calls nothing"))
    plan = plan_cost(batches((sample(0), sample(1))), models=backend, store=MemoryStore())
    assert (plan.input_tokens, plan.max_output_tokens) == (14, 6)


def test_cached_tokens_cost_what_they_are_said_to_and_bounds_do_not_count_on_them():
    price = Price(input_per_million=2.0, output_per_million=10.0, cached_input_per_million=0.5)
    assert price.cost(read=10**6, cached=4 * 10**5, generated=10**5) == pytest.approx(1.2 + 0.2 + 1.0)
    assert price.at_most(read=10**6, generated=0) == 2.0
    assert replace(price, cached_input_per_million=3.0).at_most(read=10**6, generated=0) == 3.0
    assert replace(price, cached_input_per_million=None).cost(read=10**6, cached=10**6, generated=0) == 2.0
    with pytest.raises(InvalidInput, match="cached input price"):
        replace(price, cached_input_per_million=-1.0)


def test_a_dry_run_replays_what_is_there():
    store = MemoryStore()
    with pytest.raises(RuntimeError):
        drive(adaptive(8, 4), backend=Scripted(fails_after(7, RuntimeError())), store=store)
    plan = plan_cost(adaptive(8, 4), models=toy(), store=store)
    assert (plan.replayed, plan.requests, plan.stored, plan.finished) == (1, 8, 7, False)
    drive(adaptive(8, 4), backend=toy(), store=store)
    done = plan_cost(adaptive(8, 4), models=toy(), store=store)
    assert (done.replayed, done.requests - done.stored, done.max_output_tokens, done.finished) == (5, 0, 0, True)


@pytest.mark.parametrize("price", [-1.0, float("nan"), float("inf")])
def test_prices_are_numbers(price):
    with pytest.raises(InvalidInput, match="output price"):
        Price(input_per_million=0.0, output_per_million=price)
