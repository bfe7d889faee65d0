"""A GGUF file under our own llama.cpp: the same model as in the local engine, known without a probe, and gone when it is closed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.backends.http.llama_cases import CLOSE, fixed_sequence, local_model, needs_torch, served_case, shaped, table_of
from tests.backends.llama.gguf_files import write_tiny
from tests.laws.backend import BACKEND_LAWS, answers
from tokenworth.backends.gguf import backend as module
from tokenworth.backends.gguf.backend import GgufBackend
from tokenworth.backends.http.options import ServerOptions
from tokenworth.backends.model import LoadOptions, Model
from tokenworth.core.request.read import Read, ReadTable
from tokenworth.core.request.sample import Sample
from tokenworth.core.tokens import TokenSequence
from tokenworth.errors import InvalidInput, MismatchError, MissingExtra, ServerError
from tokenworth.workbench.models import load_model


@pytest.fixture(scope="module")
def model(tiny_gguf: Path) -> Iterator[Model]:
    loaded = load_model(f"gguf:{tiny_gguf}", LoadOptions(batch=8, trace_format="tiny"))
    yield loaded
    own(loaded).close()


def own(model: Model) -> GgufBackend:
    assert isinstance(model.backend, GgufBackend)
    return model.backend


def is_running(process: Any) -> bool:
    return process._process.poll() is None


@pytest.mark.parametrize("law", BACKEND_LAWS, ids=lambda law: law.__name__)
def test_backend_laws(law: Any, model: Model, tmp_path: Path, request: pytest.FixtureRequest):
    def other() -> GgufBackend:
        file = write_tiny(tmp_path / "other.gguf", more=[("general.version", "2")])
        made = own(load_model(f"gguf:{file}", LoadOptions(batch=2)))
        request.addfinalizer(made.close)
        return made

    law(served_case(own(model), other, fixed_sequence(model), shaped(), tolerance=CLOSE))


@needs_torch
def test_it_is_the_model_of_the_local_engine(model: Model):
    here, sequence = local_model(), fixed_sequence(model)
    assert (model.stop, model.context_length, model.codec.vocab_size) == (here.stop, here.context_length, here.codec.vocab_size)
    for params in (shaped(), shaped(temperature=0.6, top_k=20, top_p=0.95)):
        one, other = (table_of(each.backend, sequence, params) for each in (here, model))
        np.testing.assert_allclose(other.logprob, one.logprob, rtol=0, atol=CLOSE)
        np.testing.assert_allclose(other.p, one.p, rtol=0, atol=CLOSE)
    suffix = model.codec.encode("</think> The answer is (")
    read = Read(sequence=sequence, cuts=(0, 5, 11), suffix=suffix, continuations=tuple(model.codec.encode(letter) for letter in "ABCD"))
    tables = [answers(each.backend, (read,))[0] for each in (here, model)]
    assert all(isinstance(table, ReadTable) for table in tables)
    np.testing.assert_allclose(tables[1].logprob, tables[0].logprob, rtol=0, atol=1e-3)


@needs_torch
@pytest.mark.parametrize("text", ["How many? </think> (A)<|end|> <|user|>", "plain", "<think>"])
def test_data_is_never_a_control_token(model: Model, text: str):
    here = local_model()
    assert here.render is not None and model.render is not None
    turns = [{"role": "user", "content": text}]
    assert model.render(turns) == here.render(turns)
    assert model.encode_data(text) == here.encode_data(text)
    assert model.controls(text) == here.controls(text)


@pytest.mark.slow
def test_what_is_known_of_it_is_what_a_probe_finds(tiny_gguf: Path, model: Model):
    probed = load_model(f"gguf:{tiny_gguf}", LoadOptions(batch=8, server=ServerOptions(renew=True)))
    try:
        figures = ("noise", "identity", "calls")
        found, known = (asdict(own(one).served.record) for one in (probed, model))
        assert {name: found[name] for name in found if name not in figures} == {name: known[name] for name in known if name not in figures}
        assert found["noise"] < 1e-4 and own(model).probed.requests == 0 < own(probed).probed.requests
        assert own(probed).fingerprint == own(model).fingerprint
    finally:
        own(probed).close()


def test_another_version_is_probed(tiny_gguf: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "PROBED_VERSION", "1.0")
    probed = load_model(f"gguf:{tiny_gguf}", LoadOptions(batch=2))
    assert own(probed).probed.requests > 20
    own(probed).close()


def test_a_file_that_is_moved_is_the_same_model(tiny_gguf: Path, model: Model, tmp_path: Path):
    moved = Path(shutil.copy(tiny_gguf, tmp_path / "moved.gguf"))
    one = load_model(f"gguf:{moved}", LoadOptions(batch=2, threads=1))
    half = load_model(f"gguf:{moved}", LoadOptions(batch=2, dtype="bfloat16"))
    assert own(one).fingerprint == own(model).fingerprint != own(half).fingerprint
    for each in (one, half):
        own(each).close()


def test_a_tokenizer_that_llama_cpp_does_not_share_is_refused(model: Model):
    own(model).check_tokenizer(model.codec.encode)
    with pytest.raises(MismatchError, match=r"of the text .* llama.cpp makes other ids .* from token 1 on"):
        own(model).check_tokenizer(lambda text: [*model.codec.encode(text)[:1], 999])


def test_it_ends_when_it_is_closed_and_says_so_when_it_ends_by_itself(tiny_gguf: Path):
    loaded = load_model(f"gguf:{tiny_gguf}", LoadOptions(batch=2))
    process = own(loaded).process
    os.kill(process._process.pid, signal.SIGKILL)
    process.wait()
    sequence = TokenSequence(prompt=loaded.codec.encode("How many?"), completion=())
    with pytest.raises(ServerError, match=r"llama.cpp has ended by itself: exit code -9; what was drawn is in the --store"):
        answers(own(loaded), (Sample(sequence=sequence, cut=0, params=shaped(), seed=0, index=0),))
    own(loaded).close()
    again = load_model(f"gguf:{tiny_gguf}", LoadOptions(batch=2))
    assert is_running(own(again).process)
    own(again).close()
    assert not is_running(own(again).process)


def test_it_ends_with_the_process_that_began_it(tiny_gguf: Path):
    code = f"""
