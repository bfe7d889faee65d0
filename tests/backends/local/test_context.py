"""A base that is longer than the model's context: what fits is measured, and the rest is named."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from tests.backends.local.architectures import CONTEXT
from tests.backends.local.local_models import folder_of, sequence_of
from tokenworth.core.problem import Option, Problem
from tokenworth.core.tokens import StopReason, TokenSequence, Trace
from tokenworth.errors import InvalidInput
from tokenworth.workbench.bench import Workbench

LONG = CONTEXT + 44


@pytest.fixture(scope="module")
def case():
    problem = Problem(id="long", question="2 + 2?", options=(Option(label="A", text="3"), Option(label="B", text="4")), gold="B")
    with Workbench(str(folder_of("llama"))) as bench:
        yield bench.case(problem)


def trace_of(case, n: int) -> Trace:
    sequence = TokenSequence(prompt=case.prompt, completion=sequence_of(0, n, seed=3).completion)
    return Trace(sequence=sequence, n_trace=n, stop=StopReason.LENGTH)


def test_forced_reads_the_cuts_that_fit(case):
    given = case.given_trace(sequence_of(0, LONG, seed=3).completion)
    assert given == trace_of(case, LONG)
    result = case.forced(trace_of(case, LONG), exits=("</think>",), stride=40).result
    room = CONTEXT - len(case.prompt) - len(result.readings[0].suffix) - 1
    fits = [cut for cut in range(0, LONG, 40) if cut <= room]
    assert result.cuts.tolist() == [*fits, *([room] if room not in fits else [])]
    assert result.missed is not None and result.missed.longest == room
    assert result.missed.cuts == (*(cut for cut in range(0, LONG, 40) if cut > room), LONG)
    short = case.forced(trace_of(case, room), exits=("</think>",), stride=40).result
    assert short.missed is None
    np.testing.assert_allclose(short.readings[0].logprob, result.readings[0].logprob, atol=1e-4)
    document = case.forced(trace_of(case, LONG), exits=("</think>",), stride=40).document
    assert f"do not fit into the model's context and were not measured: {fits[-1] + 40}" in document.notes[-1]
    assert f"(the last that does: {room})" in document.notes[-1] and document.forced_at_end is None


@pytest.mark.parametrize("plan", [{"plan": "stride", "stride": 50, "samples": 2}, {"max_rollouts": 3}])
def test_curve_measures_the_cuts_that_fit(case, plan: dict[str, object]):
    made = case.curve(trace_of(case, LONG), **plan)
    room = CONTEXT - len(case.prompt)
    assert made.result.trace.n_trace == room and made.result.trace.stop is StopReason.LENGTH
    assert len(made.result.value) == room + 1
    assert made.result.missed is not None and made.result.missed.longest == room and made.result.missed.cuts[-1] == LONG
    assert any("do not fit into the model's context and were not measured" in note for note in made.document.notes)


def test_a_prompt_that_leaves_no_room_is_refused(case):
    with pytest.raises(InvalidInput, match="exceeds the model's context by"):
        case.forced(trace_of(case, 4), exits=("x " * CONTEXT,))


def test_a_run_says_nothing_to_developers(case):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        case.curve(trace_of(case, 30), plan="stride", stride=30, samples=1, sampling=case.sampling(limit=30))
