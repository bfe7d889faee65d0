"""The bundled model behind llama.cpp's server and on this machine, as the tests of servers use it."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from tests.laws.backend import BackendCase, answers
from tokenworth.backends.http.backend import HttpBackend
from tokenworth.backends.http.client import Client
from tokenworth.backends.http.llama_api import LlamaApi
from tokenworth.backends.http.loop import LoopThread
from tokenworth.backends.http.options import Patience, Rates, ServerOptions
from tokenworth.backends.http.transport import Transport, make_endpoint
from tokenworth.backends.model import LoadOptions, Model
from tokenworth.core.ports import Backend
from tokenworth.core.request.next_token import NextToken, NextTokenTable
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import TokenSequence
from tokenworth.workbench.bench import Workbench
from tokenworth.workbench.models import load_model

_ABSENT = [name for name in ("torch", "transformers") if importlib.util.find_spec(name) is None]
needs_torch = pytest.mark.skipif(
    bool(_ABSENT) and "TOKENWORTH_REQUIRE_ALL" not in os.environ, reason=f"not installed: {', '.join(_ABSENT)} (extra: local)"
)

CLOSE = 1e-4
"""Log-probabilities of llama.cpp with a 32-bit cache against transformers in fp32: at most 6e-5 apart over whole vocabularies."""
TRACE = " Start with 6. 6 plus 6 is 12. 12 minus 5 is 7. So it is 7.</think> The answer is (A).<|end|>"
OPTIONS = ServerOptions(tokenizer="tiny")


@cache
def served_model(url: str) -> Model:
    """The served model, probed once a test run. It is never closed: its thread ends with the process."""
    return load_model(url, LoadOptions(server=OPTIONS))


def served(url: str, **record: Any) -> HttpBackend:
    """Its backend; with ``record``, one of its own that believes these other things of the server."""
    if record:
        return _believing(url, tuple(record.items()))
    backend = served_model(url).backend
    assert isinstance(backend, HttpBackend)
    return backend


@cache
def _believing(url: str, record: tuple[tuple[str, Any], ...]) -> HttpBackend:
    probed = served(url)
    changed = replace(probed.served.record, **dict(record))
    known = replace(probed.served, record=changed, fingerprint=changed.fingerprint("another"))
    endpoints = [make_endpoint(endpoint.url, concurrency=endpoint.limit.most, rates=Rates()) for endpoint in probed.client.endpoints]
    client = Client(Transport(key=None, patience=Patience()), endpoints, LlamaApi(known.vocab_size))
    return HttpBackend(known, client, LoopThread("tokenworth-test"), n_most=changed.n_most)


@cache
def local_model() -> Model:
    """The same weights under transformers in fp32, with one thread."""
    return load_model("tiny")


def fixed_sequence(model: Model, text: str = TRACE) -> TokenSequence:
    """The first steps problem with a given completion."""
    return TokenSequence(prompt=Workbench(model).case("world:steps", 0).prompt, completion=model.codec.encode(text))


def sampled_sequence(item: int, sampling: Sampling, *, task: str = "world:steps") -> TokenSequence:
    """A completion of the local model, the same in every run."""
    return Workbench(local_model()).case(task, item).sample(1, sampling=sampling).trace().sequence


def shaped(limit: int = 60, **changes: Any) -> Sampling:
    """Neutral sampling of the bundled model with changes."""
    values = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0, "max_tokens": limit, "stop": (2,)}
    return Sampling(**(values | changes))


def table_of(
    backend: Backend, sequence: TokenSequence, params: Sampling, *, cuts: tuple[int, ...] | None = None, top: int = 20
) -> NextTokenTable:
    """Next-token probabilities at all cuts, or some."""
    wanted = tuple(range(len(sequence.completion))) if cuts is None else cuts
    (table,) = answers(backend, (NextToken(sequence=sequence, cuts=wanted, params=params, top=top),))
    assert isinstance(table, NextTokenTable)
    return table


def served_case(
    backend: HttpBackend, make_other: Callable[[], Backend], sequence: TokenSequence, params: Sampling, *, tolerance: float
) -> BackendCase:
    """A served model to try the laws on, at the first cuts of ``sequence`` where another token can be drawn."""
    table = table_of(backend, sequence, params)
    forks = np.flatnonzero((table.support > 1) & (table.p < 0.99))[:3]
    assert len(forks) > 1
    codec = backend.served.codec
    return BackendCase(
        make=lambda: backend,
        make_other=make_other,
        sequence=sequence,
        params=params,
        forks=tuple(int(cut) for cut in forks),
        read_cuts=(0, 5, 11, len(sequence.completion)),
        suffix=codec.encode("</think> The answer is ("),
        continuations=(codec.encode("B)."), codec.encode("C")),
        tolerance=tolerance,
        keyed_draws=False,
    )


def whole_q(ids: tuple[int, ...], params: Sampling) -> np.ndarray:
    """q of every token after ``ids``, from the local model."""
    model = local_model()
    sequence = TokenSequence(prompt=ids, completion=(0,))
    table = table_of(model.backend, sequence, params, top=model.codec.vocab_size)
    q = np.zeros(model.codec.vocab_size)
    kept = table.top_ids[0] >= 0
    q[table.top_ids[0][kept]] = table.top_p[0][kept]
    return q
