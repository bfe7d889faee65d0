"""Served by vLLM and computed here, the bundled model is one model, at vLLM's default cap of 20 log-probabilities and without one.

The server without a cap also has sampling defaults of its own: every parameter we send must win over them.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.backends.http.llama_cases import OPTIONS, fixed_sequence, local_model, sampled_sequence, served_case, shaped, table_of, whole_q
from tests.helpers import chi_square_p
from tests.laws.backend import BACKEND_LAWS, answers
from tests.servers.vllm import vllm_server
from tokenworth.backends.bundled import TINY
from tokenworth.backends.http.backend import HttpBackend
from tokenworth.backends.http.client import Client
from tokenworth.backends.http.loop import LoopThread
from tokenworth.backends.http.options import Patience, Rates
from tokenworth.backends.http.transport import Transport, make_endpoint
from tokenworth.backends.model import LoadOptions, Model
from tokenworth.core.request.read import Read, ReadTable
from tokenworth.core.request.sample import Rollout, Sample
from tokenworth.core.tokens import TokenSequence
from tokenworth.methods.curve.result import CurveResult
from tokenworth.workbench.bench import Workbench
from tokenworth.workbench.models import load_model

CLOSE = 1e-4
"""Nats between vLLM in fp32 and transformers in fp32."""
FALSE_ALARM = 1e-6
SHAPES = {"plain": {}, "shaped": {"temperature": 0.6, "top_k": 20, "top_p": 0.95}, "min-p": {"temperature": 1.3, "min_p": 0.02}}
DEFAULTS = {"temperature": 0.3, "top_k": 3, "top_p": 0.5, "min_p": 0.2, "repetition_penalty": 1.5, "max_new_tokens": 10, "do_sample": True}
BOTH = pytest.mark.parametrize("url", [20, -1], indirect=True)


@pytest.fixture(scope="module", params=[20])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, measured: list[str]) -> Iterator[str]:
    """A server as ``--model`` takes it; the parameter is its cap on log-probabilities, -1 for none."""
    model = TINY
    if request.param == -1:
        model = tmp_path_factory.mktemp("vllm") / "tiny"
        shutil.copytree(TINY, model)
        known = json.loads((model / "generation_config.json").read_text())
        (model / "generation_config.json").write_text(json.dumps(known | DEFAULTS))
    began = time.monotonic()
    # Not resolved: the link's place is what tells Python which environment it belongs to.
    with vllm_server(Path(os.environ["TOKENWORTH_VLLM"]).absolute(), model, max_logprobs=request.param) as base:
        measured.append(f"start with --max-logprobs {request.param}: {time.monotonic() - began:.0f} s")
        yield f"{base}/v1#tiny"
        served_model.cache_clear()


@cache
def served_model(url: str) -> Model:
    return load_model(url, LoadOptions(server=OPTIONS))


def served(url: str, **record: Any) -> HttpBackend:
    """Its backend; with ``record``, one of its own that believes these other things of the server."""
    backend = served_model(url).backend
    assert isinstance(backend, HttpBackend)
    if not record:
        return backend
    known = replace(backend.served, record=replace(backend.served.record, **record), fingerprint="0" * 64)
    endpoints = [make_endpoint(endpoint.url, concurrency=64, rates=Rates()) for endpoint in backend.client.endpoints]
    client = Client(Transport(key=None, patience=Patience()), endpoints, backend.client.api)
    return HttpBackend(known, client, LoopThread("tokenworth-test"), n_most=known.record.n_most)


@BOTH
def test_the_probe_finds_what_vllm_does(url: str, request: pytest.FixtureRequest, measured: list[str]):
    began = time.monotonic()
    record = served(url).served.record
    measured.append(f"probe of {record.server}: {record.calls} requests, {time.monotonic() - began:.1f} s")
    obeyed = ("temperature_honoured", "top_k_honoured", "top_p_honoured", "min_p_honoured", "bias_honoured", "allowed_token_ids")
    found = ("ids_in", "ids_out", "text_counts", "tokenizer_agrees", "n_honoured", "logprobs_raw", "bias_keeps_logprobs", "prompt_logprobs")
    counted = ("stop_in_ids", "stop_text_trimmed", "continues_open_trace", "counts_all_choices", "counts_cached")
    assert {name: getattr(record, name) for name in (*obeyed, *found, *counted)} == dict.fromkeys((*obeyed, *found, *counted), True)
    assert (record.dialect, record.logprobs, record.order, record.echo) == ("completions", "ids", "min-p first", "ok")
    assert (record.n_most, record.stops_at, record.reply_ids, record.context_length) == (16, (2,), "unique", 512)
    assert record.logprobs_cap == (20 if "20" in request.node.callspec.id else local_model().codec.vocab_size)
    able = served(url).capabilities
    assert able.kinds == {"sample", "next_token", "read"} and able.leave and able.any_cut


@pytest.mark.parametrize("law", BACKEND_LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("shape", ["plain", "shaped"])
def test_backend_laws(url: str, law: Any, shape: str):
    backend, sequence = served(url), fixed_sequence(served_model(url))
    law(served_case(backend, lambda: served(url, logprobs_cap=3), sequence, shaped(**SHAPES[shape]), tolerance=CLOSE))


@BOTH
@pytest.mark.parametrize("shape", SHAPES)
def test_tables_equal_those_computed_here(url: str, shape: str, measured: list[str]):
    """q of the base and the 20 likeliest within its slack; log-probabilities at every position."""
    params, apart, slacks = shaped(**SHAPES[shape]), 0.0, []
    for item, task in ((1, "world:steps"), (2, "world:recall"), (3, "world:guess")):
        sequence = sampled_sequence(item, shaped(), task=task)
        here, there = table_of(local_model().backend, sequence, params), table_of(served(url), sequence, params)
        slack = np.zeros(len(there.p)) if there.slack is None else there.slack
        slacks.append(slack)
        apart = max(apart, float(np.abs(there.logprob - here.logprob).max()))
        np.testing.assert_allclose(there.logprob, here.logprob, rtol=0, atol=CLOSE)
        assert (np.abs(there.p - here.p) <= slack + CLOSE).all()
        exact = slack == 0
        assert np.array_equal(there.support[exact], here.support[exact])
    positions = np.concatenate(slacks)
    cap = served(url).served.record.logprobs_cap
    measured.append(
        f"{shape}, {cap} listed: {len(positions)} positions, largest difference {apart:.2g} nats, slack at {np.count_nonzero(positions)}"
    )
    assert len(positions) >= 100
    assert shape == "min-p" or not positions.any()


@BOTH
def test_forced_reads_equal_those_computed_here(url: str):
    codec, sequence = local_model().codec, sampled_sequence(1, shaped())
    texts = ("A", "B).", "C", "D", "A) or", " seven")
    read = Read(
        sequence=sequence,
        cuts=tuple(range(len(sequence.completion))),
        suffix=codec.encode("</think> The answer is ("),
        continuations=tuple(codec.encode(text) for text in texts),
    )
    (here,), (there,) = answers(local_model().backend, (read,)), answers(served(url), (read,))
    assert isinstance(here, ReadTable) and isinstance(there, ReadTable) and there.ceiling is None
    np.testing.assert_allclose(there.logprob, here.logprob, rtol=1e-5, atol=CLOSE)
    np.testing.assert_allclose(there.top_logprob, here.top_logprob, rtol=0, atol=CLOSE)
    assert np.array_equal(there.top_id, here.top_id)


def test_what_is_not_listed_is_bounded(url: str, measured: list[str]):
    """Where no token can be forced, 20 log-probabilities bound q and what is read."""
    codec, sequence = local_model().codec, fixed_sequence(local_model())
    capped = served(url, bias_keeps_logprobs=False)
    for changes in ({"temperature": 2.0}, {"temperature": 1.5, "top_p": 0.9}, {"temperature": 2.0, "min_p": 0.01}):
        params = shaped(**changes)
        here, there = table_of(local_model().backend, sequence, params), table_of(capped, sequence, params)
        slack = np.zeros(len(there.p)) if there.slack is None else there.slack
        assert slack.any() and (np.abs(there.p - here.p) <= slack + CLOSE).all()
        measured.append(f"{changes}, 20 listed, none forced: slack at most {slack.max():.2g}")
    read = Read(
        sequence=sequence,
        cuts=tuple(range(len(sequence.completion))),
        suffix=codec.encode("</think> The answer is ("),
        continuations=tuple(codec.encode(text) for text in ("A", "B", "C", "E", " seven", "A).")),
    )
    (here,), (there,) = answers(local_model().backend, (read,)), answers(capped, (read,))
    assert isinstance(here, ReadTable) and isinstance(there, ReadTable) and there.ceiling is not None
    unlisted = np.isnan(there.logprob)
    assert unlisted.any() and not unlisted.all() and (here.logprob <= there.ceiling + CLOSE).all()
    np.testing.assert_allclose(there.logprob[~unlisted], here.logprob[~unlisted], rtol=0, atol=2 * CLOSE)


def test_likeliest_rollouts_equal_those_computed_here(url: str):
    """Several a cut: vLLM gives one greedy completion a request."""
    sequence, params = fixed_sequence(local_model()), shaped(temperature=0.0)
    cuts = range(0, len(sequence.completion), 5)
    requests = tuple(Sample(sequence=sequence, cut=cut, params=params, seed=0, index=index) for cut in cuts for index in range(2))
    assert answers(served(url), requests) == answers(local_model().backend, requests)


# -- draws ---------------------------------------------------------------------------------------------------------------

CUT, DRAWS = 8, 3000


def firsts(url: str, leave: bool, **changes: Any) -> tuple[np.ndarray, TokenSequence]:
    """Counts of first tokens drawn at the cut."""
    sequence, params = fixed_sequence(local_model()), shaped(limit=CUT + 1, **changes)
    requests = tuple(Sample(sequence=sequence, cut=CUT, params=params, seed=3, index=i, leave=leave) for i in range(DRAWS))
    ids = [rollout.ids[0] for rollout in answers(served(url), requests) if isinstance(rollout, Rollout)]
    assert len(ids) == DRAWS
    return np.bincount(ids, minlength=local_model().codec.vocab_size), sequence


@BOTH
def test_neutral_draws_are_the_models(url: str):
    """Also on the server whose own defaults are far from neutral. Chi-square; a cooler q must fail."""
    counts, sequence = firsts(url, False, temperature=2.0)
    q, cooler = (whole_q(sequence.prefix(CUT), shaped(temperature=temperature)) for temperature in (2.0, 1.5))
    assert chi_square_p(counts, q * DRAWS) > FALSE_ALARM > chi_square_p(counts, cooler * DRAWS)


def test_min_p_comes_before_top_p(url: str):
    """As the record says: top-p keeps tokens of what min-p left. The other order keeps many more, and must fail."""
    counts, sequence = firsts(url, False, temperature=2.0, top_p=0.6, min_p=0.02)
    hot = whole_q(sequence.prefix(CUT), shaped(temperature=2.0))
    first = _top_p(_min_p(hot, 0.02), 0.6)
    last = _min_p(_top_p(hot, 0.6), 0.02)
    assert counts[first == 0].sum() == 0 and np.count_nonzero(last) > np.count_nonzero(first) + 5
    assert chi_square_p(counts, first * DRAWS) > FALSE_ALARM > chi_square_p(counts, last * DRAWS)


def _min_p(q: np.ndarray, share: float) -> np.ndarray:
    kept = np.where(q >= share * q.max(), q, 0.0)
    return kept / kept.sum()


def _top_p(q: np.ndarray, share: float) -> np.ndarray:
    order = np.argsort(-q, kind="stable")
    before = np.cumsum(q[order]) - q[order]
    kept = np.zeros_like(q)
    kept[order[before < share]] = q[order[before < share]]
    return kept / kept.sum()


@pytest.mark.parametrize("changes", [{"temperature": 2.0}, {"temperature": 2.0, "top_p": 0.9}, {"temperature": 2.0, "top_k": 20}], ids=str)
def test_excursions_leave_by_the_other_tokens(url: str, changes: dict[str, float]):
    """The base banned, drawn until another token comes, and taken from the list."""
    counts, sequence = firsts(url, True, **changes)
    q = whole_q(sequence.prefix(CUT), shaped(**changes))
    q[sequence.completion[CUT]] = 0
    assert counts[q == 0].sum() == 0 and chi_square_p(counts, q / q.sum() * DRAWS) > FALSE_ALARM


# -- whole measurements ------------------------------------------------------------------------------------------------

PLANS = {
    "excursions": {"max_rollouts": 200},
    "excursions, shaped": {"max_rollouts": 200},
    "stride": {"plan": "stride", "stride": 5, "samples": 40},
}


def curve_of(model: Any, name: str, temperature: float | None = None, measured: list[str] | None = None) -> CurveResult:
    """A curve over one base trace, at a level that no run will see missed."""
    case = Workbench(model).case("world:steps", 0)
    trace = Workbench(local_model()).case("world:steps", 0).sample(8, sampling=shaped()).trace("correct")
    sampling = shaped(**(SHAPES["shaped"] if "shaped" in name else {}))
    sampling = sampling if temperature is None else replace(sampling, temperature=temperature)
    began, before = time.monotonic(), model.backend.spent() if measured is not None else None
    made = case.curve(trace, sampling=sampling, level=1 - 1e-8, interval="beta", **PLANS[name])
    if measured is not None and before is not None:
        after = model.backend.spent()
        read, cached = after.tokens_read - before.tokens_read, after.tokens_cached - before.tokens_cached
        measured.append(
            f"{name}: {made.result.n_rollouts} rollouts, {after.requests - before.requests} requests, "
            f"{after.tokens_generated - before.tokens_generated} tokens in {time.monotonic() - began:.1f} s; "
            f"{cached / read:.0%} of {read} prompt tokens came from the cache"
        )
        assert made.document.provenance.errors == 0 and cached > 0
    return made.result


@pytest.mark.parametrize("name", PLANS)
def test_curves_agree_and_those_of_another_temperature_do_not(url: str, name: str, measured: list[str]):
    """At at most 26 cuts both intervals hold the value but for 1e-8 each."""
    here, there = curve_of(local_model(), name), curve_of(served_model(url), name, measured=measured)
    assert np.array_equal(here.cuts, there.cuts) and len(here.cuts) > 4
    known = ~np.isnan(here.value)
    assert np.array_equal(known, ~np.isnan(there.value)) and known.sum() >= 5
    assert (np.maximum(here.low, there.low) <= np.minimum(here.high, there.high))[known].all()
    if name == "excursions":
        hotter = curve_of(served_model(url), name, temperature=2.0)
        assert (np.maximum(here.low, hotter.low) > np.minimum(here.high, hotter.high)).sum() >= 8


def test_samples_forced_answers_and_a_second_run(url: str, tmp_path: Path):
    drawn: list[tuple[int, int]] = []
    for _ in range(2):
        with Workbench(url, store=tmp_path / "run.db", server=OPTIONS) as bench:
            case = bench.case("world:steps", 0)
            samples = case.sample(20, sampling=shaped())
            forced = case.forced(samples.trace("0"))
            assert samples.result.accuracy > 0.4 and samples.document.provenance.server.startswith("vllm")
            assert np.isfinite(forced.result.readings[0].logprob).all()
            drawn += [(part.document.provenance.drawn, part.document.provenance.reused) for part in (samples, forced)]
    assert drawn == [(20, 0), (1, 0), (0, 20), (0, 1)]


def test_a_pool_of_two_addresses(url: str):
    other = url.replace("127.0.0.1", "localhost")
    with Workbench([url, other], server=OPTIONS) as bench:
        samples = [bench.case("world:steps", item).sample(4, sampling=shaped()) for item in range(4)]
    assert sum(len(one.result.rollouts) for one in samples) == 16
    assert "2 endpoints" in samples[0].document.provenance.server
