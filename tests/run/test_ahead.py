"""The time that is left: of one experiment and of many, as a bound where only a bound is known, and without jumps."""

from __future__ import annotations

import pytest

from tokenworth.core.request.experiment import Experiment, Foreseen
from tokenworth.core.request.sample import Sample
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import TokenSequence
from tokenworth.run.ahead import SOONEST, Forecast, foreseen
from tokenworth.run.progress import BatchFinished, BatchProgress, BatchStarted, RunCounts

ONE = Sample(
    sequence=TokenSequence(prompt=(1,), completion=()),
    cut=0,
    params=Sampling(temperature=1.0, top_k=0, top_p=1.0, min_p=0.0, max_tokens=5, stop=()),
    seed=0,
    index=0,
)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def started(*, missing: int, stored: int = 0, ahead: int | None = None, at_most: bool = False) -> BatchStarted:
    return BatchStarted(batch=0, requests=missing + stored, missing=missing, ahead=ahead, at_most=at_most)


def answer(forecast: Forecast, clock: Clock, name: str, n: int, *, each: float = 1.0, first: int = 0) -> None:
    for done in range(first + 1, first + n + 1):
        clock.now += each
        forecast.take(name, BatchProgress(batch=0, done=done, total=n, tokens=0, seconds=clock.now))


def test_the_time_left_counts_the_batches_that_follow_and_the_problems_not_begun() -> None:
    clock = Clock()
    forecast = Forecast(3, clock)
    forecast.take("a", started(missing=10, ahead=20))
    assert forecast.left() is None, "nothing is answered yet"
    answer(forecast, clock, "a", 4)
    left = forecast.left()
    assert left is not None and not left.at_most
    assert left.seconds == pytest.approx(6 + 20 + 30 + 30)
    forecast.take("b", started(missing=2, stored=8, ahead=0))
    left = forecast.left()
    assert left is not None and left.seconds == pytest.approx(26 + 2 + 20), "what is stored takes no time"
    forecast.ended("b")
    answer(forecast, clock, "a", 6, first=4)
    forecast.take("a", BatchFinished(batch=0, counts=RunCounts(), seconds=10.0))
    left = forecast.left()
    assert left is not None and left.seconds == pytest.approx(20 + 20, rel=0.1)


def test_a_bound_is_called_one_and_nothing_is_said_of_what_is_not_known() -> None:
    clock = Clock()
    forecast = Forecast(1, clock)
    forecast.take("a", started(missing=10))
    answer(forecast, clock, "a", 5)
    assert forecast.left() is None, "the experiment does not say what follows"
    forecast.take("a", BatchFinished(batch=0, counts=RunCounts(), seconds=5.0))
    forecast.take("a", started(missing=10, ahead=30, at_most=True))
    answer(forecast, clock, "a", 5)
    left = forecast.left()
    assert left is not None and left.at_most
    forecast.take("a", started(missing=5, ahead=0))
    left = forecast.left()
    assert left is not None and not left.at_most, "its last batch is exact"
    endless = Forecast(None, clock)
    endless.take("a", started(missing=10, ahead=0))
    answer(endless, clock, "a", 5)
    assert endless.left() is None, "nobody knows how many problems come"


def test_it_waits_for_a_rate_and_then_counts_down_without_jumps() -> None:
    clock = Clock()
    forecast = Forecast(1, clock)
    forecast.take("a", started(missing=1_000, ahead=0))
    answer(forecast, clock, "a", 3, each=SOONEST / 4)
    assert forecast.left() is None
    answer(forecast, clock, "a", 7, each=SOONEST / 4, first=3)
    shown = []
    for done in range(10, 400):
        # Answers come in clumps, a third slower or faster than the mean.
        answer(forecast, clock, "a", 1, each=SOONEST / 4 * (1.3 if done // 3 % 2 else 0.7), first=done)
        left = forecast.left()
        assert left is not None
        shown.append(left.seconds)
    jumps = sum(after > before for before, after in zip(shown, shown[1:], strict=False))
    assert jumps <= 4, "a clock that is set rarely"
    assert abs(shown[-1] - 600 * SOONEST / 4) < 0.2 * shown[-1]


def test_the_rate_is_that_of_late_and_a_slow_beginning_is_forgotten() -> None:
    clock = Clock()
    forecast = Forecast(1, clock)
    forecast.take("a", started(missing=600, ahead=0))
    answer(forecast, clock, "a", 10, each=3.0)
    answer(forecast, clock, "a", 390, each=0.5, first=10)
    left = forecast.left()
    assert left is not None and left.seconds == pytest.approx(200 * 0.5, rel=0.2)


def batches(sizes: list[tuple[int, int | None]]) -> Experiment[str]:
    for size, ahead in sizes:
        batch = (ONE,) * size
        yield batch if ahead is None else Foreseen(batch, ahead=ahead)
    return "done"


@pytest.mark.parametrize(
    ("sizes", "most", "expected"),
    [
        ([(4, None)], 0, [(0, False)]),
        ([(4, None), (2, None)], 10, [(6, True), (4, True)]),
        ([(4, None), (6, None)], 10, [(6, True), (0, False)]),
        ([(4, 3), (2, None)], None, [(3, False), None]),
        ([(4, 30), (2, 1)], 10, [(6, True), (1, False)]),
    ],
)
def test_what_an_experiment_says_is_held_against_its_bound(
    sizes: list[tuple[int, int | None]], most: int | None, expected: list[tuple[int, bool] | None]
) -> None:
    experiment = foreseen(batches(sizes), most)
    batch, seen = next(experiment), []
    try:
        while True:
            seen.append((batch.ahead, batch.at_most) if isinstance(batch, Foreseen) else None)
            batch = experiment.send(())
    except StopIteration as finished:
        result = finished.value
    assert result == "done"
    assert seen == expected
