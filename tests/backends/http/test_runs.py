"""Whole measurements over the real server: what the documents say, what a second run reuses, and which server it refuses."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.backends.http.llama_cases import OPTIONS, shaped
from tests.servers.llama import llama_server
from tokenworth.backends.bundled import TINY
from tokenworth.errors import MismatchError
from tokenworth.store.sqlite import open_existing
from tokenworth.workbench.bench import Workbench
from tokenworth.workbench.case import Measured

RUN = {"n": 12, "max_rollouts": 96}


def measure(url: str, store: Path | None, *, n: int, max_rollouts: int) -> tuple[Measured[Any, Any], ...]:
    """Samples, a curve of the first of them, and forced answers on it."""
    with Workbench(url, store=store, server=OPTIONS) as bench:
        case = bench.case("world:steps", 0)
        sampling = shaped()
        samples = case.sample(n, sampling=sampling)
        trace = samples.trace("0")
        return samples, case.curve(trace, sampling=sampling, max_rollouts=max_rollouts), case.forced(trace)


def drawn(parts: tuple[Any, ...]) -> list[tuple[int, int]]:
    return [(part.document.provenance.drawn, part.document.provenance.reused) for part in parts]


def without_counts(document: Any) -> Any:
    """A document but for when it was made and where its draws came from."""
    return replace(document, provenance=replace(document.provenance, created="", drawn=0, reused=0, tokens_drawn=0, tokens_cached=0))


def test_documents_say_where_they_come_from(llama_url: str, tmp_path: Path):
    parts = measure(llama_url, tmp_path / "run.db", **RUN)
    for part in parts:
        provenance = part.document.provenance
        assert provenance.server.startswith("llamacpp") and "8 completions per request" in provenance.server
        assert (provenance.retried, provenance.errors, provenance.cost, provenance.store) == (0, 0, None, "run.db")
        assert part.document.model.name == "tiny"
    assert drawn(parts) == [(12, 0), (97, 0), (1, 0)]
    samples, curve, forced = parts
    assert samples.result.accuracy > 0.4 and curve.document.provenance.tokens_cached > 0
    assert curve.result.n_rollouts == 96 and curve.result.widened is None
    assert np.isfinite(forced.result.readings[0].logprob).all()


def test_a_second_run_draws_nothing_and_a_larger_one_the_rest(llama_url: str, tmp_path: Path):
    path = tmp_path / "run.db"
    first = measure(llama_url, path, **RUN)
    again = measure(llama_url, path, **RUN)
    assert drawn(again) == [(0, 12), (0, 97), (0, 1)]
    for one, other in zip(first, again, strict=True):
        assert without_counts(one.document) == without_counts(other.document)
    larger = measure(llama_url, path, n=20, max_rollouts=160)
    assert drawn(larger) == [(8, 12), (64, 97), (0, 1)]
    with open_existing(path) as store:
        assert len(store) == 20 + 1 + 160 + 1
        # Every contact tells the same of the server but for rounding; it is kept once.
        assert len([run for run in store.runs() if run.verb == "probe"]) == 1


@pytest.fixture(scope="module")
def perturbed_gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled model with noise on its weights."""
    pytest.importorskip("gguf")
    from safetensors.numpy import save_file

    from recipes.tiny.to_gguf import read_safetensors, write_gguf

    folder = tmp_path_factory.mktemp("perturbed") / "model"
    shutil.copytree(TINY, folder)
    rng = np.random.default_rng(0)
    weights = read_safetensors(TINY / "model.safetensors")
    noisy = {
        name: np.asarray(value + 0.05 * value.std() * rng.standard_normal(value.shape), dtype=np.float32) for name, value in weights.items()
    }
    save_file(noisy, folder / "model.safetensors")
    write_gguf(folder, folder.with_name("tiny.gguf"))
    return folder.with_name("tiny.gguf")


def test_another_model_behind_the_same_name_is_refused(llama_url: str, perturbed_gguf: Path, tmp_path: Path):
    """It differs by a twentieth of its weights' spread; the same weights with a 16-bit cache and flash attention are the same model."""
    path = tmp_path / "run.db"
    measure(llama_url, path, **RUN)
    with llama_server(perturbed_gguf, slots=8) as other, pytest.raises(MismatchError, match="another model under the same name"):
        Workbench(other, store=path, server=OPTIONS)
    assert drawn(measure(llama_url, path, **RUN)) == [(0, 12), (0, 97), (0, 1)]


def test_the_same_model_with_other_rounding_goes_on(llama_url: str, tiny_gguf: Path, tmp_path: Path):
    path = tmp_path / "run.db"
    measure(llama_url, path, **RUN)
    with llama_server(tiny_gguf, slots=8, fast=True) as rounded:
        assert drawn(measure(rounded, path, **RUN)) == [(0, 12), (0, 97), (0, 1)]


def test_a_pool_of_two_models_is_refused(llama_url: str, perturbed_gguf: Path):
    with llama_server(perturbed_gguf, slots=8) as other, pytest.raises(MismatchError, match="other models"):
        Workbench([llama_url, other], server=OPTIONS)


def test_a_pool_of_one_model_shares_the_work(llama_url: str, tiny_gguf: Path):
    with llama_server(tiny_gguf, slots=8) as other, Workbench([llama_url, other], server=OPTIONS) as bench:
        samples = [bench.case("world:steps", item).sample(4, sampling=shaped()) for item in range(6)]
        assert sum(len(one.result.rollouts) for one in samples) == 24
        assert "2 endpoints" in samples[0].document.provenance.server
