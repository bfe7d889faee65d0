"""Weights of few bits behind llama.cpp: readings move with what is computed together, and no verdict depends on that.

Kept short, with the fewest bits; `make test-real` adds Q8_0, and does the same at length with a real model.
"""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.backends.http.llama_cases import OPTIONS, needs_torch, sampled_sequence, served, served_model, shaped
from tests.laws.backend import answers
from tests.servers.agree import agree
from tests.servers.busy import busy
from tokenworth.backends.bundled import TINY
from tokenworth.backends.http.noise import tolerance
from tokenworth.backends.http.record import findings
from tokenworth.backends.model import LoadOptions, Model
from tokenworth.core.request.read import Read, ReadTable
from tokenworth.methods.curve.result import CurveResult
from tokenworth.workbench.bench import Workbench
from tokenworth.workbench.models import load_model

pytestmark = pytest.mark.slow
MANY_BITS = {"Q8_0": 0.02, "Q4_0": 0.3}
"""The most that a reading may move by rounding of activations; the least is 0."""
SAMPLES = 6
"""Rollouts per cut."""


@pytest.fixture(scope="module")
def here(quantised: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Model:
    """The weights of the file under transformers in fp32."""
    from safetensors.numpy import save_file

    from recipes.tiny.to_gguf import read_safetensors, rounded

    kind, folder = quantised[0], tmp_path_factory.mktemp("rounded") / "model"
    shutil.copytree(TINY, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    weights = read_safetensors(TINY / "model.safetensors")
    save_file({name: np.ascontiguousarray(rounded(value, kind)) for name, value in weights.items()}, folder / "model.safetensors")
    return load_model(f"hf:{folder}", LoadOptions(threads=1, trace_format="tiny"))


def test_probes_alone_and_under_load_give_one_record(quantised: tuple[str, str]) -> None:
    kind, url = quantised
    records: list[dict[str, Any]] = []
    for number in range(3):
        with ExitStack() as stack:
            if number:
                stack.enter_context(busy(url))
            backend: Any = load_model(url, LoadOptions(server=OPTIONS)).backend
            stack.callback(backend.close)
            assert backend.served.record.n_most == 4
            records.append(dict(backend.record()))
            assert backend.is_same_model(records[0]) and backend.changes(records[0]) == ()
            assert backend.capabilities.kinds == {"sample", "next_token", "read"} and backend.capabilities.leave
    assert all(findings(record) == findings(records[0]) for record in records)
    assert all(record["failed"] == {} and record["noise"] <= MANY_BITS[kind] for record in records)


def test_resumes_draw_nothing_and_refuse_nothing(quantised: tuple[str, str], tmp_path: Path) -> None:
    for number in range(4):
        with ExitStack() as stack:
            if number > 1:
                stack.enter_context(busy(quantised[1]))
            bench = stack.enter_context(Workbench(quantised[1], store=tmp_path / "run.db", server=OPTIONS))
            case = bench.case("world:steps", 0)
            samples = case.sample(6, sampling=shaped())
            curve = case.curve(samples.trace("0"), sampling=shaped(), plan="stride", stride=6, samples=6)
            forced = case.forced(samples.trace("0"))
            drawn = [part.document.provenance.drawn for part in (samples, curve, forced)]
            assert all(drawn) if number == 0 else not any(drawn)
            probe = samples.document.provenance.probe_requests
            assert probe > 60 if number == 0 else 0 < probe <= 6
            assert bench.notes == ()


@needs_torch
def test_curves_agree_with_those_of_the_same_weights_here(quantised: tuple[str, str], here: Model) -> None:
    """Plain curves of one trace: at each of 26 cuts both intervals hold the value but for 1e-8 each; all rollouts: `agree`."""
    trace = Workbench(here).case("world:steps", 0).sample(8, sampling=shaped()).trace("correct")

    def curve(model: Model, temperature: float) -> CurveResult:
        sampling, level = shaped(temperature=temperature), 1 - 1e-8
        case = Workbench(model).case("world:steps", 0)
        return case.curve(trace, sampling=sampling, plan="plain", samples=SAMPLES, level=level, interval="beta").result

    there = served_model(quantised[1])
    first, second, hotter = curve(here, 1.0), curve(there, 1.0), curve(there, 2.0)
    assert np.array_equal(first.cuts, second.cuts) and len(first.cuts) > 10
    assert (np.maximum(first.low, second.low) <= np.minimum(first.high, second.high)).all()
    assert agree(first.value, second.value, SAMPLES) and not agree(first.value, hotter.value, SAMPLES)


@needs_torch
def test_forced_readings_stay_within_the_noise(quantised: tuple[str, str], here: Model) -> None:
    """Read twice, alone and among others; and computed here from the same weights, whose activations are not rounded."""
    backend = served(quantised[1])
    sequence, codec = sampled_sequence(1, shaped()), here.codec
    read = Read(
        sequence=sequence,
        cuts=tuple(range(len(sequence.completion))),
        suffix=codec.encode("</think> The answer is ("),
        continuations=tuple(codec.encode(option) for option in "ABCD"),
    )
    (quiet,) = answers(backend, (read,))
    with busy(quantised[1]):
        (loaded,) = answers(backend, (read,))
    (expected,) = answers(here.backend, (read,))
    assert isinstance(quiet, ReadTable) and isinstance(loaded, ReadTable) and isinstance(expected, ReadTable)
    within = tolerance(backend.served.record.noise)
    likely = expected.logprob > -5
    assert likely.sum() > 40
    assert np.abs(quiet.logprob - loaded.logprob)[likely].max() <= within
    assert np.median(np.abs(quiet.logprob - expected.logprob)[likely]) <= within
