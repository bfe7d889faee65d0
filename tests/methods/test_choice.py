"""Which sampled answer is the base."""

from __future__ import annotations

import pytest

from tests.helpers import PLAIN
from tokenworth.core.grade import UNPARSEABLE, Grade, Verdict
from tokenworth.core.request.sample import Rollout
from tokenworth.core.tokens import StopReason
from tokenworth.errors import InvalidInput
from tokenworth.methods.sample.choice import check_choice, choose_trace
from tokenworth.methods.sample.experiment import sample
from tokenworth.methods.sample.result import SampleResult

GRADES = (
    Grade(outcome=UNPARSEABLE, verdict=Verdict.UNKNOWN),
    Grade(outcome="B", verdict=Verdict.INCORRECT),
    Grade(outcome="A", verdict=Verdict.CORRECT),
    Grade(outcome="A", verdict=Verdict.CORRECT),
)


def answers(grades: tuple[Grade, ...]) -> SampleResult:
    """What `sample` gives of answers with these grades."""
    by_ids = {(number,): grade for number, grade in enumerate(grades)}
    experiment = sample((9,), n=len(grades), sampling=PLAIN, seed=0, judge=lambda ids, stop: by_ids[ids], find_wall=len, level=0.95)
    next(experiment)
    with pytest.raises(StopIteration) as ended:
        experiment.send(tuple(Rollout(ids=(number,), stop=StopReason.STOP) for number in range(len(grades))))
    found = ended.value.value
    assert isinstance(found, SampleResult)
    return found


@pytest.mark.parametrize(("choice", "index"), [("any", 0), ("incorrect", 1), ("correct", 2), ("3", 3), ("0", 0)])
def test_the_first_that_fits(choice: str, index: int) -> None:
    found, trace = choose_trace(answers(GRADES), choice)
    assert found == index and trace.sequence.completion == (index,)


@pytest.mark.parametrize("choice", ["correct", "incorrect"])
def test_an_answer_without_a_verdict_is_neither(choice: str) -> None:
    with pytest.raises(InvalidInput, match=f"no {choice} answer among 1 samples"):
        choose_trace(answers(GRADES[:1]), choice)


@pytest.mark.parametrize("choice", ["best", "4", "-1", "1.0", ""])
def test_choices_that_cannot_be(choice: str) -> None:
    with pytest.raises(InvalidInput, match="expected correct, incorrect, any or an index below 4"):
        check_choice(choice, 4)