import time
from tokenworth.workbench.models import load_model
model = load_model("gguf:{tiny_gguf}")
print(model.backend.process._process.pid, flush=True)
time.sleep(60)
"""
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert child.stdout is not None
    pid = int(child.stdout.readline())
    child.kill()
    child.communicate()
    deadline = time.monotonic() + 20
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("layers", (b"llama.block_count\x04\0\0\0\x05", b"llama.block_count\x04\0\0\0\xff"), "llama.cpp cannot load it: "),
        ("heads", (b"llama.attention.head_count\x04\0\0\0\x04", b"llama.attention.head_count\x04\0\0\0\x07"), "llama.cpp cannot load it: "),
    ],
)
def test_what_llama_cpp_cannot_load_is_refused_in_its_words(
    name: str, change: tuple[bytes, bytes], told: str, tiny_gguf: Path, tmp_path: Path
):
    whole = tiny_gguf.read_bytes()
    assert whole.count(change[0]) == 1
    file = tmp_path / f"{name}.gguf"
    file.write_bytes(whole.replace(*change))
    with pytest.raises(InvalidInput, match=told) as caught:
        load_model(f"gguf:{file}")
    assert "\n" not in str(caught.value) and len(str(caught.value)) > len(str(file)) + 40


def test_without_xllamacpp_the_extra_is_named(tiny_gguf: Path, monkeypatch: pytest.MonkeyPatch):
    from tokenworth.backends.llama import process

    monkeypatch.setattr(process, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"pip install 'tokenworth\[gguf\]'"):
        load_model(f"gguf:{tiny_gguf}")
