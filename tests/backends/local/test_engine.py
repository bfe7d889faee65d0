"""Rollouts and next-token tables of tiny random models against transformers' own forward and generate."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from tests.backends.local.local_models import CONTEXT, ask, ask_one, backend_of, folder_of, keyed, sampling, sequence_of
from tests.helpers import chi_square_p
from tests.laws.backend import BACKEND_LAWS, BackendCase
from tokenworth.backends.local import attention
from tokenworth.backends.local.backend import LocalBackend
from tokenworth.backends.local.engine import Engine
from tokenworth.backends.local.load import load_local
from tokenworth.backends.local.prefixes import PrefixStore
from tokenworth.backends.local.probe import decoded_logits, read_logits, stock_logits
from tokenworth.backends.local.rows import Rows
from tokenworth.core.request.next_token import NextToken, NextTokenTable
from tokenworth.core.request.sample import Rollout, Sample
from tokenworth.core.sampling import Sampling, sampling_distribution
from tokenworth.core.tokens import StopReason, TokenSequence
from tokenworth.errors import InvalidInput, MismatchError

FALSE_ALARM = 1e-6


def local_case() -> BackendCase:
    return BackendCase(
        make=lambda: load_local(str(folder_of("llama"))),
        make_other=lambda: load_local(str(folder_of("llama", 1))),
        sequence=sequence_of(7, 12),
        params=sampling(30, stop=(1,), top_k=40),
        forks=(2, 7),
        read_cuts=(0, 3, 11, 12),
        suffix=(5, 6),
        continuations=((7, 8, 9), (7,), (10, 11)),
        tolerance=1e-5,
    )


@pytest.mark.parametrize("law", BACKEND_LAWS, ids=lambda law: law.__name__)
def test_backend_laws(law: Any):
    law(local_case())


@pytest.mark.parametrize("architecture", ["llama", "gpt_oss", "bloom"])
def test_the_path_of_other_devices_agrees(monkeypatch: pytest.MonkeyPatch, architecture: str):
    """Without the CPU's fused kernel, attention is two products and a softmax: what a GPU runs."""
    model = backend_of(architecture).model
    ids, lengths = np.asarray(sequence_of(0, 60, seed=4).completion), np.array([3, 20, 40])
    fused = decoded_logits(model, ids, lengths, 4), read_logits(model, ids, lengths, ids[:3])
    monkeypatch.setattr(attention, "_FLASH", None)
    plain = decoded_logits(model, ids, lengths, 4), read_logits(model, ids, lengths, ids[:3])
    for one, other in zip(fused, plain, strict=True):
        assert 0 < float((one - other).abs().max()) <= 1e-4 * float(one.abs().max())


GREEDY = ["llama", "qwen3", "gemma", "gpt2", "mixtral", "gemma2", "gpt_oss", "bloom", "gpt_neo", "deepseek_v3"]


@pytest.mark.parametrize("architecture", GREEDY)
def test_greedy_rollouts_of_many_cuts_equal_generate(architecture: str):
    backend = backend_of(architecture, 3)
    sequence = sequence_of(12, 40, seed=2)
    params = sampling(70, temperature=0.0)
    cuts = [0, 40, 5, 17, 33, 17]
    requests = [Sample(sequence=sequence, cut=cut, params=params, seed=0, index=i) for i, cut in enumerate(cuts)]
    rollouts = ask(backend, requests)
    with backend.model.stock_attention() as stock, torch.inference_mode():
        for cut, rollout in zip(cuts, rollouts, strict=True):
            prefix = torch.tensor([sequence.prefix(cut)])
            mask = torch.ones_like(prefix)
            out = stock.generate(prefix, attention_mask=mask, do_sample=False, max_new_tokens=70 - cut, eos_token_id=None)
            assert list(rollout.ids) == out[0, prefix.shape[1] :].tolist()
            assert rollout.stop is StopReason.LENGTH


def many_requests(n: int = 60) -> list[Sample]:
    """Different cuts, sequences and kinds of start; about one step in 20 stops."""
    params = sampling(90, stop=tuple(range(1, 17)))
    one, other = sequence_of(9, 50, seed=5, stop=1), sequence_of(20, 30, seed=6)
    one = TokenSequence(prompt=one.prompt, completion=tuple(i if i > 16 else i + 40 for i in one.completion))
    other = TokenSequence(prompt=other.prompt, completion=tuple(i if i > 16 else i + 40 for i in other.completion))
    rng = np.random.default_rng(7)
    requests: list[Sample] = []
    for i in range(n):
        sequence = one if rng.random() < 0.7 else other
        cut = int(rng.integers(0, len(sequence.completion)))
        kind = i % 3
        branch = 100 + i if kind == 1 else None
        requests.append(Sample(sequence=sequence, cut=cut, params=params, seed=0, index=i, branch=branch, leave=kind == 2))
    return requests


