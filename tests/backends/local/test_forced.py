"""Forced reads against one plain forward per cut."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.backends.local.local_models import ask_one, backend_of, folder_of, sequence_of
from tokenworth.backends.local import forced
from tokenworth.backends.local.backend import LocalBackend
from tokenworth.backends.local.forced import token_tree
from tokenworth.backends.local.load import load_local
from tokenworth.backends.local.probe import stock_logits
from tokenworth.core.request.read import Read, ReadTable
from tokenworth.core.tokens import TokenSequence
from tokenworth.errors import InvalidInput

TOLERANCE = 1e-5


def naive(backend: LocalBackend, request: Read) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Option log-probabilities, most likely token and its log-probability: a whole forward for every cut and option."""
    table, best, best_value = [], [], []
    for cut in request.cuts:
        row = []
        for ids in request.continuations:
            whole = np.array([*request.sequence.prefix(cut), *request.suffix, *ids])
            logits = stock_logits(backend.model, whole).double().numpy()
            logp = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
            at = len(whole) - len(ids)
            row.append(sum(logp[at - 1 + i, token] for i, token in enumerate(ids)))
        table.append(row)
        best.append(int(logp[at - 1].argmax()))
        best_value.append(float(logp[at - 1].max()))
    return np.array(table), np.array(best), np.array(best_value)


@pytest.mark.parametrize("architecture", ["llama", "llama-mha", "qwen3", "gemma", "granite", "gpt2"])
@pytest.mark.parametrize(
    ("suffix", "continuations"),
    [
        ((40, 41, 42, 43), ((50,), (51,), (52,))),
        ((40,), ((50, 51, 52), (50, 51, 53), (50, 60), (61,), (50,))),
        ((), ((50, 51), (52,))),
    ],
    ids=["single", "shared beginnings", "no suffix"],
)
def test_reads_equal_a_forward_for_every_cut(architecture: str, suffix: tuple[int, ...], continuations: tuple[tuple[int, ...], ...]):
    backend = backend_of(architecture)
    request = Read(sequence=sequence_of(5, 30, seed=12), cuts=(30, 0, 7, 8, 7, 29), suffix=suffix, continuations=continuations)
    got = ask_one(backend, request)
    assert isinstance(got, ReadTable)
    table, best, best_value = naive(backend, request)
    assert np.abs(np.exp(got.logprob) - np.exp(table)).max() <= TOLERANCE
    np.testing.assert_allclose(got.logprob, table, atol=1e-3)
    np.testing.assert_allclose(got.top_logprob, best_value, atol=1e-3)
    assert got.top_id.tolist() == best.tolist()


def test_many_chunks_give_the_same(monkeypatch: pytest.MonkeyPatch):
    """Cuts are worked through in chunks; where the chunks end must not show."""
    backend = backend_of("llama")
    request = Read(sequence=sequence_of(5, 100, seed=13), cuts=tuple(range(101)), suffix=(9, 8, 7), continuations=((6, 5), (4,)))
    whole = ask_one(backend, request)
    monkeypatch.setattr(forced, "_CPU_TOKENS", 16)
    parts = ask_one(backend, request)
    np.testing.assert_allclose(whole.logprob, parts.logprob, atol=1e-4)
    table, _, _ = naive(backend, replace(request, cuts=(0, 3, 50, 100)))
    np.testing.assert_allclose(whole.logprob[[0, 3, 50, 100]], table, atol=1e-3)


def test_tokens_are_counted_as_if_nothing_had_been_read_before():
    backend = load_local(str(folder_of("llama")))
    sequence = sequence_of(10, 40, seed=14)
    request = Read(sequence=sequence, cuts=(0, 20, 40), suffix=(9, 8), continuations=((6, 5), (6, 4), (3,)))
    nodes = 2 + 1
    assert ask_one(backend, request).token_forwards == 50 + 3 * nodes
    assert ask_one(backend, request).token_forwards == 50 + 3 * nodes
    assert ask_one(backend, replace(request, cuts=())).token_forwards == 0
    assert ask_one(backend, replace(request, suffix=(), continuations=((6,), (5,)))).token_forwards == 50


def test_a_read_beyond_the_context_is_refused():
    request = Read(sequence=sequence_of(5, 240), cuts=(0, 240), suffix=(1,) * 8, continuations=((3, 4, 5, 6),))
    with pytest.raises(InvalidInput, match=r"prompt 5 \+ cut 240 \+ suffix 8 \+ option 4 = 257 tokens exceed the model's context of 256"):
        ask_one(backend_of("llama"), request)


@given(st.lists(st.integers(0, 3), max_size=4), st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=4), min_size=1, max_size=6))
@settings(max_examples=100, deadline=None)
def test_token_tree_spells_every_continuation(suffix: list[int], continuations: list[list[int]]):
    tree = token_tree(suffix, continuations)
    ancestors = tree.ancestors
    for ids, path in zip(continuations, tree.paths, strict=True):
        assert [token for _, token in path] == ids
        for i, (node, _) in enumerate(path):
            spelled = [] if node < 0 else tree.tokens[np.flatnonzero(ancestors[node])].tolist()
            assert spelled == suffix + ids[:i]
    interior = {tuple(ids[:i]) for ids in continuations for i in range(1, len(ids))}
    assert len(tree.tokens) == len(suffix) + len(interior)
    assert tree.depths.tolist() == [int(row.sum()) - 1 for row in ancestors]


def test_sequence_of_one_token_prompt():
    request = Read(sequence=TokenSequence(prompt=(4,), completion=()), cuts=(0,), suffix=(5,), continuations=((6,),))
    table, _, _ = naive(backend_of("llama"), request)
    np.testing.assert_allclose(ask_one(backend_of("llama"), request).logprob, table, atol=1e-4)
