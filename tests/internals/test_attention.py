"""Masses and hidden spans against transformers' own eager attention, and a head whose place is planted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.backends.local.architectures import ARCHITECTURES

from tests.backends.local.local_models import ask_one, backend_of, sequence_of  # isort: skip  (skips without torch)
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from tokenworth.backends.local.backend import LocalBackend
from tokenworth.backends.local.rule import Rule
from tokenworth.core.request.masses import Masses, MassTable
from tokenworth.core.request.suppress import FAR, Suppress, SuppressTable
from tokenworth.core.tokens import TokenSequence
from tokenworth.errors import InvalidInput
from tokenworth.internals.attention import MassStep, places_of
from tokenworth.internals.layers import layers_of
from tokenworth.store.codec import decode_response, encode_response

SEQUENCE = sequence_of(9, 75, seed=4)
BOUNDS = (2, 10, 11, 40, 70)
N_PROMPT = len(SEQUENCE.prompt)


def eager(backend: LocalBackend, ids: tuple[int, ...], mask: Any = None) -> Any:
    """What the stock model gives with its own attention: logits, and the weights of every layer."""
    with torch.inference_mode(), backend.model.stock_attention() as stock:
        return stock(input_ids=torch.tensor([ids]), attention_mask=mask, use_cache=False, output_attentions=True)


def by_segment(weights: np.ndarray) -> np.ndarray:
    """``[heads, segments, parts]`` of weights ``[heads, T, T]``, from the whole matrix."""
    n, starts = len(BOUNDS) - 1, [N_PROMPT + one for one in BOUNDS]
    parts = [slice(0, 1), slice(1, starts[0]), *(slice(a, b) for a, b in zip(starts, starts[1:], strict=False))]
    rows = [[weights[:, starts[i] : starts[i + 1], part].sum(axis=2).mean(axis=1) for part in parts] for i in range(n)]
    return np.asarray(rows).transpose(2, 0, 1)


@pytest.mark.parametrize("architecture", ["llama", "qwen3", "gemma2", "mistral"])
def test_masses_are_those_of_eager_attention(architecture: str) -> None:
    assert architecture in ARCHITECTURES
    backend = backend_of(architecture)
    table = ask_one(backend, Masses(sequence=SEQUENCE, bounds=BOUNDS))
    assert isinstance(table, MassTable)
    out = eager(backend, SEQUENCE.prefix(BOUNDS[-1]))
    expected = np.stack([by_segment(one[0].float().numpy()) for one in out.attentions])
    assert table.cube.shape == expected.shape and np.abs(table.cube - expected).max() <= 1e-6
    assert np.abs(table.mass.sum(axis=1) - 1).max() <= 1e-5
    some = ask_one(backend, Masses(sequence=SEQUENCE, bounds=BOUNDS, layers=(2,)))
    assert isinstance(some, MassTable) and np.array_equal(some.cube[0], table.cube[1])
    assert np.array_equal(decode_response("k", encode_response(table)).mass, table.mass)  # type: ignore[attr-defined]


def test_the_effect_of_a_span_is_the_exact_divergence() -> None:
    backend = backend_of("llama")
    spans = ((2, 10), (20, 25), (40, 70))
    table = ask_one(backend, Suppress(sequence=SEQUENCE, bounds=BOUNDS, spans=spans))
    assert isinstance(table, SuppressTable)
    ids = SEQUENCE.prefix(BOUNDS[-1])
    base = torch.log_softmax(eager(backend, ids).logits[0].double(), -1)
    for row, (first, end) in enumerate(spans):
        mask = torch.full((len(ids), len(ids)), torch.finfo(torch.float32).min).triu(1)
        mask[N_PROMPT + end :, N_PROMPT + first : N_PROMPT + end] = torch.finfo(torch.float32).min
        hidden = torch.log_softmax(eager(backend, ids, mask[None, None]).logits[0].double(), -1)
        kl = (base.exp() * (base - hidden)).sum(-1).numpy()[N_PROMPT:]
        for k, (a, b) in enumerate(zip(BOUNDS, BOUNDS[1:], strict=False)):
            if a >= end:
                assert table.mean[row, k] == pytest.approx(kl[a:b].mean(), rel=1e-3, abs=1e-6)
                assert abs(table.far[row, k] - (kl[a:b] > FAR).mean()) <= 1 / (b - a) + 1e-6
            else:
                assert np.isnan(table.mean[row, k]) and np.isnan(table.far[row, k])


def test_what_is_no_segment_is_refused() -> None:
    for bad in ((0,), (5, 5), (0, 99), (7, 3)):
        with pytest.raises(InvalidInput, match="expected two or more rising cuts from 0 to 75"):
            Masses(sequence=SEQUENCE, bounds=bad)
    with pytest.raises(InvalidInput, match="its first token is the sink"):
        Masses(sequence=TokenSequence(prompt=(), completion=(1, 2)), bounds=(0, 2))
    with pytest.raises(InvalidInput, match="layer 0 is the embedding, which attends to nothing"):
        Masses(sequence=SEQUENCE, bounds=BOUNDS, layers=(0,))
    with pytest.raises(InvalidInput, match="hidden span 60 to 71: expected trace tokens from 0 to the last bound, 70"):
        Suppress(sequence=SEQUENCE, bounds=BOUNDS, spans=((60, 71),))


class Largest(TorchDispatchMode):
    """The most numbers that one tensor holds that is made inside."""

    most = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for one in out if isinstance(out, tuple | list) else (out,):
            if isinstance(one, torch.Tensor):
                self.most = max(self.most, one.numel())
        return out


def test_no_square_of_the_tokens_is_ever_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """4 heads over 256 tokens: what is held is a few queries' share, and eager attention (the twin) holds the whole."""
    monkeypatch.setattr("tokenworth.internals.attention._QUERIES", 8)
    backend, whole = backend_of("llama-mha"), sequence_of(9, 240, seed=5)
    layers_of(backend.model)
    with Largest() as ours:
        ask_one(backend, Masses(sequence=whole, bounds=(0, 120, 240)))
    with Largest() as theirs:
        eager(backend, whole.prefix(240))
    assert ours.most < 249**2 < 4 * 249**2 <= theirs.most


def test_a_head_that_looks_at_the_token_before_is_seen_to() -> None:
    """Masses of a planted pattern: the step is given queries and keys of which each query fits the key before it, and no other."""
    n, n_prompt, bounds = 40, 4, (0, 6, 12, 18, 24, 30, 36)
    part, segment = places_of(n_prompt, bounds, n)
    step = MassStep(n, part, segment, len(bounds) - 1, frozenset({1}))
    key = torch.nn.functional.one_hot(torch.arange(n), n).float()[None, None]
    query = torch.roll(key, 1, dims=2) * 200.0
    step.base.put(0, key, key, 0)
    step.attend(0, query, Rule(1.0))
    mass = step.found[0][0]
    expected = torch.zeros(6, 8)
    for i in range(6):
        expected[i, i + 2], expected[i, i + 1] = 5 / 6, 1 / 6
    assert torch.allclose(mass, expected, atol=1e-5)