def test_rollouts_do_not_depend_on_batch_order_or_neighbours():
    """The same key gives the same rollout in a batch of 1, 7 (with refills and moved rows) or 64, and in any order."""
    requests = many_requests()
    whole = ask(backend_of("llama", 64), requests)
    refilled = ask(backend_of("llama", 7), requests[::-1])[::-1]
    alone = [ask_one(backend_of("llama", 1), request) for request in requests[:12]]
    assert whole == refilled
    assert whole[:12] == alone
    lengths = [len(rollout.ids) for rollout in whole]
    assert len(set(lengths)) > 10 and {rollout.stop for rollout in whole} == {StopReason.STOP, StopReason.LENGTH}


def test_rollouts_of_twice_used_memory_are_the_same():
    """Rows keep their memory between calls; what the last call left there must not show."""
    backend = load_local(str(folder_of("llama")), batch=5)
    requests = many_requests(30)
    first = ask(backend, requests)
    half = backend.answer(keyed(backend, requests))
    next(half)
    again = ask(backend, requests)
    rest = list(half)
    assert first == again and len(rest) == len(requests) - 1
    assert dict(rest).items() <= dict(zip([item.key for item in keyed(backend, requests)], first, strict=True)).items()


def draws(backend: LocalBackend, sample: Sample, n: int, place: int) -> np.ndarray:
    """Counts of the id at ``place`` of ``n`` rollouts."""
    rollouts = ask(backend, [replace(sample, index=i) for i in range(n)])
    return np.bincount([rollout.ids[place] for rollout in rollouts], minlength=backend.model.vocab_size)


@pytest.mark.parametrize("changes", [{}, {"temperature": 0.6, "top_k": 20, "top_p": 0.95}, {"min_p": 0.05}, {"top_p": 0.8}])
def test_sampled_tokens_follow_q(changes: dict[str, float]):
    """First and second tokens against q from the stock forward. False alarm 1e-6 a test; a temperature 1.3 times off is seen."""
    backend, n = backend_of("llama", 250), 4000
    sequence = sequence_of(6, 20, seed=8)
    cut, branch = 11, 30
    params = sampling(cut + 2, **changes)
    logits = stock_logits(backend.model, np.array([*sequence.prefix(cut), branch])).numpy()
    for place, row, forced in ((0, logits[-2], None), (1, logits[-1], branch)):
        request = Sample(sequence=sequence, cut=cut, params=replace(params, max_tokens=cut + 1 + place), seed=0, index=0, branch=forced)
        counts = draws(backend, request, n, place)
        q = sampling_distribution(row, params)
        assert counts[q == 0].sum() == 0
        assert chi_square_p(counts, n * q) > FALSE_ALARM
        off = sampling_distribution(row, replace(params, temperature=params.temperature * 1.3))
        assert chi_square_p(counts, n * off) < FALSE_ALARM, "the test would not see a wrong temperature"


def test_leaving_draws_from_the_other_tokens():
    backend, n = backend_of("llama", 64), 3000
    sequence = sequence_of(6, 20, seed=8)
    table = ask_one(backend, NextToken(sequence=sequence, cuts=tuple(range(20)), params=sampling(25, top_k=8), top=8))
    cut = next(c for c in range(20) if table.p[c] == 0 and table.support[c] == 8)
    token = int(table.top_ids[cut, 0])
    branched = TokenSequence(prompt=sequence.prompt, completion=(*sequence.completion[:cut], token))
    request = Sample(sequence=branched, cut=cut, params=sampling(cut + 1, top_k=8), seed=0, index=0, leave=True)
    counts = draws(backend, request, n, 0)
    expected = np.zeros(len(counts))
    expected[table.top_ids[cut, 1:]] = table.top_p[cut, 1:] / table.top_p[cut, 1:].sum()
    assert counts[token] == 0
    assert chi_square_p(counts, n * expected) > FALSE_ALARM
    assert chi_square_p(counts, np.full(len(counts), n / 7) * (expected > 0)) < FALSE_ALARM


def test_a_sure_token_cannot_be_left():
    backend = backend_of("llama")
    params = sampling(40, temperature=0.0)
    greedy = ask_one(backend, Sample(sequence=sequence_of(6, 0), cut=0, params=params, seed=0, index=0))
    sequence = TokenSequence(prompt=sequence_of(6, 0).prompt, completion=greedy.ids)
    with pytest.raises(InvalidInput, match="sure token"):
        ask_one(backend, Sample(sequence=sequence, cut=3, params=params, seed=0, index=0, leave=True))


def test_branch_is_the_first_id_and_counts_towards_the_limit():
    backend, sequence = backend_of("llama"), sequence_of(6, 20, seed=8)
    for limit, expected in ((11, 1), (14, 4), (10, 0)):
        rollout = ask_one(backend, Sample(sequence=sequence, cut=10, params=sampling(limit), seed=0, index=0, branch=77))
        assert len(rollout.ids) == expected and rollout.stop is StopReason.LENGTH and set(rollout.ids[:1]) <= {77}
    stopped = ask_one(backend, Sample(sequence=sequence, cut=10, params=sampling(40, stop=(77,)), seed=0, index=0, branch=77))
    assert stopped == Rollout(ids=(77,), stop=StopReason.STOP)


