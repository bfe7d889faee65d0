"""A second look: what a rule reads is not asked again, what the model says of the rest, and what a spent budget leaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tokenworth.core.grade import UNPARSEABLE, Grade, Verdict
from tokenworth.core.measure import Most, Subject
from tokenworth.core.ports import Capabilities
from tokenworth.core.problem import AnswerKind, Option, Problem
from tokenworth.core.request.experiment import BudgetSpent, Experiment
from tokenworth.core.request.kind import Response
from tokenworth.core.request.read import Read, ReadTable
from tokenworth.core.request.sample import Rollout, Sample
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import StopReason, TokenSequence, Trace
from tokenworth.errors import InvalidInput, Unsupported
from tokenworth.methods.second_look import Looker, SecondLook, lead_of
from tokenworth.tasks.graders import grader_for
from tokenworth.tasks.judge import text_judge
from tokenworth.workbench.bench import Workbench

PROBLEM = Problem(id="p", question="?", options=tuple(Option(label=label, text=label * 2) for label in "ABC"), gold="B")
PARAMS = Sampling(temperature=1.0, top_k=0, top_p=1.0, min_p=0.0, max_tokens=60, stop=())
CAN = Capabilities(kinds=frozenset({"sample", "read"}), leave=True)
SAID = {
    "The answer is (B).": None,
    "Certainly the second one": (0.1, 0.7, 0.1),
    "I would rather not": (0.1, 0.2, 0.1),
    "First or second": (0.4, 0.39, 0.01),
}
"""Answers, and the probabilities of the options after each; None where the model must not be asked."""


class Letters:
    """One id for each character."""

    vocab_size = 1 << 21

    def encode(self, text: str) -> tuple[int, ...]:
        return tuple(map(ord, text))

    def decode(self, ids: Sequence[int]) -> str:
        return "".join(map(chr, ids))

    def piece_bytes(self, ids: Sequence[int]) -> tuple[bytes, ...]:
        return tuple(chr(one).encode() for one in ids)


def subject(**changes: Any) -> Subject:
    codec = Letters()
    made = Subject(
        model="letters", prompt=(1,), problem=PROBLEM, sampling=PARAMS, judge=text_judge(PROBLEM, codec, None, grader_for("option")),
        grader=grader_for("option"), codec=codec, find_wall=len, close=None, exit_text=None, able=CAN, reach=None, context_length=None,
        limit=None, put=None, is_ended=lambda ids: True, instruction=None, feedback=None,
    )  # fmt: skip
    return replace(made, **changes)


def asking(texts: Sequence[str], judge: Any) -> Experiment[tuple[list[Grade | None], str]]:
    """Draws the texts, one rollout each, and grades them; a budget may end it."""
    start = TokenSequence(prompt=(1,), completion=())
    batch = tuple(Sample(sequence=start, cut=0, params=PARAMS, seed=0, index=i) for i in range(len(texts)))
    ended = ""
    answers: Sequence[Response | None]
    try:
        answers = yield batch
    except BudgetSpent as spent:
        answers, ended = spent.answers, str(spent)
    return [judge(one.ids, one.stop) if isinstance(one, Rollout) else None for one in answers], ended


def table(probabilities: tuple[float, ...]) -> ReadTable:
    return ReadTable(logprob=np.log(np.asarray([probabilities])), top_id=np.asarray([0]), top_logprob=np.asarray([-1.0]), token_forwards=1)


def run(looker: Looker, texts: Sequence[str], *, paid: int | None = None) -> tuple[list[Grade | None], str, list[Read]]:
    """Grades of the texts, and what the model was asked. ``paid``: readings after which the money is spent."""
    asked: list[Read] = []
    experiment = looker.over(asking(texts, looker.judge))
    batch = next(experiment)
    try:
        while True:
            answers: list[Response | None] = []
            for request in batch:
                if isinstance(request, Sample):
                    answers.append(Rollout(ids=Letters().encode(texts[request.index]), stop=StopReason.STOP))
                    continue
                assert isinstance(request, Read) and request.suffix == Letters().encode("So: ")
                asked.append(request)
                said = SAID[Letters().decode(request.sequence.completion)]
                assert said is not None, "a rule reads this answer"
                answers.append(table(said) if paid is None or len(asked) <= paid else None)
            if None in answers:
                batch = experiment.throw(BudgetSpent("the money is spent", tuple(answers)))
            else:
                batch = experiment.send(tuple(one for one in answers if one is not None))
    except StopIteration as finished:
        return (*finished.value, asked)


def test_the_model_reads_what_no_rule_reads_and_only_that() -> None:
    looker = Looker(subject(), SecondLook(text="So: "))
    grades, _, asked = run(looker, [*SAID, "Certainly the second one"])
    unread = Grade(outcome=UNPARSEABLE, verdict=Verdict.UNKNOWN)
    right = Grade(outcome="B", verdict=Verdict.CORRECT)
    # Too little mass; no option with more than half of it.
    assert grades == [right, right, unread, Grade(outcome="A", verdict=Verdict.INCORRECT), right]
    assert len(asked) == 3, "one answer twice is read once"
    assert looker.said().startswith("no rule reads the answers of 4 rollouts (3 different texts); the model names an option in 2 of these")


@pytest.mark.parametrize(("look", "outcomes"), [
    (SecondLook(text="So: ", mass=0.3, share=0.4), ["B", "B", "A"]),
    (SecondLook(text="So: ", mass=0.95, share=0.1), [UNPARSEABLE] * 3),
    (SecondLook(text="So: ", mass=0.1, share=0.8), [UNPARSEABLE] * 3),
    (SecondLook(text="So: ", mass=0.1, share=0.77), ["B", UNPARSEABLE, UNPARSEABLE]),
])  # fmt: skip
def test_thresholds_of_mass_and_share(look: SecondLook, outcomes: list[str]) -> None:
    grades, _, _ = run(Looker(subject(), look), list(SAID)[1:])
    assert [grade.outcome for grade in grades if grade] == outcomes


def test_an_answer_that_the_money_did_not_reach_is_not_there() -> None:
    """Taken for unparseable it would bias the shares towards what rules read."""
    grades, ended, _ = run(Looker(subject(), SecondLook(text="So: ")), list(SAID), paid=1)
    assert [grade and grade.outcome for grade in grades] == ["B", "B", None, None] and ended == "the money is spent"


def test_a_given_base_is_looked_at() -> None:
    looker = Looker(subject(), SecondLook(text="So: "))
    ids = Letters().encode("Certainly the second one")
    trace = Trace(sequence=TokenSequence(prompt=(1,), completion=ids), n_trace=3, stop=StopReason.STOP)
    experiment = looker.look_at(trace)
    (request,) = next(experiment)
    assert isinstance(request, Read) and request.cuts == (len(ids),)
    with pytest.raises(StopIteration):
        experiment.send((table((0.1, 0.7, 0.1)),))
    assert looker.judge(ids, StopReason.STOP).outcome == "B"
    assert list(looker.look_at(trace)) == [], "once"
    assert "of 1 rollouts (1 different" in looker.said()


def test_where_the_model_cannot_be_asked_the_answer_stays_unread() -> None:
    for changes in ({"context_length": 20}, {"able": replace(CAN, any_cut=False), "reach": lambda sequence, cuts, suffix: (False,)}):
        looker = Looker(subject(**changes), SecondLook(text="So: "))
        grades, _, asked = run(looker, ["Certainly the second one"] * 3)
        assert [grade and grade.outcome for grade in grades] == [UNPARSEABLE] * 3 and not asked
        assert looker.said().startswith("no rule reads the answers of 3 rollouts (1 different texts); the model names an option in 0")


def test_the_bound_counts_one_reading_for_each_rollout() -> None:
    looker = Looker(subject(), SecondLook(text="So: "))
    draw = Sample(sequence=TokenSequence(prompt=(1,), completion=()), cut=0, params=PARAMS, seed=0, index=0)
    (most,) = looker.most([Most(n=7, reads=draw, writes=draw)])
    assert most.n == 7 and most.reads.most_tokens() == (1 + 60 + len("So: "), 0)


def test_what_cannot_be_looked_at_is_refused() -> None:
    look = SecondLook(text="So: ")
    with pytest.raises(InvalidInput, match="options"):
        Looker(subject(problem=replace(PROBLEM, options=(), kind=AnswerKind.NUMERIC, gold="3")), look)
    with pytest.raises(Unsupported, match="second look"):
        Looker(subject(able=Capabilities(kinds=frozenset({"sample"}), leave=True)), look)
    assert lead_of(SecondLook()) == "\nThe answer is ("
    for bad in (0.0, 1.5, float("nan")):
        with pytest.raises(InvalidInput, match="least mass"):
            SecondLook(mass=bad)


def test_on_the_bundled_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rules that read nothing: every finished answer is read by the model, kept in the store, and drawn once."""
    pytest.importorskip("torch")
    from tokenworth.workbench import bench

    unread = Grade(outcome=UNPARSEABLE, verdict=Verdict.UNKNOWN)
    monkeypatch.setattr(bench, "grader_for", lambda what: lambda problem, text: unread)
    found = []
    for _ in range(2):
        with Workbench("tiny", store=tmp_path / "run.db") as work:
            case = work.case("world:steps", 3, grader="read", look=SecondLook(mass=0.01, share=0.01))
            curve = case.curve(case.sample(4).trace("any"), max_rollouts=60)
            found.append(curve.document)
    assert "the model names an option in" in found[0].provenance.second_look
    assert found[0].provenance.drawn > 60, "readings are requests too"
    assert found[1].provenance.drawn == 0 and found[1].value == found[0].value
    assert set(found[0].outcomes) - {UNPARSEABLE}, "the model names options"


def test_with_a_reader_it_is_the_reader_that_is_asked() -> None:
    looker = Looker(subject(), SecondLook(text="So: "), "reader")
    _, _, asked = run(looker, list(SAID))
    assert {request.role for request in asked} == {"reader"}
