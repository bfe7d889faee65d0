"""The whole job on the bundled model, as a Python user calls it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

if not os.environ.get("TOKENWORTH_REQUIRE_ALL"):
    pytest.importorskip("torch", reason="needs the [local] extra")

import tokenworth as tw
from tokenworth.core.problem import AnswerKind, Option, Problem
from tokenworth.errors import InvalidInput, MismatchError, Unsupported
from tokenworth.methods.curve.document import CurveDoc
from tokenworth.workbench.case import Case
from tokenworth.workbench.models import load_model


@pytest.fixture(scope="module")
def model() -> object:
    return load_model("tiny")


@pytest.fixture
def bench(model: object) -> tw.Workbench:
    return tw.Workbench(model)  # type: ignore[arg-type]


@pytest.fixture
def case(bench: tw.Workbench) -> Case:
    return bench.case("world:steps", 1)


@pytest.mark.slow
def test_the_quick_start(bench: tw.Workbench, tmp_path: Path) -> None:
    case = bench.case("world:steps", 3)
    trace = case.sample(8, seed=0).trace("any")
    curve = case.curve(trace, max_rollouts=150)
    page = tw.write_report(tmp_path / "report.html", curve, case.forced(trace))
    assert page.stat().st_size > 50_000
    assert len(curve.result.value) == trace.n_trace + 1
    assert (curve.result.low <= curve.result.value).all() and (curve.result.value <= curve.result.high).all()


@pytest.mark.slow
def test_documents_survive_a_file(case: Case, tmp_path: Path) -> None:
    curve = case.curve(case.sample(1).trace(), max_rollouts=20)
    tw.write_document(curve.document, tmp_path / "curve.json")
    again = tw.read_document(tmp_path / "curve.json")
    assert isinstance(again, CurveDoc) and again == curve.document


@pytest.mark.slow
def test_a_run_over_the_same_store_draws_nothing(model: object, tmp_path: Path) -> None:
    documents = []
    for _ in range(2):
        with tw.Workbench(model, store=tmp_path / "run.db") as bench:  # type: ignore[arg-type]
            case = bench.case("world:recall", 2)
            trace = case.sample(4, seed=1).trace("any")
            documents += [case.curve(trace, max_rollouts=60, seed=1).document, case.forced(trace).document]
    assert documents[2].provenance.drawn == 0 and documents[3].provenance.drawn == 0
    assert documents[2].value == documents[0].value and documents[3].exits == documents[1].exits


@pytest.mark.slow
def test_excursions_and_plain_rollouts_measure_the_same(bench: tw.Workbench) -> None:
    """Two independent estimates of each V(c): their difference over its standard error stays below 5.5 at every cut (false
    alarm < 5e-7 a cut), and is too large somewhere when one of the curves is shifted by 0.35."""
    case = bench.case("world:guess", 2)
    trace = case.sample(4, seed=5).trace("any")
    plain = case.curve(trace, plan="stride", stride=4, samples=80, seed=6).result
    some = case.curve(trace, max_rollouts=300, seed=7).result
    cuts = np.flatnonzero(plain.n_started)
    spread = np.sqrt(((plain.high - plain.low)[cuts] / 3.92) ** 2 + ((some.high - some.low)[cuts] / 3.92) ** 2)
    z = np.abs(plain.value - some.value)[cuts] / spread
    assert z.max() < 5.5, dict(zip(cuts.tolist(), z.round(2).tolist(), strict=True))
    assert (np.abs(plain.value - some.value + 0.35)[cuts] / spread).max() > 4


def test_forced_answers_are_probabilities_and_know_the_wall(case: Case) -> None:
    trace = case.sample(2).trace("any")
    forced = case.forced(trace)
    (reading,) = forced.result.readings
    assert forced.result.cuts.tolist() == list(range(trace.n_trace + 1))
    assert (reading.mass <= 1 + 1e-6).all() and (reading.mass > 0.5).all()
    assert forced.document.own_answer in (*forced.result.options, None)
    np.testing.assert_allclose(reading.renormalised.sum(axis=1), 1.0)


def test_several_exit_texts_are_compared(case: Case) -> None:
    trace = case.sample(1).trace()
    forced = case.forced(trace, exits=("</think> The answer is (", " So it is done.</think> The answer is ("), stride=5)
    assert len(forced.result.readings) == 2 and len(forced.document.exits) == 2
    assert forced.result.cuts[-1] == trace.n_trace


def test_multi_token_options_by_teacher_forcing_factorise(case: Case) -> None:
    """log P("A).") = log P("A") + log P(")" | A) + …: longer options are never likelier than their beginning."""
    trace = case.sample(1).trace()
    short = case.forced(trace, options=("A", "B", "C", "D")).result.readings[0]
    long = case.forced(trace, options=("A).", "B).", "C).", "D).")).result.readings[0]
    assert (long.logprob <= short.logprob + 1e-5).all()


def test_truncated_rollouts_are_an_outcome_of_their_own(case: Case) -> None:
    samples = case.sample(6, sampling=case.sampling(limit=3))
    assert samples.document.outcomes == {"truncated in trace": 6} and samples.document.accuracy == 0.0
    assert samples.result.length_correlation.n == 0 and samples.document.length_correlation is None


def test_greedy_sampling_is_certain_everywhere(case: Case) -> None:
    greedy = case.sampling(temperature=0.0)
    trace = case.sample(1, sampling=greedy).trace()
    curve = case.curve(trace, sampling=greedy, half_width=0.1)
    assert curve.result.n_rollouts == 0 and set(curve.result.value.tolist()) <= {0.0, 1.0}


def test_a_problem_of_ones_own(bench: tw.Workbench) -> None:
    problem = Problem(id="mine", question="Ann has 2 pears. Ann gets 3 more. How many pears does Ann have?", gold="B",
                      options=tuple(Option(label=a, text=b) for a, b in zip("ABCD", "4567", strict=True)))  # fmt: skip
    document = bench.case(problem).sample(4).document
    assert document.problem is not None and document.problem.id == "mine"


def test_bad_input_is_refused_before_anything_is_drawn(bench: tw.Workbench, case: Case) -> None:
    context = bench.model.context_length
    assert context is not None
    with pytest.raises(InvalidInput, match="context"):
        case.sampling(limit=context)
    with pytest.raises(InvalidInput, match="needs a problem"):
        bench.case()
    with pytest.raises(MismatchError, match="vocabulary"):
        case.given_trace((1, 10**6))
    with pytest.raises(InvalidInput, match="empty"):
        case.given_trace(())
    with pytest.raises(InvalidInput, match="completion may have"):
        case.given_trace((5,) * 21, sampling=case.sampling(limit=20))
    long = Problem(id="long", question="How? " * 600, gold="A", options=(Option(label="A", text="1"), Option(label="B", text="2")))
    with pytest.raises(InvalidInput, match="context"):
        bench.case(long).sampling()
    free = Problem(id="free", question="How many?", gold="3", kind=AnswerKind.NUMERIC)
    other = bench.case(free)
    with pytest.raises(InvalidInput, match="two options"):
        other.forced(other.given_trace((5, 6, bench.model.stop[0])))


def test_the_wall_stands_before_the_stop_token_where_a_trace_never_closes(case: Case) -> None:
    stop = case.model.stop[0]
    trace = case.given_trace((*case.model.codec.encode(" Start with 7."), stop))
    assert trace.answer_ids == (stop,) and stop not in trace.ids
    with pytest.raises(InvalidInput, match="continues after stop token"):
        case.given_trace((5, stop, 6, 7))


def test_a_base_cut_off_by_another_limit_is_refused(case: Case) -> None:
    trace = case.sample(1, sampling=case.sampling(limit=3)).trace()
    with pytest.raises(MismatchError, match="limit"):
        case.curve(trace, max_rollouts=5)


def test_options_that_begin_alike_are_told_apart_or_refused(case: Case) -> None:
    trace = case.sample(1).trace()
    case.forced(trace, options=("A).", "A)?"))
    with pytest.raises(InvalidInput, match="overlap"):
        case.forced(trace, options=("A", "A)."))


@pytest.mark.slow
def test_a_backend_without_probabilities_is_refused_by_name(model: object) -> None:
    from dataclasses import replace

    from tokenworth.core.ports import Capabilities

    class Poor:
        def __init__(self, backend: object) -> None:
            self.backend = backend
            self.capabilities = Capabilities(kinds=frozenset({"sample"}), leave=False)

        def __getattr__(self, name: str) -> object:
            return getattr(self.backend, name)

    poor = tw.Workbench(replace(model, backend=Poor(model.backend)))  # type: ignore[type-var, attr-defined, arg-type]
    case = poor.case("world:steps", 1)
    trace = case.sample(1).trace()
    with pytest.raises(Unsupported, match="stride or plain"):
        case.curve(trace)
    with pytest.raises(Unsupported, match="forced"):
        case.forced(trace)
    assert case.curve(trace, plan="stride", stride=20, samples=3).result.table is None


@pytest.mark.slow
def test_the_command_line_on_the_bundled_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from tokenworth.cli.main import run

    out = tmp_path / "{item}.json"
    assert run(["curve", "--task", "world:steps", "--item", "0,2", "--max-rollouts", "20", "--json", str(out)]) == 0
    assert [json.loads((tmp_path / f"{i}.json").read_text())["problem"]["id"] for i in (0, 2)] == [
        "world:steps/test/0",
        "world:steps/test/2",
    ]
    assert run(["curve", "--task", "world:stesp", "--item", "0"]) == 2
    assert "steps" in capsys.readouterr().err
    assert run(["curve", "--task", "world:steps", "--item", "0-2", "--json", "one.json"]) == 2