def test_a_completion_that_stopped_stays_stopped():
    sequence = TokenSequence(prompt=(5, 6), completion=(7, 1))
    request = Sample(sequence=sequence, cut=2, params=sampling(40, stop=(1,)), seed=0, index=0)
    assert ask_one(backend_of("llama"), request) == Rollout(ids=(), stop=StopReason.STOP)


def test_next_token_table_equals_the_reference():
    backend, sequence = backend_of("qwen2"), sequence_of(8, 30, seed=9)
    params = sampling(60, temperature=0.8, top_k=12, top_p=0.9)
    cuts = (29, 0, 7, 7)
    table = ask_one(backend, NextToken(sequence=sequence, cuts=cuts, params=params, top=5))
    assert isinstance(table, NextTokenTable)
    logits = stock_logits(backend.model, np.array(sequence.prefix(30))).double().numpy()
    for i, cut in enumerate(cuts):
        row = logits[8 + cut - 1]
        q, token = sampling_distribution(row, params), sequence.completion[cut]
        order = np.argsort(-q, kind="stable")[:5]
        assert table.support[i] == (q > 0).sum() and table.p[i] == pytest.approx(q[token], abs=1e-5)
        assert table.logprob[i] == pytest.approx(row[token] - np.logaddexp.reduce(row), abs=1e-4)
        np.testing.assert_allclose(table.top_p[i], q[order], atol=1e-5)
        assert table.top_ids[i].tolist() == [int(t) if q[t] > 0 else -1 for t in order]


def nbytes(stored) -> int:
    """Bytes of keys and values held."""
    return sum(tensor.numel() * tensor.element_size() for tensor in (*stored.keys, *stored.values))


def test_base_keys_are_stored_once():
    """32 rows of one base: the base's bytes do not change, and the rows hold their own tokens only."""
    backend = backend_of("llama", 32)
    model, sequence = backend.model, sequence_of(20, 200, seed=10)
    store, rows = PrefixStore(model), Rows(32)
    prefix = store.get(sequence.prefix(200))
    per_token = 2 * 3 * 2 * 16 * 4  # keys and values, layers, kv heads, dim, bytes
    assert 220 * per_token <= nbytes(prefix.kv) <= (220 + 64) * per_token
    before, pointer = nbytes(prefix.kv), prefix.kv.keys[0].data_ptr()
    requests = [Sample(sequence=sequence, cut=199, params=sampling(199 + 20), seed=0, index=i) for i in range(32)]
    engine = Engine(model, store, rows)
    assert len(list(engine.run(iter(keyed(backend, requests)), lambda _: pytest.fail("no tables"), whole=True))) == 32
    assert nbytes(prefix.kv) == before and prefix.kv.keys[0].data_ptr() == pointer
    assert 32 * 19 * per_token <= sum(map(nbytes, (*rows.own.chunks, *rows.own._spare))) <= 32 * 32 * per_token
    assert store.forwarded == 220 and engine.row_steps == 32 * 19


def test_prefixes_are_kept_and_extended():
    """A chunk of 64 that is not full is computed anew when it grows, or when another sequence shares only a part of it."""
    backend = load_local(str(folder_of("llama")))
    sequence, store = sequence_of(10, 150, seed=11), backend.prefixes
    store.get(sequence.prefix(60))
    assert store.forwarded == 70
    store.get(sequence.prefix(30))
    assert store.forwarded == 70
    longer = store.get(sequence.prefix(100))
    assert store.forwarded == 70 + (110 - 64)
    other = store.get((*sequence.prefix(70), 3, 4, 5))
    assert store.forwarded == 116 + (83 - 64)
    expected = stock_logits(backend.model, np.array((*sequence.prefix(70), 3, 4, 5)))
    got = backend.model.logits(other.states([79, 82]))
    np.testing.assert_allclose(got.numpy(), expected[[79, 82]].numpy(), atol=1e-4)
    assert longer.kv.length == 110


def test_bfloat16_rollouts_run():
    backend = load_local(str(folder_of("qwen3")), dtype="bfloat16")
    rollouts = ask(backend, many_requests(20))
    assert all(rollout.ids for rollout in rollouts)
    assert backend.fingerprint != backend_of("qwen3").fingerprint


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"params": sampling(CONTEXT)}, InvalidInput, "exceed the model's context of 256"),
        ({"sequence": TokenSequence(prompt=(), completion=(3, 4))}, InvalidInput, "empty prompt"),
        ({"sequence": TokenSequence(prompt=(3,), completion=(3, 9999))}, MismatchError, "token id 9999 is outside"),
        ({"branch": -1}, MismatchError, "token id -1 is outside"),
    ],
)
def test_bad_requests_are_refused_before_anything_runs(change: dict[str, Any], error: type[Exception], words: str):
    request = Sample(sequence=TokenSequence(prompt=(3, 5), completion=(3, 4)), cut=1, params=sampling(50), seed=0, index=0)
    with pytest.raises(error, match=words):
        ask_one(backend_of("llama"), replace(request, **change))


def test_sampling_stays_hashable():
    """Requests are grouped by their parameters."""
    assert len({sampling(3), sampling(3), Sampling(temperature=1.0, top_k=0, top_p=1.0, min_p=0.0, max_tokens=4, stop=())}) == 2
